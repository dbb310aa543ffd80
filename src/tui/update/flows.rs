//! What was seen on the pipeline, folded into the state. Each thing once: what sources repeat is told apart here.

use std::time::Duration;

use crate::model::board::News;
use crate::model::machine::Machine;
use crate::model::{
    ExecutionStatus, FlowEvent, GatewayStepKind, JobState, LogRole, Seen, Source, StackEvent, Timestamp,
};

use super::super::Effect;
use super::super::cmd::Page;
use super::super::state::sources::Turn;
use super::super::state::stack::StackNews;
use super::super::state::{KEPT_LATEST, Latest, State};
use super::super::widget::text;
use super::{note, problem};

pub(super) fn see(state: &mut State, event: FlowEvent) {
    if let Seen::Observed(observed) = event.what {
        return state.observe(observed);
    }
    let now = state.real_ms;
    let mut is_again = false;
    let fresh = match &event.what {
        Seen::Log(line) => state.logs.insert(event.at, line),
        Seen::Item(item) => {
            let news = state.boards.item(item, event.at, now);
            is_again = news == News::Changed;
            news != News::Known
        }
        Seen::History(history) => state.executions.see(event.at, history),
        Seen::Execution(execution) => state.executions.list(execution),
        Seen::Manifest(read) => {
            state.boards.manifest(read);
            true
        }
        Seen::Schedule(_) | Seen::Task(_) | Seen::Notification(_) | Seen::Archive(_) | Seen::Inventory(_) => {
            state.archiving.see(&event)
        }
        _ => true,
    };
    touch(state, &event.what);
    state.datasets.see(&event);
    if !fresh {
        return;
    }
    // An item that is written again is no further item.
    if !is_again {
        state.pipeline.see(&event);
        state.guide.guide.see(&event);
    }
    state.courses.see(&event);
    if let Seen::Gateway(step) = &event.what {
        let before = state.gateway.forgotten;
        state.gateway.step(event.at, step);
        // What is looked at stays what it is.
        let row = &mut state.rows[Page::Gateway as usize][2];
        *row = row.map(|row| row.saturating_sub(state.gateway.forgotten - before));
    }
    latest(state, &event, is_again);
    match event.what {
        Seen::Machine(machine) => {
            if let Some(read) = Machine::read(&machine.definition) {
                state.machines.insert(machine.arn, read);
            }
        }
        Seen::Stack(seen) => {
            let is_ours = is_changing(state, &seen.name);
            state.stacks.entry(seen.name.clone()).or_default().describe(seen, is_ours);
            forget_sources(state);
        }
        Seen::StackEvent(seen) => {
            stack_event(state, event.at, seen);
            forget_sources(state);
        }
        Seen::GatewayState(now) => state.gateway.now = Some(now),
        Seen::Job(job) => {
            if let JobState::Failed { problem: text } = job.state {
                problem(state, format!("job {}: {text}", job.set_id));
            }
        }
        _ => {}
    }
}

/// Whether a stack is deployed or deleted from here.
pub(super) fn is_changing(state: &State, name: &str) -> bool {
    state.busy.iter().any(|effect| match effect {
        Effect::Deploy { offer } => state.offer(offer).is_some_and(|offer| offer.stack == name),
        Effect::DeleteStack { name: busy } => busy == name,
        _ => false,
    })
}

fn stack_event(state: &mut State, at: Timestamp, event: StackEvent) {
    let name = event.stack.clone();
    let reason = event.reason.clone().unwrap_or_else(|| "CloudFormation gave no reason".to_owned());
    let text = format!("{} {}: {reason}", event.logical_id, event.status);
    if state.stacks.entry(name).or_default().event(at, event) == StackNews::Failure {
        problem(state, text);
    }
}

/// Notes that the source of a thing answered, or what it said of itself.
fn touch(state: &mut State, what: &Seen) {
    let is_main = |name: &str| state.main_name() == Some(name);
    let source = match what {
        Seen::Object(_) | Seen::Manifest(_) => Source::Bucket,
        Seen::Queue(_) => Source::Queue,
        Seen::Log(line) => Source::Logs(line.role),
        Seen::Item(_) => Source::Table,
        Seen::Execution(_) | Seen::History(_) | Seen::Machine(_) | Seen::Task(_) | Seen::Notification(_) => {
            Source::Executions
        }
        Seen::Stack(stack) if is_main(&stack.name) => Source::Stack,
        Seen::StackEvent(event) if is_main(&event.stack) => Source::Stack,
        Seen::Schedule(_) => Source::Schedule,
        Seen::Archive(_) | Seen::Inventory(_) => Source::Archives,
        Seen::Source(report) => report.source,
        Seen::Gateway(_)
        | Seen::GatewayState(_)
        | Seen::Job(_)
        | Seen::Observed(_)
        | Seen::Stack(_)
        | Seen::StackEvent(_) => return,
    };
    let Seen::Source(report) = what else {
        return state.sources.heard(source, state.real_ms);
    };
    let target = state.target_name();
    match state.sources.report(report, state.real_ms) {
        Some(Turn::Away) => note(state, silence(&target)),
        Some(Turn::Back(ms)) => {
            // One outage is one problem, and how long it was is known now.
            let begun = silence(&target);
            let away = text::time(Duration::from_secs(ms / 1_000));
            if let Some((_, text)) = state.problems.iter_mut().rev().find(|(_, text)| *text == begun) {
                *text = format!("{target} did not answer for {away}");
            }
        }
        None => {}
    }
}

fn silence(target: &str) -> String {
    format!("{target} does not answer: what was seen stays")
}

/// Forgets how the sources of a stack were once the stack is gone.
fn forget_sources(state: &mut State) {
    if state.main_stack().is_some_and(|stack| stack.status.as_deref().is_none_or(|status| status == "DELETE_COMPLETE"))
    {
        state.sources.clear();
    }
}

fn latest(state: &mut State, event: &FlowEvent, is_again: bool) {
    let (kind, text, size) = match &event.what {
        Seen::Gateway(step) => {
            let kind = match step.step {
                GatewayStepKind::Uploaded => "upload",
                GatewayStepKind::PartialUploaded => "partial",
                GatewayStepKind::Notified => "notify",
                GatewayStepKind::Written => return,
            };
            (kind, step.object_key.clone(), Some(step.object_size))
        }
        Seen::Log(line) => {
            let kind = match line.role {
                LogRole::DataFileUpload => "data",
                LogRole::ManifestFileUpload => "manifest",
                LogRole::ReconcileSuccessful => "success",
                LogRole::ReconcileTimeout => "timeout",
                LogRole::Task | LogRole::ErrorHandler | LogRole::StateMachine => return,
            };
            let upload = line.upload.as_ref();
            (
                kind,
                upload.map_or_else(|| line.message.chars().take(200).collect(), |u| u.object_key.clone()),
                upload.map(|u| u.object_size),
            )
        }
        Seen::Item(item) => {
            (if is_again { "changed" } else { "item" }, item.object_key.clone(), Some(item.object_size))
        }
        Seen::Execution(run) => {
            let kind = if run.status == ExecutionStatus::Running { "started" } else { "ended" };
            (kind, run.name.clone(), None)
        }
        _ => return,
    };
    if state.latest.len() == KEPT_LATEST {
        state.latest.pop_front();
    }
    state.latest.push_back(Latest { at: event.at, kind: kind.to_owned(), text, size });
}
