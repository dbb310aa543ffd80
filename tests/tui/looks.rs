//! What the pages look like, as text, at the smallest size that is designed for and at a large one.

use super::story;
use super::{press, screen};
use vaultscope::tui::{Event, State, update};

fn snapshots(name: &str, make: impl Fn() -> State) {
    for (width, height) in [(80, 24), (120, 40)] {
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
    snapshots("delete", landing_with("2x"));
    snapshots("detail", landing_with("3kk\n"));
    snapshots("graph", landing_with("5\tz"));
}

#[test]
fn a_portrait_terminal_has_its_own_picture() {
    insta::assert_snapshot!("portrait_40x20", screen(&mut story::landing(), 40, 20));
    insta::assert_snapshot!("portrait_40x60", screen(&mut story::landing(), 40, 60));
    insta::assert_snapshot!("tiny_12x3", screen(&mut story::landing(), 12, 3));
}
