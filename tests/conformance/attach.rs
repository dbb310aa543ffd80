//! A stack that somebody else deployed: found, fed past its rule, observed; and stacks that are none of the kind.

use aws_sdk_cloudformation::types::Capability;
use aws_sdk_eventbridge::types::Target as RuleTarget;
use vaultscope::aws::{Access, Clients, Target};
use vaultscope::deploy::{EVENT_PROCESSING, Resources, describe};

use super::flow::Background;
use super::original;
use super::support::{Alone, run, until, vaultscope};

const THEIRS: &str = "ThatStack";
const OTHER: &str = "OtherKind";

async fn clients_of(url: &str) -> Clients {
    Clients::connect(Target::endpoint(url, Some("us-east-1")).expect("an endpoint"), Access::Write, "").await
}

/// A stack made as somebody else would.
async fn make(clients: &Clients, name: &str, template: &str) {
    let made = clients.cloudformation.create_stack().stack_name(name).template_body(template);
    made.capabilities(Capability::CapabilityIam).send().await.expect("the stack is begun");
}

async fn status(clients: &Clients, name: &str) -> String {
    describe(clients, name).await.expect("an answer").expect("a stack").status
}

#[test]
fn a_stack_that_the_cdk_made_is_fed_through_its_queue_and_observed() {
    let alone = Alone::start(&["--time-scale", "60"]);
    let ours = alone.run(&["deploy", "--iterations", "100", "--wait", "5"]);
    assert_eq!(ours.code, Some(0), "{ours:?}");

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let clients = runtime.block_on(clients_of(&alone.url));
    let parameters = runtime.block_on(describe(&clients, "EventProcessingStack")).expect("an answer");
    let template = original::template(EVENT_PROCESSING.text, &parameters.expect("our stack").seen.parameters);
    runtime.block_on(make(&clients, THEIRS, &template));
    until("their stack", || runtime.block_on(status(&clients, THEIRS)) != "CREATE_IN_PROGRESS");
    assert_eq!(runtime.block_on(status(&clients, THEIRS)), "CREATE_COMPLETE");
    let resources = runtime.block_on(Resources::of_stack(&clients, THEIRS)).expect("an answer");
    let rule = resources.name("AWS::Events::Rule", "fileNotificationRule").expect("their rule").to_owned();

    let on = |args: &[&str]| alone.run(&[args, &["--stack", THEIRS]].concat());
    let watch = ["watch", "--until-reconciled", "--json", "--stack", THEIRS, "--endpoint-url", &alone.url];
    let watching = Background::start(vaultscope(&watch));
    let vaulted = on(&["sim", "--files", "30", "--dirs", "3", "--seed", "41", "--json"]);
    assert_eq!(vaulted.code, Some(0), "{vaulted:?}");
    let vaulted = vaulted.json();
    assert_eq!(vaulted["route"]["way"], "queue", "{vaulted:#}");
    let reason = vaulted["route"]["reason"].as_str().expect("a reason");
    assert!(reason.contains("AWS alone may use aws.storagegateway") && reason.contains(&rule), "{reason}");
    let watched = watching.end();
    assert_eq!(watched.code, Some(0), "{watched:?}");

    // Nothing was lost and nothing sent twice, neither there nor to the stack whose rule would have taken it.
    let keys = usize::try_from(vaulted["dataset"]["keys"].as_u64().expect("a number")).expect("a small one");
    assert_eq!(vaulted["notifications"], vaulted["dataset"]["keys"], "{vaulted:#}");
    let lines = |resources: &Resources, role: &str| {
        let group = resources.name("AWS::Logs::LogGroup", role).expect("a log group");
        let read = clients.logs.filter_log_events().log_group_name(group).send();
        runtime.block_on(read).expect("an answer").events.unwrap_or_default().len()
    };
    assert_eq!((lines(&resources, "dataFileUpload"), lines(&resources, "manifestFileUpload")), (keys - 1, 1));
    let our_own = runtime.block_on(Resources::of_stack(&clients, "EventProcessingStack")).expect("an answer");
    assert_eq!(lines(&our_own, "dataFileUpload"), 0);

    let deaf = on(&["sim", "--files", "1", "--route", "own"]);
    assert_eq!(deaf.code, Some(2), "{deaf:?}");
    assert!(deaf.sentence().contains("vaultscope.storagegateway") && deaf.sentence().contains(&rule), "{deaf:?}");
    let refused = on(&["sim", "--files", "1", "--route", "aws"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.sentence().contains("AWS alone"), "{refused:?}");

    // A target that hands over a part of the event: what stands in the queue is no notification.
    let targets = clients.events.list_targets_by_rule().rule(&rule).send();
    let target = runtime.block_on(targets).expect("an answer").targets.expect("targets").remove(0);
    let cut = RuleTarget::builder().id(target.id()).arn(target.arn()).input_path("$.detail").build().expect("a target");
    runtime.block_on(clients.events.put_targets().rule(&rule).targets(cut).send()).expect("an answer");
    let cut = on(&["sim", "--files", "1"]);
    assert_eq!(cut.code, Some(1), "{cut:?}");
    assert!(cut.sentence().contains("input path") && cut.sentence().contains(&rule), "{cut:?}");

    // On ours the refused source gives way to the simulator's.
    let own = alone.run(&["sim", "--files", "30", "--dirs", "3", "--seed", "42", "--json"]);
    assert_eq!(own.code, Some(0), "{own:?}");
    assert_eq!(own.json()["route"]["way"], "own", "{own:?}");
    until("every line of ours", || lines(&our_own, "dataFileUpload") >= keys - 1);
    assert_eq!(lines(&our_own, "dataFileUpload"), keys - 1);
}

#[test]
fn what_is_no_event_processing_stack_is_refused_with_what_it_lacks() {
    let alone = Alone::start(&[]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let clients = runtime.block_on(clients_of(&alone.url));
    let template = r#"{"Resources": {"fileUploadQueue": {"Type": "AWS::SQS::Queue"}}}"#;
    runtime.block_on(make(&clients, OTHER, template));
    until("the stack", || runtime.block_on(status(&clients, OTHER)) == "CREATE_COMPLETE");
    for command in ["sim", "watch"] {
        let refused = run(&[command, "--stack", OTHER, "--endpoint-url", &alone.url]);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        let sentence = refused.sentence();
        assert!(sentence.contains("OtherKind is no event processing stack"), "{sentence}");
        assert!(sentence.contains("AWS::DynamoDB::Table fileUploadEventTable"), "{sentence}");
        assert!(!sentence.contains("notification queue"), "it has one: {sentence}");

        let nowhere = run(&[command, "--stack", "Nowhere", "--endpoint-url", &alone.url]);
        assert_eq!(nowhere.code, Some(1), "{nowhere:?}");
        let sentence = nowhere.sentence();
        assert!(sentence.contains("no stack Nowhere in us-east-1 of account 000000000000"), "{sentence}");
    }
}
