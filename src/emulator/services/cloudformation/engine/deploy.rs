//! Creation and update: both bring the stack's resources to what its template says.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::super::error::Error;
use super::super::kept;
use super::super::resources::{Failure, Recreation, refusal};
use super::super::stack::{OnFailure, Output, Stack, StackResource, Status, Submission};
use super::super::template::{Policy, invalid};
use super::walk::walk;
use super::{Run, RunIdentity};
use crate::emulator::keep::Shelf;

/// What a run has done so far, in order: what a rollback undoes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Change {
    /// A resource that was not there.
    Created(String),
    /// Changed in place; as it was before.
    Updated(String, Box<StackResource>),
    /// Another physical resource took its place; as it was before.
    Replaced(String, Box<StackResource>),
}

/// What a run has done and what failed.
#[derive(Default)]
pub(super) struct Journal {
    changes: Mutex<Vec<Change>>,
    /// Where it is kept, and whose it is: of an update.
    kept: Option<(Shelf, String)>,
    failed_creates: Mutex<Vec<String>>,
    failed_updates: Mutex<Vec<String>>,
}

impl Journal {
    fn lock(&self) -> MutexGuard<'_, Vec<Change>> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, index: usize, change: &Change) {
        if let Some((shelf, stack_id)) = &self.kept {
            kept::keep_change(shelf, stack_id, index, change);
        }
    }

    /// What was done, oldest first.
    pub(super) fn changes(&self) -> Vec<Change> {
        self.lock().clone()
    }

    /// Takes everything out, to be noted again as far as it stands.
    pub(super) fn take(&self) -> Vec<Change> {
        let mut changes = self.lock();
        if let Some((shelf, stack_id)) = &self.kept {
            kept::forget_changes(shelf, stack_id, changes.len());
        }
        std::mem::take(&mut *changes)
    }

    /// Takes out what was kept of it: the update has ended.
    pub(super) fn close(&self) {
        if let Some((shelf, stack_id)) = &self.kept {
            kept::forget_update(shelf, stack_id, self.lock().len());
        }
    }

    pub(super) fn note(&self, change: Change) {
        let mut changes = self.lock();
        self.keep(changes.len(), &change);
        changes.push(change);
    }

    fn turn_into_replacement(&self, logical: &str) {
        for (index, change) in self.lock().iter_mut().enumerate().rev() {
            if let Change::Updated(updated, before) = change
                && updated == logical
            {
                *change = Change::Replaced(std::mem::take(updated), before.clone());
                self.keep(index, change);
                return;
            }
        }
    }

    fn fail(&self, is_update: bool, logical: &str) {
        let list = if is_update { &self.failed_updates } else { &self.failed_creates };
        list.lock().unwrap_or_else(PoisonError::into_inner).push(logical.to_owned());
    }

    /// The stack's reason, in AWS's words.
    fn reason(&self) -> String {
        let mut reason = String::new();
        for (list, verb) in [(&self.failed_creates, "create"), (&self.failed_updates, "update")] {
            let list = list.lock().unwrap_or_else(PoisonError::into_inner);
            if !list.is_empty() {
                reason.push_str(&format!("The following resource(s) failed to {verb}: [{}]. ", list.join(", ")));
            }
        }
        reason
    }
}

impl Run {
    /// Creates the stack's resources; the stack is `CREATE_IN_PROGRESS` already.
    ///
    /// # Errors
    /// When the stack is gone.
    pub async fn create(&self) -> Result<(), Error> {
        let journal = Journal::default();
        let cancel = self.stack(|stack| stack.cancel.clone())?;
        let outcome = self.bring_about(&journal).await;
        if cancel.is_cancelled() {
            // The deletion that cancelled it is waiting for the gate.
            return Ok(());
        }
        match outcome {
            Ok(outputs) => {
                self.stack(|stack| stack.outputs = outputs)?;
                self.stack_event(Status::CreateComplete, None)
            }
            Err(reason) => match self.stack(|stack| stack.on_failure)? {
                OnFailure::DoNothing => self.stack_event(Status::CreateFailed, Some(reason)),
                OnFailure::Rollback => {
                    let reason = format!("{} Rollback requested by user.", reason.trim_end());
                    self.stack_event(Status::RollbackInProgress, Some(reason))?;
                    self.roll_back_creation().await
                }
                OnFailure::Delete => {
                    let reason = format!("{} Delete requested by user.", reason.trim_end());
                    self.stack_event(Status::DeleteInProgress, Some(reason))?;
                    self.delete_everything(&[], false).await
                }
            },
        }
    }

