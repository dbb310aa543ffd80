//! The Gateway page: scenarios and how they ended, the gateway with its cache and its uploads, what it announced, and the
//! payload of a notification.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use super::super::Effect;
use super::super::cmd::Page;
use super::super::state::State;
use super::super::theme::Role;
use super::super::widget::{list, text};
use super::{ViewState, pane, row};
use crate::model::{Check, GatewayState};

const SCENARIOS: usize = 0;
const GATEWAY: usize = 1;
const SENT: usize = 2;
const DETAIL: usize = 3;

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    if state.zoom {
        return part(frame, area, state, view, state.pane());
    }
    if area.width < 70 {
        // One below the other: the gateway, and the pane that has the keys.
        let [top, rest] = Layout::vertical([Constraint::Max(10), Constraint::Min(4)]).areas(area);
        part(frame, top, state, view, GATEWAY);
        return part(frame, rest, state, view, if state.pane() == GATEWAY { SCENARIOS } else { state.pane() });
    }
    let half = if area.height >= 30 { Constraint::Length(18) } else { Constraint::Percentage(52) };
    let [top, rest] = Layout::vertical([half, Constraint::Min(4)]).areas(area);
    let [scenarios, gateway] = Layout::horizontal([Constraint::Percentage(36), Constraint::Min(30)]).areas(top);
    let [sent, detail] = Layout::horizontal([Constraint::Percentage(48), Constraint::Min(30)]).areas(rest);
    for (index, place) in [(SCENARIOS, scenarios), (GATEWAY, gateway), (SENT, sent), (DETAIL, detail)] {
        part(frame, place, state, view, index);
    }
}

pub(super) fn part(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState, index: usize) {
    match index {
        SCENARIOS => scenarios(frame, area, state, view),
        GATEWAY => gateway(frame, area, state, view),
        SENT => sent(frame, area, state, view),
        _ => detail(frame, area, state, view),
    }
}

fn is_played(state: &State, name: &str) -> bool {
    state.busy.iter().any(|busy| matches!(busy, Effect::Play { scenario } if scenario == name))
}

fn scenarios(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    let inner = pane(frame, area, state, view, SCENARIOS, "Scenarios");
    let offers = &state.setup.scenarios;
    if offers.is_empty() {
        row(frame, inner, 0, Line::from(view.span(Role::Dim, " none")), None);
    }
    let selected = state.row(Page::Gateway, SCENARIOS);
    let room = usize::from(inner.width);
    let wide = room >= 32;
    let offsets = &mut view.offsets[Page::Gateway as usize];
    let shown = list::window(usize::from(inner.height), offers.len(), selected, &mut offsets[SCENARIOS]);
    let start = shown.start;
    for at in shown {
        let name = &offers[at].name;
        let (role, glyph, words) = match state.gateway.verdict(name) {
            _ if is_played(state, name) => (Role::Active, "◐", "playing".to_owned()),
            Some((good, all)) if good == all => (Role::Good, "✓", if wide { "as expected" } else { "ok" }.to_owned()),
            Some((good, all)) if wide => (Role::Bad, "✗", format!("{} of {all} not", all - good)),
            Some((good, all)) => (Role::Bad, "✗", format!("{} not", all - good)),
            None => (Role::Dim, "○", String::new()),
        };
        let line = Line::from(vec![
            view.span(role, format!(" {glyph} ")),
            view.span(Role::Text, text::cell(name, 17.min(room.saturating_sub(3)))),
            view.span(role, text::cut(&words, room.saturating_sub(20))),
        ]);
        row(frame, inner, at - start, line, (at == selected).then(|| view.style(Role::Selected)));
    }
}

/// A gauge of three parts.
fn gauge(view: &ViewState, parts: [u64; 2], whole: u64, cells: usize) -> Vec<Span<'static>> {
    let cut = |part: u64| {
        let cells = u128::from(part.min(whole)) * cells as u128;
        usize::try_from(cells.div_ceil(u128::from(whole.max(1)))).unwrap_or(0)
    };
    let dirty = cut(parts[0]).min(cells);
    let clean = cut(parts[1]).min(cells - dirty);
    vec![
        view.span(Role::Warn, "█".repeat(dirty)),
        view.span(Role::Good, "▒".repeat(clean)),
        view.span(Role::Dim, "░".repeat(cells - dirty - clean)),
    ]
}

