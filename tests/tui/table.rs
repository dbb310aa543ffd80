//! The Table page: items that are written again, and the one item that is read whole: when it is asked for, and no more.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;
use serde_json::{Value, json};
use vaultscope::model::board::ItemKey;
use vaultscope::tui::{Effect, Event, State, Theme, ViewState, draw, update};

use super::{press, screen, story};

const SIZES: [(u16, u16); 4] = [(80, 24), (120, 40), (140, 45), (50, 20)];

/// The key of the nth file of the dataset that is on its way.
fn file(nth: usize) -> String {
    story::keys(&story::SECOND.into(), nth + 1)[nth + 4].clone()
}

/// The items have the keys, and the newest but one is selected.
fn selected() -> State {
    let mut state = story::landing();
    press(&mut state, "4\tkk");
    state
}

fn attributes(key: &ItemKey) -> Value {
    json!({
        "setId": {"S": key.set_id},
        "objectKey": {"S": key.object_key},
        "bucketName": {"S": "eventprocessingstack-fileuploadbucket-1x2y"},
        "eventTime": {"N": "1604577682"},
        "objectSize": {"N": "1898000000"},
    })
}

/// What was asked for, answered with an item.
fn answered(state: &mut State, effects: Vec<Effect>) -> Vec<ItemKey> {
    let mut keys = Vec::new();
    let mut waiting = effects;
    while let Some(effect) = waiting.pop() {
        if let Effect::ReadItem(key) = effect {
            let found = Ok(Some(attributes(&key)));
            waiting.extend(update(state, Event::Item { key: key.clone(), found }));
            keys.push(key);
        }
    }
    keys
}

/// Presses keys, each of which is answered before the next; gives what was read.
fn keyed(state: &mut State, keys: &str) -> Vec<String> {
    let read = keys.chars().flat_map(|key| {
        let effects = press(state, &key.to_string());
        answered(state, effects)
    });
    read.map(|key| key.object_key).collect()
}

fn looks(name: &str, make: impl Fn() -> State) {
    for (width, height) in SIZES {
        let shown = screen(&mut make(), width, height);
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), shown);
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
        let mut view = ViewState::new(Theme::Mono);
        terminal.draw(|frame| draw(frame, &make(), &mut view)).expect("a frame");
        let buffer = terminal.backend().buffer();
        assert!(buffer.content().iter().all(|cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset)), "no colour");
        assert_eq!(terminal.backend().to_string(), shown, "colour carries no meaning alone");
    }
}

/// An item that was there is written again, at that second and with that size.
fn again(state: &mut State, nth: usize, secs: i64, size: u64) -> Vec<Effect> {
    update(state, Event::Flows(vec![story::item(secs * 1_000, &story::SECOND.into(), &file(nth), size)]))
}

#[test]
fn an_item_that_is_written_again_is_marked_for_a_while_and_counted_once() {
    let mut state = selected();
    update(&mut state, Event::Tick(60_000));
    let before = screen(&mut state, 120, 40);
    assert!(!before.contains('~') || before.matches('~').count() == 1, "only the legend has the mark: {before}");
    again(&mut state, 1_675, 150, 5_000);
    let shown = screen(&mut state, 120, 40);
    let row = shown.lines().find(|line| line.contains("file-00001675")).unwrap_or_default();
    assert!(row.contains(" ~ dir-") && row.contains("5.0 kB 12:02:30"), "{shown}");
    assert!(shown.contains("Items 1,684") && shown.contains("~ changed"), "{shown}");
    again(&mut state, 1_675, 150, 5_000);
    assert_eq!(shown, screen(&mut state, 120, 40), "the same again is nothing new");
    again(&mut state, 1_675, 90, 7_000);
    assert_eq!(shown, screen(&mut state, 120, 40), "nor is an earlier reading");
    press(&mut state, "1");
    let flow = screen(&mut state, 120, 40);
    assert_eq!(flow.matches("changed").count(), 1, "{flow}");
    assert!(flow.contains("1,729"), "the items that were counted: {flow}");
    press(&mut state, "4");
    update(&mut state, Event::Tick(63_001));
    let shown = screen(&mut state, 120, 40);
    let row = shown.lines().find(|line| line.contains("file-00001675")).unwrap_or_default();
    assert!(!row.contains('~') && row.contains("5.0 kB"), "{shown}");
}

#[test]
fn an_item_that_is_unexpected_and_new_says_both() {
    let mut state = story::landing();
    press(&mut state, "4\t");
    let stray = story::item(140_000, &story::SECOND.into(), "DhoTdbmBHm3DfBWL-vaultjob/stray", 9);
    update(&mut state, Event::Flows(vec![stray]));
    let shown = screen(&mut state, 120, 40);
    assert!(shown.contains("!+ stray"), "{shown}");
}

