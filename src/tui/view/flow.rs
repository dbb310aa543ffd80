//! The home page: the pipeline as a picture, the datasets, the execution in small, what happened last.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use super::super::cmd::{Cmd, Page};
use super::super::state::State;
use super::super::state::sources::Sight;
use super::super::theme::Role;
use super::super::widget::{graph, list, text};
use super::executions::{glyph, wait};
use super::{ViewState, pane, pipeline, row, sources};
use crate::model::execution::Progress;
use crate::model::{Dataset, ExecutionStatus, JobState, LogRole, Outcome, SetId, Source};

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    if state.zoom {
        return part(frame, area, state, view, state.pane());
    }
    // Notes on the sources take rows of their own below the picture, and none while there is nothing to say.
    let notes = sources::notes(state).len();
    let most = if area.height >= 30 { 5 } else { usize::from(area.height / 8).max(1) };
    // On a low screen the banner says enough.
    let is_told = state.sources.away_since_ms().is_some() && area.height < 20;
    let noted = if is_told { 0 } else { u16::try_from(notes.min(most)).unwrap_or(0) };
    let boxes = area.width >= 100 && area.height >= 30;
    let portrait = area.width < 72;
    let height = if boxes {
        13
    } else if portrait {
        12
    } else {
        9
    };
    if portrait {
        let low = if area.height >= 24 { area.height / 5 } else { 0 };
        let top = height.min(area.height.saturating_sub(noted + if noted > 0 || area.height < 16 { 4 } else { 5 }));
        let [top, notes, middle, low] = Layout::vertical([
            Constraint::Length(top),
            Constraint::Length(noted),
            Constraint::Min(4),
            Constraint::Length(low),
        ])
        .areas(area);
        part(frame, top, state, view, 0);
        sources::strip(frame, notes, state, view);
        part(frame, middle, state, view, 1);
        if low.height >= 3 {
            part(frame, low, state, view, 3);
        }
        return;
    }
    let wanted = u16::try_from(state.datasets.iter().len() * 3 + 2).unwrap_or(u16::MAX);
    let middle = if boxes { wanted.clamp(11, area.height.saturating_sub(height + 6).max(11)) } else { 8 };
    let [top, notes, middle, low] = Layout::vertical([
        Constraint::Length(height),
        Constraint::Length(noted),
        Constraint::Length(middle.min(area.height.saturating_sub(height + noted + 3))),
        Constraint::Min(3),
    ])
    .areas(area);
    sources::strip(frame, notes, state, view);
    let [left, right] = Layout::horizontal([Constraint::Percentage(56), Constraint::Percentage(44)]).areas(middle);
    part(frame, top, state, view, 0);
    part(frame, left, state, view, 1);
    part(frame, right, state, view, 2);
    part(frame, low, state, view, 3);
}

pub(super) fn part(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState, index: usize) {
    match index {
        0 => pipeline::render(frame, area, state, view),
        1 => datasets(frame, area, state, view),
        2 => execution(frame, area, state, view),
        _ => latest(frame, area, state, view),
    }
}

fn offer(frame: &mut Frame, inner: Rect, state: &State, view: &ViewState) {
    let key = |cmd: Cmd, what: &str| {
        Line::from(vec![
            view.span(Role::Key, format!("  {}  ", state.key(cmd))),
            view.span(Role::Text, what.to_owned()),
        ])
    };
    let writes = !state.setup.target.read_only;
    let refused = || Line::from(view.span(Role::Text, "  READ-ONLY: --write lets you change it"));
    let start = if writes { key(Cmd::StartJob, "start job: a simulated gateway vaults files") } else { refused() };
    let lines = match state.status() {
        _ if state.is_deployed() => vec![
            Line::from(view.span(Role::Text, " The stack stands. Now let a dataset land:")),
            Line::default(),
            start,
        ],
        Some(status) if status.ends_with("IN_PROGRESS") => vec![
            Line::from(view.span(Role::Active, format!(" ◐ {status}"))),
            key(Cmd::Show(Page::Stacks), "Stacks: watch each resource come up"),
        ],
        Some(status) if status.contains("FAILED") || status.contains("ROLLBACK") => {
            vec![
                Line::from(view.span(Role::Bad, format!(" ✗ {status}"))),
                key(Cmd::Show(Page::Stacks), "Stacks: what failed and why"),
            ]
        }
        _ if !writes => vec![
            Line::from(view.span(Role::Text, " Nothing is deployed yet.")),
            Line::default(),
            refused(),
            key(Cmd::Help, "every key of this screen"),
        ],
        _ => vec![
            Line::from(view.span(Role::Text, " Nothing is deployed yet.")),
            Line::default(),
            key(Cmd::Deploy, "deploy the event processing stack"),
            key(Cmd::StartJob, "then start a job and watch it land"),
            key(Cmd::Help, "every key of this screen"),
        ],
    };
    for (at, line) in lines.into_iter().enumerate() {
        row(frame, inner, at, line, None);
    }
}

