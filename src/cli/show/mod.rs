//! `vaultscope show`: what a screen of the dashboard shows of a stack, read once and printed. It only reads.

mod objects;
mod seen;

use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::model::StackKind;
use crate::observe::Watched;

use super::args::{Screen, ShowArgs};
use super::observed::Subject;
use super::session::{Session, needs_endpoint};
use super::settings::Settings;
use super::{Exit, Usage, output, past};
use seen::Story;

/// What goes on for longer than this is not waited for.
const LONGEST: Duration = Duration::from_secs(120);

/// What is printed: one document, or lines for a person.
struct Shown {
    document: Value,
    lines: Vec<String>,
}

/// Runs the command.
pub async fn run(settings: &Settings, args: &ShowArgs, cancel: CancellationToken) -> anyhow::Result<Exit> {
    needs_endpoint(settings, "show")?;
    let session = Session::open(settings).await?;
    let shown = show(&session, settings, args, &cancel).await;
    session.close().await;
    let mut shown = shown?;
    if args.json {
        shown.document["version"] = json!(1);
        shown.document["kind"] = json!(args.screen);
        shown.document["target"] = json!(settings.target.to_string());
        output::document(&shown.document)?;
        return Ok(Exit::Done);
    }
    for line in &shown.lines {
        output::line(line)?;
    }
    Ok(Exit::Done)
}

async fn show(
    session: &Session,
    settings: &Settings,
    args: &ShowArgs,
    cancel: &CancellationToken,
) -> anyhow::Result<Shown> {
    let subject = Subject::find(session, settings, &settings.stack).await?;
    let stack = subject.observed.stack.clone();
    let mut shown = if args.screen == Screen::Objects {
        objects::show(session, &stack, args.prefix.as_deref()).await?
    } else {
        let no_table = args.screen == Screen::Table && subject.observed.kind != StackKind::EventProcessing;
        if no_table {
            return Err(
                Usage(format!("stack {stack} has no table: leave `show table` to the event processing stack")).into()
            );
        }
        let mut story = Story::new(args.last);
        let watched = needed(args.screen, &subject.watched);
        let is_whole = past::so_far(session, &watched, LONGEST, cancel, |event| story.see(event)).await;
        if !is_whole {
            output::remark("not everything was read: it goes on, or was interrupted");
        }
        let mut shown = match args.screen {
            Screen::Flow => story.flow(),
            Screen::Logs => story.logs(),
            Screen::Table => story.table(args.set_id.as_deref())?,
            Screen::Executions => story.executions(),
            Screen::Activity | Screen::Objects => seen::activity(&session.clients.meter().activity()),
        };
        shown.document["isWhole"] = json!(is_whole);
        shown
    };
    shown.document["stack"] = json!(stack);
    Ok(shown)
}

/// What has to be read for a screen: logs and executions stand for themselves, and reading anything else costs calls.
fn needed(screen: Screen, all: &Watched) -> Watched {
    let all = all.clone();
    match screen {
        Screen::Logs | Screen::Executions => Watched {
            bucket: None,
            queue: None,
            dead_letter_queue: None,
            table: None,
            schedule: None,
            archives: None,
            inventories: None,
            log_groups: if screen == Screen::Logs { all.log_groups } else { Vec::new() },
            machine: all.machine.filter(|_| screen == Screen::Executions),
            ..all
        },
        _ => all,
    }
}
