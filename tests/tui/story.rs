//! A made-up session as the sources would tell it: a stack comes up, a dataset lands, its execution waits or ends.

#![allow(dead_code, missing_docs, reason = "tests, benches and each of their parts use some of it")]

use serde_json::{Value, json};
use vaultscope::model::activity::{Activity, CallRow};
use vaultscope::model::parameter::ParameterDefinition;
use vaultscope::model::preview::{ChangePreview, ChangeRow};
use vaultscope::model::{
    CacheState, ExecutionSeen, ExecutionStatus, FlowEvent, GatewayState, GatewayStep, GatewayStepKind, HistoryEvent,
    JobReport, JobState, LogLine, LogRole, MachineSeen, ManifestRead, QueueDepth, Seen, SetId, Source, SourceReport,
    SourceState, StackEvent, StackSeen, Timestamp, UploadDetail, UploadItem, Uploading,
};
use vaultscope::tui::{ClockReading, Event, ScenarioOffer, Setup, StackOffer, State, TargetInfo, TargetKind, update};

pub const STACK: &str = "EventProcessingStack";
const MACHINE: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:reconcileStateMachine";
/// 2020-11-05T12:00:00Z.
pub const START: i64 = 1_604_577_600;

pub fn setup() -> Setup {
    Setup {
        target: TargetInfo {
            kind: TargetKind::Embedded,
            server: None,
            profile: None,
            address: "127.0.0.1:4566".to_owned(),
            is_tls: false,
            region: "us-east-1".to_owned(),
            account: Some("000000000000".to_owned()),
            read_only: false,
        },
        stacks: vec![StackOffer {
            id: "event-processing".to_owned(),
            stack: STACK.to_owned(),
            purpose: "upload notifications → items, logs and a reconciliation".to_owned(),
            resources: RESOURCES.len(),
            parameters: Some(parameters()),
            chosen: vec![("logRetentionDays".to_owned(), "3".to_owned())],
        }],
        scenarios: scenarios(),
        ..Setup::default()
    }
}

/// A few parameters of its template.
fn parameters() -> Vec<ParameterDefinition> {
    let all = json!({
        "jobDirSuffixName": {"Type": "String", "Default": "-vaultjob", "MinLength": "1", "Description": "How the name of a dataset's root directory ends."},
        "reconcileCountIterations": {"Type": "Number", "Default": "960", "MinValue": "1", "MaxValue": "1561",
            "ConstraintDescription": "must be 1 to 1561, or the execution would outgrow 25,000 history events",
            "Description": "How often the state machine compares manifest and table before it gives up."},
        "reconcileWaitIterations": {"Type": "Number", "Default": "30", "MinValue": "1", "Description": "Seconds between two comparisons."},
        "logRetentionDays": {"Type": "Number", "Default": "7", "AllowedValues": ["1", "3", "5", "7", "14", "30"], "Description": "Days for which log events are kept."},
        "stacksRegion": {"Type": "String", "Default": "", "Description": "The only region that this stack may be deployed into; empty for any."},
    });
    let all = all.as_object().cloned().unwrap_or_default();
    all.iter().map(|(name, definition)| ParameterDefinition::read(name, definition)).collect()
}

/// A few scenarios.
fn scenarios() -> Vec<ScenarioOffer> {
    let offer = |name: &str, about: &str, load: &str| ScenarioOffer {
        name: name.to_owned(),
        about: about.to_owned(),
        load: load.to_owned(),
        job: None,
        left_out: Vec::new(),
    };
    vec![
        offer("in-order", "one upload at a time, in the order of the writes", "40 files, seed 101, settling 60 s"),
        offer(
            "missing-file",
            "two files never arrive: the reconciliation gives up",
            "30 files, seed 106, settling 60 s",
        ),
        offer("cache-full", "the cache holds a tenth of the dataset", "120 files, seed 110, settling 60 s"),
    ]
}

