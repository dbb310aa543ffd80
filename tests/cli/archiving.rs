//! The stack that archives: deployed, run, its scenarios played, destroyed; in one command on the embedded endpoint, and
//! step by step on an endpoint that outlives them.

use std::process::Command;

use serde_json::{Value, json};
use vaultscope::aws::{Access, Clients, Target};

use super::support::{Alone, Ended, run};

const STACK: &str = "S3TarStack";
const CONFIG: &str = r#"{
    "Project": {"Name": "demo", "Account": "XXXXXXXXXXXX", "Region": "us-east-1", "Profile": "default"},
    "Stack": {
        "ECRInfra": {"Name": "images", "RepoName": "archivingrepo", "ImageTag": "v1"},
        "S3TarECSStack": {
            "Name": "Archiving", "SourceBucketName": "from-here", "DestBucketName": "to-there",
            "DestBucketInventoryPrefix": "to-there/from-here/daily/", "DestBucketRegion": "us-east-1",
            "DestBucketS3TarPrefix": "to-there/archives"
        }
    }
}"#;

fn states(report: &Value) -> Vec<(&str, &str)> {
    let steps = report["steps"].as_object().expect("steps").iter();
    steps.map(|(name, step)| (name.as_str(), step["state"].as_str().expect("a state"))).collect()
}

fn all_ok(ended: &Ended, members: u64) -> Value {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report = ended.json();
    assert_eq!(
        (&report["version"], &report["kind"], &report["verified"]),
        (&1.into(), &"archiving".into(), &true.into())
    );
    assert!(states(&report).iter().all(|(_, state)| *state == "ok"), "{report:#}");
    assert_eq!(states(&report).len(), 8);
    assert_eq!((&report["archive"]["members"], &report["archive"]["equal"]), (&members.into(), &members.into()));
    assert_eq!(report["archive"]["tocAgrees"], true);
    assert_eq!(report["execution"]["path"], json!(["RunTask", "NotifySuccess"]));
    assert_eq!(report["schedule"]["fired"], true);
    assert_eq!(report["notifications"].as_array().map(Vec::len), Some(1));
    report
}

#[test]
fn ten_days_are_archived_at_midnight_in_one_command() {
    let report = all_ok(&run(&["run", "--stack", "s3tar", "--json"]), 1_000);
    assert_eq!(report["data"], json!({"days": 10, "files": 1_000, "wanted": 1_000}));
    assert!(report["schedule"]["due"].as_str().is_some_and(|due| due.ends_with("T00:00:00Z")), "{report:#}");
    assert_eq!(report["target"], "the embedded endpoint");
}

fn ends_as_expected(name: &str) {
    let ended = run(&["sim", "--scenario", name, "--json"]);
    let report = ended.json();
    let failed: Vec<&Value> =
        report["checks"].as_array().expect("checks").iter().filter(|check| check["holds"] != true).collect();
    assert!(failed.is_empty(), "{name}: {failed:#?} {report:#}");
    assert_eq!(ended.code, Some(0), "{name}: {ended:?}");
    assert_eq!((&report["kind"], &report["scenario"]), (&"archivingScenario".into(), &name.into()));
}

macro_rules! each_ends_as_expected {
    ($($test:ident $name:literal),* $(,)?) => {
        $(#[test] fn $test() { ends_as_expected($name); })*

        #[test]
        fn every_scenario_is_tested_here() {
            assert_eq!(vaultscope::sim::archiving::NAMES, [$($name),*]);
        }
    };
}

each_ends_as_expected! {
    success "s3tar-success",
    midnight "s3tar-midnight",
    recovers "s3tar-recovers",
    retryable "s3tar-retryable",
    fatal "s3tar-fatal",
    no_image "s3tar-no-image",
}

#[test]
fn a_scenario_that_expects_something_else_fails_and_one_that_is_none_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("mine.toml");
    let path = file.to_string_lossy().into_owned();
    let text = "kind = \"s3tar\"\nabout = \"x\"\ntime-scale = 60\n[task]\nexits = [3]\n[expect]\nattempts = 2\nexit-codes = [3]\n";
    std::fs::write(&file, text).expect("written");
    let ended = run(&["sim", "--scenario", &path]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("✗ runs of the task: 1, expected 2"), "{ended:?}");
    assert!(ended.stdout.contains("✓ exit codes: 3"), "{ended:?}");
    std::fs::write(&file, "kind = \"s3tar\"\nabout = \"x\"\nday = 3\n").expect("written");
    let ended = run(&["sim", "--scenario", &path]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.sentence().contains("line 3"), "{ended:?}");
}

