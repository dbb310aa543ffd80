//! A scenario of the archiving stack played from nothing to its end, and held against what it expects.

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::aws::Target;
use crate::deploy::S3TAR;
use crate::model::Check;
use crate::sim::archiving::{self, NAMES, Scenario, StartPart, judge};

use super::super::args::{SimArgs, StackArgs};
use super::super::rollout::Order;
use super::super::server::Server;
use super::super::session::Session;
use super::super::settings::Settings;
use super::super::stage::interrupted_is_none;
use super::super::{Exit, Usage, output};
use super::firing::Firing;
use super::image::Dress;
use super::report::{ExecutionPart, NewsPart};
use super::{Found, Seconds, Trial, left_behind, play};

/// The version of the document; a reader refuses versions that it does not know.
const VERSION: u32 = 1;
const SEED: u64 = 7;

/// A scenario that was played.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Played {
    version: u32,
    /// `archivingScenario`.
    kind: &'static str,
    scenario: String,
    about: String,
    /// Whether every check holds.
    passed: bool,
    checks: Vec<Check>,
    execution: Option<ExecutionPart>,
    notifications: Vec<NewsPart>,
    seconds: Seconds,
    /// Simulated seconds per real second.
    time_scale: f64,
    target: String,
}

/// Those that come with vaultscope, each with what it shows.
pub fn list() -> impl Iterator<Item = (String, String)> {
    // A test keeps that each of them can be read.
    NAMES.iter().filter_map(|name| Scenario::named(name)?.ok()).map(|scenario| (scenario.name, scenario.about))
}

/// The scenario of that name, or in that file; `None` when it is of another kind, or of none.
///
/// # Errors
/// [`Usage`] with what is wrong in the file, and in which line.
pub fn find(wanted: &str) -> Result<Option<Scenario>, Usage> {
    let usage = |error: archiving::ScenarioError| Usage(error.to_string());
    if let Some(known) = Scenario::named(wanted) {
        return known.map(Some).map_err(usage);
    }
    match std::fs::read_to_string(wanted) {
        Ok(text) if Scenario::is_one(&text) => Scenario::read(wanted, &text).map(Some).map_err(usage),
        // Whoever reads the other kind says what is wrong with it.
        _ => Ok(None),
    }
}

/// Plays one.
///
/// # Errors
/// When the target has no clock and no images of ours, or cannot be worked on.
pub async fn run(
    settings: &Settings,
    scenario: &Scenario,
    args: &SimArgs,
    cancel: CancellationToken,
) -> anyhow::Result<Exit> {
    settings.needs_write("playing a scenario")?;
    let order = Order::of_offer(settings, S3TAR, &StackArgs::default()).await?;
    let session = Session::open(settings).await?;
    if settings.target != Target::Embedded && session.server != Some(Server::Vaultscope) {
        let target = session.clients.target.to_string();
        session.close().await;
        return Err(Usage(format!(
            "scenario {} says what the task's container does, which {target} cannot be told: play it on the embedded endpoint or on `vaultscope emulator`",
            scenario.name
        ))
        .into());
    }
    let dress = match (&scenario.task.exits, scenario.task.image_missing) {
        (_, true) => Dress::Missing,
        (exits, false) if exits.is_empty() => Dress::Task,
        (exits, false) => Dress::Exits(exits.clone()),
    };
    let by_hand = match scenario.start {
        StartPart::Hand => Some("the scenario wants it so".to_owned()),
        StartPart::Schedule => None,
    };
    let rate = args.time_scale.or(scenario.time_scale);
    let trial = Trial { days: scenario.days, seed: SEED, rate, by_hand, dress, quiet: args.json };
    let ended = Box::pin(play(&session, settings, &order, &trial, &cancel)).await;
    session.close().await;
    let Some(found) = interrupted_is_none(settings, &cancel, ended)? else {
        output::complain(&left_behind(settings));
        return Ok(Exit::Interrupted);
    };
    let played = Played::of(scenario, found);
    played.print(args.json)?;
    Ok(if played.passed { Exit::Done } else { Exit::Negative })
}

/// What a scenario is judged by.
fn of(found: &Found) -> archiving::Found {
    let way = found.execution.as_ref().map(|execution| execution.way.clone()).unwrap_or_default();
    archiving::Found {
        fired: matches!(found.firing, Firing::Fired { .. }),
        status: found.execution.as_ref().map(|execution| execution.status.clone()).unwrap_or_default(),
        path: way.path,
        attempts: way.attempts,
        waits: way.waits.iter().map(|wait| (wait.asked, wait.waited)).collect(),
        exit_codes: way.ends.iter().filter_map(|end| end.exit_code).collect(),
        reason: way.ends.last().map(|end| end.reason.clone()).unwrap_or_default(),
        notifications: found.heard.iter().map(|heard| heard.subject.clone()).collect(),
        archived: found.archive.as_ref().map(|archive| (archive.members, archive.equal)),
    }
}

impl Played {
    fn of(scenario: &Scenario, found: Found) -> Self {
        let checks = judge(scenario, &of(&found));
        Self {
            version: VERSION,
            kind: "archivingScenario",
            scenario: scenario.name.clone(),
            about: scenario.about.clone(),
            passed: checks.iter().all(|check| check.holds),
            checks,
            execution: found.execution.map(ExecutionPart::from),
            notifications: found.heard.into_iter().map(NewsPart::from).collect(),
            seconds: found.seconds,
            time_scale: found.rate,
            target: found.target,
        }
    }

    fn print(&self, json: bool) -> std::io::Result<()> {
        if json {
            return output::document(self);
        }
        output::line(&format!("scenario {}: {}", self.scenario, self.about))?;
        output::checks(&self.checks)?;
        output::line(&format!("{} after {:.1} s", if self.passed { "passed" } else { "failed" }, self.seconds.total))
    }
}
