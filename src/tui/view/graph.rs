//! The state machine of an execution as a live graph: the largest level that fits, the state that is under way or selected
//! kept in sight; in words where there is no room for boxes.

use std::cell::OnceCell;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use super::super::state::State;
use super::super::theme::Role;
use super::super::widget::graph::{Drawing, Level, Live, Look, short};
use super::super::widget::{list, text};
use super::executions::{glyph, wait, wait_in, word};
use super::{ViewState, pane, row};
use crate::model::execution::{Execution, Progress};
use crate::model::machine::Machine;

/// The least that boxes are drawn on.
const LEAST: (u16, u16) = (30, 4);
/// The least on which the glyphs are explained below the graph.
const EXPLAINED: (u16, u16) = (40, 14);

/// The drawings of the machine that was shown last, each made when it is first asked for.
#[derive(Debug, Default)]
pub(super) struct Graphs {
    machine: Machine,
    /// By level.
    drawings: [OnceCell<Option<Drawing>>; 3],
}

impl Graphs {
    fn of(&mut self, machine: &Machine, level: Level) -> Option<&Drawing> {
        if self.machine != *machine {
            *self = Self { machine: machine.clone(), ..Self::default() };
        }
        self.drawings[level as usize].get_or_init(|| Drawing::of(machine, level)).as_ref()
    }

    /// The largest level that fits, the smallest where none does.
    fn fitting(&mut self, machine: &Machine, width: usize, height: usize) -> Level {
        let fits = |drawing: &Drawing| drawing.width <= width && drawing.height <= height;
        let mut levels = Level::ALL.into_iter().rev();
        levels.find(|level| self.of(machine, *level).is_some_and(fits)).unwrap_or(Level::Names)
    }
}

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    let run = state.run().and_then(|arn| state.executions.get(arn));
    let mut inner = pane(frame, area, state, view, 1, &title(state, run));
    let Some((_, machine)) = state.machine() else {
        return row(frame, inner, 0, Line::from(view.span(Role::Dim, " the definition was not read yet")), None);
    };
    if inner.width >= EXPLAINED.0 && inner.height >= EXPLAINED.1 {
        inner.height -= 1;
        let low = Rect { y: inner.y + inner.height, height: 1, ..inner };
        legend(frame, low, view);
    }
    let looks = looks(state, machine, run, view);
    let (width, height) = (usize::from(inner.width), usize::from(inner.height));
    let mut graphs = std::mem::take(&mut view.graphs);
    let level = state.graph.level.unwrap_or_else(|| graphs.fitting(machine, width, height));
    let is_small = inner.width < LEAST.0 || inner.height < LEAST.1;
    match graphs.of(machine, level).filter(|_| !is_small) {
        Some(drawing) => {
            let at = window(state, drawing, &looks, width, height);
            let pad = u16::try_from(width.saturating_sub(drawing.width) / 2).unwrap_or(0);
            let place = Rect { x: inner.x + pad, width: inner.width - pad, ..inner };
            let taken = taken(machine, run);
            let live = Live { looks: &looks, taken: &taken, edges: [view.style(Role::Dim), view.style(Role::Good)] };
            drawing.draw(machine, &live, at, place, frame.buffer_mut());
            beyond(frame, area, drawing, at, (width, height), level, view);
        }
        None => outline(frame, inner, machine, &looks, view),
    }
    view.graphs = graphs;
}

/// Which edges were gone.
fn taken(machine: &Machine, run: Option<&Execution>) -> Vec<bool> {
    let name = |at: usize| machine.states[at].name.as_str();
    machine.edges.iter().map(|edge| run.is_some_and(|run| run.took(name(edge.from), name(edge.to)))).collect()
}

/// How often round, and how long it waits.
fn title(state: &State, run: Option<&Execution>) -> String {
    let Some(run) = run else { return "Graph".to_owned() };
    // How often a branch runs is no iteration.
    let outermost = state.machine_of(&run.arn).map(|(_, machine)| {
        let outermost = machine.states.iter().filter(|step| step.parent.is_none());
        outermost.map(|step| run.visit(&step.name).entered).max().unwrap_or(0)
    });
    let rounds = match (run.limit, outermost.unwrap_or_else(|| run.rounds())) {
        (Some(limit), rounds) => format!(" · iteration {}/{}", text::number(rounds), text::number(limit)),
        (None, rounds @ 2..) => format!(" · iteration {}", text::number(rounds)),
        (None, _) => String::new(),
    };
    let left = wait(state, run).map_or_else(String::new, |left| format!(" · wait {}", text::countdown(left)));
    format!("Graph{rounds}{left}")
}

