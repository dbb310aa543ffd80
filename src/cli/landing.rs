//! Datasets on their way from the gateway to their outcome: what is seen meanwhile is folded and told, and what cannot come
//! about any more is given up.

use std::collections::HashMap;
use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::bail;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::clock::real_now;
use crate::model::{ExecutionStatus, FlowEvent, Seen as What, SetId};
use crate::sim::PortError;

use super::job::Vaulted;
use super::output;
use super::pipeline::Pipeline;
use super::progress::{Progress, execution_status};
use super::session::Session;

/// A run is given up when nothing at all is seen for so long, or for four waits of the state machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// A run is given up when nothing answers for so long: an endpoint that is started again is back sooner, and a job that
/// is far from its end would fail of itself.
const OUTAGE_PATIENCE: Duration = Duration::from_secs(15);
/// Once the execution has put its event, the event's line has so long to come; longer than it takes to see that the
/// target brings no events to log groups.
const LOG_PATIENCE: Duration = Duration::from_secs(45);
/// Once the outcome is logged, its execution has so long to be seen to end.
const EXECUTION_PATIENCE: Duration = Duration::from_secs(5);
/// How often a person is told how it goes.
const SAY_EVERY: Duration = Duration::from_secs(1);

/// Carries something out while what is seen on the way is folded.
pub async fn fold<T>(
    work: impl Future<Output = T>,
    events: &mut mpsc::Receiver<FlowEvent>,
    progress: &mut Progress,
) -> T {
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            ended = &mut work => return ended,
            Some(event) = events.recv() => progress.see(&event),
        }
    }
}

/// What is waited on.
pub struct Seen {
    /// What was seen so far.
    pub progress: Progress,
    /// What is seen from now on.
    pub events: mpsc::Receiver<FlowEvent>,
    /// The datasets.
    pub sets: Vec<SetId>,
}

/// Since when a dataset is as it is.
#[derive(Debug, Default)]
struct Since {
    outcome: Option<Instant>,
    failed: Option<Instant>,
    put: Option<Instant>,
}

impl Since {
    /// Whether nothing more is to be waited for.
    fn is_over(&mut self, progress: &Progress, set: &SetId) -> anyhow::Result<bool> {
        let dataset = progress.datasets.get(set);
        let status = dataset.and_then(execution_status);
        let is_over = status.is_some_and(|status| status != ExecutionStatus::Running);
        if dataset.is_some_and(|dataset| dataset.outcome.is_some()) {
            let since = *self.outcome.get_or_insert_with(real_now);
            if is_over || since.elapsed() > EXECUTION_PATIENCE {
                return Ok(true);
            }
        } else if let Some(status) =
            status.filter(|status| !matches!(status, ExecutionStatus::Running | ExecutionStatus::Succeeded))
        {
            // The history is read after the status: what it says of the cause is on its way.
            let since = *self.failed.get_or_insert_with(real_now);
            if progress.failure.is_some() || since.elapsed() > EXECUTION_PATIENCE {
                let cause = progress.failure.as_deref().unwrap_or("its history does not say why");
                bail!("the execution that reconciles dataset {set} ended in {status:?}: {cause}");
            }
        }
        // What is wrong then is said by the report, which knows the rest as well.
        Ok(is_over
            && dataset.is_some_and(|dataset| dataset.event_put.is_some())
            && self.put.get_or_insert_with(real_now).elapsed() > LOG_PATIENCE)
    }
}

/// Four waits of the state machine in real time, or the usual patience, whichever is longer.
fn patience(pipeline: &Pipeline, session: &Session) -> Duration {
    let wait = pipeline.stack.parameter("reconcileWaitIterations").and_then(|text| text.parse().ok()).unwrap_or(30.0);
    let rate = session.clock.reading().rate;
    Duration::try_from_secs_f64(4.0 * wait / rate).unwrap_or(PATIENCE).max(PATIENCE)
}

/// Datasets on their way.
pub struct Landing {
    /// What was seen.
    pub progress: Progress,
    events: mpsc::Receiver<FlowEvent>,
    sets: Vec<SetId>,
    /// Since when each dataset is as it is, as far as that is waited for.
    open: HashMap<SetId, Since>,
    cancel: CancellationToken,
    quiet: bool,
    /// What was said last.
    said: String,
    patience: Duration,
    /// The target, for a person.
    pub target: String,
    stack: String,
}

impl Landing {
    /// What was seen so far, to be waited on.
    pub fn new(seen: Seen, session: &Session, pipeline: &Pipeline, quiet: bool, cancel: CancellationToken) -> Self {
        Self {
            progress: seen.progress,
            events: seen.events,
            sets: seen.sets,
            open: HashMap::new(),
            cancel,
            quiet,
            said: String::new(),
            patience: patience(pipeline, session),
            target: session.clients.target.to_string(),
            stack: pipeline.stack.seen.name.clone(),
        }
    }

