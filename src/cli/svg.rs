//! A screen as a picture in SVG. Every run of text says where it begins and how long it is, so that the grid of cells stands
//! whatever font a viewer has.

use std::fmt::Write as _;

use anstyle::{AnsiColor, RgbColor};
use anstyle_lossy::{color_to_rgb, palette};
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

use crate::tui::Theme;

/// A cell's width in tenths of a pixel, and its height in pixels.
const CELL: (usize, usize) = (84, 18);
/// Pixels around the cells, and from the top of a row to the line that its letters stand on.
const MARGIN: usize = 10;
const BASELINE: usize = 13;

/// What a viewer is asked for; the grid does not depend on it.
const FONTS: &str = "ui-monospace, SFMono-Regular, Consolas, 'Liberation Mono', Menlo, 'DejaVu Sans Mono', monospace";

/// The cells of each row that are written, with their columns: a wide character stands in its first one, and those that it
/// covers are not.
pub fn rows(buffer: &Buffer) -> impl Iterator<Item = Vec<(usize, &Cell)>> {
    let width = usize::from(buffer.area.width).max(1);
    buffer.content.chunks(width).map(|row| {
        let mut covered = 0;
        let mut cells = Vec::with_capacity(row.len());
        for (column, cell) in row.iter().enumerate() {
            if covered > 0 {
                covered -= 1;
                continue;
            }
            covered = wide(cell) - 1;
            cells.push((column, cell));
        }
        cells
    })
}

fn wide(cell: &Cell) -> usize {
    cell.symbol().width().max(1)
}

/// How a cell looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    fore: RgbColor,
    back: Option<RgbColor>,
    modifier: Modifier,
}

impl Look {
    fn of(cell: &Cell, (fore, back): (RgbColor, RgbColor)) -> Self {
        let (text, ground) = (rgb(cell.fg), rgb(cell.bg));
        if cell.modifier.contains(Modifier::REVERSED) {
            return Self { fore: ground.unwrap_or(back), back: Some(text.unwrap_or(fore)), modifier: cell.modifier };
        }
        Self { fore: text.unwrap_or(fore), back: ground.filter(|ground| *ground != back), modifier: cell.modifier }
    }

    /// As the attributes of a text.
    fn attributes(&self) -> String {
        let mut all = format!("fill=\"{}\"", hex(self.fore));
        for (mark, attribute) in [
            (Modifier::BOLD, " font-weight=\"bold\""),
            (Modifier::DIM, " fill-opacity=\"0.6\""),
            (Modifier::ITALIC, " font-style=\"italic\""),
            (Modifier::UNDERLINED, " text-decoration=\"underline\""),
        ] {
            if self.modifier.contains(mark) {
                all.push_str(attribute);
            }
        }
        all
    }
}

/// Where a column begins, in pixels.
fn left(column: usize) -> String {
    tenths(MARGIN * 10 + column * CELL.0)
}

fn tenths(tenths: usize) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn hex(RgbColor(red, green, blue): RgbColor) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// The screen as an SVG document.
pub fn svg(buffer: &Buffer, theme: Theme) -> String {
    let usual = match theme {
        Theme::Light => (RgbColor(36, 41, 47), RgbColor(255, 255, 255)),
        Theme::HighContrast => (RgbColor(255, 255, 255), RgbColor(0, 0, 0)),
        _ => (RgbColor(220, 223, 228), RgbColor(16, 18, 24)),
    };
    let (columns, lines) = (usize::from(buffer.area.width), usize::from(buffer.area.height));
    let (width, height) = ((columns * CELL.0).div_ceil(10) + 2 * MARGIN, lines * CELL.1 + 2 * MARGIN);
    let mut made = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"5\" fill=\"{}\"/>\n",
        hex(usual.1)
    );
    let mut texts = String::new();
    for (line, row) in rows(buffer).enumerate() {
        let top = MARGIN + line * CELL.1;
        for run in row.chunk_by(|(_, one), (_, next)| Look::of(one, usual) == Look::of(next, usual)) {
            let (Some((from, first)), Some((last, end))) = (run.first(), run.last()) else { continue };
            let look = Look::of(first, usual);
            if let Some(back) = look.back {
                let long = tenths((last + wide(end) - from) * CELL.0);
                // To write into a string never fails.
                let _ = writeln!(
                    made,
                    "<rect x=\"{}\" y=\"{top}\" width=\"{long}\" height=\"{}\" fill=\"{}\"/>",
                    left(*from),
                    CELL.1,
                    hex(back)
                );
            }
            for (column, cells, text) in words(run) {
                let _ = writeln!(
                    texts,
                    "<text x=\"{}\" y=\"{}\" textLength=\"{}\" lengthAdjust=\"spacingAndGlyphs\" {}>{}</text>",
                    left(column),
                    top + BASELINE,
                    tenths(cells * CELL.0),
                    look.attributes(),
                    escaped(&text)
                );
            }
        }
    }
    // What is written stands over every ground.
    format!("{made}<g font-family=\"{FONTS}\" font-size=\"14\">\n{texts}</g>\n</svg>\n")
}

