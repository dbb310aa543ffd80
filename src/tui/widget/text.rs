//! Text that never breaks a row: cut to cells, control characters shown, numbers grouped.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::model::words::plural;

/// Columns that `text` takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// Whether a character would move the cursor, reorder the row or take no place by itself.
fn is_unruly(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// `text` with control and direction characters written out: `\n`, `\u{1b}`.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unruly) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        if is_unruly(char) { out.extend(char.escape_default()) } else { out.push(char) }
    }
    Cow::Owned(out)
}

/// The longest start of `text` that takes at most `cells` columns.
fn head(text: &str, cells: usize) -> &str {
    let mut used = 0;
    for (at, char) in text.char_indices() {
        used += char.width().unwrap_or(0);
        if used > cells {
            return &text[..at];
        }
    }
    text
}

/// The longest end of `text` that takes at most `cells` columns.
fn tail(text: &str, cells: usize) -> &str {
    let mut used = 0;
    for (at, char) in text.char_indices().rev() {
        used += char.width().unwrap_or(0);
        if used > cells {
            return &text[at + char.len_utf8()..];
        }
    }
    text
}

/// `text` shown, and cut at its end with `…` where it is wider than `cells`.
pub(crate) fn cut(text: &str, cells: usize) -> String {
    // What lies far beyond the row is not looked at.
    let text = shown(head(text, cells.saturating_mul(2).saturating_add(16)));
    match (width(&text) <= cells, cells) {
        (true, _) => text.into_owned(),
        (false, 0) => String::new(),
        (false, _) => format!("{}…", head(&text, cells - 1)),
    }
}

/// `text` shown, and cut in the middle with `…` where it is wider than `cells`: both ends of a key tell most.
pub(crate) fn cut_middle(text: &str, cells: usize) -> String {
    let text = shown(text);
    if width(&text) <= cells {
        return text.into_owned();
    }
    match cells {
        0 => String::new(),
        1 => "…".to_owned(),
        _ => {
            let left = (cells - 1) / 2;
            format!("{}…{}", head(&text, left), tail(&text, cells - 1 - left))
        }
    }
}

/// `text` cut at its end or filled with spaces to exactly `cells` columns.
pub(crate) fn cell(text: &str, cells: usize) -> String {
    fill(cut(text, cells), cells)
}

/// `text` cut in its middle or filled with spaces to exactly `cells` columns.
pub(crate) fn cell_middle(text: &str, cells: usize) -> String {
    fill(cut_middle(text, cells), cells)
}

fn fill(mut text: String, cells: usize) -> String {
    let missing = cells.saturating_sub(width(&text));
    text.extend(std::iter::repeat_n(' ', missing));
    text
}

/// `text` in rows of at most `cells` columns, control characters shown; at least one row.
pub(crate) fn wrapped(text: &str, cells: usize) -> Vec<String> {
    let cells = cells.max(2);
    let text = shown(text);
    let mut rest: &str = &text;
    let mut rows = Vec::new();
    while !rest.is_empty() {
        let row = head(rest, cells);
        // A character wider than the row would never fit: it is passed over.
        let taken = if row.is_empty() { rest.chars().next().map_or(rest.len(), char::len_utf8) } else { row.len() };
        rows.push(row.to_owned());
        rest = &rest[taken..];
    }
    if rows.is_empty() {
        rows.push(String::new());
    }
    rows
}

/// `text` in rows of at most `cells` columns, folded between words where they fit; at least one row.
pub(crate) fn folded(text: &str, cells: usize) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        for part in wrapped(word, cells) {
            match rows.last_mut() {
                Some(row) if width(row) + 1 + width(&part) <= cells => {
                    row.push(' ');
                    row.push_str(&part);
                }
                _ => rows.push(part),
            }
        }
    }
    if rows.is_empty() {
        rows.push(String::new());
    }
    rows
}

/// `1,234,567`.
pub(crate) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `count` as a number.
pub(crate) fn count(count: usize) -> String {
    number(u64::try_from(count).unwrap_or(u64::MAX))
}

/// `1 line`, `2,042 lines`.
pub(crate) fn counted(count: impl TryInto<u64>, noun: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    format!("{} {}", number(count), plural(count == 1, noun))
}

/// `220 MB`, in units of a thousand as storage is sold.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let mut unit = 0;
    let mut scale = 1_u64;
    while bytes / scale >= 1_000 && unit + 1 < UNITS.len() {
        scale *= 1_000;
        unit += 1;
    }
    let whole = bytes / scale;
    if unit > 0 && whole < 10 {
        format!("{whole}.{} {}", bytes % scale / (scale / 10), UNITS[unit])
    } else {
        format!("{whole} {}", UNITS[unit])
    }
}

/// `5 ms`, `1.2 s`, `3 min`: for latencies and ages.
pub(crate) fn time(time: Duration) -> String {
    let micros = time.as_micros();
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{} ms", micros / 1_000),
        1_000_000..10_000_000 => format!("{}.{} s", micros / 1_000_000, micros / 100_000 % 10),
        10_000_000..120_000_000 => format!("{} s", micros / 1_000_000),
        120_000_000..7_200_000_000 => format!("{} min", micros / 60_000_000),
        _ => format!("{} h", micros / 3_600_000_000),
    }
}

