//! vaultscope: deploys, simulates and watches upload pipelines of an AWS Storage Gateway, offline or on AWS.
//!
//! - [`clock`]: the only reader of time; [`model`]: the nouns.
//! - [`emulator`]: the embedded endpoint.
//! - [`functions`]: the Lambda functions of the stack.
//!
//! ARCHITECTURE.md has the layout, the way of a notification, and who may use whom.

pub mod clock;
pub mod emulator;
pub mod functions;
pub mod model;
