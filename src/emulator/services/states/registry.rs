//! The machines and executions that the service knows, and how long it keeps executions that have ended: 90 days, as
//! AWS, but no more than [`MOST_ENDED`] of them and no more than [`MOST_ENDED_BYTES`] of their histories.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::execution::{Execution, Revision, Status};
use crate::model::Timestamp;

/// How long an execution that has ended is kept, in simulated time.
pub const KEPT: Duration = Duration::from_secs(90 * 86_400);
/// Executions that have ended which are kept at most.
pub const MOST_ENDED: usize = 10_000;
/// Bytes of histories of executions that have ended which are kept at most.
pub const MOST_ENDED_BYTES: usize = 64 * 1_048_576;

/// A machine.
#[derive(Debug)]
pub struct Machine {
    /// As it is now.
    pub revision: Arc<Revision>,
    /// When it was made.
    pub created: Timestamp,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    executions: HashMap<Arc<str>, Arc<Execution>>,
    /// The executions in the order of their start, with gaps where one was dropped.
    order: BTreeMap<u64, Arc<Execution>>,
}

impl Machine {
    /// The execution of that name.
    #[must_use]
    pub fn execution(&self, name: &str) -> Option<&Arc<Execution>> {
        self.executions.get(name)
    }

    /// The executions from the newest, beginning below the sequence number `below`.
    pub fn newest(&self, below: u64) -> impl Iterator<Item = (u64, &Arc<Execution>)> {
        self.order.range(..below).rev().map(|(number, execution)| (*number, execution))
    }
}

/// Everything that the service knows.
#[derive(Debug, Default)]
pub struct Registry {
    machines: BTreeMap<Arc<str>, Machine>,
    /// Executions that have ended, the oldest first: machine, sequence number, execution, bytes.
    ended: VecDeque<(u64, Arc<Execution>, usize)>,
    ended_bytes: usize,
    started: u64,
}

impl Registry {
    /// The machine of that name.
    #[must_use]
    pub fn machine(&self, name: &str) -> Option<&Machine> {
        self.machines.get(name)
    }

    /// The machine of that name.
    pub fn machine_mut(&mut self, name: &str) -> Option<&mut Machine> {
        self.machines.get_mut(name)
    }

    /// The machines that come after `name` in the alphabet.
    pub fn machines_after<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Machine> {
        let above = (std::ops::Bound::Excluded(name), std::ops::Bound::Unbounded);
        self.machines.range::<str, _>(above).map(|(_, machine)| machine)
    }

    /// Adds a machine.
    pub fn create(&mut self, revision: Arc<Revision>, created: Timestamp, tags: BTreeMap<String, String>) {
        let name = Arc::clone(&revision.name);
        let machine = Machine { revision, created, tags, executions: HashMap::new(), order: BTreeMap::new() };
        self.machines.insert(name, machine);
    }

    /// Takes a machine away with all its executions, and returns it.
    pub fn remove(&mut self, name: &str) -> Option<Machine> {
        let machine = self.machines.remove(name)?;
        let mut freed = 0;
        self.ended.retain(|(_, execution, bytes)| {
            let kept = *execution.revision.name != *name;
            freed += if kept { 0 } else { *bytes };
            kept
        });
        self.ended_bytes -= freed;
        Some(machine)
    }

    /// Adds an execution that starts and returns its sequence number.
    pub fn start(&mut self, execution: &Arc<Execution>) -> u64 {
        self.started += 1;
        if let Some(machine) = self.machines.get_mut(&execution.revision.name) {
            machine.executions.insert(Arc::clone(&execution.name), Arc::clone(execution));
            machine.order.insert(self.started, Arc::clone(execution));
        }
        self.started
    }

    /// Adds an execution that was kept; `false` when its machine is not there.
    pub fn restore(&mut self, number: u64, execution: &Arc<Execution>) -> bool {
        let Some(machine) = self.machines.get_mut(&execution.revision.name) else { return false };
        machine.executions.insert(Arc::clone(&execution.name), Arc::clone(execution));
        machine.order.insert(number, Arc::clone(execution));
        self.started = self.started.max(number);
        true
    }

