//! From the resources of a stack to what is watched of it.

use anyhow::{Context, bail};

use crate::aws::Target;
use crate::deploy::{Resource, Resources, Stack, describe};
use crate::model::LogRole;
use crate::observe::{LiveTail, Watched};

use super::session::Session;
use super::settings::Settings;

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
    /// The physical names of its rules, on whichever bus.
    pub rules: Vec<String>,
}

impl Pipeline {
    /// The pipeline of a deployed stack, whoever deployed it.
    ///
    /// # Errors
    /// When there is no such stack, or it is no event processing stack.
    pub async fn find(session: &Session, settings: &Settings) -> anyhow::Result<Self> {
        let clients = &session.clients;
        let name = settings.stack.as_str();
        let Some(stack) = describe(clients, name).await? else { bail!("{}", Self::no_such(session, name)) };
        let resources = Resources::of_stack(clients, &stack.id).await?;
        Self::of(settings, stack, &resources)
    }

    /// That a stack is not there, and the remedy.
    pub fn no_such(session: &Session, name: &str) -> String {
        let clients = &session.clients;
        let on = match &clients.target {
            Target::Aws { .. } => String::new(),
            target => format!(" on {target}"),
        };
        format!(
            "there is no stack {name} in {} of account {}{on}: give its name with --stack, or run `vaultscope deploy` first",
            clients.region, session.account.id
        )
    }

    /// The pipeline that a stack's resources make.
    ///
    /// # Errors
    /// When it is no event processing stack, or not yet.
    pub fn of(settings: &Settings, stack: Stack, resources: &Resources) -> anyhow::Result<Self> {
        let name = stack.seen.name.clone();
        let suffix = |key: &str, default: &str| stack.parameter(key).unwrap_or(default).to_owned();
        let mut watched = watched(&stack.seen.name, resources, suffix("jobDirSuffixName", JOB_SUFFIX));
        let missing = missing(&watched, resources);
        if !missing.is_empty() {
            let missing = missing.join(", no ");
            if stack.status.ends_with("_COMPLETE") {
                bail!("stack {name} is no event processing stack: it has no {missing}");
            }
            bail!("stack {name} is in {} and has no {missing} yet: try again once it is complete", stack.status);
        }
        watched.live_tail = settings.live_tail;
        let manifest_suffix = suffix("manifestSuffixName", MANIFEST_SUFFIX);
        let rules = resources.of_type("AWS::Events::Rule").filter_map(|rule| rule.physical_id.clone()).collect();
        Ok(Self { watched, resources: resources.iter().len(), manifest_suffix, rules, stack })
    }

    /// The bucket that the gateway uploads to.
    ///
    /// # Errors
    /// When the stack has none.
    pub fn bucket(&self) -> anyhow::Result<&str> {
        self.watched.bucket.as_deref().context("the stack has no upload bucket")
    }
}

/// What a stack must have to be one that processes upload notifications, and this one has not; each with the type and
/// the start of the logical ID that was looked for.
fn missing(watched: &Watched, resources: &Resources) -> Vec<String> {
    let has_role = |role| watched.log_groups.iter().any(|(known, _)| *known == role);
    let parts = [
        ("upload bucket", "AWS::S3::Bucket", "fileUploadBucket", watched.bucket.is_some()),
        ("notification queue", "AWS::SQS::Queue", "fileUpload", watched.queue.is_some()),
        ("event bus", "AWS::Events::EventBus", "", resources.of_type("AWS::Events::EventBus").next().is_some()),
        ("table", "AWS::DynamoDB::Table", "fileUploadEventTable", watched.table.is_some()),
        ("state machine", "AWS::StepFunctions::StateMachine", "reconcileStateMachine", watched.machine.is_some()),
    ];
    let groups = LogRole::ALL.map(|role| ("log group", "AWS::Logs::LogGroup", role.stem(), has_role(role)));
    parts
        .into_iter()
        .chain(groups)
        .filter(|(.., is_there)| !is_there)
        .map(
            |(what, kind, stem, _)| {
                if stem.is_empty() { format!("{what} ({kind})") } else { format!("{what} ({kind} {stem}…)") }
            },
        )
        .collect()
}

fn watched(stack: &str, resources: &Resources, job_dir_suffix: String) -> Watched {
    let owned = |name: Option<&str>| name.map(str::to_owned);
    let group = |role: LogRole| Some((role, owned(resources.name("AWS::Logs::LogGroup", role.stem()))?));
    Watched {
        stack: Some(stack.to_owned()),
        bucket: owned(resources.name("AWS::S3::Bucket", "fileUploadBucket")),
        queue: queue(resources, false),
        dead_letter_queue: queue(resources, true),
        log_groups: LogRole::ALL.into_iter().filter_map(group).collect(),
        table: owned(resources.name("AWS::DynamoDB::Table", "fileUploadEventTable")),
        machine: owned(resources.name("AWS::StepFunctions::StateMachine", "reconcileStateMachine")),
        job_dir_suffix,
        live_tail: LiveTail::default(),
        ..Watched::default()
    }
}

