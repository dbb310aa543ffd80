//! A stack as CloudFormation describes it.

use aws_sdk_cloudformation::types;

use super::Sink;
use crate::aws::{Clients, Problem};
use crate::model::{FlowEvent, Seen, StackSeen, Timestamp};

/// A stack as CloudFormation describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// Its ARN, which outlives it.
    pub id: String,
    /// Name, status, outputs, parameters.
    pub seen: StackSeen,
    /// Its status.
    pub status: String,
    /// When it was last changed, by CloudFormation's clock.
    pub changed: Timestamp,
    /// Whether it carries our tag.
    pub is_tagged: bool,
    /// Whether it may not be deleted.
    pub is_protected: bool,
}

/// The tag by which a stack is known as made by us.
pub(super) const OWN_TAG: (&str, &str) = ("vaultscope", "stack");

impl Stack {
    /// The value of an output.
    #[must_use]
    pub fn output(&self, key: &str) -> Option<&str> {
        self.seen.outputs.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter.
    #[must_use]
    pub fn parameter(&self, key: &str) -> Option<&str> {
        self.seen.parameters.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Tells the sink of its status.
    pub(super) async fn tell(&self, out: &Sink) {
        // A reader that has gone away stops nothing.
        let _ = out.send(FlowEvent { at: self.changed, what: Seen::Stack(self.seen.clone()) }).await;
    }
}

/// Every stack that is there.
///
/// # Errors
/// When a call fails.
pub async fn all(clients: &Clients) -> Result<Vec<Stack>, Problem> {
    let mut stacks = Vec::new();
    let mut token = None;
    loop {
        let answer = clients
            .cloudformation
            .describe_stacks()
            .set_next_token(token)
            .send()
            .await
            .map_err(|error| Problem::of("cloudformation DescribeStacks", &error))?;
        stacks.extend(answer.stacks.unwrap_or_default().into_iter().map(Stack::from));
        token = answer.next_token;
        if token.is_none() {
            // Some endpoints list what was deleted too.
            stacks.retain(|stack| stack.status != "DELETE_COMPLETE");
            return Ok(stacks);
        }
    }
}

/// The stack of that name or ARN; `None` when there is none.
///
/// # Errors
/// When the call fails.
pub async fn describe(clients: &Clients, stack: &str) -> Result<Option<Stack>, Problem> {
    match clients.cloudformation.describe_stacks().stack_name(stack).send().await {
        Ok(answer) => Ok(answer.stacks.and_then(|stacks| stacks.into_iter().next()).map(Stack::from)),
        Err(error) => match Problem::of("cloudformation DescribeStacks", &error) {
            problem if does_not_exist(&problem) => Ok(None),
            problem => Err(problem),
        },
    }
}

/// CloudFormation answers an unknown stack with a validation error and a sentence.
pub(super) fn does_not_exist(problem: &Problem) -> bool {
    problem.is(&["ValidationError"]) && problem.message.as_deref().is_some_and(|text| text.contains("does not exist"))
}

impl From<types::Stack> for Stack {
    fn from(stack: types::Stack) -> Self {
        let status = stack.stack_status.map(|status| status.as_str().to_owned()).unwrap_or_default();
        let name = stack.stack_name.unwrap_or_default();
        let outputs = stack.outputs.unwrap_or_default();
        let parameters = stack.parameters.unwrap_or_default().into_iter();
        let parameters =
            parameters.filter_map(|one| Some((one.parameter_key?, one.parameter_value.unwrap_or_default())));
        let parameters = parameters.collect();
        let (own_key, own_value) = OWN_TAG;
        let tags = stack.tags.unwrap_or_default();
        let is_tagged = tags.iter().any(|tag| tag.key() == Some(own_key) && tag.value() == Some(own_value));
        let changed = [stack.creation_time, stack.last_updated_time, stack.deletion_time]
            .into_iter()
            .flatten()
            .map(moment)
            .max()
            .unwrap_or_default();
        Self {
            id: stack.stack_id.unwrap_or_else(|| name.clone()),
            seen: StackSeen {
                name,
                status: Some(status.clone()),
                reason: stack.stack_status_reason.filter(|reason| !reason.is_empty()),
                outputs: outputs
                    .into_iter()
                    .filter_map(|output| Some((output.output_key?, output.output_value?)))
                    .collect(),
                parameters,
            },
            status,
            changed,
            is_tagged,
            is_protected: stack.enable_termination_protection.unwrap_or(false),
        }
    }
}

/// A moment of a service.
pub(super) fn moment(at: aws_smithy_types::DateTime) -> Timestamp {
    Timestamp::from_micros(i64::try_from(at.as_nanos() / 1_000).unwrap_or(i64::MAX))
}
