//! The graph of an execution walked from state to state, the way of a file, the time of a dataset: keys, looks, and that
//! every size is drawn.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;
use serde_json::json;
use vaultscope::model::trace::TraceHop;
use vaultscope::model::{ExecutionStatus, HistoryEvent, MachineSeen, Seen, Timestamp};
use vaultscope::tui::{Effect, Event, State, Theme, ViewState, draw, update};

use super::{press, screen, story};

const SIZES: [(u16, u16); 4] = [(80, 24), (120, 40), (140, 45), (60, 20)];
const KEY: &str = "kQ2mZr81LwXa0PfT-vaultjob/dir-2vna5LIcm0W7/file-00000002";
const MANIFEST: &str = "kQ2mZr81LwXa0PfT-vaultjob/kQ2mZr81LwXa0PfT.manifest";

/// The screen without colours: it says the same.
fn plain(state: &mut State, width: u16, height: u16) -> String {
    update(state, Event::Resize(width, height));
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    let mut view = ViewState::new(Theme::Mono);
    terminal.draw(|frame| draw(frame, state, &mut view)).expect("a frame");
    let buffer = terminal.backend().buffer();
    assert!(buffer.content().iter().all(|cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset)), "no colour");
    terminal.backend().to_string()
}

fn looks(name: &str, make: impl Fn() -> State) {
    for (width, height) in SIZES {
        let shown = screen(&mut make(), width, height);
        assert_eq!(shown, plain(&mut make(), width, height), "colour carries no meaning alone");
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), shown);
    }
}

fn landing(keys: &str) -> State {
    let mut state = story::landing();
    press(&mut state, keys);
    state
}

/// The first dataset's items are looked at in the table.
fn table(keys: &str) -> State {
    landing(&format!("4j\t{keys}"))
}

fn hops(key: &str) -> Event {
    let hop = |millis: i64, from: &str, to: &str, error: Option<&str>| TraceHop {
        at: Timestamp::from_millis(story::START * 1_000 + 1_000 + millis),
        from: from.to_owned(),
        to: format!("arn:aws:{to}"),
        subject: "id".to_owned(),
        error: error.map(str::to_owned),
    };
    let events = "events.amazonaws.com";
    let own = "us-east-1:000000000000";
    Event::Trace {
        about: key.to_owned(),
        hops: vec![
            hop(185, "PutEvents", &format!("events:{own}:event-bus/default"), None),
            hop(186, events, &format!("sqs:{own}:EventProcessingStack-fileUploadQueue"), None),
            hop(199, "PutEvents", &format!("events:{own}:event-bus/fileUploadEventBus"), None),
            hop(204, "lambda.amazonaws.com", &format!("lambda:{own}:function:checkFileUploadType"), None),
            hop(201, events, &format!("logs:{own}:log-group:/aws/events/dataFileUpload:*"), None),
            hop(202, events, &format!("lambda:{own}:function:eventWriter"), Some("the delivery was lost by fault 1")),
            hop(207, events, &format!("lambda:{own}:function:eventWriter"), None),
        ],
    }
}

#[test]
fn the_way_of_a_file_is_opened_from_the_table_and_closed_again() {
    let mut state = table("gjjjjjj");
    let before = screen(&mut state, 120, 40);
    let asked = press(&mut state, "\n");
    let [Effect::ReadTrace { about }] = asked.as_slice() else { panic!("{asked:?}") };
    let shown = screen(&mut state, 120, 40);
    assert!(shown.contains("inferred") && shown.contains("this target has told no trace"), "{shown}");
    update(&mut state, hops("another key"));
    assert_eq!(shown, screen(&mut state, 120, 40));
    update(&mut state, hops(about));
    let shown = screen(&mut state, 120, 40);
    assert!(shown.contains("traced") && shown.contains("lost by fault 1") && !shown.contains("inferred"), "{shown}");
    press(&mut state, "\u{1b}");
    assert_eq!(before, screen(&mut state, 120, 40));
}

#[test]
fn a_file_on_its_way_is_asked_for_again_and_one_that_arrived_is_not() {
    let mut state = story::landing();
    // A file that is announced and not in the table: the newest one that is told of.
    press(&mut state, "\t\t\tjj");
    assert!(matches!(press(&mut state, "\n").as_slice(), [Effect::ReadTrace { .. }]));
    let key = |effects: Vec<Effect>| matches!(effects.as_slice(), [Effect::ReadTrace { .. }]);
    assert!(!key(update(&mut state, Event::Tick(500))));
    assert!(key(update(&mut state, Event::Tick(1_500))));
    assert!(!key(update(&mut state, Event::Tick(2_000))));
    press(&mut state, "\u{1b}");
    assert!(!key(update(&mut state, Event::Tick(9_000))));
    let mut state = table("gjjjjjj\n");
    assert!(!key(update(&mut state, Event::Tick(9_000))));
}

#[test]
fn from_a_file_to_its_dataset_to_its_execution() {
    let mut state = table("G\n");
    assert!(screen(&mut state, 120, 40).contains("manifest of kQ2mZr81LwXa0PfT"));
    press(&mut state, "\n");
    assert!(screen(&mut state, 120, 40).contains("Timeline kQ2mZr81LwXa0PfT"));
    press(&mut state, "\n");
    let shown = screen(&mut state, 120, 40);
    assert!(shown.contains("▸5 Executions") && shown.contains("iteration 2/960"), "{shown}");
}

#[test]
fn what_the_way_of_a_file_looks_like() {
    looks("trace", || {
        let mut state = table("gjjjjjj\n");
        update(&mut state, hops(KEY));
        state
    });
    looks("trace_inferred", || table("G\n"));
    assert!(screen(&mut table("gjjjjjj\n"), 120, 40).contains(KEY));
    assert!(screen(&mut table("G\n"), 120, 40).contains(MANIFEST));
}

