//! What the pages look like, as text, at the smallest size that is designed for and at a large one; and which colours they
//! have in each scheme.

use std::fmt::Write as _;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use vaultscope::model::{Source, SourceState};
use vaultscope::tui::{Depth, Event, State, TargetInfo, Theme, ViewState, draw, update};

use super::story;
use super::{press, screen};

fn snapshots(name: &str, make: impl Fn() -> State) {
    sized(name, &[(80, 24), (120, 40)], make);
}

/// At a narrow size too.
fn three(name: &str, make: impl Fn() -> State) {
    sized(name, &[(80, 24), (120, 40), (50, 20)], make);
}

fn sized(name: &str, sizes: &[(u16, u16)], make: impl Fn() -> State) {
    for &(width, height) in sizes {
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), screen(&mut make(), width, height));
    }
}

fn landing_with(keys: &'static str) -> impl Fn() -> State {
    move || {
        let mut state = story::landing();
        press(&mut state, keys);
        state
    }
}

#[test]
fn every_page_while_a_dataset_lands() {
    for (name, keys) in [("flow", "1"), ("stacks", "2"), ("logs", "3"), ("table", "4"), ("executions", "5")] {
        snapshots(name, landing_with(keys));
    }
}

#[test]
fn a_newcomer_is_told_what_to_press() {
    snapshots("empty", || State::new(story::setup()));
}

#[test]
fn a_deployment_that_fails_keeps_the_failure_in_sight() {
    snapshots("failing", || {
        let mut state = State::new(story::setup());
        update(&mut state, Event::Flows(story::deploying(5, Some(3))));
        press(&mut state, "2");
        state
    });
}

#[test]
fn overlays_lie_over_the_page() {
    snapshots("help", landing_with("3?"));
    snapshots("job", landing_with("s"));
    three("delete", landing_with("2x"));
    three("delete_aws", || {
        let mut state = on(story::aws(), &[], 1);
        press(&mut state, "2xEventProc");
        state
    });
    snapshots("detail", landing_with("3kk\n"));
    three("logs_context", landing_with("3freconciliation\nc"));
    snapshots("graph", landing_with("5\tz"));
}

#[test]
fn a_portrait_terminal_has_its_own_picture() {
    insta::assert_snapshot!("portrait_40x20", screen(&mut story::landing(), 40, 20));
    insta::assert_snapshot!("portrait_40x60", screen(&mut story::landing(), 40, 60));
    insta::assert_snapshot!("tiny_12x3", screen(&mut story::landing(), 12, 3));
}

/// A dataset lands on a target, and its sources say how they are.
fn on(target: TargetInfo, sources: &[(&[Source], SourceState)], seconds: u64) -> State {
    let mut state = story::landing();
    update(&mut state, Event::Target(target));
    update(&mut state, Event::Tick(1_000));
    story::sources(&mut state, &story::SOURCES, &SourceState::Live);
    for (of, now) in sources {
        story::sources(&mut state, of, now);
    }
    update(&mut state, Event::Tick(1_000 + seconds * 1_000));
    update(&mut state, Event::Activity(story::activity()));
    story::clock(&mut state, 138_000, 1.0, false);
    state
}

#[test]
fn what_was_called_and_what_it_costs() {
    three("activity", || {
        let mut state = on(story::setup().target, &[], 1);
        press(&mut state, "9jj");
        state
    });
    three("activity_aws", || {
        let mut state = on(story::aws(), &[], 1);
        press(&mut state, "9");
        state
    });
}

#[test]
fn a_change_set_is_shown_before_it_is_executed() {
    three("change_new", || {
        let mut state = State::new(story::setup());
        story::preview(&mut state, story::new_stack());
        state
    });
    three("change_harmful", || {
        let mut state = on(story::aws(), &[], 1);
        press(&mut state, "2");
        story::preview(&mut state, story::harmful_update());
        state
    });
}

#[test]
fn the_target_is_loud() {
    three("aws", || on(story::aws(), &[], 1));
    three("read_only", || {
        let mut state = State::new(story::setup());
        update(&mut state, Event::Target(TargetInfo { read_only: true, ..story::aws() }));
        press(&mut state, "d");
        state
    });
}

#[test]
fn sources_that_do_not_answer_are_told_of() {
    let lacking = [(story::LOGS, story::unavailable())];
    three("lacking", || on(story::endpoint(), &lacking, 1));
    let away = [(&story::SOURCES[..], story::failing())];
    three("away", || on(story::endpoint(), &away, 34));
    three("back", || {
        let mut state = on(story::endpoint(), &away, 34);
        story::sources(&mut state, &story::SOURCES, &SourceState::Live);
        state
    });
    three("troubled", || {
        let throttled = SourceState::Throttled { retry_ms: 4_000 };
        let sampled = SourceState::Tailing { sampled: true };
        on(
            story::aws(),
            &[(&[Source::Table], throttled), (&story::LOGS[..2], sampled), (&story::SOURCES[2..3], story::failing())],
            1,
        )
    });
    three("sampled", || {
        let mut state = on(story::aws(), &[(story::LOGS, SourceState::Tailing { sampled: true })], 1);
        press(&mut state, "3");
        state
    });
}

