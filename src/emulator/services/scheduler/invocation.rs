//! One invocation of a schedule's target: its input, its attempts, and where it ends when none succeeds.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::PRINCIPAL;
use super::error::SchedulerError;
use super::run::written;
use super::schedule::{KeptSchedule, Schedule};
use super::target::{Target, Way};
use crate::emulator::backoff;
use crate::emulator::sdk::respelled;
use crate::emulator::service::{Delivery, DeliveryError};
use crate::emulator::{Fabric, Hop, Outbox, Ticket};
use crate::model::Timestamp;

/// One invocation.
pub struct Invocation {
    id: Arc<str>,
    schedule: Arc<Schedule>,
    due: Timestamp,
    attempt: u32,
    begun: Timestamp,
    /// Its row, until it has succeeded or was given up.
    ticket: Ticket,
}

/// What a kept invocation is.
pub const INVOCATION: &str = "invocation";

/// An invocation as it is kept.
#[derive(Serialize, Deserialize)]
pub struct KeptInvocation {
    id: Arc<str>,
    schedule: KeptSchedule,
    due: Timestamp,
    attempt: u32,
    begun: Timestamp,
}

impl Invocation {
    /// The invocation that is due at `due`.
    pub fn new(fabric: &Fabric, outbox: &Outbox, schedule: &Arc<Schedule>, due: Timestamp) -> Self {
        let (id, begun) = (fabric.uuid().into(), fabric.clock().now());
        let mut new = Self { id, schedule: Arc::clone(schedule), due, attempt: 1, begun, ticket: Ticket::default() };
        new.ticket = outbox.add(|| new.kept());
        new
    }

    fn kept(&self) -> KeptInvocation {
        KeptInvocation {
            id: Arc::clone(&self.id),
            schedule: self.schedule.kept(),
            due: self.due,
            attempt: self.attempt,
            begun: self.begun,
        }
    }

    /// An invocation again that was under way.
    ///
    /// # Errors
    /// When its schedule cannot be read.
    pub fn found(kept: KeptInvocation, ticket: Ticket, ended: CancellationToken) -> Result<Self, SchedulerError> {
        let KeptInvocation { id, schedule, due, attempt, begun } = kept;
        Ok(Self { id, schedule: Arc::new(Schedule::found(schedule, ended)?), due, attempt, begun, ticket })
    }

    fn target(&self) -> &Target {
        &self.schedule.plan.target
    }

    /// What the target gets: the input with its context attributes, or AWS's event where there is none.
    fn input(&self, fabric: &Fabric) -> String {
        let identity = fabric.identity();
        let Some(template) = &self.target().input else {
            return json!({
                "version": "0", "id": &*self.id, "detail-type": "Scheduled Event", "source": "aws.scheduler",
                "account": identity.account, "time": written(self.due), "region": identity.region,
                "resources": [&*self.schedule.arn], "detail": "{}",
            })
            .to_string();
        };
        template
            .replace("<aws.scheduler.schedule-arn>", &self.schedule.arn)
            .replace("<aws.scheduler.scheduled-time>", &written(self.due))
            .replace("<aws.scheduler.execution-id>", &self.id)
            .replace("<aws.scheduler.attempt-number>", &self.attempt.to_string())
    }

    /// Tries until it succeeds or must be given up.
    pub async fn carry_out(mut self, fabric: Fabric) {
        loop {
            let Err(error) = self.invoke(&fabric).await else { return self.ticket.done() };
            let retries = self.attempt - 1;
            let target = self.target();
            let pause = backoff::pause(retries, fabric.fraction());
            let exhausted = if !error.retryable {
                None
            } else if retries >= target.retries {
                Some("MaximumRetryAttempts")
            } else if fabric.clock().now() + pause > self.begun + target.oldest {
                Some("MaximumEventAgeInSeconds")
            } else {
                tokio::select! {
                    () = fabric.clock().sleep(pause) => {}
                    () = fabric.shutdown_token().cancelled() => return,
                }
                self.attempt += 1;
                self.ticket.update(|| self.kept());
                continue;
            };
            self.give_up(&fabric, &error, exhausted).await;
            return self.ticket.done();
        }
    }

    async fn invoke(&self, fabric: &Fabric) -> Result<(), DeliveryError> {
        let input = self.input(fabric);
        match &self.target().way {
            Way::Deliver(target) => {
                let delivery = Delivery {
                    target: target.clone(),
                    payload: input.into(),
                    principal: PRINCIPAL,
                    source_arn: Arc::clone(&self.schedule.arn),
                    subject: Arc::clone(&self.id),
                    parameters: Value::Null,
                    retries: self.attempt - 1,
                };
                fabric.deliver(delivery).await
            }
            Way::PutEvents { bus, source, detail_type } => {
                let entry = json!({
                    "EventBusName": bus, "Source": source, "DetailType": detail_type, "Detail": input,
                    "Resources": [&*self.schedule.arn],
                });
                self.call(fabric, "events", "PutEvents", json!({ "Entries": [entry] })).await
            }
            Way::RunTask { cluster, parameters } => {
                self.call(fabric, "ecs", "RunTask", run_task(cluster, parameters, &input)).await
            }
            Way::Call { sdk, operation } => {
                let request =
                    self.target().input.as_ref().map_or_else(|| Ok(json!({})), |_| serde_json::from_str(&input));
                let request = request.map_err(|error| DeliveryError::permanent("InvalidInput", error.to_string()))?;
                self.call(fabric, sdk.service, operation, sdk.to_api(request)).await
            }
        }
    }

