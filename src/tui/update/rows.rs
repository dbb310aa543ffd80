//! Rows: which one is selected in each pane, what is searched for in them, what of them is copied.

use super::super::cmd::Page;
use super::super::state::item::{ITEM, typed_key};
use super::super::state::logs::{holds, is_failure};
use super::super::state::{Overlay, PANES, State};
use super::super::{Effect, Spot};
use super::changes::watch;
use super::keys::pane;
use super::{graph, opened, say};
use crate::model::words::counted;
use crate::model::{LogLine, LogRole, StackKind};

/// Rows of the focused list.
fn rows(state: &State) -> usize {
    let board = || state.set().and_then(|set| state.boards.get(set));
    match (state.page, state.pane()) {
        (Page::Flow, pane) if is_archiving(state) => match pane {
            1 => state.executions.len(),
            2 => state.archiving.latest().and_then(|it| it.seen.contents.as_ref()).map_or(0, |it| it.members.len()),
            3 => state.logs.of_role(LogRole::Task).count(),
            4 => state.archiving.notifications().len(),
            _ => 0,
        },
        (Page::Flow, 1) | (Page::Table, 0) => state.datasets.iter().len(),
        (Page::Flow, 3) => state.latest.len(),
        (Page::Stacks, 0) => state.stack_names().len(),
        (Page::Stacks, pane) => {
            let stack = state.selected_stack().and_then(|name| state.stacks.get(name));
            stack.map_or(0, |stack| match pane {
                1 => stack.rows(state.shows_events),
                _ => stack.outputs.len(),
            })
        }
        (Page::Table, 1) => board().map_or(0, |board| board.items.len()),
        (Page::Table, 2) => board().map_or(0, |board| board.missing.len() + board.unexpected.len()),
        (Page::Activity, 0) => state.calls.now.rows.len(),
        (Page::Guide, 0) => super::guide::rows(),
        (Page::Gateway, 0) => state.setup.scenarios.len(),
        (Page::Gateway, 2) => state.gateway.sent.len(),
        (Page::Executions, 0) => state.executions.len(),
        (Page::Executions, 2) => {
            state.run().and_then(|arn| state.executions.get(arn)).map_or(0, |run| run.history.len())
        }
        _ => 1_000,
    }
}

/// Whether what is shown of the Flow page is the archiving stack's.
fn is_archiving(state: &State) -> bool {
    state.kind() == StackKind::S3Tar
}

/// Whether the list grows at its end and is followed while no row is selected.
fn grows(state: &State) -> bool {
    let is_log = (state.page, state.pane()) == (Page::Flow, 3) && is_archiving(state);
    let is_events = (state.page, state.pane()) == (Page::Stacks, 1) && state.shows_events;
    is_log
        || is_events
        || matches!((state.page, state.pane()), (Page::Table, 1) | (Page::Executions | Page::Gateway, 2))
}

pub(super) fn scroll(state: &mut State, by: isize) {
    match &mut state.overlay {
        Some(Overlay::Help(at) | Overlay::Errors(at)) => {
            *at = at.saturating_add_signed(by);
            return;
        }
        Some(Overlay::Palette(_, at)) => {
            let most = state.keymap.on(state.page).count();
            *at = at.saturating_add_signed(by.signum()).min(most);
            return;
        }
        Some(Overlay::Change(at)) => {
            let last = state.waiting.as_ref().map_or(0, |waiting| waiting.preview.changes.len().saturating_sub(1));
            *at = at.saturating_add_signed(by).min(last);
            return;
        }
        _ => {}
    }
    if opened::wheel(state, by) {
        return;
    }
    let (page, pane) = (state.page, state.pane());
    match (page, pane) {
        (Page::Logs, 0) => return state.logs.step(by),
        (Page::Activity, 0) => {
            let last = state.calls.now.rows.len().saturating_sub(1);
            return state.calls.select(state.calls.place().saturating_add_signed(by).min(last));
        }
        (Page::Executions, 1) => return graph::pan(state, 0, by),
        (Page::Executions, 2) => state.graph.is_told = false,
        (Page::Objects, 0) => {
            let rows = state.objects.rows();
            let at = state.objects.place(&rows).saturating_add_signed(by).min(rows.len().saturating_sub(1));
            state.rows[Page::Objects as usize][1] = None;
            return state.objects.select(at);
        }
        _ => {}
    }
    let count = rows(state);
    let now = place(state);
    let row = now.saturating_add_signed(by).min(count.saturating_sub(1));
    state.rows[page as usize][pane] = Some(row);
    follow_row(state, page, pane, row);
}

