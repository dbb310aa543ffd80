//! `vaultscope run --stack s3tar`: deploy, make days of log files and their inventory, let the schedule fire, wait for the
//! execution, and hold the archive against the objects.

mod calendar;
mod execution;
mod firing;
mod image;
mod listener;
mod local;
mod parts;
mod report;
mod scenario;
mod steps;
mod verify;

use std::time::Duration;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use crate::aws::{Problem, Target};
use crate::clock::real_now;
use crate::deploy::{Offer, S3TAR, Sink, describe};
use crate::model::Timestamp;
use crate::s3tar::{LOGS_A_DAY, Port, Publication, publish, write_log_data};

use super::args::{DatasetArgs, RunArgs};
use super::rollout::{Losses, Order};
use super::session::{EMBEDDED_RATE, Session};
use super::settings::Settings;
use super::stage::interrupted_is_none;
use super::{Exit, Usage, deploy, output};
use execution::{Execution, Followed, follow};
use firing::{Firing, Start, now};
pub use image::provide_for;
use image::{Dress, Dressed, provide};
use listener::{Heard, Listener};
use local::Local;
use parts::Parts;
use report::Report;
pub use scenario::{find as find_scenario, list as scenarios, run as run_scenario};
use verify::{Compared, compare, objects};

const DAYS: u32 = 10;
const ATTEMPTS: u32 = 4;
/// A parameter that no other template has.
const PARAMETER: &str = "destBucketS3TarPrefix";
/// An inventory is taken so long after the last object was put, for clocks that differ a little.
const AFTER: Duration = Duration::from_secs(2);
/// Nothing comes of a task for so long: on our endpoint and AWS a task may really take it, elsewhere nothing runs it.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(3_600), Duration::from_secs(20));
/// A notification is heard within this time.
const NEWS: Duration = Duration::from_secs(20);

/// What is to be tried.
struct Trial {
    days: u32,
    seed: u64,
    /// Simulated seconds per real second.
    rate: Option<f64>,
    by_hand: Option<String>,
    dress: Dress,
    quiet: bool,
}

/// What was found.
struct Found {
    parts: Parts,
    data: Data,
    inventory: Option<Publication>,
    firing: Firing,
    execution: Option<Execution>,
    /// Why the target could not run the task.
    unable: Option<String>,
    local: Option<Local>,
    heard: Vec<Heard>,
    /// The archive that there should be.
    awaited: String,
    archive: Option<Compared>,
    seconds: Seconds,
    rate: f64,
    target: String,
}

/// The log files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    days: u32,
    files: u64,
    wanted: u64,
}

/// Real seconds.
#[derive(Debug, Clone, Copy, Default, serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Seconds {
    /// Until the stack stood.
    deploy: f64,
    /// Until files and inventory were there.
    data: f64,
    /// From the start to the execution's end.
    execution: f64,
    /// Reading and comparing.
    verification: f64,
    /// Everything.
    total: f64,
}

/// Runs the command.
pub async fn run(settings: &Settings, args: &RunArgs, cancel: CancellationToken) -> anyhow::Result<Exit> {
    if !args.dataset.is_default() {
        return Err(Usage(format!(
            "flags of a dataset go with the event processing stack: {} archives log files, of --days days",
            S3TAR.stack
        ))
        .into());
    }
    settings.needs_write("archiving")?;
    let order = Order::of_offer(settings, S3TAR, &args.stack).await?;
    let trial = Trial {
        days: args.days.unwrap_or(DAYS),
        seed: args.dataset.seed,
        rate: args.time_scale,
        by_hand: None,
        dress: Dress::Task,
        quiet: args.json,
    };
    let session = Session::open(settings).await?;
    let ended = Box::pin(play(&session, settings, &order, &trial, &cancel)).await;
    let calls = session.clients.meter().activity();
    session.close().await;
    let Some(found) = interrupted_is_none(settings, &cancel, ended)? else {
        output::complain(&left_behind(settings));
        return Ok(Exit::Interrupted);
    };
    let report = Report::of(found, &calls);
    report.print(args.json)?;
    Ok(if report.verified { Exit::Done } else { Exit::Negative })
}

