//! What the reader takes and what it refuses, by message and place.

use serde_json::{Value, json};

use super::{Next, Work, in_one_line, read};

fn problems(definition: &Value) -> String {
    read(&definition.to_string(), false).map_or_else(|problems| in_one_line(&problems), |_| String::new())
}

fn one(state: Value) -> Value {
    json!({"StartAt": "A", "States": {"A": state}})
}

#[test]
fn every_state_type_of_the_jsonpath_language_is_read() {
    let flow = json!({"StartAt": "X", "States": {"X": {"Type": "Pass", "End": true}}});
    let definition = json!({
        "Comment": "all of them", "StartAt": "Pass", "Version": "1.0", "TimeoutSeconds": 60,
        "States": {
            "Pass": {"Type": "Pass", "InputPath": "$.a", "OutputPath": null, "Parameters": {"x.$": "$$.State.Name"},
                     "Result": 1, "ResultPath": "$.b[0]", "Assign": {"v.$": "$"}, "Comment": "c", "Next": "Task"},
            "Task": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "TimeoutSecondsPath": "$.t",
                     "HeartbeatSeconds": 5, "ResultSelector": {"p.$": "$.Payload"}, "Credentials": {"RoleArn": "r"},
                     "Retry": [{"ErrorEquals": ["States.ALL"], "BackoffRate": 1.5, "JitterStrategy": "FULL"}],
                     "Catch": [{"ErrorEquals": ["E"], "ResultPath": "$.e", "Next": "Fail"}], "Next": "Choice"},
            "Choice": {"Type": "Choice", "Default": "Wait", "Choices": [
                {"Not": {"Or": [{"Variable": "$.a", "IsPresent": true}, {"Variable": "$v", "StringMatches": "a*"}]},
                 "Next": "Map"}]},
            "Wait": {"Type": "Wait", "TimestampPath": "$.at", "Next": "Parallel"},
            "Parallel": {"Type": "Parallel", "Branches": [flow, flow], "Next": "Map"},
            "Map": {"Type": "Map", "ItemsPath": "$.items", "ItemSelector": {"i.$": "$$.Map.Item.Index"},
                    "MaxConcurrency": 4, "ItemProcessor": flow, "Next": "Succeed"},
            "Succeed": {"Type": "Succeed"},
            "Fail": {"Type": "Fail", "ErrorPath": "$.e", "CausePath": "States.Format('{}', $.c)"}
        }
    });
    let definition = read(&definition.to_string(), false).expect("a valid definition");
    assert_eq!(definition.timeout, Some(60));
    let names: Vec<_> = definition.flow.states.iter().map(|state| state.work.name()).collect();
    assert_eq!(names, ["Pass", "Task", "Choice", "Wait", "Parallel", "Map", "Succeed", "Fail"]);
    assert_eq!(definition.flow.states[0].next, Next::State(1));
    assert!(matches!(&definition.flow.states[4].work, Work::Parallel(branches) if branches.len() == 2));
}

