//! What a Task state calls: its resource, and the services of the endpoint that answer for it; what a task then waits
//! for that is not done with an answer.

mod generic;
mod lambda;
mod metadata;
mod sync;

use std::str::FromStr;
use std::sync::Arc;

use serde_json::Value;

use super::history::Failure;
use crate::emulator::Fabric;
use crate::model::{Arn, ArnError};

/// The principal that Step Functions calls other services as.
pub(super) const PRINCIPAL: &str = "states.amazonaws.com";
/// The target of the rule that tells when tasks of ECS stop.
pub(super) use sync::ECS_WATCH;
pub(super) use sync::wait;

/// The resource of a Task state.
#[derive(Debug, Clone)]
pub enum Resource {
    /// A function by its ARN.
    Function(Arc<str>),
    /// A service integration.
    Service(Service),
    /// An activity by its ARN.
    Activity(Arc<str>),
}

/// A service integration: `arn:aws:states:::SERVICE:ACTION[.PATTERN]`.
#[derive(Debug, Clone)]
pub struct Service {
    /// `lambda`, `aws-sdk:dynamodb`, …
    pub kind: Arc<str>,
    /// The action with its pattern, as histories name it: `invoke`, `startExecution.sync`.
    pub resource: Arc<str>,
    /// The action.
    pub action: String,
    /// `.sync`, `.sync:2` or `.waitForTaskToken`.
    pub pattern: Option<&'static str>,
}

impl FromStr for Resource {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, ArnError> {
        let arn: Arn = text.parse()?;
        let bad = || ArnError(text.to_owned());
        match arn.service.as_str() {
            "lambda" if arn.resource.starts_with("function:") => Ok(Self::Function(Arc::from(text))),
            "states" if arn.resource.starts_with("activity:") => Ok(Self::Activity(Arc::from(text))),
            "states" => {
                let at = if let Some(sdk) = arn.resource.strip_prefix("aws-sdk:") {
                    "aws-sdk:".len() + sdk.find(':').ok_or_else(bad)?
                } else {
                    arn.resource.find(':').ok_or_else(bad)?
                };
                let (kind, resource) = (&arn.resource[..at], &arn.resource[at + 1..]);
                let patterns = [".waitForTaskToken", ".sync:2", ".sync"];
                let pattern = patterns.into_iter().find(|pattern| resource.ends_with(pattern));
                let action = pattern.and_then(|pattern| resource.strip_suffix(pattern)).unwrap_or(resource);
                if kind.is_empty() || action.is_empty() {
                    return Err(bad());
                }
                Ok(Self::Service(Service {
                    kind: Arc::from(kind),
                    resource: Arc::from(resource),
                    action: action.to_owned(),
                    pattern,
                }))
            }
            _ => Err(bad()),
        }
    }
}

impl Resource {
    /// The integration pattern, when the task has to wait for more than an answer.
    #[must_use]
    pub fn pattern(&self) -> Option<&'static str> {
        match self {
            Self::Service(service) => service.pattern,
            _ => None,
        }
    }

    /// Whether the integration can have its action and pattern, as far as that is known.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        match self {
            Self::Service(service) => generic::is_possible(service),
            _ => true,
        }
    }

    /// Adds to the arguments what Step Functions itself says in a call.
    pub fn complete(&self, arguments: &mut Value) {
        if let Self::Service(service) = self
            && &*service.kind == "ecs"
            && service.pattern == Some(".sync")
            && let Some(members) = arguments.as_object_mut()
        {
            members.entry("StartedBy").or_insert_with(|| "AWS Step Functions".into());
        }
    }

    /// What an error about the size of a result calls it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Function(arn) | Self::Activity(arn) => arn,
            Self::Service(service) => &service.kind,
        }
    }
}

/// Who calls.
#[derive(Debug, Clone)]
pub struct Caller<'a> {
    /// The execution's ARN.
    pub execution: &'a str,
    /// The machine's ARN.
    pub machine: &'a str,
}

/// Why a call did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallError {
    /// The task failed.
    Failed(Failure),
    /// The endpoint lacks what is called, as the text says.
    Lacking(String),
}

impl CallError {
    fn lacking(what: impl std::fmt::Display) -> Self {
        Self::Lacking(format!("The embedded endpoint does not implement {what}."))
    }
}

impl Resource {
    /// Calls the resource and returns what the task yields.
    ///
    /// # Errors
    /// Why it did not succeed.
    pub async fn call(&self, fabric: &Fabric, caller: &Caller<'_>, arguments: Value) -> Result<Value, CallError> {
        match self {
            Self::Function(arn) => lambda::by_arn(fabric, arn, &arguments).await,
            Self::Activity(arn) => Err(CallError::lacking(format_args!("calls of activities, such as {arn}"))),
            Self::Service(service) => match (&*service.kind, service.action.as_str()) {
                ("lambda", "invoke") => lambda::invoke(fabric, arguments).await,
                _ => generic::call(fabric, caller, service, arguments).await,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_read_from_its_arn() {
        let service = |text: &str| match text.parse::<Resource>() {
            Ok(Resource::Service(service)) => (service.kind.to_string(), service.action, service.pattern),
            other => panic!("{text} is no service integration: {other:?}"),
        };
        assert_eq!(service("arn:aws:states:::lambda:invoke"), ("lambda".into(), "invoke".into(), None));
        assert_eq!(service("arn:aws:states:::ecs:runTask.sync"), ("ecs".into(), "runTask".into(), Some(".sync")));
        assert_eq!(
            service("arn:aws:states:::aws-sdk:dynamodb:putItem.waitForTaskToken"),
            ("aws-sdk:dynamodb".into(), "putItem".into(), Some(".waitForTaskToken"))
        );
        assert!(matches!("arn:aws:lambda:us-east-1:1:function:f".parse(), Ok(Resource::Function(_))));
        for bad in ["", "lambda", "arn:aws:s3:::bucket", "arn:aws:states:::lambda", "arn:aws:states:::aws-sdk:s3"] {
            assert!(bad.parse::<Resource>().is_err(), "{bad}");
        }
    }
}
