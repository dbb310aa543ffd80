//! The stack that archives, on every server: deployed, run, destroyed; and which steps a server cannot do.

use super::ministack::Ministack;
use super::support::{Alone, run};

/// Steps of a run that a server has nothing for.
type Unable = &'static [&'static str];

/// Runs no containers, and its time runs as it does.
const MINISTACK: Unable = &["schedule", "execution", "task", "notification"];
const EMULATOR: Unable = &[];

fn whole(url: &str, unable: Unable) {
    let at = |args: &[&str]| run(&[args, &["--endpoint-url", url]].concat());
    let ended = at(&["run", "--stack", "s3tar", "--days", "2", "--json"]);
    assert_eq!(ended.code, Some(0), "{url}: {ended:?}");
    let report = ended.json();
    assert_eq!(report["verified"], true, "{report:#}");
    for (name, step) in report["steps"].as_object().expect("steps") {
        let wanted = if unable.contains(&name.as_str()) { "unavailable" } else { "ok" };
        assert_eq!(step["state"], wanted, "{name} on {url}: {report:#}");
    }
    assert_eq!(report["localTask"].is_null(), !unable.contains(&"task"), "{report:#}");
    let archive = &report["archive"];
    assert_eq!((&archive["members"], &archive["equal"]), (&200.into(), &200.into()), "{archive}");
    // What heard is gone, and the stack is as it should be.
    let stacks = at(&["stacks"]);
    assert!(!stacks.stdout.contains("S3TarRunListener"), "{stacks:?}");
    let again = at(&["deploy", "s3tar", "--json"]);
    assert_eq!(again.code, Some(0), "{again:?}");
    let destroyed = at(&["destroy", "s3tar", "--yes"]);
    assert_eq!(destroyed.code, Some(0), "{destroyed:?}");
    assert!(destroyed.stdout.contains("stack S3TarStack is gone"), "{destroyed:?}");
    let nothing = at(&["destroy", "s3tar", "--yes"]);
    assert!(nothing.stdout.contains("nothing to destroy"), "{nothing:?}");
}

#[test]
fn the_emulator_archives() {
    let alone = Alone::start(&["--time-scale", "60"]);
    whole(&alone.url, EMULATOR);
}

#[test]
fn ministack_archives_what_its_task_would() {
    let server = Ministack::start();
    whole(&server.url, MINISTACK);
    server.end();
}

#[test]
fn on_a_server_without_our_clock_and_images_a_scenario_is_refused() {
    let server = Ministack::start();
    let refused = run(&["sim", "--scenario", "s3tar-retryable", "--endpoint-url", &server.url]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.sentence().contains("`vaultscope emulator`"), "{refused:?}");
    server.end();
}
