//! AWS Storage Gateway over a restart.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpStream;
use vaultscope::clock::Clock;
use vaultscope::emulator::{Emulator, EmulatorConfig};

use super::Life;
use crate::storagegateway::{activate, appliance, becomes, door, gateway, key, running, share, state, wish};
use crate::support::{send, wait_for};

const SETTLED: Duration = Duration::from_secs(61);

async fn open(folder: &Path) -> Emulator {
    let config =
        EmulatorConfig { data_dir: Some(folder.to_owned()), clock: Clock::default(), ..EmulatorConfig::default() };
    Emulator::start(config).await.expect("the endpoint starts")
}

async fn call(emulator: &Emulator, service: &str, operation: &str, input: Value) -> Value {
    let called = emulator.fabric().call("test.amazonaws.com", service, operation, input).await;
    called.unwrap_or_else(|error| panic!("{operation}: {error}"))
}

/// Puts whatever the gateway announces into a queue.
async fn listen(emulator: &Emulator) {
    call(emulator, "sqs", "CreateQueue", json!({"QueueName": "told"})).await;
    let rule = json!({"Name": "told", "EventPattern": r#"{"source": ["aws.storagegateway"]}"#});
    call(emulator, "events", "PutRule", rule).await;
    let target = json!([{"Id": "q", "Arn": "arn:aws:sqs:us-east-1:000000000000:told"}]);
    call(emulator, "events", "PutTargets", json!({"Rule": "told", "Targets": target})).await;
}

/// Takes as many announcements from the queue as there are files, and no more than are there.
async fn told(emulator: &Emulator, files: &[&str]) {
    let mut told = Vec::new();
    while told.len() < files.len() {
        let input = json!({"QueueUrl": "told", "MaxNumberOfMessages": 10, "WaitTimeSeconds": 20});
        let received = call(emulator, "sqs", "ReceiveMessage", input).await;
        for message in received["Messages"].as_array().expect("an announcement in time") {
            let event: Value = serde_json::from_str(message["Body"].as_str().expect("text")).expect("JSON");
            told.push(event["detail"]["object-key"].as_str().expect("a key").to_owned());
            let handle = json!({"QueueUrl": "told", "ReceiptHandle": message["ReceiptHandle"]});
            call(emulator, "sqs", "DeleteMessage", handle).await;
        }
    }
    let once: BTreeSet<&str> = told.iter().map(String::as_str).collect();
    assert_eq!((once, told.len()), (files.iter().copied().collect(), files.len()), "{told:?}");
}

/// What the one share says of itself, once it is so.
async fn works(emulator: &Emulator, what: &str, met: impl Fn(&Value) -> bool) -> Value {
    wait_for(what, async || {
        let list = send(emulator, "GET", "/_vaultscope/gateways", &[], "").await.json();
        let status = list["gateways"][0]["shares"][0]["status"].clone();
        (status["waiting"] == 0 && met(&status)).then_some(status)
    })
    .await
}

/// Everything that is said of a gateway and its share.
async fn described(emulator: &Emulator, arn: &str, share: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for (operation, input) in [
        ("DescribeGatewayInformation", json!({"GatewayARN": arn})),
        ("DescribeMaintenanceStartTime", json!({"GatewayARN": arn})),
        ("ListGateways", json!({})),
        ("ListLocalDisks", json!({"GatewayARN": arn})),
        ("ListFileShares", json!({})),
        ("DescribeNFSFileShares", json!({"FileShareARNList": [share]})),
        ("ListTagsForResource", json!({"ResourceARN": share})),
    ] {
        all.push(gateway(emulator, operation, input).await.unwrap_or_else(|error| panic!("{operation}: {error}")));
    }
    all
}

/// A share that is available, with its folder.
async fn shared(emulator: &Emulator, arn: &str) -> (String, PathBuf) {
    let made = gateway(emulator, "CreateNFSFileShare", wish(arn, "token", "vault")).await.expect("a share");
    let share = made["FileShareARN"].as_str().expect("an ARN").to_owned();
    emulator.clock().step(Duration::from_secs(11));
    let info = becomes(emulator, &share, "AVAILABLE").await;
    let tags = info["Tags"].as_array().expect("tags");
    let tag = tags.iter().find(|tag| tag["Key"] == "vaultscope:folder").expect("the folder's");
    (share, PathBuf::from(tag["Value"].as_str().expect("a folder")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_and_its_share_come_up_again_and_take_up_what_was_copied_meanwhile() {
    let home = tempfile::tempdir().expect("a folder");
    let emulator = open(home.path()).await;
    let (arn, _) = running(&emulator).await;
    listen(&emulator).await;
    let (share, folder) = shared(&emulator, &arn).await;
    assert!(folder.starts_with(home.path()), "{}", folder.display());
    for input in [
        ("AddTagsToResource", json!({"ResourceARN": share, "Tags": [{"Key": "k", "Value": "v"}]})),
        ("UpdateGatewayInformation", json!({"GatewayARN": arn, "GatewayTimezone": "GMT+1:00"})),
        ("UpdateMaintenanceStartTime", json!({"GatewayARN": arn, "HourOfDay": 5})),
    ] {
        gateway(&emulator, input.0, input.1).await.expect(input.0);
    }
    fs::write(folder.join("announced"), "1").expect("written");
    works(&emulator, "the upload", |status| status["settling"] == 1).await;
    emulator.clock().step(SETTLED);
    told(&emulator, &["announced"]).await;
    fs::write(folder.join("settling"), "2").expect("written");
    works(&emulator, "the upload", |status| status["settling"] == 1).await;
    let before = described(&emulator, &arn, &share).await;
    emulator.shutdown().await;
    fs::write(folder.join("copied"), "3").expect("written");

    let emulator = open(home.path()).await;
    assert_eq!(described(&emulator, &arn, &share).await, before);
    let again = gateway(&emulator, "CreateNFSFileShare", wish(&arn, "token", "vault")).await.expect("the same");
    assert_eq!(again["FileShareARN"], share.as_str());
    works(&emulator, "the upload", |status| status["settling"] == 2).await;
    emulator.clock().step(SETTLED);
    told(&emulator, &["copied", "settling"]).await;
    let object = json!({"Bucket": crate::storagegateway::BUCKET, "Key": "copied"});
    assert_eq!(call(&emulator, "s3", "GetObject", object).await["Body"], "Mw==");
    let state = send(&emulator, "GET", "/_vaultscope/state", &[], "").await.json();
    let expected = json!({"appliances": 1, "gateways": 1, "file shares": 1});
    assert_eq!(state["services"]["storagegateway"], expected);

    // A share that is gone stays gone, and so does its folder.
    gateway(&emulator, "DeleteFileShare", json!({"FileShareARN": share})).await.expect("accepted");
    wait_for("the end of the share", async || self::share(&emulator, &share).await.is_none().then_some(())).await;
    wait_for("the end of its folder", async || (!folder.exists()).then_some(())).await;
    gateway(&emulator, "DeleteGateway", json!({"GatewayARN": arn})).await.expect("deleted");
    emulator.shutdown().await;
    let emulator = open(home.path()).await;
    assert_eq!(gateway(&emulator, "ListFileShares", json!({})).await.expect("a list")["FileShareInfoList"], json!([]));
    assert_eq!(gateway(&emulator, "ListGateways", json!({})).await.expect("a list")["Gateways"], json!([]));
    emulator.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_under_way_goes_on_in_a_folder_that_lies_elsewhere() {
    let life = Life::begin().await;
    let (arn, _) = running(&life.emulator).await;
    let made = gateway(&life.emulator, "CreateNFSFileShare", wish(&arn, "token", "vault")).await.expect("a share");
    let share_arn = made["FileShareARN"].as_str().expect("an ARN").to_owned();
    let (other, url) = appliance(&life.emulator, 150).await;
    let handed_out = key(&url).await;
    let (third, _) = appliance(&life.emulator, 150).await;
    call(&life.emulator, "ec2", "TerminateInstances", json!({"InstanceIds": [third]})).await;

    let life = life.killed().await;
    assert_eq!(state(&life.emulator, &arn).await, "RUNNING");
    assert_eq!(share(&life.emulator, &share_arn).await.expect("a share")["FileShareStatus"], "CREATING");
    life.emulator.clock().step(Duration::from_secs(11));
    let info = becomes(&life.emulator, &share_arn, "AVAILABLE").await;
    let folder = PathBuf::from(info["Tags"][0]["Value"].as_str().expect("a folder"));
    assert!(folder.starts_with(life.folder.path()) && folder.is_dir(), "{}", folder.display());
    let url = door(&life.emulator, &other).await.expect("a tag");
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    TcpStream::connect(address).await.expect("the activation web server listens again");
    let second = activate(&life.emulator, &handed_out).await.expect("with the key from before");
    let list = send(&life.emulator, "GET", "/_vaultscope/gateways", &[], "").await.json();
    assert_eq!(list["appliances"].as_array().map(Vec::len), Some(2), "{list}");

    // The deletion waits for the announcement of what was copied in.
    fs::write(folder.join("file"), "text").expect("written");
    works(&life.emulator, "the upload", |status| status["settling"] == 1).await;
    gateway(&life.emulator, "DeleteFileShare", json!({"FileShareARN": share_arn})).await.expect("accepted");
    let life = life.killed().await;
    assert_eq!(share(&life.emulator, &share_arn).await.expect("a share")["FileShareStatus"], "DELETING");
    works(&life.emulator, "the rest", |status| status["settling"] == 1).await;
    life.emulator.clock().step(SETTLED);
    wait_for("the end of the share", async || share(&life.emulator, &share_arn).await.is_none().then_some(())).await;
    assert_eq!(
        gateway(&life.emulator, "ListGateways", json!({})).await.expect("both")["Gateways"][1]["GatewayARN"],
        second.as_str()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_holds_the_files_of_shares_and_none_of_them_is_announced_again() {
    let home = tempfile::tempdir().expect("a folder");
    let emulator = open(home.path()).await;
    let (arn, _) = running(&emulator).await;
    listen(&emulator).await;
    let (share, folder) = shared(&emulator, &arn).await;
    fs::create_dir(folder.join("d")).expect("a directory");
    fs::write(folder.join("d/file.sqlite"), "no database").expect("written");
    works(&emulator, "the upload", |status| status["settling"] == 2).await;
    emulator.clock().step(SETTLED);
    told(&emulator, &["d", "d/file.sqlite"]).await;
    let own = async |path: &str, body: &str| {
        let answer = send(&emulator, "POST", &format!("/_vaultscope/{path}"), &[], body).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    };
    own("snapshot", r#"{"name": "s"}"#).await;
    fs::write(folder.join("d/file.sqlite"), "written in place").expect("written");
    works(&emulator, "the upload", |status| status["settling"] == 1).await;
    own("reset", "").await;
    assert_eq!(gateway(&emulator, "ListGateways", json!({})).await.expect("a list")["Gateways"], json!([]));
    assert!(!folder.exists(), "the folder is part of the state");

    own("restore", r#"{"name": "s"}"#).await;
    assert_eq!(fs::read_to_string(folder.join("d/file.sqlite")).expect("a file"), "no database");
    becomes(&emulator, &share, "AVAILABLE").await;
    let status = works(&emulator, "the start", |status| status["scanned"] == true).await;
    assert_eq!((&status["files"], &status["uploaded"], &status["settling"]), (&json!(1), &json!(0), &json!(0)));
    fs::write(folder.join("new"), "text").expect("written");
    works(&emulator, "the upload", |status| status["settling"] == 1).await;
    emulator.clock().step(SETTLED);
    told(&emulator, &["new"]).await;
    emulator.shutdown().await;
}
