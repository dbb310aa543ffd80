//! `.sync` and `.sync:2`: waiting until an execution or a task of ECS has ended, which is stopped when the wait is given
//! up.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::Shared;
use super::super::history::Failure;
use super::{CallError, PRINCIPAL, Service};
use crate::emulator::Fabric;
use crate::emulator::sdk::respelled;
use crate::model::{Arn, Timestamp};

/// The resource that the rule of ECS tasks has for its target.
pub(in super::super) const ECS_WATCH: &str = "integration:ecs-task-state-change";
/// The rule, as AWS names it.
const ECS_RULE: &str = "StepFunctionsGetEventsForECSTaskRule";
/// How long nothing is heard of a task before it is looked at, in case that somebody removed the rule.
const LONGEST_SILENCE: Duration = Duration::from_secs(60);

/// Members of answers that are moments: seconds since the epoch in the services' own protocols.
const MOMENTS: &[&str] = &[
    "ConnectivityAt",
    "CreatedAt",
    "CreationDate",
    "CreationDateTime",
    "EndDate",
    "ExecutionStoppedAt",
    "LastModificationDate",
    "LastModified",
    "LastModifiedDate",
    "LastUpdatedTime",
    "PullStartedAt",
    "PullStoppedAt",
    "RedriveDate",
    "RegisteredAt",
    "StartDate",
    "StartedAt",
    "StopDate",
    "StoppedAt",
    "StoppingAt",
    "UpdateDate",
];

/// How moments are written in the results of tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dates {
    /// Milliseconds since the epoch: optimised integrations.
    Millis,
    /// ISO 8601: `aws-sdk:` integrations.
    Texts,
}

/// The value with its moments written another way.
pub(super) fn dated(value: Value, dates: Dates) -> Value {
    match value {
        Value::Object(members) => {
            let each = members.into_iter().map(|(name, value)| {
                let seconds = value.as_f64().filter(|_| MOMENTS.contains(&name.as_str()));
                let value = seconds.map_or_else(|| dated(value, dates), |seconds| moment(seconds, dates));
                (name, value)
            });
            Value::Object(each.collect())
        }
        Value::Array(items) => items.into_iter().map(|item| dated(item, dates)).collect(),
        other => other,
    }
}

fn moment(seconds: f64, dates: Dates) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "a float outside of i64 saturates")]
    let millis = (seconds * 1_000.0).round() as i64;
    let moment = Timestamp::from_millis(millis);
    match dates {
        Dates::Millis => millis.into(),
        Dates::Texts if millis % 1_000 == 0 => moment.iso_seconds().into(),
        Dates::Texts => moment.iso_millis().into(),
    }
}

/// An answer as optimised integrations tell it: members in Pascal case and in the order of the alphabet.
pub(super) fn told(answer: Value) -> Value {
    fn sorted(value: Value) -> Value {
        match value {
            Value::Object(members) => {
                let mut members: Vec<(String, Value)> =
                    members.into_iter().map(|(name, value)| (name, sorted(value))).collect();
                members.sort_by(|(one, _), (other, _)| one.cmp(other));
                Value::Object(members.into_iter().collect())
            }
            Value::Array(items) => items.into_iter().map(sorted).collect(),
            other => other,
        }
    }
    sorted(dated(respelled(answer, false), Dates::Millis))
}

/// Stops what was started, unless it has ended by itself.
struct Undo(Option<(Fabric, &'static str, &'static str, Value)>);

impl Drop for Undo {
    fn drop(&mut self) {
        let Some((fabric, service, operation, input)) = self.0.take() else { return };
        if fabric.shutdown_token().is_cancelled() {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = fabric.call(PRINCIPAL, service, operation, input).await {
                    tracing::debug!(%error, operation, "what a task had started could not be stopped");
                }
            });
        }
    }
}

