//! The archiving stack's page: what it looks like while a day is archived, when a task fails, and before anything runs;
//! and that another stack can be looked at and come back to.

use proptest::prelude::*;
use serde_json::{Value, json};
use vaultscope::model::archiving::{
    ArchiveSeen, ContentsSeen, InventorySeen, MemberSeen, NotificationSeen, ScheduleSeen, TaskSeen, TaskStatus,
};
use vaultscope::model::{
    ExecutionSeen, ExecutionStatus, FlowEvent, HistoryEvent, LogLine, LogRole, MachineSeen, Observed, Seen, Source,
    SourceReport, SourceState, StackKind, StackSeen, Timestamp,
};
use vaultscope::tui::{Effect, EffectResult, Event, Setup, StackOffer, State, update};

use super::story::{self, at};
use super::{press, screen};

const STACK: &str = "S3TarStack";
const MACHINE: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:S3TarStack-s3tarStateMachine";
/// Simulated milliseconds from the story's start, which is noon, to midnight.
const MIDNIGHT: i64 = 12 * 3_600_000;

fn setup() -> Setup {
    let mut setup = story::setup();
    let offer = |id: &str, stack: &str, purpose: &str, resources| StackOffer {
        id: id.to_owned(),
        stack: stack.to_owned(),
        purpose: purpose.to_owned(),
        resources,
        ..StackOffer::default()
    };
    setup.stacks.push(offer(
        "bootstrap",
        "VaultscopeBootstrap",
        "holds the functions' zips that vaultscope uploads",
        1,
    ));
    setup.stacks.push(offer(
        "s3tar",
        STACK,
        "archives the objects of yesterday's S3 Inventory once a day and notifies of it",
        29,
    ));
    setup
}

fn observed(stack: &str, kind: StackKind) -> FlowEvent {
    at(0, Seen::Observed(Observed { stack: stack.to_owned(), kind }))
}

fn definition() -> Value {
    let task = |next: &str| json!({"Type": "Task", "Resource": "arn:aws:states:::ecs:runTask.sync", "Next": next});
    json!({
        "StartAt": "RunTask",
        "States": {
            "RunTask": {
                "Type": "Task", "Resource": "arn:aws:states:::ecs:runTask.sync", "Next": "NotifySuccess",
                "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "ErrorHandler"}]
            },
            "ErrorHandler": task("Retryable?"),
            "Retryable?": {
                "Type": "Choice", "Default": "NotifyError",
                "Choices": [{"Variable": "$.Error.Payload.type", "StringEquals": "retryable", "Next": "RetryWait"}]
            },
            "RetryWait": {"Type": "Wait", "SecondsPath": "$.waitTimeSeconds", "Next": "RunTask"},
            "NotifySuccess": {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "End": true},
            "NotifyError": {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "End": true}
        }
    })
}

fn stands() -> Vec<FlowEvent> {
    let status = Some("CREATE_COMPLETE".to_owned());
    vec![
        at(1, Seen::Stack(StackSeen { status, ..StackSeen::gone(STACK) })),
        at(2, Seen::Machine(MachineSeen { arn: MACHINE.to_owned(), definition: definition() })),
        at(
            3,
            Seen::Schedule(ScheduleSeen {
                name: "S3TarStack-s3tarSchedule-1X2Y3Z".to_owned(),
                group: "s3tar-schedule-group".to_owned(),
                expression: "cron(0 0 ? * MON-SUN *)".to_owned(),
                timezone: "UTC".to_owned(),
                is_enabled: true,
                target: MACHINE.to_owned(),
                start: Timestamp::from_secs(story::START),
                end: None,
                window_minutes: 0,
            }),
        ),
    ]
}

fn arn(run: i64) -> String {
    format!("arn:aws:states:us-east-1:000000000000:execution:S3TarStack-s3tarStateMachine:day-{run}")
}

fn execution(run: i64, status: ExecutionStatus, began: i64, ended: Option<i64>) -> FlowEvent {
    let moment = |millis| Timestamp::from_millis(story::START * 1_000 + millis);
    at(
        ended.unwrap_or(began),
        Seen::Execution(ExecutionSeen {
            arn: arn(run),
            name: format!("day-{run}"),
            set_id: None,
            status,
            started: moment(began),
            stopped: ended.map(moment),
        }),
    )
}

fn history(run: i64, id: i64, millis: i64, kind: &str, state: Option<&str>, details: Value) -> FlowEvent {
    at(
        millis,
        Seen::History(HistoryEvent {
            execution: arn(run),
            id,
            previous_id: id - 1,
            kind: kind.to_owned(),
            state: state.map(str::to_owned),
            details,
        }),
    )
}

