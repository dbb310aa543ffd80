//! The palette, the picker of colours, other keys, presenting and the mouse, from key to effect and picture.

use crossterm::event::KeyCode;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use vaultscope::model::{LogRole, SetId};
use vaultscope::tui::{
    Effect, Event, Keymap, Page, Rebinding, Setup, Spot, State, TargetInfo, Theme, ViewState, draw, update,
};

use super::story;
use super::{key, press, screen};

/// A screen that remembers what was drawn before, as the real one does.
struct Screen {
    terminal: Terminal<TestBackend>,
    view: ViewState,
}

impl Screen {
    fn new(width: u16, height: u16) -> Self {
        let terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
        Self { terminal, view: ViewState::new(Theme::Dark) }
    }

    fn draw(&mut self, state: &State) -> String {
        self.terminal.draw(|frame| draw(frame, state, &mut self.view)).expect("a frame");
        self.terminal.backend().to_string()
    }
}

#[test]
fn the_palette_finds_a_command_by_what_it_does_and_does_it() {
    let mut state = story::landing();
    press(&mut state, ":");
    let all = screen(&mut state, 120, 40);
    assert!(all.contains("Commands · Flow") && all.contains("open what is selected: a file's way"), "{all}");
    press(&mut state, "logs");
    let some = screen(&mut state, 120, 40);
    assert!(
        some.contains("to the page Logs") && some.contains("show-logs") && !some.contains("half a page up"),
        "{some}"
    );
    press(&mut state, "\n");
    assert!(screen(&mut state, 120, 40).contains("▸3 Logs"));
    // The same effects as those of its key.
    assert_eq!(press(&mut state, ":stop or resume\n"), [Effect::Pause(true)]);
    // A name of the configuration file finds it too; the arrows choose.
    press(&mut state, ":half-");
    update(&mut state, key(KeyCode::Down));
    let text = screen(&mut state, 120, 40);
    let selected = text.lines().find(|line| line.contains(" ▸ Ctrl+")).unwrap_or_else(|| panic!("{text}"));
    assert!(selected.contains("half a page"), "{selected}");
    press(&mut state, "nothing is like this");
    assert!(screen(&mut state, 120, 40).contains("no command is like this"));
    assert_eq!(press(&mut state, "\n"), []);
    press(&mut state, ":\u{1b}");
    assert!(!screen(&mut state, 120, 40).contains("Commands ·"));
}

#[test]
fn what_is_not_allowed_is_said_in_the_palette_too() {
    let mut state = story::landing();
    update(&mut state, Event::Target(TargetInfo { read_only: true, ..story::aws() }));
    press(&mut state, ":vault a");
    let text = screen(&mut state, 120, 40);
    assert!(text.contains("vault a simulated dataset") && text.contains("READ-ONLY start-job"), "{text}");
    assert_eq!(press(&mut state, "\n"), []);
    assert!(screen(&mut state, 120, 40).contains("READ-ONLY: start vaultscope with --write to start a job"));
}

#[test]
fn colours_are_tried_before_they_are_taken() {
    let mut state = story::landing();
    press(&mut state, "T");
    assert!(screen(&mut state, 80, 24).contains("what fits the terminal"));
    assert_eq!(press(&mut state, "j"), [Effect::Colours(Some(Theme::Dark))]);
    assert_eq!(press(&mut state, "j"), [Effect::Colours(Some(Theme::Light))]);
    assert_eq!(press(&mut state, "\u{1b}"), [Effect::Colours(None)], "as before");
    assert_eq!(press(&mut state, "TG"), [Effect::Colours(Some(Theme::Mono))]);
    assert_eq!(press(&mut state, "\n"), []);
    assert!(screen(&mut state, 80, 24).contains("theme = \"mono\""), "how to keep it");
    assert_eq!(press(&mut state, "Tk\u{1b}"), [Effect::Colours(Some(Theme::Ansi)), Effect::Colours(Some(Theme::Mono))]);
}

fn bound(changes: &[(&str, &[&str])]) -> State {
    let rebinding = |(action, keys): &(&str, &[&str])| Rebinding {
        action: (*action).to_owned(),
        keys: keys.iter().map(|key| key.parse().expect("a key")).collect(),
    };
    let keys = changes.iter().map(rebinding).collect();
    State::new(Setup { keys, ..story::setup() })
}

