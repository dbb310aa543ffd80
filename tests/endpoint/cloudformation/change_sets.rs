//! Change sets: previewed, executed, listed, deleted.

use aws_sdk_cloudformation::types::{ChangeSetSummary, ChangeSetType};

use super::{Endpoint, QUEUES, parameter, refusal, status};

#[tokio::test]
async fn change_sets_preview_and_execute() {
    let endpoint = Endpoint::new().await;
    let make = |kind: ChangeSetType, name: &'static str, suffix: &'static str| {
        let request = endpoint.client.create_change_set().stack_name("pipe").change_set_name(name);
        request.change_set_type(kind).template_body(QUEUES).parameters(parameter("Suffix", suffix)).send()
    };
    let describe = |name: &'static str| {
        endpoint
            .client
            .describe_change_set()
            .stack_name("pipe")
            .change_set_name(name)
            .include_property_values(true)
            .send()
    };
    let execute =
        |name: &'static str| endpoint.client.execute_change_set().stack_name("pipe").change_set_name(name).send();
    make(ChangeSetType::Create, "first", "a").await.expect("made");
    let stacks = endpoint.client.describe_stacks().stack_name("pipe").send().await.expect("in review");
    assert_eq!(status(&stacks.stacks()[0]), "REVIEW_IN_PROGRESS");
    let first = describe("first").await.expect("described");
    let added: Vec<&str> =
        first.changes().iter().filter_map(|change| change.resource_change()?.logical_resource_id()).collect();
    assert_eq!(added, ["Address", "Dead", "Jobs"]);
    execute("first").await.expect("executed");
    assert_eq!(status(&endpoint.settled("pipe").await), "CREATE_COMPLETE");

    make(ChangeSetType::Update, "same", "a").await.expect("made");
    let same = describe("same").await.expect("described");
    assert_eq!(same.status().map(aws_sdk_cloudformation::types::ChangeSetStatus::as_str), Some("FAILED"));
    assert!(same.status_reason().is_some_and(|reason| reason.starts_with("The submitted information didn't contain")));
    assert!(refusal(execute("same").await.expect_err("cannot")).starts_with("InvalidChangeSetStatus"));

    make(ChangeSetType::Update, "second", "b").await.expect("made");
    let second = describe("second").await.expect("described");
    let shown: Vec<(String, String)> = second
        .changes()
        .iter()
        .filter_map(|change| {
            let change = change.resource_change()?;
            let replacement = change.replacement().map_or("", |one| one.as_str());
            Some((change.logical_resource_id()?.to_owned(), replacement.to_owned()))
        })
        .collect();
    let expected = [("Address", "False"), ("Jobs", "True")];
    assert_eq!(shown, expected.map(|(logical, replacement)| (logical.to_owned(), replacement.to_owned())));
    let address = second.changes()[0].resource_change().expect("a change");
    assert!(address.after_context().is_some_and(|after| after.contains("{{changeSet:KNOWN_AFTER_APPLY}}")));
    execute("second").await.expect("executed");
    assert_eq!(status(&endpoint.settled("pipe").await), "UPDATE_COMPLETE");
    assert!(endpoint.physical("pipe", "Jobs").await.ends_with("/jobs-b"));
    endpoint.end().await;
}

#[tokio::test]
async fn change_sets_are_listed_and_deleted_and_a_stack_in_review_goes_with_its_deletion() {
    let endpoint = Endpoint::new().await;
    let make = |kind: ChangeSetType, name: &'static str| {
        let request =
            endpoint.client.create_change_set().stack_name("pipe").change_set_name(name).change_set_type(kind);
        request.template_body(QUEUES).parameters(parameter("Suffix", "b")).description("what it does").send()
    };
    let list = async || {
        let answer = endpoint.client.list_change_sets().stack_name("pipe").send().await.expect("a list");
        let line = |set: &ChangeSetSummary| {
            let status = set.status().map_or("", |status| status.as_str());
            let execution = set.execution_status().map_or("", |status| status.as_str());
            format!(
                "{} {status} {execution} {}",
                set.change_set_name().unwrap_or_default(),
                set.description().unwrap_or_default()
            )
        };
        answer.summaries().iter().map(line).collect::<Vec<_>>()
    };
    let delete =
        |name: &'static str| endpoint.client.delete_change_set().stack_name("pipe").change_set_name(name).send();
    make(ChangeSetType::Create, "first").await.expect("made");
    make(ChangeSetType::Create, "second").await.expect("made");
    let mut listed = list().await;
    listed.sort();
    assert_eq!(listed, ["first", "second"].map(|name| format!("{name} CREATE_COMPLETE AVAILABLE what it does")));
    delete("first").await.expect("deleted");
    assert_eq!(list().await, ["second CREATE_COMPLETE AVAILABLE what it does"]);
    let gone = endpoint.client.describe_change_set().stack_name("pipe").change_set_name("first").send().await;
    assert!(refusal(gone.expect_err("gone")).starts_with("ChangeSetNotFound"));
    delete("second").await.expect("deleted");
    delete("second").await.expect("once more changes nothing");
    // A stack that was never made is deleted with no trace of resources.
    endpoint.client.delete_stack().stack_name("pipe").send().await.expect("deleted");
    let gone = endpoint.client.describe_stacks().stack_name("pipe").send().await;
    assert_eq!(refusal(gone.expect_err("gone")), "ValidationError: Stack with id pipe does not exist");
    endpoint.end().await;
}
