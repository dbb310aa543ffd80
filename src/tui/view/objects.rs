//! The Objects page: buckets as a tree, with what is known of each level, and the object that is looked at: what S3 says of
//! it and how it begins.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use super::super::cmd::{Cmd, Page};
use super::super::state::State;
use super::super::state::logs::holds;
use super::super::state::objects::{Kind, Row, Total, UploadsView, age};
use super::super::theme::Role;
use super::super::widget::{list, text};
use super::{ViewState, fold, pane, row, scrolled};
use crate::model::Timestamp;
use crate::model::objects::{PEEK_BYTES, Parts, Peek, Start};

const TREE: usize = 0;
const PREVIEW: usize = 1;

/// Columns beside the names: sizes, moments or counts, storage classes.
const SIZE: usize = 9;
const MOMENT: usize = 20;
const CLASS: usize = 13;

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    let one = state.zoom || (area.height < 14 && area.width < 90);
    if one {
        return part(frame, area, state, view, state.pane());
    }
    let [first, second] = if area.width >= 100 {
        Layout::horizontal([Constraint::Percentage(58), Constraint::Min(30)]).areas(area)
    } else {
        Layout::vertical([Constraint::Percentage(55), Constraint::Min(5)]).areas(area)
    };
    tree(frame, first, state, view);
    preview(frame, second, state, view);
}

pub(super) fn part(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState, index: usize) {
    if index == TREE { tree(frame, area, state, view) } else { preview(frame, area, state, view) }
}

/// `2020-11-05 12:34:56`
fn moment(at: Option<Timestamp>) -> String {
    at.map(|at| at.iso_seconds().replace('T', " ").trim_end_matches('Z').to_owned()).unwrap_or_default()
}

fn objects(count: usize) -> String {
    text::counted(count, "object")
}

fn right(content: &str, width: usize) -> String {
    let content = text::cut(content, width.saturating_sub(1));
    format!("{}{content}", " ".repeat(width.saturating_sub(text::width(&content))))
}

/// What is known of a level: bytes and objects; at least so many where not all of it was read, and nothing where none of
/// what it holds was.
fn known(total: Option<Total>) -> (String, String) {
    let Some(total) = total.filter(|total| total.is_all || total.objects > 0) else { return Default::default() };
    let least = if total.is_all { "" } else { "≥ " };
    (format!("{least}{}", text::bytes(total.bytes)), format!("{least}{}", objects(total.objects)))
}

fn parts(parts: Parts) -> (String, String) {
    let least = if parts.is_cut { "≥ " } else { "" };
    let count = text::counted(parts.count, "part");
    (format!("{least}{}", text::bytes(parts.bytes)), format!("{least}{count}"))
}

fn tree(frame: &mut Frame, area: Rect, state: &State, view: &mut ViewState) {
    let rows = state.objects.rows();
    let at = state.objects.place(&rows);
    let mut title = "Objects".to_owned();
    if !state.objects.search.is_empty() {
        title.push_str(&format!(" · search {:?}", state.objects.search));
    }
    if !state.is_embedded() {
        let key = state.key(Cmd::Refresh);
        title.push_str(&format!(" · as they were read, {key} reads again"));
    }
    let inner = pane(frame, area, state, view, TREE, &title);
    if rows.is_empty() {
        let words = if state.stacks.is_empty() || !state.is_deployed() {
            " no stack with a bucket was seen yet: deploy one, and its buckets are here"
        } else {
            " no bucket was seen among the outputs and resources of the stacks"
        };
        let words = text::folded(words, usize::from(inner.width).saturating_sub(2));
        return words.into_iter().enumerate().for_each(|(at, part)| {
            row(frame, inner, at, Line::from(view.span(Role::Dim, format!(" {part}"))), None);
        });
    }
    let width = usize::from(inner.width);
    let shown =
        list::window(usize::from(inner.height), rows.len(), at, &mut view.offsets[Page::Objects as usize][TREE]);
    let start = shown.start;
    for place in shown {
        let line = tree_row(state, view, &rows[place], width);
        let marked = place == at;
        row(frame, inner, place - start, line, marked.then(|| view.style(Role::Selected)));
    }
}

