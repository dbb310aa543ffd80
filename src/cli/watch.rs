//! `vaultscope watch`: what happens on a deployed stack, line by line, until Ctrl-C or a reconciliation.

use std::collections::HashMap;

use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::model::archiving::TaskStatus;
use crate::model::words::counted;
use crate::model::{Datasets, ExecutionStatus, FlowEvent, Outcome, Seen, SetId, Source, SourceState};
use crate::observe::{CHANNEL_CAPACITY, LiveTailState, Observer};

use super::args::WatchArgs;
use super::observed::Subject;
use super::session::{Session, needs_endpoint};
use super::settings::Settings;
use super::{Exit, Usage, output};

/// Runs the command.
pub async fn run(settings: &Settings, args: &WatchArgs, cancel: CancellationToken) -> anyhow::Result<Exit> {
    needs_endpoint(settings, "watch")?;
    let session = Session::open(settings).await?;
    let ended = watch(&session, settings, args, cancel).await;
    session.close().await;
    ended
}

async fn watch(
    session: &Session,
    settings: &Settings,
    args: &WatchArgs,
    cancel: CancellationToken,
) -> anyhow::Result<Exit> {
    let subject = Subject::find(session, settings, &settings.stack).await?;
    if args.until_reconciled && subject.pipeline.is_none() {
        let stack = &subject.observed.stack;
        return Err(Usage(format!("stack {stack} reconciles nothing: leave --until-reconciled out")).into());
    }
    let (sink, mut events) = mpsc::channel(CHANNEL_CAPACITY);
    let observer = Observer::start(&session.clients, &subject.watched, &session.clock, &sink);
    drop(sink);
    let wanted = args.set_id.as_deref().map(SetId::from);
    let mut datasets = Datasets::default();
    let mut troubled = HashMap::new();
    let mut live_tail = observer.live_tail();
    let mut verdict = None;
    let ended = loop {
        let event = tokio::select! {
            () = cancel.cancelled() => break verdict.unwrap_or(Exit::Done),
            event = events.recv() => event,
            Ok(()) = live_tail.changed() => {
                if let LiveTailState::Refused { problem } = &*live_tail.borrow_and_update() {
                    output::remark(problem);
                }
                continue;
            }
        };
        let Some(event) = event else { break verdict.unwrap_or(Exit::Done) };
        let line = match &event.what {
            _ if args.json => Some(json!(event).to_string()),
            Seen::Source(report) => {
                let again = change(&mut troubled, report.source, &report.state);
                again.then(|| again_line(&event, report.source, observer.throttled())).or_else(|| sentence(&event))
            }
            _ => sentence(&event),
        };
        if let Some(line) = line {
            output::line(&line)?;
        }
        datasets.see(&event);
        if !args.until_reconciled || verdict.is_some() {
            continue;
        }
        let is_wanted = |set: &SetId| wanted.as_ref().is_none_or(|wanted| wanted == set);
        if let Some((set, outcome, is_inferred)) = reconciled(&datasets, is_wanted) {
            if is_inferred {
                output::remark(&format!(
                    "dataset {set}: the outcome is inferred from its execution, since this target brings no events to log groups"
                ));
            }
            verdict = Some(if outcome == Outcome::Successful { Exit::Done } else { Exit::Negative });
        } else if let Some((set, status)) = failure(&event)
            && is_wanted(set)
        {
            output::complain(&format!("the execution that reconciles dataset {set} ended in {status:?}"));
            verdict = Some(Exit::Negative);
        }
        if verdict.is_some() {
            // What led to it may not have been looked at yet.
            observer.finish();
        }
    };
    observer.stop().await;
    Ok(ended)
}

/// The first wanted dataset whose reconciliation has ended, how, and whether that is inferred.
fn reconciled(datasets: &Datasets, is_wanted: impl Fn(&SetId) -> bool) -> Option<(&SetId, Outcome, bool)> {
    datasets
        .iter()
        .filter(|(id, _)| is_wanted(id))
        .find_map(|(id, set)| set.outcome.map(|(outcome, _)| (id, outcome, set.is_inferred)))
}

/// Whether a source answers again that was throttled or failed before.
fn change(troubled: &mut HashMap<Source, bool>, source: Source, state: &SourceState) -> bool {
    let is_troubled = !matches!(state, SourceState::Live | SourceState::Tailing { .. });
    troubled.insert(source, is_troubled).unwrap_or(false) && *state == SourceState::Live
}

fn again_line(event: &FlowEvent, source: Source, throttled: u64) -> String {
    let count = if throttled > 0 { format!(" ({throttled} looks were throttled so far)") } else { String::new() };
    format!("{} source      {source:?} answers again{count}", event.at.clock_millis())
}

