//! What was opened in the place of the page, where something was.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::{Block, BorderType};

use super::super::state::State;
use super::super::state::opened::Opened;
use super::super::theme::Role;
use super::super::widget::text;
use super::{ViewState, timeline, trace};

/// Draws it, and tells whether there is something.
pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, view: &ViewState) -> bool {
    match &state.opened {
        Some(Opened::Trace(opened)) => trace::render(frame, area, state, view, opened),
        Some(Opened::Timeline(opened)) => timeline::render(frame, area, state, view, opened),
        None => return false,
    }
    true
}

/// Draws its frame and gives what is inside. A key says more at its end than at its beginning.
pub(super) fn border(frame: &mut Frame, area: Rect, view: &ViewState, kind: &str, name: &str, low: &str) -> Rect {
    let room = usize::from(area.width).saturating_sub(7 + text::width(kind));
    let low = text::cut(low, usize::from(area.width.saturating_sub(4)));
    let block = Block::bordered()
        .border_type(BorderType::Thick)
        .border_style(view.style(Role::Focus))
        .title(Span::styled(format!(" {kind} {} ", text::cut_middle(name, room)), view.style(Role::Title)))
        .title_bottom(Span::styled(format!(" {low} "), view.style(Role::Dim)));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    inner
}