pub(super) fn outcome_line(view: &ViewState, set: &Dataset) -> Option<Line<'static>> {
    let (outcome, at) = set.outcome?;
    let (glyph, words, role) = match outcome {
        Outcome::Successful => ("✓", "Reconciliation Successful", Role::Good),
        Outcome::Timeout => ("✗", "Reconciliation Timeout", Role::Bad),
    };
    let clock = at.clock_millis();
    Some(Line::from(view.span(role, format!("  {glyph} {words}  {}", clock.get(..8).unwrap_or_default()))))
}

/// How far the reconciliation of a dataset is whose outcome was not seen; it may be that its log cannot be seen here.
fn reconciling(state: &State, set: &Dataset) -> String {
    let logs = [LogRole::ReconcileSuccessful, LogRole::ReconcileTimeout].map(Source::Logs);
    let blind = state.sources.sight(&logs) == Sight::Never;
    let tally = set.tally();
    let is_whole = tally.expected > 0 && tally.missing == 0 && tally.unexpected == 0;
    let status = set.execution.as_ref().map(|(_, status)| *status);
    match (status, is_whole, blind) {
        (Some(ExecutionStatus::Failed), ..) => "  ✗ the execution failed".to_owned(),
        (Some(ExecutionStatus::TimedOut), ..) => "  ✗ the execution timed out".to_owned(),
        (Some(ExecutionStatus::Aborted), ..) => "  ✗ the execution was aborted".to_owned(),
        (Some(ExecutionStatus::Succeeded), true, true) => "  ✓ every key is there; its log is n/a here".to_owned(),
        (Some(ExecutionStatus::Succeeded), false, true) => "  • execution ended; its log is n/a here".to_owned(),
        (Some(ExecutionStatus::Succeeded), _, false) => "  ◐ execution ended, its event is on its way".to_owned(),
        (_, true, true) => "  ◐ every key is there; its log is n/a here".to_owned(),
        (_, true, false) => "  ◐ every key is there: checking".to_owned(),
        _ => "  ◐ checking".to_owned(),
    }
}

fn dataset_lines(state: &State, view: &ViewState, id: &SetId, set: &Dataset, width: usize) -> [Line<'static>; 3] {
    let tally = set.tally();
    let announced = set.announced.map_or(0, |(keys, _)| usize::try_from(keys).unwrap_or(usize::MAX));
    let whole = if tally.expected > 0 { tally.expected } else { announced };
    let part = if tally.expected > 0 { tally.present } else { set.items.len() };
    let figures = if whole > 0 {
        format!(" {}/{}", text::count(part), text::count(whole))
    } else {
        format!(" {}", text::counted(part, "item"))
    };
    let name = 17.min(width / 3);
    let room = width.saturating_sub(name + 2 + text::width(&figures));
    let (full, rest) = list::bar(part, whole, room);
    let role = if set.outcome.is_some_and(|(outcome, _)| outcome == Outcome::Timeout) { Role::Bad } else { Role::Good };
    let first = Line::from(vec![
        view.span(Role::Title, format!(" {}", text::cell_middle(id.as_str(), name))),
        view.span(role, full),
        view.span(Role::Dim, rest),
        view.span(Role::Text, figures),
    ]);
    let run = set.execution.as_ref().and_then(|(arn, _)| state.executions.get(arn));
    let round = run.map_or_else(String::new, |run| match run.limit {
        Some(limit) => format!(" · iteration {}/{}", text::number(run.rounds()), text::number(limit)),
        None => format!(" · iteration {}", text::number(run.rounds())),
    });
    let state_of = if tally.expected == 0 {
        "no manifest yet".to_owned()
    } else {
        format!("missing {} · unexpected {}", text::count(tally.missing), text::count(tally.unexpected))
    };
    let second = Line::from(view.span(
        if tally.unexpected > 0 { Role::Warn } else { Role::Dim },
        text::cut(&format!("  {state_of}{round}"), width),
    ));
    let third = outcome_line(view, set).unwrap_or_else(|| {
        let text = match (run.and_then(|run| wait(state, run)), &set.job) {
            (Some(left), _) => format!("  ◐ next check in {}", text::countdown(left)),
            (None, Some(JobState::Failed { problem })) => format!("  ✗ job failed: {}", text::cut(problem, width)),
            (None, Some(JobState::Started)) => {
                format!("  ◐ uploading: {} of {} announced", text::number(set.notified), text::count(announced))
            }
            _ if set.execution.is_some() => reconciling(state, set),
            _ => "  ◐ waiting for its manifest".to_owned(),
        };
        Line::from(view.span(Role::Active, text::cut(&text, width)))
    });
    [first, second, third]
}

