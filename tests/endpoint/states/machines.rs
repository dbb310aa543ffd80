//! State machines and their definitions: made, described, validated, refused.

use aws_sdk_sfn::types::{Tag, ValidateStateMachineDefinitionResultCode};

use super::{PASS, RECONCILE, ROLE, WAIT, create, endpoint, run};

#[tokio::test]
async fn machines_are_described_updated_tagged_and_deleted() {
    let (emulator, client) = endpoint().await;
    let tag = Tag::builder().key("stack").value("EventProcessingStack").build();
    let create = || client.create_state_machine().name("life").role_arn(ROLE).definition(PASS).tags(tag.clone());
    let machine = create().send().await.expect("it is created").state_machine_arn;
    assert_eq!(create().send().await.expect("the same again").state_machine_arn, machine);
    let other = create().definition(WAIT).send().await.expect_err("another definition").into_service_error();
    assert!(other.is_state_machine_already_exists(), "{other:?}");

    let running = run(&client, &machine, "{}").await;
    client.update_state_machine().state_machine_arn(&machine).definition(WAIT).send().await.expect("it is updated");
    let now = client.describe_state_machine().state_machine_arn(&machine).send().await.expect("it is described");
    assert_eq!((now.definition.as_str(), now.name.as_str(), now.role_arn.as_str()), (WAIT, "life", ROLE));
    let then = client.describe_state_machine_for_execution().execution_arn(&running).send().await.expect("described");
    assert_eq!(then.definition, PASS);

    let tags = || client.list_tags_for_resource().resource_arn(&machine).send();
    assert_eq!(tags().await.expect("tags").tags().first().and_then(Tag::value), Some("EventProcessingStack"));
    client.untag_resource().resource_arn(&machine).tag_keys("stack").send().await.expect("it is untagged");
    assert!(tags().await.expect("tags").tags().is_empty());

    let waiting = run(&client, &machine, "{}").await;
    client.delete_state_machine().state_machine_arn(&machine).send().await.expect("it is deleted");
    let gone = client.describe_state_machine().state_machine_arn(&machine).send().await;
    assert!(gone.expect_err("it is gone").into_service_error().is_state_machine_does_not_exist());
    let gone = client.describe_execution().execution_arn(&waiting).send().await;
    assert!(gone.expect_err("it is gone").into_service_error().is_execution_does_not_exist());
    assert!(client.list_state_machines().send().await.expect("a list").state_machines.is_empty());
    emulator.shutdown().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_definition_is_named_with_its_place() {
    let (emulator, client) = endpoint().await;
    let definition = r#"{"StartAt": "A", "States": {"A": {"Type": "Wait", "Timestamp": "soon", "Next": "B"}}}"#;
    let refused = client.create_state_machine().name("bad").role_arn(ROLE).definition(definition).send().await;
    let error = refused.expect_err("it is refused").into_service_error();
    assert!(error.is_invalid_definition(), "{error:?}");
    assert_eq!(
        error.meta().message(),
        Some(
            "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: String does not match RFC3339 timestamp at \
             /States/A/Timestamp, MISSING_TRANSITION_TARGET: Missing 'Next' target: B at /States/A/Next'"
        )
    );
    let checked = client.validate_state_machine_definition().definition(definition).send().await.expect("an answer");
    assert_eq!(checked.result, ValidateStateMachineDefinitionResultCode::Fail);
    let places: Vec<_> = checked.diagnostics().iter().filter_map(|problem| problem.location()).collect();
    assert_eq!(places, ["/States/A/Timestamp", "/States/A/Next"]);
    let checked = client.validate_state_machine_definition().definition(RECONCILE).send().await.expect("an answer");
    assert_eq!(checked.result, ValidateStateMachineDefinitionResultCode::Ok);
    emulator.shutdown().await;
}

#[tokio::test]
async fn bad_requests_are_refused_with_the_errors_of_aws() {
    let (emulator, client) = endpoint().await;
    let machine = create(&client, "strict", PASS).await;
    let start = || client.start_execution().state_machine_arn(&machine);
    let error = start().input("{").send().await.expect_err("no JSON").into_service_error();
    assert!(error.is_invalid_execution_input(), "{error:?}");
    let error = start().name("a b").send().await.expect_err("a space").into_service_error();
    assert!(error.is_invalid_name(), "{error:?}");
    let large = format!("\"{}\"", "x".repeat(262_144));
    let error = start().input(large).send().await.expect_err("too large").into_service_error();
    assert!(error.is_validation_exception(), "{error:?}");
    let unknown = "arn:aws:states:us-east-1:000000000000:stateMachine:unknown";
    let error = client.start_execution().state_machine_arn(unknown).send().await.expect_err("unknown");
    assert!(error.into_service_error().is_state_machine_does_not_exist());
    let error = client.describe_execution().execution_arn("nonsense").send().await.expect_err("no ARN");
    assert!(error.into_service_error().is_invalid_arn());
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_state_is_tried_on_its_own() {
    let (emulator, _) = endpoint().await;
    let call = async |input: serde_json::Value| emulator.fabric().call("test", "states", "TestState", input).await;
    let task = serde_json::json!({
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName.$": "$.f"},
        "ResultPath": "$.r", "Next": "After", "Retry": [{"ErrorEquals": ["E"], "MaxAttempts": 1, "IntervalSeconds": 4}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}],
    })
    .to_string();
    let with = |more: serde_json::Value| {
        let mut input = serde_json::json!({"definition": task, "input": r#"{"f":"x"}"#, "inspectionLevel": "DEBUG"});
        for (name, value) in more.as_object().into_iter().flatten() {
            input[name] = value.clone();
        }
        input
    };
    let tried = call(with(serde_json::json!({"mock": {"result": "{\"p\":1}"}}))).await.expect("tried");
    assert_eq!((&tried["status"], &tried["nextState"]), (&"SUCCEEDED".into(), &"After".into()));
    assert_eq!(tried["output"], r#"{"f":"x","r":{"p":1}}"#);
    assert_eq!(tried["inspectionData"]["afterParameters"], r#"{"FunctionName":"x"}"#);
    let failing = serde_json::json!({"mock": {"errorOutput": {"error": "E", "cause": "C"}}});
    let tried = call(with(failing.clone())).await.expect("tried");
    assert_eq!(tried["status"], "RETRIABLE");
    assert_eq!(tried["inspectionData"]["errorDetails"]["retryBackoffIntervalSeconds"], 4);
    let mut spent = failing;
    spent["stateConfiguration"] = serde_json::json!({"retrierRetryCount": 1});
    let tried = call(with(spent)).await.expect("tried");
    assert_eq!((&tried["status"], &tried["nextState"]), (&"CAUGHT_ERROR".into(), &"Caught".into()));
    for wrong in [
        serde_json::json!({}),
        serde_json::json!({"mock": {"result": "x"}}),
        serde_json::json!({"mock": {"result": "1", "errorOutput": {}}}),
        serde_json::json!({"mock": {"result": "{}"}, "context": "{\"Map\":{}}"}),
    ] {
        let refused = call(with(wrong.clone())).await.expect_err("it is refused");
        assert_eq!(refused.code, "ValidationException", "{wrong}");
    }
    emulator.shutdown().await;
}