    /// Updates the stack's resources to `submission`; the stack is `UPDATE_IN_PROGRESS` already.
    ///
    /// # Errors
    /// When the stack is gone.
    pub async fn update(&self, before: (Submission, BTreeSet<String>), disable_rollback: bool) -> Result<(), Error> {
        self.update_along(self.journal(Vec::new()), before, disable_rollback).await
    }

    /// A journal that is kept, with what was done so far.
    pub(super) fn journal(&self, changes: Vec<Change>) -> Journal {
        let kept = Some((self.shared.shelf.clone(), self.stack_id.clone()));
        Journal { changes: Mutex::new(changes), kept, ..Journal::default() }
    }

    /// Updates the stack's resources, beyond what the journal says is done.
    pub(super) async fn update_along(
        &self,
        journal: Journal,
        before: (Submission, BTreeSet<String>),
        disable_rollback: bool,
    ) -> Result<(), Error> {
        match self.bring_about(&journal).await {
            Ok(outputs) => {
                self.stack(|stack| stack.outputs = outputs)?;
                self.stack_event(Status::UpdateCompleteCleanupInProgress, None)?;
                self.finish_update(&journal).await
            }
            Err(reason) if disable_rollback => {
                self.stack_event(Status::UpdateFailed, Some(reason))?;
                journal.close();
                Ok(())
            }
            Err(reason) => {
                self.stack(|stack| (stack.submission, stack.imports) = before)?;
                self.stack_event(Status::UpdateRollbackInProgress, Some(reason))?;
                self.roll_back_update(journal).await
            }
        }
    }

    /// Cleans up after a successful update; the stack is `UPDATE_COMPLETE_CLEANUP_IN_PROGRESS` already.
    pub(super) async fn finish_update(&self, journal: &Journal) -> Result<(), Error> {
        self.clean_up(journal).await?;
        self.stack_event(Status::UpdateComplete, None)?;
        journal.close();
        Ok(())
    }

    /// Makes and changes resources along the graph, then evaluates the outputs.
    async fn bring_about(&self, journal: &Journal) -> Result<Vec<Output>, String> {
        let words = |error: Error| error.to_string();
        let identity = self.identity().map_err(words)?;
        let cancel = self.stack(|stack| stack.cancel.clone()).map_err(words)?;
        let mut graph = self
            .with_scope(|stack, scope| {
                let template = &stack.submission.template;
                let mut graph = template.dependencies.clone();
                graph.retain(|logical, _| scope.holds(template.resources[logical].condition.as_deref()));
                Ok(graph)
            })
            .map_err(words)?;
        self.begin_with_unknown_types(&mut graph).map_err(words)?;
        let failed = walk(graph, true, &cancel, |logical| {
            let identity = &identity;
            async move { self.apply(&logical, identity, journal).await }
        })
        .await;
        if !failed.is_empty() {
            return Err(journal.reason());
        }
        if cancel.is_cancelled() {
            return Err("Resource creation cancelled".to_owned());
        }
        self.outputs().map_err(words)
    }

    /// A type that the endpoint lacks fails before anything else is made.
    fn begin_with_unknown_types(&self, graph: &mut super::walk::Graph) -> Result<(), Error> {
        let unknown: Vec<String> = self.stack(|stack| {
            let template = &stack.submission.template;
            let lacking = |logical: &&String| self.shared.registry.get(&template.resources[*logical].kind).is_none();
            graph.keys().filter(lacking).cloned().collect()
        })?;
        if !unknown.is_empty() {
            graph.retain(|logical, _| unknown.contains(logical));
            graph.values_mut().for_each(std::collections::BTreeSet::clear);
        }
        Ok(())
    }

    /// Brings one resource about; false when it failed.
    async fn apply(&self, logical: &str, identity: &RunIdentity, journal: &Journal) -> bool {
        let existing = self.stack(|stack| stack.resources.get(logical).filter(|resource| resource.is_there()).cloned());
        let Ok(existing) = existing else { return false };
        let is_update = existing.is_some();
        let outcome = match existing {
            None => self.create_resource(logical, identity, journal).await,
            Some(before) => self.update_resource(logical, before, identity, journal).await,
        };
        let Err(failure) = outcome else { return true };
        journal.fail(is_update, logical);
        let status = if is_update { Status::UpdateFailed } else { Status::CreateFailed };
        // The stack cannot be gone: deletions wait for the gate that this run holds.
        let _ = self.resource_event(logical, status, Some(failure.reason));
        false
    }

