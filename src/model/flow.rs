//! What was seen to happen, in one stream: every screen, every headless command and every recording reads it.
//!
//! A [`FlowEvent`] says what one source showed at one moment. Sources repeat themselves (a log page is read twice, a
//! table is queried again), so each kind carries what tells a repetition apart, and readers fold idempotently.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::archiving::{ArchiveSeen, InventorySeen, NotificationSeen, ScheduleSeen, TaskSeen};
use super::gateway::GatewayState;
use super::{SetId, Timestamp};

/// Something seen to happen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FlowEvent {
    /// When it happened, by the clock of the source (simulated time on the embedded endpoint).
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub what: Seen,
}

/// The kinds of things that are seen; one source each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Seen {
    /// The simulated gateway did something.
    Gateway(GatewayStep),
    /// An object stands in the bucket.
    Object(ObjectSeen),
    /// The notification queue and its dead-letter queue were measured.
    Queue(QueueDepth),
    /// A line stands in one of the pipeline's log groups.
    Log(LogLine),
    /// An item stands in the table.
    Item(UploadItem),
    /// A manifest was read from the bucket.
    Manifest(ManifestRead),
    /// A state machine's definition was read.
    Machine(MachineSeen),
    /// An execution has a status.
    Execution(ExecutionSeen),
    /// An execution's history has an event.
    History(HistoryEvent),
    /// A stack has a status.
    Stack(StackSeen),
    /// A stack has an event.
    StackEvent(StackEvent),
    /// A source of events answers, or does not.
    Source(SourceReport),
    /// A job of the simulated gateway began or ended.
    Job(JobReport),
    /// What the simulated gateway is in the middle of.
    GatewayState(GatewayState),
    /// Another stack is observed from here on.
    Observed(Observed),
    /// A schedule was read.
    Schedule(ScheduleSeen),
    /// A run of the archiving task, as history tells it.
    Task(TaskSeen),
    /// A message to the archiving stack's topic, as history tells it.
    Notification(NotificationSeen),
    /// An archive stands under the destination prefix.
    Archive(ArchiveSeen),
    /// An inventory was delivered.
    Inventory(InventorySeen),
}

/// The kinds of stacks that can be observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StackKind {
    /// Upload notifications are processed and reconciled.
    #[default]
    EventProcessing,
    /// Objects are archived once a day.
    S3Tar,
}

/// The stack that is observed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Observed {
    /// Its name.
    pub stack: String,
    /// What it does.
    pub kind: StackKind,
}

/// A step of the simulated gateway with one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayStep {
    /// The dataset.
    pub set_id: SetId,
    /// What was done.
    pub step: GatewayStepKind,
    /// The object's key without a trailing slash, as notifications name it.
    pub object_key: String,
    /// The object's size in bytes; of a partial upload, what was put.
    pub object_size: u64,
    /// Of a notification: when the client wrote the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<Timestamp>,
}

/// What the simulated gateway does with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GatewayStepKind {
    /// The client wrote it to the share: it is in the cache.
    Written,
    /// A smaller copy was put to the bucket while the upload goes on.
    PartialUploaded,
    /// The whole object was put to the bucket.
    Uploaded,
    /// The upload notification was accepted by the event bus or queue.
    Notified,
}

/// An object of the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectSeen {
    /// The key, with a trailing slash for a directory.
    pub key: String,
    /// Bytes.
    pub size: u64,
}

/// How many messages wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueDepth {
    /// Messages that can be received.
    pub visible: u64,
    /// Messages that were received and not yet deleted.
    pub in_flight: u64,
    /// Messages in the dead-letter queue.
    pub dead: u64,
}

