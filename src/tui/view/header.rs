//! The header: the target loud, the stack's status, time. Where it does not fit one row, words are left out in a fixed
//! order: first the status is shortened; badge, READ-ONLY and account are never cut on AWS.

use ratatui::text::{Line, Span};

use super::super::TargetKind;
use super::super::state::{ReplayReading, State};
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

/// What the target is: badges, and the place in parts that stay whole.
struct Place {
    badges: Words,
    parts: Vec<String>,
}

impl Place {
    fn of(state: &State) -> Self {
        let target = &state.setup.target;
        let server = target.server.as_deref().map(|server| text::cut(server, 12).to_uppercase());
        let (word, role) = match target.kind {
            TargetKind::Embedded => ("EMBEDDED".to_owned(), Role::Embedded),
            TargetKind::Endpoint => (server.unwrap_or_else(|| "ENDPOINT".to_owned()), Role::Endpoint),
            TargetKind::Aws => ("REAL AWS".to_owned(), Role::Aws),
        };
        let mut badges = vec![(role, format!(" {word} "))];
        if state.replay.is_some() {
            badges.insert(0, (Role::Found, " REPLAY ".to_owned()));
        }
        if target.read_only {
            badges.push((Role::Found, " READ-ONLY ".to_owned()));
        }
        let account = target.account.as_deref().map(|account| text::cut(account, 12)).unwrap_or_default();
        let region = text::cut(&target.region, 24);
        let mut parts = if target.kind == TargetKind::Aws {
            let profile = target.profile.as_deref().map(|profile| format!("profile {}", text::cut(profile, 32)));
            vec![account, region, profile.unwrap_or_default()]
        } else {
            vec![text::cut(&target.address, 48), region, account]
        };
        parts.retain(|part| !part.is_empty());
        Self { badges, parts }
    }

    /// In one row, with the first so many parts.
    fn row(&self, brand: bool, parts: usize) -> Words {
        let mut words = vec![(Role::Title, if brand { " vaultscope  " } else { " " }.to_owned())];
        for (at, badge) in self.badges.iter().enumerate() {
            if at > 0 {
                words.push((Role::Text, " ".to_owned()));
            }
            words.push(badge.clone());
        }
        words.push((Role::Text, format!(" {}", self.parts[..parts].join(" · "))));
        words
    }

    /// In as many rows as it needs.
    fn rows(&self, columns: usize) -> Vec<Words> {
        let badges = self.badges.iter().map(|(role, word)| (*role, word.clone(), " "));
        let parts = self.parts.iter().map(|part| (Role::Text, part.clone(), " · "));
        let mut rows: Vec<Words> = Vec::new();
        let mut is_part = false;
        for (role, word, gap) in badges.chain(parts) {
            let gap = if is_part { gap } else { " " };
            match rows.last_mut() {
                Some(row) if width(row) + text::width(gap) + text::width(&word) <= columns => {
                    row.extend([(Role::Text, gap.to_owned()), (role, word)]);
                }
                _ => rows.push(vec![(Role::Text, " ".to_owned()), (role, word)]),
            }
            is_part = role == Role::Text;
        }
        rows
    }
}

/// What is said of the stack, the price and time, from the most words to the fewest.
fn conditions(state: &State) -> Vec<Words> {
    let known = state.status();
    let status = known.unwrap_or("not deployed");
    let (glyph, role) = known.map_or(("○", Role::Dim), status_look);
    let name = state.main_name().unwrap_or_default();
    let sum = state.calls.sum();
    let is_aws = state.setup.target.kind == TargetKind::Aws && sum.calls > 0;
    let price = if is_aws { format!("≈ {}", text::usd(sum.nano_usd)) } else { String::new() };
    let calls = if is_aws { format!(" · {}", text::counted(sum.calls, "call")) } else { String::new() };
    let mut time = Words::new();
    if let Some(replay) = &state.replay {
        time.push((Role::Text, format!("  {}", progress(&replay.reading))));
    }
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

/// How far a replay is: `▶×2 0:12/1:40`.
fn progress(reading: &ReplayReading) -> String {
    let minutes = |ms: u64| format!("{}:{:02}", ms / 60_000, ms / 1_000 % 60);
    let going = match reading {
        _ if reading.is_over() => "■ ".to_owned(),
        _ if reading.paused => "❚❚ PAUSED ".to_owned(),
        _ => format!("▶×{} ", reading.rate),
    };
    format!("{going}{}/{}", minutes(reading.at_ms), minutes(reading.length_ms))
}

/// The rows of the header for a screen of a size.
pub(super) fn rows(state: &State, view: &ViewState, columns: u16, lines: u16) -> Vec<Line<'static>> {
    let columns = usize::from(columns);
    let spans = |words: Words| words.into_iter().map(|(role, word)| view.span(role, word)).collect::<Vec<Span>>();
    let apart = |left: Words, right: Words| {
        let gap = columns.saturating_sub(width(&left) + width(&right));
        let mut line = spans(left);
        line.push(Span::raw(" ".repeat(gap)));
        line.extend(spans(right));
        Line::from(line)
    };
    let place = Place::of(state);
    let all = place.parts.len();
    let lefts = if state.setup.target.kind == TargetKind::Aws {
        vec![place.row(true, all), place.row(false, all)]
    } else {
        vec![
            place.row(true, all),
            place.row(true, all.min(2)),
            place.row(false, all.min(2)),
            place.row(false, all.min(1)),
        ]
    };
    let rights = conditions(state);
    // One row: the status gives way first, as far as its first short form; then the target; then the rest. On a narrow
    // screen the target has a row to itself.
    let last = lefts.len() - 1;
    let ways = (0..3).map(|right| (0, right));
    let ways = ways.chain((1..=last).map(|left| (left, 2))).chain((3..rights.len()).map(|right| (last, right)));
    let fits = |&(left, right): &(usize, usize)| width(&lefts[left]) + width(&rights[right]) < columns;
    if let Some((left, right)) = ways.filter(|_| columns >= 70).find(|way| fits(way)) {
        return vec![apart(lefts[left].clone(), rights[right].clone())];
    }
    let mut heads = match lefts.into_iter().find(|words| width(words) <= columns) {
        Some(row) => vec![row],
        None => place.rows(columns),
    };
    let most = if lines >= 16 { MOST_ROWS } else { MOST_ROWS - 1 };
    heads.truncate(most);
    // The status stands beside the end of the target where that has several rows, else in a row of its own.
    let beside = heads.last().filter(|_| heads.len() > 1).map_or(columns, width);
    let room = columns - beside.min(columns);
    if let Some(right) = rights.iter().find(|words| width(words) < room) {
        let end = heads.pop().unwrap_or_default();
        let mut rows: Vec<Line> = heads.into_iter().map(|words| Line::from(spans(words))).collect();
        rows.push(apart(end, right.clone()));
        return rows;
    }
    heads.truncate(most - 1);
    let mut rows: Vec<Line> = heads.into_iter().map(|words| Line::from(spans(words))).collect();
    let right = rights.iter().find(|words| width(words) <= columns).or(rights.last()).cloned().unwrap_or_default();
    rows.push(Line::from(spans(right)).right_aligned());
    rows
}