/// Refuses flags that only the archiving stack takes.
///
/// # Errors
/// [`Usage`] with the remedy.
pub fn refuse_flags(args: &RunArgs) -> Result<(), Usage> {
    match args.days {
        Some(_) => Err(Usage(format!("--days goes with the archiving stack: add --stack {}", S3TAR.id))),
        None => Ok(()),
    }
}

impl DatasetArgs {
    /// Whether nothing was chosen but the seed, which log files are drawn from as well.
    fn is_default(&self) -> bool {
        let Self { files, dirs, missing, hostile_names, settle, route, seed: _ } = self;
        (*files, *dirs, *missing) == (200, 10, 0)
            && !hostile_names
            && settle.is_none()
            && *route == super::args::RouteArg::Auto
    }
}

/// `None` when it was interrupted after the stack stood.
async fn play(
    session: &Session,
    settings: &Settings,
    order: &Order,
    trial: &Trial,
    cancel: &CancellationToken,
) -> anyhow::Result<Option<Found>> {
    order.check_place(session)?;
    let began = real_now();
    let before = session.clock.reading().rate;
    let rate = trial.rate.unwrap_or(if session.emulator.is_some() { EMBEDDED_RATE } else { before });
    if session.emulator.is_some() || trial.rate.is_some() {
        session.set_rate(rate).await?;
    }
    let (sink, _): (Sink, _) = tokio::sync::mpsc::channel(1);
    let deployed = Box::pin(order.deploy(session, Losses::Refused, &sink, cancel)).await;
    let parts = Parts::of(session, deploy::of_target(settings, deployed)?).await?;
    provide(session, &parts.image).await?;
    let deploy = began.elapsed().as_secs_f64();
    if !trial.quiet {
        let (name, status) = (&parts.stack.seen.name, &parts.stack.status);
        output::line(&format!(
            "stack {name} is in {status}: {} resources in {deploy:.1} s on {}",
            parts.resources, settings.target
        ))?;
    }
    let listener = Listener::begin(&session.clients, &parts.topic, cancel).await?;
    let dressed = Dressed::put_on(session, &parts.image, &trial.dress).await;
    let ended = match dressed {
        Ok(dressed) => {
            let stage = Stage { session, parts, listener: &listener, rate };
            let ended = Box::pin(stage.archive(trial, cancel)).await;
            let undressed = dressed.take_off(session).await.context("the image could not be made what it was");
            ended.and_then(|found| undressed.map(|()| found))
        }
        Err(error) => Err(error),
    };
    // An endpoint that ends with us needs no clearing up, and may have ended already.
    if !(cancel.is_cancelled() && settings.target == Target::Embedded) {
        let cleared = clear_up(session, listener, before).await;
        if let (Err(_), Err(error)) = (&ended, &cleared) {
            // The first failure is what the user has to know.
            tracing::warn!(%error, "a run that failed has left something");
        } else {
            cleared?;
        }
    }
    Ok(ended?.map(|mut found| {
        found.seconds.deploy = deploy;
        found.seconds.total = began.elapsed().as_secs_f64();
        found
    }))
}

/// Removes what was made for the run, and lets the clock of an endpoint elsewhere run as it did.
async fn clear_up(session: &Session, listener: Listener, rate: f64) -> anyhow::Result<()> {
    listener.end(&session.clients).await.context("what heard the notifications could not be removed")?;
    if session.has_clock && session.emulator.is_none() {
        session.set_rate(rate).await?;
    }
    Ok(())
}

