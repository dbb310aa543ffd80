//! The Task state: schedules a call, waits for its answer, or for more than that, as long as it may take, and records
//! what came of it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::strand::{Strand, too_large};
use super::{Exit, Fault, LARGEST_PAYLOAD, Run, Visit};
use crate::emulator::services::states::asl::Task;
use crate::emulator::services::states::callbacks::{ActivityTask, Signal, Ticket};
use crate::emulator::services::states::history::{Failure, Scheduled, What};
use crate::emulator::services::states::integration::{self, CallError, Caller, Resource};
use crate::emulator::services::states::kept::Pending;
use crate::model::Timestamp;

/// How a task ended.
enum Ended {
    Succeeded(Value),
    Failed(Failure),
    /// Its call failed, before it could wait for more.
    NotSubmitted(Failure),
    /// It took too long, or sent no heartbeat.
    TimedOut {
        without_heartbeat: bool,
    },
}

impl From<Result<Value, Failure>> for Ended {
    fn from(result: Result<Value, Failure>) -> Self {
        match result {
            Ok(value) => Self::Succeeded(value),
            Err(failure) => Self::Failed(failure),
        }
    }
}

impl<'r> Strand<'r> {
    pub(super) async fn task(&mut self, visit: &mut Visit<'r>, task: &'r Task) -> Result<Exit, Fault> {
        let run = self.run;
        let (pending, ticket) = visit.pending.take().unzip();
        let needs_token =
            matches!(task.resource, Resource::Activity(_)) || task.resource.pattern() == Some(".waitForTaskToken");
        let is_new = ticket.as_ref().is_none_or(Option::is_none);
        let ticket = ticket.flatten();
        let ticket = ticket.or_else(|| needs_token.then(|| run.shared.callbacks.ticket(&run.fabric, &run.arn)));
        visit.token = ticket.as_ref().map(|ticket| Arc::clone(&ticket.token));
        let visit = &*visit;
        let (scheduled, ended) = match (pending, &task.resource, ticket) {
            (Some(Pending::Submitted { scheduled, answer, deadline, .. }), Resource::Service(service), ticket) => {
                let ended = self.submitted(visit, service, &answer, ticket, &scheduled, deadline).await?;
                (scheduled, ended)
            }
            (Some(Pending::Activity { scheduled, deadline, taken, .. }), Resource::Activity(arn), Some(ticket)) => {
                let ended = self.activity(visit, arn, ticket, &scheduled, deadline, taken).await?;
                (scheduled, ended)
            }
            (_, _, ticket) => {
                if let Some(ticket) = ticket.as_ref().filter(|_| is_new) {
                    let token = Arc::clone(&ticket.token);
                    self.note_progress(visit, None, || Some(Pending::Called { token }));
                }
                self.schedule(visit, task, ticket).await?
            }
        };
        let failure = match ended {
            Ended::Succeeded(result) => {
                let text: Arc<str> = Arc::from(result.to_string());
                if text.len() <= LARGEST_PAYLOAD {
                    self.advance(What::Succeeded(scheduled, text))?;
                    return self.leave(visit, Arc::new(result), visit.state.next);
                }
                too_large(task.resource.name()).failure
            }
            Ended::Failed(failure) => failure,
            Ended::NotSubmitted(failure) => {
                self.advance(What::SubmitFailed(scheduled, Box::new(failure.clone())))?;
                return Err(Fault { of_task: true, ..Fault::failed(failure) });
            }
            Ended::TimedOut { without_heartbeat } => {
                let failure = Failure { error: Some("States.Timeout".to_owned()), cause: None };
                self.advance(What::TimedOut(scheduled, Box::new(failure.clone())))?;
                return Err(Fault { of_task: true, without_heartbeat, ..Fault::failed(failure) });
            }
        };
        self.advance(What::Failed(scheduled, Box::new(failure.clone())))?;
        Err(Fault { of_task: true, ..Fault::failed(failure) })
    }

