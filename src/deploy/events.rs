//! The events of a stack, followed from a moment on: each once, oldest first, and the first cause of a failure kept.

use std::collections::HashSet;
use std::time::Duration;

use aws_sdk_cloudformation::types;
use tokio_util::sync::CancellationToken;

use super::Sink;
use super::stack::{self, Stack, moment};
use crate::aws::{Clients, Kind, Pace, Problem};
use crate::model::{FlowEvent, Seen, StackEvent, Timestamp};

/// How often events are asked for: on this machine, and over a network.
const LOCAL: (Duration, Duration) = (Duration::from_millis(40), Duration::from_millis(500));
const REMOTE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));
/// Failures in a row after which following is given up; with the pace's back-off that is about a minute and a half.
const PATIENCE: u32 = 10;
/// Looks at a stack that rests before what was asked of it is taken for done without an event of its own.
const LATENESS: u32 = 10;
/// How CloudFormation words failures that are only the consequence of another one.
const CONSEQUENCES: [&str; 3] = ["cancelled", "The following resource(s) failed", "Rollback requested"];

/// How following ended.
#[derive(Debug)]
pub enum Followed {
    /// The stack came to rest.
    Ended(Box<Stack>),
    /// The stack is gone.
    Gone,
    /// The user interrupted.
    Interrupted,
}

/// Follows the events of one stack.
#[derive(Debug)]
pub struct Follower {
    stack: String,
    known: HashSet<String>,
    first_cause: Option<StackEvent>,
    /// Whether an event of the stack itself was seen: before it, a status may be that of yesterday.
    has_begun: bool,
}

