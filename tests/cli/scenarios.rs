//! `vaultscope sim --scenario`: every scenario that comes along ends as it expects, in one command on the embedded
//! endpoint; `hundred-thousand` is a step of `.ci/run`, on the release binary.

use serde_json::Value;

use super::support::{Alone, run};

fn ends_as_expected(name: &str) -> Value {
    let ended = run(&["sim", "--scenario", name, "--json"]);
    let report = ended.json();
    let failed: Vec<&Value> =
        report["checks"].as_array().expect("checks").iter().filter(|check| check["holds"] != true).collect();
    assert!(failed.is_empty(), "{name}: {failed:#?}");
    assert_eq!(ended.code, Some(0), "{name}: {ended:?}");
    assert_eq!(
        (&report["kind"], &report["scenario"], &report["passed"]),
        (&"scenario".into(), &name.into(), &true.into())
    );
    report
}

macro_rules! each_ends_as_expected {
    ($($test:ident $name:literal),* $(,)?) => {
        $(#[test] fn $test() { ends_as_expected($name); })*

        #[test]
        fn every_scenario_but_the_largest_is_tested_here() {
            let mut tested = vec!["missing-file", "hundred-thousand", $($name),*];
            let mut known = vaultscope::sim::scenario::NAMES.to_vec();
            tested.sort_unstable();
            known.sort_unstable();
            assert_eq!(tested, known);
        }
    };
}

each_ends_as_expected! {
    in_order "in-order",
    out_of_order "out-of-order",
    early_manifest "early-manifest",
    duplicates "duplicates",
    late_file "late-file",
    rewritten_file "rewritten-file",
    partial_upload "partial-upload",
    gateway_offline "gateway-offline",
    cache_full "cache-full",
    many_clients "many-clients",
    names "names",
    faulty_endpoint "faulty-endpoint",
}

#[test]
fn missing_files_are_named_and_a_seed_repeats_them() {
    let (first, again) = (ends_as_expected("missing-file"), ends_as_expected("missing-file"));
    assert_eq!(first["datasets"][0]["missingKeys"].as_array().map(Vec::len), Some(2));
    assert_eq!(first["datasets"], again["datasets"]);
    assert_eq!(first["checks"], again["checks"]);
}

#[test]
fn the_list_names_every_scenario_with_a_line() {
    let ended = run(&["sim", "--list"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let names: Vec<&str> = ended.stdout.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names, [vaultscope::sim::scenario::NAMES, vaultscope::sim::archiving::NAMES].concat());
    let listed = run(&["sim", "--list", "--json"]).json();
    assert_eq!(listed["scenarios"].as_array().map(Vec::len), Some(names.len()));
}

/// A scenario of the user's own, whose expectation is that many items.
fn of_ones_own(present: u64) -> tempfile::NamedTempFile {
    let text = format!(
        "about = \"mine\"\ntime-scale = 60\n[gateway]\nsettling-secs = 1\n[[client]]\n[client.dataset]\nfiles = 5\ndirs = 1\n\
         [client.expect]\noutcome = \"reconciled\"\npresent = {present}\n"
    );
    let file = tempfile::Builder::new().suffix(".toml").tempfile().expect("a file");
    std::fs::write(file.path(), text).expect("written");
    file
}

#[test]
fn a_scenario_from_a_file_runs_on_an_endpoint_of_its_own_and_what_is_not_as_expected_is_told() {
    let endpoint = Alone::start(&[]);
    let (good, bad) = (of_ones_own(8), of_ones_own(9));
    let path = |file: &tempfile::NamedTempFile| file.path().to_string_lossy().into_owned();
    let ended = endpoint.run(&["sim", "--scenario", &path(&good)]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("  ✓ present: 8\n") && ended.stdout.contains("as expected: all"), "{ended:?}");
    let ended = endpoint.run(&["sim", "--scenario", &path(&bad)]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("  ✗ present: 8, expected 9\n"), "{ended:?}");
    assert!(ended.stdout.contains("not as expected: 1 of"), "{ended:?}");
}

#[test]
fn what_is_no_scenario_is_wrong_usage_and_names_the_line() {
    let broken = tempfile::Builder::new().suffix(".toml").tempfile().expect("a file");
    std::fs::write(broken.path(), "about = \"x\"\n[gateway]\nsettling = 3\n").expect("written");
    let broken = broken.path().to_string_lossy().into_owned();
    for (args, said) in [
        (["sim", "--scenario", "nothing"].as_slice(), "--list"),
        (&["sim", "--scenario", "/nonexistent/x.toml"], "cannot be read"),
        (&["sim", "--scenario", &broken], "line 3: unknown field `settling`"),
        (&["sim", "--scenario", "in-order", "--files", "3"], "--files"),
        (&["sim", "--scenario", "in-order", "--time-scale", "0"], "rate"),
    ] {
        let ended = run(args);
        assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
        assert!(ended.stderr.contains(said), "{args:?}: {ended:?}");
    }
}