/// The row of the focused list that the keys act on.
fn place(state: &State) -> usize {
    let (page, pane) = (state.page, state.pane());
    let default = if grows(state) { rows(state).saturating_sub(1) } else { 0 };
    match (page, pane) {
        (Page::Activity, 0) => state.calls.place(),
        (Page::Objects, 0) => state.objects.place(&state.objects.rows()),
        (Page::Executions, 0) => state.run().and_then(|arn| state.executions.age(arn)).unwrap_or(0),
        (Page::Flow, 1) if is_archiving(state) => state.run().and_then(|arn| state.executions.age(arn)).unwrap_or(0),
        (Page::Guide, 0) => super::guide::selected(state, &state.steps()),
        _ => state.rows[page as usize][pane].unwrap_or(default),
    }
}

/// What is selected with a row besides the row.
fn follow_row(state: &mut State, page: Page, pane: usize, row: usize) {
    match (page, pane) {
        (Page::Flow, 1) if is_archiving(state) => {
            state.selected_run = state.executions.newest(row).map(|(arn, _)| arn.to_owned());
            state.rows[Page::Executions as usize] = [None; PANES];
            state.graph.follow();
        }
        (Page::Flow, _) if is_archiving(state) => {}
        (Page::Flow, 1) | (Page::Table, 0) => {
            state.selected_set = state.datasets.iter().rev().nth(row).map(|(id, _)| id.clone());
            state.rows[Page::Flow as usize][1] = Some(row);
            state.rows[Page::Table as usize] = first(row);
        }
        (Page::Stacks, 0) => state.rows[Page::Stacks as usize] = first(row),
        (Page::Guide, 0) => state.rows[Page::Guide as usize][1] = None,
        (Page::Executions, 0) => {
            state.selected_run = state.executions.newest(row).map(|(arn, _)| arn.to_owned());
            state.rows[Page::Executions as usize] = first(row);
            state.graph.follow();
        }
        _ => {}
    }
}

/// Gives the keys to what the mouse was clicked on.
pub(super) fn choose(state: &mut State, spot: Spot) {
    let page = state.page;
    match spot {
        Spot::Page(_) => {}
        Spot::Pane { pane, row } => {
            if pane >= state.panes().len() {
                return;
            }
            state.focus[page as usize] = pane;
            if let Some(row) = row.filter(|row| *row < rows(state)) {
                let signed = |row: usize| isize::try_from(row).unwrap_or(isize::MAX);
                let by = signed(row) - signed(place(state));
                scroll(state, by);
            }
        }
        Spot::Line(at, order) => {
            state.focus[page as usize] = 0;
            if page == Page::Logs {
                state.logs.choose((at, order));
            }
        }
    }
}

pub(super) fn bottom(state: &mut State) {
    match (state.page, state.pane()) {
        (Page::Logs, 0) => state.logs.follow(),
        (Page::Executions, 1) => state.graph.follow(),
        (page, pane) if grows(state) => state.rows[page as usize][pane] = None,
        _ => scroll(state, isize::MAX / 2),
    }
}

/// Only a row of the first pane is selected.
fn first(row: usize) -> [Option<usize>; PANES] {
    let mut rows = [None; PANES];
    rows[0] = Some(row);
    rows
}

pub(super) fn enter(state: &mut State) -> Vec<Effect> {
    let board = || state.set().and_then(|set| state.boards.get(set));
    match (state.page, state.pane()) {
        (Page::Objects, _) => return super::objects::enter(state),
        (Page::Guide, _) => return super::guide::enter(state),
        (Page::Stacks, 0) => return choose_stack(state),
        (Page::Flow, 1) if is_archiving(state) => state.page = Page::Executions,
        (Page::Flow, 3) if is_archiving(state) => {
            let filter = state.logs.filter.clone();
            state.logs.narrow(Some(LogRole::Task), &filter);
            state.page = Page::Logs;
        }
        (Page::Flow, 2 | 4) if is_archiving(state) => state.zoom = !state.zoom,
        (Page::Flow, 1) | (Page::Table, 0) => opened::timeline(state, state.set().cloned()),
        (Page::Flow, 2) => state.page = Page::Executions,
        (Page::Flow, 3) => return latest(state),
        (Page::Table, 1) => {
            let at = state.rows[Page::Table as usize][1];
            let key = board().and_then(|board| board.items.keys().nth(at.unwrap_or(board.items.len().checked_sub(1)?)));
            return key.cloned().map_or_else(Vec::new, |key| opened::trace(state, &key));
        }
        (Page::Table, 2) => {
            let at = state.row(Page::Table, 2);
            let key = board().and_then(|board| board.missing.iter().chain(&board.unexpected).nth(at));
            return key.cloned().map_or_else(Vec::new, |key| opened::trace(state, &key));
        }
        (Page::Table, ITEM) => {
            let key = state.shown_item();
            return key.map_or_else(Vec::new, |key| opened::trace(state, &key.object_key));
        }
        (Page::Flow, _) => state.page = Page::Stacks,
        (Page::Logs, 0) => state.logs.detail = !state.logs.detail,
        (Page::Executions, 1 | 2) => state.focus[Page::Executions as usize] = 3,
        _ => pane(state, 1),
    }
    Vec::new()
}

