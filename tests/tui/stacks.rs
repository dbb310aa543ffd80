//! The Stacks page: parameters in a form, how far an operation is, events, and what happened before anybody looked.

use vaultscope::model::{Seen, StackSeen};
use vaultscope::tui::{Effect, Event, State, update};

use super::{press, screen, story};

fn snapshots(name: &str, make: impl Fn() -> State) {
    for (width, height) in [(80, 24), (120, 40), (44, 20)] {
        insta::assert_snapshot!(format!("stacks_{name}_{width}x{height}"), screen(&mut make(), width, height));
    }
}

fn preview(parameters: &[(&str, &str)]) -> Effect {
    let parameters = parameters.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Effect::Preview { offer: "event-processing".to_owned(), parameters }
}

/// A stack that stood before the dashboard was opened.
fn attached() -> State {
    let mut state = State::new(story::setup());
    let seen = StackSeen { status: Some("UPDATE_COMPLETE".to_owned()), ..StackSeen::gone(story::STACK) };
    update(&mut state, Event::Flows(vec![story::at(0, Seen::Stack(seen))]));
    state
}

#[test]
fn parameters_are_chosen_checked_and_asked_with() {
    let mut state = State::new(story::setup());
    press(&mut state, "2p");
    let text = screen(&mut state, 100, 30);
    assert!(text.contains("Parameters of EventProcessingStack"), "{text}");
    assert!(text.contains("jobDirSuffixName") && text.contains("-vaultjob"), "{text}");
    assert!(text.contains("logRetentionDays") && text.contains(" 3 "), "the configuration file's choice: {text}");
    press(&mut state, "\t9");
    let text = screen(&mut state, 100, 30);
    assert!(text.contains("✗ \"9609\" must be 1 to 1561"), "{text}");
    assert!(press(&mut state, "\n").is_empty(), "what is wrong is not asked for");
    press(&mut state, "\u{8}\u{8}");
    assert_eq!(press(&mut state, "\n"), [preview(&[("reconcileCountIterations", "96")])]);
    story::preview(&mut state, story::new_stack());
    let text = screen(&mut state, 100, 40);
    assert!(text.contains("p parameters"), "{text}");
    let discard = Effect::Discard { offer: "event-processing".to_owned() };
    assert_eq!(press(&mut state, "p"), std::slice::from_ref(&discard), "what was shown is dropped");
    let text = screen(&mut state, 100, 30);
    assert!(text.contains("~ reconcileCountIterations") && text.contains(" 96 "), "what was written is kept: {text}");
    assert!(press(&mut state, "\n").is_empty(), "the change set is still there");
    update(
        &mut state,
        Event::Done(vaultscope::tui::EffectResult { effect: discard, outcome: Ok("dropped".to_owned()) }),
    );
    assert_eq!(press(&mut state, "\n"), [preview(&[("reconcileCountIterations", "96")])]);
}

#[test]
fn the_form_starts_from_what_the_stack_has() {
    let mut state = story::landing();
    press(&mut state, "2p");
    let text = screen(&mut state, 100, 30);
    let wait = text.lines().find(|line| line.contains("reconcileWaitIterations")).unwrap_or_default();
    assert!(wait.contains(" 60 "), "{text}");
    assert!(press(&mut state, "\u{1b}").is_empty());
    assert!(!screen(&mut state, 100, 30).contains("Parameters of"));
}

#[test]
fn a_stack_that_stood_before_is_read_once_while_somebody_looks() {
    let mut state = attached();
    assert!(press(&mut state, "3").is_empty(), "nobody looks");
    let read = Effect::ReadStack { name: story::STACK.to_owned() };
    assert_eq!(press(&mut state, "2"), std::slice::from_ref(&read));
    assert!(press(&mut state, "jk").is_empty(), "once");
    assert!(screen(&mut state, 100, 30).contains("being read"));
    update(&mut state, Event::StackPast { stack: story::STACK.to_owned(), events: story::past() });
    let text = screen(&mut state, 100, 30);
    assert!(text.contains("12/12 resources") && text.contains("✓ reconcileStateMachine"), "{text}");
    let changed = StackSeen { status: Some("UPDATE_IN_PROGRESS".to_owned()), ..StackSeen::gone(story::STACK) };
    let effects = update(&mut state, Event::Flows(vec![story::at(9, Seen::Stack(changed))]));
    assert_eq!(effects, [read], "somebody else changes it");
}

#[test]
fn old_failures_are_shown_and_no_news() {
    let mut state = attached();
    press(&mut state, "2");
    let mut events = story::past();
    let (at, mut failed) = events[3].clone();
    (failed.status, failed.event_id) = ("UPDATE_FAILED".to_owned(), "old".to_owned());
    events.push((at, failed));
    update(&mut state, Event::StackPast { stack: story::STACK.to_owned(), events });
    let text = screen(&mut state, 100, 30);
    assert!(text.contains("✗ 1 failed"), "{text}");
    assert!(!text.lines().last().unwrap_or_default().contains('✗'), "{text}");
    assert!(state.summary().problems.is_empty());
}

#[test]
fn what_the_page_looks_like() {
    snapshots("deploying", || {
        let mut state = State::new(story::setup());
        update(&mut state, Event::Flows(story::deploying(5, None)));
        press(&mut state, "2");
        state
    });
    snapshots("events", || {
        let mut state = State::new(story::setup());
        update(&mut state, Event::Flows(story::deploying(9, Some(6))));
        press(&mut state, "2v");
        state
    });
    snapshots("parameters", || {
        let mut state = State::new(story::setup());
        press(&mut state, "2p\t\t\t");
        state
    });
}

#[test]
fn events_are_walked_and_failures_found_in_them() {
    let mut state = State::new(story::setup());
    update(&mut state, Event::Flows(story::deploying(5, Some(3))));
    press(&mut state, "2v");
    assert!(screen(&mut state, 100, 30).contains("Events · ✗ 1 failed"));
    let found = Effect::Copy("eventprocessingstack-fileuploaddeadletterqueue".to_owned());
    assert_eq!(press(&mut state, "ey"), [found]);
    press(&mut state, "v");
    assert!(screen(&mut state, 100, 30).contains("Resources · ✗ 1 failed"));
}
