//! From the resources of a stack to what is watched of it.

use anyhow::{Context, bail};

use crate::aws::Clients;
use crate::deploy::{Resource, Resources, Stack, describe};
use crate::model::LogRole;
use crate::observe::{LiveTail, Watched};

/// How the name of a dataset's root directory ends, unless the stack says otherwise.
const JOB_SUFFIX: &str = "-vaultjob";
/// How the name of a manifest ends, unless the stack says otherwise.
const MANIFEST_SUFFIX: &str = ".manifest";

/// A deployed pipeline.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// The stack.
    pub stack: Stack,
    /// Its resources by their physical names.
    pub watched: Watched,
    /// Number of its resources.
    pub resources: usize,
    /// How the name of a manifest ends.
    pub manifest_suffix: String,
}

impl Pipeline {
    /// The pipeline of a deployed stack.
    ///
    /// # Errors
    /// When there is no such stack, or it is no event processing stack.
    pub async fn find(clients: &Clients, name: &str) -> anyhow::Result<Self> {
        let Some(stack) = describe(clients, name).await? else {
            bail!("there is no stack {name} on {}: run `vaultscope deploy` first", clients.target);
        };
        let resources = Resources::of_stack(clients, &stack.id).await?;
        let suffix = |key: &str, default: &str| stack.parameter(key).unwrap_or(default).to_owned();
        let watched = watched(name, &resources, suffix("jobDirSuffixName", JOB_SUFFIX));
        if watched.bucket.is_none() || watched.table.is_none() {
            bail!("stack {name} has no upload bucket or no table: it is no event processing stack");
        }
        let manifest_suffix = suffix("manifestSuffixName", MANIFEST_SUFFIX);
        Ok(Self { watched, resources: resources.iter().len(), manifest_suffix, stack })
    }

    /// The bucket that the gateway uploads to.
    ///
    /// # Errors
    /// When the stack has none.
    pub fn bucket(&self) -> anyhow::Result<&str> {
        self.watched.bucket.as_deref().context("the stack has no upload bucket")
    }
}

fn watched(stack: &str, resources: &Resources, job_dir_suffix: String) -> Watched {
    let owned = |name: Option<&str>| name.map(str::to_owned);
    let group = |role: LogRole| Some((role, owned(resources.name("AWS::Logs::LogGroup", role.stem()))?));
    let is_dead = |queue: &&Resource| {
        let id = queue.logical_id.to_ascii_lowercase();
        id.contains("deadletter") || id.contains("dlq")
    };
    let queue = |dead: bool| {
        let found = resources.of_type("AWS::SQS::Queue").find(|queue| is_dead(queue) == dead);
        found.and_then(|queue| queue.physical_id.clone())
    };
    Watched {
        stack: Some(stack.to_owned()),
        bucket: owned(resources.name("AWS::S3::Bucket", "fileUploadBucket")),
        queue: queue(false),
        dead_letter_queue: queue(true),
        log_groups: LogRole::ALL.into_iter().filter_map(group).collect(),
        table: owned(resources.name("AWS::DynamoDB::Table", "fileUploadEventTable")),
        machine: owned(resources.name("AWS::StepFunctions::StateMachine", "reconcileStateMachine")),
        job_dir_suffix,
        since: None,
        live_tail: LiveTail::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cdk_made_stack_is_watched_as_ours_is() {
        let resource = |logical: &str, kind: &str| Resource {
            logical_id: logical.to_owned(),
            physical_id: Some(format!("physical-{logical}")),
            resource_type: kind.to_owned(),
            status: "CREATE_COMPLETE".to_owned(),
        };
        let resources = Resources::from(vec![
            resource("fileUploadBucket99A", "AWS::S3::Bucket"),
            resource("fileUploadDeadLetterQueue5", "AWS::SQS::Queue"),
            resource("fileUploadQueue7F", "AWS::SQS::Queue"),
            resource("dataFileUpload1", "AWS::Logs::LogGroup"),
            resource("functionLogGroup", "AWS::Logs::LogGroup"),
            resource("reconcileNotifyTimeout2", "AWS::Logs::LogGroup"),
            resource("reconcileStateMachineABC", "AWS::StepFunctions::StateMachine"),
        ]);
        let watched = watched("s", &resources, JOB_SUFFIX.to_owned());
        assert_eq!(watched.bucket.as_deref(), Some("physical-fileUploadBucket99A"));
        assert_eq!(watched.queue.as_deref(), Some("physical-fileUploadQueue7F"));
        assert_eq!(watched.dead_letter_queue.as_deref(), Some("physical-fileUploadDeadLetterQueue5"));
        assert_eq!(watched.machine.as_deref(), Some("physical-reconcileStateMachineABC"));
        assert_eq!(watched.table, None);
        let roles: Vec<LogRole> = watched.log_groups.iter().map(|(role, _)| *role).collect();
        assert_eq!(roles, [LogRole::DataFileUpload, LogRole::ReconcileTimeout]);
    }
}
