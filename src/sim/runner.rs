//! Lets a gateway run: on a clock, against a port, with as many calls at a time as it has uploads.
//!
//! One loop owns all state. A step is taken when its time has come; puts of one file follow each other; a notification
//! whose upload is not done yet waits for it. Where the gateway is strict, later ones wait behind it, so that the other
//! side sees them in the order of the plan. What the port refuses for the moment is tried again with growing pauses. The
//! user of a [`Control`] may hold the gateway: then its own time stands still, whatever the clock does.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::control::{Control, Wanted};
use super::dataset::{Dataset, EntryKind};
use super::engine::{Action, Engine, File, Step, Tally};
use super::job::JobError;
use super::load::Load;
use super::port::{GatewayPort, ObjectPut, PortError};
use crate::clock::Clock;
use crate::model::{
    FlowEvent, GatewayState, GatewayStep, GatewayStepKind, JobReport, JobState, Notification, RouteTaken, Seen,
    Timestamp,
};

/// Notifications of one call: what `PutEvents` takes.
const BATCH: usize = 10;
/// Notification calls at a time.
const MOST_NOTIFYING: usize = 4;
/// Tries of one call before the job is given up.
const MOST_TRIES: u32 = 8;
/// The pause before the second try; it doubles with each one.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// How often it is told what the gateway is in the middle of, in real time.
const TELL_EVERY: Duration = Duration::from_millis(200);

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
    /// What the user wants of the gateway meanwhile.
    pub control: Control,
}

/// What a load came to.
#[derive(Debug)]
pub struct Outcome {
    /// The datasets, one a job.
    pub datasets: Vec<Dataset>,
    /// How it ended.
    pub end: JobEnd,
    /// What happened in all.
    pub tally: Tally,
}

/// Makes the datasets of `load` and lets its gateway run against `port`.
///
/// # Errors
/// When the load cannot be done; how one that began ended is in the answer.
pub async fn run<P: GatewayPort>(runner: Runner, load: &Load, port: Arc<P>) -> Result<Outcome, JobError> {
    let datasets = load.datasets()?;
    let mut work = Work {
        start: runner.clock.now(),
        held_at: None,
        wanted: Wanted::default(),
        told: None,
        engine: Engine::new(load, &datasets),
        datasets: &datasets,
        port,
        uploaders: load.gateway.upload_workers.clamp(1, 256) as usize,
        is_strict: load.gateway.strict,
        seed: load.seed(),
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
    work.report(&JobState::Started).await;
    let end = work.carry_out().await;
    work.tell_state().await;
    let state = match &end {
        JobEnd::Finished => JobState::Finished,
        JobEnd::Cancelled => JobState::Failed { problem: "the job was cancelled".to_owned() },
        JobEnd::Failed(error) => JobState::Failed { problem: error.to_string() },
    };
    work.report(&state).await;
    let tally = work.engine.tally();
    Ok(Outcome { datasets, end, tally })
}

/// A put that ended: the file, whether all of it stands in the bucket now, and its bytes.
type PutEnd = Result<(File, bool, u64), PortError>;

struct Work<'a, P> {
    runner: Runner,
    engine: Engine<'a>,
    datasets: &'a [Dataset],
    port: Arc<P>,
    /// When the gateway's own time began; it moves on while the gateway is held.
    start: Timestamp,
    /// The gateway's own time while it is held.
    held_at: Option<Duration>,
    /// What was wanted when it was looked at last.
    wanted: Wanted,
    told: Option<GatewayState>,
    uploaders: usize,
    is_strict: bool,
    seed: u64,
    puts: JoinSet<PutEnd>,
    /// Puts that wait for a free uploader: the file, and the bytes of a partial one.
    put_queue: VecDeque<(File, Option<u64>)>,
    /// Files that are being put, with the puts that wait behind.
    putting: HashMap<File, VecDeque<Option<u64>>>,
    /// Whole uploads of a file that were due and are not done.
    puts_left: HashMap<File, u32>,
    /// Files whose notification was due before their upload was done.
    due_after_put: HashSet<File>,
    written: HashMap<File, Timestamp>,
    notifying: JoinSet<Result<Vec<(File, Notification)>, PortError>>,
    /// Files to announce.
    due: VecDeque<File>,
    /// The way as it was reported last.
    route: Option<RouteTaken>,
}

