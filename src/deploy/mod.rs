//! Stacks through CloudFormation: plan what to ask for (pure), package the functions, apply a change set, follow events
//! to the end, find resources, destroy. Everything seen on the way goes into one channel of flow events.
//!
//! Works against AWS and any endpoint alike; knows nothing of the emulator, the terminal or datasets.

mod apply;
mod destroy;
mod error;
mod events;
mod package;
mod plan;
mod resources;
mod stack;

pub use apply::{Change, ChangeSet, Prepared, deploy, execute, prepare};
pub use destroy::{Destroyed, destroy};
pub use error::{DeployError, Left};
pub use package::{Artefact, Location};
pub use plan::{ChangeSetKind, ChangeSetRequest, NextStep, Parameters, Plan, STACK_NAME, TEMPLATE, resource_count};
pub use resources::{Resource, Resources};
pub use stack::{Stack, describe};

use crate::model::FlowEvent;

/// Where the events of a deployment go; a reader that has gone away stops nothing.
pub type Sink = tokio::sync::mpsc::Sender<FlowEvent>;
