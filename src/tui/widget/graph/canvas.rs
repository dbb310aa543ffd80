//! A window on a drawing that is larger than the screen: what lies outside is left out.

use std::collections::HashMap;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::layout::Point;

const UP: u8 = 1;
const DOWN: u8 = 2;
const LEFT: u8 = 4;
const RIGHT: u8 = 8;

/// The window.
pub(super) struct Canvas<'a> {
    /// What of the drawing is in the upper left corner.
    pub(super) at: Point,
    pub(super) area: Rect,
    pub(super) buffer: &'a mut Buffer,
    /// The arms of the lines in each cell, and the rank of the uppermost of these.
    lines: HashMap<Point, (u8, u8)>,
}

impl<'a> Canvas<'a> {
    pub(super) fn new(at: Point, area: Rect, buffer: &'a mut Buffer) -> Self {
        Self { at, area, buffer, lines: HashMap::new() }
    }

    fn place(&self, point: Point) -> Option<(u16, u16)> {
        let x = u16::try_from(point.x.checked_sub(self.at.x)?).ok().filter(|x| *x < self.area.width)?;
        let y = u16::try_from(point.y.checked_sub(self.at.y)?).ok().filter(|y| *y < self.area.height)?;
        Some((self.area.x + x, self.area.y + y))
    }

    pub(super) fn put(&mut self, point: Point, char: char, style: Style) {
        if let Some(cell) = self.place(point).and_then(|place| self.buffer.cell_mut(place)) {
            cell.set_char(char).set_style(style);
        }
    }

    pub(super) fn text(&mut self, point: Point, text: &str, style: Style) {
        let mut x = point.x;
        for char in text.chars() {
            let wide = unicode_width::UnicodeWidthChar::width(char).unwrap_or(0);
            // A wide character that does not fit the window whole is left out.
            if wide == 1 || (wide == 2 && self.place(Point { x: x + 1, ..point }).is_some()) {
                self.put(Point { x, ..point }, char, style);
            }
            x += wide;
        }
    }

    /// Takes a line in, to be drawn with all others; the one of the highest rank gives a cell its style.
    pub(super) fn line(&mut self, points: &[Point], rank: u8) {
        for pair in points.windows(2) {
            let (from, to) = (pair[0], pair[1]);
            let (left, right) = (from.x.min(to.x), from.x.max(to.x));
            let (top, bottom) = (from.y.min(to.y), from.y.max(to.y));
            // Only what may be seen: a way may be much longer than the window.
            let (width, height) = (usize::from(self.area.width), usize::from(self.area.height));
            for y in top.max(self.at.y)..=bottom.min(self.at.y + height) {
                for x in left.max(self.at.x)..=right.min(self.at.x + width) {
                    let arms = if y > top { UP } else { 0 }
                        | if y < bottom { DOWN } else { 0 }
                        | if x > left { LEFT } else { 0 }
                        | if x < right { RIGHT } else { 0 };
                    self.mark(Point { x, y }, arms, rank);
                }
            }
        }
        if let Some(first) = points.first() {
            self.mark(*first, UP, rank);
        }
    }

    fn mark(&mut self, point: Point, arms: u8, rank: u8) {
        let cell = self.lines.entry(point).or_default();
        *cell = (cell.0 | arms, cell.1.max(rank));
    }

    /// Draws the lines that were taken in, each rank in its style.
    pub(super) fn draw_lines(&mut self, styles: &[Style]) {
        for (point, (arms, rank)) in std::mem::take(&mut self.lines) {
            let style = styles.get(usize::from(rank)).copied().unwrap_or_default();
            self.put(point, joint(arms), style);
        }
    }
}

const fn joint(arms: u8) -> char {
    match arms {
        4 | 8 | 12 => '─',
        10 => '╭',
        6 => '╮',
        9 => '╰',
        5 => '╯',
        11 => '├',
        7 => '┤',
        14 => '┬',
        13 => '┴',
        15 => '┼',
        _ => '│',
    }
}