/// An execution that ended without a reconciliation event.
fn failure(event: &FlowEvent) -> Option<(&SetId, ExecutionStatus)> {
    let Seen::Execution(execution) = &event.what else {
        return None;
    };
    let is_failure = !matches!(execution.status, ExecutionStatus::Running | ExecutionStatus::Succeeded);
    execution.set_id.as_ref().filter(|_| is_failure).map(|set| (set, execution.status))
}

/// One line for a person; what only counts is left to `--json`.
fn sentence(event: &FlowEvent) -> Option<String> {
    let text = match &event.what {
        Seen::Log(line) => match &line.upload {
            Some(upload) => {
                format!("log         {:<26} {} ({} bytes)", line.role.stem(), upload.object_key, upload.object_size)
            }
            None => format!("log         {:<26} {}", line.role.stem(), line.message),
        },
        Seen::Item(item) => format!("item        {} ({} bytes)", item.object_key, item.object_size),
        Seen::Object(object) => format!("object      {} ({} bytes)", object.key, object.size),
        Seen::Manifest(read) => format!("manifest    {} names {}", read.object_key, counted(read.keys.len(), "key")),
        Seen::Execution(execution) => format!("execution   {} {:?}", execution.name, execution.status),
        Seen::History(event) => {
            let state = event.state.as_deref().unwrap_or_default();
            let of = |name: &str| event.details.get(name).map(|text| format!(" {text}")).unwrap_or_default();
            format!("history     {:>5} {} {state}{}{}", event.id, event.kind, of("error"), of("cause"))
        }
        Seen::Queue(depth) => {
            format!("queue       {} visible, {} in flight, {} dead", depth.visible, depth.in_flight, depth.dead)
        }
        Seen::Stack(stack) => {
            format!("stack       {} {}", stack.name, stack.status.as_deref().unwrap_or("does not exist"))
        }
        Seen::StackEvent(event) => format!("stack       {} {}", event.logical_id, event.status),
        Seen::Source(report) => match &report.state {
            SourceState::Live => return None,
            SourceState::Tailing { sampled } => {
                let how = if *sampled { "sends a sample" } else { "sends what is new" };
                format!("source      {:?} {how}", report.source)
            }
            SourceState::Throttled { retry_ms } => {
                format!("source      {:?} throttled for {retry_ms} ms", report.source)
            }
            SourceState::Failing { problem } | SourceState::Unavailable { problem } => {
                format!("source      {:?} {problem}", report.source)
            }
        },
        Seen::Schedule(schedule) => {
            let next = match schedule.next_run(event.at) {
                _ if !schedule.is_enabled => "disabled".to_owned(),
                Some(next) => format!("next run {}", next.iso_seconds()),
                None => "no further run".to_owned(),
            };
            format!("schedule    {} {} {}, {next}", schedule.name, schedule.expression, schedule.timezone)
        }
        Seen::Task(task) => {
            let code = task.exit_code.map(|code| format!(" with exit code {code}")).unwrap_or_default();
            let reason = task.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            let how = match task.status {
                TaskStatus::Asked => "is asked for",
                TaskStatus::Running => "is taken by ECS",
                TaskStatus::Succeeded => "succeeded",
                TaskStatus::Failed => "failed",
            };
            format!("task        run {} {how}{code}{reason}", task.run)
        }
        Seen::Notification(told) => {
            let answer = told.answer.as_deref().unwrap_or_default();
            match told.is_sent {
                None => return None,
                Some(true) => format!("notified    {:?} as {answer}", told.subject),
                Some(false) => format!("notified    {:?} was not taken: {answer}", told.subject),
            }
        }
        Seen::Archive(archive) => match (&archive.contents, &archive.unread) {
            (Some(held), _) => {
                let least = if held.is_whole { "" } else { "at least " };
                format!(
                    "contents    {} holds {least}{}, {} bytes",
                    archive.key,
                    counted(held.count, "member"),
                    held.bytes
                )
            }
            (None, Some(why)) => format!("contents    {} is not read: {why}", archive.key),
            (None, None) => format!("archive     {} ({} bytes)", archive.key, archive.size),
        },
        Seen::Inventory(inventory) => format!("inventory   {}", inventory.folder),
        Seen::Observed(observed) => format!("stack       {} is observed", observed.stack),
        Seen::Gateway(_) | Seen::GatewayState(_) | Seen::Machine(_) | Seen::Job(_) => return None,
    };
    Some(format!("{} {text}", event.at.clock_millis()))
}
