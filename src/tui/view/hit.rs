//! What stands where on the screen, for the mouse. Panes and tabs are noted as they are drawn.

use ratatui::layout::{Position, Rect};

use super::super::Spot;
use super::super::cmd::Page;
use super::super::state::State;
use super::ViewState;
use crate::model::StackKind;

/// Something that can be clicked on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    place: Rect,
    what: What,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Spot(Spot),
    /// A pane of a page, with its rows inside and how they are drawn.
    Pane(Page, usize, Rect, Option<(usize, usize)>),
}

/// How the list of a pane is drawn: rows above it, and rows that each of its entries takes. `None` where its rows are not
/// those of a list.
fn list(state: &State, pane: usize) -> Option<(usize, usize)> {
    match (state.page, pane) {
        (Page::Flow, 1) if state.kind() == StackKind::S3Tar => Some((0, 1)),
        (Page::Flow, _) if state.kind() == StackKind::S3Tar => None,
        (Page::Objects, 0) => Some((0, 1)),
        (Page::Flow, 1) => Some((0, 3)),
        (Page::Stacks, 0) => Some((0, 2)),
        (Page::Table, 2) => Some((4, 1)),
        (Page::Activity, 0) => Some((1, 1)),
        (Page::Flow, 3) | (Page::Stacks, 1 | 2) | (Page::Table, 0 | 1) | (Page::Executions | Page::Gateway, 0 | 2) => {
            Some((0, 1))
        }
        _ => None,
    }
}

impl ViewState {
    /// Notes that something was drawn.
    pub(super) fn note(&self, place: Rect, spot: Spot) {
        self.hits.borrow_mut().push(Hit { place, what: What::Spot(spot) });
    }

    pub(super) fn note_pane(&self, place: Rect, inner: Rect, state: &State, pane: usize) {
        let what = What::Pane(state.page, pane, inner, list(state, pane));
        self.hits.borrow_mut().push(Hit { place, what });
    }

    /// What was drawn last at a cell, if it can be clicked on.
    #[must_use]
    pub fn spot(&self, column: u16, row: u16) -> Option<Spot> {
        let at = Position::new(column, row);
        let hits = self.hits.borrow();
        let hit = hits.iter().rev().find(|hit| hit.place.contains(at))?;
        Some(match hit.what {
            What::Spot(spot) => spot,
            What::Pane(page, pane, inner, list) => {
                let row = inner.contains(at).then(|| self.row_at(page, pane, list, usize::from(row - inner.y)));
                Spot::Pane { pane, row: row.flatten() }
            }
        })
    }

    fn row_at(&self, page: Page, pane: usize, list: Option<(usize, usize)>, line: usize) -> Option<usize> {
        let (above, each) = list?;
        let offset = self.offsets.get(page as usize)?.get(pane)?;
        Some(offset + line.checked_sub(above)? / each)
    }
}