fn gateway(frame: &mut Frame, area: Rect, state: &State, view: &ViewState) {
    let inner = pane(frame, area, state, view, GATEWAY, "Gateway");
    let width = usize::from(inner.width);
    let mut lines = share(state, view, width);
    let Some(now) = &state.gateway.now else {
        lines.push(Line::from(view.span(Role::Dim, " no job yet: Enter on a scenario, or s for one of your own")));
        return lines.into_iter().enumerate().for_each(|(at, line)| row(frame, inner, at, line, None));
    };
    lines.push(cache(now, view, width));
    let label = |text: &str| view.span(Role::Dim, text::cell(text, 9));
    let (waiting, bytes) = now.waiting;
    let mut queue = vec![label(" queue"), view.span(Role::Text, format!("{} waiting", text::number(waiting)))];
    let of_bytes = if width >= 60 { format!(" {}", text::bytes(bytes)) } else { String::new() };
    queue.push(view.span(Role::Dim, format!("{of_bytes} · ")));
    queue.push(view.span(Role::Text, format!("{} uploading", now.uploading.len())));
    queue.push(view.span(Role::Dim, format!(" · {} settling", text::number(now.settling))));
    lines.push(Line::from(queue));
    let mut trouble = Vec::new();
    for (count, word) in [
        (now.held, "held until online"),
        (now.blocked, "writers wait for the cache"),
        (now.stalled, "uploads that never complete"),
    ] {
        if count > 0 {
            trouble.push(format!("{word}: {}", text::number(count)));
        }
    }
    let trouble_line = if trouble.is_empty() { String::new() } else { format!("⚠ {}", trouble.join(" · ")) };
    let spark = list::spark(state.gateway.seconds(), width.saturating_sub(26).min(60));
    lines.push(Line::from(vec![
        label(" upload"),
        view.span(Role::Text, text::cell(&format!("{}/s", text::bytes(state.gateway.rate())), 12)),
        view.span(Role::Active, spark),
    ]));
    if !trouble_line.is_empty() {
        lines
            .push(Line::from(view.span(Role::Warn, format!(" {}", text::cut(&trouble_line, width.saturating_sub(2))))));
    }
    let bar = 10;
    let name = width.saturating_sub(bar + 14);
    for upload in &now.uploading {
        let done = usize::from(upload.done);
        let (full, rest) = list::bar(done, 1_000, bar);
        let key = upload.object_key.split_once('/').map_or(upload.object_key.as_str(), |(_, rest)| rest);
        lines.push(Line::from(vec![
            view.span(if now.is_online { Role::Active } else { Role::Warn }, format!(" {full}")),
            view.span(Role::Dim, rest),
            view.span(Role::Dim, format!("{:>4}% ", done / 10)),
            view.span(Role::Text, text::cell_middle(key, name.saturating_sub(1))),
            view.span(Role::Dim, format!(" {:>7}", text::bytes(upload.size))),
        ]));
    }
    lines.into_iter().enumerate().for_each(|(at, line)| row(frame, inner, at, line, None));
}

/// State, bucket and settling time of the share.
fn share(state: &State, view: &ViewState, width: usize) -> Vec<Line<'static>> {
    let (role, words) = match &state.gateway.now {
        None => (Role::Dim, "○ Not started"),
        Some(now) if now.is_over => (Role::Good, "✓ Running, nothing to do"),
        Some(now) if !now.is_online => (Role::Bad, "✗ Offline"),
        Some(now) if now.is_paused => (Role::Found, "‖ Held: n next event, p go on"),
        Some(_) => (Role::Good, "● Running"),
    };
    let mut first = vec![view.span(role, format!(" {words}"))];
    if let Some(now) = state.gateway.now.as_ref().filter(|now| !now.is_over) {
        if now.is_paused && !now.is_online {
            first.push(view.span(Role::Found, " · Held"));
        }
        let order = if now.is_in_order { "in order" } else { "own order" };
        first.push(view.span(Role::Dim, format!(" · ×{} {order}", now.speed)));
        if now.behind > 0 {
            first.push(view.span(Role::Dim, format!(" · {} behind", text::number(now.behind))));
        }
    }
    let mut lines = vec![Line::from(first)];
    if let Some(share) = &state.gateway.share {
        let settling = state.gateway.now.as_ref().map_or(0.0, |now| now.settling_secs);
        let id = share.share_arn.rsplit('/').next().unwrap_or_default();
        let words = format!(" settling {settling} s · {id} → ");
        let bucket = text::cut_middle(&share.bucket, width.saturating_sub(text::width(&words) + 1));
        lines.push(Line::from(view.span(Role::Dim, format!("{words}{bucket}"))));
    }
    lines
}

