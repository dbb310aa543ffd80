//! What is wrong with a definition, as `CreateStateMachine` and `ValidateStateMachineDefinition` say it.

use serde::Serialize;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// The definition cannot be used.
    Error,
}

/// Something wrong with a definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// `SCHEMA_VALIDATION_FAILED`, `MISSING_TRANSITION_TARGET`, …
    pub code: &'static str,
    /// What it is.
    pub message: String,
    /// Where it is, such as `/States/Wait/Seconds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
}

impl Problem {
    /// A part of the definition that is not of the language.
    pub fn schema(message: impl Into<String>, location: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code: "SCHEMA_VALIDATION_FAILED",
            message: message.into(),
            location: Some(location.into()),
        }
    }

    /// A way that leads nowhere, or a state that nothing leads to.
    pub fn transition(message: impl Into<String>, location: impl Into<String>) -> Self {
        Self { code: "MISSING_TRANSITION_TARGET", ..Self::schema(message, location) }
    }
}

/// The problems in one line, as the error of `CreateStateMachine` has them.
#[must_use]
pub fn in_one_line(problems: &[Problem]) -> String {
    let each = problems.iter().map(|problem| match &problem.location {
        Some(location) => format!("{}: {} at {location}", problem.code, problem.message),
        None => format!("{}: {}", problem.code, problem.message),
    });
    each.collect::<Vec<_>>().join(", ")
}