/// `00:12`, `1:02:03`: for countdowns.
pub(crate) fn countdown(time: Duration) -> String {
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    let mut out = String::new();
    if seconds >= 3_600 {
        let _ = write!(out, "{}:", seconds / 3_600);
    }
    let _ = write!(out, "{:02}:{:02}", seconds / 60 % 60, seconds % 60);
    out
}

/// `38/s`, `0.3/s`; empty when nothing passes.
pub(crate) fn rate(rate: f64) -> String {
    if rate <= 0.0 {
        String::new()
    } else if rate < 10.0 {
        format!("{rate:.1}/s")
    } else {
        format!("{rate:.0}/s")
    }
}

/// `$0.0012`, `$1,234.56`: billionths of a US dollar with two digits that count below one, six places at the most.
pub(crate) fn usd(nano: u64) -> String {
    const NANO: u64 = 1_000_000_000;
    if nano == 0 {
        return "$0".to_owned();
    }
    if nano < 500 {
        return "<$0.000001".to_owned();
    }
    // Digits after the point: one more for each nought that follows it.
    let mut digits = 2;
    let mut unit = NANO / 100;
    while nano < unit * 10 && digits < 6 {
        digits += 1;
        unit /= 10;
    }
    let mut units = nano / unit + u64::from(nano % unit >= unit / 2);
    if units == 100 && digits > 2 {
        // It was rounded up to a digit more.
        (units, unit, digits) = (10, unit * 10, digits - 1);
    }
    let whole = NANO / unit;
    format!("${}.{:0digits$}", number(units / whole), units % whole)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_ends_of_a_long_key_stay() {
        assert_eq!(cut_middle("DhoTdbmBHm3DfBWL-vaultjob/dir-1/file-9", 13), "DhoTdb…file-9");
        assert_eq!(cut_middle("short", 13), "short");
        assert_eq!(cut("a\nb\u{1b}[31m", 40), "a\\nb\\u{1b}[31m");
        assert_eq!(cell("日本語", 5), "日本…");
        assert_eq!(cell_middle("日本語", 4), "…語 ");
    }

    #[test]
    fn numbers_are_read_at_a_glance() {
        assert_eq!((number(0), number(999), number(1_234_567)), ("0".into(), "999".into(), "1,234,567".into()));
        assert_eq!((bytes(999), bytes(1_500), bytes(220_000_000)), ("999 B".into(), "1.5 kB".into(), "220 MB".into()));
        assert_eq!(time(Duration::from_millis(41)), "41 ms");
        assert_eq!(countdown(Duration::from_millis(11_200)), "00:12");
        assert_eq!(countdown(Duration::from_secs(3_723)), "1:02:03");
        assert_eq!((rate(0.0), rate(0.33), rate(38.2)), (String::new(), "0.3/s".into(), "38/s".into()));
    }

    #[test]
    fn rows_are_folded_between_words() {
        assert_eq!(folded("⚠ replaces it: its data", 12), ["⚠ replaces", "it: its data"]);
        assert_eq!(folded("a longwordhere b", 6), ["a", "longwo", "rdhere", "b"]);
        assert_eq!(folded("  ", 6), [""]);
    }

    #[test]
    fn one_of_a_thing_is_no_plural() {
        assert_eq!((counted(1_usize, "line"), counted(2_042_u64, "line")), ("1 line".into(), "2,042 lines".into()));
    }

    #[test]
    fn prices_have_the_digits_that_count() {
        for (nano, text) in [
            (0, "$0"),
            (400, "<$0.000001"),
            (500, "$0.000001"),
            (1_234, "$0.000001"),
            (99_600, "$0.00010"),
            (412_345, "$0.00041"),
            (1_234_567, "$0.0012"),
            (12_345_678, "$0.012"),
            (99_999_999, "$0.10"),
            (100_000_000, "$0.10"),
            (999_999_999, "$1.00"),
            (1_234_567_890, "$1.23"),
            (1_234_567_890_123, "$1,234.57"),
        ] {
            assert_eq!(usd(nano), text, "{nano}");
        }
        assert_eq!(usd(u64::MAX), "$18,446,744,073.71");
    }

    proptest! {
        #[test]
        fn a_cell_is_as_wide_as_it_was_asked_for(text in "\\PC{0,40}|.{0,40}", cells in 0_usize..30) {
            let exact = |text: &str| text.chars().map(|char| char.width().unwrap_or(0)).sum::<usize>();
            prop_assert!(exact(&cut(&text, cells)) <= cells.max(exact(&shown(&text)).min(cells)));
            prop_assert!(width(&cell_middle(&text, cells)) <= cells || exact(&cell_middle(&text, cells)) <= cells);
            prop_assert!(!cell(&text, cells).chars().any(char::is_control));
            for row in wrapped(&text, cells).iter().chain(&folded(&text, cells)) {
                prop_assert!(exact(row) <= cells.max(2));
            }
        }
    }
}
