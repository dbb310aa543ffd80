//! Expressions of state machines: paths, intrinsic functions and payload templates. Pure: nothing here waits or calls.

pub mod expression;
pub mod formula;
pub mod intrinsic;
pub mod path;
pub mod scope;
pub mod template;

pub use expression::Expression;
pub use scope::{LazyContext, Scope, Variables};
pub use template::Template;

/// Why an expression yields nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// A path leads nowhere.
    #[error("The JSONPath '{path}' could not be found in the input '{input}'")]
    Missing {
        /// The path as it was written.
        path: String,
        /// What it was applied to, as JSON text.
        input: String,
    },
    /// A path in a field of a template leads nowhere.
    #[error("The JSONPath '{path}' specified for the field '{field}' could not be found in the input '{input}'")]
    MissingField {
        /// The path as it was written.
        path: String,
        /// The field's name, with its `.$`.
        field: String,
        /// What it was applied to, as JSON text.
        input: String,
    },
    /// An intrinsic function cannot work on its arguments.
    #[error("The function '{call}' had the following error: {problem}")]
    Intrinsic {
        /// The call as it was written.
        call: String,
        /// What is wrong.
        problem: String,
    },
    /// A JSONata expression yields nothing that can be used.
    #[error("The JSONata expression '{expression}' specified for the field '{field}' {problem}")]
    Formula {
        /// The expression.
        expression: String,
        /// Where it stands.
        field: String,
        /// What is wrong.
        problem: String,
    },
}
