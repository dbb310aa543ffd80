//! Deletion of a stack and of single resources, in the reverse of the order of creation.

use std::collections::BTreeSet;

use tokio_util::sync::CancellationToken;

use super::super::error::Error;
use super::super::resources::Failure;
use super::super::stack::{StackResource, Status};
use super::super::template::Policy;
use super::Run;
use super::walk::{Graph, reversed, walk};

impl Run {
    /// Deletes the stack; it is `DELETE_IN_PROGRESS` already.
    ///
    /// # Errors
    /// When the stack is gone.
    pub async fn delete_everything(&self, retain: &[String], force: bool) -> Result<(), Error> {
        if let Some(reason) = self.export_in_use()? {
            return self.stack_event(Status::DeleteFailed, Some(reason));
        }
        let kept = self.stack(|stack| {
            let retained = stack
                .resources
                .iter()
                .filter(|(logical, one)| one.deletion_policy != Policy::Delete || retain.contains(logical));
            retained.map(|(logical, _)| logical.clone()).collect::<BTreeSet<String>>()
        })?;
        let failed = self.delete_resources(&kept).await?;
        if !failed.is_empty() && !force {
            let reason = format!("The following resource(s) failed to delete: [{}]. ", failed.join(", "));
            return self.stack_event(Status::DeleteFailed, Some(reason));
        }
        self.stack_event(Status::DeleteComplete, None)?;
        self.stack(|stack| {
            stack.change_sets.clear();
            stack.outputs.clear();
            stack.imports.clear();
        })?;
        self.shared.state().free_name(&self.stack_id, &self.shared.shelf);
        Ok(())
    }

    fn export_in_use(&self) -> Result<Option<String>, Error> {
        let exports: Vec<String> =
            self.stack(|stack| stack.outputs.iter().filter_map(|output| output.export_name.clone()).collect())?;
        let state = self.shared.state();
        for export in exports {
            let users = state.importers(&export);
            if !users.is_empty() {
                return Ok(Some(format!("Export {export} cannot be deleted as it is in use by {}", users.join(", "))));
            }
        }
        Ok(None)
    }

    /// Deletes every resource but `kept`, which are skipped with an event; returns what failed.
    pub(super) async fn delete_resources(&self, kept: &BTreeSet<String>) -> Result<Vec<String>, Error> {
        let graph = self.stack(|stack| {
            let mut graph = Graph::new();
            for (logical, resource) in &stack.resources {
                if resource.is_there() && !kept.contains(logical) {
                    graph.insert(logical.clone(), resource.dependencies.clone());
                }
            }
            for logical in kept {
                let Some(resource) = stack.resources.get(logical).filter(|one| one.is_there()).cloned() else {
                    continue;
                };
                self.event_of(stack, logical, &resource, Status::DeleteSkipped, None);
            }
            graph
        })?;
        Ok(self.delete_graph(graph).await)
    }

    /// Deletes what is not in `kept` after an update, and forgets it.
    pub(super) async fn delete_removed(&self, kept: &BTreeSet<String>) -> Result<(), Error> {
        let graph = self.stack(|stack| {
            let mut graph = Graph::new();
            let removed: Vec<String> =
                stack.resources.keys().filter(|logical| !kept.contains(*logical)).cloned().collect();
            for logical in removed {
                let Some(resource) = stack.resources.get(&logical).cloned() else { continue };
                if resource.is_there() && resource.deletion_policy == Policy::Delete {
                    graph.insert(logical, resource.dependencies);
                } else {
                    if resource.is_there() {
                        self.event_of(stack, &logical, &resource, Status::DeleteSkipped, None);
                    }
                    stack.resources.shift_remove(&logical);
                }
            }
            graph
        })?;
        let removed: Vec<String> = graph.keys().cloned().collect();
        self.delete_graph(graph).await;
        // AWS too lets go of what it could not delete in a cleanup: the events tell.
        self.stack(|stack| removed.iter().for_each(|logical| drop(stack.resources.shift_remove(logical))))
    }

    async fn delete_graph(&self, graph: Graph) -> Vec<String> {
        let never = CancellationToken::new();
        walk(reversed(&graph), false, &never, |logical| async move {
            let Ok(Some(resource)) = self.stack(|stack| stack.resources.get(&logical).cloned()) else { return true };
            self.delete_one(&logical, &resource).await.unwrap_or(false)
        })
        .await
    }

    async fn delete_one(&self, logical: &str, resource: &StackResource) -> Result<bool, Error> {
        self.resource_event(logical, Status::DeleteInProgress, None)?;
        match self.delete_physical(logical, resource).await {
            Ok(()) => self.resource_event(logical, Status::DeleteComplete, None).map(|()| true),
            Err(failure) => self.resource_event(logical, Status::DeleteFailed, Some(failure.reason)).map(|()| false),
        }
    }

    /// Deletes a physical resource; one that is gone already counts as deleted.
    pub(super) async fn delete_physical(&self, logical: &str, resource: &StackResource) -> Result<(), Failure> {
        let identity = self.identity()?;
        let provider = self.provider(&resource.kind)?;
        let properties = self.shared.registry.lenient(&resource.kind, &resource.properties);
        let request = self.request(&identity, &resource.kind, logical, &properties);
        match provider.delete(request, &resource.physical_id).await {
            Err(failure) if failure.is_not_found() => Ok(()),
            outcome => outcome,
        }
    }
}
