//! `vaultscope emulator` alone, driven by the other commands as an endpoint elsewhere would be.

use serde_json::Value;

use super::support::{Alone, vaultscope, wait};

#[test]
fn deploy_sim_watch_and_destroy_work_on_an_emulator_of_its_own_process() {
    let alone = Alone::start(&["--time-scale", "60"]);
    let deployed = alone.run(&["deploy", "--iterations", "100"]);
    assert_eq!(deployed.code, Some(0), "{deployed:?}");
    assert!(deployed.stdout.contains("CREATE_COMPLETE"), "{deployed:?}");
    assert!(deployed.stdout.contains("fileUploadBucketName = eventprocessingstack-fileuploadbucket"), "{deployed:?}");

    let watching = vaultscope(&["watch", "--json", "--until-reconciled", "--endpoint-url", &alone.url]);
    let watching = { watching }.spawn().expect("the binary starts");
    let vaulted = alone.run(&["sim", "--files", "40", "--dirs", "3", "--seed", "11", "--json"]);
    assert_eq!(vaulted.code, Some(0), "{vaulted:?}");
    let set = vaulted.json()["dataset"]["setId"].as_str().expect("an id").to_owned();

    let watched = wait(watching);
    assert_eq!(watched.code, Some(0), "{watched:?}");
    let events: Vec<Value> =
        watched.stdout.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let of = |kind: &str| events.iter().filter(|event| event["type"] == kind).count();
    assert!(of("log") > 0 && of("source") > 0, "{watched:?}");
    assert!(watched.stdout.contains(&format!("{set}-vaultjob")), "{watched:?}");

    let again = alone.run(&["run", "--files", "20", "--dirs", "1", "--seed", "12", "--json"]);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!(again.json()["reconciled"], true);
    // Its log groups are served: what is said of them is read there, not inferred.
    assert_eq!(again.json()["steps"]["logs"]["state"], "ok", "{again:?}");
    assert_eq!(again.json()["outcomeInferred"], false);
    assert_eq!(again.json()["memory"], Value::Null, "the endpoint is another process");

    let destroyed = alone.run(&["destroy", "--yes"]);
    assert_eq!(destroyed.code, Some(0), "{destroyed:?}");
    assert!(destroyed.stdout.contains("stack EventProcessingStack is gone"), "{destroyed:?}");
    let twice = alone.run(&["destroy", "--yes"]);
    assert!(twice.stdout.contains("nothing to destroy"), "{twice:?}");
}
