//! `vaultscope sim --scenario`: a scenario played from nothing to its outcome, and held against what it expects.

pub mod faults;
pub mod found;
mod played;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use crate::aws::Problem;
use crate::sim::Load;
use crate::sim::scenario::{Scenario, ScenarioError, judge};

use super::args::{SimArgs, StackArgs};
use super::pipeline::Pipeline;
use super::progress::Progress;
use super::session::Session;
use super::settings::Settings;
use super::stage::{Setting, Stage, interrupted_is_none, left_behind};
use super::{Exit, Usage, deploy, job, output};
use faults::Faults;
use played::Played;

/// The largest file that is read as a scenario.
const LARGEST_FILE: u64 = 1 << 20;

/// Runs the command.
pub async fn run(settings: &Settings, wanted: &str, args: &SimArgs, cancel: CancellationToken) -> anyhow::Result<Exit> {
    let scenario = find(wanted)?;
    settings.needs_write("playing a scenario")?;
    let stack = stack_args(&scenario);
    deploy::check(settings, &stack).await?;
    let session = Session::open(settings).await?;
    let ended = Box::pin(play(&session, settings, &scenario, &stack, args, &cancel)).await;
    session.close().await;
    let Some(played) = interrupted_is_none(settings, &cancel, ended)? else {
        output::complain(&left_behind(settings));
        return Ok(Exit::Interrupted);
    };
    played.print(args.json)?;
    Ok(if played.passed { Exit::Done } else { Exit::Negative })
}

/// A scenario by its name, or from a file.
///
/// # Errors
/// [`Usage`] with what is wrong, and in which line.
pub fn find(wanted: &str) -> anyhow::Result<Scenario> {
    let usage = |problem: String| anyhow::Error::from(Usage(problem));
    let unknown = match Scenario::named(wanted) {
        Err(error @ ScenarioError::Unknown(_)) => error,
        known => return known.map_err(|error| usage(error.to_string())),
    };
    let about = match std::fs::metadata(wanted) {
        Ok(about) => about,
        Err(_) if !wanted.contains(['/', '\\', '.']) => return Err(usage(unknown.to_string())),
        Err(error) => return Err(usage(format!("scenario {wanted} cannot be read: {error}"))),
    };
    if about.len() > LARGEST_FILE {
        return Err(usage(format!("{wanted} is too large for a scenario: {LARGEST_FILE} bytes at most")));
    }
    let text =
        std::fs::read_to_string(wanted).map_err(|error| usage(format!("scenario {wanted} cannot be read: {error}")))?;
    Scenario::read(wanted, &text).map_err(|error| usage(error.to_string()))
}

/// The stack that a scenario wants.
pub fn stack_args(scenario: &Scenario) -> StackArgs {
    let (iterations, wait) = (Some(scenario.stack.iterations), Some(scenario.stack.wait_secs));
    StackArgs { iterations, wait, ..StackArgs::default() }
}

/// The load with ids that no dataset of the bucket has: played again on the same stack, a scenario begins anew.
///
/// # Errors
/// When the bucket cannot be listed.
pub async fn fresh(session: &Session, pipeline: &Pipeline, mut load: Load) -> anyhow::Result<Load> {
    let sets = load.datasets().map_err(job::refuse)?;
    let bucket = pipeline.bucket()?;
    for (job, set) in load.jobs.iter_mut().zip(sets) {
        for turn in 1_u32.. {
            let id = if turn == 1 { set.set_id.to_string() } else { format!("{}-{turn}", set.set_id) };
            let root = format!("{id}{}/", job.job_dir_suffix);
            let listed = session.clients.s3.list_objects_v2().bucket(bucket).prefix(root).max_keys(1).send().await;
            let listed = listed.map_err(|error| Problem::of("s3 ListObjectsV2", &error))?;
            if listed.contents.unwrap_or_default().is_empty() {
                job.set_id = (turn > 1).then_some(id).or(job.set_id.take());
                break;
            }
        }
    }
    Ok(load)
}

/// `None` when it was interrupted after the stack stood.
async fn play(
    session: &Session,
    settings: &Settings,
    scenario: &Scenario,
    stack: &StackArgs,
    args: &SimArgs,
    cancel: &CancellationToken,
) -> anyhow::Result<Option<Played>> {
    if !session.has_clock && args.time_scale.is_none() {
        output::remark(&format!(
            "{} has no clock of ours: what the scenario waits for takes real time",
            settings.target
        ));
    }
    let rate = args.time_scale.or(scenario.time_scale.filter(|_| session.has_clock));
    let progress = Progress::with_course();
    let setting = Setting { stack, rate, quiet: args.json, progress };
    let stage = Stage::set(session, settings, setting, cancel).await?;
    let load = fresh(session, &stage.pipeline, job::name(scenario.load.clone(), &stage.pipeline)).await?;
    let faults = Faults::begin(session, &scenario.faults).await?;
    let landed = stage.land(session, &load, cancel).await;
    // Whatever came of it, nobody else is to be struck.
    let faults_struck = faults.end().await;
    let Some(mut landed) = landed? else { return Ok(None) };
    let verdicts = landed.verify(session).await?;
    let course = landed.landing.progress.course.take().context("the order of the notifications was not kept")?;
    let found = found::find(session, &landed, verdicts, &course, faults_struck?).await?;
    let checks = judge(scenario, &found);
    let (memory, seconds) = landed.measured().await?;
    Ok(Some(Played::of(scenario, &landed, found, checks, memory, seconds, session)))
}
