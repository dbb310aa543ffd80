//! The way of one file hop by hop, put together from what is known of it: what the endpoint's trace says, what was seen, and
//! what must have been because what comes after it was seen. Each hop says which of these it is.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Timestamp;
use super::journey::{Course, Journey};
use super::outcome::Outcome;
use super::words::counted;

/// A hop of the endpoint's own trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceHop {
    /// When it ended.
    pub at: Timestamp,
    /// Who sent it.
    pub from: String,
    /// The ARN that it was sent to.
    pub to: String,
    /// The id of the event or message.
    pub subject: String,
    /// `None` when it arrived, else why not.
    pub error: Option<String>,
}

/// A place on the way of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Stage {
    /// The gateway's share, where the client writes.
    Share,
    /// The bucket.
    Bucket,
    /// The default event bus.
    DefaultBus,
    /// The queue of notifications.
    Queue,
    /// The function that tells manifests from data.
    Check,
    /// The bus of the checked events.
    CustomBus,
    /// The log group.
    Log,
    /// The function that writes the item.
    Writer,
    /// The item in the table.
    Item,
    /// The execution that a manifest starts.
    Execution,
    /// How the reconciliation ended.
    Outcome,
}

impl Stage {
    /// All of them in the order of the way.
    pub const ALL: [Self; 11] = [
        Self::Share,
        Self::Bucket,
        Self::DefaultBus,
        Self::Queue,
        Self::Check,
        Self::CustomBus,
        Self::Log,
        Self::Writer,
        Self::Item,
        Self::Execution,
        Self::Outcome,
    ];

    /// Its name on a screen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Share => "gateway",
            Self::Bucket => "bucket",
            Self::DefaultBus => "default bus",
            Self::Queue => "queue",
            Self::Check => "λ check",
            Self::CustomBus => "custom bus",
            Self::Log => "log line",
            Self::Writer => "λ write",
            Self::Item => "item",
            Self::Execution => "execution",
            Self::Outcome => "outcome",
        }
    }

    /// Where it comes from. The function is told done when its call has ended, after it has put its events.
    #[must_use]
    pub const fn after(self) -> Option<Self> {
        Some(match self {
            Self::Share => return None,
            Self::Bucket => Self::Share,
            Self::DefaultBus => Self::Bucket,
            Self::Queue => Self::DefaultBus,
            Self::Check | Self::CustomBus => Self::Queue,
            Self::Log | Self::Writer | Self::Execution => Self::CustomBus,
            Self::Item => Self::Writer,
            Self::Outcome => Self::Execution,
        })
    }

    /// Which one a hop of the endpoint's trace leads to.
    fn of(hop: &TraceHop) -> Option<Self> {
        let service = hop.to.split(':').nth(2).unwrap_or_default();
        Some(match service {
            "events" if hop.to.ends_with("event-bus/default") => Self::DefaultBus,
            "events" => Self::CustomBus,
            "sqs" => Self::Queue,
            "lambda" if hop.from.starts_with("lambda.") => Self::Check,
            "lambda" => Self::Writer,
            "logs" => Self::Log,
            "states" => Self::Execution,
            _ => return None,
        })
    }
}

/// How a hop is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Known {
    /// The endpoint's trace says so.
    Traced,
    /// It was seen from outside, as logs, items and history show it.
    Seen,
    /// It was not seen, and what comes after it was.
    Inferred,
    /// It has not happened as far as is known.
    Awaited,
}

impl Known {
    /// A word for a screen.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Traced => "traced",
            Self::Seen => "seen",
            Self::Inferred => "inferred",
            Self::Awaited => "not yet",
        }
    }
}

/// One hop of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Where it leads to.
    pub stage: Stage,
    /// How it is known.
    pub known: Known,
    /// When it happened, where that is known.
    pub at: Option<Timestamp>,
    /// How long after the hop before it.
    pub after: Option<Duration>,
    /// A few words more: the name of what it was sent to, how often, how it ended.
    pub detail: String,
    /// Why it did not arrive.
    pub error: Option<String>,
}