    /// Sees what happens until the job has ended.
    ///
    /// # Errors
    /// When the job or the target fails.
    pub async fn until_vaulted(
        &mut self,
        vaulting: impl Future<Output = anyhow::Result<Vaulted>>,
    ) -> anyhow::Result<Vaulted> {
        tokio::pin!(vaulting);
        let mut say = tokio::time::interval(SAY_EVERY);
        loop {
            tokio::select! {
                ended = &mut vaulting => return ended,
                Some(event) = self.events.recv() => self.progress.see(&event),
                _ = say.tick() => self.say(),
            }
            self.check_target("uploaded")?;
        }
    }

    /// `false` when it was interrupted.
    ///
    /// # Errors
    /// When the target is gone, an execution fails, or nothing is seen any more.
    pub async fn until_reconciled(&mut self) -> anyhow::Result<bool> {
        let mut say = tokio::time::interval(SAY_EVERY);
        let waiting_since = real_now();
        self.open = self.sets.iter().map(|set| (set.clone(), Since::default())).collect();
        loop {
            let may_end = tokio::select! {
                () = self.cancel.cancelled() => return Ok(false),
                event = self.events.recv() => match event {
                    Some(event) => {
                        self.progress.see(&event);
                        matches!(event.what, What::Execution(_) | What::History(_) | What::Log(_) | What::Source(_))
                    }
                    None => bail!("every source of events ended while {} was waited for", self.name()),
                },
                _ = say.tick() => {
                    self.say();
                    true
                }
            };
            if !may_end {
                continue;
            }
            self.check_target("reconciled")?;
            let mut open = std::mem::take(&mut self.open);
            let mut over = Vec::new();
            for (set, since) in &mut open {
                if since.is_over(&self.progress, set)? {
                    over.push(set.clone());
                }
            }
            open.retain(|set, _| !over.contains(set));
            self.open = open;
            if self.open.is_empty() {
                return Ok(true);
            }
            if self.open.values().any(|since| since.put.is_some()) {
                continue;
            }
            let last = self.progress.last_seen.unwrap_or(waiting_since).max(waiting_since);
            if last.elapsed() > self.patience {
                let trouble = self.progress.trouble.as_deref().unwrap_or("no source of events reports a fault");
                bail!(
                    "nothing was seen of {} for {} s ({}; {trouble}): it is given up",
                    self.name(),
                    self.patience.as_secs(),
                    self.sentence()
                );
            }
        }
    }

    /// Sees nothing any more: whoever tells is not kept waiting.
    pub fn close(&mut self) {
        self.events.close();
        while self.events.try_recv().is_ok() {}
    }

    /// The datasets, for a person.
    fn name(&self) -> String {
        match self.sets.as_slice() {
            [set] => format!("dataset {set}"),
            sets => format!("{} datasets", sets.len()),
        }
    }

    fn reached(&self) -> String {
        match self.sets.as_slice() {
            [set] => self.progress.reached(set),
            sets => self.progress.reached_of(sets),
        }
    }

    fn sentence(&self) -> String {
        match self.sets.as_slice() {
            [set] => self.progress.sentence(set),
            sets => self.progress.sentence_of(sets),
        }
    }

    /// Gives up when the target is gone, or what was deployed there.
    fn check_target(&self, done: &str) -> anyhow::Result<()> {
        let Self { progress, target, stack, .. } = self;
        if progress.lost_stack.is_some() {
            bail!(
                "stack {stack} is gone from {target} while {} was {done} ({}); `vaultscope run` deploys it anew",
                self.name(),
                self.reached()
            );
        }
        match progress.outage() {
            Some((since, cause)) if since.elapsed() > OUTAGE_PATIENCE => {
                bail!("{}", self.outage_sentence(done, cause))
            }
            _ => Ok(()),
        }
    }

    fn outage_sentence(&self, done: &str, cause: &str) -> String {
        let Self { target, stack, .. } = self;
        format!(
            "{target} stopped answering while {} was {done} ({}; {cause}); once it answers again, `vaultscope run` goes on with stack {stack} as it stands there",
            self.name(),
            self.reached()
        )
    }

    /// Why the job ended early, for a person.
    pub fn could_not_be_vaulted(&self, error: &PortError) -> String {
        match self.progress.outage() {
            Some(_) => self.outage_sentence("uploaded", &error.message),
            None => {
                format!("{} could not be vaulted ({}): {error}", self.name(), self.reached())
            }
        }
    }

    fn say(&mut self) {
        let is_of = |set| self.progress.datasets.get(set).is_some_and(|dataset| dataset.uploaded > 0);
        let is_begun = self.sets.iter().any(is_of);
        if self.quiet || !is_begun {
            return;
        }
        let sentence = match self.progress.outage() {
            Some((_, cause)) => format!("{} does not answer: {cause}", self.target),
            None => self.sentence(),
        };
        if sentence != self.said {
            output::remark(&sentence);
            self.said = sentence;
        }
    }
}
