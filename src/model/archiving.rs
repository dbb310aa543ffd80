//! The archiving stack: what is seen of its schedule, its task, its notifications and its archives, and what all of that
//! comes to. Folded idempotently: what is seen again changes nothing.

use std::collections::{BTreeMap, VecDeque};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::Timestamp;
use super::flow::{FlowEvent, Seen};
use super::schedule::Schedule;

/// Notifications that are kept, the newest ones.
pub const KEPT_NOTIFICATIONS: usize = 500;
/// Runs of the task that are kept, the newest ones.
const KEPT_TASKS: usize = 2_000;
/// Archives and inventories that are kept, the last ones by name.
const KEPT_OBJECTS: usize = 4_000;

/// A schedule as EventBridge Scheduler describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleSeen {
    /// Its name.
    pub name: String,
    /// Its group.
    pub group: String,
    /// `cron(0 0 ? * MON-SUN *)`, `rate(1 day)`, …
    pub expression: String,
    /// `UTC`, `Europe/Berlin`, …
    pub timezone: String,
    /// Whether it fires at all.
    pub is_enabled: bool,
    /// The ARN of what it starts.
    pub target: String,
    /// When a rate begins to count: its start date, else its creation.
    pub start: Timestamp,
    /// After this it does not fire any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Timestamp>,
    /// Minutes after the moment within which it fires; 0 for at once.
    #[serde(default)]
    pub window_minutes: u32,
}

impl ScheduleSeen {
    /// The next moment at which it is due, from `now` on; `None` when it is disabled, over, or cannot be read.
    #[must_use]
    pub fn next_run(&self, now: Timestamp) -> Option<Timestamp> {
        if !self.is_enabled {
            return None;
        }
        let next = Schedule::parse(&self.expression, &self.timezone).ok()?.next(self.start, now.max(self.start))?;
        self.end.is_none_or(|end| next <= end).then_some(next)
    }
}

/// How far a run of the task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TaskStatus {
    /// ECS was asked to run it.
    Asked,
    /// ECS has taken it: it is set up, or runs.
    Running,
    /// It ended with exit code 0.
    Succeeded,
    /// It could not be run, or ended otherwise.
    Failed,
}

/// A run of the ECS task, as the history of the execution that asked for it tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskSeen {
    /// The execution's ARN.
    pub execution: String,
    /// The number of the history event that asked for the run: what tells runs of one execution apart.
    pub run: i64,
    /// The number of the history event that shows this; a later one knows better.
    pub event_id: i64,
    /// How far it is.
    pub status: TaskStatus,
    /// The task's ARN, once ECS gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// The exit code of its first container, once it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// Why it stopped, in ECS's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A message to the topic, as the history of the execution that sent it tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotificationSeen {
    /// The execution's ARN.
    pub execution: String,
    /// The number of the history event that asked for it.
    pub run: i64,
    /// The number of the history event that shows this; a later one knows better.
    pub event_id: i64,
    /// The topic's ARN.
    pub topic: String,
    /// The message's subject; empty without one.
    pub subject: String,
    /// The message.
    pub message: String,
    /// Whether SNS took it; `None` while that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_sent: Option<bool>,
    /// Its number in SNS, or why it was not taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// A file in an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberSeen {
    /// Its name.
    pub name: String,
    /// Bytes.
    pub size: u64,
}

/// What an archive's own table of contents says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContentsSeen {
    /// The first members.
    pub members: Vec<MemberSeen>,
    /// How many there are; of a table that was read in part, how many were read.
    pub count: u64,
    /// Their bytes, as far as they were read.
    pub bytes: u64,
    /// Whether the table was read to its end.
    pub is_whole: bool,
}

/// An archive under the destination prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArchiveSeen {
    /// The bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Its ETag: another one is another archive.
    pub etag: String,
    /// What it holds; `None` where that was not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contents: Option<ContentsSeen>,
    /// Why it was not, where it was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
}