impl Follower {
    /// Begins after the events that the stack (by name or ARN) has now.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn begin(clients: &Clients, stack: &str) -> Result<Self, Problem> {
        let known = match page(clients, stack, None).await {
            Ok((events, _)) => events.into_iter().map(|(_, event)| event.event_id).collect(),
            Err(problem) if stack::does_not_exist(&problem) => HashSet::new(),
            Err(problem) => return Err(problem),
        };
        Ok(Self { stack: stack.to_owned(), known, first_cause: None, has_begun: false })
    }

    /// Begins where the operation began that is under way now, so that what an interruption has kept from being seen is
    /// seen: the first cause of a failure among it.
    ///
    /// # Errors
    /// When a call fails.
    pub async fn resume(clients: &Clients, stack: &str) -> Result<Self, Problem> {
        let mut known = HashSet::new();
        let mut token = None;
        let mut is_before = false;
        loop {
            let (events, next) = page(clients, stack, token).await?;
            for (_, event) in events {
                if is_before {
                    known.insert(event.event_id);
                } else {
                    is_before = begins_an_operation(&event);
                }
            }
            // One page of what lies before is enough: news are read up to a page that holds something known.
            if next.is_none() || !known.is_empty() {
                return Ok(Self { stack: stack.to_owned(), known, first_cause: None, has_begun: false });
            }
            token = next;
        }
    }

    /// The first failure that is not the consequence of another one, in words.
    #[must_use]
    pub fn cause(&self) -> Option<String> {
        let event = self.first_cause.as_ref()?;
        let reason = event.reason.as_deref().unwrap_or("no reason was given");
        Some(format!("{} ({}) {}: {reason}", event.logical_id, event.resource_type, event.status))
    }

    /// Tells `out` of every new event until the stack comes to rest.
    ///
    /// # Errors
    /// When calls go on failing.
    pub async fn follow(
        &mut self,
        clients: &Clients,
        out: &Sink,
        cancel: &CancellationToken,
    ) -> Result<Followed, Problem> {
        let (fast, slow) = if clients.target.is_local() { LOCAL } else { REMOTE };
        let mut pace = Pace::new(fast, slow, 0);
        let (mut failures, mut early) = (0, 0);
        let mut last_status = String::new();
        loop {
            let wait = match self.look(clients, out).await {
                Ok((_, None)) => return Ok(Followed::Gone),
                Ok((news, Some(stack))) => {
                    failures = 0;
                    if stack.status != last_status && (self.has_begun || stack.status.ends_with("_IN_PROGRESS")) {
                        stack.tell(out).await;
                        last_status.clone_from(&stack.status);
                    }
                    if !stack.status.ends_with("_IN_PROGRESS") {
                        if self.has_begun || early == LATENESS {
                            return Ok(Followed::Ended(Box::new(stack)));
                        }
                        early += 1;
                    }
                    if news { pace.changed() } else { pace.quiet() }
                }
                Err(problem) if matches!(problem.kind, Kind::Throttled | Kind::Outage) && failures < PATIENCE => {
                    failures += 1;
                    pace.failed()
                }
                Err(problem) => return Err(problem),
            };
            tokio::select! {
                () = cancel.cancelled() => return Ok(Followed::Interrupted),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// The status is read before the events, so that the events of the last status are never missed.
    async fn look(&mut self, clients: &Clients, out: &Sink) -> Result<(bool, Option<Stack>), Problem> {
        let Some(stack) = stack::describe(clients, &self.stack).await? else {
            return Ok((false, None));
        };
        let events = self.news(clients).await?;
        let news = !events.is_empty();
        for (at, event) in events {
            self.consider(&event);
            let _ = out.send(FlowEvent { at, what: Seen::StackEvent(event) }).await;
        }
        Ok((news, Some(stack)))
    }

    fn consider(&mut self, event: &StackEvent) {
        self.has_begun |= event.logical_id == event.stack;
        let is_consequence = |reason: &str| CONSEQUENCES.iter().any(|phrase| reason.contains(phrase));
        if self.first_cause.is_none()
            && event.status.ends_with("_FAILED")
            && !event.reason.as_deref().is_some_and(is_consequence)
        {
            self.first_cause = Some(event.clone());
        }
    }

    /// Pages come newest first and are read up to one that holds something known.
    async fn news(&mut self, clients: &Clients) -> Result<Vec<(Timestamp, StackEvent)>, Problem> {
        let mut news = Vec::new();
        let mut token = None;
        loop {
            let (events, next) = page(clients, &self.stack, token).await?;
            let mut overlap = false;
            for (at, event) in events {
                if self.known.contains(&event.event_id) {
                    overlap = true;
                } else {
                    news.push((at, event));
                }
            }
            if overlap || next.is_none() {
                break;
            }
            token = next;
        }
        news.reverse();
        self.known.extend(news.iter().map(|(_, event)| event.event_id.clone()));
        Ok(news)
    }
}

/// Whether an event is the first of a creation, an update or a deletion.
fn begins_an_operation(event: &StackEvent) -> bool {
    event.logical_id == event.stack
        && matches!(event.status.as_str(), "CREATE_IN_PROGRESS" | "UPDATE_IN_PROGRESS" | "DELETE_IN_PROGRESS")
}

/// The newest events of a stack (by name or ARN), at most `most` of them, oldest first; none of one that is gone.
///
/// # Errors
/// When a call fails.
pub async fn past_events(clients: &Clients, stack: &str, most: usize) -> Result<Vec<(Timestamp, StackEvent)>, Problem> {
    let mut all = Vec::new();
    let mut token = None;
    loop {
        let (events, next) = match page(clients, stack, token).await {
            Err(problem) if stack::does_not_exist(&problem) => return Ok(Vec::new()),
            page => page?,
        };
        all.extend(events);
        if next.is_none() || all.len() >= most {
            all.truncate(most);
            all.reverse();
            return Ok(all);
        }
        token = next;
    }
}

async fn page(
    clients: &Clients,
    stack: &str,
    token: Option<String>,
) -> Result<(Vec<(Timestamp, StackEvent)>, Option<String>), Problem> {
    let answer = clients
        .cloudformation
        .describe_stack_events()
        .stack_name(stack)
        .set_next_token(token)
        .send()
        .await
        .map_err(|error| Problem::of("cloudformation DescribeStackEvents", &error))?;
    let events = answer.stack_events.unwrap_or_default().into_iter().map(read).collect();
    Ok((events, answer.next_token))
}

fn read(event: types::StackEvent) -> (Timestamp, StackEvent) {
    let at = event.timestamp.map(moment).unwrap_or_default();
    let read = StackEvent {
        event_id: event.event_id.unwrap_or_default(),
        stack: event.stack_name.unwrap_or_default(),
        logical_id: event.logical_resource_id.unwrap_or_default(),
        physical_id: event.physical_resource_id.filter(|id| !id.is_empty()),
        resource_type: event.resource_type.unwrap_or_default(),
        status: event.resource_status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
        reason: event.resource_status_reason.filter(|reason| !reason.is_empty()),
    };
    (at, read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(logical: &str, status: &str, reason: Option<&str>) -> StackEvent {
        StackEvent {
            event_id: format!("{logical}-{status}"),
            stack: "s".to_owned(),
            logical_id: logical.to_owned(),
            physical_id: None,
            resource_type: "AWS::S3::Bucket".to_owned(),
            status: status.to_owned(),
            reason: reason.map(str::to_owned),
        }
    }

    #[test]
    fn an_operation_begins_with_an_event_of_the_stack_itself() {
        for (logical, status, begins) in [
            ("s", "CREATE_IN_PROGRESS", true),
            ("s", "UPDATE_IN_PROGRESS", true),
            ("s", "DELETE_IN_PROGRESS", true),
            ("s", "UPDATE_ROLLBACK_IN_PROGRESS", false),
            ("s", "REVIEW_IN_PROGRESS", false),
            ("bucket", "CREATE_IN_PROGRESS", false),
        ] {
            assert_eq!(begins_an_operation(&event(logical, status, None)), begins, "{logical} {status}");
        }
    }

    #[test]
    fn the_first_cause_is_kept_and_its_consequences_are_not_taken_for_it() {
        let mut follower =
            Follower { stack: "s".to_owned(), known: HashSet::new(), first_cause: None, has_begun: false };
        follower.consider(&event("a", "CREATE_IN_PROGRESS", None));
        follower.consider(&event("b", "CREATE_FAILED", Some("Resource creation cancelled")));
        follower.consider(&event("c", "CREATE_FAILED", Some("name is taken")));
        follower.consider(&event(
            "s",
            "ROLLBACK_IN_PROGRESS",
            Some("The following resource(s) failed to create: [c]."),
        ));
        follower.consider(&event("d", "DELETE_FAILED", Some("something later")));
        assert_eq!(follower.cause().as_deref(), Some("c (AWS::S3::Bucket) CREATE_FAILED: name is taken"));
    }
}