/// Glyph, name and figures of a row.
struct Parted {
    role: Role,
    glyph: &'static str,
    name: String,
    size: String,
    moment: String,
    class: String,
}

const fn turned(is_open: bool) -> &'static str {
    if is_open { "▾ " } else { "▸ " }
}

fn parted(state: &State, of: &Row) -> Parted {
    let plain = |role, glyph, name: String| Parted {
        role,
        glyph,
        name,
        size: String::new(),
        moment: String::new(),
        class: String::new(),
    };
    match of.kind {
        Kind::Bucket(_, is_open) => {
            let (size, moment) = known(state.objects.total(of.bucket, ""));
            Parted { size, moment, ..plain(Role::Title, turned(is_open), of.bucket.to_owned()) }
        }
        Kind::Folder(is_open) => {
            let (size, moment) = known(state.objects.total(of.bucket, of.name));
            Parted { size, moment, ..plain(Role::Text, turned(is_open), of.short().to_owned()) }
        }
        Kind::Object(object) => Parted {
            size: text::bytes(object.size),
            moment: moment(object.modified),
            class: object.storage_class.clone(),
            ..plain(Role::Text, "  ", of.short().to_owned())
        },
        Kind::More => plain(Role::Active, "▼ ", "there is more: Enter reads the next thousand".to_owned()),
        Kind::Reading => plain(Role::Dim, "◐ ", "reading …".to_owned()),
        Kind::Empty => plain(Role::Dim, "  ", "empty".to_owned()),
        Kind::Failed(problem) => plain(Role::Bad, "✗ ", problem.to_owned()),
        Kind::Uploads(uploads, is_open) => uploads_row(uploads, is_open, plain),
        Kind::Upload(upload) => {
            let (size, count) = upload.parts.map(parts).unwrap_or_default();
            let age = age(state.now(), upload.initiated).map(text::time).unwrap_or_default();
            let moment = match (count.is_empty(), age.is_empty()) {
                (false, false) => format!("{count} · {age}"),
                (true, false) => format!("{age} old"),
                (_, true) => count,
            };
            Parted { size, moment, ..plain(Role::Warn, "◌ ", upload.key.clone()) }
        }
    }
}

fn uploads_row(uploads: &UploadsView, is_open: bool, plain: impl Fn(Role, &'static str, String) -> Parted) -> Parted {
    let found = uploads.found.as_ref();
    match (&uploads.failed, found) {
        (Some(problem), None) => plain(Role::Bad, "✗ ", format!("partial uploads: {problem}")),
        (failed, _) => {
            let least = if found.is_some_and(|found| found.is_cut) { "≥ " } else { "" };
            let count = text::count(found.map_or(0, |found| found.list.len()));
            let old = if failed.is_some() { ", as they were" } else { "" };
            plain(Role::Warn, turned(is_open), format!("partial uploads: {least}{count}{old}"))
        }
    }
}

fn tree_row(state: &State, view: &ViewState, of: &Row, width: usize) -> Line<'static> {
    let parted = parted(state, of);
    let has_figures = !(parted.size.is_empty() && parted.moment.is_empty());
    let moment_width = if has_figures && width >= 56 { MOMENT } else { 0 };
    let class_width = if has_figures && width >= 76 { CLASS } else { 0 };
    let size_width = if has_figures && width >= 30 { SIZE + 2 } else { 0 };
    let indent = (of.depth * 2 + 1).min(width / 3);
    let room = width.saturating_sub(indent + 2 + size_width + moment_width + class_width);
    let is_hit = !state.objects.search.is_empty() && holds(of.short(), &state.objects.search);
    let name = if has_figures { text::cell_middle(&parted.name, room) } else { text::cut(&parted.name, room) };
    let mut spans = vec![
        Span::raw(" ".repeat(indent)),
        view.span(parted.role, parted.glyph),
        view.span(if is_hit { Role::Found } else { parted.role }, name),
    ];
    for (content, cells) in [(&parted.size, size_width), (&parted.moment, moment_width), (&parted.class, class_width)] {
        if cells > 0 {
            spans.push(view.span(Role::Dim, right(content, cells)));
        }
    }
    Line::from(spans)
}

