//! The Gateway page: what it looks like while a gateway works, holds, is offline or is judged, and what its keys ask for.

use vaultscope::model::{Check, Seen, Share};
use vaultscope::tui::{Effect, EffectResult, Event, GatewayWish, State, TargetInfo, update};

use super::{press, screen, story};

/// A job is under way, and the page shows its gateway.
fn working(is_online: bool, is_paused: bool) -> State {
    let mut state = story::landing();
    update(&mut state, Event::Share(Share::of("eventprocessingstack-fileuploadbucket-1", "us-east-1", "000000000000")));
    update(
        &mut state,
        Event::Flows(vec![story::at(140_000, Seen::GatewayState(story::gateway(is_online, is_paused)))]),
    );
    for second in 1..=9 {
        update(&mut state, Event::Tick(second * 1_000));
    }
    press(&mut state, "7");
    state
}

fn check(what: &str, expected: &str, found: &str) -> Check {
    let holds = expected == found;
    Check { what: what.to_owned(), expected: expected.to_owned(), found: found.to_owned(), holds }
}

fn judged() -> State {
    let mut state = working(true, false);
    let over = vaultscope::model::GatewayState { is_over: true, ..Default::default() };
    update(&mut state, Event::Flows(vec![story::at(150_000, Seen::GatewayState(over))]));
    let good = vec![check("outcome", "reconciled", "reconciled"), check("present", "46", "46")];
    update(&mut state, Event::Judged { scenario: "in-order".to_owned(), checks: good });
    let bad = vec![check("outcome", "timeout", "timeout"), check("missing", "2", "3")];
    update(&mut state, Event::Judged { scenario: "missing-file".to_owned(), checks: bad });
    press(&mut state, "j");
    state
}

fn snapshots(name: &str, make: impl Fn() -> State) {
    for (width, height) in [(80, 24), (120, 40), (50, 20)] {
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), screen(&mut make(), width, height));
    }
}

#[test]
fn the_page_before_while_and_after_a_gateway_works() {
    snapshots("gateway_empty", || {
        let mut state = State::new(story::setup());
        press(&mut state, "7");
        state
    });
    snapshots("gateway", || working(true, false));
    snapshots("gateway_offline", || working(false, true));
    snapshots("gateway_payload", || {
        let mut state = working(true, false);
        press(&mut state, "\t\tkk");
        state
    });
    snapshots("gateway_judged", judged);
    snapshots("gateway_fault", || {
        let mut state = working(true, false);
        press(&mut state, "ij");
        state
    });
}

#[test]
fn a_scenario_is_played_once_at_a_time_and_its_end_is_said() {
    let mut state = State::new(story::setup());
    let play = Effect::Play { scenario: "missing-file".to_owned() };
    assert_eq!(press(&mut state, "7j\n"), vec![play.clone()]);
    assert!(press(&mut state, "j\n").is_empty(), "one at a time");
    assert!(screen(&mut state, 80, 24).contains("missing-file is being played"));
    press(&mut state, "k");
    assert!(screen(&mut state, 80, 24).contains("◐ missing-file     playing"));
    let checks = vec![check("outcome", "timeout", "timeout"), check("missing", "2", "2")];
    update(&mut state, Event::Judged { scenario: "missing-file".to_owned(), checks });
    let outcome = Ok("scenario missing-file ended as expected: all 2 checks hold".to_owned());
    update(&mut state, Event::Done(EffectResult { effect: play.clone(), outcome }));
    let text = screen(&mut state, 120, 40);
    assert!(text.contains("✓ missing-file     as expected") && text.contains("all 2 checks hold"), "{text}");
    assert_eq!(press(&mut state, "\n"), vec![play], "and it can be played again");
}

#[test]
fn the_live_controls_ask_for_the_opposite_of_what_is() {
    let wish = |state: &mut State, key: &str| match press(state, key).as_slice() {
        [Effect::Gateway(wish)] => Some(*wish),
        _ => None,
    };
    let mut state = working(true, false);
    assert_eq!(wish(&mut state, "p"), Some(GatewayWish::Hold(true)));
    assert_eq!(wish(&mut state, "n"), Some(GatewayWish::NextEvent));
    assert_eq!(wish(&mut state, "o"), Some(GatewayWish::Online(false)));
    assert_eq!(wish(&mut state, "r"), Some(GatewayWish::InOrder(true)));
    assert_eq!(wish(&mut state, "+"), Some(GatewayWish::Speed(2.0)));
    assert_eq!(wish(&mut state, "+"), Some(GatewayWish::Speed(5.0)), "a second press goes on from there");
    assert_eq!(wish(&mut state, "-"), Some(GatewayWish::Speed(2.0)));
    let mut state = working(false, true);
    assert_eq!(wish(&mut state, "p"), Some(GatewayWish::Hold(false)));
    assert_eq!(wish(&mut state, "o"), Some(GatewayWish::Online(true)));
    let mut idle = State::new(story::setup());
    press(&mut idle, "7");
    for key in ["p", "n", "o", "r", "+", "-"] {
        assert_eq!(wish(&mut idle, key), None);
        assert!(screen(&mut idle, 80, 24).contains("no gateway is at work"), "{key}");
    }
}

#[test]
fn a_fault_is_chosen_from_the_list_and_taken_back() {
    let mut state = working(true, false);
    let effects = press(&mut state, "ijjj\n");
    let [Effect::Fault(Some(fault))] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!((&fault["kind"], &fault["count"]), (&"duplicate".into(), &30.into()));
    assert_eq!(press(&mut state, "iG\n"), vec![Effect::Fault(None)]);
    assert!(press(&mut state, "i\u{1b}").is_empty());
}

#[test]
fn nothing_is_played_where_nothing_may_be_changed() {
    let mut state = State::new(story::setup());
    update(&mut state, Event::Target(TargetInfo { read_only: true, ..story::aws() }));
    assert!(press(&mut state, "7\n").is_empty() && press(&mut state, "i").is_empty());
    assert!(screen(&mut state, 80, 24).contains("READ-ONLY"));
}

#[test]
fn the_payload_is_the_event_that_the_bus_delivers() {
    let mut state = working(true, false);
    press(&mut state, "\t\t");
    let effects = press(&mut state, "ky");
    let [Effect::Copy(text)] = effects.as_slice() else { panic!("{effects:?}") };
    let event: serde_json::Value = serde_json::from_str(text).expect("json");
    assert_eq!(event["source"], "aws.storagegateway");
    assert_eq!(event["detail-type"], "Storage Gateway Object Upload Event");
    assert_eq!(event["detail"]["event-type"], "object-upload-complete");
    assert_eq!(event["resources"][2], "arn:aws:s3:::eventprocessingstack-fileuploadbucket-1");
}
