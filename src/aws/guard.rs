//! Keeps what is read-only from being changed: an interceptor that refuses every operation that is not known to read,
//! before anything is sent.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeSerializationInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// How operations that change nothing begin.
const READING: [&str; 9] =
    ["BatchGet", "Describe", "Filter", "Get", "Head", "List", "Query", "StartLiveTail", "ValidateTemplate"];

/// A call that was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation} would change something, and AWS is read-only here: add --write")]
pub struct ReadOnly {
    /// The operation.
    pub operation: String,
}

/// Refuses operations that are not known to read.
#[derive(Debug, Clone, Copy)]
pub struct ReadOnlyGuard;

/// Whether an operation is known to change nothing.
pub(super) fn reads(operation: &str) -> bool {
    READING.iter().any(|start| operation.starts_with(start))
}

impl Intercept for ReadOnlyGuard {
    fn name(&self) -> &'static str {
        "ReadOnlyGuard"
    }

    // The earliest hook that knows the operation's name.
    fn read_before_serialization(
        &self,
        _context: &BeforeSerializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        match config.load::<Metadata>().map(Metadata::name) {
            Some(operation) if reads(operation) => Ok(()),
            operation => Err(ReadOnly { operation: operation.unwrap_or("an unnamed operation").to_owned() }.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_reads_is_let_through() {
        for operation in [
            "GetObject",
            "ListStacks",
            "DescribeStackEvents",
            "HeadBucket",
            "FilterLogEvents",
            "Query",
            "StartLiveTail",
            "GetCallerIdentity",
            "ValidateTemplate",
        ] {
            assert!(reads(operation), "{operation}");
        }
        for operation in [
            "CreateChangeSet",
            "ExecuteChangeSet",
            "DeleteStack",
            "PutObject",
            "PutEvents",
            "SendMessageBatch",
            "ReceiveMessage",
            "StartExecution",
            "DeleteObjects",
            "Scan",
            "UpdateItem",
        ] {
            assert!(!reads(operation), "{operation}");
        }
    }
}