#[test]
fn other_keys_stand_wherever_keys_stand() {
    let mut state = bound(&[
        ("deploy", &["D"]),
        ("start-job", &["V"]),
        ("help", &["U", "F1"]),
        ("down", &["Ctrl+N", "Down"]),
        ("show-stacks", &["b"]),
        ("mouse", &[]),
    ]);
    let home = screen(&mut state, 120, 40);
    assert!(home.contains("D  deploy the event processing stack"), "{home}");
    assert!(home.contains("V  then start a job") && home.contains(" U help  D deploy"), "{home}");
    assert!(home.contains("b Stacks"), "{home}");
    assert_eq!(press(&mut state, "d"), [], "its usual key is free");
    assert_eq!(
        press(&mut state, "D"),
        [Effect::Preview { offer: "event-processing".to_owned(), parameters: Vec::new() }]
    );
    press(&mut state, "b");
    assert!(screen(&mut state, 80, 24).contains("D deploys the stack"));
    press(&mut state, "U");
    let help = screen(&mut state, 100, 60);
    assert!(help.contains("U F1") && help.contains("Ctrl+N ↓"), "{help}");
    press(&mut state, "\u{1b}:the mouse");
    let palette = screen(&mut state, 100, 30);
    assert!(palette.contains("the mouse chooses pages"), "{palette}");
    assert_eq!(press(&mut state, "\n"), [Effect::Mouse(true)], "what has no key is still there");
}

#[test]
fn the_keys_of_a_recording_mean_what_they_meant_then() {
    let setup = Setup {
        keys: vec![Rebinding { action: "show-logs".to_owned(), keys: vec!["b".parse().expect("a key")] }],
        ..story::setup()
    };
    let mut state = State::replaying(setup).with_keys(Keymap::default());
    update(&mut state, Event::Replayed(Box::new(key(KeyCode::Char('b')))));
    let text = screen(&mut state, 120, 40);
    assert!(text.contains("▸3 Logs"), "{text}");
    press(&mut state, "4");
    assert!(screen(&mut state, 120, 40).contains("▸4 Table"), "the user's own");
}

/// The rows of digits on a screen that are as long as an account number.
fn accounts(text: &str) -> Vec<&str> {
    text.split(|char: char| !char.is_ascii_digit()).filter(|digits| digits.len() == 12).collect()
}

#[test]
fn no_page_shows_an_account_number_while_presenting() {
    let set: SetId = "s".into();
    let mut state = story::landing();
    update(&mut state, Event::Target(TargetInfo { profile: Some("444455556666".to_owned()), ..story::aws() }));
    let odd = "s-vaultjob/https://sqs.us-east-1.amazonaws.com/777788889999/q";
    update(&mut state, Event::Flows(vec![story::log(200_000, LogRole::DataFileUpload, &set, odd, 1)]));
    press(&mut state, "3w");
    assert!(!accounts(&screen(&mut state, 140, 45)).is_empty(), "there are some to mask");
    press(&mut state, "P");
    for (width, height) in [(140, 45), (80, 24), (97, 30), (61, 20)] {
        for page in ["1", "2", "3", "4", "5", "7", "9", "3\n", "3w", "3z", "?", ":"] {
            press(&mut state, page);
            for pane in 0..4 {
                let text = screen(&mut state, width, height);
                assert_eq!(accounts(&text), Vec::<&str>::new(), "page {page}, pane {pane}:\n{text}");
                press(&mut state, "\t");
            }
            press(&mut state, "\u{1b}");
        }
    }
    let text = screen(&mut state, 140, 45);
    assert!(text.contains("••••••••••••"), "{text}");
    press(&mut state, "P");
    assert!(!screen(&mut state, 140, 45).contains("••••"));
}

#[test]
fn an_audience_sees_one_pane_in_the_light_and_the_keys() {
    let mut state = State::new(Setup { presents: true, ..story::setup() });
    update(&mut state, Event::Flows(story::deployed()));
    update(&mut state, Event::Flows(story::job("s", 20, 99, 1_000)));
    update(&mut state, Event::Tick(1_000));
    press(&mut state, "\t");
    let text = screen(&mut state, 140, 45);
    assert!(text.contains(" Tab  pane"), "{text}");
    let wide = |title: &str| {
        let line = text.lines().find(|line| line.contains(title)).unwrap_or_else(|| panic!("{title}: {text}"));
        line.split(title).nth(1).map_or(0, |rest| rest.chars().take_while(|char| "━─ ".contains(*char)).count())
    };
    assert!(wide("Datasets 1") > 2 * wide("Latest"), "{text}");
    press(&mut state, "jj");
    assert!(screen(&mut state, 140, 45).contains(" j ×2 "));
    update(&mut state, Event::Tick(6_000));
    assert!(!screen(&mut state, 140, 45).contains(" j ×2 "), "it is gone");
    let narrow = screen(&mut state, 80, 24);
    assert!(narrow.contains("Execution · Latest · Pipeline"), "the others are named: {narrow}");
    assert!(screen(&mut State::new(story::setup()), 140, 45).contains("000000000000"), "nobody presents");
}