/// A gateway in the middle of its uploads.
pub fn gateway(is_online: bool, is_paused: bool) -> GatewayState {
    let uploading = |key: &str, size, done| Uploading { object_key: format!("s-vaultjob/{key}"), size, done };
    GatewayState {
        is_online,
        is_paused,
        is_over: false,
        is_in_order: false,
        speed: 1.0,
        settling_secs: 60.0,
        cache: CacheState { capacity: Some(500_000), dirty: 310_000, clean: 120_000 },
        waiting: (12, 240_000),
        uploading: vec![
            uploading("dir-0vna5LIcm0W7/file-CMRpW9Y9", 65_536, 120),
            uploading("file-P5SnzGgt", 22_000, 875),
        ],
        settling: 31,
        held: if is_online { 0 } else { 9 },
        blocked: 1,
        stalled: 0,
        behind: 2,
    }
}

pub const RESOURCES: [(&str, &str); 12] = [
    ("fileUploadBucket", "AWS::S3::Bucket"),
    ("fileUploadEventTable", "AWS::DynamoDB::Table"),
    ("fileUploadQueue", "AWS::SQS::Queue"),
    ("fileUploadDeadLetterQueue", "AWS::SQS::Queue"),
    ("fileUploadEventBus", "AWS::Events::EventBus"),
    ("dataFileUploadLogGroup", "AWS::Logs::LogGroup"),
    ("manifestFileUploadLogGroup", "AWS::Logs::LogGroup"),
    ("reconcileNotifySuccessfulLogGroup", "AWS::Logs::LogGroup"),
    ("reconcileNotifyTimeoutLogGroup", "AWS::Logs::LogGroup"),
    ("checkFileUploadTypeFunction", "AWS::Lambda::Function"),
    ("eventWriterFunction", "AWS::Lambda::Function"),
    ("reconcileStateMachine", "AWS::StepFunctions::StateMachine"),
];

pub fn at(millis: i64, what: Seen) -> FlowEvent {
    FlowEvent { at: Timestamp::from_millis(START * 1_000 + millis), what }
}

fn stack_event(millis: i64, logical_id: &str, resource_type: &str, status: &str, reason: Option<&str>) -> FlowEvent {
    at(
        millis,
        Seen::StackEvent(StackEvent {
            event_id: format!("{logical_id}-{status}"),
            stack: STACK.to_owned(),
            logical_id: logical_id.to_owned(),
            physical_id: Some(format!("eventprocessingstack-{}", logical_id.to_lowercase())),
            resource_type: resource_type.to_owned(),
            status: status.to_owned(),
            reason: reason.map(str::to_owned),
        }),
    )
}

pub fn deploying(done: usize, failed: Option<usize>) -> Vec<FlowEvent> {
    let mut events = vec![stack_event(0, STACK, "AWS::CloudFormation::Stack", "CREATE_IN_PROGRESS", None)];
    for (n, (id, kind)) in RESOURCES.iter().enumerate().take(done + 3) {
        events.push(stack_event(10, id, kind, "CREATE_IN_PROGRESS", None));
        if failed == Some(n) {
            events.push(stack_event(20, id, kind, "CREATE_FAILED", Some("a function of this name exists already")));
        } else if n < done {
            events.push(stack_event(20, id, kind, "CREATE_COMPLETE", None));
        }
    }
    events
}

/// What happened to the stack, as somebody reads it who was not there.
pub fn past() -> Vec<(Timestamp, StackEvent)> {
    let of = |event: FlowEvent| match event.what {
        Seen::StackEvent(seen) => Some((event.at, seen)),
        _ => None,
    };
    deploying(RESOURCES.len(), None).into_iter().filter_map(of).collect()
}

pub fn deployed() -> Vec<FlowEvent> {
    let mut events = deploying(RESOURCES.len(), None);
    events.push(stack_event(30, STACK, "AWS::CloudFormation::Stack", "CREATE_COMPLETE", None));
    events.push(at(
        31,
        Seen::Stack(StackSeen {
            name: STACK.to_owned(),
            status: Some("CREATE_COMPLETE".to_owned()),
            reason: None,
            outputs: vec![("fileUploadBucketName".to_owned(), "eventprocessingstack-fileuploadbucket-1x2y".to_owned())],
            parameters: vec![("reconcileWaitIterations".to_owned(), "60".to_owned())],
        }),
    ));
    events.push(at(32, Seen::Machine(MachineSeen { arn: MACHINE.to_owned(), definition: definition() })));
    events
}

