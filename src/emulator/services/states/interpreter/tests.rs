//! Whole executions against a function service of the test's own.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::emulator::services::states::{self, States};
use crate::emulator::{Call, Context, Delivery, Fabric, Identity, Interface, Service, ServiceError};

const LAMBDA: Interface =
    Interface { id: "lambda", title: "AWS Lambda", target_prefix: None, json_version: "1.0", query: None, rest: false };

type Answer = Box<dyn Fn(usize, &Value) -> Result<String, &'static str> + Send + Sync>;

/// A function service whose every function answers what the test says; `Err` is the type of the error it raises.
struct Functions {
    clock: Clock,
    answer: Answer,
    calls: Mutex<usize>,
    takes: Duration,
}

impl Service for Functions {
    fn interface(&self) -> &'static Interface {
        &LAMBDA
    }

    fn operations(&self) -> &'static [&'static str] {
        &["Invoke"]
    }

    fn call(&self, call: Call) -> BoxFuture<'_, Result<Value, ServiceError>> {
        Box::pin(async move {
            let payload = call.input["Payload"].as_str().unwrap_or("null");
            let payload: Value = serde_json::from_str(payload).expect("the payload is JSON");
            let number = {
                let mut calls = self.calls.lock().expect("nobody panics with it");
                *calls += 1;
                *calls
            };
            self.clock.sleep(self.takes).await;
            Ok(match (self.answer)(number, &payload) {
                Ok(answer) => json!({"StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": answer}),
                Err(kind) => {
                    let payload = json!({"errorType": kind, "errorMessage": "m"}).to_string();
                    json!({"StatusCode": 200, "FunctionError": "Unhandled", "Payload": payload})
                }
            })
        })
    }
}

struct Bench {
    fabric: Fabric,
    states: Arc<States>,
}

impl Bench {
    fn new(
        takes: Duration,
        answer: impl Fn(usize, &Value) -> Result<String, &'static str> + Send + Sync + 'static,
    ) -> Self {
        let clock = Clock::default();
        clock.set_rate(10_000.0).expect("a rate in range");
        let fabric = Fabric::new(clock.clone(), Identity::default(), 3);
        let states = states::new(fabric.clone()).expect("nothing to read");
        let functions = Functions { clock, answer: Box::new(answer), calls: Mutex::default(), takes };
        fabric.join(vec![Arc::<States>::clone(&states), Arc::new(functions)]);
        Self { fabric, states }
    }

    async fn call(&self, operation: &str, input: Value) -> Value {
        let operation = operation.to_owned();
        let call = Call { operation, input, context: Context::internal("test") };
        self.states.call(call).await.expect("the operation succeeds")
    }

    async fn machine(&self, definition: Value) -> Value {
        let input = json!({"name": "m", "roleArn": "role", "definition": definition.to_string()});
        self.call("CreateStateMachine", input).await["stateMachineArn"].take()
    }

    /// Runs a definition to its end; the execution and its events.
    async fn run(&self, definition: Value, input: Value) -> (Value, Vec<Value>) {
        let machine = self.machine(definition).await;
        let start = json!({"stateMachineArn": machine, "input": input.to_string()});
        let execution = self.call("StartExecution", start).await["executionArn"].take();
        (self.ended(&execution).await, self.events(&execution).await)
    }

