//! A stack as it was seen: its resources by their last event, all of its events in order, and how far an operation is.

use std::collections::{HashMap, HashSet, VecDeque};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::model::{StackEvent, StackSeen, Timestamp};

/// Events of a stack that are kept.
pub(crate) const KEPT_EVENTS: usize = 2_000;

/// A stack as it was seen.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Stack {
    pub(crate) status: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) outputs: Vec<(String, String)>,
    #[serde(default)]
    pub(crate) parameters: Vec<(String, String)>,
    /// The last event of each resource, by logical id.
    pub(crate) resources: IndexMap<String, StackEvent>,
    /// Its own events and those of its resources, oldest first.
    #[serde(default)]
    pub(crate) events: VecDeque<(Timestamp, StackEvent)>,
    /// Events that are kept no more, or were never read.
    #[serde(default)]
    pub(crate) forgotten: usize,
    /// Whether all that happened to it before is known or was asked for.
    #[serde(default)]
    pub(crate) is_read: bool,
    pub(crate) seen: HashSet<String>,
}

/// How an event of a stack changes what is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StackNews {
    /// It was known.
    None,
    /// It is one of the stack itself or of a resource.
    Some,
    /// A resource failed.
    Failure,
}

/// Whether something is still being done.
fn is_on(status: &str) -> bool {
    status.ends_with("_IN_PROGRESS")
}

impl Stack {
    /// Takes in how it is; `is_ours` where this dashboard is what changes it, and so is told of every event.
    pub(crate) fn describe(&mut self, seen: StackSeen, is_ours: bool) {
        if self.status != seen.status && !is_ours {
            self.is_read = false;
        }
        self.status = seen.status;
        self.reason = seen.reason;
        self.outputs = seen.outputs;
        self.parameters = seen.parameters;
    }

    /// Takes in an event as it happens.
    pub(crate) fn event(&mut self, at: Timestamp, event: StackEvent) -> StackNews {
        if !self.seen.insert(event.event_id.clone()) {
            return StackNews::None;
        }
        if self.events.len() == KEPT_EVENTS {
            self.events.pop_front();
            self.forgotten += 1;
        }
        self.events.push_back((at, event.clone()));
        if event.logical_id == event.stack {
            // A stack that is made anew starts with an empty list; one that is deleted keeps its own.
            if event.status == "CREATE_IN_PROGRESS" {
                self.resources.clear();
                self.events.drain(..self.events.len() - 1);
                (self.forgotten, self.is_read) = (0, true);
            }
            self.status = Some(event.status);
            return StackNews::Some;
        }
        let news = if event.status.ends_with("FAILED") { StackNews::Failure } else { StackNews::Some };
        self.row(event);
        news
    }

    fn row(&mut self, event: StackEvent) {
        // A failure stays in sight while the rollback goes over it.
        let stays = self.resources.get(&event.logical_id).is_some_and(|old| {
            old.status.ends_with("FAILED") && event.status.starts_with("DELETE") && event.reason.is_none()
        });
        if !stays {
            self.resources.insert(event.logical_id.clone(), event);
        }
    }

    /// Takes in what happened to it before, oldest first, and how many events before that were not read.
    pub(crate) fn past(&mut self, events: Vec<(Timestamp, StackEvent)>) {
        let live = std::mem::take(&mut self.resources);
        let mut all: Vec<(Timestamp, StackEvent)> = Vec::with_capacity(events.len() + self.events.len());
        for (at, event) in events {
            if !self.seen.insert(event.event_id.clone()) {
                continue;
            }
            all.push((at, event.clone()));
            if event.logical_id != event.stack {
                self.row(event);
            }
        }
        // What went long ago is nobody's resource any more; what goes now stays in sight.
        self.resources.retain(|_, event| event.status != "DELETE_COMPLETE");
        self.resources.extend(live);
        all.extend(std::mem::take(&mut self.events));
        all.sort_by_key(|(at, _)| *at);
        let most = all.len().saturating_sub(KEPT_EVENTS);
        self.forgotten += most;
        self.events = all.split_off(most).into();
        self.is_read = true;
    }

    /// Resources of the operation that is under way that are done, and all of it that is known of: `planned` is what the
    /// template or the change set says. `None` while nothing is under way.
    pub(crate) fn progress(&self, planned: Option<usize>) -> Option<(usize, usize)> {
        let status = self.status.as_deref().filter(|status| is_on(status))?;
        let mut last: HashMap<&str, bool> = HashMap::new();
        for (_, event) in self.events.iter().rev() {
            if event.logical_id == event.stack {
                break;
            }
            last.entry(&event.logical_id).or_insert(!is_on(&event.status));
        }
        let done = last.values().filter(|is_done| **is_done).count();
        let is_undone = status.starts_with("DELETE") || status.contains("ROLLBACK");
        let whole = if is_undone { Some(self.resources.len()) } else { planned };
        Some((done, whole.unwrap_or_default().max(last.len())))
    }

    /// Rows of its list: its events where these are shown, else its resources.
    pub(crate) fn rows(&self, shows_events: bool) -> usize {
        if shows_events { self.events.len() } else { self.resources.len() }
    }

