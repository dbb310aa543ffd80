//! The whole flow with the real binary on every server that we say it works on: the embedded endpoint, alone and in
//! process, ministack, and LocalStack where `VAULTSCOPE_LOCALSTACK_URL` names one. What a server lacks stands in one
//! table, and the flow is held to it both ways.

mod archiving;
mod attach;
mod flow;
mod ministack;
mod original;
mod servers;
#[path = "../cli/support.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod support;