/// `fileUploadQueue` of our stack, `fileUploadEventSqsQueue` of the original's, which has no dead-letter queue.
fn queue(resources: &Resources, dead: bool) -> Option<String> {
    let is_dead = |queue: &&Resource| {
        let id = queue.logical_id.to_ascii_lowercase();
        id.contains("deadletter") || id.contains("dlq")
    };
    let is_ours =
        |queue: &&Resource| queue.logical_id.get(..10).is_some_and(|it| it.eq_ignore_ascii_case("fileUpload"));
    let found = resources.of_type("AWS::SQS::Queue").filter(|queue| is_dead(queue) == dead && is_ours(queue));
    found.min_by_key(|queue| queue.logical_id.len()).and_then(|queue| queue.physical_id.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resources(of: &[(&str, &str)]) -> Resources {
        let resource = |(kind, logical): &(&str, &str)| Resource {
            logical_id: (*logical).to_owned(),
            physical_id: Some(format!("physical-{logical}")),
            resource_type: format!("AWS::{kind}"),
            status: "CREATE_COMPLETE".to_owned(),
        };
        Resources::from(of.iter().map(resource).collect::<Vec<_>>())
    }

    /// Types and logical IDs as the original's constructs are called, with the hashes that the CDK adds.
    const ORIGINAL: &[(&str, &str)] = &[
        ("DynamoDB::Table", "fileUploadEventTable26C0FE52"),
        ("S3::Bucket", "fileUploadBucket1E43D1E5"),
        ("Events::EventBus", "customEventBus4A1A9E7C"),
        ("IAM::Role", "checkFileUploadTypeLambdaIamRole2D8A34A1"),
        ("Lambda::Function", "checkFileUploadTypeLambda5A0DB5B2"),
        ("Lambda::EventSourceMapping", "checkFileUploadTypeLambdaSqsEventSourceStackfileUploadEventSqsQueueD84A"),
        ("SQS::Queue", "fileUploadEventSqsQueue8B5CBD11"),
        ("SQS::QueuePolicy", "fileUploadEventSqsQueuePolicyF0B6C4E2"),
        ("Events::Rule", "fileNotificationRule9E8F2C10"),
        ("Logs::LogGroup", "dataFileUploadEventLogGroup1C5D0F6B"),
        ("Logs::LogGroup", "manifestFileUploadEventLogGroup7788AC01"),
        ("Events::Rule", "dataFileUploadEventRule0D3B5A17"),
        ("StepFunctions::StateMachine", "reconcileStateMachineB61CE0D5"),
        ("Logs::LogGroup", "reconcileNotifySuccessfulLogGroupC0FFEE11"),
        ("Logs::LogGroup", "reconcileNotifyTimeoutLogGroupAB12CD34"),
        ("SSM::Parameter", "fileUploadBucketNameSsmParm99DE1B20"),
    ];

    #[test]
    fn the_original_stack_is_watched_as_ours_is() {
        let watched = watched("s", &resources(ORIGINAL), JOB_SUFFIX.to_owned());
        assert_eq!(missing(&watched, &resources(ORIGINAL)), Vec::<String>::new());
        assert_eq!(watched.bucket.as_deref(), Some("physical-fileUploadBucket1E43D1E5"));
        assert_eq!(watched.queue.as_deref(), Some("physical-fileUploadEventSqsQueue8B5CBD11"));
        assert_eq!(watched.dead_letter_queue, None, "it has none");
        assert_eq!(watched.table.as_deref(), Some("physical-fileUploadEventTable26C0FE52"));
        assert_eq!(watched.machine.as_deref(), Some("physical-reconcileStateMachineB61CE0D5"));
        let groups: Vec<&str> = watched.log_groups.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(
            groups,
            [
                "physical-dataFileUploadEventLogGroup1C5D0F6B",
                "physical-manifestFileUploadEventLogGroup7788AC01",
                "physical-reconcileNotifySuccessfulLogGroupC0FFEE11",
                "physical-reconcileNotifyTimeoutLogGroupAB12CD34",
            ]
        );
    }

    #[test]
    fn the_dead_letter_queue_and_the_functions_group_are_not_mistaken_for_others() {
        let watched = watched(
            "s",
            &resources(&[
                ("SQS::Queue", "fileUploadDeadLetterQueue"),
                ("SQS::Queue", "fileUploadQueue"),
                ("SQS::Queue", "anotherQueue"),
                ("Logs::LogGroup", "functionLogGroup"),
                ("Logs::LogGroup", "dataFileUploadLogGroup"),
            ]),
            JOB_SUFFIX.to_owned(),
        );
        assert_eq!(watched.queue.as_deref(), Some("physical-fileUploadQueue"));
        assert_eq!(watched.dead_letter_queue.as_deref(), Some("physical-fileUploadDeadLetterQueue"));
        assert_eq!(watched.log_groups.len(), 1);
    }

    #[test]
    fn what_another_kind_of_stack_lacks_is_named() {
        let without = |stem: &str| {
            let kept: Vec<_> = ORIGINAL.iter().copied().filter(|(_, logical)| !logical.starts_with(stem)).collect();
            let kept = resources(&kept);
            missing(&watched("s", &kept, JOB_SUFFIX.to_owned()), &kept).join("; ")
        };
        for (stem, said) in [
            ("fileUploadBucket1", "upload bucket (AWS::S3::Bucket fileUploadBucket…)"),
            ("fileUploadEventSqsQueue", "notification queue (AWS::SQS::Queue fileUpload…)"),
            ("customEventBus", "event bus (AWS::Events::EventBus)"),
            ("fileUploadEventTable", "table (AWS::DynamoDB::Table fileUploadEventTable…)"),
            ("reconcileStateMachine", "state machine (AWS::StepFunctions::StateMachine reconcileStateMachine…)"),
            ("reconcileNotifyTimeout", "log group (AWS::Logs::LogGroup reconcileNotifyTimeout…)"),
        ] {
            assert_eq!(without(stem), said);
        }
        assert_eq!(missing(&Watched::default(), &Resources::default()).len(), 9);
    }
}
