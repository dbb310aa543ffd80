//! The Task state: schedules a call, waits for it as long as it may take, and records what came of it.

use std::sync::Arc;
use std::time::Duration;

use super::strand::{Strand, too_large};
use super::{Exit, Fault, LARGEST_PAYLOAD, Visit};
use crate::emulator::services::states::asl::Task;
use crate::emulator::services::states::history::{Failure, Scheduled, What};
use crate::emulator::services::states::integration::{CallError, Caller, Resource};

impl<'r> Strand<'r> {
    pub(super) async fn task(&mut self, visit: &Visit<'r>, task: &'r Task) -> Result<Exit, Fault> {
        let arguments = self.effective_input(visit)?;
        let selected = self.selected_input(visit)?;
        let timeout = self.seconds(visit, "TimeoutSeconds", task.timeout.as_ref(), &selected)?;
        let heartbeat = self.seconds(visit, "HeartbeatSeconds", task.heartbeat.as_ref(), &selected)?;
        let (kind, resource) = match &task.resource {
            Resource::Function(arn) | Resource::Activity(arn) => (None, Arc::clone(arn)),
            Resource::Service(service) => (Some(Arc::clone(&service.kind)), Arc::clone(&service.resource)),
        };
        let scheduled = Arc::new(Scheduled {
            resource,
            kind,
            parameters: Arc::from(arguments.to_string()),
            region: Arc::from(self.run.fabric.identity().region.as_str()),
            timeout,
            heartbeat,
        });
        self.advance(What::Scheduled(Arc::clone(&scheduled)))?;
        self.advance(What::Started(Arc::clone(&scheduled)))?;
        let run = self.run;
        let caller = Caller { execution: &run.arn, machine: &run.revision.arn };
        let call = task.resource.call(&run.fabric, &caller, Arc::unwrap_or_clone(arguments));
        let late = async {
            match timeout {
                Some(seconds) => run.fabric.clock().sleep(Duration::from_secs(seconds)).await,
                None => std::future::pending().await,
            }
        };
        let answer = tokio::select! {
            biased;
            answer = call => answer,
            () = late => {
                let failure = Failure { error: Some("States.Timeout".to_owned()), cause: None };
                self.advance(What::TimedOut(scheduled, Box::new(failure.clone())))?;
                return Err(Fault { of_task: true, ..Fault::failed(failure) });
            }
        };
        let failure = match answer {
            Ok(result) => {
                let text: Arc<str> = Arc::from(result.to_string());
                if text.len() <= LARGEST_PAYLOAD {
                    self.advance(What::Succeeded(scheduled, text))?;
                    return self.leave(visit, Arc::new(result), visit.state.next);
                }
                too_large(task.resource.name()).failure
            }
            Err(CallError::Failed(failure)) => failure,
            Err(CallError::Lacking(what)) => {
                return Err(visit.runtime(&what));
            }
        };
        self.advance(What::Failed(scheduled, Box::new(failure.clone())))?;
        Err(Fault { of_task: true, ..Fault::failed(failure) })
    }
}