#[test]
fn what_is_missing_or_of_the_wrong_kind_is_named_with_its_place() {
    for (definition, expected) in [
        (
            json!({"States": {"A": {"Type": "Succeed"}}}),
            "SCHEMA_VALIDATION_FAILED: These fields are required: [StartAt] at /",
        ),
        (
            json!({"StartAt": "B", "States": {"A": {"Type": "Succeed"}}}),
            "MISSING_TRANSITION_TARGET: Missing 'StartAt' target: B at /StartAt",
        ),
        (
            one(json!({"Type": "Nap", "End": true})),
            "SCHEMA_VALIDATION_FAILED: The field 'Type' should have one of these values: \
             [Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map] at /States/A/Type",
        ),
        (
            one(json!({"Type": "Pass"})),
            "SCHEMA_VALIDATION_FAILED: Exactly one of these fields is required: [Next, End] at /States/A",
        ),
        (
            one(json!({"Type": "Pass", "Seconds": 1, "End": true})),
            "SCHEMA_VALIDATION_FAILED: Field is not supported at /States/A/Seconds",
        ),
        (
            one(json!({"Type": "Wait", "Seconds": 1.5, "End": true})),
            "SCHEMA_VALIDATION_FAILED: Expected value of type Integer at /States/A/Seconds",
        ),
        (
            one(json!({"Type": "Pass", "InputPath": "a", "End": true})),
            "SCHEMA_VALIDATION_FAILED: Value is not a valid JSONPath at /States/A/InputPath",
        ),
        (
            one(json!({"Type": "Pass", "ResultPath": "$.a[*]", "End": true})),
            "SCHEMA_VALIDATION_FAILED: Value is not a Reference Path at /States/A/ResultPath",
        ),
        (
            one(json!({"Type": "Pass", "Parameters": {"a.$": "b"}, "End": true})),
            "SCHEMA_VALIDATION_FAILED: The value for the field 'a.$' must be a valid JSONPath or a valid intrinsic \
             function call at /States/A/Parameters",
        ),
        (
            one(json!({"Type": "Pass", "Assign": {"states": 1}, "End": true})),
            "SCHEMA_VALIDATION_FAILED: 'states' is not a valid variable name at /States/A/Assign",
        ),
        (
            json!({"StartAt": "A", "States": {"A": {"Type": "Succeed"}, "B": {"Type": "Succeed"}}}),
            "MISSING_TRANSITION_TARGET: State \"B\" is not reachable. at /States/B",
        ),
        (
            one(json!({"Type": "Task", "Resource": "lambda", "End": true})),
            "SCHEMA_VALIDATION_FAILED: Value is not a valid resource ARN at /States/A/Resource",
        ),
        (
            one(json!({"Type": "Map", "End": true, "Label": "a b",
                       "ItemProcessor": {"StartAt": "X", "States": {"X": {"Type": "Succeed"}}}})),
            "SCHEMA_VALIDATION_FAILED: Label contains invalid character: ' ' at /States/A/Label",
        ),
        (
            one(json!({"Type": "Choice", "Choices": [{"Variable": "$.a", "StringEquals": 1, "Next": "A"}]})),
            "SCHEMA_VALIDATION_FAILED: Expected value of type String at /States/A/Choices[0]/StringEquals",
        ),
    ] {
        assert_eq!(problems(&definition), expected);
    }
    let long = "x".repeat(81);
    let named = json!({"StartAt": long, "States": {long.as_str(): {"Type": "Succeed"}}});
    assert!(problems(&named).contains("must not be longer than 80 characters"));
}

#[test]
fn what_is_no_object_is_no_definition() {
    for text in ["", "x", "[]", "1", "{\"StartAt\": "] {
        let problems = read(text, false).expect_err("it is refused");
        assert_eq!(in_one_line(&problems), "SCHEMA_VALIDATION_FAILED: Definition must be a valid JSON object");
    }
    let large = format!("{{\"Comment\": \"{}\"}}", "x".repeat(super::LARGEST_DEFINITION));
    assert!(read(&large, false).is_err());
}

#[test]
fn a_jsonata_machine_keeps_jsonpath_out_but_not_the_other_way_round() {
    let mixed = |machine: &str, state: &str| {
        json!({"QueryLanguage": machine, "StartAt": "A",
               "States": {"A": {"Type": "Pass", "QueryLanguage": state, "End": true}}})
    };
    assert_eq!(problems(&mixed("JSONPath", "JSONata")), "");
    assert_eq!(
        problems(&mixed("JSONata", "JSONPath")),
        "SCHEMA_VALIDATION_FAILED: 'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine at \
         /States/A"
    );
    let fields = one(json!({"Type": "Pass", "Output": 1, "End": true}));
    assert_eq!(problems(&fields), "SCHEMA_VALIDATION_FAILED: Field is not supported at /States/A/Output");
}

#[test]
fn express_machines_wait_for_answers_only() {
    let definition = one(json!({"Type": "Task", "Resource": "arn:aws:states:::ecs:runTask.sync", "End": true}));
    assert!(read(&definition.to_string(), false).is_ok());
    let problems = read(&definition.to_string(), true).expect_err("it is refused");
    assert_eq!(
        in_one_line(&problems),
        "SCHEMA_VALIDATION_FAILED: Express state machine does not support '.sync' service integration at \
         /States/A/Resource"
    );
}