pub fn definition() -> Value {
    let task = |next: &str| json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Next": next});
    let rule = |path: &str, next: &str| json!([{"Variable": path, "BooleanEquals": true, "Next": next}]);
    json!({
        "StartAt": "configureCountState",
        "States": {
            "configureCountState": {"Type": "Pass", "Next": "iteratorState"},
            "iteratorState": task("isCountReachedState"),
            "isCountReachedState": {"Type": "Choice", "Choices": rule("$.iterator.Payload.continue", "reconcileCheckState"), "Default": "reconcileNotifyState"},
            "reconcileCheckState": task("isReconcileCompleteState"),
            "isReconcileCompleteState": {"Type": "Choice", "Choices": rule("$.check.Payload.reconcileDone", "reconcileNotifyState"), "Default": "waitBetweenIterationsState"},
            "waitBetweenIterationsState": {"Type": "Wait", "Seconds": 30, "Next": "iteratorState"},
            "reconcileNotifyState": task("doneState"),
            "doneState": {"Type": "Pass", "End": true}
        }
    })
}

fn upload(set: &SetId, key: &str, size: u64) -> UploadDetail {
    UploadDetail {
        set_id: set.clone(),
        event_time: START,
        bucket_name: "eventprocessingstack-fileuploadbucket-1x2y".to_owned(),
        object_key: key.to_owned(),
        object_size: size,
    }
}

pub fn log(millis: i64, role: LogRole, set: &SetId, key: &str, size: u64) -> FlowEvent {
    let upload = upload(set, key, size);
    let kind = match role {
        LogRole::DataFileUpload => "Data File Upload Event",
        LogRole::ManifestFileUpload => "Manifest File Upload Event",
        LogRole::ReconcileSuccessful => "File Upload Reconciliation Successful",
        LogRole::ReconcileTimeout => "File Upload Reconciliation Timeout",
        LogRole::Task | LogRole::ErrorHandler | LogRole::StateMachine => unreachable!("no group of events"),
    };
    let message =
        json!({"version": "0", "detail-type": kind, "source": "vault.application", "detail": upload}).to_string();
    at(millis, Seen::Log(LogLine { role, event_id: format!("{key}-{kind}-{millis}"), message, upload: Some(upload) }))
}

pub fn item(millis: i64, set: &SetId, key: &str, size: u64) -> FlowEvent {
    at(
        millis,
        Seen::Item(UploadItem {
            set_id: set.clone(),
            object_key: key.to_owned(),
            bucket_name: "eventprocessingstack-fileuploadbucket-1x2y".to_owned(),
            object_size: size,
            event_time: START + millis / 1_000,
        }),
    )
}

pub fn keys(set: &SetId, files: usize) -> Vec<String> {
    let root = format!("{set}-vaultjob");
    let dirs = (0..3).map(|dir| format!("{root}/dir-{dir}vna5LIcm0W7"));
    let names = (0..files).map(|file| format!("{root}/dir-{}vna5LIcm0W7/file-{file:08}", file % 3));
    let manifest = format!("{root}/{set}.manifest");
    [root.clone()].into_iter().chain(dirs).chain(names).chain([manifest]).collect()
}

/// A job of `files` files of which `landed` keys have come through.
pub fn job(set: &str, files: usize, landed: usize, from: i64) -> Vec<FlowEvent> {
    let set = SetId::from(set);
    let keys = keys(&set, files);
    let mut events = vec![at(
        from,
        Seen::Job(JobReport {
            set_id: set.clone(),
            keys: u64::try_from(keys.len()).expect("a small number"),
            bytes: 612_000_000,
            state: JobState::Started,
            route: None,
        }),
    )];
    for (n, key) in keys.iter().enumerate() {
        let millis = from + i64::try_from(n).expect("a small number") * 25;
        let size = if n < 4 { 0 } else { 220_000_000 + u64::try_from(n).expect("a small number") * 1_000_000 };
        let step = |step| {
            let modified = (step == GatewayStepKind::Notified).then(|| Timestamp::from_millis(START * 1_000 + millis));
            let (set_id, object_key) = (set.clone(), key.clone());
            Seen::Gateway(GatewayStep { set_id, step, object_key, object_size: size, modified })
        };
        events.push(at(millis, step(GatewayStepKind::Written)));
        if n < landed + 5 {
            events.push(at(millis + 3, step(GatewayStepKind::Uploaded)));
            events.push(at(millis + 5, step(GatewayStepKind::Notified)));
        }
        if n < landed {
            let role = if n + 1 == keys.len() { LogRole::ManifestFileUpload } else { LogRole::DataFileUpload };
            events.push(log(millis + 40, role, &set, key, size));
            events.push(item(millis + 46, &set, key, size));
        }
    }
    events.push(at(from + 60_000, Seen::Queue(QueueDepth { visible: 14, in_flight: 3, dead: 0 })));
    events
}