    /// Schedules the task and waits for its end.
    async fn schedule(
        &mut self,
        visit: &Visit<'r>,
        task: &'r Task,
        ticket: Option<Ticket>,
    ) -> Result<(Arc<Scheduled>, Ended), Fault> {
        let run = self.run;
        let mut arguments = Arc::unwrap_or_clone(self.effective_input(visit)?);
        task.resource.complete(&mut arguments);
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
            activity: matches!(task.resource, Resource::Activity(_)),
            parameters: Arc::from(arguments.to_string()),
            region: Arc::from(run.fabric.identity().region.as_str()),
            timeout,
            heartbeat,
        });
        self.advance(What::Scheduled(Arc::clone(&scheduled)))?;
        let deadline = timeout.map(|seconds| run.fabric.clock().now() + Duration::from_secs(seconds));
        let ended = match (&task.resource, ticket) {
            (Resource::Activity(arn), Some(ticket)) => {
                self.activity(visit, arn, ticket, &scheduled, deadline, false).await?
            }
            (_, ticket) => self.called(visit, task, arguments, ticket, &scheduled, deadline).await?,
        };
        Ok((scheduled, ended))
    }

    /// A function or a service: calls it, then waits for what its pattern says.
    async fn called(
        &mut self,
        visit: &Visit<'r>,
        task: &'r Task,
        arguments: Value,
        ticket: Option<Ticket>,
        scheduled: &Arc<Scheduled>,
        deadline: Option<Timestamp>,
    ) -> Result<Ended, Fault> {
        let run = self.run;
        self.advance(What::Started(Arc::clone(scheduled)))?;
        let caller = Caller { execution: &run.arn, machine: &run.revision.arn };
        let late = Ended::TimedOut { without_heartbeat: false };
        let call = task.resource.call(&run.fabric, &caller, arguments);
        let Some(answer) = in_time(run, deadline, call).await else { return Ok(late) };
        let Resource::Service(service) = &task.resource else { return ended(visit, answer) };
        if service.pattern.is_none() {
            return ended(visit, answer);
        }
        let answer = match ended(visit, answer)? {
            Ended::Succeeded(answer) => answer,
            Ended::Failed(failure) => return Ok(Ended::NotSubmitted(failure)),
            other => return Ok(other),
        };
        self.advance(What::Submitted(Arc::clone(scheduled), Arc::from(answer.to_string())))?;
        self.note_progress(visit, None, || {
            Some(Pending::Submitted {
                token: ticket.as_ref().map(|ticket| Arc::clone(&ticket.token)),
                scheduled: Arc::clone(scheduled),
                answer: answer.clone(),
                deadline,
            })
        });
        self.submitted(visit, service, &answer, ticket, scheduled, deadline).await
    }

    /// Waits for what a call has started: until it tells of itself by the token, or looks at it.
    async fn submitted(
        &self,
        visit: &Visit<'r>,
        service: &integration::Service,
        answer: &Value,
        ticket: Option<Ticket>,
        scheduled: &Arc<Scheduled>,
        deadline: Option<Timestamp>,
    ) -> Result<Ended, Fault> {
        let run = self.run;
        let late = Ended::TimedOut { without_heartbeat: false };
        let Some(mut ticket) = ticket else {
            let waited = in_time(run, deadline, integration::wait(&run.shared, service, answer)).await;
            return waited.map_or(Ok(late), |waited| ended(visit, waited));
        };
        let waited = in_time(run, deadline, async {
            loop {
                let Some(signal) = beaten(run, &mut ticket, scheduled.heartbeat).await else {
                    return Ended::TimedOut { without_heartbeat: true };
                };
                if let Some(result) = result_of(signal) {
                    return result.into();
                }
            }
        });
        Ok(waited.await.unwrap_or(late))
    }

    /// An activity: leaves the task for its workers, unless one has taken it, and waits for one.
    async fn activity(
        &mut self,
        visit: &Visit<'r>,
        arn: &str,
        mut ticket: Ticket,
        scheduled: &Arc<Scheduled>,
        deadline: Option<Timestamp>,
        taken: bool,
    ) -> Result<Ended, Fault> {
        let run = self.run;
        let token = Arc::clone(&ticket.token);
        let pending = |taken| {
            let (token, scheduled) = (Arc::clone(&token), Arc::clone(scheduled));
            Some(Pending::Activity { token, scheduled, deadline, taken })
        };
        self.note_progress(visit, None, || pending(taken));
        let left = ActivityTask { token: Arc::clone(&token), input: Arc::clone(&scheduled.parameters) };
        if !taken && !run.shared.callbacks.leave(arn, left) {
            let failure = Failure {
                error: Some("ActivityDoesNotExist".to_owned()),
                cause: Some(format!("Activity Does Not Exist: '{arn}'")),
            };
            self.advance(What::ActivityScheduleFailed(Box::new(failure.clone())))?;
            return Err(Fault { of_task: true, ..Fault::failed(failure) });
        }
        // Heartbeats are due from the moment that a worker took the task.
        let mut heartbeat = if taken { scheduled.heartbeat } else { None };
        loop {
            let signal = in_time(run, deadline, beaten(run, &mut ticket, heartbeat)).await;
            match signal {
                None => return Ok(Ended::TimedOut { without_heartbeat: false }),
                Some(None) => return Ok(Ended::TimedOut { without_heartbeat: true }),
                Some(Some(Signal::Taken(worker))) => {
                    heartbeat = scheduled.heartbeat;
                    self.advance(What::ActivityStarted(worker))?;
                    self.note_progress(visit, None, || pending(true));
                }
                Some(Some(signal)) => {
                    if let Some(result) = result_of(signal) {
                        return Ok(result.into());
                    }
                }
            }
        }
    }
}

/// What came of a call; what the endpoint lacks ends the execution.
fn ended(visit: &Visit<'_>, answer: Result<Value, CallError>) -> Result<Ended, Fault> {
    match answer {
        Ok(value) => Ok(Ended::Succeeded(value)),
        Err(CallError::Failed(failure)) => Ok(Ended::Failed(failure)),
        Err(CallError::Lacking(what)) => Err(visit.runtime(&what)),
    }
}

fn result_of(signal: Signal) -> Option<Result<Value, Failure>> {
    match signal {
        Signal::Taken(_) | Signal::Beat => None,
        Signal::Succeeded(value) => Some(Ok(value)),
        Signal::Failed(failure) => Some(Err(failure)),
    }
}

/// Waits no longer than to the deadline.
async fn in_time<T>(run: &Run, deadline: Option<Timestamp>, work: impl Future<Output = T>) -> Option<T> {
    let Some(deadline) = deadline else { return Some(work.await) };
    tokio::select! {
        biased;
        done = work => Some(done),
        () = run.fabric.clock().sleep_until(deadline) => None,
    }
}

/// The next signal; `None` when none comes for as many seconds as may pass between two.
async fn beaten(run: &Run, ticket: &mut Ticket, heartbeat: Option<u64>) -> Option<Signal> {
    let deadline = heartbeat.map(|seconds| run.fabric.clock().now() + Duration::from_secs(seconds));
    in_time(run, deadline, ticket.next()).await
}
