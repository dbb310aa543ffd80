//! The life of one tailer: ask, tell, wait; and a report whenever the source begins or ceases to answer.

use std::future::Future;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::interest::Interest;
use super::tempo::Intervals;
use crate::aws::{Kind, Pace, Problem};
use crate::clock::{Clock, real_now};
use crate::model::{FlowEvent, Seen, Source, SourceReport, SourceState, Timestamp};

/// A tailer rests at least so many times as long as its last look took, which bounds what observing costs. A look that
/// failed cost nothing and is repeated when its back-off says: one that waited for a dead endpoint took long.
const REST: u32 = 4;
/// No look is worth a longer rest.
const LONGEST_REST: Duration = Duration::from_secs(20);
/// Shorter waits are not cut short when something is worth a look.
const SHORT: Duration = Duration::from_millis(500);

/// Looks that a source gets once it is told to finish, as long as each shows something new.
const LAST_LOOKS: u32 = 10;

/// When the tailers end.
#[derive(Debug, Clone, Default)]
pub struct End {
    /// At once.
    pub cancel: CancellationToken,
    /// Once they have told what there is to tell.
    pub finish: CancellationToken,
}

/// What a look at a source showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Something new.
    Changed,
    /// Nothing new.
    Quiet,
    /// The source sent what is new by itself, and the look waited for it.
    Pushed {
        /// Whether it says that it leaves some out.
        sampled: bool,
    },
}

impl From<bool> for Progress {
    fn from(changed: bool) -> Self {
        if changed { Self::Changed } else { Self::Quiet }
    }
}

/// Why a look ended early.
#[derive(Debug)]
pub enum Halt {
    /// A call failed.
    Call(Problem),
    /// Nobody reads any more.
    Closed,
}

impl From<Problem> for Halt {
    fn from(problem: Problem) -> Self {
        Self::Call(problem)
    }
}

/// Where tailers tell what they see.
#[derive(Debug, Clone)]
pub struct Out {
    events: mpsc::Sender<FlowEvent>,
    clock: Clock,
    finish: CancellationToken,
}

impl Out {
    /// Tells of things into `events`; `clock` gives the moment where the source has none.
    pub fn new(events: mpsc::Sender<FlowEvent>, clock: Clock) -> Self {
        Self { events, clock, finish: CancellationToken::new() }
    }

    /// Told to finish by that.
    #[must_use]
    pub fn finishing(self, finish: CancellationToken) -> Self {
        Self { finish, ..self }
    }

    /// Whether what there is to tell is to be told without waiting for more.
    pub fn is_finishing(&self) -> bool {
        self.finish.is_cancelled()
    }

    /// Waits until [`Self::is_finishing`]. Whoever waits for what a source sends ends that wait then.
    pub async fn finished(&self) {
        self.finish.cancelled().await;
    }

    /// Tells of something that happened at a moment of the source.
    pub async fn tell(&self, at: Timestamp, what: Seen) -> Result<(), Halt> {
        self.events.send(FlowEvent { at, what }).await.map_err(|_| Halt::Closed)
    }

    /// The moment now, by the clock of the target.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Tells of something that is so now.
    pub async fn tell_now(&self, what: Seen) -> Result<(), Halt> {
        self.tell(self.clock.now(), what).await
    }
}

/// One source.
pub trait Tailer: Send + 'static {
    /// Which one.
    fn source(&self) -> Source;

    /// Reads what is new and tells it. A failed look is repeated and must then tell what it has not told yet.
    fn look(&mut self, out: &Out) -> impl Future<Output = Result<Progress, Halt>> + Send;
}

/// A source that a stack of that kind has and this one has not.
#[derive(Debug)]
pub struct Absent {
    source: Source,
    why: &'static str,
}

impl Absent {
    /// A source that is not there, and why.
    pub const fn new(source: Source, why: &'static str) -> Self {
        Self { source, why }
    }
}

impl Tailer for Absent {
    fn source(&self) -> Source {
        self.source
    }

    async fn look(&mut self, _: &Out) -> Result<Progress, Halt> {
        Err(Problem::unsupported(self.why).into())
    }
}