#[test]
fn what_the_time_of_a_dataset_looks_like() {
    looks("timeline", || landing("4\n"));
    looks("timeline_over", || landing("4j\n"));
    looks("timeline_larger", || landing("4j\n++hhhhhh"));
}

#[test]
fn the_graph_is_walked_from_state_to_state() {
    looks("graph_selected", || landing("5\tgjj"));
    looks("graph_details", || landing("5\t++z"));
    let mut state = landing("5\tgj");
    assert!(screen(&mut state, 120, 40).contains("State · iteratorState"));
    press(&mut state, "jj");
    assert!(screen(&mut state, 120, 40).contains("State · reconcileCheckState"));
    press(&mut state, "h");
    assert!(screen(&mut state, 120, 40).contains("State · reconcileCheckState"), "nothing stands beside it");
    press(&mut state, "G");
    assert!(screen(&mut state, 120, 40).contains("Detail · event 44"));
}

/// A machine of another kind: branches, a Map, an error that is caught.
fn branches() -> State {
    let mut state = story::landing();
    let machine = "arn:aws:states:us-east-1:000000000000:stateMachine:archive";
    let execution = "arn:aws:states:us-east-1:000000000000:execution:archive:one";
    let task = |name: &str, next: serde_json::Value| json!({"Type": "Task", "Resource": format!("arn:aws:lambda:us-east-1:0:function:{name}"), "Next": next, "End": next.is_null()});
    let definition = json!({"StartAt": "List", "States": {
        "List": task("list", json!("Both")),
        "Both": {"Type": "Parallel", "Next": "Done", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Broken"}], "Branches": [
            {"StartAt": "Each", "States": {"Each": {"Type": "Map", "ItemProcessor": {"StartAt": "Copy", "States": {"Copy": task("copy", json!(null))}}, "End": true}}},
            {"StartAt": "Pause", "States": {"Pause": {"Type": "Wait", "Seconds": 90, "Next": "Look"}, "Look": task("look", json!(null))}}
        ]},
        "Done": {"Type": "Succeed"},
        "Broken": {"Type": "Fail", "Error": "Broken"}
    }});
    let seen = MachineSeen { arn: machine.to_owned(), definition };
    let event = |id: i64, previous_id: i64, kind: &str, state: Option<&str>| {
        let (execution, state) = (execution.to_owned(), state.map(str::to_owned));
        let details = json!({"input": {"number": id}});
        story::at(
            130_000 + id * 100,
            Seen::History(HistoryEvent { execution, id, previous_id, kind: kind.to_owned(), state, details }),
        )
    };
    let run = story::at(
        130_000,
        Seen::Execution(vaultscope::model::ExecutionSeen {
            arn: execution.to_owned(),
            name: "one".to_owned(),
            set_id: None,
            status: ExecutionStatus::Running,
            started: Timestamp::from_millis(story::START * 1_000 + 130_000),
            stopped: None,
        }),
    );
    let events = vec![
        story::at(130_000, Seen::Machine(seen)),
        run,
        event(1, 0, "ExecutionStarted", None),
        event(2, 1, "TaskStateEntered", Some("List")),
        event(3, 2, "LambdaFunctionScheduled", None),
        event(4, 3, "LambdaFunctionSucceeded", None),
        event(5, 4, "TaskStateExited", Some("List")),
        event(6, 5, "ParallelStateEntered", Some("Both")),
        event(7, 6, "ParallelStateStarted", None),
        event(8, 7, "MapStateEntered", Some("Each")),
        event(9, 7, "WaitStateEntered", Some("Pause")),
        event(10, 8, "TaskStateEntered", Some("Copy")),
        event(11, 8, "TaskStateEntered", Some("Copy")),
        event(12, 10, "TaskStateExited", Some("Copy")),
    ];
    update(&mut state, Event::Flows(events));
    state
}

#[test]
fn branches_are_shown_as_they_run() {
    looks("graph_branches", || {
        let mut state = branches();
        press(&mut state, "5\tz");
        state
    });
    let mut state = branches();
    press(&mut state, "5");
    assert!(screen(&mut state, 120, 40).contains("Pause 01:23"), "{}", screen(&mut state, 120, 40));
    press(&mut state, "j");
    assert!(screen(&mut state, 120, 40).contains("iteration 3/960"), "each execution has its own machine");
}

#[test]
fn the_history_of_an_execution_that_was_left_aside_is_asked_for_once() {
    let mut state = story::landing();
    let run = story::execution("old", ExecutionStatus::Succeeded, 140_000);
    update(&mut state, Event::Flows(vec![run]));
    let asked = press(&mut state, "5");
    assert!(
        matches!(asked.as_slice(), [Effect::ReadHistory { execution }] if execution.ends_with(":old")),
        "{asked:?}"
    );
    assert!(screen(&mut state, 120, 40).contains("asking for its history"));
    assert_eq!(press(&mut state, "j"), []);
    assert_eq!(press(&mut state, "k"), []);
    update(&mut state, Event::Flows(story::history("old", 1, true, 140_000)));
    assert!(screen(&mut state, 120, 40).contains("ExecutionSucceeded"));
}

#[test]
fn every_size_is_drawn() {
    for mut state in vec![table("G\n"), landing("4j\n+"), landing("5\t+z"), branches()].into_boxed_slice() {
        (1..60).for_each(|height| drop(screen(&mut state, 90, height)));
        (1..150).for_each(|width| drop(screen(&mut state, width, 26)));
    }
}