/// Observes the selected stack; into the one that is observed already.
fn choose_stack(state: &mut State) -> Vec<Effect> {
    let name = state.selected_stack().map(str::to_owned);
    if let Some(stack) = name.filter(|name| state.main_name() != Some(name.as_str())) {
        return watch(state, stack);
    }
    pane(state, 1);
    Vec::new()
}

/// Opens what happened lately: an execution, or the way of a file.
fn latest(state: &mut State) -> Vec<Effect> {
    let newest = state.latest.len().checked_sub(1);
    let row = newest.and_then(|newest| state.latest.get(newest.checked_sub(state.row(Page::Flow, 3))?)).cloned();
    let Some(row) = row else {
        state.page = Page::Logs;
        return Vec::new();
    };
    if !matches!(row.kind.as_str(), "started" | "ended") {
        return opened::trace(state, &row.text);
    }
    let of_name = |at: &usize| state.executions.newest(*at).is_some_and(|(_, run)| run.name == row.text);
    let arn = (0..state.executions.len()).find(of_name).and_then(|at| state.executions.newest(at));
    if let Some(arn) = arn.map(|(arn, _)| arn.to_owned()) {
        opened::execution(state, arn);
    }
    Vec::new()
}

pub(super) fn find(state: &mut State, forwards: bool) {
    let found = if state.page == Page::Table {
        let wanted = state.table_search.clone();
        let Some(board) = state.set().and_then(|set| state.boards.get(set)) else { return };
        let now = state.rows[Page::Table as usize][1];
        let hit = |at: &usize| board.items.get_index(*at).is_some_and(|(key, _)| holds(key, &wanted));
        let found = if forwards {
            (now.map_or(0, |now| now + 1)..board.items.len()).find(hit)
        } else {
            (0..now.unwrap_or(board.items.len())).rev().find(hit)
        };
        if found.is_some() {
            state.rows[Page::Table as usize][1] = found;
            state.focus[Page::Table as usize] = 1;
        }
        found.is_some()
    } else if state.page == Page::Objects {
        state.rows[Page::Objects as usize][1] = None;
        state.focus[Page::Objects as usize] = 0;
        state.objects.find(forwards)
    } else {
        let wanted = state.logs.search.clone();
        let hit = |line: &LogLine| !wanted.is_empty() && holds(&line.message, &wanted);
        // While the end is followed, the newest hit is the next one.
        let forwards = forwards && state.logs.cursor.is_some();
        state.logs.seek(forwards, hit)
    };
    if !found {
        say(state, "no further hit");
    }
}

pub(super) fn error(state: &mut State, forwards: bool) {
    let found = match state.page {
        Page::Logs => state.logs.seek(forwards && state.logs.cursor.is_some(), is_failure),
        Page::Stacks => {
            let stack = state.selected_stack().and_then(|name| state.stacks.get(name));
            let Some(stack) = stack else { return };
            let (events, count) = (state.shows_events, stack.rows(state.shows_events));
            let failed = |at: &usize| stack.at(events, *at).is_some_and(|event| event.status.ends_with("FAILED"));
            let now = state.rows[Page::Stacks as usize][1];
            let found = if forwards {
                (now.map_or(0, |now| now + 1)..count).find(failed)
            } else {
                (0..now.unwrap_or(0)).rev().find(failed)
            };
            if found.is_some() {
                state.rows[Page::Stacks as usize][1] = found;
                state.focus[Page::Stacks as usize] = 1;
            }
            found.is_some()
        }
        Page::Activity => state.calls.seek_error(forwards),
        _ => {
            let Some(run) = state.run().and_then(|arn| state.executions.get(arn)) else { return };
            let failed = |at: &usize| {
                run.history
                    .get(*at)
                    .is_some_and(|past| past.event.kind.ends_with("Failed") || past.event.kind.ends_with("TimedOut"))
            };
            let now = state.rows[Page::Executions as usize][2];
            let found = if forwards {
                (now.map_or(0, |now| now + 1)..run.history.len()).find(failed)
            } else {
                (0..now.unwrap_or(run.history.len())).rev().find(failed)
            };
            if found.is_some() {
                state.rows[Page::Executions as usize][2] = found;
                state.focus[Page::Executions as usize] = 2;
            }
            found.is_some()
        }
    };
    if !found {
        say(state, "no further failure");
    }
}