/// The way of a file. `course` is that of its dataset; `hops` is what the endpoint's trace says of it.
#[must_use]
pub fn steps(course: &Course, file: &Journey, hops: &[TraceHop]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for stage in Stage::ALL {
        if matches!(stage, Stage::Execution | Stage::Outcome) && !file.is_manifest {
            continue;
        }
        let mut own: Vec<Step> =
            hops.iter().filter(|hop| stage_of(hop, hops) == Some(stage)).map(|hop| traced(stage, hop)).collect();
        own.sort_by_key(|step| step.at);
        let seen = seen(course, file, stage);
        match seen {
            Some((at, detail)) if own.iter().all(|step| step.error.is_some()) => {
                own.push(Step { stage, known: Known::Seen, at: Some(at), after: None, detail, error: None });
            }
            Some((_, detail)) => {
                if let Some(step) = own.iter_mut().find(|step| step.error.is_none() && !detail.is_empty()) {
                    step.detail = format!("{} · {detail}", step.detail);
                }
            }
            None if own.is_empty() => {
                own.push(Step {
                    stage,
                    known: Known::Awaited,
                    at: None,
                    after: None,
                    detail: String::new(),
                    error: None,
                });
            }
            None => {}
        }
        steps.extend(own);
    }
    infer(&mut steps);
    time(&mut steps);
    steps
}

/// Which stage a hop leads to. The event of the outcome names the manifest as well, and is none of the manifest's own.
fn stage_of(hop: &TraceHop, hops: &[TraceHop]) -> Option<Stage> {
    let stage = Stage::of(hop)?;
    let begun = hops.iter().find(|hop| Stage::of(hop) == Some(Stage::Execution) && hop.error.is_none());
    let is_later = begun.is_some_and(|begun| hop.at > begun.at && hop.subject != begun.subject);
    match stage {
        Stage::Log if is_later => Some(Stage::Outcome),
        Stage::CustomBus if is_later => None,
        _ => Some(stage),
    }
}

fn traced(stage: Stage, hop: &TraceHop) -> Step {
    let name = hop.to.rsplit([':', '/']).find(|part| !part.is_empty() && *part != "*").unwrap_or(&hop.to);
    Step {
        stage,
        known: Known::Traced,
        at: Some(hop.at),
        after: None,
        detail: name.to_owned(),
        error: hop.error.clone(),
    }
}

/// What was seen of a hop from outside.
fn seen(course: &Course, file: &Journey, stage: Stage) -> Option<(Timestamp, String)> {
    let plain = |at: Option<Timestamp>| at.map(|at| (at, String::new()));
    match stage {
        Stage::Share => plain(file.written),
        Stage::Bucket => plain(file.uploaded),
        Stage::DefaultBus => file.notified.map(|at| {
            (at, if file.notifications > 1 { format!("announced {}×", file.notifications) } else { String::new() })
        }),
        Stage::Log => plain(file.logged),
        Stage::Item => file.item_seen.map(|at| (at, "first seen in the table".to_owned())),
        Stage::Execution => course.execution.as_ref().map(|(arn, at, _)| {
            let checks = course.spans.iter().filter(|span| !span.is_wait && span.state.contains("Check")).count();
            let checks = if checks > 0 { format!(" · {}", counted(checks, "check")) } else { String::new() };
            (*at, format!("{}{checks}", arn.rsplit(':').next().unwrap_or(arn)))
        }),
        Stage::Outcome => course.outcome.map(|(outcome, at)| {
            let words = match outcome {
                Outcome::Successful => "Reconciliation Successful",
                Outcome::Timeout => "Reconciliation Timeout",
            };
            (at, words.to_owned())
        }),
        Stage::Queue | Stage::Check | Stage::CustomBus | Stage::Writer => None,
    }
}

/// What nobody saw has happened where something that comes of it did.
fn infer(steps: &mut [Step]) {
    for at in 0..steps.len() {
        if steps[at].known != Known::Awaited {
            continue;
        }
        let stage = steps[at].stage;
        let comes_of = |step: &Step| {
            let mut before = step.stage.after();
            while before.is_some_and(|before| before != stage) {
                before = before.and_then(Stage::after);
            }
            // The call of the function ends after its events are put.
            before.is_some() || (stage == Stage::Check && step.stage > Stage::Check)
        };
        if steps.iter().any(|step| step.known != Known::Awaited && step.error.is_none() && comes_of(step)) {
            steps[at].known = Known::Inferred;
        }
    }
}

