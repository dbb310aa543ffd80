//! Modules 3, 4, 5 and 7 as a user runs them on a `vaultscope emulator`: each step a command, and what each refuses.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use serde_json::Value;

use super::support::{Alone, run, until};

/// An emulator on which both stacks stand.
fn with_stacks() -> Alone {
    let alone = Alone::start(&["--time-scale", "1000"]);
    for args in [&["deploy", "--json"][..], &["deploy", "data-vaulting", "--json"]] {
        let deployed = alone.run(args);
        assert_eq!(deployed.code, Some(0), "{deployed:?}");
        assert_eq!(deployed.json()["stack"]["status"], "CREATE_COMPLETE");
    }
    alone
}

/// Stops an endpoint's clock.
fn pause(url: &str) {
    let address = url.trim_start_matches("http://");
    let body = r#"{"paused": true}"#;
    let mut stream = TcpStream::connect(address).expect("the endpoint listens");
    let length = body.len();
    let head = "POST /_vaultscope/clock HTTP/1.1\r\nconnection: close";
    write!(stream, "{head}\r\nhost: {address}\r\ncontent-length: {length}\r\n\r\n{body}").expect("a request is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

fn status(alone: &Alone) -> Value {
    let told = alone.run(&["gateway", "status", "--json"]);
    assert_eq!(told.code, Some(0), "{told:?}");
    told.json()
}

#[test]
fn a_folder_is_vaulted_through_the_gateway_and_everything_is_cleaned_up() {
    let alone = with_stacks();
    let early = alone.run(&["gateway", "share"]);
    assert!(early.code == Some(2) && early.sentence().contains("gateway activate"), "{early:?}");
    let activated = alone.run(&["gateway", "activate", "--json"]);
    assert_eq!(activated.code, Some(0), "{activated:?}");
    let gateway = activated.json();
    assert_eq!((&gateway["state"], &gateway["cacheDisks"][0]), (&"RUNNING".into(), &"/dev/sdf".into()));
    let again = alone.run(&["gateway", "activate"]);
    assert!(again.code == Some(2) && again.sentence().contains("activated already"), "{again:?}");
    let early = alone.run(&["gateway", "mount"]);
    assert!(early.code == Some(2) && early.sentence().contains("gateway share"), "{early:?}");
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("share");
    let shared = alone.run(&["gateway", "share", "--folder", folder.to_str().expect("text"), "--json"]);
    assert_eq!(shared.code, Some(0), "{shared:?}");
    assert_eq!(shared.json()["share"]["state"], "AVAILABLE");
    let mount = alone.run(&["gateway", "mount"]);
    assert!(mount.code == Some(0) && mount.stdout.contains(folder.to_str().expect("text")), "{mount:?}");
    let (source, to) = (home.path().join("source"), folder.to_str().expect("text"));
    let source = source.to_str().expect("text");
    let made = run(&["generate", "-s", "0.002", "-t", source, "-l", "0.01", "-u", "0.1", "--json"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    let vaulted = run(&["vault", "-s", source, "-t", to, "--json"]);
    assert_eq!(vaulted.code, Some(0), "{vaulted:?}");
    let set_id = vaulted.json()["setId"].as_str().expect("an id").to_owned();
    let watched = alone.run(&["watch", "--until-reconciled", "--set-id", &set_id]);
    assert_eq!(watched.code, Some(0), "{watched:?}");
    until("the end of the uploads", || {
        let share = status(&alone)["gateways"][0]["shares"][0]["status"].clone();
        share["waiting"] == 0 && share["settling"] == 0 && share["announced"].as_u64() > Some(0)
    });
    let asked = alone.run(&["cleanup"]);
    assert!(asked.code == Some(2) && asked.sentence().contains("--yes"), "{asked:?}");
    let cleaned = alone.run(&["cleanup", "--yes"]);
    assert_eq!(cleaned.code, Some(0), "{cleaned:?}");
    let order: Vec<usize> = [
        "gateway cdk-app is gone",
        "stack DataVaultingStack is gone",
        "stack EventProcessingStack is gone",
        "left: stack VaultscopeBootstrap",
    ]
    .iter()
    .map(|words| cleaned.stdout.find(words).unwrap_or_else(|| panic!("{words} is not said: {}", cleaned.stdout)))
    .collect();
    assert!(order.is_sorted(), "{}", cleaned.stdout);
    assert!(Path::new(to).is_dir(), "a folder of the user's stays");
    let left = status(&alone);
    assert!(left["gateways"].as_array().is_some_and(Vec::is_empty), "{left}");
    assert!(left["appliances"].as_array().is_some_and(Vec::is_empty), "{left}");
}

#[test]
fn a_gateway_with_files_to_send_is_deleted_only_on_purpose() {
    let alone = with_stacks();
    assert_eq!(alone.run(&["gateway", "activate"]).code, Some(0));
    assert_eq!(alone.run(&["gateway", "share"]).code, Some(0));
    let mount = alone.run(&["gateway", "mount", "--json"]).json();
    let folder = mount["folder"].as_str().expect("a folder").to_owned();
    // Time stands still: what is uploaded is not announced.
    let paused = alone.run(&["gateway", "status"]);
    assert!(paused.stdout.contains(&folder), "{paused:?}");
    pause(&alone.url);
    std::fs::write(Path::new(&folder).join("file"), "content").expect("written");
    until("the upload", || status(&alone)["gateways"][0]["shares"][0]["status"]["settling"] == 1);
    let refused = alone.run(&["gateway", "delete", "--yes"]);
    assert!(refused.code == Some(1) && refused.sentence().contains("--force"), "{refused:?}");
    let deleted = alone.run(&["gateway", "delete", "--yes", "--force", "--json"]);
    assert_eq!((deleted.code, &deleted.json()["unsent"]), (Some(0), &1.into()), "{deleted:?}");
    let none = alone.run(&["gateway", "delete"]);
    assert!(none.code == Some(0) && none.stdout.contains("nothing to delete"), "{none:?}");
}

#[test]
fn what_has_no_appliance_is_told_so_in_a_sentence() {
    for (args, code, words) in [
        (&["gateway", "status"][..], 2, "start `vaultscope emulator`"),
        (&["cleanup", "--yes"], 2, "start `vaultscope emulator`"),
        (&["deploy", "data-vaulting"], 2, "start `vaultscope emulator`"),
        (&["gateway", "activate", "--target", "aws", "--region", "us-east-1"], 2, "activate-gateway"),
        (&["deploy", "--stack", "DataVaultingStack"], 2, "vaultscope deploy data-vaulting"),
    ] {
        let refused = run(args);
        assert!(refused.code == Some(code) && refused.sentence().contains(words), "{args:?}: {refused:?}");
    }
    let alone = Alone::start(&[]);
    for (args, code, words) in [
        (&["deploy", "data-vaulting"][..], 1, "run `vaultscope deploy` first"),
        (&["deploy", "data-vaulting", "--wait", "5"], 2, "reconcileWaitIterations"),
        (&["gateway", "activate"], 2, "vaultscope deploy data-vaulting"),
        (&["gateway", "mount", "nobodys"], 2, "there is no file share nobodys"),
    ] {
        let refused = alone.run(args);
        assert!(refused.code == Some(code) && refused.sentence().contains(words), "{args:?}: {refused:?}");
    }
    let nothing = alone.run(&["cleanup", "--yes"]);
    assert!(nothing.code == Some(0) && nothing.stdout.contains("there is neither stack"), "{nothing:?}");
}