fn preview(frame: &mut Frame, area: Rect, state: &State, view: &ViewState) {
    let rows = state.objects.rows();
    let Some(of) = state.objects.selected(&rows) else {
        pane(frame, area, state, view, PREVIEW, "Preview");
        return;
    };
    let title = match of.kind {
        Kind::Object(_) => format!("Preview {}", of.short()),
        Kind::Bucket(..) => "Bucket".to_owned(),
        Kind::Upload(_) => "Partial upload".to_owned(),
        _ => "Folder".to_owned(),
    };
    let inner = pane(frame, area, state, view, PREVIEW, &title);
    let room = usize::from(inner.width).saturating_sub(2);
    let lines = match of.kind {
        Kind::Object(_) => object(state, view, &of, room),
        _ => place(state, view, &of, room),
    };
    scrolled(frame, (area, inner), view, lines, state.row(Page::Objects, PREVIEW));
}

/// What is known of a bucket, a folder or an upload.
fn place(state: &State, view: &ViewState, of: &Row, room: usize) -> Vec<Line<'static>> {
    let mut lines = fold(view, Role::Title, &of.uri(), room);
    match of.kind {
        Kind::Bucket(stack, _) => {
            lines.extend(fold(view, Role::Text, &format!("of stack {stack}"), room));
            lines.extend(level(state, view, of, room));
            match state.objects.uploads(of.bucket) {
                Some(UploadsView { failed: Some(problem), .. }) => {
                    lines.extend(fold(view, Role::Bad, &format!("✗ {problem}"), room));
                }
                Some(UploadsView { found: Some(found), .. }) => {
                    let words = match found.list.len() {
                        0 => "no partial upload lies about".to_owned(),
                        1 => "1 partial upload is not complete: it is stored and billed until it is aborted".to_owned(),
                        count => format!(
                            "{} partial uploads are not complete: they are stored and billed until they are aborted",
                            text::count(count)
                        ),
                    };
                    let role = if found.list.is_empty() { Role::Dim } else { Role::Warn };
                    lines.extend(fold(view, role, &words, room));
                }
                _ => {}
            }
        }
        Kind::Upload(upload) => {
            lines.extend(fold(view, Role::Text, &format!("begun {}", moment(upload.initiated)), room));
            if let Some((size, count)) = upload.parts.map(parts) {
                lines.extend(fold(view, Role::Text, &format!("{count}, {size}"), room));
            }
            let command = format!(
                "aws s3api abort-multipart-upload --bucket {} --key '{}' --upload-id {}",
                of.bucket, upload.key, upload.upload_id
            );
            lines.extend(fold(view, Role::Dim, "this ends it, unless its writer goes on:", room));
            lines.extend(fold(view, Role::Text, &command, room));
        }
        Kind::Failed(problem) => lines.extend(fold(view, Role::Bad, &format!("✗ {problem}"), room)),
        _ => lines.extend(level(state, view, of, room)),
    }
    lines
}

fn level(state: &State, view: &ViewState, of: &Row, room: usize) -> Vec<Line<'static>> {
    let total = state.objects.total(of.bucket, of.name);
    let (size, count) = known(total);
    match total {
        Some(total) if total.is_all => fold(view, Role::Text, &format!("{count}, {size} together"), room),
        Some(total) if total.objects == 0 => {
            fold(view, Role::Dim, "it holds folders that were never opened: Enter opens one", room)
        }
        Some(_) => fold(
            view,
            Role::Text,
            &format!("{count}, {size} in what was read; folders that were never opened are not counted"),
            room,
        ),
        None => fold(view, Role::Dim, "not read yet: Enter opens it, one call for a thousand keys", room),
    }
}

