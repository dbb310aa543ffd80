//! Changes of the target: a change set is shown before it is executed, deleting asks, and nothing is changed where nothing
//! may be.

use vaultscope::model::preview::ChangePreview;
use vaultscope::tui::{Effect, EffectResult, Event, State, TargetInfo, update};

use super::{press, screen, story};

fn offer() -> String {
    "event-processing".to_owned()
}

fn preview() -> Effect {
    Effect::Preview { offer: offer(), parameters: Vec::new() }
}

fn deploy() -> Effect {
    Effect::Deploy { offer: offer() }
}

fn discard() -> Effect {
    Effect::Discard { offer: offer() }
}

fn done(state: &mut State, effect: Effect, text: &str) {
    update(state, Event::Done(EffectResult { effect, outcome: Ok(text.to_owned()) }));
}

/// A change set waits, as `d` asked for it.
fn waiting(of: ChangePreview) -> State {
    let mut state = State::new(story::setup());
    assert_eq!(press(&mut state, "d"), [preview()]);
    story::preview(&mut state, of);
    done(&mut state, preview(), "");
    state
}

#[test]
fn enter_executes_what_was_shown() {
    let mut state = waiting(story::new_stack());
    let text = screen(&mut state, 100, 40);
    assert!(text.contains("new stack EventProcessingStack") && text.contains("+ 12 add"), "{text}");
    assert!(text.contains("+ Add     fileUploadBucket"), "{text}");
    assert_eq!(press(&mut state, "\n"), [deploy()]);
    assert!(press(&mut state, "d").is_empty(), "it is being deployed");
    done(&mut state, deploy(), "deployed");
    assert_eq!(press(&mut state, "d"), [preview()]);
}

#[test]
fn esc_drops_it_and_nothing_else_does() {
    let mut state = waiting(story::new_stack());
    assert!(press(&mut state, "jkGgxydsn 12\t?!").is_empty(), "no other key decides");
    assert!(screen(&mut state, 80, 24).contains("Change set"));
    assert_eq!(press(&mut state, "\u{1b}"), [discard()]);
    assert!(!screen(&mut state, 80, 24).contains("Change set"));
    assert!(press(&mut state, "d").is_empty(), "the change set is still there");
    done(&mut state, discard(), "dropped");
    assert_eq!(press(&mut state, "d"), [preview()]);
    story::preview(&mut state, story::new_stack());
    assert_eq!(press(&mut state, "q"), [discard()], "q goes back, and back is no");
}

#[test]
fn a_preview_that_has_not_ended_yet_can_be_decided_on() {
    let mut state = State::new(story::setup());
    press(&mut state, "d");
    story::preview(&mut state, story::new_stack());
    assert_eq!(press(&mut state, "\n"), [deploy()]);
}

#[test]
fn nothing_to_change_is_a_message_and_no_window() {
    let mut state = story::landing();
    assert_eq!(press(&mut state, "2d"), [preview()]);
    assert!(screen(&mut state, 80, 24).contains("asking what would change in EventProcessingStack"));
    done(&mut state, preview(), "stack EventProcessingStack is as it should be: nothing changes");
    let text = screen(&mut state, 80, 24);
    assert!(text.contains("nothing changes") && !text.contains("Change set"), "{text}");
    assert_eq!(press(&mut state, "d"), [preview()]);
    update(
        &mut state,
        Event::Done(EffectResult { effect: preview(), outcome: Err("the template is wrong".to_owned()) }),
    );
    assert!(screen(&mut state, 80, 24).contains("✗ the template is wrong"));
}

#[test]
fn what_loses_data_is_said_in_words_and_first() {
    let mut state = waiting(story::harmful_update());
    for (width, height) in [(120, 40), (80, 24), (50, 20), (40, 16)] {
        let text = screen(&mut state, width, height);
        let inside = |line: &str| line.split('┃').find(|part| part.len() > 20).map(|part| part.trim().to_owned());
        let words = text.lines().filter_map(inside).collect::<Vec<_>>().join(" ");
        assert!(words.contains("⚠ replaces fileUploadEventTable: its data is lost"), "{text}");
        assert!(text.contains("update EventProcessi") && text.contains("− Remove"), "{text}");
        assert!(text.contains("Enter update") && text.contains("Esc discard"), "{text}");
    }
    let text = screen(&mut state, 120, 40);
    assert!(text.contains("replaces fileUploadEventTable: its data is lost"), "{text}");
    assert!(text.contains("~ 3 modify, 2 replaced") && text.contains("− 2 remove"), "{text}");
    assert!(text.contains("in place") && text.contains("may be made anew"), "{text}");
    press(&mut state, "j");
    assert!(screen(&mut state, 120, 40).contains("removes fileUploadBucket: its data is lost"));
    press(&mut state, "G");
    assert!(screen(&mut state, 120, 40).contains("2 changes lose what resources hold"));
}

