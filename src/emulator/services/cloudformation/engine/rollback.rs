//! Undoing: what a failed creation has made is deleted, what a failed update has changed is changed back, and what a
//! successful update has let go of is cleaned up.

use std::collections::BTreeSet;

use super::super::error::Error;
use super::super::resources::Failure;
use super::super::stack::{StackResource, Status};
use super::super::template::Policy;
use super::Run;
use super::deploy::{Change, Journal};

impl Run {
    /// Deletes what a failed creation has made; the stack is `ROLLBACK_IN_PROGRESS` already.
    ///
    /// # Errors
    /// When the stack is gone.
    pub async fn roll_back_creation(&self) -> Result<(), Error> {
        let kept = self.stack(|stack| {
            let retained = stack.resources.iter().filter(|(_, one)| one.deletion_policy == Policy::Retain);
            retained.map(|(logical, _)| logical.clone()).collect::<BTreeSet<String>>()
        })?;
        let failed = self.delete_resources(&kept).await?;
        if failed.is_empty() {
            return self.stack_event(Status::RollbackComplete, None);
        }
        let reason = format!("The following resource(s) failed to delete: [{}]. ", failed.join(", "));
        self.stack_event(Status::RollbackFailed, Some(reason))
    }

    /// Changes back what a failed update has changed; the stack is `UPDATE_ROLLBACK_IN_PROGRESS` already.
    pub(super) async fn roll_back_update(&self, journal: Journal) -> Result<(), Error> {
        let changes = journal.changes();
        // A resource that failed half-way has left no entry, but may have left a physical resource.
        let mut gone: Vec<(String, StackResource)> = self.stack(|stack| {
            let half = |one: &StackResource| one.status == Status::CreateFailed;
            let failed = stack.resources.iter().filter(|(_, one)| half(one));
            failed.map(|(logical, one)| (logical.clone(), one.clone())).collect()
        })?;
        let mut failed = Vec::new();
        for change in changes.into_iter().rev() {
            match change {
                Change::Created(logical) => {
                    let created = self.stack(|stack| stack.resources.get(&logical).cloned())?;
                    gone.extend(created.map(|created| (logical, created)));
                }
                Change::Replaced(logical, before) => {
                    let newer = self.stack(|stack| stack.resources.insert(logical.clone(), (*before).clone()))?;
                    self.resource_event(&logical, Status::UpdateInProgress, None)?;
                    self.resource_event(&logical, Status::UpdateComplete, None)?;
                    // Of a rollback that goes on after a restart, it may have been put back already.
                    let newer = newer.filter(|newer| newer.physical_id != before.physical_id);
                    gone.extend(newer.map(|newer| (logical, newer)));
                }
                Change::Updated(logical, before) => {
                    self.resource_event(&logical, Status::UpdateInProgress, None)?;
                    match self.change_back(&logical, &before).await {
                        Ok(()) => self.resource_event(&logical, Status::UpdateComplete, None)?,
                        Err(failure) => {
                            self.resource_event(&logical, Status::UpdateFailed, Some(failure.reason))?;
                            failed.push(logical);
                        }
                    }
                }
            }
        }
        if !failed.is_empty() {
            let reason = format!("The following resource(s) failed to update: [{}]. ", failed.join(", "));
            self.stack_event(Status::UpdateRollbackFailed, Some(reason))?;
            journal.close();
            return Ok(());
        }
        self.stack_event(Status::UpdateRollbackCompleteCleanupInProgress, None)?;
        for (logical, resource) in gone {
            self.stack(|stack| {
                if stack.resources.get(&logical).is_some_and(|own| own.physical_id == resource.physical_id) {
                    stack.resources.shift_remove(&logical);
                }
            })?;
            self.let_go(&logical, resource).await?;
        }
        self.stack_event(Status::UpdateRollbackComplete, None)?;
        journal.close();
        Ok(())
    }

    async fn change_back(&self, logical: &str, before: &StackResource) -> Result<(), Failure> {
        let identity = self.identity()?;
        let now = self.stack(|stack| stack.resources.get(logical).map(|one| one.properties.clone()))?;
        let registry = &self.shared.registry;
        let old = registry.checked(&before.kind, logical, &before.properties)?;
        let now = registry.checked(&before.kind, logical, &now.unwrap_or_default())?;
        let request = self.request(&identity, &before.kind, logical, &old);
        let made = self.provider(&before.kind)?.update(request, &before.physical_id, &now).await?;
        let mut restored = before.clone();
        if made.physical_id != before.physical_id {
            restored.take(made);
        }
        self.stack(|stack| stack.resources.insert(logical.to_owned(), restored))?;
        Ok(())
    }

    /// Deletes what a successful update has let go of: removed resources and those that were replaced.
    pub(super) async fn clean_up(&self, journal: &Journal) -> Result<(), Error> {
        let mut replaced = Vec::new();
        for change in journal.changes().into_iter().rev() {
            if let Change::Replaced(logical, before) = change {
                replaced.push((logical, *before));
            }
        }
        for (logical, before) in replaced {
            if before.update_replace_policy == Policy::Delete {
                self.let_go(&logical, before).await?;
            } else {
                self.stack(|stack| self.event_of(stack, &logical, &before, Status::DeleteSkipped, None))?;
            }
        }
        let kept = self.with_scope(|stack, scope| {
            let template = &stack.submission.template;
            let holds = |logical: &str| {
                template.resources.get(logical).is_some_and(|one| scope.holds(one.condition.as_deref()))
            };
            Ok(stack.resources.keys().filter(|logical| holds(logical)).cloned().collect::<BTreeSet<String>>())
        })?;
        self.delete_removed(&kept).await
    }

    /// Deletes a physical resource that is no longer the stack's own; a failure stays as an event.
    async fn let_go(&self, logical: &str, resource: StackResource) -> Result<(), Error> {
        if !resource.is_there() {
            return Ok(());
        }
        self.stack(|stack| self.event_of(stack, logical, &resource, Status::DeleteInProgress, None))?;
        let (status, reason) = match self.delete_physical(logical, &resource).await {
            Ok(()) => (Status::DeleteComplete, None),
            Err(failure) => (Status::DeleteFailed, Some(failure.reason)),
        };
        self.stack(|stack| self.event_of(stack, logical, &resource, status, reason))
    }
}