fn cache(now: &GatewayState, view: &ViewState, width: usize) -> Line<'static> {
    let of = now.cache;
    let mut spans = vec![view.span(Role::Dim, text::cell(" cache", 9))];
    let whole = of.capacity.unwrap_or_else(|| (of.dirty + of.clean).max(1));
    let bound = of.capacity.map_or_else(|| "no bound".to_owned(), text::bytes);
    let words = format!(" {} dirty, {} clean / {bound}", text::bytes(of.dirty), text::bytes(of.clean));
    let cells = width.saturating_sub(9 + text::width(&words)).clamp(4, 30);
    spans.extend(gauge(view, [of.dirty, of.clean], whole, cells));
    spans.push(view.span(if now.blocked > 0 { Role::Warn } else { Role::Text }, words));
    Line::from(spans)
}

fn sent(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    let all = &state.gateway.sent;
    let title = format!("Notifications {}", text::count(all.len() + state.gateway.forgotten));
    let inner = pane(frame, area, state, view, SENT, &title);
    if all.is_empty() {
        row(frame, inner, 0, Line::from(view.span(Role::Dim, " none yet")), None);
        return;
    }
    let chosen = state.rows[Page::Gateway as usize][SENT];
    let selected = chosen.unwrap_or(all.len() - 1);
    let offsets = &mut view.offsets[Page::Gateway as usize];
    let shown = list::window(usize::from(inner.height), all.len(), selected, &mut offsets[SENT]);
    let start = shown.start;
    let name = usize::from(inner.width).saturating_sub(19);
    for at in shown {
        let sent = &all[at];
        let time = sent.at.clock_millis();
        let line = Line::from(vec![
            view.span(Role::Dim, format!(" {} ", time.get(..8).unwrap_or_default())),
            view.span(Role::Text, text::cell_middle(inside(&sent.key), name)),
            view.span(
                Role::Dim,
                format!(" {:>7}", if sent.size == 0 { "dir".to_owned() } else { text::bytes(sent.size) }),
            ),
        ]);
        row(frame, inner, at - start, line, (at == selected).then(|| view.style(Role::Selected)));
    }
}

/// A key without the root that all keys of a dataset share.
fn inside(key: &str) -> &str {
    key.split_once('/').map_or(key, |(_, rest)| rest)
}

/// What stands behind the selection: the scenario with its checks, else the payload of the notification.
fn detail(frame: &mut Frame, area: Rect, state: &State, view: &ViewState) {
    let is_payload = state.pane() == SENT || (state.pane() == DETAIL && !state.gateway.sent.is_empty());
    let title = if is_payload { "Payload" } else { "Scenario" };
    let inner = pane(frame, area, state, view, DETAIL, title);
    let room = usize::from(inner.width).saturating_sub(2);
    let mut lines: Vec<Line> = Vec::new();
    if is_payload && let Some(sent) = state.sent() {
        let payload = serde_json::to_string_pretty(&state.gateway.payload(sent)).unwrap_or_default();
        let rows = payload.lines().flat_map(|line| text::wrapped(line, room));
        lines.extend(rows.map(|part| Line::from(view.span(Role::Text, format!(" {part}")))));
    } else if let Some(offer) = state.setup.scenarios.get(state.row(Page::Gateway, SCENARIOS)) {
        let fold = |role, text: &str| {
            let rows = text::folded(text, room);
            rows.into_iter().map(move |part| Line::from(view.span(role, format!(" {part}"))))
        };
        let judged = state.gateway.judged.get(&offer.name);
        if let Some((good, all)) = state.gateway.verdict(&offer.name) {
            lines.extend(if good == all {
                fold(Role::Good, &format!("✓ {} ended as expected: all {all} checks hold", offer.name))
                    .collect::<Vec<_>>()
            } else {
                let words = format!("✗ {}: {} of {all} checks do not hold", offer.name, all - good);
                fold(Role::Bad, &words).collect()
            });
        }
        lines.extend(fold(Role::Title, &offer.about));
        lines.extend(fold(Role::Dim, &offer.load));
        // What does not hold comes first.
        let mut checks: Vec<&Check> = judged.into_iter().flatten().collect();
        checks.sort_by_key(|check| check.holds);
        lines.extend(checks.into_iter().map(|check| {
            let (role, words) = if check.holds {
                (Role::Good, format!("✓ {}: {}", check.what, check.found))
            } else {
                (Role::Bad, format!("✗ {}: {}, expected {}", check.what, check.found, check.expected))
            };
            Line::from(view.span(role, format!(" {}", text::cut(&words, room))))
        }));
    }
    let hidden = lines.len().saturating_sub(usize::from(inner.height));
    let skip = if state.pane() == DETAIL { state.row(Page::Gateway, DETAIL).min(hidden) } else { 0 };
    for (at, line) in lines.into_iter().skip(skip).take(usize::from(inner.height)).enumerate() {
        row(frame, inner, at, line, None);
    }
}