    /// Calls an operation, and keeps the hop in the trace.
    async fn call(&self, fabric: &Fabric, service: &str, operation: &str, input: Value) -> Result<(), DeliveryError> {
        let answer = fabric.call(PRINCIPAL, service, operation, input).await.map_err(DeliveryError::from);
        // Operations on lists succeed although an entry failed.
        let outcome = answer.and_then(|answer| match refused(&answer) {
            Some((code, message)) => Err(DeliveryError::permanent(code, message)),
            None => Ok(()),
        });
        fabric.record(self.hop(fabric, self.target().arn.clone(), outcome.as_ref().err().map(ToString::to_string)));
        outcome
    }

    fn hop(&self, fabric: &Fabric, to: String, error: Option<String>) -> Hop {
        Hop { at: fabric.clock().now(), from: PRINCIPAL, to, subject: Arc::clone(&self.id), error }
    }

    /// The input goes to the dead-letter queue, or is dropped, and the trace says which.
    async fn give_up(&self, fabric: &Fabric, error: &DeliveryError, exhausted: Option<&str>) {
        let Some(queue) = &self.target().dead_letters else {
            let problem = format!("the invocation was dropped: {error}");
            fabric.record(self.hop(fabric, self.target().arn.clone(), Some(problem)));
            return;
        };
        let text = |value: &str| json!({ "DataType": "String", "StringValue": value });
        let mut attributes = json!({
            "ERROR_CODE": text(&error.code),
            "ERROR_MESSAGE": text(if error.message.is_empty() { &error.code } else { &error.message }),
            "EXECUTION_ID": text(&self.id),
            "IS_PAYLOAD_TRUNCATED": text("false"),
            "RETRY_ATTEMPTS": { "DataType": "Number", "StringValue": (self.attempt - 1).to_string() },
            "SCHEDULED_TIME": text(&written(self.due)),
            "SCHEDULE_ARN": text(&self.schedule.arn),
            "TARGET_ARN": text(&self.target().arn),
        });
        if let Some(condition) = exhausted {
            attributes["EXHAUSTED_RETRY_CONDITION"] = text(condition);
        }
        let letter = Delivery {
            target: queue.clone(),
            payload: self.input(fabric).into(),
            principal: PRINCIPAL,
            source_arn: Arc::clone(&self.schedule.arn),
            subject: Arc::clone(&self.id),
            parameters: json!({ "MessageAttributes": attributes }),
            retries: 0,
        };
        if let Err(refused) = fabric.deliver(letter).await {
            let problem = format!("the invocation was dropped: {refused} (after {error})");
            fabric.record(self.hop(fabric, queue.to_string(), Some(problem)));
        }
    }
}

/// Code and message of the first entry that failed.
fn refused(answer: &Value) -> Option<(String, String)> {
    let text = |entry: &Value, name: &str| entry.get(name).and_then(Value::as_str).map(str::to_owned);
    let entries = ["Entries", "failures"].into_iter().filter_map(|name| answer.get(name)?.as_array()).flatten();
    entries.into_iter().find_map(|entry| {
        let code = text(entry, "ErrorCode").or_else(|| text(entry, "reason"))?;
        Some((code, text(entry, "ErrorMessage").or_else(|| text(entry, "detail")).unwrap_or_default()))
    })
}

/// The input of `RunTask`, as ECS spells it; the schedule's own input is the task's overrides.
fn run_task(cluster: &str, parameters: &Map<String, Value>, input: &str) -> Value {
    let mut request = match respelled(Value::Object(parameters.clone()), true) {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    request.insert("cluster".to_owned(), cluster.into());
    for (from, to) in [("taskDefinitionArn", "taskDefinition"), ("taskCount", "count")] {
        if let Some(value) = request.remove(from) {
            request.insert(to.to_owned(), value);
        }
    }
    if let Ok(overrides @ Value::Object(_)) = serde_json::from_str::<Value>(input)
        && overrides.get("containerOverrides").is_some()
    {
        request.insert("overrides".to_owned(), overrides);
    }
    Value::Object(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_run_as_ecs_spells_it() {
        let parameters = json!({"TaskDefinitionArn": "d", "TaskCount": 2, "LaunchType": "FARGATE"});
        let Value::Object(parameters) = parameters else { panic!("an object") };
        let overrides = json!({"containerOverrides": [{"name": "c"}]});
        assert_eq!(
            run_task("arn:c", &parameters, &overrides.to_string()),
            json!({"launchType": "FARGATE", "cluster": "arn:c", "taskDefinition": "d", "count": 2, "overrides": overrides})
        );
    }

    #[test]
    fn an_entry_that_failed_fails_the_invocation() {
        assert_eq!(refused(&json!({"Entries": [{"EventId": "e"}]})), None);
        let failed = json!({"Entries": [{"EventId": "e"}, {"ErrorCode": "MalformedDetail", "ErrorMessage": "m"}]});
        assert_eq!(refused(&failed), Some(("MalformedDetail".to_owned(), "m".to_owned())));
    }
}
