//! What the sources say of themselves, in words: the notes of the Flow page, the ends of titles, and the banner while the
//! whole target is away. What a target does not have is said calmly: it is no error.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::super::state::State;
use super::super::state::sources::SourceView;
use super::super::theme::Role;
use super::super::widget::text;
use super::{ViewState, row};
use crate::model::{LogRole, Source, SourceState};

const fn name(source: Source) -> &'static str {
    match source {
        Source::Stack => "stack",
        Source::Bucket => "bucket",
        Source::Queue => "queue",
        Source::Logs(LogRole::DataFileUpload) => "data log",
        Source::Logs(LogRole::ManifestFileUpload) => "manifest log",
        Source::Logs(LogRole::ReconcileSuccessful) => "success log",
        Source::Logs(LogRole::ReconcileTimeout) => "timeout log",
        Source::Table => "table",
        Source::Executions => "executions",
        Source::Logs(LogRole::Task) => "task log",
        Source::Logs(LogRole::ErrorHandler) => "error handler's log",
        Source::Logs(LogRole::StateMachine) => "state machine's log",
        Source::Schedule => "schedule",
        Source::Archives => "archives",
    }
}

/// The names of some of so many sources; the four log groups together are the logs.
fn names(of: &[&SourceView], whole: usize) -> String {
    let is_log = |view: &&&SourceView| matches!(view.source, Source::Logs(_));
    let mut names = Vec::new();
    let all_logs = of.iter().filter(is_log).count() == LogRole::ALL.len();
    if all_logs {
        names.push("logs");
    }
    if of.len() > LogRole::ALL.len() && of.len() == whole {
        return "all sources".to_owned();
    }
    names.extend(of.iter().filter(|view| !all_logs || !is_log(view)).map(|view| name(view.source)));
    names.join(", ")
}

/// Whole seconds, or minutes where they are many.
fn seconds(whole: u64) -> String {
    if whole < 120 { format!("{whole} s") } else { text::time(Duration::from_secs(whole)) }
}

fn since(state: &State, ms: u64) -> String {
    seconds(state.real_ms.saturating_sub(ms) / 1_000)
}

fn next_look(ms: u64) -> String {
    if ms == 0 {
        "throttled, looking again".to_owned()
    } else {
        format!("throttled, next look in {}", seconds(ms.div_ceil(1_000)))
    }
}

/// The worst that is said of some sources, for the end of a title; nothing while they answer.
pub(super) fn title(state: &State, of: &[Source]) -> Option<String> {
    let views: Vec<&SourceView> = of.iter().filter_map(|source| state.sources.get(*source)).collect();
    let failing = views.iter().filter(|view| matches!(view.state, SourceState::Failing { .. }));
    if let Some(view) = failing.min_by_key(|view| view.since_ms) {
        return Some(format!("⚠ not answering since {}, what was seen stays", since(state, view.since_ms)));
    }
    if let Some(ms) = views.iter().filter_map(|view| view.next_look_ms(state.real_ms)).max() {
        return Some(format!("⚠ {}", next_look(ms)));
    }
    let never: Vec<&SourceView> = views.iter().filter(|view| unavailable(view).is_some()).copied().collect();
    let reason = never.first().and_then(|view| unavailable(view))?;
    if never.len() == of.len() {
        Some(format!("n/a here: {reason}"))
    } else {
        Some(format!("{} n/a here: {reason}", names(&never, usize::MAX)))
    }
}

/// Why a source is not there on this target.
fn unavailable(view: &SourceView) -> Option<&str> {
    match &view.state {
        SourceState::Unavailable { problem } => Some(problem),
        _ => None,
    }
}

/// Why something cannot be seen on this target, where none of its sources can.
pub(super) fn absent(state: &State, of: &[Source]) -> Option<String> {
    let reasons: Option<Vec<&str>> = of.iter().map(|source| state.sources.get(*source).and_then(unavailable)).collect();
    reasons?.first().map(|reason| format!(" unavailable: {reason}"))
}