/// A delivered inventory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InventorySeen {
    /// The bucket.
    pub bucket: String,
    /// The folder that holds its `manifest.json`: `prefix/2026-11-20T01-00Z/`.
    pub folder: String,
}

/// An archive and when it was last changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Archive {
    /// By the clock of S3.
    pub at: Timestamp,
    /// The archive.
    pub seen: ArchiveSeen,
}

/// The archiving stack as it was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Archiving {
    /// Its schedule.
    pub schedule: Option<ScheduleSeen>,
    /// Runs of its task by execution and run, the first one first.
    #[serde(with = "pairs")]
    tasks: IndexMap<(String, i64), Run>,
    /// What was told, the oldest first.
    notifications: VecDeque<Notification>,
    /// Archives by key.
    archives: BTreeMap<String, Archive>,
    /// Folders of inventories.
    inventories: BTreeMap<String, Timestamp>,
}

/// A run of the task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// When it was asked for.
    pub began: Timestamp,
    /// When what is known of it was so.
    pub at: Timestamp,
    /// What is known of it.
    pub seen: TaskSeen,
}

/// A notification and when it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// When it was asked for.
    pub at: Timestamp,
    /// The notification.
    pub seen: NotificationSeen,
}

impl Archiving {
    /// Takes in what was seen; whether it is news.
    pub fn see(&mut self, event: &FlowEvent) -> bool {
        match &event.what {
            Seen::Schedule(seen) => {
                let news = self.schedule.as_ref() != Some(seen);
                if news {
                    self.schedule = Some(seen.clone());
                }
                news
            }
            Seen::Task(seen) => self.task(event.at, seen),
            Seen::Notification(seen) => self.notification(event.at, seen),
            Seen::Archive(seen) => self.archive(event.at, seen),
            Seen::Inventory(seen) => {
                let news = self.inventories.insert(seen.folder.clone(), event.at).is_none();
                bound(&mut self.inventories);
                news
            }
            _ => false,
        }
    }

    fn task(&mut self, at: Timestamp, seen: &TaskSeen) -> bool {
        let key = (seen.execution.clone(), seen.run);
        if let Some(run) = self.tasks.get_mut(&key) {
            if run.seen.event_id >= seen.event_id {
                return false;
            }
            let arn = seen.arn.clone().or_else(|| run.seen.arn.take());
            run.seen = TaskSeen { arn, ..seen.clone() };
            run.at = at;
            return true;
        }
        // One that made room once is not told anew.
        if self.tasks.len() >= KEPT_TASKS {
            self.tasks.shift_remove_index(0);
        }
        self.tasks.insert(key, Run { began: at, at, seen: seen.clone() });
        true
    }

    fn notification(&mut self, at: Timestamp, seen: &NotificationSeen) -> bool {
        let known = self
            .notifications
            .iter_mut()
            .rev()
            .find(|known| known.seen.run == seen.run && known.seen.execution == seen.execution);
        if let Some(known) = known {
            if known.seen.event_id >= seen.event_id {
                return false;
            }
            known.seen = seen.clone();
            return true;
        }
        if self.notifications.len() >= KEPT_NOTIFICATIONS {
            self.notifications.pop_front();
        }
        let place = self.notifications.iter().rposition(|known| known.at <= at).map_or(0, |place| place + 1);
        self.notifications.insert(place, Notification { at, seen: seen.clone() });
        true
    }

    fn archive(&mut self, at: Timestamp, seen: &ArchiveSeen) -> bool {
        let known = self.archives.get(&seen.key);
        let is_same = known.is_some_and(|known| known.seen.etag == seen.etag && known.at == at);
        // The list alone knows less than what was read of the same archive before.
        let says_more = seen.contents.is_some() || seen.unread.is_some();
        if is_same && (!says_more || known.is_some_and(|known| known.seen == *seen)) {
            return false;
        }
        self.archives.insert(seen.key.clone(), Archive { at, seen: seen.clone() });
        bound(&mut self.archives);
        true
    }