    /// Notes that an execution which had ended runs again, and returns its sequence number.
    pub fn reopen(&mut self, execution: &Arc<Execution>) -> u64 {
        let mut freed = 0;
        self.ended.retain(|(_, known, bytes)| {
            let kept = !Arc::ptr_eq(known, execution);
            freed += if kept { 0 } else { *bytes };
            kept
        });
        self.ended_bytes -= freed;
        let machine = self.machines.get(&execution.revision.name);
        let found = machine.and_then(|machine| machine.order.iter().find(|(_, known)| Arc::ptr_eq(known, execution)));
        found.map_or(0, |(number, _)| *number)
    }

    /// Notes that an execution has ended, and drops those that have been kept long enough.
    pub fn end(&mut self, number: u64, execution: &Arc<Execution>, now: Timestamp) {
        let kept =
            self.machines.get(&execution.revision.name).is_some_and(|machine| machine.order.contains_key(&number));
        // One that was redriven before this came to be known runs.
        if kept && execution.status() != Status::Running {
            let history = execution.history().bytes();
            let bytes = history + execution.input.len() + size_of::<Execution>();
            self.ended.push_back((number, Arc::clone(execution), bytes));
            self.ended_bytes += bytes;
        }
        let horizon = now.minus(KEPT);
        while let Some((_, oldest, _)) = self.ended.front() {
            let old = oldest.outcome().stopped.is_some_and(|stopped| stopped < horizon);
            if !old && self.ended.len() <= MOST_ENDED && self.ended_bytes <= MOST_ENDED_BYTES {
                break;
            }
            let Some((number, dropped, bytes)) = self.ended.pop_front() else { break };
            self.ended_bytes -= bytes;
            dropped.forget();
            if let Some(machine) = self.machines.get_mut(&dropped.revision.name) {
                machine.order.remove(&number);
                machine.executions.remove(&dropped.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::asl;
    use super::super::history::{Failure, What};
    use super::*;

    fn registry() -> Registry {
        let text = r#"{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}"#;
        let definition = asl::read(text, false).expect("a valid definition");
        let revision = Revision {
            arn: Arc::from("arn"),
            name: Arc::from("m"),
            role: Arc::from("role"),
            definition,
            kind: Arc::from("STANDARD"),
            id: None,
            made: Timestamp::default(),
            logging: None,
            tracing: None,
            encryption: None,
        };
        let mut registry = Registry::default();
        registry.create(Arc::new(revision), Timestamp::default(), BTreeMap::new());
        registry
    }

    fn run(registry: &mut Registry, name: &str, at: Timestamp, payload: usize) {
        let revision = Arc::clone(&registry.machine("m").expect("the machine").revision);
        let execution = Arc::new(Execution::new(Arc::from("arn"), Arc::from(name), revision, at, Arc::from("{}")));
        let number = registry.start(&execution);
        let text = Arc::from("x".repeat(payload));
        execution.history().push(at, 0, What::ExecutionStarted(text, Arc::from("role")));
        execution.end(Status::Succeeded, at, None, Failure::default());
        registry.end(number, &execution, at);
    }

    #[test]
    fn executions_are_dropped_when_they_are_old_or_take_too_much() {
        let mut registry = registry();
        run(&mut registry, "old", Timestamp::from_secs(0), 0);
        run(&mut registry, "new", Timestamp::from_secs(90 * 86_400 + 1), 0);
        let machine = registry.machine("m").expect("the machine");
        assert!(machine.execution("old").is_none() && machine.execution("new").is_some());
        for name in ["big-1", "big-2", "big-3"] {
            run(&mut registry, name, Timestamp::from_secs(90 * 86_400 + 2), MOST_ENDED_BYTES * 2 / 5);
        }
        let machine = registry.machine("m").expect("the machine");
        let names: Vec<_> = machine.newest(u64::MAX).map(|(_, execution)| execution.name.to_string()).collect();
        assert_eq!(names, ["big-3", "big-2"]);
        assert!(registry.ended_bytes <= MOST_ENDED_BYTES);
        registry.remove("m");
        assert_eq!((registry.ended.len(), registry.ended_bytes), (0, 0));
    }
}