#[test]
fn every_change_can_be_scrolled_to() {
    let mut state = waiting(story::new_stack());
    assert!(!screen(&mut state, 60, 14).contains("StepFunctions::"));
    press(&mut state, "G");
    assert!(screen(&mut state, 60, 14).contains("StepFunctions::"), "{}", screen(&mut state, 60, 14));
    press(&mut state, "k");
    assert!(screen(&mut state, 60, 14).contains("11 of 12"));
    update(&mut state, Event::Scroll(-99));
    assert!(screen(&mut state, 60, 14).contains("1 of 12"));
}

#[test]
fn a_form_is_never_taken_away_from_under_the_keys() {
    let mut state = story::landing();
    press(&mut state, "2ds");
    story::preview(&mut state, story::harmful_update());
    assert!(screen(&mut state, 100, 30).contains("Start a job"), "the form stays");
    let effects = press(&mut state, "\n");
    assert!(matches!(effects[..], [Effect::StartJob(_)]), "Enter belongs to the form: {effects:?}");
    assert!(screen(&mut state, 100, 30).contains("Change set"), "then the change set is shown");
    assert_eq!(press(&mut state, "\n"), [deploy()]);
}

#[test]
fn leaving_drops_what_waits() {
    let mut state = waiting(story::new_stack());
    let control_c =
        crossterm::event::KeyEvent::new(crossterm::event::KeyCode::Char('c'), crossterm::event::KeyModifiers::CONTROL);
    assert_eq!(update(&mut state, Event::Key(control_c)), [discard(), Effect::Quit]);
}

#[test]
fn deleting_asks_and_on_aws_wants_the_name() {
    let mut state = story::landing();
    assert!(press(&mut state, "2xn").is_empty());
    assert_eq!(press(&mut state, "xy"), vec![Effect::DeleteStack { name: story::STACK.to_owned() }]);
    assert!(press(&mut state, "d").is_empty(), "what is being deleted is not deployed");
    let mut state = story::landing();
    update(&mut state, Event::Target(story::aws()));
    assert!(press(&mut state, "2xy\n").is_empty());
    assert!(press(&mut state, "x\n").is_empty(), "no is the default");
    assert_eq!(
        press(&mut state, "xEventProcessingStack\n"),
        vec![Effect::DeleteStack { name: story::STACK.to_owned() }]
    );
}

#[test]
fn a_read_only_target_is_left_alone() {
    for (keys, what) in
        [("1d", "deploy a stack"), ("2d", "deploy a stack"), ("2x", "delete a stack"), ("1s", "start a job")]
    {
        let mut state = story::landing();
        update(&mut state, Event::Target(TargetInfo { read_only: true, ..story::aws() }));
        assert!(press(&mut state, keys).is_empty());
        let text = screen(&mut state, 100, 30);
        assert!(text.contains(&format!("READ-ONLY: start vaultscope with --write to {what}")), "{text}");
        assert!(press(&mut state, "y\n").iter().all(|effect| matches!(effect, Effect::Copy(_))), "no form was opened");
    }
    // It became read-only while a change set was shown: it can be dropped and not executed.
    let mut state = waiting(story::new_stack());
    update(&mut state, Event::Target(TargetInfo { read_only: true, ..story::aws() }));
    assert!(press(&mut state, "\n").is_empty());
    assert!(screen(&mut state, 100, 30).contains("--write"));
    assert_eq!(press(&mut state, "\u{1b}"), [discard()]);
}

#[test]
fn a_read_only_footer_offers_nothing_that_is_refused() {
    let mut state = story::landing();
    update(&mut state, Event::Target(TargetInfo { read_only: true, ..story::aws() }));
    for page in ["1", "2", "3", "4", "5", "9"] {
        press(&mut state, page);
        let text = screen(&mut state, 160, 30);
        let footer = text.lines().last().unwrap_or_default();
        assert!(!footer.contains("deploy") && !footer.contains("delete") && !footer.contains("start job"), "{footer}");
    }
}
