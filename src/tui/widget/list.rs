//! Which rows of a long list are on the screen.

use std::ops::Range;

/// The rows to draw, so that the selected one is among them and the offset moves as little as it must.
pub(crate) fn window(height: usize, count: usize, selected: usize, offset: &mut usize) -> Range<usize> {
    let last = count.saturating_sub(1);
    let selected = selected.min(last);
    *offset = (*offset).clamp((selected + 1).saturating_sub(height.max(1)), selected).min(count.saturating_sub(height));
    *offset..(*offset + height).min(count)
}

/// A bar of `cells` columns, `part` of `whole` of it full.
pub(crate) fn bar(part: usize, whole: usize, cells: usize) -> (String, String) {
    let full = (part.min(whole) * cells).checked_div(whole).unwrap_or(0);
    ("█".repeat(full), "░".repeat(cells - full))
}

/// The newest of `values`, one column each, scaled to the largest of them.
pub(crate) fn spark(values: impl DoubleEndedIterator<Item = u64> + ExactSizeIterator, cells: usize) -> String {
    const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let skip = values.len().saturating_sub(cells);
    let values: Vec<u64> = values.skip(skip).collect();
    let most = values.iter().copied().max().unwrap_or(0).max(1);
    let step = |value: u64| STEPS[usize::try_from(value.saturating_mul(7) / most).unwrap_or(0).min(7)];
    values.into_iter().map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selected_row_is_always_on_the_screen() {
        let mut offset = 0;
        assert_eq!(window(10, 100, 50, &mut offset), 41..51);
        assert_eq!(window(10, 100, 45, &mut offset), 41..51, "it need not move");
        assert_eq!(window(10, 100, 3, &mut offset), 3..13);
        assert_eq!(window(10, 4, 99, &mut offset), 0..4);
        assert_eq!(window(0, 0, 0, &mut offset), 0..0);
    }

    #[test]
    fn a_bar_is_full_only_when_all_is_there() {
        assert_eq!(bar(0, 0, 4), (String::new(), "░░░░".to_owned()));
        assert_eq!(bar(99, 100, 4).0, "███");
        assert_eq!(bar(5, 5, 4).0, "████");
        assert_eq!(spark([0, 7, 14].into_iter(), 2), "▄█");
    }
}