    async fn create_resource(&self, logical: &str, identity: &RunIdentity, journal: &Journal) -> Result<(), Failure> {
        self.stack(|stack| {
            let resource = self.planned(stack, logical, Value::Object(Map::new()));
            stack.resources.insert(logical.to_owned(), resource);
        })?;
        let properties = self.evaluated(logical);
        if let Ok(properties) = &properties {
            self.stack(|stack| {
                if let Some(resource) = stack.resources.get_mut(logical) {
                    resource.properties = properties.clone();
                }
            })?;
        }
        self.resource_event(logical, Status::CreateInProgress, None)?;
        self.make(logical, identity, &properties?).await?;
        journal.note(Change::Created(logical.to_owned()));
        self.resource_event(logical, Status::CreateInProgress, Some("Resource creation Initiated".to_owned()))?;
        self.resource_event(logical, Status::CreateComplete, None)?;
        Ok(())
    }

    /// Lets the provider make the resource, and takes over what it has made, also when it fails half-way.
    async fn make(&self, logical: &str, identity: &RunIdentity, properties: &Value) -> Result<(), Failure> {
        let kind = self.kind_of(logical)?;
        let provider = self.provider(&kind)?;
        let properties = self.shared.registry.checked(&kind, logical, properties)?;
        let request = self.request(identity, &kind, logical, &properties);
        let mut outcome = provider.create(request).await;
        if self.half_made.contains(logical)
            && outcome.as_ref().is_err_and(Failure::is_already_there)
            && let Some(name) = provider.name_property().and_then(|name| properties.get(name)?.as_str())
            && provider.delete(request, name).await.is_ok()
        {
            // It was made before the process ended, and not noted: nobody knows what it yields.
            outcome = provider.create(request).await;
        }
        self.stack(|stack| {
            let resource = stack.resources.get_mut(logical);
            match (resource, outcome) {
                (Some(resource), Ok(made)) => {
                    resource.take(made);
                    Ok(())
                }
                (Some(resource), Err(failure)) => {
                    resource.physical_id = failure.made.clone().unwrap_or_default();
                    Err(failure)
                }
                (None, outcome) => outcome.map(|_| ()),
            }
        })?
    }

    async fn update_resource(
        &self,
        logical: &str,
        before: StackResource,
        identity: &RunIdentity,
        journal: &Journal,
    ) -> Result<(), Failure> {
        let properties = self.evaluated(logical)?;
        let planned = self.stack(|stack| self.planned(stack, logical, properties.clone()))?;
        if properties == before.properties {
            // Policies, dependencies and metadata follow the new template without an event.
            return Ok(self.stack(|stack| {
                if let Some(resource) = stack.resources.get_mut(logical) {
                    resource.deletion_policy = planned.deletion_policy;
                    resource.update_replace_policy = planned.update_replace_policy;
                    resource.dependencies = planned.dependencies;
                    resource.metadata = planned.metadata;
                }
            })?);
        }
        let registry = &self.shared.registry;
        let checked = registry.checked(&planned.kind, logical, &properties)?;
        let old = registry.checked(&before.kind, logical, &before.properties)?;
        if let Some(failure) = refusal(&planned.kind, &old, &checked) {
            return Err(failure);
        }
        let recreation = registry.recreation_of(&planned.kind, &old, &checked);
        if recreation == Recreation::Always {
            return self.replace_resource(logical, before, planned, identity, journal).await;
        }
        self.stack(|stack| {
            let mut resource = planned.clone();
            resource.physical_id.clone_from(&before.physical_id);
            resource.reference = before.reference.clone();
            resource.attributes.clone_from(&before.attributes);
            stack.resources.insert(logical.to_owned(), resource);
        })?;
        self.resource_event(logical, Status::UpdateInProgress, None)?;
        journal.note(Change::Updated(logical.to_owned(), Box::new(before.clone())));
        let provider = self.provider(&planned.kind)?;
        let request = self.request(identity, &planned.kind, logical, &checked);
        let made = provider.update(request, &before.physical_id, &old).await?;
        let is_another = made.physical_id != before.physical_id;
        self.stack(|stack| {
            if let Some(resource) = stack.resources.get_mut(logical) {
                resource.take(made);
            }
        })?;
        if is_another {
            // The provider of a custom resource made another one: the old one goes with the cleanup.
            journal.turn_into_replacement(logical);
            let reason = "Requested update required the provider to create a new physical resource";
            self.resource_event(logical, Status::UpdateInProgress, Some(reason.to_owned()))?;
        }
        self.resource_event(logical, Status::UpdateComplete, None)?;
        Ok(())
    }