fn task(
    run: i64,
    asked: i64,
    id: i64,
    millis: i64,
    status: TaskStatus,
    code: Option<i64>,
    why: Option<&str>,
) -> FlowEvent {
    at(
        millis,
        Seen::Task(TaskSeen {
            execution: arn(run),
            run: asked,
            event_id: id,
            status,
            arn: Some("arn:aws:ecs:us-east-1:000000000000:task/cluster/0a1b".to_owned()),
            exit_code: code,
            reason: why.map(str::to_owned),
        }),
    )
}

fn told(run: i64, id: i64, millis: i64, subject: &str, is_sent: Option<bool>) -> FlowEvent {
    at(
        millis,
        Seen::Notification(NotificationSeen {
            execution: arn(run),
            run: 30,
            event_id: id,
            topic: "arn:aws:sns:us-east-1:000000000000:S3TarStack-s3tarNotificationTopic".to_owned(),
            subject: subject.to_owned(),
            message: json!({"RunTask": {"Containers": [{"ExitCode": 0}]}, "data": {"frequency": "daily"}}).to_string(),
            is_sent,
            answer: is_sent.map(|_| "9d3c2b1a-0000-4000-8000-000000000001".to_owned()),
        }),
    )
}

fn line(millis: i64, text: &str) -> FlowEvent {
    let (role, event_id) = (LogRole::Task, format!("{millis}-{text}"));
    at(millis, Seen::Log(LogLine { role, event_id, message: text.to_owned(), upload: None }))
}

fn archive(day: &str, millis: i64, members: Option<u64>) -> FlowEvent {
    let contents = members.map(|count| ContentsSeen {
        members: (0..count)
            .map(|n| MemberSeen { name: format!("logs/{}/log_{n}.txt", day.replace('-', "/")), size: 150 + n })
            .collect(),
        count,
        bytes: count * 150,
        is_whole: true,
    });
    at(
        millis,
        Seen::Archive(ArchiveSeen {
            bucket: "dest-bucket".to_owned(),
            key: format!("s3tar/{day}/s3tar_archive_{day}.tar"),
            size: 61_234_567,
            etag: day.to_owned(),
            contents,
            unread: None,
        }),
    )
}

/// The first day went well, the second one at the second try.
fn two_days() -> Vec<FlowEvent> {
    let entered = |run, id, millis, state| history(run, id, millis, "TaskStateEntered", Some(state), json!({}));
    let left = |run, id, millis, state| history(run, id, millis, "TaskStateExited", Some(state), json!({}));
    let inventory = |folder: &str, millis| {
        let folder = format!("source-bucket/daily/{folder}/");
        at(millis, Seen::Inventory(InventorySeen { bucket: "dest-bucket".to_owned(), folder }))
    };
    let first = MIDNIGHT;
    let second = MIDNIGHT + 86_400_000;
    vec![
        inventory("2020-11-05T20-00Z", first - 14_400_000),
        execution(1, ExecutionStatus::Running, first, None),
        entered(1, 2, first + 10, "RunTask"),
        task(1, 3, 3, first + 20, TaskStatus::Asked, None, None),
        task(1, 3, 5, first + 900, TaskStatus::Running, None, None),
        line(
            first + 2_000,
            "inventory of 2020-11-05: s3://dest-bucket/source-bucket/daily/2020-11-05T20-00Z/manifest.json",
        ),
        line(first + 2_100, "100 of its 900 objects are to be archived"),
        archive("2020-11-06", first + 3_000, Some(100)),
        line(first + 3_100, "100 objects, 61 MB, in one archive"),
        task(1, 3, 6, first + 4_000, TaskStatus::Succeeded, Some(0), Some("Essential container in task exited")),
        left(1, 7, first + 4_001, "RunTask"),
        entered(1, 8, first + 4_002, "NotifySuccess"),
        told(1, 31, first + 4_010, "Task successfully processed.", None),
        told(1, 32, first + 4_030, "Task successfully processed.", Some(true)),
        left(1, 11, first + 4_040, "NotifySuccess"),
        execution(1, ExecutionStatus::Succeeded, first, Some(first + 4_050)),
        inventory("2020-11-06T20-00Z", second - 14_400_000),
        execution(2, ExecutionStatus::Running, second, None),
        entered(2, 2, second + 10, "RunTask"),
        task(2, 3, 3, second + 20, TaskStatus::Asked, None, None),
        line(
            second + 1_500,
            "inventory of 2020-11-06: s3://dest-bucket/source-bucket/daily/2020-11-06T20-00Z/manifest.json",
        ),
        line(second + 1_900, "vaultscope: s3 GetObject could not be sent: connection refused"),
        task(2, 3, 6, second + 2_000, TaskStatus::Failed, Some(2), Some("Essential container in task exited")),
        history(2, 6, second + 2_000, "TaskFailed", None, json!({"error": "States.TaskFailed"})),
        left(2, 7, second + 2_001, "RunTask"),
        entered(2, 8, second + 2_002, "ErrorHandler"),
        left(2, 9, second + 2_400, "ErrorHandler"),
        history(2, 10, second + 2_401, "ChoiceStateEntered", Some("Retryable?"), json!({})),
        history(2, 11, second + 2_402, "ChoiceStateExited", Some("Retryable?"), json!({})),
        history(2, 12, second + 2_403, "WaitStateEntered", Some("RetryWait"), json!({"input": {"waitTimeSeconds": 4}})),
    ]
}