/// Looks at a source until told to end or nobody reads any more. Whoever finishes looks once more, and again while that shows
/// something new.
pub async fn drive<T: Tailer>(
    mut tailer: T,
    mut pace: Pace,
    intervals: Intervals,
    out: Out,
    interest: Interest,
    end: End,
) {
    let source = tailer.source();
    let mut waker = interest.waker();
    let mut state = None;
    let mut last_looks = 0;
    loop {
        waker.mark_unchanged();
        let began = real_now();
        let finishes = end.finish.is_cancelled();
        let looked = tokio::select! {
            () = end.cancel.cancelled() => return,
            looked = tailer.look(&out) => looked,
        };
        last_looks += u32::from(finishes);
        let is_last = finishes && (!matches!(looked, Ok(Progress::Changed)) || last_looks == LAST_LOOKS);
        pace.limit(if interest.is_busy() { intervals.busy } else { intervals.idle });
        let (wait, now) = match looked {
            Ok(Progress::Changed) => (pace.changed(), SourceState::Live),
            Ok(Progress::Quiet) => (pace.quiet(), SourceState::Live),
            Ok(Progress::Pushed { sampled }) => (Duration::ZERO, SourceState::Tailing { sampled }),
            Err(Halt::Closed) => return,
            Err(Halt::Call(problem)) => {
                tracing::debug!(?source, %problem, "a look failed");
                let wait = if problem.kind == Kind::Throttled { pace.throttled() } else { pace.failed() };
                (wait, state_of(problem, wait))
            }
        };
        let pushed = matches!(now, SourceState::Tailing { .. });
        let failing = now != SourceState::Live && !pushed;
        // At the end what was sent is read: no news of the source.
        if differs(state.as_ref(), &now) && !(finishes && now == SourceState::Live) {
            state = Some(now.clone());
            if out.tell_now(Seen::Source(SourceReport { source, state: now })).await.is_err() {
                return;
            }
        }
        if is_last {
            return;
        }
        if pushed || finishes {
            continue;
        }
        let wait = if failing { wait } else { rested(wait, began.elapsed()) };
        tokio::select! {
            () = end.cancel.cancelled() => return,
            () = end.finish.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
            // An interest that is gone wakes nobody: then the wait is waited for.
            Ok(()) = waker.changed(), if !failing && wait > SHORT => pace.hurry(),
        }
    }
}

/// A longer wait of a throttled source is no news of its own.
fn differs(before: Option<&SourceState>, now: &SourceState) -> bool {
    match (before, now) {
        (Some(SourceState::Throttled { .. }), SourceState::Throttled { .. }) => false,
        (before, now) => before != Some(now),
    }
}

fn state_of(problem: Problem, wait: Duration) -> SourceState {
    match problem.kind {
        Kind::Throttled => SourceState::Throttled { retry_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX) },
        Kind::Unsupported => SourceState::Unavailable { problem: problem.sentence },
        Kind::Outage | Kind::NotFound | Kind::Refused => SourceState::Failing { problem: problem.sentence },
    }
}

