//! What ECS keeps beyond the process: a row a cluster, a revision of a definition, a task and a client token. A task whose
//! process went with the endpoint is stopped at the next start, and says why.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::{Deref, DerefMut};
use std::sync::MutexGuard;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::cluster::Cluster;
use super::definition::Definition;
use super::task::Task;
use super::{Shared, State};
use crate::emulator::keep::{KeepError, Shelf};
use crate::model::Timestamp;

const CLUSTER: &str = "cluster";
const DEFINITION: &str = "definition";
const TASK: &str = "task";
const TOKEN: &str = "token";

/// Why a task does not run any more that ran when the process ended.
pub const REASON: &str = "The endpoint that ran the task was stopped";

/// A word of AWS's own, such as a status.
pub type Word = &'static str;

/// Every [`Word`] of tasks.
const WORDS: [Word; 21] = [
    "ATTACHED",
    "DELETED",
    "DEPROVISIONING",
    "EssentialContainerExited",
    "PENDING",
    "PRECREATED",
    "PROVISIONING",
    "RUNNING",
    "STOPPED",
    "TaskFailedToStart",
    "UserInitiated",
    "connectivityAt",
    "createdAt",
    "executionStoppedAt",
    "pullStartedAt",
    "pullStoppedAt",
    "startedAt",
    "stoppedAt",
    "stoppingAt",
    "ServiceSchedulerInitiated",
    "TerminationNotice",
];

fn known<E: serde::de::Error>(text: &str) -> Result<Word, E> {
    let word = WORDS.iter().find(|word| **word == text).copied();
    word.ok_or_else(|| E::custom(format!("{text:?} is no word of a task")))
}

/// Reads a word.
pub fn word<'a, D: Deserializer<'a>>(from: D) -> Result<Word, D::Error> {
    known(&String::deserialize(from)?)
}

/// Reads a word that may be lacking.
pub fn optional_word<'a, D: Deserializer<'a>>(from: D) -> Result<Option<Word>, D::Error> {
    Option::<String>::deserialize(from)?.map(|text| known(&text)).transpose()
}

/// Reads moments by their words.
pub fn moments<'a, D: Deserializer<'a>>(from: D) -> Result<Vec<(Word, Timestamp)>, D::Error> {
    let moments = Vec::<(String, Timestamp)>::deserialize(from)?;
    moments.into_iter().map(|(text, at)| Ok((known(&text)?, at))).collect()
}

#[derive(Serialize, Deserialize)]
struct Row<T> {
    /// Its place among those of its kind.
    number: u64,
    #[serde(flatten)]
    what: T,
}

/// What was written down last, as digests, so that only what differs from it is written.
pub struct Kept {
    shelf: Shelf,
    rows: HashMap<(&'static str, String), (u64, u64)>,
    added: u64,
}

impl Kept {
    /// What was kept, and the state that it makes.
    ///
    /// # Errors
    /// When a row cannot be read.
    pub fn load(shelf: Shelf) -> Result<(Self, State), KeepError> {
        let mut kept = Self { shelf: shelf.clone(), rows: HashMap::new(), added: 0 };
        let mut state = State::default();
        for (name, cluster) in kept.all::<Cluster>(CLUSTER)? {
            state.clusters.insert(name, cluster);
        }
        for (_, definition) in kept.all::<Definition>(DEFINITION)? {
            state.families.entry(definition.family.clone()).or_default().push(definition);
        }
        for (id, task) in kept.all::<Task>(TASK)? {
            state.tasks.insert(id, task);
        }
        for (token, what) in kept.all::<Token>(TOKEN)? {
            state.tokens.insert(token, (what.request, what.tasks));
        }
        Ok((kept, state))
    }

    fn all<T: for<'a> Deserialize<'a>>(&mut self, kind: &'static str) -> Result<Vec<(String, T)>, KeepError> {
        let mut rows = self.shelf.all::<Row<T>>(kind)?;
        rows.sort_by_key(|(_, row)| row.number);
        for (id, row) in &rows {
            self.added = self.added.max(row.number);
            self.rows.insert((kind, id.clone()), (row.number, 0));
        }
        Ok(rows.into_iter().map(|(id, row)| (id, row.what)).collect())
    }

    fn put<T: Serialize>(&mut self, kind: &'static str, id: &str, what: &T) {
        let mut hasher = DefaultHasher::new();
        serde_json::to_vec(what).unwrap_or_default().hash(&mut hasher);
        let digest = hasher.finish();
        let added = &mut self.added;
        let known = self.rows.entry((kind, id.to_owned())).or_insert_with(|| {
            *added += 1;
            (*added, 0)
        });
        if known.1 != digest {
            known.1 = digest;
            self.shelf.put(kind, id, &Row { number: known.0, what });
        }
    }

    /// Writes down what differs from what was written last.
    fn keep(&mut self, state: &State) {
        for (name, cluster) in &state.clusters {
            self.put(CLUSTER, name, cluster);
        }
        for definition in state.families.values().flatten() {
            self.put(DEFINITION, &definition.arn, definition);
        }
        for (id, task) in &state.tasks {
            self.put(TASK, id, task);
        }
        for (token, (request, tasks)) in &state.tokens {
            self.put(TOKEN, token, &Token { request: request.clone(), tasks: tasks.clone() });
        }
        // Of these two alone something goes.
        let shelf = &self.shelf;
        self.rows.retain(|(kind, id), _| {
            let is_there = match *kind {
                TASK => state.tasks.contains_key(id),
                TOKEN => state.tokens.contains_key(id),
                _ => true,
            };
            if !is_there {
                shelf.delete(kind, id);
            }
            is_there
        });
    }
}

#[derive(Serialize, Deserialize)]
struct Token {
    request: Value,
    tasks: Vec<String>,
}

/// The state, locked; what was changed is written down when it is let go.
pub struct Locked<'a> {
    guard: MutexGuard<'a, (State, Kept)>,
    changed: bool,
}

impl<'a> Locked<'a> {
    pub fn new(guard: MutexGuard<'a, (State, Kept)>) -> Self {
        Self { guard, changed: false }
    }
}

impl Deref for Locked<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.guard.0
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut State {
        self.changed = true;
        &mut self.guard.0
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        let (state, kept) = &mut *self.guard;
        if self.changed && kept.shelf.is_kept() {
            kept.keep(state);
        }
    }
}

/// Brings every task to its end whose process went with the endpoint before this one, and gives their interfaces back.
pub async fn stop_left(shared: &Shared) {
    let now = shared.fabric.clock().now();
    let mut interfaces = Vec::new();
    {
        let mut state = shared.state();
        for task in state.tasks.values_mut().filter(|task| task.last_status != "STOPPED") {
            task.end(now, "TaskFailedToStart", REASON);
            if task.moment("startedAt").is_some() && task.stopped_reason.as_deref() == Some(REASON) {
                task.stop_code = Some("TerminationNotice");
            }
            task.at("executionStoppedAt", now);
            task.at("stoppedAt", now);
            task.last_status = "STOPPED";
            task.version += 1;
            task.stop.cancel();
            for container in &mut task.containers {
                if container.last_status != "STOPPED" {
                    container.last_status = "STOPPED";
                    container.reason = Some(REASON.to_owned());
                }
            }
            if let Some(attachment) = &mut task.attachment {
                attachment.status = "DELETED";
                interfaces.extend(attachment.interface.as_ref().map(|[id, ..]| id.clone()));
            }
            shared.tell(task, now);
        }
    }
    for interface in interfaces {
        super::network::detach(&shared.fabric, &interface).await;
    }
}
