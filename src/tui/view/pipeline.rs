//! The pipeline as a picture: in boxes where there is room, in rows on a small screen, from top to bottom on a narrow one.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::state::State;
use super::super::state::sources::Sight;
use super::super::theme::Role;
use super::super::widget::{list, text};
use super::{ViewState, pane, row, sources};
use crate::model::pipeline::{Latencies, Meter};
use crate::model::{LogRole, Source};

/// Total and rate of a hop; of one that does not answer now there is no rate.
fn flow(meter: &Meter, sight: Sight) -> String {
    let rate = if sight == Sight::Stale { String::new() } else { text::rate(meter.rate()) };
    let gap = if rate.is_empty() { "" } else { "  " };
    seen(sight, format!("{}{gap}{rate}", text::number(meter.total)))
}

/// A number as well as its sources can be seen: from before, a part only, or not at all on this target.
fn seen(sight: Sight, number: String) -> String {
    match sight {
        Sight::Clear => number,
        Sight::Part => format!("≥ {number}"),
        Sight::Stale => format!("⚠ {number}"),
        Sight::Never => "n/a".to_owned(),
    }
}

/// Name, total and what is said beside or below it.
type Hop = (&'static str, Vec<String>);

fn p50(latencies: &Latencies) -> String {
    latencies.percentile(50).map(text::time).unwrap_or_default()
}

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, view: &ViewState) {
    let pipe = &state.pipeline;
    let inner = pane(frame, area, state, view, 0, "Pipeline");
    if inner.height == 0 {
        return;
    }
    // The title's right end: latency and the last minute.
    if let (Some(half), Some(most)) = (pipe.to_item.percentile(50), pipe.to_item.percentile(99)) {
        let spark = list::spark(pipe.items.seconds(), 20);
        let line = format!(" notify→item p50 {} p99 {} {spark} ", text::time(half), text::time(most));
        let width = u16::try_from(text::width(&line)).unwrap_or(u16::MAX);
        if width + 14 < area.width {
            let place = Rect { x: area.right() - width - 2, width, y: area.y, height: 1 };
            frame.render_widget(Line::from(view.span(Role::Active, line)), place);
        }
    }
    // How log lines come stands at the lower right, where nothing else is.
    if let Some(mode) = sources::log_mode(state, None).filter(|_| area.width >= 40) {
        let line = if sources::sampled(state, None).is_some() {
            view.span(Role::Found, format!(" logs: {mode}, SAMPLED "))
        } else {
            view.span(Role::Dim, format!(" logs: {mode} "))
        };
        let width = u16::try_from(text::width(&line.content)).unwrap_or(u16::MAX).min(area.width - 4);
        let place = Rect { x: area.right() - width - 2, width, y: area.bottom() - 1, height: 1 };
        frame.render_widget(Line::from(line), place);
    }
    let sight = |of: &[Source]| state.sources.sight(of);
    let [data_log, manifest_log, success_log, timeout_log] =
        [LogRole::DataFileUpload, LogRole::ManifestFileUpload, LogRole::ReconcileSuccessful, LogRole::ReconcileTimeout]
            .map(Source::Logs);
    // What the check function puts on the bus shows in the log groups behind it, and only there.
    let checks = sight(&[data_log, manifest_log]);
    let checked = seen(checks, text::number(pipe.checked.total));
    let is_checked = |words: String| if checks == Sight::Never { String::new() } else { words };
    let running = (0..state.executions.len().min(50))
        .filter_map(|at| state.executions.newest(at))
        .filter(|(_, run)| run.is_running())
        .count();
    let depth = pipe.queue.unwrap_or_default();
    let queued = sight(&[Source::Queue]);
    let queue = seen(queued, format!("{} waiting", text::number(depth.visible)));
    let flight = match (queued, depth.dead) {
        (Sight::Never, _) => String::new(),
        (_, 0) => format!("{} in flight", text::number(depth.in_flight)),
        (_, dead) => format!("✗ {} dead", text::number(dead)),
    };
    let hops: [Hop; 5] = [
        ("gateway", vec![format!("{} ↑", text::number(pipe.written.total)), text::rate(pipe.written.rate())]),
        ("default bus", vec![text::number(pipe.notified.total), text::rate(pipe.notified.rate())]),
        ("SQS", vec![queue, flight]),
        ("λ check", vec![checked.clone(), is_checked(text::rate(pipe.checked.rate()))]),
        ("custom bus", vec![checked, is_checked(p50(&pipe.to_log))]),
    ];
    let (objects, bytes) = pipe.in_bucket();
    let bucket = format!("{} · {}", text::number(objects), text::bytes(bytes));
    let runs = seen(sight(&[Source::Executions]), text::count(running));
    let told = seen(sight(&[success_log, timeout_log]), text::number(pipe.reconciled.total));
    let outs: [(&str, String); 4] = [
        ("data log", flow(&pipe.data_lines, sight(&[data_log]))),
        ("manifest log", flow(&pipe.manifest_lines, sight(&[manifest_log]))),
        ("λ write ▶ table", flow(&pipe.items, sight(&[Source::Table]))),
        ("reconcile", format!("{runs} run, {told} told")),
    ];
    // No way leads to what is not there.
    let way = |at: usize, whole: &'static str, broken: &'static str| if outs[at].1 == "n/a" { broken } else { whole };
    let mut lines: Vec<Line> = Vec::new();
    let name = |text: &str| view.span(Role::Title, text);
    let number = |text: &str| view.span(Role::Text, text);
    let dim = |text: &str| view.span(Role::Dim, text);
    let width = usize::from(inner.width);
    if inner.width >= 96 && inner.height >= 11 {
        // Boxes, five columns; the custom bus fans out below.
        let cell = (width - 4 * 4) / 5;
        let each = |make: &dyn Fn(&Hop) -> Vec<Span<'static>>, join: &str| {
            let mut spans = Vec::new();
            for (at, hop) in hops.iter().enumerate() {
                if at > 0 {
                    spans.push(dim(join));
                }
                spans.extend(make(hop));
            }
            Line::from(spans)
        };
        let bar = "─".repeat(cell - 2);
        let content =
            |what: String, role| vec![dim("│"), view.span(role, text::cell(&format!(" {what}"), cell - 2)), dim("│")];
        lines.push(each(&|_| vec![dim(&format!("╭{bar}╮"))], "    "));
        lines.push(each(&|hop| content(hop.0.to_owned(), Role::Title), " ─▶ "));
        lines.push(each(&|hop| content(hop.1[0].clone(), Role::Text), "    "));
        lines.push(each(
            &|hop| content(hop.1[1].clone(), if hop.1[1].starts_with('✗') { Role::Bad } else { Role::Dim }),
            "    ",
        ));
        let half = (cell - 2) / 2;
        let foot = format!("╰{}┬{}╯", "─".repeat(half), "─".repeat(cell - 3 - half));
        let flat = format!("╰{bar}╯");
        lines.push(Line::from(dim(&format!("{foot}    {flat}    {flat}    {flat}    {foot}"))));
        // Four boxes under the last four columns, joined by a rail.
        let step = cell + 4;
        let centre = |column: usize| column * step + half + 1;
        let mut rail: Vec<char> = vec![' '; width];
        rail[centre(0)] = '│';
        for (at, char) in rail.iter_mut().enumerate().take(centre(4) + 1).skip(centre(1)) {
            *char = if at == centre(1) {
                '╭'
            } else if at == centre(4) {
                '┤'
            } else if at == centre(2) || at == centre(3) {
                '┬'
            } else {
                '─'
            };
        }
        lines.push(Line::from(dim(&rail.iter().collect::<String>())));
        let end = |column: usize| if column > 0 && way(column - 1, "▼", "╌") == "╌" { '╌' } else { '▼' };
        let arrows: String =
            (0..width).map(|at| (0..5).find(|column| at == centre(*column)).map_or(' ', end)).collect();
        lines.push(Line::from(dim(&arrows)));
        let low: [(&str, &str); 5] = [
            ("bucket", &bucket),
            (outs[0].0, &outs[0].1),
            (outs[1].0, &outs[1].1),
            (outs[2].0, &outs[2].1),
            (outs[3].0, &outs[3].1),
        ];
        let mut rows: [Vec<Span>; 4] = Default::default();
        for (at, (title, value)) in low.into_iter().enumerate() {
            if at > 0 {
                for row in &mut rows {
                    row.push(dim("    "));
                }
            }
            rows[0].push(dim(&format!("╭{bar}╮")));
            rows[1].extend(content(title.to_owned(), Role::Title));
            rows[2].extend(content(value.to_owned(), Role::Text));
            rows[3].push(dim(&flat));
        }
        lines.extend(rows.into_iter().map(Line::from));
    } else if inner.width >= 68 {
        let columns = [16, 15, 14, 13];
        let mut top = vec![dim(" ")];
        let mut low = vec![dim(" ")];
        for (at, columns) in columns.into_iter().enumerate() {
            let title = hops[at].0;
            top.extend([name(title), dim(&format!(" {}▶ ", "─".repeat(columns - 3 - text::width(title))))]);
            // The rate stands beside the total where there is room for both.
            let [total, rate] = [&hops[at].1[0], &hops[at].1[1]];
            let both = format!("{total} {rate}");
            let shown = if at == 2 || text::width(&both) >= columns { total } else { &both };
            low.push(number(&text::cell(shown, columns)));
        }
        top.push(name(hops[4].0));
        low.extend([number(&hops[4].1[0]), dim(&format!(" {}", hops[4].1[1]))]);
        let role = if depth.dead > 0 { Role::Bad } else { Role::Dim };
        let rail = 45;
        let third = Line::from(vec![
            dim(&text::cell(" │", 32)),
            view.span(role, text::cell(&hops[2].1[1], rail - 32)),
            dim(&format!("╭{}╯", "─".repeat(59 - rail))),
        ]);
        lines.extend([Line::from(top), Line::from(low), third]);
        let left = [" ▼".to_owned(), " bucket".to_owned(), format!(" {bucket}")];
        for (at, (title, value)) in outs.iter().enumerate() {
            let joint = if at == 3 { way(at, "╰─▶ ", "╰╌╌ ") } else { way(at, "├─▶ ", "├╌╌ ") };
            let role = if at == 1 { Role::Title } else { Role::Text };
            let beside = text::cell(left.get(at).map_or("", String::as_str), rail);
            let beside = if at == 0 { dim(&beside) } else { view.span(role, beside) };
            // A value that is too long begins right after its name.
            let room = width.saturating_sub(rail + 4);
            let named = if 16 + text::width(value) > room { text::width(title) + 1 } else { 16 };
            lines.push(Line::from(vec![beside, dim(joint), name(&text::cell(title, named)), number(value)]));
        }
    } else {
        for (at, hop) in hops.iter().enumerate() {
            let arrow = if at == 0 { "  " } else { "▼ " };
            lines.push(Line::from(vec![
                dim(arrow),
                name(&text::cell(hop.0, 13)),
                number(&hop.1[0]),
                dim(&format!("  {}", hop.1[1])),
            ]));
        }
        for (at, (title, value)) in outs.iter().enumerate() {
            lines.push(Line::from(vec![
                dim(if at == 3 { way(at, "  ╰▶ ", "  ╰╌ ") } else { way(at, "  ├▶ ", "  ├╌ ") }),
                name(&text::cell(title, 16)),
                number(value),
            ]));
        }
        lines.push(Line::from(vec![dim("  "), name(&text::cell("bucket", 13)), number(&bucket)]));
    }
    for (at, line) in lines.into_iter().enumerate() {
        row(frame, inner, at, line, None);
    }
}