    async fn replace_resource(
        &self,
        logical: &str,
        before: StackResource,
        planned: StackResource,
        identity: &RunIdentity,
        journal: &Journal,
    ) -> Result<(), Failure> {
        let properties = planned.properties.clone();
        let name = self.shared.registry.name_property(&planned.kind).filter(|name| properties.get(*name).is_some());
        if let Some(name) = name
            && properties.get(name) == before.properties.get(name)
        {
            let named = properties[name].as_str().unwrap_or_default();
            return Err(Failure::new(format!(
                "CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename {named} and update the stack again."
            )));
        }
        self.stack(|stack| {
            let mut shown = before.clone();
            shown.properties = properties.clone();
            let reason = "Requested update requires the creation of a new physical resource; hence creating one.";
            self.event_of(stack, logical, &shown, Status::UpdateInProgress, Some(reason.to_owned()));
            stack.resources.insert(logical.to_owned(), planned);
        })?;
        journal.note(Change::Replaced(logical.to_owned(), Box::new(before)));
        self.make(logical, identity, &properties).await?;
        self.resource_event(logical, Status::UpdateInProgress, Some("Resource creation Initiated".to_owned()))?;
        self.resource_event(logical, Status::UpdateComplete, None)?;
        Ok(())
    }

    fn kind_of(&self, logical: &str) -> Result<String, Error> {
        self.stack(|stack| stack.resources.get(logical).map(|resource| resource.kind.clone()).unwrap_or_default())
    }

    fn evaluated(&self, logical: &str) -> Result<Value, Error> {
        self.with_scope(|stack, scope| match stack.submission.template.resources.get(logical) {
            Some(definition) => scope.evaluate(&definition.properties),
            None => Err(invalid(format!("resource {logical} is not in the template"))),
        })
    }

    /// A resource as the template plans it, not yet made.
    fn planned(&self, stack: &Stack, logical: &str, properties: Value) -> StackResource {
        let template = &stack.submission.template;
        let definition = template.resources.get(logical);
        StackResource {
            kind: definition.map(|definition| definition.kind.clone()).unwrap_or_default(),
            physical_id: String::new(),
            reference: Value::from(""),
            attributes: Map::new(),
            no_echo: false,
            properties,
            status: Status::CreateInProgress,
            reason: None,
            changed: self.shared.fabric.clock().now(),
            dependencies: template.dependencies.get(logical).cloned().unwrap_or_default(),
            deletion_policy: definition.map_or(Policy::Delete, |definition| definition.deletion_policy),
            update_replace_policy: definition.map_or(Policy::Delete, |definition| definition.update_replace_policy),
            metadata: definition.map(|definition| definition.metadata.clone()).unwrap_or_default(),
        }
    }

    fn outputs(&self) -> Result<Vec<Output>, Error> {
        let outputs = self.with_scope(|stack, scope| {
            let mut outputs = Vec::new();
            for (key, definition) in &stack.submission.template.outputs {
                if !scope.holds(definition.condition.as_deref()) {
                    continue;
                }
                let export_name = definition.export.as_ref().map(|name| scope.text(name, "Export Name")).transpose()?;
                outputs.push(Output {
                    key: key.clone(),
                    value: scope.text(&definition.value, &format!("output {key}"))?,
                    description: definition.description.clone(),
                    export_name,
                });
            }
            Ok(outputs)
        })?;
        let exported: HashMap<String, (String, String)> = self.shared.state().exports();
        for name in outputs.iter().filter_map(|output| output.export_name.as_deref()) {
            if let Some((_, owner)) = exported.get(name).filter(|(_, owner)| *owner != self.stack_id) {
                return Err(invalid(format!("Export with name {name} is already exported by stack {owner}")));
            }
        }
        Ok(outputs)
    }
}
