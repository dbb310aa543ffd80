//! `vaultscope show`: what each screen shows, as a script reads it.

use serde_json::Value;

use super::support::{Alone, run};

fn document(endpoint: &Alone, args: &[&str]) -> Value {
    let ended = endpoint.run(&[&["show"], args, &["--json"]].concat());
    assert_eq!(ended.code, Some(0), "{args:?}: {ended:?}");
    let document = ended.json();
    assert_eq!((&document["version"], &document["kind"]), (&1.into(), &args[0].into()));
    assert_eq!(document["stack"], "EventProcessingStack", "{args:?}");
    document
}

fn array<'a>(of: &'a Value, member: &str) -> &'a Vec<Value> {
    of[member].as_array().unwrap_or_else(|| panic!("{member} in {of}"))
}

#[test]
fn every_screen_of_a_stack_is_read_without_one() {
    let endpoint = Alone::start(&["--time-scale", "60"]);
    let absent = endpoint.run(&["show", "flow"]);
    assert_eq!(absent.code, Some(1), "{absent:?}");
    assert!(absent.sentence().contains("EventProcessingStack"), "{absent:?}");
    let job = ["sim", "--files", "12", "--dirs", "2", "--seed", "7", "--missing", "1"];
    for (args, code) in [
        (&["deploy", "--yes", "--iterations", "2"][..], 0),
        (&job, 0),
        // It is reconciled with a file too few.
        (&["watch", "--until-reconciled"], 1),
    ] {
        let ended = endpoint.run(args);
        assert_eq!(ended.code, Some(code), "{args:?}: {ended:?}");
    }

    let flow = document(&endpoint, &["flow"]);
    let datasets = array(&flow, "datasets");
    assert_eq!(datasets.len(), 1, "{flow}");
    let id = datasets[0]["setId"].as_str().expect("an id").to_owned();
    let (tally, items) = (&datasets[0]["tally"], datasets[0]["items"].as_u64().expect("a count"));
    assert_eq!((&tally["missing"], &datasets[0]["outcome"]["outcome"]), (&1.into(), &"timeout".into()), "{flow}");
    let total = |hop: &str| array(&flow, "hops").iter().find(|it| it["hop"] == hop).map(|it| it["total"].clone());
    assert_eq!(total("table"), Some(items.into()), "{flow}");

    let table = document(&endpoint, &["table", "--set-id", &id]);
    let board = &array(&table, "datasets")[0];
    assert_eq!(array(board, "items").len() as u64, items);
    let missing = array(board, "missing");
    assert!(missing.len() == 1 && missing[0].as_str().is_some_and(|key| key.starts_with(&id)), "{board}");
    let text = endpoint.run(&["show", "table"]).stdout;
    assert!(text.contains(&format!("  missing {}", missing[0].as_str().unwrap_or_default())), "{text}");
    let unknown = endpoint.run(&["show", "table", "--set-id", "nobody"]);
    assert!(unknown.code == Some(1) && unknown.sentence().contains("nobody"), "{unknown:?}");

    let logs = document(&endpoint, &["logs"]);
    let lines = array(&logs, "lines");
    assert_eq!((lines.len() as u64, &logs["dropped"]), (items + 1, &0.into()), "each upload and the end: {logs}");
    assert!(lines.is_sorted_by_key(|line| line["at"].as_i64()));
    let newest = document(&endpoint, &["logs", "--last", "1"]);
    assert_eq!(array(&newest, "lines")[0], lines[lines.len() - 1]);
    assert_eq!(newest["dropped"], items, "{newest}");

    let runs = document(&endpoint, &["executions"]);
    let execution = &array(&runs, "executions")[0];
    assert_eq!((&execution["setId"], &execution["iterationsAtMost"]), (&id.clone().into(), &2.into()), "{execution}");
    assert!(array(execution, "history").len() > 10, "{execution}");

    let objects = document(&endpoint, &["objects"]);
    let folder = array(&objects["buckets"][0]["level"], "folders")[0].as_str().expect("a folder").to_owned();
    assert_eq!(folder, format!("{id}-vaultjob/"));
    let inside = document(&endpoint, &["objects", folder.trim_end_matches('/')]);
    let manifest = format!("{folder}{id}.manifest");
    let keys = array(&inside["buckets"][0]["level"], "objects");
    assert!(keys.iter().any(|object| object["key"] == manifest.as_str()), "{inside}");

    let activity = document(&endpoint, &["activity"]);
    let calls = array(&activity, "calls");
    assert!(calls.iter().any(|row| row["operation"] == "Query"), "{activity}");
    assert!(!calls.iter().any(|row| row["operation"] == "Scan" || row["operation"] == "PutItem"), "{activity}");
}

#[test]
fn an_endpoint_that_ends_with_the_command_has_nothing_to_show() {
    let ended = run(&["show", "flow"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.sentence().contains("needs an endpoint that outlives it"), "{ended:?}");
}
