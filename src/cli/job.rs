//! A job of the simulated gateway against a deployed pipeline.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::aws::Target;
use crate::model::{FlowEvent, Route, RouteTaken};
use crate::sim::{Dataset, GatewayPort, JobEnd, JobError, JobSpec, Names, Place, Runner, SETTLING_SECS, Share};

use super::args::DatasetArgs;
use super::gateway_port::{Parts, Port, course};
use super::pipeline::Pipeline;
use super::session::Session;

/// The settling time where a real minute would be waited for.
const SHORT_SETTLING_SECS: f64 = 5.0;

/// What a job came to.
#[derive(Debug)]
pub struct Vaulted {
    /// The dataset.
    pub dataset: Dataset,
    /// How the job ended.
    pub end: JobEnd,
    /// Which way its notifications took; `None` where that was never settled.
    pub route: Option<RouteTaken>,
}

impl Vaulted {
    /// The manifest's key.
    pub fn manifest_key(&self) -> &str {
        self.dataset.manifest().map_or("", |entry| &entry.key)
    }
}

/// Refuses a dataset that cannot be, before anything is called.
///
/// # Errors
/// [`Usage`](super::Usage) with what cannot be.
pub fn check(args: &DatasetArgs) -> anyhow::Result<()> {
    of(args).check().map_err(refuse)
}

/// The job that the arguments ask for, on this pipeline.
pub fn spec(args: &DatasetArgs, pipeline: &Pipeline, session: &Session) -> JobSpec {
    JobSpec {
        settling_secs: args.settle.unwrap_or_else(|| settling(session)),
        job_dir_suffix: pipeline.watched.job_dir_suffix.clone(),
        manifest_suffix: pipeline.manifest_suffix.clone(),
        ..of(args)
    }
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

fn of(args: &DatasetArgs) -> JobSpec {
    JobSpec {
        seed: args.seed,
        files: args.files,
        dirs: args.dirs,
        missing: args.missing,
        settling_secs: args.settle.unwrap_or(SETTLING_SECS),
        route: args.route.into(),
        names: if args.hostile_names { Names::Hostile } else { Names::Plain },
        ..JobSpec::default()
    }
}

/// Carries a job out; its steps go into `events`.
///
/// # Errors
/// When the job cannot be done.
pub async fn vault(
    session: &Session,
    pipeline: &Pipeline,
    job: &JobSpec,
    events: mpsc::Sender<FlowEvent>,
    cancel: CancellationToken,
) -> anyhow::Result<Vaulted> {
    let share = Share::of(pipeline.bucket()?, &session.clients.region, &session.account.id);
    let queue_url = pipeline.watched.queue.clone();
    let place = match (&session.emulator, &session.clients.target) {
        (Some(_), _) => Place::Process,
        (None, Target::Aws { .. }) => Place::Aws,
        (None, _) => Place::Endpoint,
    };
    let course = course(&session.clients, &share, job.route, place, queue_url.as_deref(), &pipeline.rules).await?;
    let parts = Parts {
        clients: session.clients.clone(),
        share,
        emulator: session.emulator.clone(),
        clock: session.clock.clone(),
        queue_url,
    };
    let port = Arc::new(Port::new(parts, course));
    let runner = Runner { clock: session.clock.clone(), events, cancel };
    let (dataset, end) = crate::sim::run(runner, job, Arc::clone(&port)).await.map_err(refuse)?;
    Ok(Vaulted { dataset, end, route: port.route() })
}

/// A job that cannot be done was asked for wrongly.
fn refuse(error: JobError) -> anyhow::Error {
    super::Usage(error.to_string()).into()
}
