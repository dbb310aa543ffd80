//! Endpoints that bring no events to log groups, or not all of them: played by an emulator whose rules have lost these
//! targets.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::support::{Alone, vaultscope, wait};

/// Calls an operation of EventBridge.
fn events(alone: &Alone, operation: &str, input: &Value) -> Value {
    let (address, body) = (alone.url.replace("http://", ""), input.to_string());
    let mut stream = TcpStream::connect(&address).expect("it listens");
    write!(
        stream,
        "POST / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/x-amz-json-1.1\r\n\
         x-amz-target: AWSEvents.{operation}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    serde_json::from_str(body).expect("JSON")
}

/// Deploys, and takes the log groups from the rules whose names have `part`; tells how many.
fn deploy_without_logs(alone: &Alone, part: &str, iterations: &str) -> usize {
    let deployed = alone.run(&["deploy", "--iterations", iterations]);
    assert_eq!(deployed.code, Some(0), "{deployed:?}");
    let bus = "EventProcessingStack-fileUploadEventBus";
    let rules = events(alone, "ListRules", &json!({ "EventBusName": bus }))["Rules"].clone();
    let mut removed = 0;
    for rule in rules.as_array().expect("a list") {
        let name = rule["Name"].as_str().expect("a name");
        let targets = events(alone, "ListTargetsByRule", &json!({ "Rule": name, "EventBusName": bus }));
        let is_log = |target: &&Value| target["Arn"].as_str().is_some_and(|arn| arn.contains(":log-group:"));
        let logs = targets["Targets"].as_array().expect("a list").iter().filter(is_log);
        let ids: Vec<&Value> = logs.filter(|_| name.contains(part)).map(|target| &target["Id"]).collect();
        if !ids.is_empty() {
            removed += ids.len();
            events(alone, "RemoveTargets", &json!({ "Rule": name, "EventBusName": bus, "Ids": ids }));
        }
    }
    removed
}

#[test]
fn a_target_without_deliveries_to_logs_reconciles_and_the_log_step_is_unavailable() {
    let alone = Alone::start(&["--time-scale", "60"]);
    assert_eq!(deploy_without_logs(&alone, "", "900"), 4);
    let watching = vaultscope(&["watch", "--until-reconciled", "--endpoint-url", &alone.url]).spawn();
    let ended = alone.run(&["run", "--files", "60", "--dirs", "3", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report = ended.json();
    assert_eq!((&report["version"], &report["reconciled"]), (&1.into(), &true.into()), "{report:#}");
    assert_eq!((&report["outcome"], &report["outcomeInferred"]), (&"successful".into(), &true.into()), "{report:#}");
    assert_eq!(report["steps"]["logs"]["state"], "unavailable", "{report:#}");
    for step in ["deploy", "upload", "notifications", "items", "execution"] {
        assert_eq!(report["steps"][step]["state"], "ok", "{step}: {report:#}");
    }
    let detail = report["steps"]["logs"]["detail"].as_str().expect("text");
    assert!(detail.contains("65 items") && detail.contains("inferred"), "{detail}");

    let watched = wait(watching.expect("the binary starts"));
    assert_eq!(watched.code, Some(0), "{watched:?}");
    assert!(watched.stdout.contains("brings no events to log groups"), "{watched:?}");
    assert!(watched.stderr.contains("inferred from its execution"), "{watched:?}");
}

#[test]
fn a_dataset_that_is_not_reconciled_is_none_for_want_of_logs_either() {
    let alone = Alone::start(&["--time-scale", "60"]);
    assert_eq!(deploy_without_logs(&alone, "", "3"), 4);
    let ended = alone.run(&["run", "--files", "20", "--dirs", "1", "--missing", "1"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for part in ["Reconciliation Timeout", "items failed", "execution failed", "logs unavailable", "missing "] {
        assert!(ended.stdout.contains(part), "{part}: {ended:?}");
    }
}

#[test]
fn some_lines_and_not_the_last_one_are_a_failure() {
    let alone = Alone::start(&["--time-scale", "60"]);
    assert_eq!(deploy_without_logs(&alone, "reconcileNotify", "900"), 2);
    let ended = alone.run(&["run", "--files", "20", "--dirs", "1", "--json"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let report = ended.json();
    assert_eq!((&report["reconciled"], &report["outcome"]), (&false.into(), &serde_json::Value::Null), "{report:#}");
    assert_eq!(report["steps"]["logs"]["state"], "failed", "{report:#}");
    assert_eq!(report["steps"]["execution"]["state"], "ok", "{report:#}");
    assert!(report["steps"]["logs"]["detail"].as_str().is_some_and(|text| text.contains("23 of 23")), "{report:#}");
}
