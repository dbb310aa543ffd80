//! The time of a dataset, drawn to scale: uploads, notifications, lines and items as bars, the manifest, each check and wait
//! of the execution, and the outcome; below them the same in figures.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::state::State;
use super::super::state::opened::{TimelineView, WHOLE};
use super::super::theme::Role;
use super::super::widget::graph::short;
use super::super::widget::text;
use super::{ViewState, opened, row};
use crate::model::journey::{Course, Stretch};
use crate::model::{Outcome, Timestamp};

/// The least that is drawn to scale.
const LEAST: u16 = 44;
/// Columns from which on each lane ends with its figures.
const WIDE: u16 = 90;
/// Columns of those figures.
const FIGURES: usize = 26;
/// Seconds between two marks of the axis: the first that leaves room for its words.
const STEPS_MS: [u64; 26] = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000,
    900_000, 1_800_000, 3_600_000, 7_200_000, 14_400_000, 43_200_000, 86_400_000,
];

/// The part of time that is shown, over so many columns.
struct Scale {
    from: Timestamp,
    length: Duration,
    columns: usize,
}

impl Scale {
    /// The column of a moment; before the first one and behind the last one there are none.
    fn column(&self, at: Timestamp) -> Option<usize> {
        let passed = at.since(self.from)?;
        let columns = self.columns.saturating_sub(1);
        let column = passed.as_micros() * columns as u128 / self.length.as_micros().max(1);
        usize::try_from(column).ok().filter(|column| *column <= columns)
    }

    /// The columns of a stretch, as far as it is shown.
    fn columns(&self, from: Timestamp, to: Timestamp) -> Option<(usize, usize)> {
        let end = self.from + self.length;
        if to < self.from || from > end {
            return None;
        }
        Some((self.column(from.max(self.from))?, self.column(to.min(end))?))
    }
}

/// One lane of the picture.
struct Lane {
    name: String,
    cells: Vec<(char, Role)>,
    figures: String,
}

impl Lane {
    fn new(name: &str, scale: &Scale) -> Self {
        Self { name: name.to_owned(), cells: vec![(' ', Role::Dim); scale.columns], figures: String::new() }
    }

    fn put(&mut self, column: usize, char: char, role: Role) {
        if let Some(cell) = self.cells.get_mut(column) {
            *cell = (char, role);
        }
    }

    fn fill(&mut self, (from, to): (usize, usize), char: char, role: Role) {
        (from..=to).for_each(|column| self.put(column, char, role));
    }

    /// Writes words where nothing stands yet; tells whether there was room.
    fn write(&mut self, from: usize, words: &str, role: Role) -> bool {
        let length = words.chars().count();
        let free = self.cells.get(from..from + length).is_some_and(|cells| cells.iter().all(|(char, _)| *char == ' '));
        if free {
            words.chars().enumerate().for_each(|(at, char)| self.put(from + at, char, role));
        }
        free
    }
}

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, view: &ViewState, shown: &TimelineView) {
    let low = "+ − zoom · h l move · Enter execution · Esc back";
    let inner = opened::border(frame, area, view, "Timeline", shown.set.as_str(), low);
    let Some((course, (first, last))) =
        state.courses.get(&shown.set).and_then(|course| Some((course, course.bounds()?)))
    else {
        return row(frame, inner, 0, Line::from(view.span(Role::Dim, " nothing has happened yet")), None);
    };
    // What goes on reaches as far as now.
    let is_over = course.execution.as_ref().is_some_and(|(_, _, stopped)| stopped.is_some());
    let now = state.now().filter(|now| !is_over && course.execution.is_some() && *now > last);
    let last = now.unwrap_or(last);
    let mut lines = Vec::new();
    if inner.width >= LEAST {
        let name = if inner.width >= WIDE { 24 } else { 13 };
        let figures = if inner.width >= WIDE { FIGURES } else { 0 };
        let scale = scale(first, last, shown, usize::from(inner.width).saturating_sub(name + figures + 2));
        lines.extend(axis(view, &scale, name));
        for lane in lanes(course, &scale, last) {
            lines.push(drawn(view, &lane, name, figures));
        }
        lines.push(Line::default());
        lines.extend(legend(view, usize::from(inner.width)));
        lines.push(Line::default());
    }
    let figures = figures(course);
    lines.extend(
        figures
            .into_iter()
            .map(|(role, words)| Line::from(view.span(role, text::cut(&words, usize::from(inner.width))))),
    );
    let most = lines.len().saturating_sub(usize::from(inner.height));
    for (at, line) in lines.into_iter().skip(shown.at.min(most)).take(usize::from(inner.height)).enumerate() {
        row(frame, inner, at, line, None);
    }
}