    /// Runs of the task for an execution, in their order.
    pub fn runs_of<'a>(&'a self, execution: &'a str) -> impl DoubleEndedIterator<Item = &'a Run> {
        self.tasks.values().filter(move |run| run.seen.execution == execution)
    }

    /// How often an execution ran its task again.
    #[must_use]
    pub fn retries(&self, execution: &str) -> usize {
        self.runs_of(execution).count().saturating_sub(1)
    }

    /// What was told, the newest first.
    pub fn notifications(&self) -> impl DoubleEndedIterator<Item = &Notification> + ExactSizeIterator {
        self.notifications.iter().rev()
    }

    /// What an execution told last.
    #[must_use]
    pub fn told_by(&self, execution: &str) -> Option<&Notification> {
        self.notifications().find(|known| known.seen.execution == execution)
    }

    /// Archives, the one that was changed last first.
    #[must_use]
    pub fn archives(&self) -> Vec<&Archive> {
        let mut archives: Vec<&Archive> = self.archives.values().collect();
        archives.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| b.seen.key.cmp(&a.seen.key)));
        archives
    }

    /// The archive that was changed last.
    #[must_use]
    pub fn latest(&self) -> Option<&Archive> {
        self.archives.values().max_by(|a, b| a.at.cmp(&b.at).then_with(|| a.seen.key.cmp(&b.seen.key)))
    }

    /// How many archives there are, and their bytes.
    #[must_use]
    pub fn stored(&self) -> (usize, u64) {
        let bytes = self.archives.values().fold(0_u64, |sum, archive| sum.saturating_add(archive.seen.size));
        (self.archives.len(), bytes)
    }

    /// How many inventories were delivered, and the last one's folder.
    #[must_use]
    pub fn inventories(&self) -> (usize, Option<&str>) {
        (self.inventories.len(), self.inventories.keys().next_back().map(String::as_str))
    }
}

/// Lets the first ones by name make room: they carry their day.
fn bound<V>(of: &mut BTreeMap<String, V>) {
    while of.len() > KEPT_OBJECTS {
        of.pop_first();
    }
}

/// JSON has no keys but text: runs are written as pairs.
mod pairs {
    use indexmap::IndexMap;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Run;

    type Runs = IndexMap<(String, i64), Run>;

