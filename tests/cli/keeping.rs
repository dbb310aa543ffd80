//! `--data-dir`: what was acknowledged is there after `kill -9`, and a vault job goes on. `.ci/kill.py` does more of the same.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};

use super::support::{Alone, Ended, run, signal, until, vaultscope, wait};

/// Writes that are acknowledged before each kill.
const WRITES: usize = 60;

fn start(folder: &tempfile::TempDir, more: &[&str]) -> Alone {
    let path = folder.path().to_str().expect("a path of text");
    Alone::start(&[&["--data-dir", path], more].concat())
}

/// Puts objects and sends messages until the endpoint dies; it is killed after some writes.
async fn load(alone: &Alone, round: usize, objects: &mut BTreeMap<String, String>, sent: &mut Vec<String>) {
    let config = config(&alone.url).await;
    let (s3, sqs) = (storage(&config), aws_sdk_sqs::Client::new(&config));
    if round == 0 {
        s3.create_bucket().bucket("bucket").send().await.expect("a bucket");
    }
    let queue = sqs.create_queue().queue_name("q").send().await.expect("a queue").queue_url.expect("its url");
    for number in 0.. {
        if number == WRITES {
            signal("KILL", alone.pid());
        }
        let (name, value) = (format!("o{}", number % 7), format!("{round}-{number}"));
        let put = s3.put_object().bucket("bucket").key(&name).body(value.clone().into_bytes().into());
        let (put, message) = tokio::join!(put.send(), sqs.send_message().queue_url(&queue).message_body(&value).send());
        if message.is_ok() {
            sent.push(value.clone());
        }
        if put.is_err() {
            // Whether it was carried out is not known: the value of before is as good.
            objects.remove(&name);
            return;
        }
        objects.insert(name, value);
    }
}

#[test]
fn what_was_acknowledged_is_there_after_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (mut objects, mut sent) = (BTreeMap::new(), Vec::new());
    for round in 0..3 {
        let alone = start(&folder, &[]);
        runtime.block_on(load(&alone, round, &mut objects, &mut sent));
        drop(alone);
        let alone = start(&folder, &[]);
        for (name, value) in &objects {
            let found = runtime.block_on(object(&alone.url, name));
            assert_eq!(found.as_deref(), Some(value.as_str()), "{name} after kill {round}");
        }
        let missing: Vec<_> = {
            let there = runtime.block_on(messages(&alone.url, sent.len()));
            sent.iter().filter(|body| !there.contains(body)).collect()
        };
        assert!(missing.is_empty(), "{missing:?} after kill {round}");
        let ended = alone.end("INT");
        assert!(ended.stderr.contains("what it held is kept in"), "{ended:?}");
    }
    assert!(sent.len() >= 3 * WRITES);
}

/// As clients are configured that make no second attempt.
async fn config(url: &str) -> aws_config::SdkConfig {
    aws_config::defaults(aws_config::BehaviorVersion::latest())
        .region(aws_config::Region::new("us-east-1"))
        .credentials_provider(aws_credential_types::Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(url)
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .load()
        .await
}

fn storage(config: &aws_config::SdkConfig) -> aws_sdk_s3::Client {
    aws_sdk_s3::Client::from_conf(aws_sdk_s3::config::Builder::from(config).force_path_style(true).build())
}

async fn object(url: &str, key: &str) -> Option<String> {
    let s3 = storage(&config(url).await);
    let got = s3.get_object().bucket("bucket").key(key).send().await.ok()?;
    String::from_utf8(got.body.collect().await.ok()?.to_vec()).ok()
}

/// The bodies of at least so many messages, which stay in the queue.
async fn messages(url: &str, least: usize) -> Vec<String> {
    let sqs = aws_sdk_sqs::Client::new(&config(url).await);
    let queue = sqs.get_queue_url().queue_name("q").send().await.expect("the queue").queue_url.expect("its url");
    let (mut bodies, mut handles) = (Vec::new(), Vec::new());
    loop {
        let receive = sqs.receive_message().queue_url(&queue).max_number_of_messages(10).visibility_timeout(600);
        let received = receive.send().await.expect("an answer").messages.unwrap_or_default();
        if received.is_empty() {
            break;
        }
        for message in received {
            bodies.extend(message.body);
            handles.extend(message.receipt_handle);
        }
    }
    assert!(bodies.len() >= least, "{} messages of {least}", bodies.len());
    for handle in handles {
        let back = sqs.change_message_visibility().queue_url(&queue).receipt_handle(handle).visibility_timeout(0);
        back.send().await.expect("it is visible again");
    }
    bodies
}

/// A run whose endpoint is killed and started again once it says something.
fn killed_in_mid_job(says: &str, files: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let alone = start(&folder, &["--time-scale", "60"]);
    let port = alone.url.rsplit(':').next().expect("a port").to_owned();
    let all = ["run", "--endpoint-url", &alone.url, "--files", files, "--dirs", "3", "--seed", "5"];
    let mut running = vaultscope(&all).spawn().expect("the binary starts");
    let mut stderr = BufReader::new(running.stderr.take().expect("a pipe"));
    let mut said = String::new();
    while !said.contains(says) {
        assert!(stderr.read_line(&mut said).expect("a line") > 0, "the run ended before it said {says:?}: {said}");
    }
    alone.end("KILL");
    let _again = start(&folder, &["--time-scale", "60", "--port", &port]);
    stderr.read_to_string(&mut said).expect("text");
    let ended = Ended { stderr: said, ..wait(running) };
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("Reconciliation Successful"), "{ended:?}");
}

