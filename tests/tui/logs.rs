//! The Logs page beyond its list: lines over time, the context of a line, and what is written to a file.

use vaultscope::model::{LogRole, SetId};
use vaultscope::tui::{Effect, EffectResult, Event, State, Theme, ViewState, draw, update};

use super::{press, screen, story};

/// A second dataset fails after a while.
fn timed_out() -> State {
    let mut state = story::landing();
    let set: SetId = story::SECOND.into();
    let key = format!("{set}-vaultjob/{set}.manifest");
    update(&mut state, Event::Flows(vec![story::log(70_000, LogRole::ReconcileTimeout, &set, &key, 1)]));
    let late =
        |n: i64| story::log(83_000 + n * 40, LogRole::DataFileUpload, &set, &format!("{set}-vaultjob/late-{n}"), 1);
    update(&mut state, Event::Flows((0..60).map(late).collect()));
    press(&mut state, "3");
    state
}

/// The rows of the log pane, without what is above and below.
fn rows(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.contains("12:0") && line.contains('/')).collect()
}

/// The row of the bars.
fn bars(text: &str) -> &str {
    text.lines().find(|line| line.contains('▁') || line.contains('█')).unwrap_or_default()
}

#[test]
fn the_strip_shows_when_lines_came_where_failures_are_and_what_is_on_the_screen() {
    let mut state = timed_out();
    let text = screen(&mut state, 80, 24);
    let strip = bars(&text);
    assert!(strip.contains("12:00:01") && strip.contains("12:01:25"), "{text}");
    assert!(strip.contains('✗') && strip.contains('█') && strip.contains('▁'), "{text}");
    assert!(strip.find('[') < strip.find(']') && strip.contains('['), "the window is marked: {text}");
    let tall = screen(&mut state, 120, 40);
    let below = tall.lines().skip_while(|line| *line != bars(&tall)).nth(1).unwrap_or_default();
    assert!(below.contains('━') && below.contains("✗ 1") && below.contains("/s"), "{tall}");
    assert!(!bars(&tall).contains('['), "{tall}");
    for (width, height) in [(80, 16), (28, 40)] {
        let text = screen(&mut state, width, height);
        assert!(!text.contains('▁') && !text.contains('█'), "there is no room for it: {text}");
    }
}

#[test]
fn the_window_in_the_strip_goes_where_the_list_goes() {
    let mut state = timed_out();
    let place = |state: &mut State| {
        let text = screen(state, 80, 24);
        let strip: Vec<char> = bars(&text).chars().collect();
        strip.iter().position(|char| *char == '[')
    };
    let end = place(&mut state).expect("a window at the end");
    press(&mut state, "g");
    let top = place(&mut state).expect("a window at the top");
    assert!(top + 40 < end, "{top} {end}");
}

#[test]
fn the_strip_is_of_what_the_filter_and_the_group_let_through() {
    let mut state = timed_out();
    press(&mut state, "flate\n");
    let text = screen(&mut state, 80, 24);
    assert!(bars(&text).contains("12:01:23") && bars(&text).contains("12:01:25"), "{text}");
    assert!(!bars(&text).contains('✗'), "{text}");
    press(&mut state, "f\u{1b}oooo");
    let text = screen(&mut state, 80, 24);
    assert!(text.contains("reconcileNotifyTimeout") && !text.contains('█'), "one moment is no strip: {text}");
}

#[test]
fn lines_that_made_room_leave_the_strip() {
    let mut state = State::new(story::setup());
    let set: SetId = "s".into();
    let mut put = |from: i64, to: i64, each: i64, role| {
        let lines = (from..to).map(|n| story::log(n * each, role, &set, &format!("s-vaultjob/{n}"), 1)).collect();
        update(&mut state, Event::Flows(lines));
    };
    put(0, 5_000, 1_000, LogRole::ReconcileTimeout);
    put(10_000_000, 10_100_000, 1, LogRole::DataFileUpload);
    press(&mut state, "3");
    let text = screen(&mut state, 120, 40);
    assert!(text.contains("5,000 older dropped"), "{text}");
    assert!(!text.contains('✗'), "failures that made room are not in the strip: {text}");
    let strip = bars(&text);
    assert!(strip.contains("14:46:40") && strip.contains("14:48:19"), "{text}");
    assert!(strip.matches('█').count() + strip.matches('▇').count() > 80, "a steady rate is a flat strip: {text}");
}

#[test]
fn a_click_on_the_strip_goes_to_that_time() {
    let mut state = timed_out();
    press(&mut state, "m");
    update(&mut state, Event::Resize(80, 24));
    let mut terminal = ratatui::Terminal::new(ratatui::backend::TestBackend::new(80, 24)).expect("a terminal");
    let mut view = ViewState::new(Theme::Dark);
    terminal.draw(|frame| draw(frame, &state, &mut view)).expect("a frame");
    let text = terminal.backend().to_string();
    let row = text.lines().position(|line| line == bars(&text)).expect("a strip");
    // The backend's text has a quote before each row.
    let column = bars(&text).chars().position(|char| char == '✗').expect("a failure") - 1;
    let number = |at: usize| u16::try_from(at).expect("a screen's");
    let spot = view.spot(number(column), number(row)).expect("something to click on");
    update(&mut state, Event::Click(spot));
    let text = screen(&mut state, 80, 24);
    assert!(text.contains("new · G follows"), "nothing is followed any more: {text}");
    assert!(rows(&text).iter().any(|row| row.contains("12:01:08.") || row.contains("12:01:09.")), "{text}");
}

