//! AWS CloudFormation: templates become resources of the endpoint's other services, which it meets in the fabric only.
//!
//! `template` reads and evaluates, `changes` previews, `engine` carries out, `resources` knows the types, `operations`
//! answers callers. Where state is kept (`kept`), operations that were under way go on after a restart.

mod changes;
mod engine;
mod error;
mod kept;
mod operations;
mod resources;
mod stack;
mod state;
mod template;

use std::sync::Arc;

use crate::emulator::keep::KeepError;
use crate::emulator::{Delivery, DeliveryError, Fabric, Interface, QueryInterface, Service};
use futures::future::BoxFuture;
use operations::{change_sets, describe, events, exports, resources as stack_resources, stacks, templates};
use state::Shared;

static INTERFACE: Interface = Interface {
    id: "cloudformation",
    title: "AWS CloudFormation",
    target_prefix: None,
    json_version: "1.1",
    query: Some(QueryInterface {
        version: "2010-05-15",
        namespace: "http://cloudformation.amazonaws.com/doc/2010-05-15/",
        flattened: &[],
    }),
    rest: false,
};

/// The service.
pub struct CloudFormation {
    shared: Arc<Shared>,
}

impl CloudFormation {
    /// With the stacks that were kept.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn new(fabric: Fabric) -> Result<Arc<Self>, KeepError> {
        Ok(Arc::new(Self { shared: Shared::new(fabric)? }))
    }
}

impl Service for CloudFormation {
    fn interface(&self) -> &'static Interface {
        &INTERFACE
    }

    crate::operations! {
        CreateChangeSet => change_sets::create_change_set,
        CreateStack => stacks::create_stack,
        DeleteChangeSet => change_sets::delete_change_set,
        DeleteStack => stacks::delete_stack,
        DescribeChangeSet => change_sets::describe_change_set,
        DescribeEvents => events::describe_events,
        DescribeStackEvents => events::describe_stack_events,
        DescribeStackResource => stack_resources::describe_stack_resource,
        DescribeStackResources => stack_resources::describe_stack_resources,
        DescribeStacks => describe::describe_stacks,
        ExecuteChangeSet => change_sets::execute_change_set,
        GetTemplate => templates::get_template,
        GetTemplateSummary => templates::get_template_summary,
        ListChangeSets => change_sets::list_change_sets,
        ListExports => exports::list_exports,
        ListImports => exports::list_imports,
        ListStackResources => stack_resources::list_stack_resources,
        ListStacks => describe::list_stacks,
        UpdateStack => stacks::update_stack,
        UpdateTerminationProtection => stacks::update_termination_protection,
        ValidateTemplate => templates::validate_template,
    }

    fn summary(&self) -> Vec<(&'static str, usize)> {
        let state = self.shared.state();
        vec![("stacks", state.all().filter(|stack| stack.deleted.is_none()).count())]
    }

    fn resume(&self) -> BoxFuture<'_, ()> {
        if let Err(error) = kept::take_up(&self.shared) {
            tracing::error!(%error, "operations on stacks that were under way cannot go on");
        }
        Box::pin(async {})
    }

    /// The answer of a custom resource, which its provider has put to the URL that it was given; one that nobody waits
    /// for any more is dropped.
    fn deliver(&self, delivery: Delivery) -> BoxFuture<'_, Result<(), DeliveryError>> {
        let arrived = delivery
            .target
            .resource
            .strip_prefix("custom-resource/")
            .is_some_and(|request_id| self.shared.answers.arrived(request_id, &delivery.payload));
        Box::pin(async move {
            if arrived {
                return Ok(());
            }
            Err(DeliveryError::permanent("RequestNotFound", "no custom resource waits for this answer"))
        })
    }
}
