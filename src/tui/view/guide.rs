//! The Guide page: the modules and their steps with what is done, and the selected step: what to do, the key or the command
//! that does it, what tells that it is done, and a hint.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use super::super::cmd::{Cmd, Page};
use super::super::state::State;
use super::super::state::guide::page;
use super::super::theme::Role;
use super::super::update::selected_step;
use super::super::widget::{list, text};
use super::{ViewState, pane, row};
use crate::model::guide::{ModuleReport, Press, StepReport, StepState};

const STEPS: usize = 0;
const STEP: usize = 1;

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    if state.zoom || area.height < 14 {
        return part(frame, area, state, view, state.pane());
    }
    let [first, second] = if area.width >= 100 {
        Layout::horizontal([Constraint::Percentage(50), Constraint::Min(30)]).areas(area)
    } else {
        let low = if area.height >= 30 { 14 } else { area.height / 2 };
        Layout::vertical([Constraint::Min(5), Constraint::Length(low)]).areas(area)
    };
    steps(frame, first, state, view);
    step(frame, second, state, view);
}

pub(super) fn part(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState, index: usize) {
    if index == STEPS { steps(frame, area, state, view) } else { step(frame, area, state, view) }
}

/// Glyph, word and colour of a step.
const fn look(state: StepState) -> (&'static str, &'static str, Role) {
    match state {
        StepState::Done => ("✓", "done", Role::Good),
        StepState::Next => ("▶", "next", Role::Active),
        StepState::Open => ("○", "open", Role::Dim),
        StepState::Unknown => ("?", "unknown", Role::Warn),
    }
}

fn sum(modules: &[ModuleReport]) -> (usize, usize) {
    (modules.iter().map(|module| module.done).sum(), modules.iter().map(|module| module.steps.len()).sum())
}

fn steps(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    let modules = state.modules();
    let (done, all) = sum(&modules);
    let inner = pane(frame, area, state, view, STEPS, &format!("The workshop · {done} of {all} steps done"));
    let width = usize::from(inner.width);
    let flat: Vec<StepReport> = modules.iter().flat_map(|module| module.steps.iter().cloned()).collect();
    let selected = selected_step(state, &flat);
    // A row for each module, and one for each of its steps.
    let mut rows: Vec<(Line, Option<usize>)> = Vec::new();
    let mut at = 0;
    for module in &modules {
        rows.push((module_row(view, module, width), None));
        for step in &module.steps {
            rows.push((step_row(view, step, width), Some(at)));
            at += 1;
        }
    }
    let place = rows.iter().position(|(_, step)| *step == Some(selected)).unwrap_or(0);
    // The title of the first module shows above its first step.
    let wanted = if selected == 0 { 0 } else { place };
    let offset = &mut view.offsets[Page::Guide as usize][STEPS];
    let mut shown = list::window(usize::from(inner.height), rows.len(), wanted, offset);
    if selected == 0 {
        shown = list::window(usize::from(inner.height), rows.len(), place, offset);
    }
    let start = shown.start;
    for (line_at, (line, step)) in rows.into_iter().enumerate().skip(start).take(shown.len()) {
        let marked = step == Some(selected);
        row(frame, inner, line_at - start, line, marked.then(|| view.style(Role::Selected)));
    }
}

fn module_row(view: &ViewState, module: &ModuleReport, width: usize) -> Line<'static> {
    let all = module.steps.len();
    let (full, rest) = list::bar(module.done, all, if width >= 60 { 10 } else { 5 });
    let figures = format!(" {}/{all} ", module.done);
    let room = width.saturating_sub(text::width(&full) + text::width(&rest) + figures.len());
    let role = if module.done == all { Role::Good } else { Role::Active };
    Line::from(vec![
        view.span(Role::Title, text::cell(&format!(" {} {}", module.number, module.title), room)),
        view.span(role, full),
        view.span(Role::Dim, rest),
        view.span(if module.done == all { Role::Good } else { Role::Dim }, figures),
    ])
}