fn scale(first: Timestamp, last: Timestamp, shown: &TimelineView, columns: usize) -> Scale {
    let whole = last.since(first).unwrap_or_default().max(Duration::from_millis(1));
    let part = |parts: u64| {
        let micros = whole.as_micros() * u128::from(parts) / u128::from(WHOLE);
        Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    };
    let (from, length) = shown.window();
    Scale { from: first + part(from), length: part(length).max(Duration::from_micros(1)), columns: columns.max(1) }
}

/// The time in words and, below it, its marks.
fn axis(view: &ViewState, scale: &Scale, name: usize) -> [Line<'static>; 2] {
    let mut words = Lane::new("", scale);
    let mut marks = Lane::new("", scale);
    marks.fill((0, scale.columns - 1), '─', Role::Dim);
    let millis = u64::try_from(scale.length.as_millis()).unwrap_or(u64::MAX);
    let is_fine = |step: u64| step < 1_000;
    let fits = |step: &&u64| {
        let room = if is_fine(**step) { 15 } else { 11 };
        u128::from(millis / **step).saturating_mul(room) <= scale.columns as u128
    };
    let step = STEPS_MS.iter().find(fits).copied().unwrap_or_else(|| (millis / 4).max(86_400_000));
    let step_ms = i64::try_from(step).unwrap_or(i64::MAX);
    let mut at = scale.from.millis().div_euclid(step_ms).saturating_mul(step_ms);
    // At most one mark a column, whatever the figures are.
    for _ in 0..=scale.columns + 1 {
        let moment = Timestamp::from_millis(at);
        at = at.saturating_add(step_ms);
        if moment > scale.from + scale.length {
            break;
        }
        let Some(column) = scale.column(moment) else { continue };
        let clock = moment.clock_millis();
        let clock = if is_fine(step) { clock.as_str() } else { clock.get(..8).unwrap_or_default() };
        if words.write(column, clock, Role::Dim) {
            marks.put(column, '┴', Role::Dim);
        }
    }
    [drawn(view, &words, name, 0), drawn(view, &marks, name, 0)]
}

fn drawn(view: &ViewState, lane: &Lane, name: usize, figures: usize) -> Line<'static> {
    let mut spans = vec![view.span(Role::Text, format!(" {} ", text::cell(&lane.name, name.saturating_sub(2))))];
    for run in lane.cells.chunk_by(|one, other| one.1 == other.1) {
        let words: String = run.iter().map(|(char, _)| char).collect();
        let style: Style = run.first().map_or_else(Style::new, |(_, role)| view.style(*role));
        spans.push(Span::styled(words, style));
    }
    if figures > 0 {
        spans.push(view.span(Role::Dim, text::cut(&format!("  {}", lane.figures), figures)));
    }
    Line::from(spans)
}

fn lanes(course: &Course, scale: &Scale, now: Timestamp) -> Vec<Lane> {
    let mut lanes = Vec::new();
    let stretches = [
        ("written", course.written, Role::Dim),
        ("uploaded", course.uploaded, Role::Good),
        ("notified", course.notified, Role::Good),
        ("log lines", course.logged, Role::Good),
        ("items", course.items, Role::Good),
    ];
    for (name, stretch, role) in stretches {
        let Some(stretch) = stretch else { continue };
        let mut lane = Lane::new(name, scale);
        if let Some(columns) = scale.columns(stretch.first, stretch.last) {
            lane.fill(columns, '█', role);
        }
        lane.figures = format!("{} in {}", text::number(stretch.count), text::time(stretch.length()));
        lanes.push(lane);
    }
    if let Some(at) = course.manifest {
        let mut lane = Lane::new("manifest", scale);
        if let Some(column) = scale.column(at) {
            lane.put(column, '▼', Role::Title);
        }
        lane.figures = at.clock_millis();
        lanes.push(lane);
    }
    if let Some((_, from, to)) = &course.execution {
        let mut lane = Lane::new("execution", scale);
        if let Some(columns) = scale.columns(*from, to.unwrap_or(now)) {
            lane.fill(columns, '━', Role::Active);
            if let Some(column) = scale.column(*from) {
                lane.put(column, '┣', Role::Active);
            }
            match to {
                Some(to) => {
                    if let Some(column) = scale.column(*to) {
                        lane.put(column, '┫', Role::Active);
                    }
                }
                None => lane.put(columns.1, '▶', Role::Active),
            }
        }
        lane.figures = to.unwrap_or(now).since(*from).map(text::time).unwrap_or_default();
        lanes.push(lane);
    }
    lanes.extend(course.lanes().into_iter().map(|name| states(course, name, scale, now)));
    if let Some((outcome, at)) = course.outcome {
        let mut lane = Lane::new("outcome", scale);
        let (glyph, role, words) = ending(outcome);
        if let Some(column) = scale.column(at) {
            lane.put(column, glyph, role);
            if !lane.write(column + 2, words, role) {
                let length = words.chars().count() + 1;
                column.checked_sub(length).map(|from| lane.write(from, words, role));
            }
        }
        lane.figures = at.clock_millis();
        lanes.push(lane);
    }
    lanes
}