/// Whether a command is about the stack that archives: by its usual name, or, where the user names another one, by what a
/// stack of that name is made with.
///
/// # Errors
/// When the target cannot be asked.
pub async fn is_meant(settings: &Settings) -> anyhow::Result<bool> {
    if settings.stack == S3TAR.stack {
        return Ok(true);
    }
    let may_be_there = settings.target != Target::Embedded || settings.data_dir.is_some();
    if settings.named.is_none() || Offer::find(&settings.stack).is_some() || !may_be_there {
        return Ok(false);
    }
    let session = Session::open(settings).await?;
    let stack = describe(&session.clients, &settings.stack).await;
    session.close().await;
    Ok(stack?.is_some_and(|stack| stack.parameter(PARAMETER).is_some()))
}

/// A stack that stands and is heard.
struct Stage<'a> {
    session: &'a Session,
    parts: Parts,
    listener: &'a Listener,
    rate: f64,
}

impl Stage<'_> {
    async fn archive(self, trial: &Trial, cancel: &CancellationToken) -> anyhow::Result<Option<Found>> {
        let Self { session, parts, listener, rate } = self;
        let clients = &session.clients;
        let port = Port::of(clients, ATTEMPTS);
        let mut seconds = Seconds::default();
        if session.has_clock {
            // A day's files and their inventory are made on one day.
            session.set_rate(1.0).await?;
        }
        let start = match &trial.by_hand {
            Some(why) => Start::Hand(why.clone()),
            None => Start::of_schedule(session, &parts).await?,
        };
        let data_began = real_now();
        let today = now(session).await;
        let wanted = u64::from(trial.days) * u64::from(LOGS_A_DAY);
        let files = write_log_data(&port, &parts.source, trial.days, today, trial.seed).await?;
        let data = Data { days: trial.days, files, wanted };
        let keys: Vec<String> = objects(&port, &parts.source)
            .await?
            .into_iter()
            .filter(|(key, head)| key.starts_with("logs/") && head.modified.is_none_or(|at| at + AFTER >= today))
            .map(|(key, _)| key)
            .collect();
        let inventory = match trial.days {
            0 => None,
            _ => Some(inventory(session, &port, &parts, &start).await?),
        };
        seconds.data = data_began.elapsed().as_secs_f64();
        if cancel.is_cancelled() {
            return Ok(None);
        }
        if !trial.quiet && inventory.is_some() {
            output::line(&format!("{files} log files of {} and their inventory are in place", days(trial.days)))?;
        }
        let execution_began = real_now();
        let (firing, arn) = start.carry_out(session, &parts, rate, cancel).await?;
        let (mut execution, mut unable) = (None, None);
        if let Some(arn) = &arn {
            let is_elsewhere = image::endpoint(session).is_none() && !clients.target.is_aws();
            let patience = if is_elsewhere { PATIENCE.1 } else { PATIENCE.0 };
            let seen = match follow(clients, arn, patience, cancel).await? {
                Followed::Interrupted => return Ok(None),
                Followed::Ended(seen) => {
                    let ran = seen.way.ends.iter().any(|end| end.was_task);
                    let why = seen.way.ends.last().map(|end| end.reason.clone()).unwrap_or_default();
                    unable = (is_elsewhere && !ran).then(|| format!("{} runs no container ({why})", clients.target));
                    seen
                }
                Followed::Stuck(seen) => {
                    stop(session, arn).await?;
                    let secs = patience.as_secs();
                    unable =
                        Some(format!("{} starts no container: nothing came of the task in {secs} s", clients.target));
                    seen
                }
            };
            execution = Some(seen);
        }
        let local = match &unable {
            Some(_) if matches!(clients.target, Target::Endpoint { .. }) => {
                let Some(local) = local::run(session, &parts, cancel).await? else { return Ok(None) };
                Some(local)
            }
            _ => None,
        };
        let heard = hear(session, listener, execution.as_ref(), unable.is_some()).await?;
        seconds.execution = execution_began.elapsed().as_secs_f64();
        let verify_began = real_now();
        // The task's day is that on which it began, by the target's clock.
        let day = execution.as_ref().filter(|_| local.is_none()).map(|it| it.started);
        let day = match day {
            Some(day) => day,
            None => now(session).await,
        };
        let place = parts.archive(&calendar::date(day));
        let archive = compare(&port, &place, &parts.source, &keys, today.minus(AFTER)).await?;
        seconds.verification = verify_began.elapsed().as_secs_f64();
        Ok(Some(Found {
            data,
            inventory,
            firing,
            execution,
            unable,
            local,
            heard,
            awaited: place.to_string(),
            archive,
            seconds,
            rate,
            target: clients.target.to_string(),
            parts,
        }))
    }
}

