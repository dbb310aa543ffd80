//! Carries a plan out: on a clock, against a port, with as many calls at a time as the gateway has uploads.
//!
//! One loop owns all state. A step is taken when its time has come; puts of one entry follow each other; a notification
//! whose upload is not done yet waits for it. What the port refuses for the moment is tried again with growing pauses.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::dataset::{Dataset, EntryKind};
use super::job::{JobError, JobSpec};
use super::notification::Notification;
use super::plan::{Action, Plan, Step};
use super::port::{GatewayPort, ObjectPut, PortError};
use crate::clock::Clock;
use crate::model::{FlowEvent, GatewayStep, GatewayStepKind, JobReport, JobState, RouteTaken, Seen, Timestamp};

/// Notifications of one call: what `PutEvents` takes.
const BATCH: usize = 10;
/// Notification calls at a time.
const MOST_NOTIFYING: usize = 4;
/// Tries of one call before the job is given up.
const MOST_TRIES: u32 = 8;
/// The pause before the second try; it doubles with each one.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEnd {
    /// Everything was uploaded and announced.
    Finished,
    /// It was cancelled.
    Cancelled,
    /// The port failed for good.
    Failed(PortError),
}

/// What a job runs with.
#[derive(Debug, Clone)]
pub struct Runner {
    /// The clock of the plan.
    pub clock: Clock,
    /// Where steps are reported.
    pub events: mpsc::Sender<FlowEvent>,
    /// Ends the job early.
    pub cancel: CancellationToken,
}

/// Makes the dataset of `job` and carries its plan out against `port`.
///
/// # Errors
/// When the job cannot be done; how a job that began ended is in the answer.
pub async fn run<P: GatewayPort>(runner: Runner, job: &JobSpec, port: Arc<P>) -> Result<(Dataset, JobEnd), JobError> {
    let dataset = Dataset::of(job)?;
    let plan = Plan::of(job, &dataset);
    let mut work = Work {
        start: runner.clock.now(),
        dataset: &dataset,
        port,
        uploaders: job.upload_workers.clamp(1, 256) as usize,
        seed: job.seed,
        puts: JoinSet::new(),
        put_queue: VecDeque::new(),
        putting: HashMap::new(),
        puts_left: HashMap::new(),
        due_after_put: HashSet::new(),
        written: HashMap::new(),
        notifying: JoinSet::new(),
        due: VecDeque::new(),
        route: None,
        runner,
    };
    work.report(JobState::Started).await;
    let end = work.carry_out(&plan).await;
    let state = match &end {
        JobEnd::Finished => JobState::Finished,
        JobEnd::Cancelled => JobState::Failed { problem: "the job was cancelled".to_owned() },
        JobEnd::Failed(error) => JobState::Failed { problem: error.to_string() },
    };
    work.report(state).await;
    Ok((dataset, end))
}

/// A put that ended: the entry, whether all of it stands in the bucket now, and its bytes.
type PutEnd = Result<(usize, bool, u64), PortError>;

struct Work<'a, P> {
    runner: Runner,
    dataset: &'a Dataset,
    port: Arc<P>,
    start: Timestamp,
    uploaders: usize,
    seed: u64,
    puts: JoinSet<PutEnd>,
    /// Puts that wait for a free uploader: the entry, and the bytes of a partial one.
    put_queue: VecDeque<(usize, Option<u64>)>,
    /// Entries that are being put, with the puts that wait behind.
    putting: HashMap<usize, VecDeque<Option<u64>>>,
    /// Whole uploads of an entry that were due and are not done.
    puts_left: HashMap<usize, u32>,
    /// Entries whose notification was due before their upload was done.
    due_after_put: HashSet<usize>,
    written: HashMap<usize, Timestamp>,
    notifying: JoinSet<Result<Vec<Notification>, PortError>>,
    due: VecDeque<Notification>,
    /// The way as it was reported last.
    route: Option<RouteTaken>,
}

