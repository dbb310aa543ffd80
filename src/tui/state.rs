//! Everything that the dashboard knows. Changed by `update` only.

use serde::{Deserialize, Serialize};

use super::{JobRequest, TargetInfo};

/// A stack that can be deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StackOffer {
    /// What [`Effect::Deploy`](super::Effect::Deploy) names it by: `event-processing`.
    pub id: String,
    /// The name of the stack that is made: `EventProcessingStack`.
    pub stack: String,
    /// One line: what it is for.
    pub purpose: String,
    /// Resources in its template.
    pub resources: usize,
}

/// What the dashboard is opened with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Setup {
    /// The target as far as it is known.
    pub target: TargetInfo,
    /// The stacks that can be deployed; the first one is offered on the Flow page.
    pub stacks: Vec<StackOffer>,
    /// What the job form shows at first.
    pub job: JobRequest,
}

/// Everything that the dashboard knows.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    setup: Setup,
}

impl State {
    /// The state before anything happened.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        Self { setup }
    }
}