    async fn ended(&self, execution: &Value) -> Value {
        loop {
            let read = self.call("DescribeExecution", json!({"executionArn": execution})).await;
            if read["status"] != "RUNNING" {
                return read;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn events(&self, execution: &Value) -> Vec<Value> {
        let mut events = Vec::new();
        let mut request = json!({"executionArn": execution, "maxResults": 1_000});
        loop {
            let mut page = self.call("GetExecutionHistory", request.clone()).await;
            events.append(page["events"].as_array_mut().expect("events"));
            match page["nextToken"].take() {
                Value::Null => return events,
                token => request["nextToken"] = token,
            }
        }
    }
}

fn output(read: &Value) -> Value {
    serde_json::from_str(read["output"].as_str().expect("an output")).expect("JSON")
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().expect("a type")).collect()
}

fn machine(states: Value) -> Value {
    json!({"StartAt": "A", "States": states})
}

const BY_ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";

#[tokio::test]
async fn an_invocation_is_five_events_and_yields_what_lambda_answers() {
    let bench = Bench::new(Duration::ZERO, |_, payload| Ok(json!({"got": payload}).to_string()));
    let task = json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true,
                      "Parameters": {"FunctionName": "f", "Payload.$": "$.p"}, "ResultPath": "$.iterator"});
    let (read, events) = bench.run(machine(json!({"A": task})), json!({"p": [1]})).await;
    assert_eq!(
        types(&events),
        [
            "ExecutionStarted",
            "TaskStateEntered",
            "TaskScheduled",
            "TaskStarted",
            "TaskSucceeded",
            "TaskStateExited",
            "ExecutionSucceeded"
        ]
    );
    let scheduled = &events[2]["taskScheduledEventDetails"];
    assert_eq!(scheduled["parameters"], r#"{"FunctionName":"f","Payload":[1]}"#);
    assert_eq!((scheduled["resourceType"].as_str(), scheduled["resource"].as_str()), (Some("lambda"), Some("invoke")));
    let output = output(&read);
    assert_eq!((&output["p"], &output["iterator"]["Payload"]), (&json!([1]), &json!({"got": [1]})));
    assert_eq!(output["iterator"]["StatusCode"], 200);
}

#[tokio::test]
async fn a_failing_function_is_retried_with_backoff_and_then_caught() {
    let bench = Bench::new(Duration::ZERO, |number, _| if number < 3 { Err("Busy") } else { Err("Broken") });
    let definition = machine(json!({
        "A": {"Type": "Task", "Resource": BY_ARN, "End": true,
              "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 60, "MaxAttempts": 5}],
              "Catch": [{"ErrorEquals": ["Other"], "Next": "B"},
                        {"ErrorEquals": ["States.TaskFailed"], "Next": "B", "ResultPath": "$.error"}]},
        "B": {"Type": "Pass", "End": true}
    }));
    let (read, events) = bench.run(definition, json!({"x": 1})).await;
    let attempt = ["LambdaFunctionScheduled", "LambdaFunctionStarted", "LambdaFunctionFailed"];
    assert_eq!(types(&events)[2..11], attempt.repeat(3));
    assert_eq!(types(&events)[11..], ["TaskStateExited", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]);
    let output = output(&read);
    assert_eq!((&output["x"], &output["error"]["Error"]), (&json!(1), &json!("Broken")));
    let at = |index: usize| events[index]["timestamp"].as_f64().expect("a moment");
    assert!(at(5) - at(4) >= 60.0 && at(8) - at(7) >= 120.0, "the second wait is twice the first");
}

#[tokio::test]
async fn a_task_that_takes_too_long_times_out_on_the_simulated_clock() {
    let bench = Bench::new(Duration::from_secs(86_400), |_, _| Ok("1".to_owned()));
    let definition = machine(json!({
        "A": {"Type": "Task", "Resource": BY_ARN, "TimeoutSeconds": 5, "End": true}
    }));
    let (read, events) = bench.run(definition, json!({})).await;
    assert_eq!((read["status"].as_str(), read["error"].as_str()), (Some("FAILED"), Some("States.Timeout")));
    assert_eq!(types(&events)[4..], ["LambdaFunctionTimedOut", "ExecutionFailed"]);
}

#[tokio::test]
async fn an_execution_that_takes_longer_than_its_machine_allows_is_timed_out() {
    let bench = Bench::new(Duration::ZERO, |_, _| Ok("1".to_owned()));
    let wait = json!({"Type": "Wait", "Seconds": 86_400, "End": true});
    let definition = json!({"StartAt": "A", "TimeoutSeconds": 60, "States": {"A": wait}});
    let (read, events) = bench.run(definition, json!({})).await;
    assert_eq!(read["status"], "TIMED_OUT");
    assert_eq!(types(&events), ["ExecutionStarted", "WaitStateEntered", "ExecutionTimedOut"]);
}

#[tokio::test]
async fn a_history_ends_at_25_000_events() {
    let bench = Bench::new(Duration::ZERO, |_, _| Ok("1".to_owned()));
    let definition = machine(json!({"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}}));
    let (read, events) = bench.run(definition, json!({})).await;
    assert_eq!((read["status"].as_str(), read["error"].as_str()), (Some("FAILED"), Some("States.Runtime")));
    assert_eq!((events.len(), types(&events)[24_999]), (25_000, "ExecutionFailed"));
}

#[tokio::test]
async fn a_result_over_256_kib_is_an_error_with_a_name_of_its_own() {
    let bench = Bench::new(Duration::ZERO, |_, _| Ok(format!("\"{}\"", "x".repeat(262_144))));
    let caught = |names: Value| {
        machine(json!({
            "A": {"Type": "Task", "Resource": BY_ARN, "End": true,
                  "Catch": [{"ErrorEquals": names, "Next": "B"}]},
            "B": {"Type": "Succeed"}
        }))
    };
    let (read, _) = bench.run(caught(json!(["States.DataLimitExceeded"])), json!({})).await;
    assert_eq!(read["status"], "SUCCEEDED");
    bench.call("DeleteStateMachine", json!({"stateMachineArn": read["stateMachineArn"]})).await;
    let (read, _) = bench.run(caught(json!(["States.ALL"])), json!({})).await;
    assert_eq!((read["status"].as_str(), read["error"].as_str()), (Some("FAILED"), Some("States.DataLimitExceeded")));
}

#[tokio::test]
async fn branches_run_side_by_side_and_a_failing_one_aborts_the_others() {
    let bench = Bench::new(Duration::ZERO, |_, _| Err("Broken"));
    let branch = |state: Value| json!({"StartAt": "X", "States": {"X": state}});
    let definition = machine(json!({
        "A": {"Type": "Parallel", "End": true, "Branches": [
                branch(json!({"Type": "Wait", "Seconds": 86_400, "End": true})),
                branch(json!({"Type": "Task", "Resource": BY_ARN, "End": true}))],
              "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "B", "ResultPath": "$.e"}]},
        "B": {"Type": "Succeed"}
    }));
    let (read, events) = bench.run(definition, json!({})).await;
    assert_eq!(output(&read)["e"]["Error"], "Broken");
    assert_eq!(
        types(&events)[2..],
        [
            "ParallelStateStarted",
            "WaitStateEntered",
            "TaskStateEntered",
            "LambdaFunctionScheduled",
            "LambdaFunctionStarted",
            "LambdaFunctionFailed",
            "WaitStateAborted",
            "TaskStateAborted",
            "ParallelStateFailed",
            "ParallelStateExited",
            "SucceedStateEntered",
            "SucceedStateExited",
            "ExecutionSucceeded"
        ]
    );
}

#[tokio::test]
async fn a_map_keeps_the_order_of_its_items_however_they_end() {
    let bench = Bench::new(Duration::ZERO, |_, payload| Ok((payload.as_i64().unwrap_or_default() * 10).to_string()));
    let processor = json!({"StartAt": "X", "States": {
        "X": {"Type": "Wait", "SecondsPath": "$", "Next": "Y"}, "Y": {"Type": "Task", "Resource": BY_ARN, "End": true}}});
    let map = json!({"Type": "Map", "ItemProcessor": processor, "MaxConcurrency": 2, "End": true});
    let (read, events) = bench.run(machine(json!({"A": map})), json!([300, 1, 200, 2])).await;
    assert_eq!(output(&read), json!([3_000, 10, 2_000, 20]));
    assert_eq!(types(&events)[2], "MapStateStarted");
    let (mut running, mut most) = (0, 0);
    for name in types(&events) {
        match name {
            "MapIterationStarted" => running += 1,
            "MapIterationSucceeded" => running -= 1,
            _ => {}
        }
        most = most.max(running);
    }
    assert_eq!((running, most), (0, 2), "two lines take the items in turn");
}

#[tokio::test]
async fn children_of_a_distributed_map_may_fail_as_often_as_it_tolerates() {
    let bench =
        Bench::new(Duration::ZERO, |_, payload| if payload == &json!(2) { Err("Odd") } else { Ok("1".to_owned()) });
    let map = |count: u64| {
        json!({"Type": "Map", "ToleratedFailureCount": count, "End": true, "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "X", "States": {"X": {"Type": "Task", "Resource": BY_ARN, "End": true}}}})
    };
    let (read, events) = bench.run(machine(json!({"A": map(1)})), json!([1, 2, 3])).await;
    assert_eq!(output(&read), json!([1, 1]));
    assert_eq!(types(&events)[2..6], ["MapStateStarted", "MapRunStarted", "MapRunSucceeded", "MapStateSucceeded"]);
    bench.call("DeleteStateMachine", json!({"stateMachineArn": read["stateMachineArn"]})).await;
    let (read, _) = bench.run(machine(json!({"A": map(0)})), json!([1, 2, 3])).await;
    assert_eq!(read["error"], "States.ExceedToleratedFailureThreshold");
}

#[tokio::test]
async fn errors_of_the_definitions_own_making_name_state_and_event() {
    let bench = Bench::new(Duration::ZERO, |_, _| Ok("1".to_owned()));
    for (state, error, cause) in [
        (
            json!({"Type": "Choice", "Choices": [{"Variable": "$.a", "NumericEquals": 1, "Next": "B"}]}),
            "States.NoChoiceMatched",
            "Failed to transition out of the state. The state does not point to a next state.",
        ),
        (
            json!({"Type": "Choice", "Choices": [{"Variable": "$.b", "NumericEquals": 1, "Next": "B"}]}),
            "States.Runtime",
            "Invalid path '$.b': The choice state's condition path references an invalid value.",
        ),
        (
            json!({"Type": "Pass", "Parameters": {"x.$": "$.b"}, "Next": "B"}),
            "States.Runtime",
            "The JSONPath '$.b' specified for the field 'x.$' could not be found in the input '{\"a\":0}'",
        ),
        (
            json!({"Type": "Pass", "ResultPath": "$.a.b", "Next": "B"}),
            "States.ResultPathMatchFailure",
            "Unable to apply ReferencePath $.a.b to input {\"a\":0}",
        ),
        (
            json!({"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync", "Next": "B"}),
            "States.Runtime",
            "The embedded endpoint does not implement the service integration glue:startJobRun with the pattern .sync.",
        ),
    ] {
        let (read, _) = bench.run(machine(json!({"A": state, "B": {"Type": "Succeed"}})), json!({"a": 0})).await;
        assert_eq!(read["error"], error);
        let expected = format!("An error occurred while executing the state 'A' (entered at the event id #2). {cause}");
        assert_eq!(read["cause"], expected.as_str());
        bench.call("DeleteStateMachine", json!({"stateMachineArn": read["stateMachineArn"]})).await;
    }
}

#[tokio::test]
async fn a_delivery_starts_one_execution_with_its_payload() {
    let bench = Bench::new(Duration::ZERO, |_, _| Ok("1".to_owned()));
    let machine = bench.machine(machine(json!({"A": {"Type": "Pass", "End": true}}))).await;
    let delivery = Delivery {
        target: machine.as_str().expect("an ARN").parse().expect("an ARN"),
        payload: Arc::from(r#"{"detail":{"set-id":"s"}}"#),
        principal: "events.amazonaws.com",
        source_arn: Arc::from("arn:aws:events:us-east-1:000000000000:rule/bus/r"),
        subject: Arc::from("7bf73129-1428-4cd3-a780-95db273d1602"),
        parameters: Value::Null,
        retries: 0,
    };
    for _ in 0..2 {
        bench.fabric.deliver(delivery.clone()).await.expect("the delivery arrives");
    }
    let list = bench.call("ListExecutions", json!({"stateMachineArn": machine})).await;
    let [execution] = list["executions"].as_array().expect("a list").as_slice() else {
        panic!("one execution is expected: {list}");
    };
    assert!(execution["name"].as_str().is_some_and(|name| name.starts_with("7bf73129-1428-4cd3-a780-95db273d1602_")));
    let read = bench.ended(&execution["executionArn"]).await;
    assert_eq!(output(&read), json!({"detail": {"set-id": "s"}}));
    let gone = Delivery {
        target: "arn:aws:states:us-east-1:000000000000:stateMachine:gone".parse().expect("an ARN"),
        ..delivery
    };
    let error = bench.fabric.deliver(gone).await.expect_err("there is no such machine");
    assert_eq!((error.code.as_str(), error.retryable), ("StateMachineDoesNotExist", false));
}

#[tokio::test]
async fn services_of_the_endpoint_are_called_by_either_kind_of_integration() {
    let bench = Bench::new(Duration::ZERO, |_, _| Ok("1".to_owned()));
    let target = json!({"StartAt": "T", "States": {"T": {"Type": "Pass", "End": true}}}).to_string();
    let target = json!({"name": "target", "roleArn": "role", "definition": target});
    let target = bench.call("CreateStateMachine", target).await["stateMachineArn"].take();
    let definition = machine(json!({
        "A": {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution", "ResultPath": "$.started",
              "Parameters": {"StateMachineArn": target, "Input": {"n.$": "$.n"}}, "Next": "B"},
        "B": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sfn:describeExecution", "ResultPath": "$.read",
              "Parameters": {"ExecutionArn.$": "$.started.ExecutionArn"}, "Next": "C"},
        "C": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sfn:describeExecution",
              "Parameters": {"ExecutionArn": "arn:aws:states:us-east-1:000000000000:execution:target:none"}, "End": true,
              "Catch": [{"ErrorEquals": ["Sfn.ExecutionDoesNotExistException"], "ResultPath": "$.e", "Next": "D"}]},
        "D": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:listBuckets", "End": true}
    }));
    let (read, events) = bench.run(definition, json!({"n": 7})).await;
    let exited = |name: &str| {
        let details = events.iter().map(|event| &event["stateExitedEventDetails"]);
        let details = details.into_iter().find(|details| details["name"] == name).expect("the state was left");
        serde_json::from_str::<Value>(details["output"].as_str().expect("an output")).expect("JSON")
    };
    assert_eq!(exited("A")["started"]["SdkHttpMetadata"]["HttpStatusCode"], 200);
    assert_eq!(exited("B")["read"]["Input"], r#"{"n":7}"#);
    assert_eq!(exited("C")["e"]["Error"], "Sfn.ExecutionDoesNotExistException");
    assert_eq!(read["error"], "States.Runtime");
    assert!(read["cause"].as_str().is_some_and(|cause| cause.contains("aws-sdk:s3:listBuckets")), "{read}");
}
