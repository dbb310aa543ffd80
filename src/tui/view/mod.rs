//! The state drawn. Nothing here decides anything: it reads the state, and keeps scroll offsets and layouts of its own.

mod activity;
mod archiving;
mod archiving_way;
mod change;
mod executions;
mod flow;
mod frame;
mod gateway;
mod graph;
mod guide;
mod header;
mod histogram;
mod hit;
mod item;
mod job_form;
mod logs;
mod mask;
mod objects;
mod opened;
mod overlay;
mod palette;
mod parameters;
mod pipeline;
mod present;
mod sources;
mod stacks;
mod step;
mod table;
mod timeline;
mod trace;

use std::cell::RefCell;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Paragraph};

use super::cmd::Page;
use super::state::logs::Key;
use super::state::{PANES, State};
use super::theme::{Depth, Role, Theme};
use crate::model::StackKind;
use hit::Hit;

/// The least that a page is drawn on.
const LEAST: (u16, u16) = (24, 8);

/// What drawing remembers from frame to frame.
#[derive(Debug, Default)]
pub struct ViewState {
    theme: Theme,
    offsets: [[usize; PANES]; Page::COUNT],
    change_offset: usize,
    log_top: Option<Key>,
    /// Whether a line was shown in its context.
    log_context: bool,
    graphs: graph::Graphs,
    depth: Depth,
    /// What stands where, as it was drawn last.
    hits: RefCell<Vec<Hit>>,
    /// The picture that is held still.
    picture: Option<Buffer>,
}

impl ViewState {
    /// Nothing is remembered yet.
    #[must_use]
    pub fn new(theme: Theme) -> Self {
        Self { theme, ..Self::default() }
    }

    /// For a terminal that shows so many colours.
    #[must_use]
    pub fn with_depth(self, depth: Depth) -> Self {
        Self { depth, ..self }
    }

    /// Draws in a scheme from now on.
    pub fn set_theme(&mut self, theme: Theme) {
        self.theme = theme;
    }

    fn style(&self, role: Role) -> Style {
        self.theme.style(role)
    }

    fn span(&self, role: Role, text: impl Into<String>) -> Span<'static> {
        Span::styled(text.into(), self.style(role))
    }
}

/// Draws the whole screen.
pub fn draw(frame: &mut Frame, state: &State, view: &mut ViewState) {
    let area = frame.area();
    match state.frozen {
        None => view.picture = None,
        Some(_) if view.picture.is_some() => {}
        Some(_) => {
            live(frame, state, view);
            finish(frame.buffer_mut(), state, view);
            view.picture = Some(frame.buffer_mut().clone());
        }
    }
    if let Some(frozen) = state.frozen {
        view.hits.borrow_mut().clear();
        present::held(frame, view);
        present::badge(frame, area, state, view, frozen);
        return downgrade(frame.buffer_mut(), view.depth);
    }
    live(frame, state, view);
    if state.present.is_on {
        present::keys(frame, area, state, view);
    }
    finish(frame.buffer_mut(), state, view);
}

/// What is done to everything that was drawn.
fn finish(buffer: &mut Buffer, state: &State, view: &ViewState) {
    if state.present.is_on {
        let known = state.setup.target.account.as_deref();
        mask::mask(buffer, known.as_slice());
    }
    downgrade(buffer, view.depth);
}

fn downgrade(buffer: &mut Buffer, depth: Depth) {
    if depth == Depth::All {
        return;
    }
    for cell in &mut buffer.content {
        cell.fg = depth.nearest(cell.fg);
        cell.bg = depth.nearest(cell.bg);
    }
}

