//! CloudFormation through the SDK, against the endpoint's own services.

mod change_sets;
mod listing;
mod resources;
mod stacks;

use std::time::Duration;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudformation::types::{Capability, Parameter, Stack, StackEvent};
use vaultscope::emulator::Emulator;

use crate::support::start;

const QUEUES: &str = "
Parameters:
  Seconds: {Type: Number, Default: 30}
  Suffix: {Type: String, Default: a}
Resources:
  Dead:
    Type: AWS::SQS::Queue
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Sub 'jobs-${Suffix}'
      VisibilityTimeout: !Ref Seconds
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}
  Address:
    Type: AWS::SSM::Parameter
    Properties: {Name: address, Type: String, Value: !Ref Jobs}
Outputs:
  Url: {Value: !Ref Jobs, Description: where, Export: {Name: !Sub '${AWS::StackName}-url'}}
";

struct Endpoint {
    emulator: Emulator,
    client: Client,
    config: aws_config::SdkConfig,
}

impl Endpoint {
    async fn new() -> Self {
        let (emulator, config) = start().await;
        Self { emulator, client: Client::new(&config), config }
    }

    async fn create(&self, name: &str, template: &str) -> Stack {
        let request = self.client.create_stack().stack_name(name).template_body(template);
        request.capabilities(Capability::CapabilityIam).send().await.expect("the stack is accepted");
        self.settled(name).await
    }

    /// The stack once nothing is under way.
    async fn settled(&self, name: &str) -> Stack {
        let settled = async {
            loop {
                let answer = self.client.describe_stacks().stack_name(name).send().await.expect("the stack is there");
                let stack = answer.stacks().first().cloned().expect("one stack");
                if !stack.stack_status().expect("a status").as_str().ends_with("IN_PROGRESS") {
                    return stack;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), settled).await.expect("the stack settles")
    }

    /// Oldest first, as `LogicalId STATUS reason`.
    async fn events(&self, name: &str) -> Vec<String> {
        let answer = self.client.describe_stack_events().stack_name(name).send().await.expect("events");
        let line = |event: &StackEvent| {
            let reason = event.resource_status_reason().unwrap_or_default();
            let status = event.resource_status().map_or("", |status| status.as_str());
            format!("{} {status} {reason}", event.logical_resource_id().unwrap_or_default()).trim_end().to_owned()
        };
        answer.stack_events().iter().rev().map(line).collect()
    }

    async fn of(&self, name: &str, logical: &str) -> Vec<String> {
        let events = self.events(name).await;
        let own = format!("{logical} ");
        events.iter().filter_map(|event| event.strip_prefix(&own)).map(str::to_owned).collect()
    }

    async fn physical(&self, name: &str, logical: &str) -> String {
        let request = self.client.describe_stack_resource().stack_name(name).logical_resource_id(logical);
        let answer = request.send().await.expect("the resource is there");
        answer.stack_resource_detail().and_then(|one| one.physical_resource_id()).unwrap_or_default().to_owned()
    }

    async fn end(self) {
        self.emulator.shutdown().await;
    }
}

fn status(stack: &Stack) -> &str {
    stack.stack_status().expect("a status").as_str()
}

fn parameter(key: &str, value: &str) -> Parameter {
    Parameter::builder().parameter_key(key).parameter_value(value).build()
}

fn refusal<E: ProvideErrorMetadata, R>(error: SdkError<E, R>) -> String {
    let error = error.as_service_error().expect("an answer of the service");
    format!("{}: {}", error.code().unwrap_or_default(), error.message().unwrap_or_default())
}
