//! `StartLiveTail`: a session that tells once a second what has arrived in up to ten groups.
//!
//! The second, and the three hours after which a session ends, are real time: they belong to the client's connection,
//! which a scaled or paused clock must not starve. Nothing runs by itself: a session is a stream that the connection
//! polls, and leaves its groups when it is dropped.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Interval, MissedTickBehavior, Sleep};

use super::Logs;
use super::arrivals::{Arrivals, Batch};
use super::error::LogsError;
use super::filter::{MOST_STREAMS, read_pattern};
use super::group::{self, Group};
use super::log::Found;
use super::pattern::Pattern;
use crate::emulator::service::{EventStream, StreamEvent};
use crate::model::Arn;

/// Groups of one session at the most.
const MOST_GROUPS: usize = 10;
/// Sessions of an account at once.
const MOST_SESSIONS: usize = 15;
/// Events of one update at the most.
const MOST_EVENTS: usize = 500;
/// Events looked at before others get a turn.
const STEP: usize = 512;

/// How often a session tells, and how long it lasts.
#[derive(Debug, Clone, Copy)]
struct Pace {
    update: Duration,
    session: Duration,
}

/// The sessions of an account.
#[derive(Debug)]
pub struct Sessions {
    open: Arc<AtomicUsize>,
    pace: Pace,
}

impl Default for Sessions {
    fn default() -> Self {
        let pace = Pace { update: Duration::from_secs(1), session: Duration::from_secs(3 * 3_600) };
        Self { open: Arc::default(), pace }
    }
}

#[expect(clippy::struct_field_names, reason = "members as AWS spells them")]
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartLiveTailInput {
    #[serde(default)]
    log_group_identifiers: Vec<String>,
    log_stream_names: Option<Vec<String>>,
    log_stream_name_prefixes: Option<Vec<String>>,
    log_event_filter_pattern: Option<String>,
}

/// Which streams of its group a session follows.
#[derive(Debug)]
enum Streams {
    All,
    Named(BTreeSet<String>),
    Prefixed(Vec<String>),
}

impl Streams {
    fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.contains(name),
            Self::Prefixed(prefixes) => prefixes.iter().any(|prefix| name.starts_with(prefix.as_str())),
        }
    }
}

/// A place among the sessions that may be open at once.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One session.
struct Session {
    /// The groups, each with the name that its events are told under.
    groups: Vec<(Arc<Group>, String)>,
    streams: Streams,
    pattern: Pattern,
    arrivals: Arc<Arrivals>,
    ticks: Interval,
    end: Pin<Box<Sleep>>,
    ended: bool,
    _place: Place,
}

impl Drop for Session {
    fn drop(&mut self) {
        for (group, _) in &self.groups {
            group.log_mut().leave(&self.arrivals);
        }
    }
}

impl Logs {
    /// Begins a session; what has arrived before is not told.
    pub(super) fn start_live_tail(&self, input: StartLiveTailInput) -> Result<EventStream, LogsError> {
        let groups = self.groups_of(&input.log_group_identifiers)?;
        let streams = streams_of(&input, groups.len())?;
        let pattern =
            read_pattern(input.log_event_filter_pattern.as_deref().unwrap_or_default(), "logEventFilterPattern")?;
        let place = self.tails.enter()?;
        let start = json!({
            "requestId": self.fabric.uuid(),
            "sessionId": self.fabric.uuid(),
            "logGroupIdentifiers": input.log_group_identifiers,
            "logStreamNames": input.log_stream_names.unwrap_or_default(),
            "logStreamNamePrefixes": input.log_stream_name_prefixes.unwrap_or_default(),
            "logEventFilterPattern": input.log_event_filter_pattern.unwrap_or_default(),
        });
        let Pace { update, session } = self.tails.pace;
        let account = &self.fabric.identity().account;
        let named = |group: Arc<Group>| {
            let name = format!("{account}:{}", group.name);
            (group, name)
        };
        let mut ticks = tokio::time::interval(update);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.reset();
        let session = Session {
            groups: groups.into_iter().map(named).collect(),
            streams,
            pattern,
            arrivals: Arc::default(),
            ticks,
            end: Box::pin(tokio::time::sleep(session)),
            ended: false,
            _place: place,
        };
        for (index, (group, _)) in session.groups.iter().enumerate() {
            group.log_mut().listen(index, &session.arrivals);
        }
        let start = StreamEvent { name: "sessionStart", payload: start, is_error: false };
        let updates = stream::unfold(session, async |mut session| {
            let event = session.next().await?;
            Some((event, session))
        });
        Ok(stream::once(async { start }).chain(updates).boxed())
    }

