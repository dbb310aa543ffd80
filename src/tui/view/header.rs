//! The header: the target loud, the stack's status, time. Where it does not fit one row, words are left out in a fixed
//! order: first the status is shortened; badge, READ-ONLY and account are never cut on AWS.

use ratatui::text::{Line, Span};

use super::super::TargetKind;
use super::super::state::State;
use super::super::theme::Role;
use super::super::widget::text;
use super::ViewState;

/// Rows of a header at the most.
const MOST_ROWS: usize = 3;

/// How a stack's status looks.
pub(super) fn status_look(status: &str) -> (&'static str, Role) {
    match status {
        _ if status.ends_with("FAILED") => ("✗", Role::Bad),
        _ if status.contains("ROLLBACK") && !status.contains("IN_PROGRESS") => ("✗", Role::Bad),
        _ if status.contains("ROLLBACK") => ("◐", Role::Warn),
        _ if status.ends_with("IN_PROGRESS") => ("◐", Role::Active),
        "DELETE_COMPLETE" => ("○", Role::Dim),
        _ => ("✓", Role::Good),
    }
}

/// A status without what its glyph says too: `COMPLETE`, `ROLLBACK_COMPLETE`, `ROLLBACK_CLEANUP`; deleting and what goes
/// on keep their verb.
fn short(status: &str) -> &str {
    match status {
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" => "CLEANUP",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS" => "ROLLBACK_CLEANUP",
        "UPDATE_ROLLBACK_IN_PROGRESS" => "ROLLBACK_IN_PROGRESS",
        _ if status.ends_with("IN_PROGRESS") => status,
        _ => status.strip_prefix("CREATE_").or_else(|| status.strip_prefix("UPDATE_")).unwrap_or(status),
    }
}

type Words = Vec<(Role, String)>;

fn width(words: &Words) -> usize {
    words.iter().map(|(_, word)| text::width(word)).sum()
}

/// What the target is, from the most words to the fewest; each word that stays is whole.
fn targets(state: &State) -> Vec<Words> {
    let target = &state.setup.target;
    let (word, role) = match target.kind {
        TargetKind::Embedded => ("EMBEDDED", Role::Embedded),
        TargetKind::Endpoint if target.address.contains("localstack") => ("LOCALSTACK", Role::Endpoint),
        TargetKind::Endpoint => ("ENDPOINT", Role::Endpoint),
        TargetKind::Aws => ("REAL AWS", Role::Aws),
    };
    let mut badge = vec![(role, format!(" {word} "))];
    if target.read_only {
        badge.extend([(Role::Text, " ".to_owned()), (Role::Found, " READ-ONLY ".to_owned())]);
    }
    let address = text::cut(&target.address, 48);
    let profile = target.profile.as_deref().map(|profile| text::cut(profile, 32)).unwrap_or_default();
    let region = text::cut(&target.region, 24);
    let account = target.account.as_deref().map(|account| text::cut(account, 12)).unwrap_or_default();
    let place = |parts: &[&String]| {
        let parts: Vec<&str> = parts.iter().map(|part| part.as_str()).filter(|part| !part.is_empty()).collect();
        if parts.is_empty() { Vec::new() } else { vec![(Role::Text, format!(" {}", parts.join(" · ")))] }
    };
    let with = |brand: &str, place: Words| {
        [vec![(Role::Title, brand.to_owned())], badge.clone(), place].into_iter().flatten().collect()
    };
    let brand = " vaultscope  ";
    if target.kind == TargetKind::Aws {
        let full = place(&[&profile, &account, &region]);
        return vec![with(brand, full.clone()), with(" ", full)];
    }
    vec![
        with(brand, place(&[&address, &region, &account])),
        with(brand, place(&[&address, &region])),
        with(" ", place(&[&address, &region])),
        with(" ", place(&[&address])),
    ]
}

