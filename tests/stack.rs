//! What the template of the event processing stack must never have again: fault 8 of the original, and notifications
//! that the simulator makes in another shape than the gateway.

use serde_json::Value;
use vaultscope::model::Timestamp;
use vaultscope::sim::{DETAIL_TYPE, Notification, REAL_SOURCE, Share};

const TEMPLATE: &str = include_str!("../stacks/event-processing.yaml");
const BOOTSTRAP: &str = include_str!("../stacks/bootstrap.yaml");
const NOTIFICATION: &str = include_str!("../fixtures/events/object-upload-complete.json");

/// The values of every `name:` in the template.
fn values(name: &str) -> impl Iterator<Item = &'static str> {
    TEMPLATE.lines().filter_map(move |line| line.trim().strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

#[test]
fn fault_8_functions_run_on_a_runtime_that_aws_creates() {
    let runtimes: Vec<&str> = values("Runtime").collect();
    assert_eq!(runtimes, vec!["provided.al2023"; 5]);
}

#[test]
fn fault_8_roles_name_what_they_may_do_and_with_what() {
    let actions: Vec<&str> = values("Action").collect();
    assert!(actions.len() >= 15, "{actions:?}");
    for action in actions {
        assert!(!action.contains('*') && action.contains(':'), "{action}");
    }
    for resource in values("Resource") {
        assert!(!matches!(resource, "*" | "\"*\"" | "'*'"), "{resource}");
    }
    assert_eq!(values("ManagedPolicyArns").count(), 0);
}

#[test]
fn the_bootstrap_stack_allows_nobody_anything_and_gives_its_bucket_no_name_that_can_be_taken() {
    assert!(BOOTSTRAP.contains("Effect: Deny") && !BOOTSTRAP.contains("Effect: Allow"));
    let named = BOOTSTRAP.lines().any(|line| line.trim_start().starts_with("BucketName:"));
    assert!(!named, "a name that can be foreseen can be taken by somebody else");
    assert!(!BOOTSTRAP.contains("Retain"), "`destroy --bootstrap` must leave nothing");
}

#[test]
fn the_simulator_announces_in_the_shape_of_the_gateway() {
    let real: Value = serde_json::from_str(NOTIFICATION).expect("a notification");
    let share = Share::of("eventprocessingstack-fileuploadbucket-example", "us-east-1", "123456789012");
    let modified = Timestamp::from_secs(1_578_227_400);
    let made = Notification { object_key: "my-file.txt".to_owned(), object_size: 1024, modified };
    let entry = made.put_events_entry(&share, REAL_SOURCE);
    assert_eq!(entry["Source"], real["source"]);
    assert_eq!(real["detail-type"], DETAIL_TYPE);
    assert_eq!(entry["Resources"].as_array().map(Vec::len), real["resources"].as_array().map(Vec::len));
    let mut detail: Value = serde_json::from_str(entry["Detail"].as_str().expect("text")).expect("JSON");
    // The share of the fixture has a prefix, the simulated one has none.
    detail["prefix"] = real["detail"]["prefix"].clone();
    assert_eq!(detail, real["detail"]);
}
