//! AWS Step Functions: state machines of the Amazon States Language and their executions.
//!
//! A definition is compiled once (`asl`), expressions are pure (`eval`, `choice`), an execution is one task that walks the
//! compiled definition (`interpreter`) and calls other services by the fabric (`integration`). Everything that waits
//! waits on the endpoint's clock. Executions that have ended are kept for a while (`registry`); where state outlives the
//! process they go on where they were (`kept`).

mod asl;
mod callbacks;
mod choice;
mod error;
mod eval;
mod execution;
mod history;
mod integration;
mod interpreter;
mod kept;
mod map_run;
mod moment;
mod operations;
mod registry;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;

use self::callbacks::Callbacks;
use self::execution::{Execution, Revision};
use self::kept::Kept;
use self::map_run::MapRuns;
use self::registry::Registry;
use crate::emulator::keep::{KeepError, Shelf};
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

/// What operations and executions share.
struct Shared {
    fabric: Fabric,
    shelf: Shelf,
    registry: Mutex<Registry>,
    callbacks: Arc<Callbacks>,
    map_runs: MapRuns,
}

impl Shared {
    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The Step Functions of the endpoint.
pub struct States {
    shared: Arc<Shared>,
    /// Executions that ran when the process before this one ended, until they are taken up.
    left: Mutex<Vec<(u64, Arc<Execution>)>>,
}

/// Sets up the service with what was kept.
///
/// # Errors
/// When that cannot be read.
pub fn new(fabric: Fabric) -> Result<Arc<States>, KeepError> {
    let (shared, running) = kept::load(fabric)?;
    Ok(Arc::new(States { shared: Arc::new(shared), left: Mutex::new(running) }))
}

impl States {
    fn fabric(&self) -> &Fabric {
        &self.shared.fabric
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.shared.registry()
    }

    /// Registers an execution and sets it going. `registry` is held by the caller, who has checked the name.
    fn launch(&self, registry: &mut Registry, revision: Arc<Revision>, name: &str, input: &str) -> Arc<Execution> {
        let arn = self.fabric().arn("states", format!("execution:{}:{name}", revision.name));
        let now = self.fabric().clock().now();
        let arn = Arc::from(arn.to_string());
        let kept = Kept::of(&self.shared.shelf, &revision, name);
        let execution = Execution::new(arn, Arc::from(name), revision, now, Arc::from(input));
        let execution = Arc::new(match kept {
            Some(kept) => execution.keeping(kept),
            None => execution,
        });
        let number = registry.start(&execution);
        execution.begin(number);
        self.set_going(number, &execution);
        execution
    }

    /// Runs an execution that is in the registry.
    fn set_going(&self, number: u64, execution: &Arc<Execution>) {
        let (shared, execution) = (Arc::clone(&self.shared), Arc::clone(execution));
        let shutdown = self.fabric().shutdown_token().clone();
        tokio::spawn(async move {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = interpreter::execute(Arc::clone(&shared), Arc::clone(&execution)) => {
                    let now = shared.fabric.clock().now();
                    shared.registry().end(number, &execution, now);
                }
            }
        });
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
        RedriveExecution => Self::redrive_execution,
        DescribeExecution => Self::describe_execution,
        ListExecutions => Self::list_executions,
        GetExecutionHistory => Self::get_execution_history,
        StartSyncExecution => Self::start_sync_execution,
        TestState => Self::test_state,
        SendTaskSuccess => Self::send_task_success,
        SendTaskFailure => Self::send_task_failure,
        SendTaskHeartbeat => Self::send_task_heartbeat,
        DescribeMapRun => Self::describe_map_run,
        ListMapRuns => Self::list_map_runs,
        CreateActivity => Self::create_activity,
        DeleteActivity => Self::delete_activity,
        DescribeActivity => Self::describe_activity,
        ListActivities => Self::list_activities,
        GetActivityTask => Self::get_activity_task,
        TagResource => Self::tag_resource,
        UntagResource => Self::untag_resource,
        ListTagsForResource => Self::list_tags_for_resource,
    }

    fn summary(&self) -> Vec<(&'static str, usize)> {
        vec![("state machines", self.registry().machines_after("").count())]
    }

    fn resume(&self) -> BoxFuture<'_, ()> {
        let left = std::mem::take(&mut *self.left.lock().unwrap_or_else(PoisonError::into_inner));
        Box::pin(async move {
            for (number, execution) in left {
                self.set_going(number, &execution);
            }
        })
    }

    fn deliver(&self, delivery: Delivery) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(async move {
            if delivery.target.resource == integration::ECS_WATCH {
                self.shared.callbacks.tell();
                return Ok(());
            }
            self.start_by_delivery(&delivery)
                .map_err(|error| DeliveryError::from(crate::emulator::ServiceError::from(error)))
        })
    }
}