fn state_with(flows: Vec<FlowEvent>, now: i64) -> State {
    let mut state = State::new(setup());
    update(&mut state, Event::Tick(1_000));
    update(&mut state, Event::Flows(vec![observed(STACK, StackKind::S3Tar)]));
    update(&mut state, Event::Flows(flows));
    story::clock(&mut state, now, 60.0, false);
    state
}

/// A retry is waited for.
fn waiting() -> State {
    state_with([stands(), two_days()].concat(), MIDNIGHT + 86_400_000 + 4_000)
}

/// After the retry: the task failed for good.
fn given_up() -> State {
    let mut state = waiting();
    let second = MIDNIGHT + 86_400_000;
    let why = "CannotPullContainerError: pull image manifest has been retried 7 times";
    update(
        &mut state,
        Event::Flows(vec![
            history(2, 13, second + 6_403, "WaitStateExited", Some("RetryWait"), json!({})),
            task(2, 15, 15, second + 6_500, TaskStatus::Asked, None, None),
            task(2, 15, 16, second + 7_000, TaskStatus::Failed, None, Some(why)),
            told(2, 31, second + 7_500, "Task failed", Some(true)),
            execution(2, ExecutionStatus::Succeeded, second, Some(second + 7_600)),
        ]),
    );
    state
}

fn snapshots(name: &str, make: impl Fn() -> State) {
    for (width, height) in [(80, 24), (120, 40), (140, 45), (50, 30)] {
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), screen(&mut make(), width, height));
    }
}

#[test]
fn the_page_while_a_retry_is_waited_for_and_when_it_was_given_up() {
    snapshots("waiting", waiting);
    snapshots("given_up", given_up);
}

#[test]
fn before_anything_runs_the_next_run_is_counted_down_to() {
    snapshots("stands", || state_with(stands(), 0));
    snapshots("not_deployed", || state_with(Vec::new(), 0));
}

#[test]
fn what_the_target_lacks_is_unavailable_with_its_reason() {
    let lacking = |source| {
        let problem = "scheduler GetSchedule was refused with NotImplemented".to_owned();
        at(9, Seen::Source(SourceReport { source, state: SourceState::Unavailable { problem } }))
    };
    snapshots("lacking", || {
        let events = [Source::Schedule, Source::Archives].map(lacking).to_vec();
        state_with([stands()[..2].to_vec(), events].concat(), 0)
    });
}

#[test]
fn the_other_pages_are_of_the_same_stack() {
    let on = |keys: &'static str| {
        let mut state = waiting();
        press(&mut state, keys);
        state
    };
    snapshots("logs", || on("3"));
    snapshots("stacks", || on("2"));
    insta::assert_snapshot!("told_120x40", screen(&mut on("\t\t\t\t\n"), 120, 40));
    let mut state = on("3o");
    assert!(screen(&mut state, 120, 40).contains("task · 5 lines"), "one group after the other");
    let mut state = on("\t\t\t\n");
    assert!(screen(&mut state, 120, 40).contains("task · 5 lines"), "Enter on the task's log");
    let mut state = on("\tj\n");
    let shown = screen(&mut state, 120, 40);
    assert!(shown.contains("day-1") && shown.contains("▸5 Executions"), "{shown}");
}

#[test]
fn without_colour_glyphs_and_words_say_the_same() {
    // The screen's text has no colour in it: what is told apart there is told apart under NO_COLOR.
    let shown = screen(&mut given_up(), 120, 40);
    for said in ["7.6 s the task failed", "✓ succeeded", "given up", "✓ 2 told", "✗ did not run", "Task failed"] {
        assert!(shown.contains(said), "{said}\n{shown}");
    }
}

#[test]
fn what_is_seen_twice_changes_nothing() {
    let mut state = given_up();
    let before = screen(&mut state, 140, 45);
    // Whoever observes a stack anew tells statuses as they are then, and everything else from the start.
    let is_status = |event: &FlowEvent| matches!(event.what, Seen::Execution(_));
    let again = [stands(), two_days()].concat().into_iter().filter(|event| !is_status(event));
    update(&mut state, Event::Flows(again.collect()));
    assert_eq!(before, screen(&mut state, 140, 45));
}

