//! AWS Step Functions: state machines of the Amazon States Language and their executions.
//!
//! A definition is compiled once (`asl`), expressions are pure (`eval`, `choice`), an execution is one task that walks the
//! compiled definition (`interpreter`) and calls other services by the fabric (`integration`). Everything that waits
//! waits on the endpoint's clock. Executions that have ended are kept for a while (`registry`).

mod asl;
mod choice;
mod error;
mod eval;
mod execution;
mod history;
mod integration;
mod interpreter;
mod moment;
mod operations;
mod registry;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;

use self::execution::{Execution, Revision};
use self::registry::Registry;
use crate::emulator::{Delivery, DeliveryError, Fabric, Interface, Service};
use crate::operations;

const INTERFACE: Interface = Interface {
    id: "states",
    title: "AWS Step Functions",
    target_prefix: Some("AWSStepFunctions"),
    json_version: "1.0",
    query: None,
    rest: false,
};

/// The Step Functions of the endpoint.
pub struct States {
    fabric: Fabric,
    registry: Arc<Mutex<Registry>>,
}

/// Sets up the service.
#[must_use]
pub fn new(fabric: Fabric) -> Arc<States> {
    Arc::new(States { fabric, registry: Arc::default() })
}

impl States {
    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers an execution and sets it going. `registry` is held by the caller, who has checked the name.
    fn launch(&self, registry: &mut Registry, revision: Arc<Revision>, name: &str, input: &str) -> Arc<Execution> {
        let arn = self.fabric.arn("states", format!("execution:{}:{name}", revision.name));
        let now = self.fabric.clock().now();
        let arn = Arc::from(arn.to_string());
        let execution = Arc::new(Execution::new(arn, Arc::from(name), revision, now, Arc::from(input)));
        let number = registry.start(&execution);
        let (fabric, registry) = (self.fabric.clone(), Arc::clone(&self.registry));
        let shutdown = self.fabric.shutdown_token().clone();
        tokio::spawn({
            let execution = Arc::clone(&execution);
            async move {
                tokio::select! {
                    () = shutdown.cancelled() => {}
                    () = interpreter::execute(fabric.clone(), Arc::clone(&execution)) => {
                        let now = fabric.clock().now();
                        registry.lock().unwrap_or_else(PoisonError::into_inner).end(number, &execution, now);
                    }
                }
            }
        });
        execution
    }
}

impl Service for States {
    fn interface(&self) -> &'static Interface {
        &INTERFACE
    }

    operations! {
        CreateStateMachine => Self::create_state_machine,
        UpdateStateMachine => Self::update_state_machine,
        DeleteStateMachine => Self::delete_state_machine,
        DescribeStateMachine => Self::describe_state_machine,
        DescribeStateMachineForExecution => Self::describe_state_machine_for_execution,
        ListStateMachines => Self::list_state_machines,
        ValidateStateMachineDefinition => Self::validate_state_machine_definition,
        StartExecution => Self::start_execution,
        StopExecution => Self::stop_execution,
        DescribeExecution => Self::describe_execution,
        ListExecutions => Self::list_executions,
        GetExecutionHistory => Self::get_execution_history,
        TagResource => Self::tag_resource,
        UntagResource => Self::untag_resource,
        ListTagsForResource => Self::list_tags_for_resource,
    }

    fn deliver(&self, delivery: Delivery) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(async move {
            self.start_by_delivery(&delivery)
                .map_err(|error| DeliveryError::from(crate::emulator::ServiceError::from(error)))
        })
    }
}
