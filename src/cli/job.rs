//! A job of the simulated gateway against a deployed pipeline.

use std::sync::Arc;

use anyhow::Context;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::aws::Target;
use crate::model::{FlowEvent, Route, RouteTaken};
use crate::sim::{
    Control, Dataset, GatewayPort, GatewaySpec, JobEnd, JobError, JobSpec, Load, Names, Place, Runner, SETTLING_SECS,
    Share, Tally,
};

use super::args::DatasetArgs;
use super::gateway_port::{Parts, Port, course};
use super::pipeline::Pipeline;
use super::session::Session;

/// The settling time where a real minute would be waited for.
const SHORT_SETTLING_SECS: f64 = 5.0;

/// What a job came to.
#[derive(Debug)]
pub struct Vaulted {
    /// The datasets, one a client.
    pub datasets: Vec<Dataset>,
    /// What happened at the gateway in all.
    pub tally: Tally,
    /// How the job ended.
    pub end: JobEnd,
    /// Which way its notifications took; `None` where that was never settled.
    pub route: Option<RouteTaken>,
}

impl Vaulted {
    /// The dataset of a job of one client.
    ///
    /// # Errors
    /// When there is none.
    pub fn dataset(&self) -> anyhow::Result<&Dataset> {
        self.datasets.first().context("the job has no dataset")
    }
}

/// The key of a dataset's manifest.
pub fn manifest_key(dataset: &Dataset) -> &str {
    dataset.manifest().map_or("", |entry| &entry.key)
}

/// Refuses a dataset that cannot be, before anything is called.
///
/// # Errors
/// [`Usage`](super::Usage) with what cannot be.
pub fn check(args: &DatasetArgs) -> anyhow::Result<()> {
    of(args).check().map_err(refuse)
}

/// The job that the arguments ask for, on this pipeline.
pub fn spec(args: &DatasetArgs, pipeline: &Pipeline, session: &Session) -> Load {
    let mut load = of(args);
    load.gateway.settling_secs = args.settle.unwrap_or_else(|| settling(session));
    name(load, pipeline)
}

/// The load with names as the pipeline knows them.
pub fn name(mut load: Load, pipeline: &Pipeline) -> Load {
    for job in &mut load.jobs {
        job.job_dir_suffix.clone_from(&pipeline.watched.job_dir_suffix);
        job.manifest_suffix.clone_from(&pipeline.manifest_suffix);
    }
    load
}

/// The settling time unless another is asked for: the workshop's, or a short one where time cannot be scaled.
pub fn settling(session: &Session) -> f64 {
    if session.has_clock { SETTLING_SECS } else { SHORT_SETTLING_SECS }
}

/// Where notifications go, for a person.
pub fn way(route: &RouteTaken) -> String {
    let to = match route.way {
        Route::Gateway => "to the event bus, as the gateway sends them",
        Route::Aws => "to the event bus from aws.storagegateway",
        Route::Own => "to the event bus from vaultscope.storagegateway",
        Route::Queue => "straight to the stack's queue",
    };
    format!("{to} ({})", route.reason)
}

fn of(args: &DatasetArgs) -> Load {
    let job = JobSpec {
        seed: args.seed,
        files: args.files,
        dirs: args.dirs,
        missing: args.missing,
        names: if args.hostile_names { Names::Hostile } else { Names::Plain },
        ..JobSpec::default()
    };
    let settling_secs = args.settle.unwrap_or(SETTLING_SECS);
    Load::of(job, GatewaySpec { settling_secs, route: args.route.into(), ..GatewaySpec::default() })
}

/// Carries a job out; its steps go into `events`.
///
/// # Errors
/// When the job cannot be done.
pub async fn vault(
    session: &Session,
    pipeline: &Pipeline,
    load: &Load,
    events: mpsc::Sender<FlowEvent>,
    cancel: CancellationToken,
    control: Control,
) -> anyhow::Result<Vaulted> {
    let share = share(session, pipeline)?;
    let queue_url = pipeline.watched.queue.clone();
    let place = match (&session.emulator, &session.clients.target) {
        (Some(_), _) => Place::Process,
        (None, Target::Aws { .. }) => Place::Aws,
        (None, _) => Place::Endpoint,
    };
    let course =
        course(&session.clients, &share, load.gateway.route, place, queue_url.as_deref(), &pipeline.rules).await?;
    let parts = Parts {
        clients: session.clients.clone(),
        share,
        emulator: session.emulator.clone(),
        clock: session.clock.clone(),
        queue_url,
    };
    let port = Arc::new(Port::new(parts, course));
    let runner = Runner { clock: session.clock.clone(), events, cancel, control };
    let outcome = crate::sim::run(runner, load, Arc::clone(&port)).await.map_err(refuse)?;
    Ok(Vaulted { datasets: outcome.datasets, tally: outcome.tally, end: outcome.end, route: port.route() })
}

/// The share that is simulated on a pipeline.
///
/// # Errors
/// When the stack has no bucket.
pub fn share(session: &Session, pipeline: &Pipeline) -> anyhow::Result<Share> {
    Ok(Share::of(pipeline.bucket()?, &session.clients.region, &session.account.id))
}

/// A job that cannot be done was asked for wrongly.
pub fn refuse(error: JobError) -> anyhow::Error {
    super::Usage(error.to_string()).into()
}