/// The screen in a scheme.
fn drawn(state: &mut State, (width, height): (u16, u16), theme: Theme, depth: Depth) -> Buffer {
    update(state, Event::Resize(width, height));
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    let mut view = ViewState::new(theme).with_depth(depth);
    terminal.draw(|frame| draw(frame, state, &mut view)).expect("a frame");
    terminal.backend().buffer().clone()
}

/// How a cell looks, in words: `#dcdfe4 on #10121a bold`.
fn look(cell: &Cell) -> String {
    let colour = |colour| match colour {
        Color::Reset => "-".to_owned(),
        Color::Rgb(red, green, blue) => format!("#{red:02x}{green:02x}{blue:02x}"),
        other => other.to_string(),
    };
    let mut words = format!("{} on {}", colour(cell.fg), colour(cell.bg));
    for (modifier, name) in [
        (Modifier::BOLD, "bold"),
        (Modifier::DIM, "dim"),
        (Modifier::REVERSED, "reversed"),
        (Modifier::UNDERLINED, "underlined"),
    ] {
        if cell.modifier.contains(modifier) {
            write!(words, " {name}").expect("written");
        }
    }
    words
}

/// The schemes that a picture is told in.
const TOLD: [Theme; 3] = [Theme::Dark, Theme::Light, Theme::Mono];

/// The screen's text, then which look each of its cells has, then the looks in each scheme: a letter is a look, and its
/// first line names it.
fn coloured(state: &mut State, size: (u16, u16)) -> String {
    let pictures = TOLD.map(|theme| drawn(state, size, theme, Depth::All));
    let width = usize::from(size.0);
    let mut looks: Vec<[String; 3]> = Vec::new();
    let mut rows = vec![String::new(); usize::from(size.1)];
    let mut texts = rows.clone();
    for (at, cell) in pictures[0].content.iter().enumerate() {
        for other in &pictures[1..] {
            assert_eq!(other.content[at].symbol(), cell.symbol(), "text is the same in every scheme");
        }
        let of = [0, 1, 2].map(|picture| look(&pictures[picture].content[at]));
        let place = looks.iter().position(|known| *known == of).unwrap_or_else(|| {
            looks.push(of);
            looks.len() - 1
        });
        let letter = char::from(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"[place]);
        // What is most common is left out.
        rows[at / width].push(if place == 0 { ' ' } else { letter });
        texts[at / width].push_str(cell.symbol());
    }
    let mut told = String::new();
    for row in texts.iter().chain(&rows) {
        writeln!(told, "{}", row.trim_end()).expect("written");
    }
    for (place, of) in looks.iter().enumerate() {
        let letter = char::from(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"[place]);
        writeln!(told, "{letter}  dark {}  light {}  mono {}", of[0], of[1], of[2]).expect("written");
    }
    told
}

/// What is shown of each page.
const PAGES: [(&str, &str); 9] = [
    ("flow", "1"),
    ("stacks", "2"),
    ("logs", "3kk"),
    ("table", "4\tk"),
    ("executions", "5"),
    ("objects", "6"),
    ("gateway", "7"),
    ("guide", "8"),
    ("activity", "9j"),
];

/// A page with everything on it.
fn page(keys: &str) -> State {
    let mut state = on(story::setup().target, &[(&story::SOURCES[..2], story::failing())], 12);
    press(&mut state, keys);
    state
}

#[test]
fn every_page_in_dark_light_and_without_colour() {
    for (name, keys) in PAGES {
        for (width, height) in [(80, 24), (140, 45)] {
            insta::assert_snapshot!(
                format!("colours_{name}_{width}x{height}"),
                coloured(&mut page(keys), (width, height))
            );
        }
    }
}

#[test]
fn every_page_can_be_told_from_its_text_and_without_colour_has_none() {
    for (_, keys) in PAGES {
        for size in [(80, 24), (140, 45), (50, 20)] {
            let plain = drawn(&mut page(keys), size, Theme::Mono, Depth::Sixteen);
            assert!(plain.content.iter().all(|cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset)), "page {keys}");
            for theme in Theme::ALL {
                let other = drawn(&mut page(keys), size, theme, Depth::All);
                let is_alike = |(one, other): (&Cell, &Cell)| one.symbol() == other.symbol();
                assert!(plain.content.iter().zip(&other.content).all(is_alike), "{theme:?}, page {keys}");
                let few = drawn(&mut page(keys), size, theme, Depth::Sixteen);
                let is_few = |colour| !matches!(colour, Color::Rgb(..) | Color::Indexed(16..));
                assert!(few.content.iter().all(|cell| is_few(cell.fg) && is_few(cell.bg)), "{theme:?}, page {keys}");
                // A scheme that brings its ground covers the whole screen with it.
                if matches!(theme, Theme::HighContrast | Theme::ColourBlind) {
                    assert!(other.content.iter().all(|cell| cell.bg != Color::Reset), "{theme:?}, page {keys}");
                }
            }
        }
    }
}

#[test]
fn overlays_for_commands_colours_and_an_audience() {
    three("palette", landing_with(":"));
    sized("palette_typed", &[(80, 24)], landing_with("3:filt"));
    sized("themes", &[(80, 24)], landing_with("Tj"));
    three("present", landing_with("P\tj"));
    sized("present_logs", &[(120, 40)], landing_with("3P\n"));
    sized("frozen", &[(50, 20)], landing_with("PF"));
    insta::assert_snapshot!("colours_present_120x40", coloured(&mut landing_with("P\tj")(), (120, 40)));
}