/// What of a run is between two spaces or more: its column, its cells and its text.
fn words(run: &[(usize, &Cell)]) -> Vec<(usize, usize, String)> {
    let mut words: Vec<(usize, usize, String)> = Vec::new();
    for (column, cell) in run.iter().filter(|(_, cell)| !cell.symbol().trim().is_empty()) {
        match words.last_mut() {
            Some((from, cells, text)) if *column <= *from + *cells + 1 => {
                if *column > *from + *cells {
                    text.push(' ');
                }
                text.push_str(cell.symbol());
                *cells = column + wide(cell) - *from;
            }
            _ => words.push((*column, wide(cell), cell.symbol().to_owned())),
        }
    }
    words
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A colour as it is; none for the usual one.
fn rgb(colour: Color) -> Option<RgbColor> {
    let named = match colour {
        Color::Reset => return None,
        Color::Rgb(red, green, blue) => return Some(RgbColor(red, green, blue)),
        Color::Indexed(index) => {
            return Some(color_to_rgb(anstyle::Ansi256Color(index).into(), palette::DEFAULT));
        }
        Color::Black => AnsiColor::Black,
        Color::Red => AnsiColor::Red,
        Color::Green => AnsiColor::Green,
        Color::Yellow => AnsiColor::Yellow,
        Color::Blue => AnsiColor::Blue,
        Color::Magenta => AnsiColor::Magenta,
        Color::Cyan => AnsiColor::Cyan,
        Color::Gray => AnsiColor::White,
        Color::DarkGray => AnsiColor::BrightBlack,
        Color::LightRed => AnsiColor::BrightRed,
        Color::LightGreen => AnsiColor::BrightGreen,
        Color::LightYellow => AnsiColor::BrightYellow,
        Color::LightBlue => AnsiColor::BrightBlue,
        Color::LightMagenta => AnsiColor::BrightMagenta,
        Color::LightCyan => AnsiColor::BrightCyan,
        Color::White => AnsiColor::BrightWhite,
    };
    Some(color_to_rgb(named.into(), palette::DEFAULT))
}

#[cfg(test)]
mod tests {
    use ratatui::style::Style;

    use super::*;

    fn attribute<'a>(element: &'a str, name: &str) -> &'a str {
        let from = element.split_once(&format!(" {name}=\"")).map_or("", |(_, rest)| rest);
        from.split('"').next().unwrap_or_default()
    }

    /// The columns that a length in pixels stands for.
    fn columns(pixels: &str, margin: usize) -> usize {
        let tenths: usize = pixels.replace('.', "").parse().expect("a length with one decimal");
        assert_eq!((tenths - margin * 10) % CELL.0, 0, "{pixels} is no whole number of cells");
        (tenths - margin * 10) / CELL.0
    }

    fn screen() -> Buffer {
        let lines = ["┏ Items <3> ━━┓ + new  ~ changed", "  日本 & grüße      12:00:01", "", " a  b c"];
        let mut buffer = Buffer::with_lines(lines);
        buffer.set_style(ratatui::layout::Rect::new(0, 0, 15, 1), Style::new().fg(Color::Rgb(1, 2, 255)));
        buffer.set_style(ratatui::layout::Rect::new(0, 1, 6, 1), Style::new().add_modifier(Modifier::REVERSED));
        buffer
    }

    #[test]
    fn every_run_begins_in_its_column_and_is_as_long_as_its_cells() {
        let buffer = screen();
        let made = svg(&buffer, Theme::Dark);
        let mut grid = vec![vec![" ".to_owned(); usize::from(buffer.area.width)]; usize::from(buffer.area.height)];
        let mut count = 0;
        for element in made.lines().filter(|line| line.starts_with("<text")) {
            assert_eq!(attribute(element, "lengthAdjust"), "spacingAndGlyphs");
            let column = columns(attribute(element, "x"), MARGIN);
            let cells = columns(attribute(element, "textLength"), 0);
            let line = (attribute(element, "y").parse::<usize>().expect("a row") - MARGIN) / CELL.1;
            let text = element.split_once('>').and_then(|(_, rest)| rest.strip_suffix("</text>")).expect("a text");
            let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
            assert_eq!(text.width(), cells, "{element}");
            let mut at = column;
            for char in text.chars() {
                grid[line][at] = char.to_string();
                for covered in 1..char.to_string().width() {
                    grid[line][at + covered] = String::new();
                }
                at += char.to_string().width();
            }
            count += 1;
        }
        assert!(count >= 7, "{made}");
        let wanted: Vec<String> =
            rows(&buffer).map(|row| row.iter().map(|(_, cell)| cell.symbol()).collect::<String>()).collect();
        let found: Vec<String> = grid.iter().map(|row| row.concat()).collect();
        assert_eq!(found, wanted);
    }

    #[test]
    fn colours_grounds_and_marks_are_those_of_the_cells() {
        let made = svg(&screen(), Theme::Light);
        assert!(made.starts_with("<svg ") && made.ends_with("</svg>\n"));
        assert!(made.contains("fill=\"#0102ff\">┏ Items &lt;3&gt; ━━┓</text>"), "{made}");
        // What is reversed has the usual colours the other way round.
        let ground = "<rect x=\"10.0\" y=\"28\" width=\"50.4\" height=\"18\" fill=\"#24292f\"/>";
        assert!(made.contains(ground) && made.contains("fill=\"#ffffff\">日本</text>"), "{made}");
        assert!(made.find("<text").is_some_and(|text| text > made.rfind("<rect").unwrap_or_default()));
    }
}
