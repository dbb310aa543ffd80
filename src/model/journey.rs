//! The way of each file and the course of each dataset, folded from what was seen: when it was written, uploaded, announced,
//! logged and put into the table; when the manifest came, each check and wait of the reconciliation, and the outcome.

use std::time::Duration;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::flow::{FlowEvent, GatewayStepKind, HistoryEvent, LogRole, Seen};
use super::outcome::Outcome;
use super::{SetId, Timestamp};

/// Files whose way is kept; of the oldest dataset they are forgotten first.
const KEPT_FILES: usize = 200_000;
/// Spans of states that are kept of a reconciliation; a full one has 960 checks and as many waits.
const KEPT_SPANS: usize = 4_000;

/// When things happened to one file, as far as it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Journey {
    /// The client wrote it to the share.
    pub written: Option<Timestamp>,
    /// The whole object was put into the bucket.
    pub uploaded: Option<Timestamp>,
    /// Its upload notification was accepted, the first time.
    pub notified: Option<Timestamp>,
    /// How often that was.
    pub notifications: u32,
    /// Its line was written to the log group.
    pub logged: Option<Timestamp>,
    /// Whether it is a manifest.
    pub is_manifest: bool,
    /// Its item was first seen in the table, which is up to a look at the table later than it was put there.
    pub item_seen: Option<Timestamp>,
    /// Bytes, as the last one who told of it says.
    pub size: u64,
}

/// The first and the last of many moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stretch {
    /// The first one.
    pub first: Timestamp,
    /// The last one.
    pub last: Timestamp,
    /// How many there were.
    pub count: u64,
}

impl Stretch {
    fn add(stretch: &mut Option<Self>, at: Timestamp) {
        let now = stretch.get_or_insert(Self { first: at, last: at, count: 0 });
        (now.first, now.last, now.count) = (now.first.min(at), now.last.max(at), now.count + 1);
    }

    /// How long it took from the first to the last.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.last.since(self.first).unwrap_or_default()
    }
}

/// A state of the reconciliation from when it was entered to when it was left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    /// The state.
    pub state: String,
    /// Whether it waits.
    pub is_wait: bool,
    /// When it was entered.
    pub from: Timestamp,
    /// When it was left; `None` while it is under way.
    pub to: Option<Timestamp>,
}

/// What happened to a dataset, and when.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Course {
    /// Writes to the share.
    pub written: Option<Stretch>,
    /// Whole uploads.
    pub uploaded: Option<Stretch>,
    /// Notifications that were accepted.
    pub notified: Option<Stretch>,
    /// Lines of data files.
    pub logged: Option<Stretch>,
    /// Items, when they were first seen.
    pub items: Option<Stretch>,
    /// The manifest's line.
    pub manifest: Option<Timestamp>,
    /// Execution by its ARN, when it began and ended.
    pub execution: Option<(String, Timestamp, Option<Timestamp>)>,
    /// Tasks and waits of the execution in their order, the newest ones.
    pub spans: Vec<Span>,
    /// Older ones that are no longer kept.
    pub dropped: usize,
    /// How it ended.
    pub outcome: Option<(Outcome, Timestamp)>,
    pub(super) furthest: i64,
    pub(super) files: IndexMap<String, Journey>,
}

impl Course {
    /// The way of a file.
    #[must_use]
    pub fn file(&self, key: &str) -> Option<&Journey> {
        self.files.get(key)
    }

    /// Names of the states that its spans are of, each once, in the order in which they were entered first.
    #[must_use]
    pub fn lanes(&self) -> Vec<&str> {
        let mut lanes: Vec<&str> = Vec::new();
        for span in &self.spans {
            if !lanes.contains(&span.state.as_str()) {
                lanes.push(&span.state);
            }
        }
        lanes
    }

    /// The first and the last moment that is known of it.
    #[must_use]
    pub fn bounds(&self) -> Option<(Timestamp, Timestamp)> {
        let stretches = [self.written, self.uploaded, self.notified, self.logged, self.items];
        let ends = stretches.into_iter().flatten().flat_map(|stretch| [stretch.first, stretch.last]);
        let run = self.execution.iter().flat_map(|(_, from, to)| [Some(*from), *to]).flatten();
        let spans = self.spans.iter().flat_map(|span| [Some(span.from), span.to]).flatten();
        let rest = self.manifest.into_iter().chain(self.outcome.map(|(_, at)| at));
        let all = || ends.clone().chain(run.clone()).chain(spans.clone()).chain(rest.clone());
        Some((all().min()?, all().max()?))
    }

    fn history(&mut self, at: Timestamp, event: &HistoryEvent) {
        if event.id <= self.furthest {
            return;
        }
        self.furthest = event.id;
        let Some(state) = &event.state else { return };
        let is_wait = event.kind.starts_with("Wait");
        if !is_wait && !event.kind.starts_with("Task") {
            return;
        }
        if event.kind.ends_with("StateEntered") {
            if self.spans.len() == KEPT_SPANS {
                // Half at once, so that it is not done for each one.
                self.spans.drain(..KEPT_SPANS / 2);
                self.dropped += KEPT_SPANS / 2;
            }
            self.spans.push(Span { state: state.clone(), is_wait, from: at, to: None });
        } else if event.kind.ends_with("StateExited")
            && let Some(span) = self.spans.iter_mut().rev().find(|span| span.state == *state && span.to.is_none())
        {
            span.to = Some(at);
        }
    }
}