/// Waits until what a task has started is done; `answer` is what the call answered.
///
/// # Errors
/// When it did not end well.
pub async fn wait(shared: &Arc<Shared>, service: &Service, answer: &Value) -> Result<Value, CallError> {
    match &*service.kind {
        "states" => execution(shared, answer, service.pattern == Some(".sync:2")).await,
        "ecs" => task(shared, answer).await,
        kind => Err(CallError::lacking(format_args!("waiting for {kind}:{}", service.resource))),
    }
}

fn failed(told: &Value) -> CallError {
    CallError::Failed(Failure { error: Some("States.TaskFailed".to_owned()), cause: Some(told.to_string()) })
}

async fn execution(shared: &Arc<Shared>, answer: &Value, parsed: bool) -> Result<Value, CallError> {
    let arn = answer["ExecutionArn"].as_str().unwrap_or_default();
    let fabric = &shared.fabric;
    let stop = json!({"executionArn": arn});
    let mut undo = Undo(Some((fabric.clone(), "states", "StopExecution", stop)));
    let done = {
        let resource = arn.parse::<Arn>().map(|arn| arn.resource).unwrap_or_default();
        let mut parts = resource.split(':').skip(1);
        let (machine, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let registry = shared.registry();
        registry.machine(machine).and_then(|machine| machine.execution(name)).map(|execution| execution.done())
    };
    if let Some(done) = done {
        done.cancelled().await;
    }
    undo.0 = None;
    let described = fabric.call(PRINCIPAL, "states", "DescribeExecution", json!({"executionArn": arn})).await;
    let mut told = match described {
        Ok(described) => told(described),
        Err(error) => {
            let failure = Failure { error: Some("States.TaskFailed".to_owned()), cause: Some(error.message) };
            return Err(CallError::Failed(failure));
        }
    };
    if told["Status"] != "SUCCEEDED" {
        return Err(failed(&told));
    }
    for member in ["Input", "Output"].into_iter().filter(|_| parsed) {
        let text = told[member].as_str().map(serde_json::from_str::<Value>);
        if let Some(Ok(value)) = text {
            told[member] = value;
        }
    }
    Ok(told)
}

async fn task(shared: &Arc<Shared>, answer: &Value) -> Result<Value, CallError> {
    let fabric = &shared.fabric;
    let first = &answer["Tasks"][0];
    let (task, cluster) = (first["TaskArn"].clone(), first["ClusterArn"].clone());
    let stop = json!({"cluster": cluster, "task": task, "reason": "Step Functions execution was stopped"});
    let mut undo = Undo(Some((fabric.clone(), "ecs", "StopTask", stop)));
    watch_tasks(fabric).await;
    let mut news = shared.callbacks.news();
    let stopped = loop {
        news.mark_unchanged();
        let input = json!({"cluster": cluster, "tasks": [task]});
        let described = fabric.call(PRINCIPAL, "ecs", "DescribeTasks", input).await;
        match described {
            Ok(mut described) if described["tasks"][0]["lastStatus"] == "STOPPED" => {
                break described["tasks"][0].take();
            }
            Ok(described) if described["tasks"][0].is_object() => {}
            Ok(described) => return Err(failed(&told(described))),
            Err(error) => {
                let failure = Failure { error: Some("States.TaskFailed".to_owned()), cause: Some(error.message) };
                return Err(CallError::Failed(failure));
            }
        }
        tokio::select! {
            _ = news.changed() => {}
            () = fabric.clock().sleep(LONGEST_SILENCE) => {}
        }
    };
    undo.0 = None;
    let told = told(stopped);
    let exited_well = |container: &Value| container["ExitCode"].as_i64() == Some(0);
    let containers = told["Containers"].as_array();
    if containers.is_some_and(|containers| !containers.is_empty() && containers.iter().all(exited_well)) {
        return Ok(told);
    }
    Err(failed(&told))
}

/// Puts the rule that tells of tasks which have stopped, as Step Functions itself does on AWS.
async fn watch_tasks(fabric: &Fabric) {
    let pattern = json!({
        "source": ["aws.ecs"], "detail-type": ["ECS Task State Change"], "detail": {"lastStatus": ["STOPPED"]},
    });
    let description = "This rule is used to notify Step Functions regarding integrated ECS Tasks";
    let rule = json!({"Name": ECS_RULE, "EventPattern": pattern.to_string(), "Description": description});
    let target = json!({"Id": "step-functions", "Arn": fabric.arn("states", ECS_WATCH).to_string()});
    let targets = json!({"Rule": ECS_RULE, "Targets": [target]});
    for (operation, input) in [("PutRule", rule), ("PutTargets", targets)] {
        if let Err(error) = fabric.call(PRINCIPAL, "events", operation, input).await {
            // The task is looked at now and then anyway.
            tracing::debug!(%error, "the rule of ECS tasks could not be put");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures::FutureExt;
    use futures::future::BoxFuture;
    use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

    use super::super::super::States;
    use super::*;
    use crate::clock::Clock;
    use crate::emulator::service::{Call, Delivery, DeliveryError, Interface, Service as EmulatedService};
    use crate::emulator::{Identity, ServiceError};

    /// An ECS with one task, which stops when it is told to, and an EventBridge that delivers nothing by itself.
    struct Fake {
        id: &'static str,
        exit: Arc<Mutex<Option<i64>>>,
        calls: UnboundedSender<(String, Value)>,
    }

    impl EmulatedService for Fake {
        fn interface(&self) -> &'static Interface {
            static ECS: Interface = Interface {
                id: "ecs",
                title: "fake",
                target_prefix: None,
                json_version: "1.1",
                query: None,
                rest: false,
            };
            static EVENTS: Interface = Interface { id: "events", ..ECS };
            if self.id == "ecs" { &ECS } else { &EVENTS }
        }

        fn operations(&self) -> &'static [&'static str] {
            &[]
        }

        fn call(&self, call: Call) -> BoxFuture<'_, Result<Value, ServiceError>> {
            let exit = *self.exit.lock().expect("no test panicked with it");
            let mut task = json!({"taskArn": "arn:task", "clusterArn": "arn:cluster", "createdAt": 1.5});
            if let (Some(exit), "DescribeTasks") = (exit, call.operation.as_str()) {
                task["lastStatus"] = "STOPPED".into();
                task["containers"] = json!([{"name": "c", "exitCode": exit}]);
            }
            self.calls.send((call.operation, call.input)).expect("the test listens");
            async move { Ok(json!({"tasks": [task], "failures": []})) }.boxed()
        }
    }

    struct Fleet {
        fabric: Fabric,
        exit: Arc<Mutex<Option<i64>>>,
        calls: UnboundedReceiver<(String, Value)>,
    }

    impl Fleet {
        fn new() -> Self {
            let fabric = Fabric::new(Clock::default(), Identity::default(), 1);
            let (sender, calls) = unbounded_channel();
            let exit = Arc::new(Mutex::new(None));
            let fake = |id| -> Arc<dyn EmulatedService> {
                Arc::new(Fake { id, exit: Arc::clone(&exit), calls: sender.clone() })
            };
            let states: Arc<States> = super::super::super::new(fabric.clone()).expect("nothing to read");
            fabric.join(vec![states, fake("ecs"), fake("events")]);
            Self { fabric, exit, calls }
        }

        async fn states(&self, operation: &str, input: Value) -> Value {
            self.fabric.call("test", "states", operation, input).await.expect("an answer")
        }

        async fn start(&self) -> String {
            let definition = json!({"StartAt": "T", "States": {"T": {
                "Type": "Task", "Resource": "arn:aws:states:::ecs:runTask.sync", "End": true,
                "Parameters": {"Cluster": "c", "TaskDefinition": "d", "Overrides": {"ContainerOverrides": [{"Name": "c"}]}},
            }}});
            let input = json!({"name": "m", "roleArn": "r", "definition": definition.to_string()});
            let machine = self.states("CreateStateMachine", input).await["stateMachineArn"].take();
            let started = self.states("StartExecution", json!({"stateMachineArn": machine})).await;
            started["executionArn"].as_str().expect("an arn").to_owned()
        }

        /// The input of the next call of that operation.
        async fn called(&mut self, operation: &str) -> Value {
            loop {
                let (name, input) = self.calls.recv().await.expect("a call");
                if name == operation {
                    return input;
                }
            }
        }

        /// Lets the task stop and tells Step Functions, as the rule does.
        async fn stop(&self, exit: i64) {
            *self.exit.lock().expect("no test panicked with it") = Some(exit);
            let delivery = Delivery {
                target: self.fabric.arn("states", ECS_WATCH),
                payload: "{}".into(),
                principal: "events.amazonaws.com",
                source_arn: "arn:rule".into(),
                subject: "id".into(),
                parameters: Value::Null,
                retries: 0,
            };
            let delivered: Result<(), DeliveryError> = self.fabric.deliver(delivery).await;
            delivered.expect("it is taken");
        }

        async fn ended(&self, execution: &str) -> Value {
            loop {
                let told = self.states("DescribeExecution", json!({"executionArn": execution})).await;
                if told["status"] != "RUNNING" {
                    return told;
                }
                tokio::task::yield_now().await;
            }
        }
    }

    #[tokio::test]
    async fn a_task_of_ecs_is_waited_for_until_the_rule_tells_that_it_stopped() {
        for (exit, status) in [(0, "SUCCEEDED"), (3, "FAILED")] {
            let mut fleet = Fleet::new();
            let execution = fleet.start().await;
            let run = fleet.called("RunTask").await;
            let overrides = json!({"containerOverrides": [{"name": "c"}]});
            let expected = json!({"cluster": "c", "taskDefinition": "d", "overrides": overrides, "startedBy": "AWS Step Functions"});
            assert_eq!(run, expected);
            assert_eq!(fleet.called("PutRule").await["Name"], ECS_RULE);
            fleet.called("DescribeTasks").await;
            fleet.stop(exit).await;
            let told = fleet.ended(&execution).await;
            assert_eq!(told["status"], status);
            let text = if exit == 0 { &told["output"] } else { &told["cause"] };
            let task: Value = serde_json::from_str(text.as_str().expect("a text")).expect("JSON");
            assert_eq!((&task["Containers"][0]["ExitCode"], &task["CreatedAt"]), (&json!(exit), &json!(1500)));
            let history = fleet.states("GetExecutionHistory", json!({"executionArn": execution})).await;
            let types = history["events"].as_array().expect("events").iter().map(|event| event["type"].clone());
            let ended = if exit == 0 { "TaskSucceeded" } else { "TaskFailed" };
            let expected = ["TaskScheduled", "TaskStarted", "TaskSubmitted", ended];
            assert_eq!(types.skip(2).take(4).collect::<Vec<_>>(), expected);
            fleet.fabric.shutdown().await;
        }
    }

    #[tokio::test]
    async fn a_task_of_ecs_is_stopped_with_its_execution() {
        let mut fleet = Fleet::new();
        let execution = fleet.start().await;
        fleet.called("DescribeTasks").await;
        fleet.states("StopExecution", json!({"executionArn": execution})).await;
        let stop = fleet.called("StopTask").await;
        assert_eq!((&stop["task"], &stop["cluster"]), (&json!("arn:task"), &json!("arn:cluster")));
        assert_eq!(fleet.ended(&execution).await["status"], "ABORTED");
    }

    #[test]
    fn answers_are_told_as_optimised_integrations_tell_them() {
        let answer = json!({"startDate": 1.5, "executionArn": "a", "inputDetails": {"included": true}});
        let told = told(answer);
        assert_eq!(told.to_string(), r#"{"ExecutionArn":"a","InputDetails":{"Included":true},"StartDate":1500}"#);
        let dated = |seconds: f64| {
            dated(json!({"Tasks": [{"StoppedAt": seconds}]}), Dates::Texts)["Tasks"][0]["StoppedAt"].take()
        };
        assert_eq!(dated(1.5), "1970-01-01T00:00:01.500Z");
        assert_eq!(dated(2.0), "1970-01-01T00:00:02Z");
    }
}