    pub(super) fn serialize<S: Serializer>(runs: &Runs, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(runs)
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Runs, D::Error> {
        Ok(Vec::<((String, i64), Run)>::deserialize(from)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(expression: &str, is_enabled: bool) -> ScheduleSeen {
        ScheduleSeen {
            name: "s".to_owned(),
            group: "g".to_owned(),
            expression: expression.to_owned(),
            timezone: "UTC".to_owned(),
            is_enabled,
            target: "arn".to_owned(),
            start: Timestamp::from_secs(0),
            end: None,
            window_minutes: 0,
        }
    }

    fn at(secs: i64, what: Seen) -> FlowEvent {
        FlowEvent { at: Timestamp::from_secs(secs), what }
    }

    fn task(run: i64, event_id: i64, status: TaskStatus) -> Seen {
        let (arn, exit_code) = match status {
            TaskStatus::Running => (Some("task".to_owned()), None),
            TaskStatus::Failed => (None, Some(2)),
            TaskStatus::Asked | TaskStatus::Succeeded => (None, None),
        };
        Seen::Task(TaskSeen { execution: "e".to_owned(), run, event_id, status, arn, exit_code, reason: None })
    }

    fn told(run: i64, event_id: i64, is_sent: Option<bool>) -> Seen {
        Seen::Notification(NotificationSeen {
            execution: "e".to_owned(),
            run,
            event_id,
            topic: "t".to_owned(),
            subject: "s".to_owned(),
            message: "m".to_owned(),
            is_sent,
            answer: None,
        })
    }

    fn archive(key: &str, etag: &str, contents: Option<ContentsSeen>) -> Seen {
        let (key, etag) = (key.to_owned(), etag.to_owned());
        Seen::Archive(ArchiveSeen { bucket: "b".to_owned(), key, size: 10, etag, contents, unread: None })
    }

    #[test]
    fn the_next_run_is_the_schedules_next_moment_while_it_fires_at_all() {
        let noon = Timestamp::parse_rfc3339("2026-11-21T12:00:00Z").expect("a moment");
        let daily = schedule("cron(0 0 ? * MON-SUN *)", true);
        assert_eq!(daily.next_run(noon).map(Timestamp::iso_seconds).as_deref(), Some("2026-11-22T00:00:00Z"));
        assert_eq!(ScheduleSeen { end: Some(noon), ..daily.clone() }.next_run(noon), None);
        let later = ScheduleSeen { start: noon + std::time::Duration::from_secs(86_400), ..daily };
        assert_eq!(later.next_run(noon).map(Timestamp::iso_seconds).as_deref(), Some("2026-11-23T00:00:00Z"));
        assert_eq!(schedule("cron(0 0 ? * MON-SUN *)", false).next_run(noon), None);
        assert_eq!(schedule("now and then", true).next_run(noon), None);
    }

    #[test]
    fn what_is_seen_twice_changes_nothing() {
        let contents = ContentsSeen { count: 2, bytes: 8, is_whole: true, ..ContentsSeen::default() };
        let events = [
            at(1, Seen::Schedule(schedule("rate(1 day)", true))),
            at(2, task(3, 3, TaskStatus::Asked)),
            at(3, task(3, 5, TaskStatus::Running)),
            at(4, task(3, 6, TaskStatus::Failed)),
            at(5, task(12, 12, TaskStatus::Asked)),
            at(6, task(12, 15, TaskStatus::Succeeded)),
            at(7, told(20, 20, None)),
            at(8, told(20, 22, Some(true))),
            at(9, archive("p/2026-11-21/a.tar", "1", None)),
            at(9, archive("p/2026-11-21/a.tar", "1", Some(contents.clone()))),
            at(9, Seen::Inventory(InventorySeen { bucket: "b".to_owned(), folder: "i/2026-11-20T01-00Z/".to_owned() })),
        ];
        let mut once = Archiving::default();
        assert!(events.iter().all(|event| once.see(event)), "each is news");
        let mut twice = once.clone();
        assert!(!events.iter().any(|event| twice.see(event)), "none is news any more");
        assert_eq!(once, twice);
        assert_eq!(once.retries("e"), 1);
        let runs: Vec<_> = once.runs_of("e").map(|run| (run.seen.status, run.seen.arn.as_deref())).collect();
        assert_eq!(runs, [(TaskStatus::Failed, Some("task")), (TaskStatus::Succeeded, None)]);
        assert_eq!(once.told_by("e").and_then(|told| told.seen.is_sent), Some(true));
        assert_eq!(once.notifications().len(), 1);
        assert_eq!(once.latest().and_then(|archive| archive.seen.contents.clone()), Some(contents));
        assert_eq!(once.inventories(), (1, Some("i/2026-11-20T01-00Z/")));
        let text = serde_json::to_string(&once).expect("written");
        assert_eq!(serde_json::from_str::<Archiving>(&text).expect("read"), once);
    }

    #[test]
    fn an_archive_that_was_made_anew_takes_the_place_of_the_old_one() {
        let mut archiving = Archiving::default();
        archiving.see(&at(1, archive("a", "1", Some(ContentsSeen::default()))));
        assert!(archiving.see(&at(2, archive("a", "2", None))));
        let latest = archiving.latest().expect("an archive");
        assert_eq!(
            (latest.at, latest.seen.etag.as_str(), &latest.seen.contents),
            (Timestamp::from_secs(2), "2", &None)
        );
        archiving.see(&at(3, archive("b", "3", None)));
        assert_eq!(archiving.archives().first().map(|archive| archive.seen.key.as_str()), Some("b"));
        assert_eq!(archiving.stored(), (2, 20));
    }
}
