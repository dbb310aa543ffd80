//! Account numbers, masked in what was drawn: the one place where it is done, so that no page can forget it. It works on
//! the cells as they are, and rather masks too much than too little: numbers that were cut or folded are masked too.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

/// Digits of an account number.
const DIGITS: usize = 12;
/// Fewer digits of a known account than these tell nothing.
const TELLING: usize = 4;
/// What stands for a digit.
const MASK: &str = "•";

/// A row of digits on the screen.
#[derive(Debug, Clone)]
struct Run {
    row: u16,
    from: u16,
    to: u16,
    digits: String,
    /// The cells before and after it.
    before: String,
    after: String,
}

/// Masks every account number. `known` are numbers of which parts are masked as well.
pub(super) fn mask(buffer: &mut Buffer, known: &[&str]) {
    let area = buffer.area;
    let mut hidden = Vec::new();
    let mut above: Vec<Run> = Vec::new();
    for row in area.top()..area.bottom() {
        let runs = runs(buffer, row);
        for run in &runs {
            if is_account(run, known) || is_in_arn(buffer, area, run) {
                hidden.push(run.clone());
            }
            // One that was folded: its start stands at the end of the pane's row before.
            if let Some(start) = above.iter().find(|start| is_folded(buffer, area, start, run)) {
                hidden.extend([start.clone(), run.clone()]);
            }
        }
        above = runs;
    }
    for run in hidden {
        for column in run.from..run.to {
            if let Some(cell) = buffer.cell_mut(Position::new(column, run.row)) {
                cell.set_symbol(MASK);
            }
        }
    }
}

fn symbol(buffer: &Buffer, column: u16, row: u16) -> &str {
    buffer.cell(Position::new(column, row)).map_or("", ratatui::buffer::Cell::symbol)
}

fn digit(symbol: &str) -> Option<char> {
    let mut chars = symbol.chars();
    chars.next().filter(|char| char.is_ascii_digit() && chars.next().is_none())
}

fn runs(buffer: &Buffer, row: u16) -> Vec<Run> {
    let area = buffer.area;
    let mut runs: Vec<Run> = Vec::new();
    for column in area.left()..area.right() {
        let Some(digit) = digit(symbol(buffer, column, row)) else { continue };
        if let Some(run) = runs.last_mut().filter(|run| run.to == column) {
            run.to += 1;
            run.digits.push(digit);
        } else {
            let before = if column > area.left() { symbol(buffer, column - 1, row) } else { "" };
            let (before, after) = (before.to_owned(), String::new());
            runs.push(Run { row, from: column, to: column + 1, digits: digit.to_string(), before, after });
        }
    }
    for run in &mut runs {
        run.after = if run.to < area.right() { symbol(buffer, run.to, row).to_owned() } else { String::new() };
    }
    runs
}

/// Whether the picture ends at a cell: it is the frame of a pane, or there is none.
fn is_edge(symbol: &str) -> bool {
    symbol.is_empty() || symbol.chars().all(|char| ('\u{2500}'..='\u{257f}').contains(&char))
}

fn is_account(run: &Run, known: &[&str]) -> bool {
    if run.digits.len() == DIGITS {
        return true;
    }
    if run.digits.len() < DIGITS && (run.before == "…" && run.after == ":" || run.before == ":" && run.after == "…")
    {
        return true;
    }
    let is_cut = run.before == "…" || run.after == "…" || is_edge(&run.before) || is_edge(&run.after);
    is_cut && run.digits.len() >= TELLING && known.iter().any(|account| account.contains(run.digits.as_str()))
}

/// Whether it stands where an ARN has its account: `arn:aws:states:us-east-1:`.
fn is_in_arn(buffer: &Buffer, area: Rect, run: &Run) -> bool {
    let mut colons = 0;
    let mut word = String::new();
    for column in (area.left()..run.from).rev() {
        let symbol = symbol(buffer, column, run.row);
        match symbol {
            ":" => colons += 1,
            "…" => return false,
            _ if symbol.chars().all(|char| char.is_ascii_alphanumeric() || char == '-') && !symbol.is_empty() => {}
            _ => break,
        }
        word.insert_str(0, symbol);
    }
    colons == 4 && word.starts_with("arn:") && word.ends_with(':')
}

/// Whether the digits at the end of a row and those at the start of the next one are a number that was folded.
fn is_folded(buffer: &Buffer, area: Rect, start: &Run, end: &Run) -> bool {
    if start.digits.len() + end.digits.len() != DIGITS || !is_edge(&start.after) || start.to <= end.from {
        return false;
    }
    // Nothing but space between the frame, or the edge of the screen, and the rest.
    let before = (area.left()..end.from).rev().map(|column| symbol(buffer, column, end.row));
    before.into_iter().find(|symbol| *symbol != " ").is_none_or(is_edge)
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Cell;

    use super::*;

    fn masked(lines: &[&str], known: &[&str]) -> Vec<String> {
        let mut buffer = Buffer::with_lines(lines.iter().copied());
        mask(&mut buffer, known);
        let width = usize::from(buffer.area.width);
        let rows = buffer.content.chunks(width).map(|row| row.iter().map(Cell::symbol).collect::<String>());
        rows.map(|row| row.trim_end().to_owned()).collect()
    }

    #[test]
    fn account_numbers_are_masked_wherever_they_stand() {
        for (line, expected) in [
            ("REAL AWS 123456789012 · us-east-1", "REAL AWS •••••••••••• · us-east-1"),
            (
                "arn:aws:states:eu-west-1:123456789012:stateMachine:x",
                "arn:aws:states:eu-west-1:••••••••••••:stateMachine:x",
            ),
            (
                "https://sqs.us-east-1.amazonaws.com/123456789012/q",
                "https://sqs.us-east-1.amazonaws.com/••••••••••••/q",
            ),
            ("bucket vaultscope-123456789012-us-east-1", "bucket vaultscope-••••••••••••-us-east-1"),
            ("{\"account\":\"123456789012\",\"n\":5}", "{\"account\":\"••••••••••••\",\"n\":5}"),
            // An ARN that was cut.
            ("arn:aws:states:us-east-1:12345…", "arn:aws:states:us-east-1:•••••…"),
            ("arn:a…9012:stateMachine:x", "arn:a…••••:stateMachine:x"),
        ] {
            assert_eq!(masked(&[line], &[]), [expected]);
        }
    }

    #[test]
    fn other_numbers_stay() {
        for line in [
            "1604577600123 ms since 1970",
            "1,683/2,042 items · 612 MB",
            "2020-11-05T12:00:00.204",
            "14:45:04  ×60",
            "file-20201105 7…",
            "seed 1234 │",
            "arn:aws:s3:::bucket-2020",
        ] {
            assert_eq!(masked(&[line], &["999988887777"]), [line]);
        }
    }

    #[test]
    fn parts_of_the_account_are_masked_where_it_was_cut_or_folded() {
        let account = "987654321098";
        assert_eq!(masked(&["queue/98765…"], &[account]), ["queue/•••••…"]);
        assert_eq!(masked(&["│…21098/queue │"], &[account]), ["│…•••••/queue │"]);
        assert_eq!(masked(&["size 98765 B"], &[account]), ["size 98765 B"], "a number that is whole is its own");
        let folded = ["│ 12:00 \"account\":\"12345│", "│       6789012\",        │"];
        assert_eq!(masked(&folded, &[]), ["│ 12:00 \"account\":\"•••••│", "│       •••••••\",        │"]);
        let apart = ["│ 12345 │", "│ 6789012 │"];
        assert_eq!(masked(&apart, &[]), apart, "nothing was folded there");
    }
}