/// The courses of all datasets, in the order in which these were seen.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Courses {
    by_set: IndexMap<SetId, Course>,
    executions: IndexMap<String, SetId>,
    kept: usize,
    /// Files whose way is no longer kept.
    pub forgotten: usize,
}

impl Courses {
    /// The course of a dataset.
    #[must_use]
    pub fn get(&self, set: &SetId) -> Option<&Course> {
        self.by_set.get(set)
    }

    /// The dataset that a key belongs to, the newest one where several have it.
    #[must_use]
    pub fn set_of(&self, key: &str) -> Option<&SetId> {
        self.by_set.iter().rev().find(|(_, course)| course.files.contains_key(key)).map(|(set, _)| set)
    }

    /// Takes in something that was not seen before; history and statuses may come again.
    pub fn see(&mut self, event: &FlowEvent) {
        let at = event.at;
        match &event.what {
            Seen::Gateway(step) => {
                let course = self.course(&step.set_id);
                let stretch = match step.step {
                    GatewayStepKind::Written => &mut course.written,
                    GatewayStepKind::Uploaded => &mut course.uploaded,
                    GatewayStepKind::Notified => &mut course.notified,
                    GatewayStepKind::PartialUploaded => return,
                };
                Stretch::add(stretch, at);
                let Some(file) = self.file(&step.set_id, &step.object_key) else { return };
                file.size = step.object_size;
                match step.step {
                    GatewayStepKind::Written => file.written = Some(at),
                    GatewayStepKind::Uploaded => file.uploaded = Some(at),
                    _ => {
                        file.notified.get_or_insert(at);
                        file.notifications = file.notifications.saturating_add(1);
                    }
                }
            }
            Seen::Log(line) => {
                let Some(upload) = &line.upload else { return };
                let course = self.course(&upload.set_id);
                if let Some(outcome) = Outcome::of_log(line.role) {
                    course.outcome = Some((outcome, at));
                    return;
                }
                let is_manifest = line.role == LogRole::ManifestFileUpload;
                if is_manifest {
                    course.manifest = Some(at);
                } else {
                    Stretch::add(&mut course.logged, at);
                }
                let Some(file) = self.file(&upload.set_id, &upload.object_key) else { return };
                file.logged.get_or_insert(at);
                file.is_manifest |= is_manifest;
                file.size = upload.object_size;
            }
            Seen::Item(item) => {
                Stretch::add(&mut self.course(&item.set_id).items, at);
                let Some(file) = self.file(&item.set_id, &item.object_key) else { return };
                file.item_seen.get_or_insert(at);
                file.size = item.object_size;
            }
            Seen::Execution(run) => {
                let Some(set) = &run.set_id else { return };
                self.executions.insert(run.arn.clone(), set.clone());
                let course = self.course(set);
                if course.execution.as_ref().is_none_or(|(arn, ..)| *arn != run.arn) {
                    // A later execution reconciles it anew.
                    (course.spans, course.dropped, course.furthest) = (Vec::new(), 0, 0);
                }
                course.execution = Some((run.arn.clone(), run.started, run.stopped));
            }
            Seen::History(history) => {
                let Some(set) = self.executions.get(&history.execution).cloned() else { return };
                let course = self.course(&set);
                if course.execution.as_ref().is_some_and(|(arn, ..)| *arn == history.execution) {
                    course.history(at, history);
                }
            }
            _ => {}
        }
    }

    fn course(&mut self, set: &SetId) -> &mut Course {
        if !self.by_set.contains_key(set) {
            self.by_set.insert(set.clone(), Course::default());
        }
        &mut self.by_set[set]
    }

