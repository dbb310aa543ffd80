//! Deploy, again, change, vault, observe, a dataset that lacks a file, destroy: one body for every server.

use std::process::{Child, Command};

use serde_json::{Value, json};

use super::servers::Abilities;
use super::support::{Ended, run, vaultscope, wait};

/// A name of its own: whoever names a server may have stacks of theirs on it.
const STACK: &str = "VaultscopeConformance";

/// A command that runs beside others, and never longer than its test.
pub struct Background(Option<Child>);

impl Background {
    pub fn start(mut command: Command) -> Self {
        Self(Some(command.spawn().expect("the binary starts")))
    }

    /// Waits for its end.
    pub fn end(mut self) -> Ended {
        wait(self.0.take().expect("it was started"))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The commands on one server.
struct On<'a> {
    url: &'a str,
}

impl On<'_> {
    fn args<'b>(&'b self, args: &[&'b str]) -> Vec<&'b str> {
        [args, &["--endpoint-url", self.url, "--stack", STACK]].concat()
    }

    fn start(&self, args: &[&str]) -> Background {
        Background::start(vaultscope(&self.args(args)))
    }

    fn run(&self, args: &[&str], code: i32) -> Ended {
        let ended = run(&self.args(args));
        assert_eq!(ended.code, Some(code), "{args:?} on {}: {ended:?}", self.url);
        ended
    }

    fn json(&self, args: &[&str], code: i32) -> Value {
        self.run(&[args, &["--json"]].concat(), code).json()
    }
}

/// The whole flow on a server that outlives a command.
pub fn whole(url: &str, can: Abilities) {
    let on = On { url };
    on.run(&["destroy", "--yes"], 0);

    let made = on.json(&["deploy", "--iterations", "60", "--wait", "1"], 0);
    assert_eq!(made["stack"]["status"], "CREATE_COMPLETE", "{made:#}");
    assert!(made["stack"]["outputs"]["fileUploadBucketName"].is_string(), "{made:#}");
    let again = on.json(&["deploy"], 0);
    assert_eq!(again["stack"], made["stack"], "nothing was to be changed");

    vault_and_watch(&on, can);
    a_job_is_reconciled(&on, can);
    a_missing_file_times_out(&on, can);

    let gone = on.run(&["destroy", "--yes"], 0);
    assert!(gone.stdout.contains("is gone"), "{gone:?}");
    let nothing = on.run(&["destroy", "--yes"], 0);
    assert!(nothing.stdout.contains("nothing to destroy"), "{nothing:?}");
}

/// What can be had of an endpoint that ends with each command.
pub fn in_process(can: Abilities) {
    let vaulted = run(&["run", "--files", "24", "--dirs", "2", "--seed", "21", "--json"]);
    assert_eq!(vaulted.code, Some(0), "{vaulted:?}");
    reconciled(&vaulted.json(), 24, can);
    let lacking = run(&["run", "--files", "12", "--dirs", "1", "--missing", "1", "--iterations", "2", "--json"]);
    assert_eq!(lacking.code, Some(1), "{lacking:?}");
    timed_out(&lacking.json(), can);
}

fn vault_and_watch(on: &On<'_>, can: Abilities) {
    let watching = on.start(&["watch", "--json", "--until-reconciled"]);
    let vaulted = on.json(&["sim", "--files", "20", "--dirs", "2", "--seed", "31", "--settle", "1"], 0);
    assert_eq!(vaulted["notifications"], vaulted["dataset"]["keys"], "{vaulted:#}");
    assert_eq!(vaulted["route"]["way"], can.way, "{vaulted:#}");
    let watched = watching.end();
    assert_eq!(watched.code, Some(0), "{watched:?}");
    let seen: Vec<Value> =
        watched.stdout.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let set = vaulted["dataset"]["setId"].as_str().expect("an id");
    let of = |kind: &str| seen.iter().filter(|event| event["type"] == kind).count();
    let items: std::collections::BTreeSet<&str> = seen
        .iter()
        .filter(|event| event["type"] == "item" && event["setId"] == set)
        .filter_map(|event| event["objectKey"].as_str())
        .collect();
    assert!(items.len() > 1, "{watched:?}");
    assert!(of("execution") > 0 && of("history") > 0 && of("source") > 0, "{watched:?}");
    assert_eq!(of("log") > 0, can.fills_log_groups, "{watched:?}");
}

fn a_job_is_reconciled(on: &On<'_>, can: Abilities) {
    let report = on.json(&["run", "--files", "24", "--dirs", "2", "--seed", "21", "--settle", "1", "--wait", "1"], 0);
    reconciled(&report, 24, can);
}

fn a_missing_file_times_out(on: &On<'_>, can: Abilities) {
    let args = ["run", "--files", "12", "--dirs", "1", "--seed", "22", "--missing", "1", "--settle", "1"];
    let report = on.json(&[args.as_slice(), &["--iterations", "2", "--wait", "1"]].concat(), 1);
    assert_eq!(report["stack"]["status"], "UPDATE_COMPLETE", "{report:#}");
    timed_out(&report, can);
}

fn reconciled(report: &Value, files: u64, can: Abilities) {
    assert_eq!(report["reconciled"], true, "{report:#}");
    let keys = json!(1 + 2 + files + 1);
    assert_eq!((&report["counts"]["expected"], &report["counts"]["present"]), (&keys, &keys), "{report:#}");
    assert_eq!(
        (&report["counts"]["notifications"], &report["counts"]["deadLetters"]),
        (&keys, &json!(0)),
        "{report:#}"
    );
    assert_eq!(report["unexpectedKeys"], json!([]), "{report:#}");
    common(report, "successful", can);
    steps(report, [OK, OK, OK, OK, OK, if can.fills_log_groups { OK } else { "unavailable" }]);
}

fn timed_out(report: &Value, can: Abilities) {
    assert_eq!(report["reconciled"], false, "{report:#}");
    assert_eq!(report["counts"]["missing"], 1, "{report:#}");
    let set = report["dataset"]["setId"].as_str().expect("an id");
    let missing = report["missingKeys"][0].as_str().expect("a key");
    assert!(missing.starts_with(&format!("{set}-vaultjob/")), "{report:#}");
    common(report, "timeout", can);
    let logs = if can.fills_log_groups { FAILED } else { "unavailable" };
    // The file was never written, so everything that was to be uploaded and announced was.
    steps(report, [OK, OK, OK, FAILED, FAILED, logs]);
}

const OK: &str = "ok";
const FAILED: &str = "failed";

/// The states of deploy, upload, notifications, items, execution and logs.
fn steps(report: &Value, states: [&str; 6]) {
    let names = ["deploy", "upload", "notifications", "items", "execution", "logs"];
    let steps = report["steps"].as_object().expect("steps");
    let found: Vec<(&str, &str)> =
        steps.iter().map(|(name, step)| (name.as_str(), step["state"].as_str().expect("a state"))).collect();
    let expected: Vec<(&str, &str)> = names.into_iter().zip(states).collect();
    assert_eq!(found, expected, "{report:#}");
}

fn common(report: &Value, outcome: &str, can: Abilities) {
    assert_eq!(report["outcome"], outcome, "{report:#}");
    assert_eq!(report["execution"]["status"], "SUCCEEDED", "{report:#}");
    assert_eq!(report["route"]["way"], can.way, "{report:#}");
    assert!(report["route"]["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{report:#}");
    let rate = report["timeScale"].as_f64().expect("a rate");
    assert_eq!(can.scales_time && can.way == "gateway", rate > 1.0, "{report:#}");
}