#[test]
fn a_picture_that_is_held_still_says_what_it_is_behind() {
    let mut state = story::landing();
    update(&mut state, Event::Tick(1_000));
    let mut screen = Screen::new(120, 40);
    press(&mut state, "3");
    screen.draw(&state);
    press(&mut state, "F");
    let held = screen.draw(&state);
    assert!(held.contains("■ FROZEN 0 s · 0 events behind · F goes on"), "{held}");
    let set: SetId = "t".into();
    let more = (0..50).map(|n| story::log(200_000 + n, LogRole::DataFileUpload, &set, &format!("t-vaultjob/{n}"), 1));
    update(&mut state, Event::Flows(more.collect()));
    update(&mut state, Event::Tick(13_500));
    assert_eq!(press(&mut state, "x4 "), [], "what cannot be seen is not done");
    let later = screen.draw(&state);
    assert!(later.contains("■ FROZEN 12 s · 50 events behind"), "{later}");
    let above = |text: &str| text.lines().take(38).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(above(&held), above(&later));
    press(&mut state, "F");
    let live = screen.draw(&state);
    assert!(live.contains("t-vaultjob/49") && !live.contains("FROZEN"), "it went on: {live}");
    press(&mut state, "F");
    screen.draw(&state);
    assert_eq!(press(&mut state, "q"), [], "it lets go first");
    assert_eq!(update(&mut state, Event::Scroll(-1)), []);
    press(&mut state, "1Fm");
    assert_eq!(press(&mut state, "\u{1b}q"), [Effect::Quit]);
}

#[test]
fn a_click_chooses_a_page_a_pane_and_a_row() {
    let mut state = story::landing();
    update(&mut state, Event::Click(Spot::Page(Page::Table)));
    assert!(screen(&mut state, 120, 40).contains("▸4 Table"));
    let copied = |state: &mut State| match press(state, "y").as_slice() {
        [Effect::Copy(text)] => text.clone(),
        other => panic!("{other:?}"),
    };
    update(&mut state, Event::Click(Spot::Pane { pane: 1, row: Some(2) }));
    let third = copied(&mut state);
    press(&mut state, "j");
    let fourth = copied(&mut state);
    assert_ne!(third, fourth);
    update(&mut state, Event::Click(Spot::Pane { pane: 1, row: Some(3) }));
    assert_eq!(copied(&mut state), fourth);
    update(&mut state, Event::Click(Spot::Pane { pane: 1, row: Some(usize::MAX) }));
    update(&mut state, Event::Click(Spot::Pane { pane: 99, row: Some(0) }));
    assert_eq!(copied(&mut state), fourth, "nothing stands there");
    let text = screen(&mut state, 120, 40);
    assert!(text.contains(&format!("copied {} characters: {}", fourth.chars().count(), &fourth[..20])), "{text}");
    press(&mut state, "?");
    update(&mut state, Event::Click(Spot::Page(Page::Flow)));
    press(&mut state, "\u{1b}");
    assert!(screen(&mut state, 120, 40).contains("▸4 Table"), "an overlay takes keys only");
}

/// The cell where a text begins.
fn find(text: &str, wanted: &str) -> (u16, u16) {
    // Each line of a test's screen stands in quotes.
    for (row, line) in text.lines().enumerate() {
        if let Some(at) = line.find(wanted) {
            let column = line[..at].chars().count() - 1;
            return (u16::try_from(column).expect("a column"), u16::try_from(row).expect("a row"));
        }
    }
    panic!("{wanted:?} is not in {text}")
}

#[test]
fn what_stands_at_a_cell_is_what_is_drawn_there() {
    let mut state = story::landing();
    let mut screen = Screen::new(120, 40);
    let mut at = |state: &mut State, wanted: &str| {
        update(state, Event::Resize(120, 40));
        let text = screen.draw(state);
        let (column, row) = find(&text, wanted);
        screen.view.spot(column, row)
    };
    assert_eq!(at(&mut state, "4 Table"), Some(Spot::Page(Page::Table)));
    assert_eq!(at(&mut state, "Latest"), Some(Spot::Pane { pane: 3, row: None }), "a title");
    assert_eq!(at(&mut state, "vaultscope"), None);
    press(&mut state, "2");
    let (first, second) = (at(&mut state, "fileUploadBucket"), at(&mut state, "fileUploadEventTable"));
    let (Some(Spot::Pane { pane: 1, row: Some(first) }), Some(Spot::Pane { pane: 1, row: Some(second) })) =
        (first, second)
    else {
        panic!("rows of the resources: {first:?}, {second:?}")
    };
    assert_eq!(second, first + 1);
    press(&mut state, "3");
    let Some(Spot::Line(time, order)) = at(&mut state, "file-") else { panic!("a log line") };
    update(&mut state, Event::Click(Spot::Line(time, order)));
    assert!(at(&mut state, "▼ 0 new").is_some(), "the end is not followed any more");
    update(&mut state, Event::Activity(story::activity()));
    press(&mut state, "9");
    let text = screen.draw(&state);
    let (column, row) = find(&text, "operation  ");
    let second = screen.view.spot(column, row + 2);
    assert_eq!(second, Some(Spot::Pane { pane: 0, row: Some(1) }), "below the head of the list: {text}");
    press(&mut state, ":");
    screen.draw(&state);
    assert_eq!(screen.view.spot(column, row + 2), None, "an overlay lies over it");
}