fn live(frame: &mut Frame, state: &State, view: &mut ViewState) {
    view.hits.borrow_mut().clear();
    let area = frame.area();
    if area.width < LEAST.0 || area.height < LEAST.1 {
        let text = format!("too small: {}×{}, {}×{} needed", area.width, area.height, LEAST.0, LEAST.1);
        frame.render_widget(Paragraph::new(text).wrap(ratatui::widgets::Wrap { trim: true }), area);
        return;
    }
    frame.buffer_mut().set_style(area, view.style(Role::Text));
    let header = header::rows(state, view, area.width, area.height);
    let banner = sources::banner(state);
    let [head, tabs, news, body, foot] = Layout::vertical([
        Constraint::Length(u16::try_from(header.len()).unwrap_or(1)),
        Constraint::Length(1),
        Constraint::Length(u16::from(banner.is_some())),
        Constraint::Min(1),
        Constraint::Length(1),
    ])
    .areas(area);
    header.into_iter().enumerate().for_each(|(at, line)| row(frame, head, at, line, None));
    frame::tabs(frame, tabs, state, view);
    if let Some((role, text)) = banner {
        let text = super::widget::text::cell(&format!(" {text}"), usize::from(news.width));
        row(frame, news, 0, Line::from(view.span(role, text)), None);
    }
    if state.present.is_on {
        present::page(frame, body, state, view);
    } else {
        page(frame, body, state, view);
    }
    frame::footer(frame, foot, state, view);
    overlay::render(frame, area, state, view);
    if state.overlay.is_some() {
        view.hits.borrow_mut().clear();
    }
}

fn page(frame: &mut Frame, body: Rect, state: &State, view: &mut ViewState) {
    match state.page {
        _ if opened::render(frame, body, state, view) => {}
        Page::Flow if state.kind() == StackKind::S3Tar => archiving::render(frame, body, state, view),
        Page::Flow => flow::render(frame, body, state, view),
        Page::Stacks => stacks::render(frame, body, state, view),
        Page::Logs => logs::render(frame, body, state, view),
        Page::Table => table::render(frame, body, state, view),
        Page::Executions => executions::render(frame, body, state, view),
        Page::Objects => objects::render(frame, body, state, view),
        Page::Guide => guide::render(frame, body, state, view),
        Page::Gateway => gateway::render(frame, body, state, view),
        Page::Activity => activity::render(frame, body, state, view),
    }
}

/// Draws the frame of a pane of the current page and gives what is inside.
fn pane(frame: &mut Frame, area: Rect, state: &State, view: &ViewState, index: usize, title: &str) -> Rect {
    let focused = state.pane() == index;
    let block = Block::bordered()
        .border_type(if focused { BorderType::Thick } else { BorderType::Rounded })
        .border_style(view.style(if focused { Role::Focus } else { Role::Border }))
        .title(Span::styled(
            format!(" {} ", super::widget::text::cut(title, usize::from(area.width.saturating_sub(4)))),
            view.style(Role::Title),
        ));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    if index < state.panes().len() {
        view.note_pane(area, inner, state, index);
    }
    inner
}

/// Draws one row; a selected one over the whole width.
fn row(frame: &mut Frame, area: Rect, at: usize, line: Line<'_>, selected: Option<Style>) {
    let Ok(at) = u16::try_from(at) else { return };
    if at < area.height {
        let place = Rect { y: area.y + at, height: 1, ..area };
        frame.render_widget(line, place);
        if let Some(style) = selected {
            frame.buffer_mut().set_style(place, style);
        }
    }
}

/// A sentence as rows of `room` columns.
fn fold(view: &ViewState, role: Role, words: &str, room: usize) -> Vec<Line<'static>> {
    let rows = super::widget::text::folded(words, room).into_iter();
    rows.map(|part| Line::from(view.span(role, format!(" {part}")))).collect()
}

/// Draws what fits of the lines of a pane, from line `at` on, and says below how many there are more.
fn scrolled(frame: &mut Frame, (area, inner): (Rect, Rect), view: &ViewState, lines: Vec<Line<'_>>, at: usize) {
    let height = usize::from(inner.height);
    let hidden = lines.len().saturating_sub(height);
    let skip = at.min(hidden);
    for (at, line) in lines.into_iter().skip(skip).take(height).enumerate() {
        row(frame, inner, at, line, None);
    }
    let below = hidden - skip;
    if below > 0 && area.width > 24 {
        let words = format!(" ▼ {} more ", super::widget::text::count(below));
        let wide = u16::try_from(super::widget::text::width(&words)).unwrap_or(0);
        let place = Rect { x: area.right().saturating_sub(wide + 2), y: area.bottom() - 1, width: wide, height: 1 };
        frame.render_widget(Line::from(view.span(Role::Dim, words)), place);
    }
}
