//! What was opened in the place of a page: the way of a file, or the time of a dataset.

use serde::{Deserialize, Serialize};

use crate::model::SetId;
use crate::model::trace::TraceHop;

/// Parts of the whole time of a dataset that its middle is counted in.
pub(crate) const WHOLE: u64 = 1 << 30;
/// The largest zoom: each is twice the one before.
const MOST_ZOOM: u32 = 16;

/// What was opened; Esc closes it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Opened {
    Trace(TraceView),
    Timeline(TimelineView),
}

/// A file whose way is looked at.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TraceView {
    pub(crate) set: SetId,
    pub(crate) key: String,
    /// What the endpoint's trace says of it; `None` until it has said something.
    pub(crate) hops: Option<Vec<TraceHop>>,
    /// When it was asked last, and whether its way was over then.
    pub(crate) asked: (u64, bool),
    /// The first row that is shown.
    pub(crate) at: usize,
}

/// A dataset whose time is looked at.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TimelineView {
    pub(crate) set: SetId,
    /// How many times the time was doubled in size.
    pub(crate) zoom: u32,
    /// What of the whole time is in the middle, in parts of [`WHOLE`].
    pub(crate) middle: u64,
    /// The first row that is shown.
    pub(crate) at: usize,
}

impl TimelineView {
    pub(crate) const fn new(set: SetId) -> Self {
        Self { set, zoom: 0, middle: WHOLE / 2, at: 0 }
    }

    /// What of the whole time is shown, as its first part and how many.
    pub(crate) fn window(&self) -> (u64, u64) {
        let length = WHOLE >> self.zoom;
        (self.middle.saturating_sub(length / 2).min(WHOLE - length), length)
    }

    pub(crate) fn zoom(&mut self, is_larger: bool) {
        self.zoom = if is_larger { (self.zoom + 1).min(MOST_ZOOM) } else { self.zoom.saturating_sub(1) };
        self.shift(0);
    }

    /// Moves by that many eighths of what is shown.
    pub(crate) fn shift(&mut self, eighths: i64) {
        let length = WHOLE >> self.zoom;
        let by = (length / 8).cast_signed().saturating_mul(eighths);
        self.middle = self.middle.saturating_add_signed(by).clamp(length / 2, WHOLE - length / 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_stays_within_the_whole() {
        let mut view = TimelineView::new("s".into());
        assert_eq!(view.window(), (0, WHOLE));
        view.zoom(true);
        assert_eq!(view.window(), (WHOLE / 4, WHOLE / 2));
        view.shift(-100);
        assert_eq!(view.window(), (0, WHOLE / 2));
        view.shift(100);
        assert_eq!(view.window(), (WHOLE / 2, WHOLE / 2));
        view.zoom(false);
        assert_eq!(view.window(), (0, WHOLE));
        (0..99).for_each(|_| view.zoom(true));
        assert!(view.window().1 > 0);
    }
}