/// The wait after a look that answered and took so long.
fn rested(wait: Duration, took: Duration) -> Duration {
    wait.max(took.saturating_mul(REST).min(LONGEST_REST))
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::model::QueueDepth;

    /// Counts up by one a look, except where its script says that the call fails.
    struct Scripted {
        script: VecDeque<Option<Kind>>,
        told: u64,
    }

    impl Tailer for Scripted {
        fn source(&self) -> Source {
            Source::Queue
        }

        async fn look(&mut self, out: &Out) -> Result<Progress, Halt> {
            if let Some(Some(kind)) = self.script.pop_front() {
                let problem = Problem { kind, code: None, message: None, sentence: "no answer".to_owned() };
                return Err(problem.into());
            }
            self.told += 1;
            out.tell_now(Seen::Queue(QueueDepth { visible: self.told, ..QueueDepth::default() })).await?;
            Ok(Progress::Changed)
        }
    }

    async fn seen_of(script: &[Option<Kind>], count: usize) -> Vec<Seen> {
        let (events, mut told) = mpsc::channel(64);
        let millis = Duration::from_millis;
        let pace = Pace::new(millis(1), millis(5), 1).backing_off(millis(8), millis(20));
        let intervals = Intervals { fast: millis(1), busy: millis(5), idle: millis(5) };
        let end = End::default();
        let tailer = Scripted { script: script.iter().copied().collect(), told: 0 };
        let out = Out::new(events, Clock::default());
        let task = tokio::spawn(drive(tailer, pace, intervals, out, Interest::default(), end.clone()));
        let mut seen = Vec::new();
        while seen.len() < count {
            seen.push(told.recv().await.expect("the tailer goes on").what);
        }
        end.cancel.cancel();
        task.await.expect("the tailer ends");
        seen
    }

    fn states(seen: &[Seen]) -> Vec<&SourceState> {
        seen.iter()
            .filter_map(|seen| if let Seen::Source(report) = seen { Some(&report.state) } else { None })
            .collect()
    }

    #[test]
    fn a_long_look_is_rested_from_within_bounds() {
        let secs = Duration::from_secs;
        assert_eq!(rested(secs(1), secs(0)), secs(1));
        assert_eq!(rested(secs(1), secs(2)), secs(8));
        assert_eq!(rested(secs(1), secs(60)), LONGEST_REST);
        assert_eq!(rested(secs(30), secs(60)), secs(30), "the pace's own wait is never cut");
    }

    #[tokio::test]
    async fn an_outage_is_told_once_and_everything_after_it_is_told() {
        let outage = Some(Kind::Outage);
        let seen = seen_of(&[None, outage, outage, outage, None, None], 6).await;
        let failing = SourceState::Failing { problem: "no answer".to_owned() };
        assert_eq!(states(&seen), [&SourceState::Live, &failing, &SourceState::Live]);
        let depths: Vec<u64> = seen
            .iter()
            .filter_map(|seen| if let Seen::Queue(depth) = seen { Some(depth.visible) } else { None })
            .collect();
        assert_eq!(depths, [1, 2, 3]);
    }

    #[tokio::test]
    async fn throttling_is_told_with_the_wait_and_not_again_while_it_lasts() {
        let throttled = Some(Kind::Throttled);
        let seen = seen_of(&[throttled, throttled, throttled, None], 3).await;
        let told = states(&seen);
        assert!(matches!(told[0], SourceState::Throttled { retry_ms } if (1..100).contains(retry_ms)), "{told:?}");
        assert_eq!(told[1..], [&SourceState::Live]);
    }

    #[tokio::test]
    async fn an_operation_that_the_endpoint_lacks_is_named_unavailable() {
        let seen = seen_of(&[Some(Kind::Unsupported)], 1).await;
        assert!(matches!(states(&seen)[0], SourceState::Unavailable { .. }));
    }

    #[tokio::test]
    async fn a_tailer_ends_when_nobody_reads_any_more() {
        let (events, told) = mpsc::channel(1);
        drop(told);
        let millis = Duration::from_millis;
        let pace = Pace::new(millis(1), millis(1), 1);
        let intervals = Intervals { fast: millis(1), busy: millis(1), idle: millis(1) };
        let out = Out::new(events, Clock::default());
        let tailer = Scripted { script: VecDeque::new(), told: 0 };
        drive(tailer, pace, intervals, out, Interest::default(), End::default()).await;
    }

    /// Never has news.
    struct Still(mpsc::UnboundedSender<()>);

    impl Tailer for Still {
        fn source(&self) -> Source {
            Source::Table
        }

        async fn look(&mut self, _: &Out) -> Result<Progress, Halt> {
            self.0.send(()).map_err(|_| Halt::Closed)?;
            Ok(Progress::Quiet)
        }
    }

    #[tokio::test]
    async fn who_sleeps_for_an_hour_is_woken_by_a_dataset() {
        let hour = Duration::from_secs(3_600);
        let (events, _told) = mpsc::channel(8);
        let (looks, mut looked) = mpsc::unbounded_channel();
        let (pace, intervals) = (Pace::new(hour, hour, 1), Intervals { fast: hour, busy: hour, idle: hour });
        let (interest, end) = (Interest::default(), End::default());
        let out = Out::new(events, Clock::default());
        let task = tokio::spawn(drive(Still(looks), pace, intervals, out, interest.clone(), end.clone()));
        looked.recv().await.expect("the first look");
        interest.add(&"s".into());
        looked.recv().await.expect("another look");
        end.cancel.cancel();
        task.await.expect("the tailer ends");
    }

    #[tokio::test]
    async fn who_is_to_finish_looks_once_more_and_again_while_there_is_news() {
        let hour = Duration::from_secs(3_600);
        let (events, mut told) = mpsc::channel(64);
        let intervals = Intervals { fast: hour, busy: hour, idle: hour };
        let end = End::default();
        let tailer = Scripted { script: VecDeque::new(), told: 0 };
        let out = Out::new(events, Clock::default());
        let task =
            tokio::spawn(drive(tailer, Pace::new(hour, hour, 1), intervals, out, Interest::default(), end.clone()));
        told.recv().await.expect("the first look");
        end.finish.cancel();
        task.await.expect("the tailer ends");
        let mut looks = 0;
        while let Some(event) = told.recv().await {
            looks += u32::from(matches!(event.what, Seen::Queue(_)));
        }
        assert_eq!(looks, LAST_LOOKS, "it always has news, and ends all the same");

        let (looks, mut looked) = mpsc::unbounded_channel();
        let (events, mut told) = mpsc::channel(64);
        let out = Out::new(events, Clock::default());
        let end = End::default();
        end.finish.cancel();
        drive(Still(looks), Pace::new(hour, hour, 1), intervals, out, Interest::default(), end).await;
        assert!(looked.recv().await.is_some() && looked.recv().await.is_none(), "one look, without news");
        while told.recv().await.is_some() {}
    }

    /// Waits for what is sent, which never comes, after it was found that there is none to be sent.
    struct Waiting {
        looks: u32,
    }

    impl Tailer for Waiting {
        fn source(&self) -> Source {
            Source::Queue
        }

        async fn look(&mut self, out: &Out) -> Result<Progress, Halt> {
            self.looks += 1;
            if self.looks > 1 {
                out.finished().await;
            }
            Err(Problem::unsupported("nothing is sent").into())
        }
    }

    #[tokio::test]
    async fn who_waits_for_what_a_source_sends_ends_with_the_finish() {
        let millis = Duration::from_millis;
        let (events, mut told) = mpsc::channel(64);
        let intervals = Intervals { fast: millis(1), busy: millis(1), idle: millis(1) };
        let end = End::default();
        let out = Out::new(events, Clock::default()).finishing(end.finish.clone());
        let pace = Pace::new(millis(1), millis(1), 1);
        let task = tokio::spawn(drive(Waiting { looks: 0 }, pace, intervals, out, Interest::default(), end.clone()));
        told.recv().await.expect("a report");
        end.finish.cancel();
        task.await.expect("the tailer ends");
        assert!(told.recv().await.is_none(), "the source stays as it was");
    }
}