fn datasets(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    let count = state.datasets.iter().len();
    let title = if count == 0 { "Datasets".to_owned() } else { format!("Datasets {count}") };
    let inner = pane(frame, area, state, view, 1, &title);
    if count == 0 {
        return offer(frame, inner, state, view);
    }
    let selected = state.set().and_then(|set| state.datasets.iter().rev().position(|(id, _)| id == set)).unwrap_or(0);
    let fits = usize::from(inner.height / 3).max(1);
    let shown = list::window(fits, count, selected, &mut view.offsets[Page::Flow as usize][1]);
    let start = shown.start;
    for (at, (id, set)) in state.datasets.iter().rev().enumerate().skip(start).take(shown.len()) {
        for (line, content) in dataset_lines(state, view, id, set, usize::from(inner.width)).into_iter().enumerate() {
            let marked = line == 0 && at == selected && state.pane() == 1;
            row(frame, inner, (at - start) * 3 + line, content, marked.then(|| view.style(Role::Selected)));
        }
    }
}

fn execution(frame: &mut Frame, area: Rect, state: &State, view: &ViewState) {
    let run = state.run().and_then(|arn| state.executions.get(arn));
    let title = run.map_or_else(|| "Execution".to_owned(), |run| format!("Execution {}", run.name));
    let inner = pane(frame, area, state, view, 2, &title);
    let machine = state.run().and_then(|arn| state.machine_of(arn));
    let (Some(run), Some((_, machine))) = (run, machine) else {
        let text = if run.is_some() { " its definition was not read yet" } else { " none yet: a manifest starts it" };
        return row(frame, inner, 0, Line::from(view.span(Role::Dim, text)), None);
    };
    let mut lines = vec![Line::default()];
    let mut used = 0;
    for (at, step) in machine.states.iter().enumerate() {
        let progress = run.visit(&step.name).progress;
        let arrow = if at > 0 { " ▶ " } else { " " };
        let mut word = format!("{} {}", glyph(progress), text::cut(graph::short(&step.name), 24));
        if progress == Progress::Current
            && let Some(left) = wait(state, run)
        {
            word.push_str(&format!(" {}", text::countdown(left)));
        }
        let width = text::width(&word) + text::width(arrow);
        if used > 0 && used + width > usize::from(inner.width) {
            lines.push(Line::default());
            used = 0;
        }
        used += width;
        if let Some(line) = lines.last_mut() {
            line.push_span(view.span(Role::Dim, arrow));
            line.push_span(Span::styled(word, view.theme.progress(progress)));
        }
    }
    let limit = run.limit.map_or_else(String::new, |limit| format!("/{}", text::number(limit)));
    lines.push(Line::from(view.span(
        Role::Text,
        format!(" iteration {}{limit} · {}", text::number(run.rounds()), super::executions::status(run).1),
    )));
    for (at, line) in lines.into_iter().enumerate() {
        row(frame, inner, at, line, None);
    }
}

fn latest(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    let inner = pane(frame, area, state, view, 3, "Latest");
    let count = state.latest.len();
    if count == 0 {
        return row(
            frame,
            inner,
            0,
            Line::from(view.span(Role::Dim, " what happens on the pipeline is listed here, newest first")),
            None,
        );
    }
    let selected = if state.pane() == 3 { state.row(Page::Flow, 3) } else { 0 };
    let shown = list::window(usize::from(inner.height), count, selected, &mut view.offsets[Page::Flow as usize][3]);
    let start = shown.start;
    for at in shown {
        let Some(entry) = state.latest.get(count - 1 - at) else { continue };
        let size = entry.size.map(text::bytes).unwrap_or_default();
        let room = usize::from(inner.width).saturating_sub(14 + 9 + text::width(&size) + 2);
        let role = match entry.kind.as_str() {
            "success" => Role::Good,
            "timeout" => Role::Bad,
            _ => Role::Active,
        };
        let line = Line::from(vec![
            view.span(Role::Dim, format!(" {} ", entry.at.clock_millis())),
            view.span(role, text::cell(&entry.kind, 9)),
            view.span(Role::Text, text::cell_middle(&entry.text, room)),
            view.span(Role::Dim, format!(" {size}")),
        ]);
        let marked = state.pane() == 3 && at == selected;
        row(frame, inner, at - start, line, marked.then(|| view.style(Role::Selected)));
    }
}
