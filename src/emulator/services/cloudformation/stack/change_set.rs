//! A change set of a stack: what it would make of the stack, and whether it can be executed.

use super::{OnFailure, Submission};
use crate::emulator::services::cloudformation::changes::ResourceChange;
use crate::model::Timestamp;

/// A change set.
#[derive(Debug, Clone)]
pub struct ChangeSet {
    /// Its ARN.
    pub id: String,
    /// Unique in its stack.
    pub name: String,
    /// For a reader.
    pub description: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// Why it cannot be executed; `None` when it can.
    pub failure: Option<String>,
    /// `AVAILABLE`, `UNAVAILABLE`, `EXECUTE_IN_PROGRESS`, `EXECUTE_COMPLETE`, `OBSOLETE`.
    pub execution_status: &'static str,
    /// What it would make of the stack.
    pub submission: Submission,
    /// What it would change.
    pub changes: Vec<ResourceChange>,
    /// As given.
    pub on_failure: OnFailure,
    /// `IncludeNestedStacks`.
    pub nested: bool,
    /// `ImportExistingResources`.
    pub imports: Option<bool>,
}