#[test]
fn the_originals_configuration_is_taken_as_it_is_and_its_buckets_outlive_the_stack() {
    let alone = Alone::start(&["--time-scale", "60"]);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s3tar-app-config.json");
    std::fs::write(&path, CONFIG).expect("written");
    let config = path.to_string_lossy().into_owned();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let target = Target::endpoint(&alone.url, Some("us-east-1")).expect("an endpoint");
    let s3 = runtime.block_on(Clients::connect(target, Access::Write, "")).s3;
    for bucket in ["from-here", "to-there"] {
        runtime.block_on(s3.create_bucket().bucket(bucket).send()).expect("a bucket");
    }
    let deployed = alone.run(&["deploy", "s3tar", "--app-config", &config, "--json"]);
    assert_eq!(deployed.code, Some(0), "{deployed:?}");
    let outputs = &deployed.json()["stack"]["outputs"];
    assert_eq!((&outputs["sourceBucketName"], &outputs["destBucketName"]), (&"from-here".into(), &"to-there".into()));
    let archived = alone.run(&["run", "--stack", STACK, "--days", "2", "--app-config", &config, "--json"]);
    let report = all_ok(&archived, 200);
    let place = report["archive"]["place"].as_str().expect("a place").to_owned();
    assert!(place.starts_with("s3://to-there/archives/"), "{place}");
    // What any other program reads.
    let toc = alone.run(&["s3tar", "-tf", &place]);
    assert_eq!(toc.stdout.lines().count(), 200, "{toc:?}");
    let stacks = alone.run(&["stacks"]);
    let row = stacks.stdout.lines().find(|line| line.starts_with(STACK)).expect("a row").to_owned();
    assert!(row.contains("would change nothing") && !stacks.stdout.contains("S3TarRunListener"), "{stacks:?}");
    let destroyed = alone.run(&["destroy", "s3tar", "--yes"]);
    assert_eq!(destroyed.code, Some(0), "{destroyed:?}");
    assert!(destroyed.stdout.contains("stack S3TarStack is gone, and 0 objects"), "{destroyed:?}");
    let listed = runtime.block_on(s3.list_objects_v2().bucket("from-here").send()).expect("the bucket is there");
    assert_eq!(listed.key_count(), Some(200));
}

#[test]
fn buckets_of_the_stacks_own_go_with_it_and_those_that_are_named_stay_what_they_are() {
    let alone = Alone::start(&["--time-scale", "60"]);
    let deployed = alone.run(&["deploy", "s3tar", "--json"]);
    assert_eq!(deployed.code, Some(0), "{deployed:?}");
    let bucket = deployed.json()["stack"]["outputs"]["sourceBucketName"].as_str().expect("a bucket").to_owned();
    let put = alone.run(&["log-data", "-n", "1", "-b", &bucket]);
    assert_eq!(put.code, Some(0), "{put:?}");
    let again = alone.run(&["deploy", "s3tar", "--preview"]);
    assert!(again.stdout.contains("would not change"), "{again:?}");
    let destroyed = alone.run(&["destroy", "s3tar", "--yes"]);
    assert!(destroyed.stdout.contains("is gone, and 100 objects"), "{destroyed:?}");
    let head = format!("{}/{bucket}", alone.url);
    let head = Command::new("curl").args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "-I", &head]).output();
    assert_eq!(String::from_utf8_lossy(&head.expect("curl").stdout), "404");
}

#[test]
fn what_does_not_fit_together_is_refused_before_anything_is_called() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.json");
    let config = path.to_string_lossy().into_owned();
    for (text, said) in [
        (CONFIG.replace("\"DestBucketName\"", "\"DestBuckets\""), "the key Stack.S3TarECSStack.DestBuckets"),
        (CONFIG.replace("\"RepoName\": \"archivingrepo\", ", ""), "no key Stack.ECRInfra.RepoName"),
        (CONFIG.replace("from-here\", \"Dest", "From Here\", \"Dest"), "must be a bucket's name"),
    ] {
        std::fs::write(&path, text).expect("written");
        let refused = run(&["run", "--stack", "s3tar", "--app-config", &config]);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.sentence().contains(said), "{refused:?}");
    }
    for (args, said) in [
        (&["run", "--days", "3"][..], "add --stack s3tar"),
        (&["run", "--stack", "s3tar", "--files", "3"], "archives log files"),
        (&["run", "--app-config", "x.json"], "--app-config goes with stack s3tar"),
        (&["deploy", "s3tar"], "needs an endpoint that outlives it"),
    ] {
        let refused = run(args);
        assert_eq!(refused.code, Some(2), "{args:?} {refused:?}");
        assert!(refused.sentence().contains(said), "{refused:?}");
    }
    let missing = run(&["run", "--stack", "s3tar", "--app-config", "/nowhere/app.json"]);
    assert!(missing.code == Some(1) && missing.sentence().contains("/nowhere/app.json"), "{missing:?}");
}
