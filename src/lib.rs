//! vaultscope: deploys, simulates and watches upload pipelines of an AWS Storage Gateway, offline or on AWS.
//!
//! - [`clock`]: the only reader of time; [`model`]: the nouns.
//! - [`emulator`]: the embedded endpoint; [`sim`]: the simulated File Gateway; [`functions`]: the stack's Lambda functions.
//! - [`aws`]: targets and clients; [`deploy`]: the stack; [`observe`]: what is seen to happen, as one stream.
//! - [`vault`]: test data and vaulting of real folders; [`tui`]: the dashboard.
//! - [`cli`]: the commands, and the only place that wires the parts together.
//!
//! ARCHITECTURE.md has the layout, the way of a notification, and who may use whom.

pub mod aws;
pub mod cli;
pub mod clock;
pub mod deploy;
pub mod emulator;
pub mod functions;
pub mod model;
pub mod observe;
pub mod s3tar;
pub mod sim;
pub mod tui;
pub mod vault;