const fn ending(outcome: Outcome) -> (char, Role, &'static str) {
    match outcome {
        Outcome::Successful => ('✓', Role::Good, "Successful"),
        Outcome::Timeout => ('✗', Role::Bad, "Timeout"),
    }
}

/// The lane of a state: where it was under way, each time with its number where there is room.
fn states(course: &Course, name: &str, scale: &Scale, now: Timestamp) -> Lane {
    let mut lane = Lane::new(short(name), scale);
    let mut all = Duration::ZERO;
    let spans = || course.spans.iter().filter(|span| span.state == name);
    for span in spans() {
        let to = span.to.unwrap_or(now);
        all += to.since(span.from).unwrap_or_default();
        let Some((from, to)) = scale.columns(span.from, to) else { continue };
        if span.is_wait {
            lane.fill((from, to), '░', Role::Warn);
        } else if to > from {
            lane.fill((from, to), '▓', Role::Active);
        } else {
            lane.put(from, '◆', Role::Active);
        }
    }
    for (at, span) in spans().enumerate() {
        let Some(column) = scale.column(span.from) else { continue };
        if span.is_wait {
            continue;
        }
        let number = text::count(at + 1);
        let is_wide = (0..=number.len()).all(|by| lane.cells.get(column + by).is_some_and(|(char, _)| *char == '▓'));
        if is_wide {
            number.chars().enumerate().for_each(|(by, char)| lane.put(column + by, char, Role::Text));
        } else {
            lane.write(column + 1, &number, Role::Text);
        }
    }
    lane.figures = format!("{}×, {} in all", text::count(spans().count()), text::time(all));
    lane
}

fn legend(view: &ViewState, width: usize) -> Vec<Line<'static>> {
    let parts = [
        ("█", Role::Good, "from the first to the last"),
        ("▼", Role::Title, "manifest"),
        ("┣━┫", Role::Active, "execution"),
        ("◆▓", Role::Active, "a task, with its number"),
        ("░", Role::Warn, "waits"),
        ("✓✗", Role::Text, "outcome"),
    ];
    let mut lines = vec![Line::default()];
    for (glyph, role, words) in parts {
        let used = lines.last().map_or(0, Line::width);
        if used > 0 && used + text::width(glyph) + text::width(words) + 4 > width {
            lines.push(Line::default());
        }
        if let Some(line) = lines.last_mut() {
            line.push_span(view.span(role, format!(" {glyph}")));
            line.push_span(view.span(Role::Dim, format!(" {words} ")));
        }
    }
    lines
}

/// The same in figures: what a reader would measure off the picture.
fn figures(course: &Course) -> Vec<(Role, String)> {
    let mut lines = Vec::new();
    let clock = |at: Timestamp| at.clock_millis();
    let stretch = |name: &str, stretch: Option<Stretch>| {
        stretch.map(|it| format!(" {name:<25} {} … {}", clock(it.first), clock(it.last)))
    };
    let upload = stretch("first, last upload", course.uploaded);
    let notified = stretch("first, last notification", course.notified);
    let logged = stretch("first, last log line", course.logged.filter(|_| course.notified.is_none()));
    lines.extend(upload.into_iter().chain(notified).chain(logged).map(|line| (Role::Text, line)));
    let begun = course.execution.as_ref().map(|(_, from, _)| *from);
    if let Some(manifest) = course.manifest {
        let after = begun.and_then(|begun| begun.since(manifest)).map(text::time);
        let after = after.map_or_else(String::new, |after| format!(", execution {after} later"));
        lines.push((Role::Text, format!(" {:<25} {}{after}", "manifest", clock(manifest))));
    } else if let Some(begun) = begun {
        lines.push((Role::Text, format!(" {:<25} {}", "execution", clock(begun))));
    }
    let waited: Duration = course
        .spans
        .iter()
        .filter(|span| span.is_wait)
        .filter_map(|span| span.to.and_then(|to| to.since(span.from)))
        .sum();
    if !waited.is_zero() {
        lines.push((Role::Text, format!(" {:<25} {}", "waited between checks", text::time(waited))));
    }
    if course.dropped > 0 {
        lines.push((Role::Dim, format!(" {} older states are no longer kept", text::count(course.dropped))));
    }
    if let Some((outcome, at)) = course.outcome {
        let (glyph, role, words) = ending(outcome);
        let after = begun.and_then(|begun| at.since(begun)).map(text::time);
        let after = after.map_or_else(String::new, |after| format!(", {after} after the execution began"));
        lines.push((role, format!(" {glyph} {words:<23} {}{after}", clock(at))));
    }
    lines
}