pub(super) fn copy(state: &mut State) -> Vec<Effect> {
    let board = || state.set().and_then(|set| state.boards.get(set));
    let (page, pane) = (state.page, state.pane());
    let row = state.rows[page as usize][pane];
    let text = match (page, pane) {
        (Page::Logs, _) => state.logs.selected().map(|(_, line)| line.message.clone()),
        (Page::Flow, pane) if is_archiving(state) => archived(state, pane, row),
        (Page::Flow, _) | (Page::Table, 0) => state.set().map(ToString::to_string),
        (Page::Table, 1) => board()
            .and_then(|b| b.items.get_index(row.unwrap_or(b.items.len().checked_sub(1)?)).map(|(key, _)| key.clone())),
        (Page::Table, ITEM) => state.shown_item().map(|key| {
            let found = state.read_item(&key).and_then(|read| read.found.as_ref().ok()?.as_ref());
            found.and_then(|item| serde_json::to_string_pretty(item).ok()).unwrap_or_else(|| typed_key(&key))
        }),
        (Page::Table, _) => board().and_then(|b| b.missing.iter().chain(&b.unexpected).nth(row.unwrap_or(0)).cloned()),
        (Page::Stacks, _) => {
            let name = state.selected_stack();
            let stack = name.and_then(|name| state.stacks.get(name));
            match pane {
                1 => stack.and_then(|stack| {
                    let newest = stack.rows(state.shows_events).checked_sub(1)?;
                    let event = stack.at(state.shows_events, row.unwrap_or(newest))?;
                    Some(event.physical_id.clone().unwrap_or_else(|| event.logical_id.clone()))
                }),
                2 => stack.and_then(|s| s.outputs.get(row.unwrap_or(0)).map(|(_, value)| value.clone())),
                _ => name.map(str::to_owned),
            }
        }
        (Page::Executions, 1 | 3) if state.graph.is_told => state.graph.selected.clone(),
        (Page::Executions, 2 | 3) => {
            let run = state.run().and_then(|arn| state.executions.get(arn));
            run.and_then(|run| {
                run.history.get(state.rows[Page::Executions as usize][2].unwrap_or(run.history.len().checked_sub(1)?))
            })
            .map(|past| past.event.details.to_string())
        }
        (Page::Executions, _) => state.run().map(str::to_owned),
        (Page::Gateway, 0) => state.setup.scenarios.get(state.row(Page::Gateway, 0)).map(|offer| offer.name.clone()),
        (Page::Gateway, _) => state.sent().map(|sent| state.gateway.payload(sent).to_string()),
        (Page::Objects, _) => state.objects.selected(&state.objects.rows()).map(|row| row.uri()),
        (Page::Guide, _) => super::guide::line(state),
        (Page::Activity, _) => {
            state.aws_command().or_else(|| state.calls.row().map(|row| format!("{} {}", row.service, row.operation)))
        }
    };
    text.map_or_else(Vec::new, |text| copied(state, text))
}

/// The command of the selected operation's last call that failed.
pub(super) fn copy_failed(state: &mut State) -> Vec<Effect> {
    let failed = state.failed_aws_command().or_else(|| {
        // The last call is the one that failed.
        state.calls.row().filter(|row| row.failed_command.is_some()).and_then(|_| state.aws_command())
    });
    if let Some(command) = failed {
        return copied(state, command);
    }
    say(state, "no call of this operation is known to have failed");
    Vec::new()
}

fn copied(state: &mut State, text: String) -> Vec<Effect> {
    let count = text.chars().count();
    let head: String = text.chars().take(200).collect();
    say(state, format!("copied {}: {head}", counted(count, "character")));
    vec![Effect::Copy(text)]
}

/// What is selected in a pane of the archiving stack's page.
fn archived(state: &State, pane: usize, row: Option<usize>) -> Option<String> {
    let archiving = &state.archiving;
    match pane {
        2 => {
            let latest = &archiving.latest()?.seen;
            let member = latest.contents.as_ref().and_then(|contents| contents.members.get(row?));
            Some(member.map_or_else(|| format!("s3://{}/{}", latest.bucket, latest.key), |member| member.name.clone()))
        }
        3 => {
            let mut lines = state.logs.of_role(LogRole::Task);
            let line = match row {
                Some(row) => lines.nth(row),
                None => lines.next_back(),
            };
            line.map(|(_, line)| line.message.clone())
        }
        4 => archiving.notifications().nth(row.unwrap_or(0)).map(|told| told.seen.message.clone()),
        _ => state.run().map(str::to_owned),
    }
}
