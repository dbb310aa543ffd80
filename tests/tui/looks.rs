//! What the pages look like, as text, at the smallest size that is designed for and at a large one.

use vaultscope::model::{Source, SourceState};
use vaultscope::tui::{Event, State, TargetInfo, update};

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
