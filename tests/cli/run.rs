//! `vaultscope run` on the embedded endpoint: from nothing to a reconciled dataset.

use super::support::run;

#[test]
fn two_hundred_files_are_reconciled() {
    let ended = run(&["run", "--files", "200", "--dirs", "10", "--seed", "7", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report = ended.json();
    assert_eq!(report["version"], 1);
    assert_eq!(report["reconciled"], true, "{report:#}");
    assert_eq!(report["outcome"], "successful", "{report:#}");
    // Root, directories, files, manifest.
    assert_eq!(report["counts"]["expected"], 1 + 10 + 200 + 1, "{report:#}");
    assert_eq!(report["counts"]["present"], report["counts"]["expected"], "{report:#}");
    assert_eq!(report["counts"]["deadLetters"], 0, "{report:#}");
    assert_eq!(report["missingKeys"], serde_json::json!([]), "{report:#}");
    assert_eq!(report["stack"]["status"], "CREATE_COMPLETE");
    assert_eq!(report["execution"]["status"], "SUCCEEDED", "{report:#}");
    for step in ["deploy", "upload", "notifications", "items", "execution", "logs"] {
        assert_eq!(report["steps"][step]["state"], "ok", "{step}: {report:#}");
    }
    assert!(report["counts"]["notifications"].as_u64() >= report["counts"]["expected"].as_u64(), "{report:#}");
    let calls = &report["calls"];
    assert!(calls["made"].as_u64() > Some(200) && calls["usdOnAws"].as_f64() > Some(0.001), "{report:#}");
    #[cfg(target_os = "linux")]
    assert!(report["memory"]["peakBytes"].as_u64().is_some_and(|bytes| bytes < 400_000_000), "{report:#}");
}

#[test]
fn hostile_names_are_reconciled_and_told_to_a_person() {
    let ended = run(&["run", "--files", "60", "--dirs", "14", "--hostile-names"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("Reconciliation Successful: 76 of 76 keys present"), "{ended:?}");
}

#[test]
fn a_missing_file_ends_in_a_timeout_that_names_it() {
    let args = ["run", "--files", "30", "--dirs", "2", "--missing", "1", "--iterations", "3", "--wait", "30", "--json"];
    let ended = run(&args);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let report = ended.json();
    assert_eq!(report["reconciled"], false);
    assert_eq!(report["outcome"], "timeout", "{report:#}");
    assert_eq!(report["counts"]["missing"], 1, "{report:#}");
    for (step, state) in [("notifications", "ok"), ("items", "failed"), ("execution", "failed"), ("logs", "failed")] {
        assert_eq!(report["steps"][step]["state"], state, "{step}: {report:#}");
    }
    let missing = report["missingKeys"].as_array().expect("a list");
    assert_eq!(missing.len(), 1, "{report:#}");
    let set = report["dataset"]["setId"].as_str().expect("an id");
    assert!(missing[0].as_str().is_some_and(|key| key.starts_with(&format!("{set}-vaultjob/"))), "{report:#}");
}

#[test]
fn what_cannot_be_is_wrong_usage() {
    for (args, said) in [
        (["run", "--files", "0"].as_slice(), "--files"),
        (&["run", "--files", "3", "--missing", "4"], "leaving out"),
        (&["run", "--time-scale", "0"], "rate"),
        (&["run", "--iterations", "1562"], "--iterations"),
        (&["run", "--stack", "1st"], "name of a stack"),
        (&["frobnicate"], "frobnicate"),
    ] {
        let ended = run(args);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(said), "{ended:?}");
    }
}