impl<P: GatewayPort> Work<'_, P> {
    async fn carry_out(&mut self) -> JobEnd {
        let cancel = self.runner.cancel.clone();
        let clock = self.runner.clock.clone();
        let mut wanted = self.runner.control.listen();
        let mut beat = tokio::time::interval(TELL_EVERY);
        self.obey(&mut wanted).await;
        loop {
            if self.held_at.is_none() {
                let until = self.time();
                while let Some(step) = self.engine.next_until(until) {
                    self.take(step).await;
                }
            }
            self.start_puts();
            self.start_notifying();
            let next = self.engine.next_at();
            let is_idle = self.puts.is_empty() && self.notifying.is_empty() && self.due.is_empty();
            if is_idle && self.put_queue.is_empty() && self.engine.is_over() {
                return self.ended();
            }
            let next = next.filter(|_| self.held_at.is_none()).map(|at| self.start + at);
            tokio::select! {
                () = cancel.cancelled() => return JobEnd::Cancelled,
                Ok(()) = wanted.changed() => self.obey(&mut wanted).await,
                _ = beat.tick() => self.tell_state().await,
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
                () = async { clock.sleep_until(next.unwrap_or_default()).await }, if next.is_some() => {}
            }
        }
    }

    fn ended(&self) -> JobEnd {
        if !self.engine.is_stuck() {
            return JobEnd::Finished;
        }
        let cache = self.engine.state(self.time()).cache;
        let message = format!(
            "clients wait for ever: the cache of {} bytes is full of {} bytes whose uploads never complete; make it larger",
            cache.capacity.unwrap_or_default(),
            cache.dirty
        );
        JobEnd::Failed(PortError { message, retryable: false })
    }

    /// The gateway's own time.
    fn time(&self) -> Duration {
        self.held_at.unwrap_or_else(|| self.runner.clock.now().since(self.start).unwrap_or_default())
    }

    /// Does what the user wants anew.
    async fn obey(&mut self, wanted: &mut watch::Receiver<Wanted>) {
        let new = *wanted.borrow_and_update();
        let old = std::mem::replace(&mut self.wanted, new);
        let time = self.time();
        if new.is_paused && self.held_at.is_none() {
            self.held_at = Some(time);
        }
        if let Some(order) = new.order.filter(|_| new.order != old.order) {
            self.engine.set_order(order);
        }
        #[expect(clippy::float_cmp, reason = "it is asked whether the same number was given again")]
        if new.speed != old.speed {
            self.engine.set_speed(time, new.speed);
        }
        if let Some(is_online) = new.is_online.filter(|_| new.is_online != old.is_online) {
            self.engine.set_online(time, is_online);
        }
        for _ in old.steps..new.steps {
            if let Some(step) = self.engine.next_until(Duration::MAX) {
                self.held_at = self.held_at.max(Some(step.at));
                self.take(step).await;
            }
        }
        if let Some(time) = self.held_at.filter(|_| !new.is_paused) {
            self.start = self.runner.clock.now().minus(time);
            self.held_at = None;
        }
        self.tell_state().await;
    }

    async fn take(&mut self, step: Step) {
        match step.action {
            Action::Write(file) => {
                let at = if self.held_at.is_some() { self.runner.clock.now() } else { self.start + step.at };
                self.written.insert(file, at);
                let size = self.entry(file).content.size();
                self.tell(file, GatewayStepKind::Written, size).await;
            }
            Action::PartialUpload(file, bytes) => self.put_queue.push_back((file, Some(bytes))),
            Action::Upload(file) => {
                *self.puts_left.entry(file).or_default() += 1;
                self.put_queue.push_back((file, None));
            }
            Action::Notify(file) if !self.is_strict && self.puts_left.contains_key(&file) => {
                self.due_after_put.insert(file);
            }
            Action::Notify(file) => self.due.push_back(file),
            Action::Offline | Action::Online | Action::Blocked(_) | Action::Stalled(_) => self.tell_state().await,
        }
    }

    fn entry(&self, file: File) -> &super::dataset::Entry {
        &self.datasets[file.set].entries[file.entry]
    }

    fn notification(&self, file: File) -> Notification {
        let of = self.entry(file);
        Notification {
            object_key: of.key.to_string(),
            object_size: if of.kind == EntryKind::Directory { 0 } else { of.content.size() },
            modified: self.written.get(&file).copied().unwrap_or_else(|| self.runner.clock.now()),
        }
    }

    fn start_puts(&mut self) {
        while self.puts.len() < self.uploaders {
            let Some((file, partial)) = self.put_queue.pop_front() else { return };
            if let Some(behind) = self.putting.get_mut(&file) {
                behind.push_back(partial);
            } else {
                self.putting.insert(file, VecDeque::new());
                self.spawn_put(file, partial);
            }
        }
    }

    fn spawn_put(&mut self, file: File, partial: Option<u64>) {
        let of = self.entry(file);
        let mut content = of.content.clone();
        if let (Some(bytes), super::Content::Random { size, .. }) = (partial, &mut content) {
            *size = bytes;
        }
        let bytes = content.size();
        let put = ObjectPut { key: of.object_key(), content };
        let port = Arc::clone(&self.port);
        let mut pauses = Pauses::new(self.seed ^ file.entry as u64);
        self.puts.spawn(async move {
            loop {
                match port.put_object(put.clone()).await {
                    Ok(()) => return Ok((file, partial.is_none(), bytes)),
                    Err(error) => pauses.before_another_try(error).await?,
                }
            }
        });
    }

    async fn put_ended(&mut self, (file, is_whole, bytes): (File, bool, u64)) {
        let behind = self.putting.get_mut(&file).and_then(VecDeque::pop_front);
        match behind {
            Some(partial) => self.spawn_put(file, partial),
            None => {
                self.putting.remove(&file);
            }
        }
        let step = if is_whole { GatewayStepKind::Uploaded } else { GatewayStepKind::PartialUploaded };
        self.tell(file, step, bytes).await;
        if !is_whole {
            return;
        }
        if let Some(left) = self.puts_left.get_mut(&file) {
            *left -= 1;
            if *left == 0 {
                self.puts_left.remove(&file);
                if self.due_after_put.remove(&file) {
                    self.due.push_back(file);
                }
            }
        }
    }

    fn start_notifying(&mut self) {
        let at_a_time = if self.is_strict { 1 } else { MOST_NOTIFYING };
        while self.notifying.len() < at_a_time {
            let ready = self.due.iter().take(BATCH).take_while(|file| !self.puts_left.contains_key(file)).count();
            if ready == 0 {
                return;
            }
            let files: Vec<File> = self.due.drain(..ready).collect();
            let batch: Vec<Notification> = files.iter().map(|file| self.notification(*file)).collect();
            let port = Arc::clone(&self.port);
            let mut pauses = Pauses::new(self.seed ^ batch.len() as u64);
            self.notifying.spawn(async move {
                let mut waiting = batch.clone();
                loop {
                    let error = match port.notify(&waiting).await {
                        Ok(refused) if refused.is_empty() => return Ok(files.into_iter().zip(batch).collect()),
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

    async fn notified(&mut self, sent: Vec<(File, Notification)>) {
        let at = self.runner.clock.now();
        for (file, notification) in sent {
            let step = GatewayStep {
                set_id: self.datasets[file.set].set_id.clone(),
                step: GatewayStepKind::Notified,
                object_key: notification.object_key,
                object_size: notification.object_size,
                modified: Some(notification.modified),
            };
            self.send(at, Seen::Gateway(step)).await;
        }
        if self.port.route() != self.route {
            self.report(&JobState::Started).await;
        }
    }

    async fn tell(&self, file: File, step: GatewayStepKind, object_size: u64) {
        let object_key = self.entry(file).key.to_string();
        let set_id = self.datasets[file.set].set_id.clone();
        let step = GatewayStep { set_id, step, object_key, object_size, modified: None };
        self.send(self.runner.clock.now(), Seen::Gateway(step)).await;
    }

    /// Tells what the gateway is in the middle of, where that has changed.
    async fn tell_state(&mut self) {
        let behind = self.puts.len() + self.put_queue.len() + self.notifying.len() + self.due.len();
        let is_over = self.engine.is_over() && behind == 0;
        let is_paused = self.held_at.is_some();
        let state = GatewayState { is_paused, is_over, behind: behind as u64, ..self.engine.state(self.time()) };
        if self.told.as_ref() != Some(&state) {
            self.told = Some(state.clone());
            self.send(self.runner.clock.now(), Seen::GatewayState(state)).await;
        }
    }

    async fn report(&mut self, state: &JobState) {
        self.route = self.port.route();
        for set in self.datasets {
            let report = JobReport {
                set_id: set.set_id.clone(),
                keys: set.entries.len() as u64,
                bytes: set.bytes(),
                state: state.clone(),
                route: self.route.clone(),
            };
            self.send(self.runner.clock.now(), Seen::Job(report)).await;
        }
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
    use crate::sim::gateway::{GatewaySpec, Offline};
    use crate::sim::job::JobSpec;

    /// A bucket and a bus in memory; every third call fails once.
    #[derive(Default)]
    struct Memory {
        calls: Mutex<u32>,
        fails_for_good: bool,
        /// No batch is refused in part.
        is_whole: bool,
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
            let refused = usize::from(batch.len() > 3 && !self.is_whole);
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
        let gateway = GatewaySpec { settling_secs: 1.0, ..GatewaySpec::default() };
        let (mut outcome, events) = run_load(&Load::of(job.clone(), gateway), port, Control::default()).await;
        (outcome.datasets.remove(0), outcome.end, events)
    }

    async fn run_load(load: &Load, port: &Arc<Memory>, control: Control) -> (Outcome, Vec<FlowEvent>) {
        let clock = Clock::starting_at(Timestamp::from_secs(0));
        clock.set_rate(10_000.0).expect("a rate in range");
        let (events, mut seen) = mpsc::channel(16);
        let runner = Runner { clock, events, cancel: CancellationToken::new(), control };
        let reader = tokio::spawn(async move {
            let mut all = Vec::new();
            while let Some(event) = seen.recv().await {
                all.push(event);
            }
            all
        });
        let outcome = run(runner, load, Arc::clone(port)).await.expect("a load that can be done");
        (outcome, reader.await.expect("the reader ends"))
    }

    #[tokio::test]
    async fn every_entry_is_put_whole_and_announced_in_spite_of_failures() {
        let job = JobSpec { files: 60, dirs: 3, missing: 2, ..JobSpec::default() };
        let port = Arc::new(Memory::default());
        let (dataset, end, events) = run_job(&job, &port).await;
        assert_eq!(end, JobEnd::Finished);
        let objects = port.objects.lock().expect("no panic before");
        let mut expected = Vec::new();
        for entry in dataset.entries.iter().filter(|entry| !entry.is_missing()) {
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
        let runner = Runner { clock, events, cancel, control: Control::default() };
        let load = Load::of(JobSpec::default(), GatewaySpec::default());
        let outcome = run(runner, &load, Arc::new(Memory::default())).await.expect("a job");
        assert_eq!(outcome.end, JobEnd::Cancelled);
    }

    #[tokio::test]
    async fn a_strict_gateway_announces_in_the_order_of_its_plan_whatever_fails() {
        let job = |seed| JobSpec { seed, files: 40, rewrites: 5, duplicates: 5, ..JobSpec::default() };
        let offline = vec![Offline { from_secs: 1.0, for_secs: 30.0 }];
        let gateway = GatewaySpec { strict: true, settling_secs: 3.0, offline, ..GatewaySpec::default() };
        let load = Load { jobs: vec![job(1), job(2)], gateway };
        let sets = load.datasets().expect("a load that can be done");
        let steps = crate::sim::Plan::of(&load, &sets).steps;
        let planned: Vec<String> = steps
            .iter()
            .filter_map(|step| if let Action::Notify(file) = step.action { Some(file) } else { None })
            .map(|file| sets[file.set].entries[file.entry].key.to_string())
            .collect();
        for _ in 0..2 {
            let port = Arc::new(Memory { is_whole: true, ..Memory::default() });
            let (outcome, _) = run_load(&load, &port, Control::default()).await;
            assert_eq!(outcome.end, JobEnd::Finished);
            assert_eq!(*port.notified.lock().expect("no panic before"), planned);
        }
    }

    #[tokio::test]
    async fn a_held_gateway_stands_still_takes_single_steps_and_goes_on() {
        let clock = Clock::starting_at(Timestamp::from_secs(0));
        clock.set_rate(10_000.0).expect("a rate in range");
        let (events, mut seen) = mpsc::channel(10_000);
        let control = Control::default();
        control.pause(true);
        let runner = Runner { clock, events, cancel: CancellationToken::new(), control: control.clone() };
        let port = Arc::new(Memory::default());
        let running = tokio::spawn({
            let port = Arc::clone(&port);
            async move {
                run(
                    runner,
                    &Load::of(JobSpec { files: 3, dirs: 0, ..JobSpec::default() }, GatewaySpec::default()),
                    port,
                )
                .await
            }
        });
        loop {
            if let Seen::GatewayState(state) = seen.recv().await.expect("an event").what {
                assert!(state.is_paused);
                break;
            }
        }
        let mut written = 0;
        for asked in 1..=3_u64 {
            control.step();
            while written < asked {
                if let Seen::Gateway(step) = seen.recv().await.expect("an event").what {
                    written += u64::from(step.step == GatewayStepKind::Written);
                }
            }
        }
        assert!(!running.is_finished());
        assert_eq!(written, 3, "three steps, three files");
        control.set_online(false);
        control.pause(false);
        loop {
            if let Seen::GatewayState(state) = seen.recv().await.expect("an event").what
                && !state.is_online
                && !state.is_paused
            {
                break;
            }
        }
        control.set_online(true);
        let outcome = running.await.expect("no panic").expect("a job that can be done");
        assert_eq!(outcome.end, JobEnd::Finished);
        assert_eq!(port.notified.lock().expect("no panic before").len(), 5);
    }
}