pub fn manifest(set: &str, files: usize, millis: i64) -> FlowEvent {
    let set_id = SetId::from(set);
    let keys = keys(&set_id, files);
    at(millis, Seen::Manifest(ManifestRead { object_key: format!("{set}-vaultjob/{set}.manifest"), keys, set_id }))
}

pub fn execution(set: &str, status: ExecutionStatus, from: i64) -> FlowEvent {
    let moment = |millis| Timestamp::from_millis(START * 1_000 + millis);
    at(
        from,
        Seen::Execution(ExecutionSeen {
            arn: format!("arn:aws:states:us-east-1:000000000000:execution:reconcileStateMachine:{set}"),
            name: format!("reconcile-{set}"),
            set_id: Some(set.into()),
            status,
            started: moment(from),
            stopped: (status != ExecutionStatus::Running).then(|| moment(from + 62_000)),
        }),
    )
}

/// History of `rounds` rounds; the last one waits, or ends where `done`.
pub fn history(set: &str, rounds: i64, done: bool, from: i64) -> Vec<FlowEvent> {
    let mut events = Vec::new();
    let mut millis = from;
    let mut push = |kind: &str, state: Option<&str>, details: Value, passed: i64| {
        let id = i64::try_from(events.len()).expect("a small number") + 1;
        millis += passed;
        events.push(at(
            millis,
            Seen::History(HistoryEvent {
                execution: format!("arn:aws:states:us-east-1:000000000000:execution:reconcileStateMachine:{set}"),
                id,
                previous_id: id - 1,
                kind: kind.to_owned(),
                state: state.map(str::to_owned),
                details,
            }),
        ));
    };
    let io =
        |ticker: i64| json!({"set-id": set, "iterator": {"Payload": {"count": 960, "ticker": ticker}}}).to_string();
    push("ExecutionStarted", None, json!({"input": "{}"}), 0);
    push("PassStateEntered", Some("configureCountState"), json!({"name": "configureCountState", "input": "{}"}), 1);
    push("PassStateExited", Some("configureCountState"), json!({"name": "configureCountState", "output": io(0)}), 1);
    for round in 1..=rounds {
        for (state, kind) in [
            ("iteratorState", "Task"),
            ("isCountReachedState", "Choice"),
            ("reconcileCheckState", "Task"),
            ("isReconcileCompleteState", "Choice"),
        ] {
            push(&format!("{kind}StateEntered"), Some(state), json!({"name": state, "input": io(round - 1)}), 2);
            if kind == "Task" {
                push("TaskScheduled", None, json!({"resourceType": "lambda", "resource": "invoke"}), 1);
                push("TaskSucceeded", None, json!({"resourceType": "lambda", "output": "{}"}), 4);
            }
            push(&format!("{kind}StateExited"), Some(state), json!({"name": state, "output": io(round)}), 1);
        }
        if done && round == rounds {
            for state in ["reconcileNotifyState", "doneState"] {
                let kind = if state == "doneState" { "Pass" } else { "Task" };
                push(&format!("{kind}StateEntered"), Some(state), json!({"name": state, "input": io(round)}), 2);
                push(&format!("{kind}StateExited"), Some(state), json!({"name": state, "output": io(round)}), 2);
            }
            push("ExecutionSucceeded", None, json!({"output": "{}"}), 1);
        } else {
            let state = "waitBetweenIterationsState";
            push("WaitStateEntered", Some(state), json!({"name": state, "input": io(round)}), 1);
            if round < rounds {
                push("WaitStateExited", Some(state), json!({"name": state, "output": io(round)}), 30_000);
            }
        }
    }
    events
}

pub const FIRST: &str = "kQ2mZr81LwXa0PfT";
pub const SECOND: &str = "DhoTdbmBHm3DfBWL";