#[test]
fn another_stack_is_chosen_and_the_first_one_is_as_it_was_when_one_comes_back() {
    let mut state = story::landing();
    update(&mut state, Event::Flows(vec![observed(story::STACK, StackKind::EventProcessing)]));
    let before: Vec<String> = ["1", "3", "5"]
        .map(|page| {
            press(&mut state, page);
            screen(&mut state, 120, 40)
        })
        .to_vec();
    update(&mut state, Event::Flows(vec![observed(STACK, StackKind::S3Tar)]));
    update(&mut state, Event::Flows([stands(), two_days()].concat()));
    press(&mut state, "1");
    let shown = screen(&mut state, 120, 40);
    assert!(shown.contains("Archiving") && shown.contains(STACK) && shown.contains("Executions 2"), "{shown}");
    update(&mut state, Event::Flows(vec![observed(story::STACK, StackKind::EventProcessing)]));
    let after: Vec<String> = ["1", "3", "5"]
        .map(|page| {
            press(&mut state, page);
            screen(&mut state, 120, 40)
        })
        .to_vec();
    assert_eq!(before, after);
}

#[test]
fn enter_on_the_stacks_page_chooses_which_stack_is_observed() {
    let mut state = State::new(setup());
    let effect = Effect::Observe { stack: STACK.to_owned() };
    assert_eq!(press(&mut state, "2jj\n"), vec![effect.clone()]);
    assert!(press(&mut state, "2\n").is_empty(), "it is under way");
    update(&mut state, Event::Flows(vec![observed(STACK, StackKind::S3Tar)]));
    update(&mut state, Event::Done(EffectResult { effect, outcome: Ok(String::new()) }));
    press(&mut state, "2");
    assert!(screen(&mut state, 120, 40).contains("◉ observed"));
    assert!(press(&mut state, "1s").is_empty(), "it takes no jobs");
    assert!(screen(&mut state, 120, 40).contains("takes no jobs"));
    // What is read-only may be looked at.
    let mut state = State::new(setup());
    state_is_read_only(&mut state);
    assert_eq!(press(&mut state, "2jj\n").len(), 1);
    // A recording has only what was observed then.
    let mut state = State::replaying(setup());
    assert!(press(&mut state, "2jj\n").is_empty());
}

fn state_is_read_only(state: &mut State) {
    let target = vaultscope::tui::TargetInfo { read_only: true, ..story::aws() };
    update(state, Event::Target(target));
}

#[test]
fn a_state_with_an_archiving_stack_survives_being_written_and_read() {
    let mut state = given_up();
    update(&mut state, Event::Flows(vec![observed(story::STACK, StackKind::EventProcessing)]));
    let text = serde_json::to_string(&state).expect("a state is written");
    let mut again: State = serde_json::from_str(&text).expect("and read");
    for state in [&mut state, &mut again] {
        update(state, Event::Flows(vec![observed(STACK, StackKind::S3Tar)]));
    }
    assert_eq!(screen(&mut state, 120, 40), screen(&mut again, 120, 40));
    assert!(screen(&mut again, 120, 40).contains("Executions 2"));
}

#[test]
fn every_height_and_every_width_is_drawn() {
    let mut states = vec![waiting(), given_up(), state_with(Vec::new(), 0), state_with(stands(), 0)];
    for state in &mut states {
        for zoom in ["", "z"] {
            press(state, zoom);
            for pane in 0..5 {
                if pane > 0 {
                    press(state, "\t");
                }
                for width in (1..=150).step_by(7).chain([71, 72, 73, 99, 100, 101]) {
                    screen(state, width, 24);
                    screen(state, width, 40);
                }
                for height in 1..=50 {
                    screen(state, 80, height);
                    screen(state, 120, height);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn no_size_no_key_and_no_order_of_events_makes_it_panic(
        order in proptest::collection::vec(any::<prop::sample::Index>(), 1..60),
        keys in "[1-5gGjkzewnoqxdsyhlf\t\n ]{0,30}",
        width in 1_u16..160,
        height in 1_u16..60,
    ) {
        let mut all = [stands(), two_days()].concat();
        all.push(observed(story::STACK, StackKind::EventProcessing));
        all.push(observed(STACK, StackKind::S3Tar));
        let mut state = State::new(setup());
        update(&mut state, Event::Flows(vec![observed(STACK, StackKind::S3Tar)]));
        for (at, index) in order.iter().enumerate() {
            update(&mut state, Event::Flows(vec![index.get(&all).clone()]));
            if let Some(char) = keys.chars().nth(at % 31) {
                press(&mut state, &char.to_string());
            }
            screen(&mut state, width, height);
        }
    }
}