/// How log lines come: `live tail`, `polling`, or both; nothing before a group was heard of.
pub(super) fn log_mode(state: &State, only: Option<LogRole>) -> Option<&'static str> {
    let views = state.sources.logs(only);
    let views = views.into_iter().filter(|view| unavailable(view).is_none());
    let (tailing, polling): (Vec<_>, Vec<_>) =
        views.partition(|view| matches!(view.state, SourceState::Tailing { .. }));
    match (tailing.is_empty(), polling.is_empty()) {
        (true, true) => None,
        (false, true) => Some("live tail"),
        (true, false) => Some("polling"),
        (false, false) => Some("live tail and polling"),
    }
}

/// The groups whose live tail sends only a part.
pub(super) fn sampled(state: &State, only: Option<LogRole>) -> Option<String> {
    let mut views = state.sources.logs(only);
    views.retain(|view| view.state == SourceState::Tailing { sampled: true });
    (!views.is_empty()).then(|| names(&views, usize::MAX))
}

/// One note on everything that is not as it should be, those of one kind together; what the target lacks comes last.
pub(super) fn notes(state: &State) -> Vec<(Role, String)> {
    let all: Vec<&SourceView> = state.sources.iter().collect();
    let mut notes = Vec::new();
    let of = |wanted: &dyn Fn(&SourceState) -> bool| {
        all.iter().filter(|view| wanted(&view.state)).copied().collect::<Vec<&SourceView>>()
    };
    let last = |views: &[&SourceView]| {
        views
            .iter()
            .filter_map(|view| view.last_ms)
            .max()
            .map_or_else(|| "no event yet".to_owned(), |ms| format!("last event {} ago", since(state, ms)))
    };
    let failing = of(&|state| matches!(state, SourceState::Failing { .. }));
    if let Some(first) = failing.iter().min_by_key(|view| view.since_ms)
        && let SourceState::Failing { problem } = &first.state
    {
        let since = since(state, first.since_ms);
        let names = names(&failing, all.len());
        notes.push((Role::Warn, format!("⚠ {names}: not answering since {since}, what was seen stays · {problem}")));
    }
    let throttled = of(&|state| matches!(state, SourceState::Throttled { .. }));
    if let Some(ms) = throttled.iter().filter_map(|view| view.next_look_ms(state.real_ms)).max() {
        let (names, last) = (names(&throttled, all.len()), last(&throttled));
        notes.push((Role::Warn, format!("⚠ {names}: {} · {last}", next_look(ms))));
    }
    if let Some(names) = sampled(state, None) {
        notes.push((Role::Warn, format!("⚠ SAMPLED: the live tail of {names} sends only a part of the lines")));
    }
    let never = of(&|state| matches!(state, SourceState::Unavailable { .. }));
    let mut reasons: Vec<&str> = never.iter().filter_map(|view| unavailable(view)).collect();
    reasons.dedup();
    for (at, reason) in reasons.iter().enumerate() {
        if reasons[..at].contains(reason) {
            continue;
        }
        let views: Vec<&SourceView> = never.iter().filter(|view| unavailable(view) == Some(*reason)).copied().collect();
        notes.push((Role::Dim, format!("· {} n/a here, unavailable: {reason}", names(&views, usize::MAX))));
    }
    notes
}

/// Draws the notes in the rows that there are; the last row counts those that have no row.
pub(super) fn strip(frame: &mut Frame, area: Rect, state: &State, view: &ViewState) {
    let notes = notes(state);
    let height = usize::from(area.height);
    for (at, (role, note)) in notes.iter().take(height).enumerate() {
        let hidden = if at + 1 == height { notes.len() - height } else { 0 };
        let more = if hidden > 0 { format!(" +{} more", text::count(hidden)) } else { String::new() };
        let room = usize::from(area.width).saturating_sub(2 + text::width(&more));
        let line = vec![view.span(*role, format!(" {}", text::cut(note, room))), view.span(Role::Dim, more)];
        row(frame, area, at, Line::from(line), None);
    }
}

/// The line over every page while most sources do not answer, and for a while after they do again.
pub(super) fn banner(state: &State) -> Option<(Role, String)> {
    let target = state.target_name();
    if let Some(ms) = state.sources.away_since_ms() {
        return Some((Role::Aws, format!("✗ NO ANSWER from {target} since {}: what was seen stays", since(state, ms))));
    }
    let back = state.sources.back(state.real_ms)?;
    let away = seconds(back.away_ms / 1_000);
    Some((Role::Embedded, format!("✓ {target} answers again: it was away for {away}, nothing is lost")))
}