/// How long each hop took since the nearest one before it whose moment is known.
fn time(steps: &mut [Step]) {
    for at in 0..steps.len() {
        let mut before = steps[at].stage.after();
        let arrived = |stage: Stage| {
            steps.iter().filter(|step| step.stage == stage && step.error.is_none()).find_map(|step| step.at)
        };
        while let Some(stage) = before
            && arrived(stage).is_none()
        {
            before = stage.after();
        }
        let begun = before.and_then(arrived);
        steps[at].after = steps[at].at.zip(begun).and_then(|(at, begun)| at.since(begun));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::journey::Stretch;

    fn millis(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn hop(at: i64, from: &str, to: &str, error: Option<&str>) -> TraceHop {
        let to = format!("arn:aws:{to}");
        TraceHop {
            at: millis(at),
            from: from.to_owned(),
            to,
            subject: "id".to_owned(),
            error: error.map(str::to_owned),
        }
    }

    fn short(steps: &[Step]) -> Vec<(Stage, Known, Option<u128>)> {
        steps.iter().map(|step| (step.stage, step.known, step.after.map(|after| after.as_millis()))).collect()
    }

    #[test]
    fn what_nobody_traces_is_inferred_from_what_is_seen() {
        let file = Journey { notified: Some(millis(100)), logged: Some(millis(140)), ..Journey::default() };
        let steps = steps(&Course::default(), &file, &[]);
        assert_eq!(
            short(&steps),
            [
                (Stage::Share, Known::Inferred, None),
                (Stage::Bucket, Known::Inferred, None),
                (Stage::DefaultBus, Known::Seen, None),
                (Stage::Queue, Known::Inferred, None),
                (Stage::Check, Known::Inferred, None),
                (Stage::CustomBus, Known::Inferred, None),
                (Stage::Log, Known::Seen, Some(40)),
                (Stage::Writer, Known::Awaited, None),
                (Stage::Item, Known::Awaited, None),
            ]
        );
    }

    #[test]
    fn the_trace_of_the_endpoint_tells_every_hop_and_every_attempt() {
        let file = Journey {
            written: Some(millis(0)),
            uploaded: Some(millis(50)),
            notified: Some(millis(61)),
            notifications: 2,
            logged: Some(millis(90)),
            item_seen: Some(millis(300)),
            is_manifest: true,
            size: 1,
        };
        let course = Course {
            execution: Some(("arn:x:run-1".to_owned(), millis(92), None)),
            written: Some(Stretch { first: millis(0), last: millis(0), count: 1 }),
            ..Course::default()
        };
        let hops = [
            hop(60, "PutEvents", "events:r:0:event-bus/default", None),
            hop(62, "events.amazonaws.com", "sqs:r:0:uploads", None),
            hop(80, "lambda.amazonaws.com", "lambda:r:0:function:check", None),
            hop(75, "PutEvents", "events:r:0:event-bus/own", None),
            hop(90, "events.amazonaws.com", "logs:r:0:log-group:/aws/events/manifest:*", None),
            hop(85, "events.amazonaws.com", "lambda:r:0:function:write", Some("it was lost")),
            hop(89, "events.amazonaws.com", "lambda:r:0:function:write", None),
            hop(91, "events.amazonaws.com", "states:r:0:stateMachine:reconcile", None),
            hop(99, "sns.amazonaws.com", "sns:r:0:topic", None),
        ];
        let of_outcome = |hop: TraceHop| TraceHop { subject: "another".to_owned(), ..hop };
        let hops = hops.into_iter().chain([
            of_outcome(hop(200, "PutEvents", "events:r:0:event-bus/own", None)),
            of_outcome(hop(201, "events.amazonaws.com", "logs:r:0:log-group:/aws/events/done:*", None)),
        ]);
        let hops: Vec<TraceHop> = hops.collect();
        let steps = steps(&course, &file, &hops);
        let expected = [
            (Stage::Share, Known::Seen, None),
            (Stage::Bucket, Known::Seen, Some(50)),
            (Stage::DefaultBus, Known::Traced, Some(10)),
            (Stage::Queue, Known::Traced, Some(2)),
            (Stage::Check, Known::Traced, Some(18)),
            (Stage::CustomBus, Known::Traced, Some(13)),
            (Stage::Log, Known::Traced, Some(15)),
            (Stage::Writer, Known::Traced, Some(10)),
            (Stage::Writer, Known::Traced, Some(14)),
            (Stage::Item, Known::Seen, Some(211)),
            (Stage::Execution, Known::Traced, Some(16)),
            (Stage::Outcome, Known::Traced, Some(110)),
        ];
        assert_eq!(short(&steps), expected);
        assert_eq!(steps[2].detail, "default · announced 2×");
        assert_eq!((steps[6].detail.as_str(), steps[7].error.as_deref()), ("manifest", Some("it was lost")));
        assert_eq!(steps[10].detail, "reconcile · run-1");
    }
}
