//! What keys do, from key to effect; and that nothing makes the dashboard panic.

use crossterm::event::KeyCode;
use proptest::prelude::*;
use vaultscope::model::activity::{Activity, CallRow};
use vaultscope::model::objects::{Found, Level, Look};
use vaultscope::model::preview::ChangePreview;
use vaultscope::model::{LogRole, Seen, SetId, Source, SourceReport, SourceState, Timestamp};
use vaultscope::tui::{Effect, EffectResult, Event, JobRequest, Page, ReplayReading, Spot, State, TargetInfo, update};

use super::story;
use super::{key, press, screen};

#[test]
fn deploy_then_a_job_then_success() {
    let mut state = State::new(story::setup());
    assert!(press(&mut state, "s").is_empty(), "a job needs the stack");
    assert!(screen(&mut state, 80, 24).contains("press d"));
    let deploy = Effect::Deploy { offer: "event-processing".to_owned() };
    let preview = Effect::Preview { offer: "event-processing".to_owned(), parameters: Vec::new() };
    assert_eq!(press(&mut state, "d"), vec![preview.clone()]);
    assert!(press(&mut state, "d").is_empty(), "it is under way");
    story::preview(&mut state, story::new_stack());
    update(&mut state, Event::Done(EffectResult { effect: preview, outcome: Ok(String::new()) }));
    assert_eq!(press(&mut state, "\n"), vec![deploy.clone()]);
    assert!(press(&mut state, "d").is_empty(), "it is being deployed");
    update(&mut state, Event::Flows(story::deployed()));
    update(&mut state, Event::Done(EffectResult { effect: deploy, outcome: Ok("deployed".to_owned()) }));
    assert!(press(&mut state, "s\u{8}\u{8}\u{8}").is_empty());
    assert!(press(&mut state, "\n").is_empty(), "no number of files");
    assert!(screen(&mut state, 80, 24).contains("a whole number is needed"));
    let effects = press(&mut state, "20\t\t\t3\n");
    assert_eq!(effects, vec![Effect::StartJob(JobRequest { files: 20, missing: 3, ..JobRequest::default() })]);
    let set: SetId = "s".into();
    update(&mut state, Event::Flows(story::job("s", 20, 99, 1_000)));
    update(
        &mut state,
        Event::Flows(vec![story::log(9_000, LogRole::ReconcileSuccessful, &set, "s-vaultjob/s.manifest", 9)]),
    );
    assert!(screen(&mut state, 80, 24).contains("Reconciliation Successful"));
    assert_eq!(state.summary().datasets.len(), 1);
}

