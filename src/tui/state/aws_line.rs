//! The selected call as a line for the AWS CLI on the target that is observed.

use super::State;
use crate::model::aws_command::quoted;

impl State {
    /// The command of the selected operation's last call; `None` where it is not known.
    pub(crate) fn aws_command(&self) -> Option<String> {
        self.calls.row()?.command.as_deref().map(|command| self.on_target(command))
    }

    /// The command of its last call that failed; `None` where that is the same one.
    pub(crate) fn failed_aws_command(&self) -> Option<String> {
        let row = self.calls.row()?;
        let command = row.failed_command.as_deref().filter(|failed| row.command.as_deref() != Some(failed))?;
        Some(self.on_target(command))
    }

    fn on_target(&self, command: &str) -> String {
        let target = &self.setup.target;
        // On AWS a live tail has a host of its own; an endpoint has one for all.
        let has_host = target.url().is_some() && command.starts_with("aws logs start-live-tail ");
        let before = if has_host { "AWS_DISABLE_HOST_PREFIX_INJECTION=true " } else { "" };
        let place = match (target.url(), &target.profile) {
            (Some(url), _) => format!(" --endpoint-url {}", quoted(&url)),
            (None, Some(profile)) => format!(" --profile {}", quoted(profile)),
            (None, None) => String::new(),
        };
        format!("{before}{command}{place} --region {}", quoted(&target.region))
    }
}
