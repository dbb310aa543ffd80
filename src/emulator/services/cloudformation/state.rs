//! Every stack of the endpoint, and the lock around them. Nothing is awaited under it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;

use super::error::Error;
use super::kept;
use super::resources::{Answers, Registry};
use super::stack::{Happening, STACK_TYPE, Stack, Status};
use crate::emulator::Fabric;
use crate::emulator::keep::{KeepError, Shelf};

/// Deleted stacks that stay visible by their id; the oldest go first.
const MOST_DELETED: usize = 1_000;

/// Every stack, by id.
#[derive(Default)]
pub struct State {
    stacks: IndexMap<String, Stack>,
    /// Stacks that are not deleted.
    names: HashMap<String, String>,
    /// How many stacks were ever added.
    added: u64,
}

impl State {
    /// A stack that is not deleted, by name; any stack, by id.
    #[must_use]
    pub fn find(&self, name_or_id: &str) -> Option<&Stack> {
        let id = self.names.get(name_or_id).map_or(name_or_id, String::as_str);
        self.stacks.get(id)
    }

    /// The same, to change it.
    pub fn find_mut(&mut self, name_or_id: &str) -> Option<&mut Stack> {
        let id = self.names.get(name_or_id).map_or(name_or_id, String::as_str);
        self.stacks.get_mut(id)
    }

    /// Every stack, oldest first.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &Stack> {
        self.stacks.values()
    }

    /// Adds a stack.
    pub fn add(&mut self, mut stack: Stack, shelf: &Shelf) {
        self.added += 1;
        stack.kept.number = self.added;
        kept::keep(shelf, &mut stack);
        self.names.insert(stack.name.clone(), stack.id.clone());
        self.stacks.insert(stack.id.clone(), stack);
    }

    /// Puts a stack back that was kept.
    pub fn restore(&mut self, stack: Stack) {
        self.added = self.added.max(stack.kept.number);
        if stack.status != Status::DeleteComplete {
            self.names.insert(stack.name.clone(), stack.id.clone());
        }
        self.stacks.insert(stack.id.clone(), stack);
    }

    /// Frees the name of a deleted stack, and forgets the oldest deleted ones.
    pub fn free_name(&mut self, id: &str, shelf: &Shelf) {
        self.names.retain(|_, owner| owner != id);
        let deleted: Vec<String> = self
            .stacks
            .values()
            .filter(|stack| stack.status == Status::DeleteComplete)
            .map(|stack| stack.id.clone())
            .collect();
        for id in deleted.iter().take(deleted.len().saturating_sub(MOST_DELETED)) {
            if let Some(stack) = self.stacks.shift_remove(id) {
                kept::forget(shelf, &stack);
            }
        }
    }

    /// Value and owner's id of every export.
    #[must_use]
    pub fn exports(&self) -> HashMap<String, (String, String)> {
        let live = self.stacks.values().filter(|stack| stack.status != Status::DeleteComplete);
        let exported = live.flat_map(|stack| {
            stack
                .outputs
                .iter()
                .filter_map(|output| Some((output.export_name.clone()?, (output.value.clone(), stack.id.clone()))))
        });
        exported.collect()
    }

    /// Names of stacks that import `export`.
    #[must_use]
    pub fn importers(&self, export: &str) -> Vec<&str> {
        let live = self.stacks.values().filter(|stack| stack.status != Status::DeleteComplete);
        live.filter(|stack| stack.imports.contains(export)).map(|stack| stack.name.as_str()).collect()
    }
}

/// What operations and the engine share.
pub struct Shared {
    /// Where the other services are met.
    pub fabric: Fabric,
    /// The resource types.
    pub registry: Registry,
    /// Answers of custom resources that are waited for.
    pub answers: Answers,
    /// Where the stacks are kept.
    pub shelf: Shelf,
    state: Mutex<State>,
}

impl Shared {
    /// With the stacks that were kept.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn new(fabric: Fabric) -> Result<Arc<Self>, KeepError> {
        let shelf = fabric.keep().shelf("cloudformation");
        let state = Mutex::new(kept::load(&shelf)?);
        let (registry, answers) = (Registry::default(), Answers::default());
        let shared = Self { fabric, registry, answers, shelf, state };
        kept::find_changes(&shared);
        Ok(Arc::new(shared))
    }

    /// The state, locked; never held across an await.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads or changes a stack.
    ///
    /// # Errors
    /// "Stack with id … does not exist".
    pub fn stack<T>(&self, name_or_id: &str, change: impl FnOnce(&mut Stack) -> T) -> Result<T, Error> {
        match self.state().find_mut(name_or_id) {
            Some(stack) => {
                let changed = change(stack);
                kept::keep(&self.shelf, stack);
                Ok(changed)
            }
            None => Err(not_found(name_or_id)),
        }
    }

    /// Adds an event to a stack.
    pub fn record(&self, stack: &mut Stack, happening: Happening<'_>) {
        let now = self.fabric.clock().now();
        let id = match happening.kind {
            STACK_TYPE => self.fabric.uuid(),
            _ => format!("{}-{}-{}", happening.logical, happening.status.as_str(), self.fabric.uuid()),
        };
        stack.record(now, id, happening);
    }

    /// Adds an event of the stack itself.
    pub fn record_stack(&self, stack: &mut Stack, status: Status, reason: Option<String>) {
        let (name, id) = (stack.name.clone(), stack.id.clone());
        let happening = Happening { logical: &name, physical: &id, kind: STACK_TYPE, status, reason, properties: None };
        self.record(stack, happening);
    }
}

/// How most operations say that a stack is not there.
#[must_use]
pub fn not_found(name_or_id: &str) -> Error {
    Error::Validation(format!("Stack with id {name_or_id} does not exist"))
}