#[test]
fn a_line_is_shown_in_its_context_and_alone_again() {
    let mut state = timed_out();
    press(&mut state, "c");
    assert!(screen(&mut state, 80, 24).contains("every line stands among its neighbours"));
    press(&mut state, "freconciliation\n");
    let before = screen(&mut state, 120, 40);
    assert!(before.contains("2 lines of") && !before.contains("CONTEXT"), "{before}");
    press(&mut state, "c");
    let text = screen(&mut state, 120, 40);
    assert!(text.contains("CONTEXT of ▌ · all groups · 2 lines of 1,"), "{text}");
    let shown = rows(&text);
    let at = shown.iter().position(|row| row.contains('▌')).expect("the line that was filtered for");
    assert!((10..25).contains(&at) && shown.len() > 30, "its neighbours stand on both sides of it: {text}");
    assert!(shown[at].contains("timeout") && shown[at - 1].contains(" data "), "{text}");
    let marked = shown[at].to_owned();
    // What comes meanwhile counts as new, whatever the filter says of it, and moves nothing.
    let set: SetId = "t".into();
    let more = (0..7).map(|n| story::log(200_000 + n, LogRole::DataFileUpload, &set, &format!("t-vaultjob/{n}"), 1));
    update(&mut state, Event::Flows(more.collect()));
    let text = screen(&mut state, 120, 40);
    assert!(text.contains("▼ 7 new") && rows(&text).contains(&marked.as_str()), "{text}");
    press(&mut state, "jjjc");
    let text = screen(&mut state, 120, 40);
    assert!(!text.contains("CONTEXT") && text.contains("2 lines of"), "{text}");
    assert_eq!(rows(&before), rows(&text), "the line that is nearest is the selected one");
    assert!(text.contains("▼ 0 new"), "{text}");
    press(&mut state, "c\u{1b}");
    let text = screen(&mut state, 120, 40);
    assert!(!text.contains("CONTEXT") && text.contains("▸3 Logs"), "Esc goes out of it, not out of the page: {text}");
}

#[test]
fn an_end_that_was_followed_is_followed_again_after_the_context() {
    let mut state = timed_out();
    press(&mut state, "oo");
    assert!(screen(&mut state, 80, 24).contains(" following "));
    press(&mut state, "c");
    assert!(screen(&mut state, 80, 24).contains("G follows"));
    press(&mut state, "c");
    assert!(screen(&mut state, 80, 24).contains(" following "));
    press(&mut state, "ckko");
    let text = screen(&mut state, 80, 24);
    assert!(!text.contains("CONTEXT") && text.contains("reconcileNotifySuccessful"), "another group ends it: {text}");
    press(&mut state, "fnothing holds this\nc");
    assert!(screen(&mut state, 80, 24).contains("there is no line to show the context of"));
}

#[test]
fn a_search_in_the_context_finds_what_the_filter_leaves_out() {
    let mut state = timed_out();
    press(&mut state, "fmanifest file\n/late-7\"\n");
    assert!(screen(&mut state, 80, 24).contains("no further hit"));
    press(&mut state, "cGn");
    assert!(rows(&screen(&mut state, 80, 24)).iter().any(|row| row.contains("late-7 ")));
}

#[test]
fn what_is_shown_is_written_to_a_file_named_by_stack_and_moment() {
    let mut state = timed_out();
    press(&mut state, "flate-\n");
    let effects = press(&mut state, "S");
    let [effect @ Effect::SaveLines { name, lines }] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(name, "vaultscope-logs-EventProcessingStack-20201105T120218Z");
    assert_eq!(lines.len(), 60);
    assert!(lines.is_sorted_by_key(|(at, _)| *at) && lines.iter().all(|(_, line)| line.message.contains("late-")));
    assert!(screen(&mut state, 80, 24).contains("writing 60 lines"));
    let text = serde_json::to_string(effect).expect("an effect is written");
    assert!(text.len() < 200, "a recording does not keep the lines twice: {text}");
    let done = |outcome| Event::Done(EffectResult { effect: effect.clone(), outcome });
    update(&mut state, done(Ok("60 lines saved: x.log in /tmp".to_owned())));
    assert!(screen(&mut state, 80, 24).contains("60 lines saved: x.log in /tmp"));
    update(&mut state, done(Err("cannot make x.log: start elsewhere".to_owned())));
    assert!(screen(&mut state, 80, 24).contains("✗ cannot make x.log"), "a failure stays");
    press(&mut state, "c");
    let saved = |effects: &[Effect]| match effects {
        [Effect::SaveLines { lines, .. }] => lines.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!(saved(&press(&mut state, "S")), 1_790, "the context is shown, and so it is written");
}

#[test]
fn nothing_is_written_of_nothing_and_in_a_replay() {
    let mut state = State::new(story::setup());
    assert_eq!(press(&mut state, "3S"), []);
    assert!(screen(&mut state, 80, 24).contains("there is no line to save"));
    let mut state = State::replaying(story::setup());
    update(&mut state, Event::Flows(story::job("s", 20, 99, 1_000)));
    assert_eq!(press(&mut state, "3S"), []);
    assert!(screen(&mut state, 80, 24).contains("this is a replay"));
}
