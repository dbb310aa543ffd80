//! Ctrl-C and SIGTERM: everything ends, no process is left, and one sentence says what remains.

use std::io::{BufRead, BufReader};

use super::support::{Alone, descendants, is_running, signal, until, vaultscope, wait};

#[test]
fn an_emulator_ends_on_either_signal_with_every_function_process() {
    for with in ["INT", "TERM"] {
        let alone = Alone::start(&["--time-scale", "60"]);
        let run = alone.run(&["run", "--files", "10", "--dirs", "1"]);
        assert_eq!(run.code, Some(0), "{run:?}");
        let functions = descendants(alone.pid());
        assert!(!functions.is_empty(), "functions run as processes");
        let ended = alone.end(with);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
        until("the end of every function process", || functions.iter().all(|&pid| !is_running(pid)));
    }
}

#[test]
fn ctrl_c_in_mid_deploy_leaves_what_the_next_deploy_goes_on_from() {
    let alone = Alone::start(&[]);
    let mut child = vaultscope(&["deploy", "--endpoint-url", &alone.url]).spawn().expect("the binary starts");
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    // The stack for the artefacts comes before it.
    while !line.contains("fileUploadBucket") {
        line.clear();
        assert!(stdout.read_line(&mut line).expect("a line") > 0, "it ended before it was interrupted");
    }
    signal("INT", child.id());
    let ended = wait(child);
    // The stack may have stood already when the signal came; otherwise the sentence says how to go on.
    match ended.code {
        Some(0) => {}
        Some(130) => assert!(ended.sentence().contains("`vaultscope deploy`"), "{ended:?}"),
        _ => panic!("{ended:?}"),
    }
    let next = alone.run(&["deploy", "--json"]);
    assert_eq!(next.code, Some(0), "{next:?}");
    assert_eq!(next.json()["stack"]["status"], "CREATE_COMPLETE", "{next:?}");
}

#[test]
fn ctrl_c_in_mid_run_ends_the_embedded_endpoint_and_its_functions() {
    let mut child = vaultscope(&["run", "--files", "5000", "--missing", "1"]).spawn().expect("the binary starts");
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut line = String::new();
    while !line.starts_with("uploaded") {
        line.clear();
        assert!(stderr.read_line(&mut line).expect("a line") > 0, "it ended before it was interrupted");
    }
    let pid = child.id();
    until("a function process", || !descendants(pid).is_empty());
    let functions = descendants(pid);
    signal("INT", pid);
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut stderr, &mut rest).expect("text");
    let ended = wait(child);
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(rest.contains("vaultscope: interrupted: the embedded endpoint ended"), "{rest}");
    until("the end of every function process", || functions.iter().all(|&pid| !is_running(pid)));
}