    /// The groups of a session, each once.
    fn groups_of(&self, identifiers: &[String]) -> Result<Vec<Arc<Group>>, LogsError> {
        let member = "logGroupIdentifiers";
        if identifiers.is_empty() {
            return Err(LogsError::constraint("[]", member, "have length greater than or equal to 1"));
        }
        if identifiers.len() > MOST_GROUPS {
            let constraint = format!("have length less than or equal to {MOST_GROUPS}");
            return Err(LogsError::constraint(format!("[{} identifiers]", identifiers.len()), member, constraint));
        }
        let mut groups: Vec<Arc<Group>> = Vec::new();
        for identifier in identifiers {
            let arn: Arn = identifier.parse().map_err(|_| {
                LogsError::invalid(format!("The log group identifier '{identifier}' is not the ARN of a log group."))
            })?;
            if identifier.ends_with('*') {
                return Err(LogsError::invalid(format!(
                    "The log group ARN '{identifier}' must not end with an asterisk."
                )));
            }
            let group = self.by_arn(&arn)?;
            if !groups.iter().any(|known| Arc::ptr_eq(known, &group)) {
                groups.push(group);
            }
        }
        Ok(groups)
    }
}

fn streams_of(input: &StartLiveTailInput, groups: usize) -> Result<Streams, LogsError> {
    let (names, prefixes) = (input.log_stream_names.as_ref(), input.log_stream_name_prefixes.as_ref());
    let (given, member) = match (names, prefixes) {
        (None, None) => return Ok(Streams::All),
        (Some(_), Some(_)) => {
            return Err(LogsError::invalid(
                "logStreamNames and logStreamNamePrefixes are mutually exclusive parameters.",
            ));
        }
        (Some(names), None) => (names, "logStreamNames"),
        (None, Some(prefixes)) => (prefixes, "logStreamNamePrefixes"),
    };
    if groups > 1 {
        return Err(LogsError::invalid(format!("{member} can be specified only with a single log group.")));
    }
    if given.is_empty() {
        return Err(LogsError::constraint("[]", member, "have length greater than or equal to 1"));
    }
    if given.len() > MOST_STREAMS {
        let constraint = format!("have length less than or equal to {MOST_STREAMS}");
        return Err(LogsError::constraint(format!("[{} names]", given.len()), member, constraint));
    }
    given.iter().try_for_each(|name| group::check_stream_name(name))?;
    Ok(match names {
        Some(names) => Streams::Named(names.iter().cloned().collect()),
        None => Streams::Prefixed(given.clone()),
    })
}

impl Sessions {
    fn enter(&self) -> Result<Place, LogsError> {
        let place = Place(Arc::clone(&self.open));
        if self.open.fetch_add(1, Ordering::Relaxed) >= MOST_SESSIONS {
            return Err(LogsError::TooManyTails(MOST_SESSIONS));
        }
        Ok(place)
    }
}

impl Session {
    /// The next event of the stream; `None` after its last one.
    async fn next(&mut self) -> Option<StreamEvent> {
        if self.ended {
            return None;
        }
        tokio::select! {
            biased;
            () = &mut self.end => {
                return Some(self.error("SessionTimeoutException", "The Live Tail session has timed out."));
            }
            _ = self.ticks.tick() => {}
        }
        let batch = self.arrivals.take();
        let gone = self.groups.iter().find(|(group, _)| group.is_deleted()).map(|(group, _)| group.name.clone());
        if let Some(name) = gone.filter(|_| batch.places.is_empty()) {
            let message = format!("The log group {name} of the Live Tail session was deleted.");
            return Some(self.error("SessionStreamingException", &message));
        }
        Some(self.update(batch).await)
    }

    fn error(&mut self, name: &'static str, message: &str) -> StreamEvent {
        self.ended = true;
        StreamEvent { name, payload: json!({ "message": message }), is_error: true }
    }