#[test]
fn the_selected_item_is_read_once_and_shown_with_its_types() {
    looks("item_hint", selected);
    looks("item", || {
        let mut state = selected();
        keyed(&mut state, "i");
        state
    });
    looks("item_zoomed", || {
        let mut state = selected();
        keyed(&mut state, "i\t\tz");
        state
    });
}

#[test]
fn on_the_embedded_endpoint_the_pane_goes_with_the_selection_and_elsewhere_it_waits_to_be_asked() {
    let mut state = selected();
    assert_eq!(keyed(&mut state, "kj"), [] as [String; 0], "nothing is read before it is asked for");
    assert_eq!(keyed(&mut state, "i"), [file(1_677)]);
    assert_eq!(keyed(&mut state, "kk"), [file(1_676), file(1_675)]);
    let effects = again(&mut state, 1_675, 150, 5_000);
    assert_eq!(answered(&mut state, effects).len(), 1, "it was written again");
    assert_eq!(keyed(&mut state, "\u{1b}k"), [] as [String; 0], "it was closed");
    assert!(screen(&mut state, 80, 24).contains("Reconcile"));

    let mut state = selected();
    update(&mut state, Event::Target(story::aws()));
    assert_eq!(keyed(&mut state, "i"), [file(1_677)]);
    assert_eq!(keyed(&mut state, "k"), [] as [String; 0], "each call is paid for");
    let shown = screen(&mut state, 120, 40);
    assert!(shown.contains("not read: i reads it, one GetItem call"), "{shown}");
    keyed(&mut state, "j");
    assert!(screen(&mut state, 120, 40).contains(r#""objectSize": {"N": "1898000000"}"#));
    assert_eq!(again(&mut state, 1_677, 150, 5_000), []);
    let shown = screen(&mut state, 120, 40);
    assert!(shown.contains("~ written again since it was read"), "{shown}");
    assert_eq!(keyed(&mut state, "i"), [file(1_677)]);
    assert!(!screen(&mut state, 120, 40).contains("written again since"));
}

#[test]
fn what_is_missing_can_be_asked_for_and_what_goes_wrong_is_said_in_the_pane() {
    let mut state = story::landing();
    update(&mut state, Event::Target(story::aws()));
    press(&mut state, "4\t\tj");
    let effects = press(&mut state, "i");
    let [Effect::ReadItem(key)] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(press(&mut state, "i"), [], "its answer is on its way");
    assert!(screen(&mut state, 120, 40).contains("◐ reading …"));
    update(&mut state, Event::Item { key: key.clone(), found: Ok(None) });
    let shown = screen(&mut state, 120, 40);
    assert!(shown.contains("− the table holds no item"), "{shown}");
    press(&mut state, "i");
    let found = Err("table t is throttled: it is asked for more than it may answer now".to_owned());
    update(&mut state, Event::Item { key: key.clone(), found });
    let shown = screen(&mut state, 120, 40);
    assert!(shown.contains("✗ table t is throttled"), "{shown}");
    let other = ItemKey { set_id: "x".into(), object_key: "y".to_owned() };
    update(&mut state, Event::Item { key: other, found: Ok(None) });
    assert!(!screen(&mut state, 120, 40).contains("✗ table t"), "another one was read since");
}

#[test]
fn the_item_is_copied_as_json_and_opened_as_a_way() {
    let mut state = selected();
    keyed(&mut state, "i\t\t");
    let effects = press(&mut state, "y");
    let [Effect::Copy(text)] = effects.as_slice() else { panic!("{effects:?}") };
    let copied: Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(copied["objectSize"], json!({"N": "1898000000"}));
    assert_eq!(copied["objectKey"], json!({"S": file(1_677)}));
    assert!(text.lines().count() > 5, "{text}");
    let effects = press(&mut state, "\n");
    assert_eq!(effects, [Effect::ReadTrace { about: file(1_677) }]);
}

#[test]
fn a_replay_shows_what_was_read_then_and_reads_nothing() {
    let mut state = State::replaying(story::setup());
    let mut recorded = |event| update(&mut state, Event::Replayed(Box::new(event)));
    recorded(Event::Flows(story::deployed()));
    recorded(Event::Flows(story::job(story::SECOND, 8, 12, 1_000)));
    let key = ItemKey { set_id: story::SECOND.into(), object_key: file(5) };
    recorded(super::key(crossterm::event::KeyCode::Char('4')));
    recorded(super::key(crossterm::event::KeyCode::Tab));
    for _ in 0..2 {
        recorded(super::key(crossterm::event::KeyCode::Char('k')));
    }
    assert_eq!(recorded(super::key(crossterm::event::KeyCode::Char('i'))), []);
    recorded(Event::Item { key: key.clone(), found: Ok(Some(attributes(&key))) });
    let shown = screen(&mut state, 120, 40);
    assert!(shown.contains(r#""objectSize": {"N": "1898000000"}"#), "{shown}");
    assert_eq!(press(&mut state, "k"), []);
    assert_eq!(press(&mut state, "i"), []);
    assert!(screen(&mut state, 120, 40).contains("only what was read then can be seen"));
}
