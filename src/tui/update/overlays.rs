//! What keys do while something lies over the page: it takes all of them but Ctrl+C.

use crossterm::event::{Event as TerminalEvent, KeyCode, KeyEvent};
use tui_input::backend::crossterm::EventHandler;

use super::super::Effect;
use super::super::cmd::{Cmd, Page};
use super::super::state::gateway::faults;
use super::super::state::{JobForm, Overlay, State};
use super::changes::{decide, start};
use super::gateway::choose_fault;
use super::keys::run;
use super::say;

pub(super) fn press(state: &mut State, overlay: Overlay, key: KeyEvent) -> Vec<Effect> {
    let event = TerminalEvent::Key(key);
    match (overlay, key.code) {
        (Overlay::Change(_), KeyCode::Esc | KeyCode::Char('q')) => return decide(state, false, 0),
        (Overlay::Change(at), KeyCode::Enter) => return decide(state, true, at),
        (Overlay::Change(at), code) => {
            let last = state.waiting.as_ref().map_or(0, |waiting| waiting.preview.changes.len().saturating_sub(1));
            state.overlay = Some(Overlay::Change(moved(at, code).unwrap_or(at).min(last)));
        }
        (Overlay::Filter(_), KeyCode::Esc) => filter(state, ""),
        (_, KeyCode::Esc) => {}
        (Overlay::Help(at), code) => state.overlay = moved(at, code).map(Overlay::Help),
        (Overlay::Errors(at), code) => state.overlay = moved(at, code).map(Overlay::Errors),
        (Overlay::Delete(name, None), KeyCode::Char('y' | 'Y')) => return start(state, Effect::DeleteStack { name }),
        (Overlay::Delete(_, None), _) => say(state, "nothing was deleted"),
        (Overlay::Delete(name, Some(input)), KeyCode::Enter) => {
            if input.value() == name {
                return start(state, Effect::DeleteStack { name });
            }
            say(state, "nothing was deleted: the name typed is another one");
        }
        (Overlay::Delete(name, Some(mut input)), _) => {
            input.handle_event(&event);
            state.overlay = Some(Overlay::Delete(name, Some(input)));
        }
        (Overlay::Job(mut form), code) => {
            match code {
                KeyCode::Enter => match form.request() {
                    Ok(request) => {
                        state.setup.job = request.clone();
                        state.setup.job.seed = request.seed.wrapping_add(1);
                        return start(state, Effect::StartJob(request));
                    }
                    Err(problem) => form.problem = Some(problem),
                },
                KeyCode::Tab | KeyCode::Down => form.focus = (form.focus + 1) % JobForm::FIELDS,
                KeyCode::BackTab | KeyCode::Up => form.focus = (form.focus + JobForm::FIELDS - 1) % JobForm::FIELDS,
                KeyCode::Char(char) if !char.is_ascii_digit() && key.modifiers.is_empty() => {}
                _ => {
                    form.problem = None;
                    form.fields[form.focus].handle_event(&event);
                }
            }
            state.overlay = Some(Overlay::Job(form));
        }
        (Overlay::Fault(at), KeyCode::Enter) => return choose_fault(state, at),
        (Overlay::Fault(at), code) => {
            state.overlay = moved(at, code).map(|at| Overlay::Fault(at.min(faults().len() - 1)));
        }
        (Overlay::Search(input), KeyCode::Enter) => {
            let wanted = input.value().to_lowercase();
            if state.page == Page::Table {
                state.table_search = wanted;
            } else if state.page == Page::Objects {
                state.objects.search = wanted;
            } else {
                state.logs.search = wanted;
            }
            return run(state, Cmd::NextFound);
        }
        (Overlay::Search(mut input), _) => {
            input.handle_event(&event);
            state.overlay = Some(Overlay::Search(input));
        }
        (Overlay::Filter(input), KeyCode::Enter) => filter(state, input.value()),
        (Overlay::Filter(mut input), _) => {
            input.handle_event(&event);
            state.overlay = Some(Overlay::Filter(input));
        }
    }
    Vec::new()
}

/// Where a scrolled overlay is after a key; `None` where the key closes it.
fn moved(at: usize, code: KeyCode) -> Option<usize> {
    match code {
        KeyCode::Char('j') | KeyCode::Down => Some(at + 1),
        KeyCode::Char('k') | KeyCode::Up => Some(at.saturating_sub(1)),
        KeyCode::PageDown => Some(at + 10),
        KeyCode::PageUp => Some(at.saturating_sub(10)),
        KeyCode::Char('g') | KeyCode::Home => Some(0),
        KeyCode::Char('G') | KeyCode::End => Some(10_000),
        _ => None,
    }
}

fn filter(state: &mut State, text: &str) {
    if state.page == Page::Table {
        state.table_filter = text.to_lowercase();
        state.rows[Page::Table as usize][1] = None;
    } else {
        let group = state.logs.group;
        state.logs.narrow(group, text);
    }
}