/// What is said of the stack, the price and time, from the most words to the fewest.
fn conditions(state: &State) -> Vec<Words> {
    let known = state.status();
    let status = known.unwrap_or("not deployed");
    let (glyph, role) = known.map_or(("○", Role::Dim), status_look);
    let name = state.setup.stacks.first().map_or("", |offer| offer.stack.as_str());
    let sum = state.calls.sum();
    let is_aws = state.setup.target.kind == TargetKind::Aws && sum.calls > 0;
    let price = if is_aws { format!("≈ {}", text::usd(sum.nano_usd)) } else { String::new() };
    let calls = if is_aws { format!(" · {} calls", text::number(sum.calls)) } else { String::new() };
    let mut time = Words::new();
    if let Some((reading, _)) = state.clock {
        if reading.paused {
            time.extend([(Role::Text, "  ".to_owned()), (Role::Found, " PAUSED ".to_owned())]);
        } else if state.is_embedded() || (reading.rate - 1.0).abs() > f64::EPSILON {
            time.push((Role::Text, format!("  ×{}", reading.rate)));
        }
    }
    if let Some(now) = state.now() {
        let clock = now.clock_millis();
        time.push((Role::Text, format!("  {}", clock.get(..8).unwrap_or(&clock))));
    }
    time.push((Role::Text, " ".to_owned()));
    let with = |status: String, cost: &[&String]| {
        let cost: String = cost.iter().map(|part| part.as_str()).collect();
        let gap = if cost.is_empty() { "" } else { "  " };
        let cost = (Role::Text, format!("{gap}{cost}"));
        [vec![(role, status), cost], time.clone()].into_iter().flatten().collect()
    };
    let named = |status: &str| format!("{glyph} {} {status}", text::cut(name, 32));
    let bare = |status: &str| format!("{glyph} {status}");
    vec![
        with(named(status), &[&price, &calls]),
        with(named(short(status)), &[&price, &calls]),
        with(bare(short(status)), &[&price, &calls]),
        with(bare(short(status)), &[&price]),
        with(bare(&text::cut(short(status), 12)), &[&price]),
    ]
}

/// Words in rows: a word that does not fit goes on in the next row, with its parts parted at ` · `.
fn wrapped(words: Words, width: usize) -> Vec<Words> {
    let mut rows = vec![Words::new()];
    let mut used = 0;
    for (role, word) in words {
        let parts: Vec<String> = if text::width(&word) > width - used.min(width) && word.contains(" · ") {
            word.split_inclusive(" · ").map(str::to_owned).collect()
        } else {
            vec![word]
        };
        for part in parts {
            let needs = text::width(part.trim_end_matches([' ', '·']));
            if used + needs > width && used > 1 {
                rows.push(Words::new());
                used = 0;
            }
            used += text::width(&part);
            if let Some(row) = rows.last_mut() {
                row.push((role, part));
            }
        }
    }
    rows
}

/// The rows of the header for a screen of a size.
pub(super) fn rows(state: &State, view: &ViewState, columns: u16, lines: u16) -> Vec<Line<'static>> {
    let columns = usize::from(columns);
    let spans = |words: Words| words.into_iter().map(|(role, word)| view.span(role, word)).collect::<Vec<Span>>();
    let apart = |left: Words, right: Words, gap: usize| {
        let mut line = spans(left);
        line.push(Span::raw(" ".repeat(gap)));
        line.extend(spans(right));
        Line::from(line)
    };
    let (mut targets, mut conditions) = (targets(state), conditions(state));
    // One row: the status gives way first, as far as its first short form; then the target; then the rest.
    let (lefts, rights) = (targets.len(), conditions.len());
    let ways = (0..3).map(|right| (0, right));
    let ways = ways.chain((1..lefts).map(|left| (left, 2))).chain((3..rights).map(|right| (lefts - 1, right)));
    for (left, right) in ways {
        let used = width(&targets[left]) + width(&conditions[right]);
        // On a narrow screen the target has a row to itself.
        if columns >= 70 && used < columns {
            return vec![apart(targets.swap_remove(left), conditions.swap_remove(right), columns - used)];
        }
    }
    let fits = |words: &Words| width(words) <= columns;
    let left = targets.iter().position(fits).unwrap_or(lefts - 1);
    let right = conditions.iter().position(fits).unwrap_or(rights - 1);
    let most = if lines >= 16 { MOST_ROWS } else { MOST_ROWS - 1 };
    let mut heads = wrapped(targets.swap_remove(left), columns);
    let condition = conditions.swap_remove(right);
    heads.truncate(most);
    let last = heads.last().map_or(0, width);
    let mut out: Vec<Line> = Vec::new();
    // The status stands in the last row of the target where there is room, else in one of its own.
    if heads.len() > 1 && last + width(&condition) < columns {
        let end = heads.pop().unwrap_or_default();
        out.extend(heads.into_iter().map(|words| Line::from(spans(words))));
        out.push(apart(end, condition.clone(), columns - last - width(&condition)));
    } else {
        heads.truncate(most - 1);
        out.extend(heads.into_iter().map(|words| Line::from(spans(words))));
        out.push(Line::from(spans(condition)).right_aligned());
    }
    out
}