    /// A row of that list.
    pub(crate) fn at(&self, shows_events: bool, row: usize) -> Option<&StackEvent> {
        if shows_events {
            self.events.get(row).map(|(_, event)| event)
        } else {
            self.resources.get_index(row).map(|(_, event)| event)
        }
    }

    /// Resources that are there.
    pub(crate) fn standing(&self) -> usize {
        let stands = |event: &&StackEvent| event.status.ends_with("COMPLETE") && !event.status.starts_with("DELETE");
        self.resources.values().filter(stands).count()
    }

    /// Resources that failed.
    pub(crate) fn failed(&self) -> usize {
        self.resources.values().filter(|event| event.status.ends_with("FAILED")).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(number: usize, id: &str, status: &str) -> (Timestamp, StackEvent) {
        let event = StackEvent {
            event_id: number.to_string(),
            stack: "s".to_owned(),
            logical_id: id.to_owned(),
            physical_id: None,
            resource_type: "AWS::SQS::Queue".to_owned(),
            status: status.to_owned(),
            reason: None,
        };
        (Timestamp::from_secs(i64::try_from(number).expect("small")), event)
    }

    fn after(events: &[(usize, &str, &str)]) -> Stack {
        let mut stack = Stack::default();
        for (number, id, status) in events {
            let (at, event) = event(*number, id, status);
            stack.event(at, event);
        }
        stack
    }

    #[test]
    fn an_operation_is_done_when_all_of_it_is() {
        let mut stack = after(&[(1, "s", "CREATE_IN_PROGRESS"), (2, "a", "CREATE_IN_PROGRESS")]);
        assert_eq!(stack.progress(Some(3)), Some((0, 3)), "as many as the template has");
        for (number, id, status) in [(3, "a", "CREATE_COMPLETE"), (4, "b", "CREATE_IN_PROGRESS")] {
            let (at, event) = event(number, id, status);
            assert_eq!(stack.event(at, event.clone()), StackNews::Some);
            assert_eq!(stack.event(at, event), StackNews::None, "twice is once");
        }
        assert_eq!(stack.progress(Some(3)), Some((1, 3)));
        let (at, failed) = event(5, "b", "CREATE_FAILED");
        assert_eq!(stack.event(at, failed), StackNews::Failure);
        for (number, id, status) in [(6, "s", "ROLLBACK_IN_PROGRESS"), (7, "a", "DELETE_COMPLETE")] {
            let (at, event) = event(number, id, status);
            stack.event(at, event);
        }
        assert_eq!(stack.progress(Some(3)), Some((1, 2)), "of what was made one is gone");
        assert_eq!((stack.failed(), stack.standing()), (1, 0));
        let (at, ended) = event(8, "s", "ROLLBACK_COMPLETE");
        stack.event(at, ended);
        assert_eq!(stack.progress(Some(3)), None);
    }

    #[test]
    fn what_was_before_comes_before_what_was_seen() {
        let mut stack = after(&[(10, "s", "UPDATE_IN_PROGRESS"), (11, "b", "UPDATE_COMPLETE")]);
        let past = [(1, "a", "CREATE_COMPLETE"), (2, "b", "CREATE_COMPLETE"), (3, "c", "DELETE_COMPLETE")];
        let past: Vec<_> = past.iter().map(|(number, id, status)| event(*number, id, status)).collect();
        assert!(!stack.is_read);
        stack.past(past.clone());
        let status = |id: &str| stack.resources.get(id).map(|event| event.status.as_str());
        assert_eq!((status("a"), status("b"), status("c")), (Some("CREATE_COMPLETE"), Some("UPDATE_COMPLETE"), None));
        let ids = |stack: &Stack| stack.events.iter().map(|(_, event)| event.event_id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&stack), ["1", "2", "3", "10", "11"]);
        stack.past(past);
        assert_eq!(ids(&stack).len(), 5, "twice is once");
        assert!(stack.is_read);
        stack.describe(StackSeen { status: Some("UPDATE_COMPLETE".to_owned()), ..StackSeen::gone("s") }, true);
        assert!(stack.is_read, "who changes it is told of every event");
        stack.describe(StackSeen::gone("s"), false);
        assert!(!stack.is_read, "somebody else deleted it");
    }

    #[test]
    fn a_stack_that_is_made_anew_begins_anew_and_events_are_bounded() {
        let mut stack = after(&[(1, "s", "CREATE_IN_PROGRESS"), (2, "a", "CREATE_COMPLETE")]);
        for number in 0..KEPT_EVENTS {
            let (at, event) = event(100 + number, "a", "UPDATE_COMPLETE");
            stack.event(at, event);
        }
        assert_eq!((stack.events.len(), stack.forgotten), (KEPT_EVENTS, 2));
        let (at, begun) = event(9_999, "s", "CREATE_IN_PROGRESS");
        stack.event(at, begun);
        assert_eq!((stack.events.len(), stack.forgotten, stack.resources.len()), (1, 0, 0));
    }
}