#[test]
fn new_lines_never_move_what_is_looked_at() {
    let mut state = story::landing();
    press(&mut state, "3kkk");
    let before = screen(&mut state, 80, 24);
    let set: SetId = "t".into();
    let more = (0..50)
        .map(|n| story::log(200_000 + n, LogRole::DataFileUpload, &set, &format!("t-vaultjob/{n}"), 1))
        .collect();
    update(&mut state, Event::Flows(more));
    let after = screen(&mut state, 80, 24);
    assert!(after.contains("▼ 50 new"), "{after}");
    let rows = |text: &str| text.lines().filter(|line| line.contains("file-")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(rows(&before), rows(&after));
    press(&mut state, "G");
    assert!(screen(&mut state, 80, 24).contains("t-vaultjob/49"));
}

#[test]
fn a_filter_holds_for_old_lines_and_new_ones() {
    let mut state = story::landing();
    press(&mut state, "3fsuccessful\n");
    assert!(screen(&mut state, 80, 24).contains("1 line of 1,729"));
    let set: SetId = "t".into();
    update(
        &mut state,
        Event::Flows(vec![
            story::log(200_000, LogRole::ReconcileSuccessful, &set, "t-vaultjob/t.manifest", 1),
            story::log(200_001, LogRole::DataFileUpload, &set, "t-vaultjob/x", 1),
        ]),
    );
    assert!(screen(&mut state, 80, 24).contains("2 lines of 1,731"));
    press(&mut state, "f\u{1b}");
    assert!(screen(&mut state, 80, 24).contains("· 1,731 lines"));
}

#[test]
fn what_is_seen_twice_counts_once() {
    let mut state = story::landing();
    let before = screen(&mut state, 80, 24);
    update(&mut state, Event::Flows(story::history(story::SECOND, 3, false, 60_000)));
    let key = "DhoTdbmBHm3DfBWL-vaultjob/not in the manifest";
    update(&mut state, Event::Flows(vec![story::item(122_000, &story::SECOND.into(), key, 7)]));
    assert_eq!(before, screen(&mut state, 80, 24));
}

#[test]
fn a_state_survives_being_written_and_read() {
    let mut state = story::landing();
    let text = serde_json::to_string(&state).expect("a state is written");
    let mut again: State = serde_json::from_str(&text).expect("and read");
    for keys in ["1", "2", "3", "4", "5", "6", "8", "9"] {
        press(&mut state, keys);
        press(&mut again, keys);
        assert_eq!(screen(&mut state, 120, 40), screen(&mut again, 120, 40));
    }
}

#[test]
fn odd_names_never_break_a_row() {
    let mut state = story::landing();
    let set: SetId = "\u{1b}[31m\u{202e}日本語".into();
    let keys = [
        "日本語".repeat(200),
        "a\r\nb\t\u{7}".to_owned(),
        "👩‍👩‍👧‍👦e\u{301}\u{200d}".repeat(9),
        "\u{202e}gnp.exe".to_owned(),
    ];
    for key in &keys {
        let events =
            vec![story::log(200_000, LogRole::DataFileUpload, &set, key, 1), story::item(200_000, &set, key, u64::MAX)];
        update(&mut state, Event::Flows(events));
    }
    for page in ["1", "2", "3w\n", "4", "5", "6", "8", "9"] {
        press(&mut state, page);
        for line in screen(&mut state, 80, 24).lines() {
            assert!(!line.chars().any(|char| char.is_control() || char == '\u{202e}'), "{line:?}");
        }
    }
}

/// A state with everything in it that a page can show.
fn full() -> State {
    let mut state = story::landing();
    update(&mut state, Event::Activity(story::activity()));
    story::sources(&mut state, &story::SOURCES, &SourceState::Live);
    story::sources(&mut state, story::LOGS, &story::unavailable());
    story::sources(&mut state, &[Source::Table], &SourceState::Throttled { retry_ms: 3_000 });
    story::sources(&mut state, &[Source::Queue], &story::failing());
    super::objects::keyed(&mut state, "6j\njjj");
    state
}

#[test]
fn every_height_and_every_width_is_drawn() {
    let mut state = full();
    update(&mut state, Event::Target(TargetInfo { read_only: true, ..story::aws() }));
    for page in ["1", "2", "3\n", "4", "5", "5\t+", "4\tg\n", "4\n+", "6", "8", "9"] {
        press(&mut state, page);
        (1..70).for_each(|height| drop(screen(&mut state, 100, height)));
        (1..150).for_each(|width| drop(screen(&mut state, width, 30)));
    }
    for keys in ["2v", "2p", "2p↑→", "s", "s↑↑→", "7e", "7i", "4i", "?", "!", ":", "T"] {
        let mut state = full();
        press(&mut state, keys);
        (1..70).step_by(3).for_each(|height| drop(screen(&mut state, 90, height)));
        (1..150).step_by(3).for_each(|width| drop(screen(&mut state, width, 20)));
    }
    story::preview(&mut state, story::harmful_update());
    (1..70).for_each(|height| drop(screen(&mut state, 100, height)));
    (1..150).for_each(|width| drop(screen(&mut state, width, 30)));
}

/// What a bucket of odd names answers, asked for or not.
fn looked() -> impl Strategy<Value = (Look, Result<Found, String>)> {
    let bucket = prop_oneof![Just("eventprocessingstack-fileuploadbucket-1x2y".to_owned()), "[a-z]{3}"];
    let names = || prop::collection::vec("[ab/日]{0,6}", 0..6);
    (bucket, "[ab/]{0,4}", names(), names(), any::<u64>(), any::<bool>(), any::<bool>()).prop_map(
        |(bucket, prefix, folders, keys, size, goes_on, failed)| {
            let objects = keys.iter().map(|key| super::objects::object(&format!("{prefix}{key}"), size)).collect();
            let folders = folders.into_iter().map(|folder| format!("{prefix}{folder}/")).collect();
            let level = Level { folders, objects, next: goes_on.then(|| "token".to_owned()) };
            let found = if failed { Err("\u{1b}no\u{202e}".to_owned()) } else { Ok(Found::Level(level)) };
            (Look::Level { bucket, prefix, after: goes_on.then(String::new), pages: u32::MAX }, found)
        },
    )
}

/// Something that happens between two keys.
fn happening() -> impl Strategy<Value = Event> {
    let source = prop::sample::select(&story::SOURCES[..]);
    let state = prop_oneof![
        Just(SourceState::Live),
        any::<bool>().prop_map(|sampled| SourceState::Tailing { sampled }),
        any::<u64>().prop_map(|retry_ms| SourceState::Throttled { retry_ms }),
        Just(story::failing()),
        Just(story::unavailable()),
    ];
    let rows = prop::collection::vec(("[a-z日]{0,9}", "\\PC{0,60}", 0..1_000_000_u64, any::<u64>()), 0..30);
    prop_oneof![
        (source, state).prop_map(|(source, state)| Event::Flows(vec![story::at(
            150_000,
            Seen::Source(SourceReport { source, state })
        )])),
        any::<u64>().prop_map(Event::Tick),
        rows.prop_map(|rows| {
            let row = |(service, operation, calls, other): (String, String, u64, u64)| CallRow {
                last: other,
                changes: other % 2 == 0,
                command: Some(format!("{operation} {service}").repeat(operation.chars().count() + 1).into()),
                failed_command: (other % 3 == 0).then(|| operation.as_str().into()),
                service,
                operation,
                calls,
                errors: other,
                throttled: other / 2,
                micros: other,
                slowest_micros: other,
                nano_usd: other,
            };
            Event::Activity(Activity { rows: rows.into_iter().map(row).collect() })
        }),
        prop_oneof![Just(story::new_stack()), Just(story::harmful_update())]
            .prop_map(|preview| Event::Preview { offer: "event-processing".to_owned(), preview }),
        Just(Event::Preview {
            offer: "\u{1b}日".to_owned(),
            preview: ChangePreview { stack: "\u{202e}".to_owned(), is_new: false, changes: Vec::new() },
        }),
        any::<usize>().prop_map(|skip| Event::StackPast {
            stack: story::STACK.to_owned(),
            events: story::past().into_iter().skip(skip % 20).collect(),
        }),
        any::<bool>().prop_map(|read_only| Event::Target(TargetInfo { read_only, ..story::aws() })),
        Just(Event::Target(story::endpoint())),
        any::<i16>().prop_map(Event::Scroll),
        prop::sample::select(&Page::ALL[..]).prop_map(|page| Event::Click(Spot::Page(page))),
        (0..6_usize, any::<Option<usize>>()).prop_map(|(pane, row)| Event::Click(Spot::Pane { pane, row })),
        (any::<i32>(), any::<u64>())
            .prop_map(|(at, order)| Event::Click(Spot::Line(Timestamp::from_secs(at.into()), order))),
        looked().prop_map(|(look, found)| Event::Found { look, found }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]
    #[test]
    fn no_size_no_key_and_no_event_makes_it_panic(
        steps in prop::collection::vec(
            prop_oneof![3 => "[1-9a-zA-Z:/!?.\\[\\] \n\t\u{1b}\u{8}←→↑↓]".prop_map(Ok), 1 => happening().prop_map(Err)],
            0..60,
        ),
        sizes in prop::collection::vec((1_u16..160, 1_u16..60), 1..4),
        empty in any::<bool>(),
    ) {
        let mut state = if empty { State::new(story::setup()) } else { story::landing() };
        for (at, step) in steps.into_iter().enumerate() {
            match step {
                Ok(key) => drop(press(&mut state, &key)),
                Err(event) => drop(update(&mut state, event)),
            }
            let (width, height) = sizes[at % sizes.len()];
            screen(&mut state, width, height);
        }
        for (width, height) in sizes {
            screen(&mut state, width, height);
        }
    }
}

/// A replay of the story: what happened then happens to the screen again, and asks for nothing.
#[test]
fn a_replay_shows_what_was_recorded_and_does_nothing() {
    let mut state = State::replaying(story::setup());
    let deployed = key(KeyCode::Char('d'));
    assert_eq!(update(&mut state, Event::Replayed(Box::new(deployed.clone()))), [], "it was done then");
    assert!(screen(&mut state, 120, 40).contains("REPLAY"));
    let reading = ReplayReading { at_ms: 61_000, length_ms: 100_000, rate: 2.0, paused: false };
    update(&mut state, Event::Replay(reading));
    assert!(screen(&mut state, 120, 40).contains("▶×2 1:01/1:40"));
    assert_eq!(press(&mut state, " "), [Effect::Pause(true)], "the replay's own time");
    assert_eq!(press(&mut state, "]]"), [Effect::SetRate(5.0), Effect::SetRate(10.0)]);
    update(&mut state, Event::Replayed(Box::new(key(KeyCode::Char('3')))));
    assert!(screen(&mut state, 120, 40).contains("▸3 Logs"));
    assert_eq!(press(&mut state, "1d"), [], "nothing stands behind it");
    assert!(screen(&mut state, 120, 40).contains("this is a replay"));
    update(&mut state, Event::Replayed(Box::new(key(KeyCode::Char('3')))));
    assert!(screen(&mut state, 120, 40).contains("▸1 Flow"), "the user has the keys");
    update(&mut state, Event::Replayed(Box::new(Event::Resize(30, 10))));
    assert!(screen(&mut state, 120, 40).lines().count() == 40);
}
