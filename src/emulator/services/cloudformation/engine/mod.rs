//! The engine: carries out what an operation has accepted, after the call has returned. One run at a time a stack;
//! within a run, resources that do not wait for each other are worked on together.

mod again;
mod delete;
mod deploy;
mod rollback;
mod walk;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value;

pub use self::deploy::Change;
use super::error::Error;
use super::resources::{Failure, Made as MadeResource, Provider, Request};
use super::stack::{Happening, Made, Stack, StackResource, Status};
use super::state::Shared;
use super::template::evaluate::Scope;

/// One run for one stack.
pub struct Run {
    shared: Arc<Shared>,
    stack_id: String,
    /// Exports of other stacks when the run began.
    exports: HashMap<String, String>,
    /// Resources that were being made when the process before this one ended.
    half_made: BTreeSet<String>,
}

impl Run {
    /// A run for the stack of that id.
    #[must_use]
    pub fn new(shared: &Arc<Shared>, stack_id: &str) -> Self {
        let exports = shared.state().exports();
        let exports = exports.into_iter().map(|(name, (value, _))| (name, value)).collect();
        Self { shared: Arc::clone(shared), stack_id: stack_id.to_owned(), exports, half_made: BTreeSet::new() }
    }

    /// Reads or changes the stack under the state's lock.
    fn stack<T>(&self, change: impl FnOnce(&mut Stack) -> T) -> Result<T, Error> {
        self.shared.stack(&self.stack_id, change)
    }

    fn stack_event(&self, status: Status, reason: Option<String>) -> Result<(), Error> {
        self.stack(|stack| self.shared.record_stack(stack, status, reason))
    }

    fn resource_event(&self, logical: &str, status: Status, reason: Option<String>) -> Result<(), Error> {
        self.stack(|stack| {
            let Some(resource) = stack.resources.get(logical).cloned() else { return };
            self.event_of(stack, logical, &resource, status, reason);
        })
    }

    /// An event of a physical resource that may no longer be the stack's own.
    fn event_of(
        &self,
        stack: &mut Stack,
        logical: &str,
        resource: &StackResource,
        status: Status,
        reason: Option<String>,
    ) {
        let StackResource { kind, physical_id, properties, .. } = resource;
        let shown = stack.masked(properties);
        let happening = Happening { logical, physical: physical_id, kind, status, reason, properties: Some(&shown) };
        self.shared.record(stack, happening);
    }

    /// Works with the stack's template, values and resources under the lock.
    fn with_scope<T>(&self, work: impl FnOnce(&Stack, &Scope<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let identity = self.shared.fabric.identity();
        self.stack(|stack| {
            let pseudo = stack.pseudo(&identity.account, &identity.region);
            let values = stack.submission.values();
            let template = Arc::clone(&stack.submission.template);
            let (result, imported) = {
                let made = Made(&stack.resources);
                let scope = Scope::new(&template, &pseudo, &values, &self.exports, &made)?;
                (work(stack, &scope), scope.imported.take())
            };
            stack.imports.extend(imported);
            result
        })?
    }

    fn provider(&self, kind: &str) -> Result<&dyn Provider, Failure> {
        self.shared
            .registry
            .get(kind)
            .ok_or_else(|| Failure::new(format!("the embedded endpoint does not implement the resource type {kind}")))
    }

    /// The parts of a request that are the same for every resource of the stack.
    fn request<'a>(
        &'a self,
        identity: &'a RunIdentity,
        kind: &'a str,
        logical: &'a str,
        properties: &'a Value,
    ) -> Request<'a> {
        Request {
            fabric: &self.shared.fabric,
            answers: &self.shared.answers,
            stack_id: &self.stack_id,
            stack_name: &identity.stack_name,
            stack_tags: &identity.tags,
            kind,
            logical_id: logical,
            properties,
        }
    }

    fn identity(&self) -> Result<RunIdentity, Error> {
        self.stack(|stack| RunIdentity { stack_name: stack.name.clone(), tags: stack.submission.tags.clone() })
    }
}

/// What every resource is told of its stack.
struct RunIdentity {
    stack_name: String,
    tags: Vec<super::stack::Tag>,
}

impl StackResource {
    fn take(&mut self, made: MadeResource) {
        self.reference = Value::from(made.physical_id.as_str());
        self.physical_id = made.physical_id;
        self.attributes = made.attributes;
        self.no_echo = made.no_echo;
    }
}
