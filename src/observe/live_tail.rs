//! One StartLiveTail session for all log groups. It is billed by the minute on AWS, where it is opened when asked for and
//! only while something runs; elsewhere it is tried, since some endpoints lack it and others pretend.
//!
//! A session is used once it says that it has begun, ends after three hours and is opened again, and is given up for good
//! when the target refuses it, breaks its stream again and again, falls silent, or leaves lines out without saying so:
//! FilterLogEvents does the same work, and goes on in any case.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use aws_sdk_cloudwatchlogs::config::{Builder as Settings, StalledStreamProtectionConfig};
use aws_sdk_cloudwatchlogs::operation::start_live_tail::StartLiveTailOutput;
use aws_sdk_cloudwatchlogs::types::error::StartLiveTailResponseStreamError;
use aws_sdk_cloudwatchlogs::types::{LiveTailSessionUpdate, StartLiveTailResponseStream};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::interest::Interest;
use crate::aws::{Clients, Kind, LIVE_TAIL_MINUTE, Pace, Problem};
use crate::clock::real_now;
use crate::model::{LogRole, Timestamp};

/// A session must begin within so long.
const BEGIN: Duration = Duration::from_secs(10);
/// A session sends an update every second; one that is silent for so long is broken.
const SILENCE: Duration = Duration::from_secs(20);
/// A session that lasted so long was a good one.
const GOOD: Duration = Duration::from_secs(60);
/// Bad ends in a row after which it is given up.
const STRIKES: u32 = 3;
/// A billed session is closed when nothing has run for so long.
const IDLE: Duration = Duration::from_secs(120);
/// The first and the longest wait before another session.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// Updates of a group that may wait for its tailer.
const WAITING: usize = 64;

/// Whether a live tail is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LiveTail {
    /// Where it costs nothing and is worth it: tried on endpoints elsewhere, left out on AWS, where it is billed, and on
    /// the embedded endpoint, which is faster asked.
    #[default]
    Auto,
    /// On any target.
    On,
    /// On none.
    Off,
}

/// How the live tail of an observer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LiveTailState {
    /// Not used.
    Off,
    /// Not up: not yet, or not while nothing runs.
    Waiting,
    /// A session sends what is new.
    Up,
    /// Given up for good; log groups are read by FilterLogEvents.
    Refused {
        /// One sentence.
        problem: String,
    },
}

/// Whether a session is up; each has a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    /// Groups must be read.
    Down,
    /// What is new is sent.
    Up(u64),
}

/// A line as a session sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Its log stream.
    pub stream: String,
    /// Its moment.
    pub at: Timestamp,
    /// Its text.
    pub message: String,
}

/// Lines of one group, of one update.
#[derive(Debug)]
pub struct Update {
    /// The lines.
    pub lines: Vec<Sent>,
    /// Whether some were left out, of this group or of another.
    pub sampled: bool,
}

/// What a session sends of one group.
pub struct Feed {
    /// Updates in their order.
    pub updates: mpsc::Receiver<Update>,
    /// Whether a session is up.
    pub session: watch::Receiver<Session>,
    distrust: mpsc::UnboundedSender<String>,
}

impl Feed {
    /// Ends the live tail for good: it does not do what it says.
    pub fn distrust(&self, problem: String) {
        // It may have ended by itself meanwhile.
        let _ = self.distrust.send(problem);
    }
}

/// The live tail of a pipeline's log groups.
pub struct Tail {
    clients: Clients,
    /// Group names in their order, and where their updates go.
    groups: Vec<String>,
    feeds: HashMap<String, mpsc::Sender<Update>>,
    session: watch::Sender<Session>,
    state: watch::Sender<LiveTailState>,
    distrusted: mpsc::UnboundedReceiver<String>,
    interest: Interest,
    /// Whether it costs money while it is up.
    is_billed: bool,
    sessions: u64,
}

/// How a session ended.
enum End {
    Cancelled,
    /// Nothing runs, and it is billed.
    Idle,
    /// Its three hours were over.
    Expired,
    /// It is not to be believed.
    Distrusted(String),
    Problem(Problem),
}

