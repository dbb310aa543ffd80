//! The endpoint goes away in mid-run: one sentence, in bounded time, that says what was reached.

use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

use vaultscope::clock::real_now;

use super::support::{Alone, Ended, run, vaultscope, wait};

/// The patience for an outage, the time until every source has noticed, and a busy machine.
const BOUND: Duration = Duration::from_secs(40);

/// A run on an emulator that is killed once a line of progress says that it has come so far.
fn killed_once(has_come: impl Fn(&str) -> bool, scale: &str, args: &[&str]) -> (Ended, String, Alone) {
    let alone = Alone::start(&["--time-scale", scale]);
    let all = [&["run", "--endpoint-url", &alone.url], args].concat();
    let mut running = vaultscope(&all).spawn().expect("the binary starts");
    let mut stderr = BufReader::new(running.stderr.take().expect("a pipe"));
    let mut said = String::new();
    while !said.lines().next_back().is_some_and(&has_come) {
        let read = stderr.read_line(&mut said).expect("a line");
        assert!(read > 0, "the run ended before it came so far: {said}");
    }
    super::support::signal("KILL", alone.pid());
    let killed = real_now();
    stderr.read_to_string(&mut said).expect("text");
    let url = alone.url.clone();
    let ended = Ended { stderr: said, took: killed.elapsed(), ..wait(running) };
    (ended, url, alone)
}

fn assert_said(ended: &Ended, url: &str, done: &str) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let sentence = ended.sentence();
    for part in [url, "stopped answering while dataset", done, "uploaded", "announced", "items", "`vaultscope run`"] {
        assert!(sentence.contains(part), "{part}: {sentence}");
    }
    assert!(ended.took < BOUND, "{ended:?}");
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert!(lines.windows(2).all(|pair| pair[0] != pair[1]), "a line is said twice in a row: {lines:?}");
    assert!(!ended.stdout.contains("Reconciliation"), "{ended:?}");
}

#[test]
fn a_run_whose_endpoint_dies_while_it_reconciles_says_what_was_reached() {
    // One file never comes and the wait is long, so that all items stand and the execution goes on.
    let args = ["--files", "40", "--dirs", "3", "--missing", "1", "--wait", "3000"];
    let (ended, url, _alone) = killed_once(|line| line.contains("items 44/45 · iteration 1"), "60", &args);
    assert_said(&ended, &url, "was reconciled");
    let sentence = ended.sentence();
    assert!(sentence.contains("(44 of 45 uploaded, 44 announced, 44 items;"), "{sentence}");
}

#[test]
fn a_run_whose_endpoint_dies_while_it_uploads_says_so() {
    let begun = |line: &str| line.starts_with("uploaded ");
    let (ended, url, _alone) = killed_once(begun, "4", &["--files", "300", "--dirs", "3"]);
    assert_said(&ended, &url, "was uploaded");
}

#[test]
fn an_endpoint_that_comes_back_empty_is_said_to_have_lost_the_stack() {
    let args = ["--files", "20", "--dirs", "1", "--missing", "1", "--wait", "3000"];
    let alone = Alone::start(&["--time-scale", "60"]);
    let port = alone.url.rsplit(':').next().expect("a port").to_owned();
    let all = [&["run", "--endpoint-url", &alone.url], &args[..]].concat();
    let mut running = vaultscope(&all).spawn().expect("the binary starts");
    let mut stderr = BufReader::new(running.stderr.take().expect("a pipe"));
    let mut said = String::new();
    while !said.contains("iteration 1") {
        assert!(stderr.read_line(&mut said).expect("a line") > 0, "the run ended: {said}");
    }
    alone.end("KILL");
    let again = Alone::start(&["--port", &port]);
    stderr.read_to_string(&mut said).expect("text");
    let ended = Ended { stderr: said, ..wait(running) };
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let sentence = ended.sentence();
    assert!(
        sentence.contains("stack EventProcessingStack is gone from") && sentence.contains(&again.url),
        "{sentence}"
    );
    let deployed = run(&["deploy", "--endpoint-url", &again.url]);
    assert_eq!(deployed.code, Some(0), "{deployed:?}");
}
