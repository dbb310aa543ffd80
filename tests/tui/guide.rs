//! The Guide page: steps tick themselves as things happen, the rest is ticked by its reader, and nothing is ever changed.

use vaultscope::model::guide::{GatewayShare, Gateways};
use vaultscope::model::{Seen, StackSeen};
use vaultscope::tui::{Effect, EffectResult, Event, State, TargetInfo, update};

use super::objects::themes;
use super::{press, screen, story};

fn opened(mut state: State, keys: &str) -> State {
    press(&mut state, "8");
    press(&mut state, keys);
    state
}

fn snapshots(name: &str, make: impl Fn() -> State) {
    for (width, height) in [(80, 24), (140, 45), (50, 20)] {
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), screen(&mut make(), width, height));
    }
}

fn gateways() -> Gateways {
    Gateways {
        appliances: 1,
        gateways: vec!["cdk-app".to_owned()],
        caches: 1,
        shares: vec![GatewayShare {
            name: "filegateway-fileshare".to_owned(),
            state: "AVAILABLE".to_owned(),
            announces: true,
            folder: "/srv/share".to_owned(),
            files: 0,
        }],
    }
}

#[test]
fn the_page_at_the_start_and_while_a_dataset_lands() {
    snapshots("guide_new", || opened(State::new(story::setup()), ""));
    snapshots("guide_landing", || opened(story::landing(), ""));
    snapshots("guide_step", || opened(story::landing(), "jjjjj"));
    snapshots("guide_aws", || {
        let mut state = State::new(story::setup());
        update(&mut state, Event::Target(TargetInfo { read_only: true, ..story::aws() }));
        opened(state, "\n\n")
    });
    snapshots("guide_gateway", || {
        let mut state = State::new(story::setup());
        update(&mut state, Event::Flows(story::deployed()));
        let mut state = opened(state, "\n\n\n");
        update(&mut state, Event::Gateways(Some(gateways())));
        state
    });
}

#[test]
fn no_word_depends_on_a_colour() {
    themes(&mut opened(story::landing(), "jj"));
}

/// The row of a step.
fn row(state: &mut State, step: &str) -> String {
    let text = screen(state, 140, 45);
    // The title of the selected step stands above it.
    text.lines().rfind(|line| line.contains(step)).unwrap_or_else(|| panic!("{step} in {text}")).to_owned()
}

#[test]
fn reading_is_ticked_by_enter_and_the_next_step_is_selected() {
    let mut state = opened(State::new(story::setup()), "");
    assert!(row(&mut state, "   ▶ 1.1 ").contains("next"));
    press(&mut state, "\n");
    assert!(row(&mut state, "1.1 Know").contains("✓"));
    assert!(row(&mut state, "1.2 Follow").contains("next"));
    press(&mut state, "\n\n");
    assert!(row(&mut state, "2.3 Choose").contains("done"), "what was found to be done was passed over");
    assert!(row(&mut state, "3.1 Deploy").contains("next"));
    press(&mut state, "\n");
    assert!(screen(&mut state, 140, 45).contains("▸1 Flow"), "what is done elsewhere is done there");
    press(&mut state, "8g\n");
    assert!(row(&mut state, "1.1 Know").contains("next"), "and taken back");
}

#[test]
fn steps_tick_themselves_and_what_arrived_wants_to_be_looked_at() {
    let mut state = opened(story::landing(), "");
    for step in ["2.1 Have", "3.1 Deploy", "3.2 Find", "5.3 See", "6.5 Find"] {
        assert!(row(&mut state, step).contains("✓"), "{step}");
    }
    for (step, page) in [("6.2 Read", "3"), ("6.3 Find", "4"), ("6.4 Follow", "5"), ("6.1 Look", "6")] {
        assert!(!row(&mut state, step).contains("✓"), "{step}");
        press(&mut state, page);
        press(&mut state, "8");
        assert!(row(&mut state, step).contains("✓"), "{step}");
    }
    let gone = StackSeen::gone(story::STACK);
    update(&mut state, Event::Flows(vec![story::at(200_000, Seen::Stack(gone))]));
    assert!(row(&mut state, "7.2 Empty").contains("✓"));
    assert!(row(&mut state, "3.1 Deploy").contains("✓"), "it was deployed");
    assert_eq!(press(&mut state, "R"), [], "beginning anew changes nothing on the target");
    assert!(!row(&mut state, "3.1 Deploy").contains("✓") && !row(&mut state, "6.2 Read").contains("✓"));
    assert!(screen(&mut state, 140, 45).contains("2 of 21 steps done"), "what stands is found again");
}

#[test]
fn an_endpoint_is_asked_for_its_gateways_while_somebody_looks_and_aws_never() {
    let mut state = State::new(story::setup());
    assert_eq!(press(&mut state, "8"), [Effect::AskGateways]);
    assert_eq!(update(&mut state, Event::Tick(60_000)), [], "one at a time");
    update(&mut state, Event::Done(EffectResult { effect: Effect::AskGateways, outcome: Ok(String::new()) }));
    assert_eq!(update(&mut state, Event::Gateways(Some(gateways()))), [Effect::AskGateways]);
    assert!(row(&mut state, "4.2 Give").contains("✓"));
    update(&mut state, Event::Gateways(Some(gateways())));
    assert_eq!(update(&mut state, Event::Tick(61_000)), []);
    assert_eq!(update(&mut state, Event::Tick(63_000)), [Effect::AskGateways]);
    update(&mut state, Event::Gateways(None));
    assert!(row(&mut state, "4.2 Give").contains("✓"), "an answer that fails takes nothing back");
    press(&mut state, "1");
    assert_eq!(update(&mut state, Event::Tick(600_000)), []);

    let mut state = State::new(story::setup());
    update(&mut state, Event::Target(story::endpoint()));
    assert_eq!(press(&mut state, "8"), [Effect::AskGateways]);
    update(&mut state, Event::Gateways(None));
    assert_eq!(update(&mut state, Event::Tick(600_000)), [], "it has none, and is not asked again");
    assert!(row(&mut state, "4.1 Activate").contains("unknown"));

    let mut state = State::new(story::setup());
    update(&mut state, Event::Target(story::aws()));
    assert_eq!(press(&mut state, "8"), []);
}

#[test]
fn the_command_of_a_step_is_copied_with_the_target_in_it() {
    let mut state = opened(State::new(story::setup()), "jj");
    let effects = press(&mut state, "y");
    assert!(
        effects.contains(&Effect::Copy("vaultscope --endpoint-url http://127.0.0.1:4566 doctor".to_owned())),
        "{effects:?}"
    );
    update(&mut state, Event::Target(TargetInfo { is_tls: true, ..story::endpoint() }));
    let line = "vaultscope --endpoint-url https://127.0.0.1:4599 doctor";
    assert_eq!(press(&mut state, "y"), [Effect::Copy(line.to_owned())]);
    update(&mut state, Event::Target(story::aws()));
    let line = "vaultscope --target aws --profile workshop-admin --region eu-central-1 doctor";
    assert_eq!(press(&mut state, "y"), [Effect::Copy(line.to_owned())]);
}
