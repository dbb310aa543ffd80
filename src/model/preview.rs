//! What a change set will do to a stack, as it is shown before it is executed.

use serde::{Deserialize, Serialize};

/// A resource's part in a change set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeRow {
    /// `Add`, `Modify`, `Remove`, …
    pub action: String,
    /// Its name in the template.
    pub logical_id: String,
    /// `AWS::S3::Bucket`, …
    pub resource_type: String,
    /// `True`, `False` or `Conditional`, for changes of what is there.
    pub replacement: Option<String>,
}

/// A change set that waits to be executed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangePreview {
    /// The stack's name.
    pub stack: String,
    /// Whether the stack does not exist yet.
    pub is_new: bool,
    /// What it will do, as CloudFormation lists it.
    pub changes: Vec<ChangeRow>,
}