impl<P: GatewayPort> Work<'_, P> {
    async fn carry_out(&mut self, plan: &Plan) -> JobEnd {
        let mut steps = plan.steps.iter().copied().peekable();
        let cancel = self.runner.cancel.clone();
        let clock = self.runner.clock.clone();
        loop {
            let now = clock.now();
            while let Some(step) = steps.next_if(|step| self.start + step.at <= now) {
                self.take(step).await;
            }
            self.start_puts();
            self.start_notifying();
            let next = steps.peek().map(|step| self.start + step.at);
            if next.is_none() && self.puts.is_empty() && self.notifying.is_empty() {
                return JobEnd::Finished;
            }
            tokio::select! {
                () = cancel.cancelled() => return JobEnd::Cancelled,
                Some(ended) = self.puts.join_next() => match ended {
                    Ok(Ok(put)) => self.put_ended(put).await,
                    Ok(Err(error)) => return JobEnd::Failed(error),
                    Err(error) => return JobEnd::Failed(broken(&error)),
                },
                Some(ended) = self.notifying.join_next() => match ended {
                    Ok(Ok(sent)) => self.notified(sent).await,
                    Ok(Err(error)) => return JobEnd::Failed(error),
                    Err(error) => return JobEnd::Failed(broken(&error)),
                },
                () = async { clock.sleep_until(next.unwrap_or(now)).await }, if next.is_some() => {}
            }
        }
    }

    async fn take(&mut self, step: Step) {
        match step.action {
            Action::Write => {
                self.written.insert(step.entry, self.start + step.at);
                let size = self.dataset.entries[step.entry].content.size();
                self.tell(step.entry, GatewayStepKind::Written, size).await;
            }
            Action::PartialUpload(bytes) => self.put_queue.push_back((step.entry, Some(bytes))),
            Action::Upload => {
                *self.puts_left.entry(step.entry).or_default() += 1;
                self.put_queue.push_back((step.entry, None));
            }
            Action::Notify if self.puts_left.contains_key(&step.entry) => {
                self.due_after_put.insert(step.entry);
            }
            Action::Notify => self.announce(step.entry),
        }
    }

    fn announce(&mut self, entry: usize) {
        let Some(of) = self.dataset.entries.get(entry) else { return };
        self.due.push_back(Notification {
            object_key: of.key.to_string(),
            object_size: if of.kind == EntryKind::Directory { 0 } else { of.content.size() },
            modified: self.written.get(&entry).copied().unwrap_or_else(|| self.runner.clock.now()),
        });
    }

    fn start_puts(&mut self) {
        while self.puts.len() < self.uploaders {
            let Some((entry, partial)) = self.put_queue.pop_front() else { return };
            if let Some(behind) = self.putting.get_mut(&entry) {
                behind.push_back(partial);
            } else {
                self.putting.insert(entry, VecDeque::new());
                self.spawn_put(entry, partial);
            }
        }
    }

    fn spawn_put(&mut self, entry: usize, partial: Option<u64>) {
        let of = &self.dataset.entries[entry];
        let mut content = of.content.clone();
        if let (Some(bytes), super::Content::Random { size, .. }) = (partial, &mut content) {
            *size = bytes;
        }
        let bytes = content.size();
        let put = ObjectPut { key: of.object_key(), content };
        let port = Arc::clone(&self.port);
        let mut pauses = Pauses::new(self.seed ^ entry as u64);
        self.puts.spawn(async move {
            loop {
                match port.put_object(put.clone()).await {
                    Ok(()) => return Ok((entry, partial.is_none(), bytes)),
                    Err(error) => pauses.before_another_try(error).await?,
                }
            }
        });
    }

    async fn put_ended(&mut self, (entry, is_whole, bytes): (usize, bool, u64)) {
        let behind = self.putting.get_mut(&entry).and_then(VecDeque::pop_front);
        match behind {
            Some(partial) => self.spawn_put(entry, partial),
            None => {
                self.putting.remove(&entry);
            }
        }
        let step = if is_whole { GatewayStepKind::Uploaded } else { GatewayStepKind::PartialUploaded };
        self.tell(entry, step, bytes).await;
        if !is_whole {
            return;
        }
        if let Some(left) = self.puts_left.get_mut(&entry) {
            *left -= 1;
            if *left == 0 {
                self.puts_left.remove(&entry);
                if self.due_after_put.remove(&entry) {
                    self.announce(entry);
                }
            }
        }
    }

    fn start_notifying(&mut self) {
        while !self.due.is_empty() && self.notifying.len() < MOST_NOTIFYING {
            let batch: Vec<Notification> = self.due.drain(..self.due.len().min(BATCH)).collect();
            let port = Arc::clone(&self.port);
            let mut pauses = Pauses::new(self.seed ^ batch.len() as u64);
            self.notifying.spawn(async move {
                let mut waiting = batch.clone();
                loop {
                    let error = match port.notify(&waiting).await {
                        Ok(refused) if refused.is_empty() => return Ok(batch),
                        Ok(refused) => {
                            let all = std::mem::take(&mut waiting);
                            let left = refused.iter().filter_map(|at| all.get(*at).cloned());
                            waiting = left.collect();
                            let message = format!("{} notifications were refused by the event bus", waiting.len());
                            PortError { message, retryable: true }
                        }
                        Err(error) => error,
                    };
                    pauses.before_another_try(error).await?;
                }
            });
        }
    }

    async fn notified(&mut self, sent: Vec<Notification>) {
        let at = self.runner.clock.now();
        for notification in sent {
            let step = GatewayStep {
                set_id: self.dataset.set_id.clone(),
                step: GatewayStepKind::Notified,
                object_key: notification.object_key,
                object_size: notification.object_size,
            };
            self.send(at, Seen::Gateway(step)).await;
        }
        if self.port.route() != self.route {
            self.report(JobState::Started).await;
        }
    }

    async fn tell(&self, entry: usize, step: GatewayStepKind, object_size: u64) {
        let object_key = self.dataset.entries[entry].key.to_string();
        let step = GatewayStep { set_id: self.dataset.set_id.clone(), step, object_key, object_size };
        self.send(self.runner.clock.now(), Seen::Gateway(step)).await;
    }

    async fn report(&mut self, state: JobState) {
        self.route = self.port.route();
        let report = JobReport {
            set_id: self.dataset.set_id.clone(),
            keys: self.dataset.entries.len() as u64,
            bytes: self.dataset.bytes(),
            state,
            route: self.route.clone(),
        };
        self.send(self.runner.clock.now(), Seen::Job(report)).await;
    }

    async fn send(&self, at: Timestamp, what: Seen) {
        // Nobody listens any more: the job itself goes on.
        let _ = self.runner.events.send(FlowEvent { at, what }).await;
    }
}