/// What S3 says of an object, and how it begins.
fn object(state: &State, view: &ViewState, of: &Row, room: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let found = state.objects.peek_of(of.bucket, of.name).map(|peek| &peek.found);
    match found {
        Some(Some(Ok(peek))) => {
            lines.extend(head(view, peek, room));
            lines.extend(start(view, peek, room));
        }
        Some(Some(Err(problem))) => lines.extend(fold(view, Role::Bad, &format!("✗ {problem}"), room)),
        Some(None) => lines.extend(fold(view, Role::Dim, "◐ reading …", room)),
        None => {
            let words = format!("Enter reads how it begins, {} at the most, and its tags: two calls", kilo(PEEK_BYTES));
            lines.extend(fold(view, Role::Dim, &words, room));
        }
    }
    lines
}

/// `16 KiB`
fn kilo(bytes: u64) -> String {
    format!("{} KiB", bytes / 1_024)
}

fn head(view: &ViewState, peek: &Peek, room: usize) -> Vec<Line<'static>> {
    let parts = [
        if peek.size < 1_000 {
            text::bytes(peek.size)
        } else {
            format!("{} ({} bytes)", text::bytes(peek.size), text::number(peek.size))
        },
        moment(peek.modified),
        peek.storage_class.clone(),
        peek.content_type.clone().unwrap_or_default(),
        peek.encryption.as_deref().map(|kind| format!("encrypted {kind}")).unwrap_or_default(),
        peek.etag.as_deref().map(|tag| format!("etag {}", tag.trim_matches('"'))).unwrap_or_default(),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let mut lines = fold(view, Role::Text, &parts.join(" · "), room);
    let pairs = |pairs: &[(String, String)]| {
        pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" · ")
    };
    if !peek.metadata.is_empty() {
        lines.extend(fold(view, Role::Text, &format!("metadata {}", pairs(&peek.metadata)), room));
    }
    match &peek.tags {
        Ok(tags) if tags.is_empty() => {}
        Ok(tags) => lines.extend(fold(view, Role::Text, &format!("tags {}", pairs(tags)), room)),
        Err(problem) => lines.extend(fold(view, Role::Warn, &format!("⚠ tags: {problem}"), room)),
    }
    lines
}

fn start(view: &ViewState, peek: &Peek, room: usize) -> Vec<Line<'static>> {
    let rule =
        |words: &str| Line::from(view.span(Role::Dim, format!(" ── {} ", text::cut(words, room.saturating_sub(4)))));
    let body = |text: &str| -> Vec<Line<'static>> {
        let rows = text.lines().flat_map(|line| text::wrapped(&line.replace('\t', "    "), room));
        rows.map(|part| Line::from(view.span(Role::Text, format!(" {part}")))).collect()
    };
    let part = |is_whole: bool, read: usize| {
        if is_whole { String::new() } else { format!(", its first {}", text::bytes(read as u64)) }
    };
    let (words, rows) = match &peek.start {
        Start::Empty => return vec![rule("it has no bytes")],
        Start::Json(text) => ("JSON".to_owned(), body(text)),
        Start::Text { text, is_whole } => (format!("text{}", part(*is_whole, text.len())), body(text)),
        Start::Binary { digits, is_whole } => {
            (format!("bytes{}", part(*is_whole, digits.len() / 2)), hexadecimal(view, digits, room))
        }
    };
    std::iter::once(rule(&words)).chain(rows).collect()
}

/// Offset, sixteen or eight bytes in hexadecimal, and the characters that they are.
fn hexadecimal(view: &ViewState, digits: &str, room: usize) -> Vec<Line<'static>> {
    let each = if room >= 10 + 16 * 4 { 16 } else { 8 };
    let bytes: Vec<u8> = digits
        .as_bytes()
        .chunks(2)
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    let line = |(at, row): (usize, &[u8])| {
        let hex = row.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
        let chars: String =
            row.iter().map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' }).collect();
        Line::from(vec![
            view.span(Role::Dim, format!(" {:06x}  ", at * each)),
            view.span(Role::Text, text::cell(&hex, each * 3)),
            view.span(Role::Dim, format!(" {chars}")),
        ])
    };
    bytes.chunks(each).enumerate().map(line).collect()
}