    /// The file of that key; `None` where it is a file too many of the only dataset.
    fn file(&mut self, set: &SetId, key: &str) -> Option<&mut Journey> {
        if !self.course(set).files.contains_key(key) {
            if self.kept >= KEPT_FILES {
                let (_, oldest) =
                    self.by_set.iter_mut().find(|(other, course)| *other != set && !course.files.is_empty())?;
                let freed = std::mem::take(&mut oldest.files).len();
                self.kept -= freed;
                self.forgotten += freed;
            }
            self.kept += 1;
            self.course(set).files.insert(key.to_owned(), Journey::default());
        }
        self.course(set).files.get_mut(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::flow::{ExecutionSeen, ExecutionStatus, GatewayStep, LogLine, UploadDetail, UploadItem};

    fn at(secs: i64, what: Seen) -> FlowEvent {
        FlowEvent { at: Timestamp::from_secs(secs), what }
    }

    fn step(secs: i64, set: &str, key: &str, step: GatewayStepKind) -> FlowEvent {
        let (set_id, object_key) = (set.into(), key.to_owned());
        at(secs, Seen::Gateway(GatewayStep { set_id, step, object_key, object_size: 7, modified: None }))
    }

    fn line(secs: i64, role: LogRole, key: &str) -> FlowEvent {
        let upload = UploadDetail {
            set_id: "s".into(),
            event_time: secs,
            bucket_name: "b".to_owned(),
            object_key: key.to_owned(),
            object_size: 7,
        };
        let (event_id, message) = (format!("{key}{secs}"), String::new());
        at(secs, Seen::Log(LogLine { role, event_id, message, upload: Some(upload) }))
    }

    fn run(secs: i64, stopped: Option<i64>) -> FlowEvent {
        at(
            secs,
            Seen::Execution(ExecutionSeen {
                arn: "arn:run".to_owned(),
                name: "run".to_owned(),
                set_id: Some("s".into()),
                status: ExecutionStatus::Running,
                started: Timestamp::from_secs(secs),
                stopped: stopped.map(Timestamp::from_secs),
            }),
        )
    }

    fn history(secs: i64, id: i64, kind: &str, state: &str) -> FlowEvent {
        at(
            secs,
            Seen::History(HistoryEvent {
                execution: "arn:run".to_owned(),
                id,
                previous_id: id - 1,
                kind: kind.to_owned(),
                state: Some(state.to_owned()),
                details: serde_json::Value::Null,
            }),
        )
    }

    #[test]
    fn a_file_is_followed_from_the_share_to_the_table() {
        let mut courses = Courses::default();
        for event in [
            step(1, "s", "a", GatewayStepKind::Written),
            step(3, "s", "a", GatewayStepKind::Uploaded),
            step(4, "s", "a", GatewayStepKind::Notified),
            step(9, "s", "a", GatewayStepKind::Notified),
            line(5, LogRole::DataFileUpload, "a"),
            line(10, LogRole::DataFileUpload, "a"),
            at(
                6,
                Seen::Item(UploadItem {
                    set_id: "s".into(),
                    object_key: "a".to_owned(),
                    bucket_name: "b".to_owned(),
                    object_size: 8,
                    event_time: 4,
                }),
            ),
        ] {
            courses.see(&event);
        }
        let secs = |secs| Some(Timestamp::from_secs(secs));
        let file = courses.get(&"s".into()).and_then(|course| course.file("a")).expect("seen");
        assert_eq!((file.written, file.uploaded, file.notified, file.notifications), (secs(1), secs(3), secs(4), 2));
        assert_eq!((file.logged, file.item_seen, file.size, file.is_manifest), (secs(5), secs(6), 8, false));
        assert_eq!(courses.set_of("a"), Some(&"s".into()));
        assert_eq!(courses.set_of("b"), None);
    }

    #[test]
    fn a_course_has_every_check_and_wait_once() {
        let mut courses = Courses::default();
        let events = [
            step(1, "s", "a", GatewayStepKind::Written),
            line(2, LogRole::ManifestFileUpload, "m"),
            run(2, None),
            history(3, 1, "TaskStateEntered", "check"),
            history(4, 2, "TaskStateExited", "check"),
            history(4, 3, "WaitStateEntered", "wait"),
            history(34, 4, "WaitStateExited", "wait"),
            history(34, 5, "ChoiceStateEntered", "done?"),
            history(34, 6, "TaskStateEntered", "check"),
            line(40, LogRole::ReconcileSuccessful, "m"),
        ];
        for event in events.iter().chain(&events[2..]) {
            courses.see(event);
        }
        let course = courses.get(&"s".into()).expect("seen");
        let spans: Vec<(&str, bool, Option<i64>)> =
            course.spans.iter().map(|span| (span.state.as_str(), span.is_wait, span.to.map(Timestamp::secs))).collect();
        assert_eq!(spans, [("check", false, Some(4)), ("wait", true, Some(34)), ("check", false, None)]);
        assert_eq!(course.manifest, Some(Timestamp::from_secs(2)));
        assert_eq!(course.outcome, Some((Outcome::Successful, Timestamp::from_secs(40))));
        assert_eq!(course.bounds(), Some((Timestamp::from_secs(1), Timestamp::from_secs(40))));
    }

    #[test]
    fn the_files_of_the_oldest_dataset_make_room() {
        let mut courses = Courses::default();
        for at in 0..KEPT_FILES {
            courses.see(&step(1, "old", &at.to_string(), GatewayStepKind::Written));
        }
        courses.see(&step(1, "old", "one more", GatewayStepKind::Written));
        assert_eq!((courses.kept, courses.set_of("one more")), (KEPT_FILES, None));
        courses.see(&step(2, "new", "a", GatewayStepKind::Written));
        assert_eq!((courses.kept, courses.forgotten), (1, KEPT_FILES));
        assert!(courses.set_of("a").is_some() && courses.set_of("0").is_none());
        assert_eq!(
            courses.get(&"old".into()).and_then(|course| course.written).map(|written| written.count),
            Some(200_001)
        );
    }
}