/// The log groups of the stacks that can be observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LogRole {
    /// `…-dataFileUpload…`.
    DataFileUpload,
    /// `…-manifestFileUpload…`.
    ManifestFileUpload,
    /// `…-reconcileNotifySuccessful…`.
    ReconcileSuccessful,
    /// `…-reconcileNotifyTimeout…`.
    ReconcileTimeout,
    /// What the archiving task writes.
    Task,
    /// What the function writes that judges why a task failed.
    ErrorHandler,
    /// What Step Functions writes of the archiving state machine.
    StateMachine,
}

impl LogRole {
    /// Those of the event processing stack, in the order of the flow.
    pub const ALL: [Self; 4] =
        [Self::DataFileUpload, Self::ManifestFileUpload, Self::ReconcileSuccessful, Self::ReconcileTimeout];
    /// Those of the archiving stack.
    pub const ARCHIVING: [Self; 3] = [Self::Task, Self::ErrorHandler, Self::StateMachine];

    /// Those of a kind of stack.
    #[must_use]
    pub const fn of(kind: StackKind) -> &'static [Self] {
        match kind {
            StackKind::EventProcessing => &Self::ALL,
            StackKind::S3Tar => &Self::ARCHIVING,
        }
    }

    /// How the logical ID of the group begins, and its name after the stack's; what an archiving stack's is called.
    #[must_use]
    pub const fn stem(self) -> &'static str {
        match self {
            Self::DataFileUpload => "dataFileUpload",
            Self::ManifestFileUpload => "manifestFileUpload",
            Self::ReconcileSuccessful => "reconcileNotifySuccessful",
            Self::ReconcileTimeout => "reconcileNotifyTimeout",
            Self::Task => "task",
            Self::ErrorHandler => "errorHandler",
            Self::StateMachine => "stateMachine",
        }
    }
}

/// A line of a log group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogLine {
    /// Which group.
    pub role: LogRole,
    /// The log event's id: the same line read twice has the same one.
    pub event_id: String,
    /// The line as it stands; in the groups of the event processing stack an EventBridge event in JSON.
    pub message: String,
    /// What the line says of an upload, where it could be read.
    pub upload: Option<UploadDetail>,
}

/// The `detail` of an event on the custom bus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadDetail {
    /// The dataset.
    #[serde(rename = "set-id")]
    pub set_id: SetId,
    /// Seconds since the epoch of the gateway's notification.
    #[serde(rename = "event-time")]
    pub event_time: i64,
    /// The bucket.
    #[serde(rename = "bucket-name")]
    pub bucket_name: String,
    /// The object's key.
    #[serde(rename = "object-key")]
    pub object_key: String,
    /// Bytes.
    #[serde(rename = "object-size")]
    pub object_size: u64,
}

/// An item of the table; its key is dataset and object key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UploadItem {
    /// Partition key.
    pub set_id: SetId,
    /// Sort key.
    pub object_key: String,
    /// The bucket.
    pub bucket_name: String,
    /// Bytes.
    pub object_size: u64,
    /// Seconds since the epoch.
    pub event_time: i64,
}

/// The lines of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ManifestRead {
    /// The dataset.
    pub set_id: SetId,
    /// The manifest's own key.
    pub object_key: String,
    /// One key a line: directories, files, the manifest itself.
    pub keys: Vec<String>,
}

/// A state machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineSeen {
    /// Its ARN.
    pub arn: String,
    /// Its definition in Amazon States Language.
    pub definition: Value,
}

/// The status of an execution, as Step Functions names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ExecutionStatus {
    /// Under way.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended with an error.
    Failed,
    /// Ended by its own time limit.
    TimedOut,
    /// Stopped by somebody.
    Aborted,
    /// Waits to be redriven.
    PendingRedrive,
}

/// An execution's status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionSeen {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// The dataset that it reconciles, where its input tells.
    pub set_id: Option<SetId>,
    /// Its status.
    pub status: ExecutionStatus,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub stopped: Option<Timestamp>,
}