impl Tail {
    /// The live tail of these groups, with the feed of each in their order, and its state.
    pub fn of(
        clients: Clients,
        groups: &[(LogRole, String)],
        interest: Interest,
        is_billed: bool,
    ) -> (Self, Vec<Feed>, watch::Receiver<LiveTailState>) {
        let (session, up) = watch::channel(Session::Down);
        let (state, shown) = watch::channel(LiveTailState::Waiting);
        let (distrust, distrusted) = mpsc::unbounded_channel();
        let mut feeds = HashMap::new();
        let mut receivers = Vec::new();
        for (_, name) in groups {
            let (sender, updates) = mpsc::channel(WAITING);
            feeds.insert(name.clone(), sender);
            receivers.push(Feed { updates, session: up.clone(), distrust: distrust.clone() });
        }
        let groups = groups.iter().map(|(_, name)| name.clone()).collect();
        let tail = Self { clients, groups, feeds, session, state, distrusted, interest, is_billed, sessions: 0 };
        (tail, receivers, shown)
    }

    /// Keeps a session up until cancelled or given up.
    pub async fn run(mut self, cancel: CancellationToken) {
        let mut pace = Pace::new(BACKOFF.0, BACKOFF.1, 17).backing_off(BACKOFF.0, BACKOFF.1);
        let mut strikes = 0;
        loop {
            if !self.is_wanted(&cancel).await {
                return;
            }
            let (began, before) = (real_now(), self.sessions);
            let end = self.one(&cancel).await;
            self.session.send_replace(Session::Down);
            self.state.send_replace(LiveTailState::Waiting);
            let was_up = self.sessions > before;
            if was_up && began.elapsed() >= GOOD {
                strikes = 0;
                pace.changed();
            }
            let problem = match end {
                End::Cancelled => return,
                End::Idle | End::Expired => continue,
                End::Distrusted(problem) => return self.refuse(problem),
                End::Problem(problem) => problem,
            };
            tracing::debug!(%problem, was_up, "a live tail session ended");
            match problem.kind {
                Kind::Unsupported | Kind::Refused | Kind::NotFound => return self.refuse(problem.sentence),
                Kind::Throttled => {}
                // An outage of the target is none of the session's, once there was one.
                Kind::Outage if self.sessions > 0 && !was_up => {}
                Kind::Outage => strikes += 1,
            }
            if strikes >= STRIKES {
                return self.refuse(problem.sentence);
            }
            let wait = pace.failed();
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    fn refuse(&self, problem: String) {
        let problem = format!("the live tail is not used: {problem}; log groups are read by FilterLogEvents");
        self.state.send_replace(LiveTailState::Refused { problem });
    }

    /// Waits until a session is worth its price; `false` when cancelled.
    async fn is_wanted(&self, cancel: &CancellationToken) -> bool {
        let mut waker = self.interest.waker();
        while self.is_billed && !self.interest.is_busy() {
            tokio::select! {
                () = cancel.cancelled() => return false,
                woken = waker.changed() => if woken.is_err() { return false },
            }
        }
        !cancel.is_cancelled()
    }

    async fn one(&mut self, cancel: &CancellationToken) -> End {
        let opened = tokio::select! {
            () = cancel.cancelled() => return End::Cancelled,
            opened = tokio::time::timeout(BEGIN, self.open()) => opened,
        };
        let mut output = match opened {
            Ok(Ok(output)) => output,
            Ok(Err(problem)) => return End::Problem(problem),
            Err(_) => return End::Problem(silent("logs StartLiveTail was not answered", BEGIN)),
        };
        let mut idle_since: Option<Instant> = None;
        let mut is_up = false;
        let mut minutes = Minutes::default();
        loop {
            let limit = if is_up { SILENCE } else { BEGIN };
            let received = tokio::select! {
                () = cancel.cancelled() => return End::Cancelled,
                Some(problem) = self.distrusted.recv() => return End::Distrusted(problem),
                received = tokio::time::timeout(limit, output.response_stream.recv()) => received,
            };
            match received {
                Err(_) => return End::Problem(silent("a live tail session sent nothing", limit)),
                Ok(Err(error)) => {
                    let expired = error
                        .as_service_error()
                        .is_some_and(StartLiveTailResponseStreamError::is_session_timeout_exception);
                    return if expired { End::Expired } else { End::Problem(broken(&error)) };
                }
                Ok(Ok(None)) => return End::Problem(Problem::outage("a live tail session was closed")),
                Ok(Ok(Some(StartLiveTailResponseStream::SessionStart(_)))) => {
                    is_up = true;
                    minutes.since = Some(real_now());
                    self.sessions += 1;
                    self.session.send_replace(Session::Up(self.sessions));
                    self.state.send_replace(LiveTailState::Up);
                }
                Ok(Ok(Some(StartLiveTailResponseStream::SessionUpdate(update)))) if is_up => {
                    tokio::select! {
                        () = cancel.cancelled() => return End::Cancelled,
                        () = self.hand_over(update) => {}
                    }
                }
                Ok(Ok(Some(_))) => {}
            }
            for _ in 0..minutes.begun() {
                self.clients.meter().charge("logs", "StartLiveTail", LIVE_TAIL_MINUTE);
            }
            if !self.is_billed || self.interest.is_busy() {
                idle_since = None;
            } else if idle_since.get_or_insert_with(real_now).elapsed() >= IDLE {
                return End::Idle;
            }
        }
    }

    async fn open(&self) -> Result<StartLiveTailOutput, Problem> {
        let mut arns = Vec::new();
        for group in &self.groups {
            arns.push(arn(&self.clients, group).await?);
        }
        // The stream is slow by its nature; that it goes on is watched here.
        let settings = Settings::new().stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        self.clients
            .logs
            .start_live_tail()
            .set_log_group_identifiers(Some(arns))
            .customize()
            .config_override(settings)
            .send()
            .await
            .map_err(|error| Problem::of("logs StartLiveTail", &error))
    }

    async fn hand_over(&self, update: LiveTailSessionUpdate) {
        let sampled = update.session_metadata.is_some_and(|metadata| metadata.sampled);
        let mut lines: HashMap<String, Vec<Sent>> = HashMap::new();
        for event in update.session_results.unwrap_or_default() {
            let group = name_of(event.log_group_identifier.as_deref().unwrap_or_default()).to_owned();
            let (Some(stream), Some(at)) = (event.log_stream_name, event.timestamp) else { continue };
            let at = Timestamp::from_millis(at);
            lines.entry(group).or_default().push(Sent { stream, at, message: event.message.unwrap_or_default() });
        }
        for (group, feed) in &self.feeds {
            let lines = lines.remove(group).unwrap_or_default();
            if sampled || !lines.is_empty() {
                // A tailer that has ended wants no more.
                let _ = feed.send(Update { lines, sampled }).await;
            }
        }
    }
}

/// The ARN of a group, without the asterisk that StartLiveTail refuses.
async fn arn(clients: &Clients, group: &str) -> Result<String, Problem> {
    let answer = clients
        .logs
        .describe_log_groups()
        .log_group_name_prefix(group)
        .send()
        .await
        .map_err(|error| Problem::of("logs DescribeLogGroups", &error))?;
    let found =
        answer.log_groups.unwrap_or_default().into_iter().find(|it| it.log_group_name.as_deref() == Some(group));
    let arn = found.and_then(|found| found.log_group_arn.or(found.arn));
    let arn = arn.ok_or_else(|| Problem::refused(format!("there is no log group {group}")))?;
    Ok(arn.trim_end_matches(":*").to_owned())
}

/// The name of a group from what a session calls it: an ARN, an account and a name, or the name.
fn name_of(identifier: &str) -> &str {
    let identifier = identifier.trim_end_matches(":*");
    identifier.rsplit(':').next().unwrap_or(identifier)
}

fn silent(what: &str, limit: Duration) -> Problem {
    Problem::outage(format!("{what} within {} s", limit.as_secs()))
}

fn broken<R: std::fmt::Debug + Send + Sync + 'static>(
    error: &aws_sdk_cloudwatchlogs::error::SdkError<StartLiveTailResponseStreamError, R>,
) -> Problem {
    let text = match error.as_service_error() {
        Some(service) => service.to_string(),
        None => aws_sdk_cloudwatchlogs::error::DisplayErrorContext(error).to_string(),
    };
    Problem::outage(format!("a live tail session broke off: {text}"))
}

/// The minutes of a session, each of which is billed once it has begun.
#[derive(Debug, Default)]
struct Minutes {
    since: Option<Instant>,
    told: u64,
}

impl Minutes {
    /// Minutes that have begun since this was last asked.
    fn begun(&mut self) -> u64 {
        let all = self.since.map_or(0, |since| since.elapsed().as_secs() / 60 + 1);
        all - std::mem::replace(&mut self.told, all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_known_by_whatever_it_is_called() {
        for identifier in [
            "arn:aws:logs:us-east-1:123456789012:log-group:a/b-c",
            "arn:aws:logs:r:1:log-group:a/b-c:*",
            "123:a/b-c",
            "a/b-c",
        ] {
            assert_eq!(name_of(identifier), "a/b-c", "{identifier}");
        }
    }
}
