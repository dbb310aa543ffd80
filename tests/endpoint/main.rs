//! The endpoint through the real AWS SDK for Rust: one module a service.

mod support;

mod events;
mod logs;
mod sqs;
