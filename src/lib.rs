//! vaultscope: deploys, simulates and watches upload pipelines of an AWS Storage Gateway, offline or on AWS.
//!
//! - [`clock`]: the only reader of time; [`model`]: the nouns.
//! - [`emulator`]: the embedded endpoint; [`sim`]: the simulated File Gateway; [`functions`]: the stack's Lambda functions.
//! - [`tui`]: the dashboard.
//!
//! ARCHITECTURE.md has the layout, the way of a notification, and who may use whom.

pub mod clock;
pub mod emulator;
pub mod functions;
pub mod model;
pub mod sim;
pub mod tui;