/// One dataset that is reconciled and one on its way, seen at 12:02:20 by the simulated clock.
pub fn landing() -> State {
    let mut state = State::new(setup());
    let mut flows = |events| drop(update(&mut state, Event::Flows(events)));
    flows(deployed());
    flows(job(FIRST, 40, 99, 1_000));
    flows(vec![manifest(FIRST, 40, 3_000), execution(FIRST, ExecutionStatus::Running, 3_000)]);
    flows(history(FIRST, 2, true, 3_000));
    flows(vec![
        log(
            34_000,
            LogRole::ReconcileSuccessful,
            &FIRST.into(),
            "kQ2mZr81LwXa0PfT-vaultjob/kQ2mZr81LwXa0PfT.manifest",
            4_096,
        ),
        execution(FIRST, ExecutionStatus::Succeeded, 3_000),
    ]);
    flows(job(SECOND, 2_036, 1_683, 40_000));
    flows(vec![manifest(SECOND, 2_036, 60_000), execution(SECOND, ExecutionStatus::Running, 60_000)]);
    flows(history(SECOND, 3, false, 60_000));
    flows(vec![item(122_000, &SECOND.into(), "DhoTdbmBHm3DfBWL-vaultjob/not in the manifest", 7)]);
    clock(&mut state, 138_000, 60.0, false);
    state
}

/// The clock at `millis` after the start, read just now.
pub fn clock(state: &mut State, millis: i64, rate: f64, paused: bool) {
    let now = Timestamp::from_millis(START * 1_000 + millis);
    update(state, Event::Clock(ClockReading { now, rate, paused }));
}

/// AWS itself, with a profile and an account.
pub fn aws() -> TargetInfo {
    TargetInfo {
        kind: TargetKind::Aws,
        server: None,
        profile: Some("workshop-admin".to_owned()),
        address: String::new(),
        region: "eu-central-1".to_owned(),
        account: Some("123456789012".to_owned()),
        is_tls: false,
        read_only: false,
    }
}

/// An endpoint elsewhere.
pub fn endpoint() -> TargetInfo {
    TargetInfo { kind: TargetKind::Endpoint, address: "127.0.0.1:4599".to_owned(), ..setup().target }
}

/// What observing a job for a while costs.
pub fn activity() -> Activity {
    let mut last = 0;
    let mut row = |service: &str, operation: &str, calls, errors, throttled, mean_micros: u64, nano_usd: u64| CallRow {
        service: service.to_owned(),
        operation: operation.to_owned(),
        calls,
        errors,
        throttled,
        micros: calls * mean_micros,
        slowest_micros: mean_micros * 23,
        nano_usd: calls * nano_usd,
        last: {
            last += 1;
            last
        },
        changes: operation.starts_with("Put"),
        command: Some(called(operation).into()),
        failed_command: (errors > 0).then(|| failed(operation).into()),
    };
    Activity {
        rows: vec![
            row("cloudformation", "DescribeStackEvents", 41, 0, 0, 12_400, 0),
            row("dynamodb", "Query", 918, 31, 31, 4_210, 125),
            row("events", "PutEvents", 205, 0, 0, 7_900, 10_000),
            row("logs", "FilterLogEvents", 1_284, 3, 0, 9_120, 0),
            row("s3", "ListObjectsV2", 96, 0, 0, 21_000, 5_000),
            row("s3", "PutObject", 2_042, 1, 0, 33_700, 5_000),
            row("sqs", "GetQueueAttributes", 310, 0, 0, 3_300, 400),
            row("states", "GetExecutionHistory", 77, 0, 0, 15_500, 0),
            row("sts", "GetCallerIdentity", 1, 0, 0, 180_000, 0),
        ],
    }
}

/// What was asked last.
fn called(operation: &str) -> &'static str {
    match operation {
        "DescribeStackEvents" => {
            "aws cloudformation describe-stack-events --stack-name EventProcessingStack --no-paginate"
        }
        "Query" => QUERY,
        "PutEvents" => PUT_EVENTS,
        "FilterLogEvents" => FILTER_LOG_EVENTS,
        "ListObjectsV2" => {
            "aws s3api list-objects-v2 --bucket eventprocessingstack-fileuploadbucket --prefix DhoTdbmBHm3DfBWL/ --no-paginate"
        }
        "PutObject" => PUT_OBJECT,
        "GetQueueAttributes" => {
            "aws sqs get-queue-attributes --queue-url http://127.0.0.1:4566/000000000000/fileUploadQueue --attribute-names All"
        }
        "GetExecutionHistory" => {
            "aws stepfunctions get-execution-history --execution-arn \
             arn:aws:states:us-east-1:000000000000:execution:reconcileStateMachine:DhoTdbmBHm3DfBWL --reverse-order --no-paginate"
        }
        _ => "aws sts get-caller-identity",
    }
}