fn looks(state: &State, machine: &Machine, run: Option<&Execution>, view: &ViewState) -> Vec<Look> {
    let look = |(at, step): (usize, &crate::model::machine::MachineState)| {
        let progress = run.map(|run| run.progress(machine, at)).unwrap_or_default();
        let visit = run.map(|run| run.visit(&step.name)).unwrap_or_default();
        let is_current = progress == Progress::Current;
        let left = run.filter(|_| is_current).and_then(|run| wait_in(state, run, &step.name));
        let times = if visit.entered > 1 { format!(" · {}×", text::number(visit.entered)) } else { String::new() };
        let took = visit.since.zip(visit.left).filter(|_| !is_current).and_then(|(since, left)| left.since(since));
        let took = took.map_or_else(String::new, |took| format!(" · {}", text::time(took)));
        Look {
            glyph: glyph(progress),
            word: format!("{}{times}{took}", word(progress)),
            note: left.map_or_else(String::new, |left| format!(" {}", text::countdown(left))),
            style: view.theme.progress(progress),
            is_current,
            is_selected: state.graph.selected.as_deref() == Some(step.name.as_str()),
        }
    };
    machine.states.iter().enumerate().map(look).collect()
}

/// What of the drawing is in the upper left corner: the selected state, else the one under way, stands in the middle,
/// unless the window was moved.
fn window(state: &State, drawing: &Drawing, looks: &[Look], width: usize, height: usize) -> (usize, usize) {
    let selected = looks.iter().position(|look| look.is_selected);
    let current = || looks.iter().rposition(|look| look.is_current);
    let (x, y) = selected.or_else(current).or(Some(0)).and_then(|at| drawing.centre(at)).unwrap_or_default();
    let from = |centre: usize, moved: isize, whole: usize, part: usize| {
        let most = whole.saturating_sub(part);
        centre.saturating_sub(part / 2).min(most).saturating_add_signed(moved).min(most)
    };
    let (aside, down) = state.graph.moved;
    (from(x, aside, drawing.width, width), from(y, down, drawing.height, height))
}

/// Says in the frame how large the graph is drawn, and where there is more of it.
fn beyond(
    frame: &mut Frame,
    area: Rect,
    drawing: &Drawing,
    at: (usize, usize),
    (width, height): (usize, usize),
    level: Level,
    view: &ViewState,
) {
    let more =
        [(at.0 > 0, "◀"), (at.1 > 0, "▲"), (at.1 + height < drawing.height, "▼"), (at.0 + width < drawing.width, "▶")];
    let arrows: Vec<&str> = more.into_iter().filter(|(is_there, _)| *is_there).map(|(_, arrow)| arrow).collect();
    let more = if arrows.is_empty() { String::new() } else { format!("· more {} ", arrows.join(" ")) };
    let words = format!(" {} {more}", level.word());
    let room = usize::from(area.width.saturating_sub(2));
    let low = Rect {
        x: area.x + 1,
        y: area.y + area.height.saturating_sub(1),
        width: area.width.saturating_sub(2),
        height: 1,
    };
    if text::width(&words) <= room {
        frame.render_widget(Line::from(view.span(Role::Dim, words)).right_aligned(), low);
    }
}

fn legend(frame: &mut Frame, area: Rect, view: &ViewState) {
    const ALL: [Progress; 6] = [
        Progress::Current,
        Progress::Done,
        Progress::Failed,
        Progress::Caught,
        Progress::NotVisited,
        Progress::Cancelled,
    ];
    let mut line = Line::default();
    for progress in ALL {
        let words = format!(" {} {} ", glyph(progress), word(progress));
        if line.width() + text::width(&words) > usize::from(area.width) {
            break;
        }
        line.push_span(Span::styled(words, view.theme.progress(progress)));
    }
    frame.render_widget(line.centered(), area);
}

/// The states in words, one a row; those of branches set in.
fn outline(frame: &mut Frame, area: Rect, machine: &Machine, looks: &[Look], view: &ViewState) {
    let here =
        looks.iter().position(|look| look.is_selected).or_else(|| looks.iter().rposition(|look| look.is_current));
    // Nothing is remembered: it is a few rows around what matters.
    let mut offset = here.unwrap_or(0).saturating_sub(usize::from(area.height) / 2);
    let shown = list::window(usize::from(area.height), machine.states.len(), here.unwrap_or(0), &mut offset);
    let start = shown.start;
    for at in shown {
        let (Some(step), Some(look)) = (machine.states.get(at), looks.get(at)) else { continue };
        let mut depth = 0;
        let mut parent = step.parent;
        while let Some(holder) = parent.and_then(|parent| machine.states.get(parent)) {
            (depth, parent) = (depth + 1, holder.parent);
        }
        let words = format!(" {}{} {}{} · {}", "  ".repeat(depth), look.glyph, short(&step.name), look.note, look.word);
        let style = if look.is_selected { look.style.add_modifier(Modifier::REVERSED) } else { look.style };
        let line = Line::from(Span::styled(text::cut(&words, usize::from(area.width)), style));
        row(frame, area, at - start, line, None);
    }
    if machine.states.is_empty() {
        row(frame, area, 0, Line::from(view.span(Role::Dim, " the definition has no states")), None);
    }
}