/// An event of an execution's history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEvent {
    /// The execution's ARN.
    pub execution: String,
    /// The event's number, from 1.
    pub id: i64,
    /// The number of the event before it; 0 for none.
    pub previous_id: i64,
    /// `TaskStateEntered`, `ChoiceStateExited`, `ExecutionFailed`, …
    pub kind: String,
    /// The state that was entered or left.
    pub state: Option<String>,
    /// Input, output, error or parameters of the event, as its details have them.
    pub details: Value,
}

/// A stack's status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StackSeen {
    /// Its name.
    pub name: String,
    /// `CREATE_IN_PROGRESS`, …; `None` when there is no such stack.
    pub status: Option<String>,
    /// Why, where CloudFormation says.
    pub reason: Option<String>,
    /// Key and value of each output.
    pub outputs: Vec<(String, String)>,
    /// Key and value of each parameter.
    #[serde(default)]
    pub parameters: Vec<(String, String)>,
}

impl StackSeen {
    /// A stack that is not there.
    #[must_use]
    pub fn gone(name: impl Into<String>) -> Self {
        Self { name: name.into(), status: None, reason: None, outputs: Vec::new(), parameters: Vec::new() }
    }
}

/// An event of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StackEvent {
    /// The event's id.
    pub event_id: String,
    /// The stack's name.
    pub stack: String,
    /// The resource's name in the template; the stack's name for the stack itself.
    pub logical_id: String,
    /// The resource's name in its service.
    pub physical_id: Option<String>,
    /// `AWS::S3::Bucket`, …
    pub resource_type: String,
    /// `CREATE_COMPLETE`, …
    pub status: String,
    /// Why, where CloudFormation says.
    pub reason: Option<String>,
}

/// A place that events are read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// The stack itself: status, events, resources.
    Stack,
    /// The bucket.
    Bucket,
    /// The queues.
    Queue,
    /// A log group.
    Logs(LogRole),
    /// The table.
    Table,
    /// The state machine.
    Executions,
    /// The schedule.
    Schedule,
    /// Archives and inventories in the destination bucket.
    Archives,
}

/// Whether a source answers; sent when that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceReport {
    /// The source.
    pub source: Source,
    /// How it is.
    pub state: SourceState,
}

/// How a source is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum SourceState {
    /// It answers when it is asked.
    Live,
    /// It sends what is new by itself, over a live tail session.
    Tailing {
        /// Whether it sends only a part, as StartLiveTail does above 500 events a second.
        sampled: bool,
    },
    /// It asks for fewer calls; the next one is made after this many milliseconds.
    Throttled {
        /// Milliseconds until the next call.
        retry_ms: u64,
    },
    /// It does not answer; what was read stays.
    Failing {
        /// One sentence.
        problem: String,
    },
    /// The endpoint does not have it.
    Unavailable {
        /// One sentence.
        problem: String,
    },
}

/// How a job of the simulated gateway goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobReport {
    /// The dataset.
    pub set_id: SetId,
    /// Manifest lines: directories, files and the manifest.
    pub keys: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// How it goes.
    pub state: JobState,
    /// Which way its notifications take; `None` until that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<RouteTaken>,
}

/// Which way the notifications of a job take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteTaken {
    /// The way.
    pub way: Route,
    /// Why this one, in a few words.
    pub reason: String,
}

/// A way from the simulated gateway into the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Route {
    /// To the default event bus as the gateway itself, which only the endpoint in our own process allows.
    Gateway,
    /// To the default event bus over `PutEvents`, with the gateway's own source `aws.storagegateway`.
    Aws,
    /// To the default event bus over `PutEvents`, with the simulator's source `vaultscope.storagegateway`.
    Own,
    /// Past the event bus, straight to the stack's queue, as the event bus would deliver them.
    Queue,
}

/// How far a job is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum JobState {
    /// The client copies, the gateway uploads.
    Started,
    /// Everything is uploaded and announced.
    Finished,
    /// It was given up.
    Failed {
        /// One sentence.
        problem: String,
    },
}