/// What was asked when it last failed: of logs the same.
fn failed(operation: &str) -> &'static str {
    match operation {
        "Query" => "aws dynamodb query --table-name gone --no-paginate",
        operation => called(operation),
    }
}

pub const QUERY: &str = "aws dynamodb query --table-name eventprocessingstack-fileuploadeventtable \
     --key-condition-expression 'setId = :set' --expression-attribute-values '{\":set\":{\"S\":\"DhoTdbmBHm3DfBWL\"}}' \
     --consistent-read --no-paginate";
const PUT_OBJECT: &str = "aws s3api put-object --bucket eventprocessingstack-fileuploadbucket \
     --key DhoTdbmBHm3DfBWL/dir-1/file-7 --body FILE";
const FILTER_LOG_EVENTS: &str = "aws logs filter-log-events --log-group-name /aws/events/dataFileUpload --start-time \
     1604577600000 --no-paginate";
const PUT_EVENTS: &str = "aws events put-events --entries '[{\"Source\":\"vaultscope.storagegateway\",\"DetailType\":\"Storage \
     Gateway File Upload Event\",\"Detail\":\"{\\\"object-size\\\":1024}\",\"Resources\":[\"arn:aws:storagegateway:us-east-1:\
     000000000000:share/share-1\"]}]'";

/// A change set that makes a new stack.
pub fn new_stack() -> ChangePreview {
    let changes = RESOURCES.iter().map(|(id, kind)| change("Add", id, kind, None)).collect();
    ChangePreview { stack: STACK.to_owned(), is_new: true, changes }
}

fn change(action: &str, id: &str, kind: &str, replacement: Option<&str>) -> ChangeRow {
    ChangeRow {
        action: action.to_owned(),
        logical_id: id.to_owned(),
        resource_type: kind.to_owned(),
        replacement: replacement.map(str::to_owned),
    }
}

/// A change set that replaces a table and removes a bucket.
pub fn harmful_update() -> ChangePreview {
    ChangePreview {
        stack: STACK.to_owned(),
        is_new: false,
        changes: vec![
            change("Modify", "checkFileUploadTypeFunction", "AWS::Lambda::Function", Some("False")),
            change("Modify", "fileUploadEventTable", "AWS::DynamoDB::Table", Some("True")),
            change("Add", "auditQueue", "AWS::SQS::Queue", None),
            change("Remove", "fileUploadBucket", "AWS::S3::Bucket", None),
            change("Modify", "eventWriterRole", "AWS::IAM::Role", Some("Conditional")),
            change("Remove", "oldRule", "AWS::Events::Rule", None),
        ],
    }
}

/// A preview arrives.
pub fn preview(state: &mut State, preview: ChangePreview) {
    update(state, Event::Preview { offer: "event-processing".to_owned(), preview });
}

/// Every source that a deployed pipeline has.
pub const SOURCES: [Source; 9] = [
    Source::Stack,
    Source::Bucket,
    Source::Queue,
    Source::Logs(LogRole::DataFileUpload),
    Source::Logs(LogRole::ManifestFileUpload),
    Source::Logs(LogRole::ReconcileSuccessful),
    Source::Logs(LogRole::ReconcileTimeout),
    Source::Table,
    Source::Executions,
];

/// The four log groups.
pub const LOGS: &[Source] = SOURCES.split_at(3).1.split_at(4).0;

/// Sources say how they are.
pub fn sources(state: &mut State, of: &[Source], now: &SourceState) {
    let report = |source: &Source| at(140_000, Seen::Source(SourceReport { source: *source, state: now.clone() }));
    update(state, Event::Flows(of.iter().map(report).collect()));
}

pub fn failing() -> SourceState {
    SourceState::Failing { problem: "GetQueueAttributes could not be sent: connection refused".to_owned() }
}

pub fn unavailable() -> SourceState {
    SourceState::Unavailable { problem: "this endpoint has no EventBridge → Logs target".to_owned() }
}
