//! vaultscope: deploys, simulates and watches upload pipelines of an AWS Storage Gateway, offline or on AWS.
//!
//! - [`clock`]: the only reader of time; [`model`]: the nouns.
//! - [`emulator`]: the embedded endpoint.
//! - [`tui`]: the dashboard.
//!
//! ARCHITECTURE.md has the layout, the way of a notification, and who may use whom.

pub mod clock;
pub mod emulator;
pub mod model;
pub mod tui;
