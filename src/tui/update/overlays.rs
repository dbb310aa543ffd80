//! What keys do while something lies over the page: it takes all of them but Ctrl+C.

use crossterm::event::{Event as TerminalEvent, KeyCode, KeyEvent, KeyModifiers};
use tui_input::backend::crossterm::EventHandler;

use super::super::cmd::{Cmd, Page};
use super::super::state::gateway::faults;
use super::super::state::job_form::{Field, JobForm, Kind};
use super::super::state::{Overlay, State, palette};
use super::super::theme::Theme;
use super::super::{Effect, JobRequest};
use super::changes::{decide, start};
use super::gateway::choose_fault;
use super::keys::{run, take_keys};
use super::present::{draw_in, theme_of};
use super::say;
use super::stacks::{reconsider, submit};

pub(super) fn press(state: &mut State, overlay: Overlay, key: KeyEvent) -> Vec<Effect> {
    let event = TerminalEvent::Key(key);
    match (overlay, key.code) {
        (Overlay::Change(_), KeyCode::Esc | KeyCode::Char('q')) => return decide(state, false, 0),
        (Overlay::Change(at), KeyCode::Enter) => return decide(state, true, at),
        (Overlay::Change(at), KeyCode::Char('p')) => return reconsider(state, at),
        (Overlay::Change(at), _) => {
            let last = state.waiting.as_ref().map_or(0, |waiting| waiting.preview.changes.len().saturating_sub(1));
            state.overlay = Some(Overlay::Change(moved(state, at, key).unwrap_or(at).min(last)));
        }
        (Overlay::Filter(_), KeyCode::Esc) => filter(state, ""),
        (Overlay::Themes(_, before), KeyCode::Esc | KeyCode::Char('q')) => return draw_in(state, before),
        (Overlay::Themes(at, _), KeyCode::Enter) => {
            let name = theme_of(at).map_or("auto", Theme::name);
            say(state, format!("to keep these colours: theme = \"{name}\" in the configuration file"));
        }
        (Overlay::Themes(at, before), _) => {
            let at = moved(state, at, key).unwrap_or(at).min(Theme::ALL.len());
            state.overlay = Some(Overlay::Themes(at, before));
            return draw_in(state, theme_of(at));
        }
        (Overlay::Palette(input, at), KeyCode::Enter) => {
            let cmd = {
                let entries = palette::entries(state, input.value());
                entries.get(at).or(entries.last()).map(|entry| entry.binding.cmd)
            };
            if let Some(cmd) = cmd {
                take_keys(state, cmd);
                return run(state, cmd);
            }
        }
        (_, KeyCode::Esc) => {}
        (Overlay::Palette(mut input, at), code) => {
            let last = palette::entries(state, input.value()).len().saturating_sub(1);
            let is_moved = |by: char| key.modifiers.contains(KeyModifiers::CONTROL) && code == KeyCode::Char(by);
            let at = at.min(last);
            let at = match code {
                KeyCode::Up | KeyCode::BackTab => at.saturating_sub(1),
                KeyCode::Down | KeyCode::Tab => (at + 1).min(last),
                KeyCode::PageUp => at.saturating_sub(10),
                KeyCode::PageDown => (at + 10).min(last),
                _ if is_moved('p') => at.saturating_sub(1),
                _ if is_moved('n') => (at + 1).min(last),
                _ => {
                    let before = input.value().to_owned();
                    input.handle_event(&event);
                    if input.value() == before { at } else { 0 }
                }
            };
            state.overlay = Some(Overlay::Palette(input, at));
        }
        (Overlay::Help(at), _) => state.overlay = moved(state, at, key).map(Overlay::Help),
        (Overlay::Errors(at), _) => state.overlay = moved(state, at, key).map(Overlay::Errors),
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
        (Overlay::Parameters(form), KeyCode::Enter) => return submit(state, form),
        (Overlay::Parameters(mut form), code) => {
            match code {
                KeyCode::Tab | KeyCode::Down => form.step(1),
                KeyCode::BackTab | KeyCode::Up => form.step(-1),
                KeyCode::Left | KeyCode::Right if form.turn(code == KeyCode::Right) => {}
                _ => {
                    let focus = form.focus;
                    if let Some(field) = form.fields.get_mut(focus) {
                        field.input.handle_event(&event);
                    }
                    form.check();
                }
            }
            state.overlay = Some(Overlay::Parameters(form));
        }
        (Overlay::Job(form), _) => return job(state, form, key),
        (Overlay::Fault(at), KeyCode::Enter) => return choose_fault(state, at),
        (Overlay::Fault(at), _) => {
            state.overlay = moved(state, at, key).map(|at| Overlay::Fault(at.min(faults().len() - 1)));
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

/// A key in the form of a job.
fn job(state: &mut State, mut form: Box<JobForm>, key: KeyEvent) -> Vec<Effect> {
    let is_choice = matches!(form.field().kind(), Kind::Choice(_));
    let count = Field::ALL.len();
    match key.code {
        KeyCode::Enter => {
            if let Some(request) = form.asked() {
                // What a scenario was changed to is no habit.
                if form.scenario.is_none() {
                    state.setup.job =
                        JobRequest { seed: request.seed.wrapping_add(1), set_id: None, ..request.clone() };
                }
                return start(state, Effect::StartJob(request));
            }
        }
        KeyCode::Tab | KeyCode::Down => form.go(1),
        KeyCode::BackTab | KeyCode::Up => form.go(count - 1),
        KeyCode::PageDown => form.focus = (form.focus + 8).min(count - 1),
        KeyCode::PageUp => form.focus = form.focus.saturating_sub(8),
        KeyCode::Char(' ') | KeyCode::Left | KeyCode::Right if is_choice => {
            form.problem = None;
            form.turn();
        }
        _ if is_choice => {}
        KeyCode::Char(char) if !form.takes(char) && (key.modifiers - KeyModifiers::SHIFT).is_empty() => {}
        _ => {
            form.problem = None;
            if let Some(input) = form.input() {
                input.handle_event(&TerminalEvent::Key(key));
            }
        }
    }
    state.overlay = Some(Overlay::Job(form));
    Vec::new()
}

/// Where a scrolled overlay is after a key; `None` where the key closes it. Keys move it as they move a page, and the
/// arrows always do.
fn moved(state: &State, at: usize, key: KeyEvent) -> Option<usize> {
    let meant = match key.code {
        KeyCode::Down => Some(Cmd::Down),
        KeyCode::Up => Some(Cmd::Up),
        _ => state.keymap.cmd(state.page, key),
    };
    match meant? {
        Cmd::Down => Some(at + 1),
        Cmd::Up => Some(at.saturating_sub(1)),
        Cmd::PageDown | Cmd::HalfDown => Some(at + 10),
        Cmd::PageUp | Cmd::HalfUp => Some(at.saturating_sub(10)),
        Cmd::Top => Some(0),
        Cmd::Bottom => Some(10_000),
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
