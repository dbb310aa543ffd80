//! `vaultscope guide`: the steps that are done on a target, as a script reads them.

use serde_json::Value;

use super::support::{Alone, run};

fn state(document: &Value, id: &str) -> String {
    let modules = document["modules"].as_array().into_iter().flatten();
    let mut steps = modules.flat_map(|module| module["steps"].as_array().into_iter().flatten());
    let step = steps.find(|step| step["id"] == id);
    step.and_then(|step| step["state"].as_str()).unwrap_or_else(|| panic!("step {id} in {document}")).to_owned()
}

#[test]
fn the_guide_knows_what_is_done_and_what_only_its_reader_does() {
    let endpoint = Alone::start(&["--time-scale", "60"]);
    let new = endpoint.run(&["guide", "--json"]);
    assert_eq!(new.code, Some(0), "{new:?}");
    let new = new.json();
    assert_eq!((&new["version"], &new["kind"]), (&1.into(), &"guide".into()));
    for (id, expected) in [("1.1", "unknown"), ("2.1", "done"), ("3.1", "next"), ("4.1", "open"), ("7.2", "open")] {
        assert_eq!(state(&new, id), expected, "{id}");
    }
    for args in [&["deploy", "--yes"][..], &["sim", "--files", "5"], &["watch", "--until-reconciled"]] {
        let ended = endpoint.run(args);
        assert_eq!(ended.code, Some(0), "{args:?}: {ended:?}");
    }
    let done = endpoint.run(&["guide", "--json"]).json();
    for id in ["3.1", "3.2", "5.1", "5.2", "5.3", "6.5"] {
        assert_eq!(state(&done, id), "done", "{id}");
    }
    assert_eq!(state(&done, "6.2"), "unknown", "whether the logs were read is not known");
    let text = endpoint.run(&["guide"]);
    assert!(text.stdout.contains("3.1 done     Deploy the event processing stack"), "{}", text.stdout);
}

#[test]
fn an_endpoint_that_ends_with_the_command_has_nothing_to_tell() {
    let ended = run(&["guide"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.sentence().contains("needs an endpoint that outlives it"), "{ended:?}");
}
