//! The header is always loud about the target, at every size, and time is changed only where it can be.

use vaultscope::model::{Seen, StackSeen};
use vaultscope::tui::{Effect, EffectResult, Event, State, TargetInfo, TargetKind, update};

use super::{press, screen, story};

/// A stack in a status, seen on a target.
fn on(target: TargetInfo, status: &str) -> State {
    let mut state = story::landing();
    update(&mut state, Event::Target(target));
    update(&mut state, Event::Activity(story::activity()));
    let (name, status) = (story::STACK.to_owned(), Some(status.to_owned()));
    let seen = StackSeen { status, ..StackSeen::gone(name) };
    update(&mut state, Event::Flows(vec![story::at(139_000, Seen::Stack(seen))]));
    state
}

const STATUSES: [&str; 5] = [
    "CREATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
    "ROLLBACK_FAILED",
    "DELETE_IN_PROGRESS",
];

#[test]
fn on_aws_account_region_and_read_only_are_whole_at_every_width() {
    for status in STATUSES {
        let mut state = on(TargetInfo { read_only: true, ..story::aws() }, status);
        for width in 40..200 {
            let text = screen(&mut state, width, 24);
            let head: String = text.lines().take(3).collect();
            for word in [" REAL AWS ", " READ-ONLY ", "profile workshop-admin", "123456789012", "eu-central-1"] {
                assert!(head.contains(word), "{word} at {width} with {status}: {text}");
            }
        }
        for width in 24..40 {
            let head: String = screen(&mut state, width, 24).lines().take(3).collect();
            assert!(head.contains(" REAL AWS ") && head.contains(" READ-ONLY "), "{width}: {head}");
        }
    }
}

#[test]
fn at_120_columns_the_account_is_whole_whatever_the_status_is() {
    for status in STATUSES {
        for target in [story::setup().target, story::endpoint()] {
            let mut state = on(target, status);
            let text = screen(&mut state, 120, 40);
            let head = text.lines().next().unwrap_or_default();
            assert!(head.contains("000000000000"), "{status}: {head}");
        }
    }
    let mut state = on(story::setup().target, "CREATE_COMPLETE");
    for (width, status) in [(121, "✓ EventProcessingStack CREATE_COMPLETE"), (119, "✓ EventProcessingStack COMPLETE")]
    {
        let text = screen(&mut state, width, 40);
        let head = text.lines().next().unwrap_or_default();
        assert!(head.contains(status) && head.contains("000000000000"), "{head}");
    }
}

#[test]
fn every_target_has_its_badge_at_every_size() {
    for (target, badge) in [
        (story::setup().target, " EMBEDDED "),
        (story::endpoint(), " ENDPOINT "),
        (TargetInfo { server: Some("LocalStack".to_owned()), ..story::endpoint() }, " LOCALSTACK "),
        (story::aws(), " REAL AWS "),
    ] {
        let mut state = on(target, "CREATE_COMPLETE");
        for (width, height) in [(24, 8), (40, 20), (69, 24), (70, 24), (80, 24), (120, 40), (200, 60)] {
            let text = screen(&mut state, width, height);
            assert!(text.lines().next().is_some_and(|head| head.contains(badge)), "{badge} at {width}: {text}");
        }
        assert!(screen(&mut state, 120, 40).lines().next().is_some_and(|head| head.contains("COMPLETE")));
    }
}

#[test]
fn on_aws_the_price_so_far_is_always_in_sight() {
    let mut state = on(story::aws(), "CREATE_COMPLETE");
    let text = screen(&mut state, 120, 40);
    assert!(text.lines().next().is_some_and(|head| head.contains("≈ $0.013 · 4,974 calls")), "{text}");
    let text = screen(&mut state, 80, 24);
    let head: String = text.lines().take(2).collect();
    assert!(head.contains("≈ $0.013"), "{text}");
}

#[test]
fn time_is_changed_on_the_embedded_endpoint() {
    let mut state = story::landing();
    assert_eq!(
        press(&mut state, " ]]["),
        [Effect::Pause(true), Effect::SetRate(120.0), Effect::SetRate(600.0), Effect::SetRate(120.0)]
    );
    assert_eq!(press(&mut state, "."), [Effect::Step { seconds: 10 }]);
}

#[test]
fn time_of_aws_is_left_alone_with_a_sentence() {
    for key in [" ", "]", "[", "."] {
        let mut state = story::landing();
        update(&mut state, Event::Target(story::aws()));
        assert!(press(&mut state, key).is_empty());
        assert!(screen(&mut state, 100, 30).contains("time on AWS runs as it does"));
    }
}

#[test]
fn an_endpoint_elsewhere_answers_for_its_own_clock() {
    let mut state = story::landing();
    update(&mut state, Event::Target(TargetInfo { kind: TargetKind::Endpoint, ..story::endpoint() }));
    let effect = Effect::SetRate(120.0);
    let twice = press(&mut state, "]]");
    assert!(
        twice.len() == 2 && twice.iter().all(|asked| *asked == effect),
        "its rate is what it says it is: {twice:?}"
    );
    let sentence = "http://127.0.0.1:4599 has no clock that could be changed".to_owned();
    update(&mut state, Event::Done(EffectResult { effect, outcome: Err(sentence.clone()) }));
    let text = screen(&mut state, 100, 30);
    assert!(text.contains(&sentence) && !text.contains("problems:"), "it is said, and is no problem: {text}");
}