#[test]
fn a_vault_job_whose_endpoint_is_killed_while_it_uploads_reconciles() {
    killed_in_mid_job("uploaded ", "400");
}

#[test]
fn a_vault_job_whose_endpoint_is_killed_while_its_events_are_under_way_reconciles() {
    // The files, three directories, the root and the manifest.
    killed_in_mid_job("notified 65 ", "60");
}

#[test]
fn a_gateway_and_its_share_outlive_a_kill_and_take_up_what_was_copied_meanwhile() {
    let folder = tempfile::tempdir().expect("a folder");
    let alone = start(&folder, &["--time-scale", "1000"]);
    for args in [&["deploy"][..], &["deploy", "data-vaulting"], &["gateway", "activate"], &["gateway", "share"]] {
        let done = alone.run(args);
        assert_eq!(done.code, Some(0), "{done:?}");
    }
    let told = |alone: &Alone| alone.run(&["gateway", "status", "--json"]).json()["gateways"][0].clone();
    let before = told(&alone);
    let share = std::path::PathBuf::from(before["shares"][0]["folder"].as_str().expect("a folder"));
    std::fs::write(share.join("before"), "1").expect("written");
    alone.end("KILL");
    std::fs::write(share.join("meanwhile"), "2").expect("written");

    let alone = start(&folder, &["--time-scale", "1000"]);
    let after = told(&alone);
    for member in ["arn", "name", "state", "cacheDisks", "instanceId"] {
        assert_eq!(after[member], before[member], "{member}");
    }
    assert_eq!((&after["state"], &after["shares"][0]["state"]), (&"RUNNING".into(), &"AVAILABLE".into()));
    until("both announcements", || {
        let status = told(&alone)["shares"][0]["status"].clone();
        status["files"] == 2 && status["waiting"] == 0 && status["settling"] == 0 && status["announced"] != 0
    });
}

#[test]
fn a_data_folder_is_held_by_one_and_kept_for_the_next() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("a path of text");
    let alone = start(&folder, &[]);
    let refused = run(&["emulator", "--port", "0", "--data-dir", path]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.sentence().contains("is used by another endpoint"), "{refused:?}");
    drop(alone);
    let file = folder.path().join("file");
    std::fs::write(&file, "no folder").expect("a file");
    let refused = run(&["emulator", "--port", "0", "--data-dir", file.to_str().expect("a path of text")]);
    assert!(refused.sentence().contains("cannot be used"), "{refused:?}");
    // A stack of one command is there for the next, although each has an endpoint of its own.
    assert_eq!(run(&["deploy", "--data-dir", path]).code, Some(0));
    let destroyed = run(&["destroy", "--yes", "--data-dir", path]);
    assert_eq!(destroyed.code, Some(0), "{destroyed:?}");
    assert!(destroyed.stdout.contains("is gone"), "{destroyed:?}");
}
