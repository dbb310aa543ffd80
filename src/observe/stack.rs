//! The stack's own status, for changes that others make to it.

use super::drive::{Halt, Out, Progress, Tailer};
use crate::aws::{Clients, Problem};
use crate::model::{Seen, Source, StackSeen};

/// The tailer of one stack.
pub struct StackStatus {
    clients: Clients,
    name: String,
    last: Option<StackSeen>,
}

impl StackStatus {
    /// A tailer of a stack, by name.
    pub fn new(clients: Clients, name: String) -> Self {
        Self { clients, name, last: None }
    }

    async fn read(&self) -> Result<StackSeen, Problem> {
        let gone = StackSeen::gone(&self.name);
        match self.clients.cloudformation.describe_stacks().stack_name(&self.name).send().await {
            Ok(answer) => {
                Ok(answer.stacks.and_then(|stacks| stacks.into_iter().next()).map_or(gone, |stack| StackSeen {
                    name: self.name.clone(),
                    status: stack.stack_status.map(|status| status.as_str().to_owned()),
                    reason: stack.stack_status_reason,
                    outputs: stack
                        .outputs
                        .unwrap_or_default()
                        .into_iter()
                        .filter_map(|output| Some((output.output_key?, output.output_value?)))
                        .collect(),
                    parameters: stack
                        .parameters
                        .unwrap_or_default()
                        .into_iter()
                        .filter_map(|one| Some((one.parameter_key?, one.parameter_value.unwrap_or_default())))
                        .collect(),
                }))
            }
            Err(error) => match Problem::of("cloudformation DescribeStacks", &error) {
                problem if problem.message.as_deref().is_some_and(|text| text.contains("does not exist")) => Ok(gone),
                problem => Err(problem),
            },
        }
    }
}

impl Tailer for StackStatus {
    fn source(&self) -> Source {
        Source::Stack
    }

    async fn look(&mut self, out: &Out) -> Result<Progress, Halt> {
        let seen = self.read().await?;
        if self.last.as_ref() == Some(&seen) {
            return Ok(Progress::Quiet);
        }
        out.tell_now(Seen::Stack(seen.clone())).await?;
        self.last = Some(seen);
        Ok(Progress::Changed)
    }
}
