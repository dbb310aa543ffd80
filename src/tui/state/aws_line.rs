//! The selected call as a line for the AWS CLI, with what is known of the stack that is observed filled in.

use super::State;
use super::item::typed_key;
use crate::model::aws_command::{command, quoted};
use crate::tui::TargetKind;

impl State {
    /// The command for the selected operation on this target; `None` for what the CLI has no name of.
    pub(crate) fn aws_command(&self) -> Option<String> {
        let row = self.calls.row()?;
        let line = command(&row.service, &row.operation, |word| self.known(word))?;
        let target = &self.setup.target;
        let place = match (target.kind, &target.profile) {
            (TargetKind::Embedded | TargetKind::Endpoint, _) => {
                format!(" --endpoint-url {}", quoted(&format!("http://{}", target.address)))
            }
            (TargetKind::Aws, Some(profile)) => format!(" --profile {}", quoted(profile)),
            (TargetKind::Aws, None) => String::new(),
        };
        Some(format!("{line}{place} --region {}", quoted(&target.region)))
    }

    /// What stands for a word of a command, where there is no doubt.
    fn known(&self, word: &str) -> Option<String> {
        match word {
            "STACK" => self.main_stack().and_then(|_| self.main_name()).map(str::to_owned),
            "TABLE" => self.only("AWS::DynamoDB::Table"),
            "ITEM_KEY" => self.item.of.as_ref().map(typed_key),
            "BUCKET" => self.only("AWS::S3::Bucket"),
            "QUEUE_URL" => self.only("AWS::SQS::Queue").filter(|id| id.contains("://")),
            "STATE_MACHINE_ARN" => self.machine().map(|(arn, _)| arn.to_owned()),
            "EXECUTION_ARN" => self.run().map(str::to_owned),
            _ => None,
        }
    }

    /// The physical id of the one resource of a type that the stack has.
    fn only(&self, resource_type: &str) -> Option<String> {
        let resources = self.main_stack()?.resources.values();
        let mut of_type = resources.filter(|event| event.resource_type == resource_type);
        let first = of_type.next()?;
        if of_type.next().is_some() { None } else { first.physical_id.clone() }
    }
}
