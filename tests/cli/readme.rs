//! The README is a promise: its commands are run as they stand, and its page of operations is the one that is made.

use std::fs;
use std::path::Path;

use super::support::{Alone, run, vaultscope, wait};

fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("a README")
}

/// Every command line of a console block, in order.
fn shown(readme: &str) -> Vec<Vec<&str>> {
    readme.lines().filter_map(|line| line.strip_prefix("$ ")).map(|line| line.split_whitespace().collect()).collect()
}

#[test]
fn every_command_that_the_readme_shows_succeeds() {
    let readme = readme();
    let commands = shown(&readme);
    let mut endpoint: Option<Alone> = None;
    let mut exported = false;
    let mut seen = 0;
    for words in &commands {
        match words.as_slice() {
            // CI does the first, the second runs this test; the AWS CLI is not on every machine, CI reads with it.
            ["cargo", "run", "--release"]
            | ["cargo", "test"]
            | ["aws", "--endpoint-url", _, "logs", "describe-log-groups"] => {}
            // A port of its own: the customary one may be taken on the machine of the test.
            ["vaultscope", "emulator", "--port", "4566", "&"] => endpoint = Some(Alone::start(&[])),
            ["export", "AWS_ENDPOINT_URL=http://127.0.0.1:4566"] => exported = true,
            ["vaultscope", arguments @ ..] => {
                let mut command = vaultscope(arguments);
                if exported {
                    command.env("AWS_ENDPOINT_URL", &endpoint.as_ref().expect("an endpoint runs").url);
                }
                let ended = wait(command.spawn().expect("the binary starts"));
                assert_eq!(ended.code, Some(0), "{words:?}: {ended:?}");
                seen += 1;
            }
            other => panic!("the README shows a command that no test runs: {other:?}"),
        }
    }
    assert!(seen >= 3, "the README's commands were not found: {commands:?}");
}

#[test]
fn every_command_of_the_table_exists() {
    let help = run(&["--help"]).stdout;
    let readme = readme();
    let named: Vec<&str> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| `vaultscope "))
        .filter_map(|line| line.split(['`', ' ']).next())
        .collect();
    assert!(named.len() >= 6, "{named:?}");
    for name in named {
        assert!(help.lines().any(|line| line.trim_start().starts_with(name)), "{name} is not in {help}");
    }
}

#[test]
fn the_page_of_operations_is_the_one_that_is_made() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/emulator.md")).expect("the page");
    let made = run(&["emulator", "--operations"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    assert_eq!(page, made.stdout, "make it anew: vaultscope emulator --operations > docs/emulator.md");
}