/// Writes the inventory that the task will find: of today, where it runs tomorrow; where it runs today, the same dated
/// yesterday as well.
async fn inventory(session: &Session, port: &Port, parts: &Parts, start: &Start) -> anyhow::Result<Publication> {
    if session.has_clock {
        session.step(AFTER).await?;
    }
    let taken = now(session).await + if session.has_clock { Duration::ZERO } else { AFTER };
    let (to, id) = parts.delivery()?;
    let mut made = publish(port, &parts.source, &to, &id, taken).await?;
    if matches!(start, Start::Schedule(_)) {
        return Ok(made);
    }
    let folder = made.manifest.key.trim_end_matches("manifest.json").trim_end_matches('/').to_owned();
    let (above, _) = folder.rsplit_once('/').context("an inventory has no folder")?;
    let yesterday = calendar::date(last_moment_of_yesterday(taken));
    for name in ["manifest.json", "manifest.checksum"] {
        let bytes = port.read(&made.manifest.at(format!("{folder}/{name}"))).await?;
        let kind = if name.ends_with("json") { "application/json" } else { "text/plain" };
        let copy = made.manifest.at(format!("{above}/{yesterday}T23-59Z/{name}"));
        port.put(&copy, bytes, kind).await?;
        if name.ends_with("json") {
            made.manifest = copy;
        }
    }
    Ok(made)
}

fn last_moment_of_yesterday(now: Timestamp) -> Timestamp {
    calendar::midnight(now).minus(Duration::from_secs(1))
}

/// Ends an execution that nothing comes of.
async fn stop(session: &Session, arn: &str) -> anyhow::Result<()> {
    let cause = "vaultscope: the target does not run the task";
    let stopped = session.clients.states.stop_execution().execution_arn(arn).cause(cause).send().await;
    stopped.map_err(|error| Problem::of("states StopExecution", &error))?;
    Ok(())
}

/// The notifications of an execution: that whose id it was answered with, or whatever comes where it was not.
async fn hear(
    session: &Session,
    listener: &Listener,
    execution: Option<&Execution>,
    is_unable: bool,
) -> anyhow::Result<Vec<Heard>> {
    let id = execution.and_then(|execution| execution.output["Notify"]["MessageId"].as_str());
    let has_told = execution.is_some_and(|it| it.way.path.iter().any(|state| state.starts_with("Notify")));
    let patience = if has_told || !is_unable { NEWS } else { Duration::ZERO };
    let is_enough = |heard: &[Heard]| match id {
        Some(id) => heard.iter().any(|it| it.id == id),
        None => !heard.is_empty(),
    };
    Ok(listener.hear(&session.clients, patience, is_enough).await?)
}

/// `1 day`, `2 days`
fn days(count: u32) -> String {
    if count == 1 { "1 day".to_owned() } else { format!("{count} days") }
}

/// What an interruption leaves, for a person.
fn left_behind(settings: &Settings) -> String {
    match &settings.target {
        Target::Embedded => "interrupted: the embedded endpoint ended, and everything on it with it".to_owned(),
        target => {
            let stack = settings.stack_of(S3TAR);
            format!(
                "interrupted: stack {stack} stays on {target}; `vaultscope run --stack {stack}` goes on from it, `vaultscope destroy {}` removes it",
                S3TAR.id
            )
        }
    }
}
