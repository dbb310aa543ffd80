//! A job of the simulated gateway against a deployed pipeline.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::model::FlowEvent;
use crate::sim::{Dataset, JobEnd, JobError, JobSpec, Names, Runner, Share};

use super::args::DatasetArgs;
use super::gateway_port::Port;
use super::pipeline::Pipeline;
use super::session::Session;

/// What a job came to.
#[derive(Debug)]
pub struct Vaulted {
    /// The dataset.
    pub dataset: Dataset,
    /// How the job ended.
    pub end: JobEnd,
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
pub fn spec(args: &DatasetArgs, pipeline: &Pipeline) -> JobSpec {
    JobSpec {
        job_dir_suffix: pipeline.watched.job_dir_suffix.clone(),
        manifest_suffix: pipeline.manifest_suffix.clone(),
        ..of(args)
    }
}

fn of(args: &DatasetArgs) -> JobSpec {
    JobSpec {
        seed: args.seed,
        files: args.files,
        dirs: args.dirs,
        missing: args.missing,
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
    let port = Port::new(session.clients.clone(), share, session.emulator.clone());
    let runner = Runner { clock: session.clock.clone(), events, cancel };
    let (dataset, end) = crate::sim::run(runner, job, Arc::new(port)).await.map_err(refuse)?;
    Ok(Vaulted { dataset, end })
}

/// A job that cannot be done was asked for wrongly.
fn refuse(error: JobError) -> anyhow::Error {
    super::Usage(error.to_string()).into()
}