    async fn update(&self, batch: Batch) -> StreamEvent {
        let (mut results, mut sampled) = (Vec::new(), batch.forgot);
        let mut places = batch.places.into_iter().peekable();
        'looking: while places.peek().is_some() {
            // Read under the locks, matched outside of them.
            let found: Vec<(usize, Found)> = places
                .by_ref()
                .take(STEP)
                .filter_map(|(group, place)| Some((group, self.groups.get(group)?.0.log().event_at(place)?)))
                .collect();
            for (group, event) in found {
                if !self.streams.has(&event.stream) || !self.pattern.matches(&event.message) {
                    continue;
                }
                if results.len() == MOST_EVENTS {
                    sampled = true;
                    break 'looking;
                }
                results.push(self.result(group, &event));
            }
            tokio::task::yield_now().await;
        }
        let payload = json!({ "sessionMetadata": { "sampled": sampled }, "sessionResults": results });
        StreamEvent { name: "sessionUpdate", payload, is_error: false }
    }

    fn result(&self, group: usize, event: &Found) -> Value {
        json!({
            "logGroupIdentifier": self.groups.get(group).map(|(_, name)| name.as_str()),
            "logStreamName": &*event.stream,
            "message": &*event.message,
            "timestamp": event.position.millis,
            "ingestionTime": event.ingested,
        })
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudwatchlogs::types::StartLiveTailResponseStream;
    use aws_sdk_cloudwatchlogs::types::error::StartLiveTailResponseStreamError;

    use super::*;
    use crate::clock::Clock;
    use crate::emulator::{Fabric, Identity, Service};

    const SHORT: Duration = Duration::from_millis(2);
    const LONG: Duration = Duration::from_secs(600);

    /// A service with the group `g` and its stream `s`, whose sessions have that pace.
    async fn logs(update: Duration, session: Duration) -> Arc<Logs> {
        let fabric = Fabric::new(Clock::default(), Identity::default(), 1);
        let mut logs = Logs::new(fabric.clone()).expect("nothing is kept");
        Arc::get_mut(&mut logs).expect("nobody else has it").tails.pace = Pace { update, session };
        fabric.join(vec![Arc::clone(&logs) as Arc<dyn Service>]);
        let create = |operation, input| fabric.call("test", "logs", operation, input);
        create("CreateLogGroup", json!({"logGroupName": "g"})).await.expect("a group");
        create("CreateLogStream", json!({"logGroupName": "g", "logStreamName": "s"})).await.expect("a stream");
        logs
    }

    fn arn(logs: &Logs, group: &str) -> String {
        logs.fabric.arn("logs", format!("log-group:{group}")).to_string()
    }

    fn tail(logs: &Logs, more: Value) -> Result<EventStream, LogsError> {
        let mut input = json!({"logGroupIdentifiers": [arn(logs, "g")]});
        for (member, value) in more.as_object().into_iter().flatten() {
            input[member] = value.clone();
        }
        logs.start_live_tail(serde_json::from_value(input).expect("the shape of an input"))
    }

    fn append(logs: &Logs, messages: impl Iterator<Item = String>) {
        let group = logs.by_name("g").expect("the group");
        let mut log = group.log_mut();
        let stream = log.stream_id("s").expect("the stream");
        for (at, message) in (0..).zip(messages) {
            log.append(stream, at, at, message.into());
        }
    }

    /// The next update that has results.
    async fn results(tail: &mut EventStream) -> (bool, Vec<String>) {
        loop {
            let event = tail.next().await.expect("the session goes on");
            let results = event.payload["sessionResults"].as_array().cloned().unwrap_or_default();
            if !results.is_empty() {
                let sampled = event.payload["sessionMetadata"]["sampled"] == true;
                let messages = results.iter().filter_map(|result| result["message"].as_str());
                return (sampled, messages.map(str::to_owned).collect());
            }
        }
    }

    #[tokio::test]
    async fn a_session_tells_what_arrives_after_its_start_and_matches() {
        let logs = logs(SHORT, LONG).await;
        append(&logs, ["before".to_owned()].into_iter());
        let mut all = tail(&logs, json!({})).expect("a session");
        let mut some = tail(&logs, json!({"logEventFilterPattern": "b", "logStreamNames": ["s"]})).expect("a session");
        let mut none = tail(&logs, json!({"logStreamNamePrefixes": ["x"]})).expect("a session");
        assert_eq!(all.next().await.expect("a start").name, "sessionStart");
        append(&logs, ["a", "b"].map(str::to_owned).into_iter());
        assert_eq!(results(&mut all).await, (false, vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(results(&mut some).await, (false, vec!["b".to_owned()]));
        none.next().await.expect("a start");
        let update = none.next().await.expect("an update, empty as it is");
        assert_eq!(update.payload, json!({"sessionMetadata": {"sampled": false}, "sessionResults": []}));
    }

    #[tokio::test]
    async fn more_than_five_hundred_events_an_update_are_sampled() {
        let logs = logs(SHORT, LONG).await;
        let mut tail = tail(&logs, json!({})).expect("a session");
        for (arriving, told, expected) in [(500, 500, false), (501, 500, true), (1, 1, false)] {
            append(&logs, (0..arriving).map(|n| n.to_string()));
            let (sampled, messages) = results(&mut tail).await;
            assert_eq!((sampled, messages.len()), (expected, told), "{arriving}");
        }
    }

    #[tokio::test]
    async fn a_session_that_is_dropped_leaves_nothing() {
        let logs = logs(SHORT, LONG).await;
        let group = logs.by_name("g").expect("the group");
        let sessions: Vec<_> = (0..MOST_SESSIONS).map(|_| tail(&logs, json!({})).expect("a session")).collect();
        assert_eq!(group.log().listeners(), MOST_SESSIONS);
        assert_eq!(tail(&logs, json!({})).err(), Some(LogsError::TooManyTails(MOST_SESSIONS)));
        let mut sessions = sessions.into_iter();
        let mut used = sessions.next().expect("a session");
        used.next().await.expect("a start");
        used.next().await.expect("an update");
        drop((used, sessions));
        assert_eq!(group.log().listeners(), 0);
        assert!(tail(&logs, json!({})).is_ok());
    }

    #[tokio::test]
    async fn a_session_ends_with_its_group_after_its_last_events() {
        let logs = logs(SHORT, LONG).await;
        let mut tail = tail(&logs, json!({})).expect("a session");
        append(&logs, ["last".to_owned()].into_iter());
        let delete = logs.fabric.call("test", "logs", "DeleteLogGroup", json!({"logGroupName": "g"}));
        delete.await.expect("the group is deleted");
        assert_eq!(results(&mut tail).await.1, ["last"]);
        let end = tail.next().await.expect("an end");
        assert_eq!((end.name, end.is_error), ("SessionStreamingException", true));
        assert_eq!(tail.next().await, None);
    }

    #[tokio::test]
    async fn what_aws_refuses_is_refused() {
        let logs = logs(SHORT, LONG).await;
        let (g, other) = (arn(&logs, "g"), arn(&logs, "other"));
        for (more, words) in [
            (json!({"logGroupIdentifiers": []}), "greater than or equal to 1"),
            (json!({"logGroupIdentifiers": vec![&g; 11]}), "less than or equal to 10"),
            (json!({"logGroupIdentifiers": ["g"]}), "is not the ARN"),
            (json!({"logGroupIdentifiers": [format!("{g}:*")]}), "asterisk"),
            (json!({"logGroupIdentifiers": [g, other]}), "does not exist"),
            (json!({"logStreamNames": ["s"], "logStreamNamePrefixes": ["s"]}), "mutually exclusive"),
            (json!({"logStreamNames": []}), "greater than or equal to 1"),
            (json!({"logStreamNames": vec!["s"; 101]}), "less than or equal to 100"),
            (json!({"logStreamNamePrefixes": ["a:b"]}), "[^:*]*"),
            (json!({"logEventFilterPattern": "{ $.a"}), "Invalid filter pattern"),
            (json!({"logEventFilterPattern": "a".repeat(1_025)}), "logEventFilterPattern"),
        ] {
            let refused = tail(&logs, more.clone()).err().unwrap_or_else(|| panic!("{more} was taken")).to_string();
            assert!(refused.contains(words), "{more}: {refused}");
        }
        let create = logs.fabric.call("test", "logs", "CreateLogGroup", json!({"logGroupName": "h"}));
        create.await.expect("a second group");
        let two = json!({"logGroupIdentifiers": [arn(&logs, "g"), arn(&logs, "h")], "logStreamNames": ["s"]});
        assert!(tail(&logs, two).err().is_some_and(|refused| refused.to_string().contains("single log group")));
        assert_eq!(logs.tails.open.load(Ordering::Relaxed), 0, "a refused session takes no place");
    }

    #[tokio::test]
    async fn the_sdk_is_told_when_a_session_has_lasted_too_long() {
        let logs = logs(LONG, Duration::ZERO).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let server = tokio::spawn(crate::emulator::front::serve(
            listener,
            Arc::new(crate::emulator::Endpoint::of(logs.fabric.clone(), crate::emulator::EmulatorConfig::default())),
            crate::emulator::body::IDLE_LIMIT,
        ));
        let config = aws_sdk_cloudwatchlogs::Config::builder()
            .behavior_version_latest()
            .region(aws_sdk_cloudwatchlogs::config::Region::from_static("us-east-1"))
            .credentials_provider(aws_credential_types::Credentials::new("test", "test", None, None, "test"))
            .endpoint_url(url)
            .build();
        // Without its own prefix the host is what it is: see tests/endpoint/live_tail.rs for the other way.
        let client = aws_sdk_cloudwatchlogs::Client::from_conf(config);
        let request = client.start_live_tail().log_group_identifiers(arn(&logs, "g"));
        let request = request.customize().mutate_request(|request| {
            let plain = request.uri().replace("stream-", "");
            request.set_uri(plain).expect("a valid uri");
        });
        let mut session = request.send().await.expect("a session").response_stream;
        let start = session.recv().await.expect("a start");
        assert!(matches!(start, Some(StartLiveTailResponseStream::SessionStart(_))), "{start:?}");
        let end = session.recv().await.expect_err("the end");
        // An error within a stream has no code, only its shape.
        let timed_out =
            end.as_service_error().is_some_and(StartLiveTailResponseStreamError::is_session_timeout_exception);
        assert!(timed_out, "{end:?}");
        server.abort();
    }
}