fn broken(error: &tokio::task::JoinError) -> PortError {
    PortError { message: format!("a call of the simulated gateway broke: {error}"), retryable: false }
}

/// Growing pauses with jitter between the tries of one call, in real time: the other side is a server.
struct Pauses {
    tries: u32,
    rng: StdRng,
}

impl Pauses {
    fn new(seed: u64) -> Self {
        Self { tries: 1, rng: StdRng::seed_from_u64(seed) }
    }

    async fn before_another_try(&mut self, error: PortError) -> Result<(), PortError> {
        if !error.retryable || self.tries >= MOST_TRIES {
            return Err(error);
        }
        let longest = FIRST_PAUSE * 2_u32.pow(self.tries - 1);
        self.tries += 1;
        tokio::time::sleep(longest.mul_f64(self.rng.random_range(0.5..1.0))).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::model::Route;

    /// A bucket and a bus in memory; every third call fails once.
    #[derive(Default)]
    struct Memory {
        calls: Mutex<u32>,
        fails_for_good: bool,
        objects: Mutex<HashMap<String, Vec<u64>>>,
        notified: Mutex<Vec<String>>,
    }

    impl Memory {
        fn fails(&self) -> Result<(), PortError> {
            let mut calls = self.calls.lock().expect("no panic before");
            *calls += 1;
            let error = |retryable| PortError { message: "busy".to_owned(), retryable };
            match (self.fails_for_good, calls.is_multiple_of(3)) {
                (true, _) => Err(error(false)),
                (false, true) => Err(error(true)),
                (false, false) => Ok(()),
            }
        }
    }

    impl GatewayPort for Memory {
        async fn put_object(&self, put: ObjectPut) -> Result<(), PortError> {
            self.fails()?;
            let size = put.content.whole().len() as u64;
            self.objects.lock().expect("no panic before").entry(put.key).or_default().push(size);
            Ok(())
        }

        async fn notify(&self, batch: &[Notification]) -> Result<Vec<usize>, PortError> {
            assert!(batch.len() <= BATCH);
            self.fails()?;
            let refused = usize::from(batch.len() > 3);
            let accepted = batch.iter().skip(refused).map(|sent| sent.object_key.clone());
            self.notified.lock().expect("no panic before").extend(accepted);
            Ok((0..refused).collect())
        }

        fn route(&self) -> Option<RouteTaken> {
            let is_known = !self.notified.lock().expect("no panic before").is_empty();
            is_known.then(|| RouteTaken { way: Route::Own, reason: "it is a test".to_owned() })
        }
    }

    async fn run_job(job: &JobSpec, port: &Arc<Memory>) -> (Dataset, JobEnd, Vec<FlowEvent>) {
        let clock = Clock::starting_at(Timestamp::from_secs(0));
        clock.set_rate(10_000.0).expect("a rate in range");
        let (events, mut seen) = mpsc::channel(16);
        let runner = Runner { clock, events, cancel: CancellationToken::new() };
        let reader = tokio::spawn(async move {
            let mut all = Vec::new();
            while let Some(event) = seen.recv().await {
                all.push(event);
            }
            all
        });
        let (dataset, end) = run(runner, job, Arc::clone(port)).await.expect("a job that can be done");
        (dataset, end, reader.await.expect("the reader ends"))
    }

    #[tokio::test]
    async fn every_entry_is_put_whole_and_announced_in_spite_of_failures() {
        let job = JobSpec { files: 60, dirs: 3, missing: 2, settling_secs: 1.0, ..JobSpec::default() };
        let port = Arc::new(Memory::default());
        let (dataset, end, events) = run_job(&job, &port).await;
        assert_eq!(end, JobEnd::Finished);
        let objects = port.objects.lock().expect("no panic before");
        let mut expected = Vec::new();
        for entry in dataset.entries.iter().filter(|entry| !entry.is_missing) {
            let sizes = &objects[&entry.object_key()];
            assert_eq!(sizes.last(), Some(&entry.content.size()), "{}", entry.key);
            expected.push(entry.key.to_string());
        }
        assert_eq!(objects.len(), expected.len());
        assert!(objects.values().any(|sizes| sizes.len() == 2), "no partial object was put first");
        let mut notified = port.notified.lock().expect("no panic before").clone();
        notified.sort();
        expected.sort();
        assert_eq!(notified, expected);
        let reports: Vec<(&JobState, Option<Route>)> = events
            .iter()
            .filter_map(|event| if let Seen::Job(job) = &event.what { Some(job) } else { None })
            .map(|job| (&job.state, job.route.as_ref().map(|route| route.way)))
            .collect();
        let own = Some(Route::Own);
        // The way is told as soon as it is known, and once.
        assert_eq!(reports, [(&JobState::Started, None), (&JobState::Started, own), (&JobState::Finished, own)]);
    }

    #[tokio::test]
    async fn a_port_that_fails_for_good_ends_the_job_with_its_words() {
        let port = Arc::new(Memory { fails_for_good: true, ..Memory::default() });
        let (_, end, events) = run_job(&JobSpec::default(), &port).await;
        assert_eq!(end, JobEnd::Failed(PortError { message: "busy".to_owned(), retryable: false }));
        let failed = |event: &FlowEvent| matches!(&event.what, Seen::Job(JobReport { state: JobState::Failed { problem }, .. }) if problem == "busy");
        assert!(events.last().is_some_and(failed));
    }

    #[tokio::test]
    async fn a_cancelled_job_ends_at_once() {
        let clock = Clock::starting_at(Timestamp::from_secs(0));
        clock.pause();
        let (events, _seen) = mpsc::channel(10_000);
        let cancel = CancellationToken::new();
        cancel.cancel();
        let runner = Runner { clock, events, cancel };
        let (_, end) = run(runner, &JobSpec::default(), Arc::new(Memory::default())).await.expect("a job");
        assert_eq!(end, JobEnd::Cancelled);
    }
}
