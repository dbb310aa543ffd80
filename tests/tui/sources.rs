//! Sources that are throttled, away, sampled or not there at all: said on the pages that need them, and nothing is lost.

use vaultscope::model::{LogRole, Seen, Source, SourceState, StackSeen};
use vaultscope::tui::{Event, State, update};

use super::{press, screen, story};

fn live() -> State {
    let mut state = story::landing();
    update(&mut state, Event::Target(story::endpoint()));
    update(&mut state, Event::Tick(10_000));
    story::sources(&mut state, &story::SOURCES, &SourceState::Live);
    state
}

fn lines_with(text: &str, what: &str) -> Vec<String> {
    text.lines().filter(|line| line.contains(what)).map(str::to_owned).collect()
}

#[test]
fn a_throttled_source_counts_down_to_its_next_look() {
    let mut state = live();
    story::sources(&mut state, &[Source::Table], &SourceState::Throttled { retry_ms: 5_000 });
    for page in ["1", "4"] {
        press(&mut state, page);
        assert!(screen(&mut state, 120, 40).contains("throttled, next look in 5 s"), "page {page}");
    }
    update(&mut state, Event::Tick(13_200));
    assert!(screen(&mut state, 120, 40).contains("throttled, next look in 2 s"));
    update(&mut state, Event::Tick(60_000));
    assert!(screen(&mut state, 120, 40).contains("throttled, looking again"));
    story::sources(&mut state, &[Source::Table], &SourceState::Live);
    assert!(!screen(&mut state, 120, 40).contains("throttled"));
}

#[test]
fn a_source_that_does_not_answer_keeps_what_was_seen() {
    let mut state = live();
    press(&mut state, "5");
    let before = screen(&mut state, 120, 40);
    story::sources(&mut state, &[Source::Executions], &story::failing());
    update(&mut state, Event::Tick(22_000));
    let text = screen(&mut state, 120, 40);
    assert!(text.contains("not answering since 12 s, what was seen stays"), "{text}");
    assert_eq!(lines_with(&before, "reconcile-D"), lines_with(&text, "reconcile-D"));
    press(&mut state, "1");
    let text = screen(&mut state, 120, 40);
    assert!(text.contains("⚠ executions: not answering since 12 s"), "{text}");
    assert!(text.contains("⚠ 1 run, 1 told"), "its hop is marked: {text}");
}

#[test]
fn what_the_target_lacks_is_no_error_and_no_nought() {
    let mut state = State::new(story::setup());
    update(&mut state, Event::Flows(story::deployed()));
    story::sources(&mut state, &story::SOURCES, &SourceState::Live);
    assert!(!screen(&mut state, 120, 40).contains("n/a"));
    story::sources(&mut state, story::LOGS, &story::unavailable());
    for (width, height) in [(120, 40), (80, 24), (50, 30)] {
        let text = screen(&mut state, width, height);
        // Check, custom bus, both logs, what reconcile told, and the note on them.
        assert_eq!(text.matches("n/a").count(), 6, "{text}");
        assert!(text.contains("logs n/a here, unavailable: this endpo"), "{text}");
        assert!(!text.contains('⚠') && !text.contains('✗'), "it is no error: {text}");
    }
    press(&mut state, "3");
    let text = screen(&mut state, 120, 40);
    assert!(text.contains("unavailable: this endpoint has no EventBridge → Logs target"), "{text}");
    assert!(!text.contains("start a job, and its events stand here"), "{text}");
    assert_eq!(state.summary().problems, Vec::<String>::new());
}

#[test]
fn a_number_that_is_made_of_a_part_says_so() {
    let mut state = live();
    story::sources(&mut state, &[Source::Logs(LogRole::ManifestFileUpload)], &story::unavailable());
    let text = screen(&mut state, 120, 40);
    assert!(text.contains("≥ 1,728"), "{text}");
    assert_eq!(text.matches("n/a").count(), 2, "the manifest log, and the note on it: {text}");
}

#[test]
fn a_sampled_live_tail_is_loud() {
    let mut state = live();
    press(&mut state, "3");
    assert!(screen(&mut state, 120, 40).contains("· polling"));
    story::sources(&mut state, story::LOGS, &SourceState::Tailing { sampled: false });
    let text = screen(&mut state, 120, 40);
    assert!(text.contains("· live tail") && !text.contains("SAMPLED"), "{text}");
    story::sources(&mut state, &story::LOGS[..1], &SourceState::Tailing { sampled: true });
    for (width, height) in [(120, 40), (80, 24), (50, 20)] {
        let text = screen(&mut state, width, height);
        assert!(text.contains(" SAMPLED: data log "), "{text}");
    }
    press(&mut state, "1");
    let text = screen(&mut state, 120, 40);
    assert!(
        text.contains("logs: live tail, SAMPLED") && text.contains("the live tail of data log sends only"),
        "{text}"
    );
    press(&mut state, "3oo");
    assert!(!screen(&mut state, 120, 40).contains(" SAMPLED: data log "), "the manifest log alone is not sampled");
    story::sources(&mut state, &story::LOGS[1..2], &SourceState::Live);
    press(&mut state, "ooo");
    assert!(screen(&mut state, 120, 40).contains("· live tail and polling"));
}

#[test]
fn while_the_target_is_away_one_line_says_so_on_every_page() {
    let mut state = live();
    let before = state.summary();
    for (at, source) in story::SOURCES.iter().enumerate() {
        update(&mut state, Event::Tick(20_000 + at as u64 * 1_000));
        story::sources(&mut state, &[*source], &story::failing());
        let is_told = screen(&mut state, 120, 40).contains("NO ANSWER from 127.0.0.1:4599");
        assert_eq!(is_told, at >= 4, "more than half of nine fail from the fifth on");
    }
    update(&mut state, Event::Tick(54_000));
    for page in ["1", "2", "3", "4", "5", "9"] {
        press(&mut state, page);
        let text = screen(&mut state, 80, 24);
        assert!(text.contains("✗ NO ANSWER from 127.0.0.1:4599 since 34 s"), "page {page}: {text}");
    }
    assert_eq!(state.summary().problems, ["127.0.0.1:4599 does not answer: what was seen stays"]);
    assert_eq!(state.summary().datasets, before.datasets, "nothing that was seen is lost");
    story::sources(&mut state, &story::SOURCES, &SourceState::Live);
    press(&mut state, "1");
    let text = screen(&mut state, 120, 40);
    assert!(text.contains("✓ 127.0.0.1:4599 answers again: it was away for 34 s"), "{text}");
    assert!(!text.contains("NO ANSWER"), "{text}");
    update(&mut state, Event::Tick(80_000));
    assert!(!screen(&mut state, 120, 40).contains("answers again"), "it is said for a while");
    assert_eq!(state.summary().problems, ["127.0.0.1:4599 did not answer for 34 s"]);
}

#[test]
fn sources_of_a_stack_that_is_gone_are_forgotten() {
    let mut state = live();
    story::sources(&mut state, &story::SOURCES, &story::failing());
    assert!(screen(&mut state, 120, 40).contains("NO ANSWER"));
    let gone = StackSeen::gone(story::STACK);
    update(&mut state, Event::Flows(vec![story::at(150_000, Seen::Stack(gone))]));
    let text = screen(&mut state, 120, 40);
    assert!(!text.contains("NO ANSWER") && !text.contains("not answering"), "{text}");
}