fn step_row(view: &ViewState, step: &StepReport, width: usize) -> Line<'static> {
    let (glyph, word, role) = look(step.state);
    let room = width.saturating_sub(7 + 8);
    let title = format!("{} {}", step.id, step.title);
    Line::from(vec![
        view.span(role, format!("   {glyph} ")),
        view.span(if step.state == StepState::Open { Role::Dim } else { Role::Text }, text::cell(&title, room)),
        view.span(role, format!("  {word}")),
    ])
}

/// What to press for a step, in words.
fn press(state: &State, of: Press) -> String {
    let key = |page, cmd| state.keymap.key_of(page, cmd).map(|key| key.to_string()).unwrap_or_default();
    let digit = |page| key(page, Cmd::Show(page));
    match of {
        Press::Deploy => format!("{} on {} Flow", key(Page::Flow, Cmd::Deploy), digit(Page::Flow)),
        Press::StartJob => format!("{}, which starts a job of the simulated gateway", key(Page::Guide, Cmd::StartJob)),
        Press::Delete => format!("{} on {} Stacks", key(Page::Stacks, Cmd::Delete), digit(Page::Stacks)),
        Press::Show(screen) => format!("{} {}", digit(page(screen)), page(screen).name()),
    }
}

/// Rows of a sentence behind a word.
fn fold(view: &ViewState, word: &str, role: Role, words: &str, room: usize) -> Vec<Line<'static>> {
    let indent = if room >= 40 { 9 } else { 0 };
    let mut lines = Vec::new();
    if indent == 0 && !word.is_empty() {
        lines.push(Line::from(view.span(Role::Dim, format!(" {word}"))));
    }
    for (at, part) in text::folded(words, room.saturating_sub(indent)).into_iter().enumerate() {
        let head = if at == 0 && indent > 0 { word } else { "" };
        lines.push(Line::from(vec![
            view.span(Role::Dim, text::cell(&format!(" {head}"), indent + 1)),
            view.span(role, part),
        ]));
    }
    lines
}

fn step(frame: &mut Frame, area: Rect, state: &State, view: &ViewState) {
    let steps = state.steps();
    let Some(step) = steps.get(selected_step(state, &steps)) else { return };
    let inner = pane(frame, area, state, view, STEP, &format!("{} {}", step.id, step.title));
    let room = usize::from(inner.width).saturating_sub(2);
    let (glyph, word, role) = look(step.state);
    let word = if step.state == StepState::Unknown { "cannot be known here" } else { word };
    let mut lines = fold(view, "", role, &format!("{glyph} {word}: {}", step.why), room);
    if room >= 40 {
        // The state stands at the left.
        lines = text::folded(&format!("{glyph} {word}: {}", step.why), room)
            .into_iter()
            .map(|part| Line::from(view.span(role, format!(" {part}"))))
            .collect();
    }
    lines.extend(
        text::folded(step.what, room).into_iter().map(|part| Line::from(view.span(Role::Text, format!(" {part}")))),
    );
    if let Some(of) = step.press {
        lines.extend(fold(view, "press", Role::Key, &press(state, of), room));
    }
    if let Some(command) = &step.command {
        lines.extend(fold(view, "or run", Role::Text, command, room));
    }
    if let Some(line) = &step.aws {
        lines.extend(fold(view, "or look", Role::Text, line, room));
    }
    lines.extend(fold(view, "hint", Role::Dim, step.hint, room));
    let hidden = lines.len().saturating_sub(usize::from(inner.height));
    let skip = state.row(Page::Guide, STEP).min(hidden);
    for (at, line) in lines.into_iter().skip(skip).take(usize::from(inner.height)).enumerate() {
        row(frame, inner, at, line, None);
    }
    let below = hidden - skip;
    if below > 0 && area.width > 24 {
        let words = format!(" ▼ {below} more ");
        let wide = u16::try_from(text::width(&words)).unwrap_or(0);
        let place = Rect { x: area.right().saturating_sub(wide + 2), y: area.bottom() - 1, width: wide, height: 1 };
        frame.render_widget(Line::from(view.span(Role::Dim, words)), place);
    }
}
