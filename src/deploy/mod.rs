//! Stacks through CloudFormation: what can be deployed, plan what to ask for (pure), package the functions, apply a
//! change set, follow events to the end, find resources, destroy. Everything seen on the way goes into one channel of
//! flow events.
//!
//! Works against AWS and any endpoint alike; knows nothing of the emulator, the terminal or datasets.

mod app_config;
mod apply;
mod catalogue;
mod change_set;
mod choices;
mod destroy;
mod difference;
mod error;
mod events;
mod executable;
mod ownership;
mod package;
mod plan;
mod resources;
mod stack;
mod store;
mod template;
mod yaml;

pub use app_config::{AppConfig, AppConfigError};
pub use apply::{Prepared, deploy, discard, execute, prepare};
pub use catalogue::{BOOTSTRAP, CATALOGUE, DATA_VAULTING, EVENT_PROCESSING, Offer, S3TAR, S3TAR_LISTENER, STACK_NAME};
pub use change_set::{Change, ChangeSet};
pub use choices::{ARCHITECTURE, ChoiceError, Context, Source, choosable, settle};
pub use destroy::{Destroyed, Foreign, check as check_deletion, destroy};
pub use difference::{Difference, difference};
pub use error::{DeployError, Left};
pub use events::past_events;
pub use executable::{Architecture, Executable, Host};
pub use package::{Artefact, Bootstrap, Location};
pub use plan::{CODE_BUCKET, CODE_KEY, ChangeSetKind, ChangeSetRequest, NextStep, Plan};
pub use resources::{Resource, Resources};
pub use stack::{Stack, all, describe};
pub use store::Store;
pub use template::{Size, Template};

use crate::model::FlowEvent;

/// Where the events of a deployment go; a reader that has gone away stops nothing.
pub type Sink = tokio::sync::mpsc::Sender<FlowEvent>;
