//! A File Gateway from its instance to its file share: activated over HTTP, given a cache, shared, deleted.

use std::path::Path;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use vaultscope::emulator::{Emulator, ServiceError};

use crate::support::{send, start, wait_for};

const REGION: &str = "us-east-1";
pub const BUCKET: &str = "uploads";

async fn call(emulator: &Emulator, service: &str, operation: &str, input: Value) -> Result<Value, ServiceError> {
    emulator.fabric().call("test", service, operation, input).await
}

pub async fn gateway(emulator: &Emulator, operation: &str, input: Value) -> Result<Value, ServiceError> {
    call(emulator, "storagegateway", operation, input).await
}

/// The code inside an `InvalidGatewayRequestException`.
fn code(refused: &ServiceError) -> &str {
    refused.members.get("error").and_then(|error| error["errorCode"].as_str()).unwrap_or(&refused.code)
}

/// An instance of the gateway's image with a disk of that many GiB, and the URL of its activation web server.
pub async fn appliance(emulator: &Emulator, gib: u32) -> (String, String) {
    let name = "/aws/service/storagegateway/ami/FILE_S3/latest";
    let image = call(emulator, "ssm", "GetParameter", json!({ "Name": name })).await.expect("an image");
    let run = json!({
        "ImageId": image["Parameter"]["Value"], "MinCount": 1, "MaxCount": 1, "InstanceType": "c5.4xlarge",
        "BlockDeviceMappings": [{ "DeviceName": "/dev/sdf", "Ebs": { "VolumeSize": gib } }],
    });
    let run = call(emulator, "ec2", "RunInstances", run).await.expect("an instance");
    let id = run["Instances"][0]["InstanceId"].as_str().expect("an id").to_owned();
    (id.clone(), door(emulator, &id).await.expect("a tag"))
}

pub async fn door(emulator: &Emulator, instance: &str) -> Option<String> {
    let found = call(emulator, "ec2", "DescribeInstances", json!({ "InstanceIds": [instance] })).await.expect("found");
    let tags = found["Reservations"][0]["Instances"][0]["Tags"].as_array().cloned().unwrap_or_default();
    let tag = tags.iter().find(|tag| tag["Key"] == "vaultscope:activation")?;
    tag["Value"].as_str().map(str::to_owned)
}

/// A `GET`, as curl makes it: the head and the body of the answer.
async fn get(address: &str, host: &str, target: &str) -> std::io::Result<(String, String)> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    Ok((head.to_owned(), body.to_owned()))
}

pub async fn key(door: &str) -> String {
    let address = door.trim_start_matches("http://").trim_end_matches('/');
    let (head, key) = get(address, address, &format!("/?activationRegion={REGION}&no_redirect")).await.expect("a key");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    key
}

pub async fn activate(emulator: &Emulator, key: &str) -> Result<String, ServiceError> {
    let input = json!({
        "ActivationKey": key, "GatewayName": "cdk-app", "GatewayTimezone": "GMT", "GatewayRegion": REGION,
        "GatewayType": "FILE_S3",
    });
    let answer = gateway(emulator, "ActivateGateway", input).await?;
    Ok(answer["GatewayARN"].as_str().expect("an ARN").to_owned())
}

pub async fn state(emulator: &Emulator, arn: &str) -> String {
    let told = gateway(emulator, "DescribeGatewayInformation", json!({ "GatewayARN": arn })).await.expect("a gateway");
    told["GatewayState"].as_str().unwrap_or_default().to_owned()
}

/// The share as it is described; `None` when it is gone.
pub async fn share(emulator: &Emulator, arn: &str) -> Option<Value> {
    let told = gateway(emulator, "DescribeNFSFileShares", json!({ "FileShareARNList": [arn] })).await.ok()?;
    told["NFSFileShareInfoList"].get(0).cloned()
}

pub async fn becomes(emulator: &Emulator, arn: &str, status: &str) -> Value {
    wait_for(status, async || share(emulator, arn).await.filter(|share| share["FileShareStatus"] == status)).await
}

/// What a share is asked to be.
pub fn wish(gateway: &str, token: &str, name: &str) -> Value {
    json!({
        "ClientToken": token, "GatewayARN": gateway, "Role": "arn:aws:iam::000000000000:role/shares",
        "LocationARN": format!("arn:aws:s3:::{BUCKET}"), "ClientList": ["192.168.0.10/32"], "FileShareName": name,
        "NotificationPolicy": "{\"Upload\": {\"SettlingTimeInSeconds\": 60}}",
    })
}

/// A gateway that is running and has its cache, with its instance.
pub async fn running(emulator: &Emulator) -> (String, String) {
    let (instance, door) = appliance(emulator, 150).await;
    let arn = activate(emulator, &key(&door).await).await.expect("activated");
    emulator.clock().step(std::time::Duration::from_secs(21));
    let add = json!({ "GatewayARN": arn, "DiskIds": ["/dev/sdf"] });
    gateway(emulator, "AddCache", add).await.expect("a cache");
    call(emulator, "s3", "CreateBucket", json!({ "Bucket": BUCKET })).await.expect("a bucket");
    let role = json!({ "RoleName": "shares", "AssumeRolePolicyDocument": "{\"Statement\":[]}" });
    call(emulator, "iam", "CreateRole", role).await.expect("a role");
    (arn, instance)
}

#[tokio::test]
async fn a_gateway_is_activated_with_the_key_of_its_appliance_and_comes_up() {
    let (emulator, _) = start().await;
    let (instance, url) = appliance(&emulator, 150).await;
    let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let (head, _) = get(&address, &address, "/?activationRegion=eu-west-1").await.expect("a redirect");
    let place = head.lines().find_map(|line| line.strip_prefix("location: ")).expect("a place");
    assert!(head.starts_with("HTTP/1.1 302") && place.contains("activationKey="), "{head}");
    let elsewhere = place.rsplit_once("activationKey=").expect("a key").1;
    assert_eq!(code(&activate(&emulator, elsewhere).await.expect_err("another region")), "RegionInvalid");
    let wrong = format!("/?activationRegion={REGION}&vpcEndpoint=vpce-0.nowhere&no_redirect");
    let (head, body) = get(&address, &address, &wrong).await.expect("an answer");
    assert!(head.starts_with("HTTP/1.1 500") && body.contains("vpce-0.nowhere"), "{head} {body}");
    let key = key(&url).await;
    assert!(key.len() == 29 && key.split('-').all(|group| group.len() == 5), "{key}");
    assert_eq!(code(&activate(&emulator, "AAAAA").await.expect_err("no such key")), "ActivationKeyNotFound");
    let arn = activate(&emulator, &key).await.expect("activated");
    assert_eq!(state(&emulator, &arn).await, "OFFLINE");
    let refused = gateway(&emulator, "ListLocalDisks", json!({ "GatewayARN": arn })).await.expect_err("offline");
    assert_eq!((&*refused.code, code(&refused)), ("InvalidGatewayRequestException", "GatewayNotConnected"));
    assert_eq!(code(&activate(&emulator, &key).await.expect_err("used")), "ActivationKeyNotFound");
    assert_eq!(door(&emulator, &instance).await, None);
    wait_for("the end of the web server", async || TcpStream::connect(&address).await.err()).await;
    emulator.clock().step(std::time::Duration::from_secs(21));
    assert_eq!(state(&emulator, &arn).await, "RUNNING");
    let disks = gateway(&emulator, "ListLocalDisks", json!({ "GatewayARN": arn })).await.expect("disks");
    assert_eq!(disks["Disks"].as_array().map(Vec::len), Some(1), "the root is no disk of the gateway");
    let disk = &disks["Disks"][0];
    assert_eq!((&disk["DiskId"], &disk["DiskAllocationType"]), (&json!("/dev/sdf"), &json!("AVAILABLE")));
    assert_eq!(disk["DiskSizeInBytes"], 150_u64 << 30);
    let stop = json!({ "InstanceIds": [instance] });
    call(&emulator, "ec2", "StopInstances", stop.clone()).await.expect("stopped");
    assert_eq!(state(&emulator, &arn).await, "OFFLINE");
    emulator.clock().step(std::time::Duration::from_secs(5));
    call(&emulator, "ec2", "StartInstances", stop).await.expect("started");
    emulator.clock().step(std::time::Duration::from_secs(21));
    assert_eq!(state(&emulator, &arn).await, "RUNNING");
    emulator.shutdown().await;
}

#[tokio::test]
async fn the_appliance_is_found_under_its_own_address_by_whoever_goes_through_the_endpoint() {
    let (emulator, _) = start().await;
    let (instance, _) = appliance(&emulator, 150).await;
    let found = call(&emulator, "ec2", "DescribeInstances", json!({ "InstanceIds": [instance] })).await.expect("found");
    let ip = found["Reservations"][0]["Instances"][0]["PrivateIpAddress"].as_str().expect("an address").to_owned();
    let endpoint = emulator.url().replace("http://", "");
    let query = format!("/?activationRegion={REGION}&no_redirect");
    let (head, _) = get(&endpoint, &ip, &query).await.expect("as curl --connect-to asks");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let (_, key) = get(&endpoint, &ip, &format!("http://{ip}{query}")).await.expect("as a proxy is asked");
    activate(&emulator, &key).await.expect("activated");
    let (head, _) = get(&endpoint, &ip, &query).await.expect("an answer");
    assert!(head.starts_with("HTTP/1.1 502"), "{head}");
    let list = send(&emulator, "GET", "/_vaultscope/gateways", &[], "").await.json();
    assert_eq!(list["appliances"][0]["privateIp"], ip.as_str());
    assert_eq!(list["gateways"][0]["name"], "cdk-app");
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_cache_takes_only_disks_that_fit_and_are_free() {
    let (emulator, _) = start().await;
    let (_, door) = appliance(&emulator, 149).await;
    let arn = activate(&emulator, &key(&door).await).await.expect("activated");
    emulator.clock().step(std::time::Duration::from_secs(21));
    let add = |disk: &str| json!({ "GatewayARN": arn, "DiskIds": [disk] });
    for (disk, refusal) in [("/dev/sdx", "DiskDoesNotExist"), ("/dev/sdf", "InvalidParameters")] {
        let refused = gateway(&emulator, "AddCache", add(disk)).await.expect_err(disk);
        assert_eq!(code(&refused), refusal);
    }
    let (arn, _) = running(&emulator).await;
    let again = gateway(&emulator, "AddCache", json!({ "GatewayARN": arn, "DiskIds": ["/dev/sdf"] })).await;
    assert_eq!(code(&again.expect_err("allocated")), "DiskAlreadyAllocated");
    let cache = gateway(&emulator, "DescribeCache", json!({ "GatewayARN": arn })).await.expect("a cache");
    assert_eq!((&cache["DiskIds"], &cache["CacheAllocatedInBytes"]), (&json!(["/dev/sdf"]), &json!(150_u64 << 30)));
    gateway(&emulator, "ResetCache", json!({ "GatewayARN": arn })).await.expect("reset");
    let refused = gateway(&emulator, "CreateNFSFileShare", wish(&arn, "token", "s")).await.expect_err("no cache");
    assert_eq!(code(&refused), "NoDisksAvailable");
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_share_becomes_available_is_changed_and_goes() {
    let (emulator, _) = start().await;
    let (arn, _) = running(&emulator).await;
    let made = gateway(&emulator, "CreateNFSFileShare", wish(&arn, "token", "vault")).await.expect("a share");
    let again = gateway(&emulator, "CreateNFSFileShare", wish(&arn, "token", "vault")).await.expect("the same");
    assert_eq!(made, again);
    let share_arn = made["FileShareARN"].as_str().expect("an ARN").to_owned();
    assert_eq!(share(&emulator, &share_arn).await.expect("a share")["FileShareStatus"], "CREATING");
    emulator.clock().step(std::time::Duration::from_secs(11));
    let info = becomes(&emulator, &share_arn, "AVAILABLE").await;
    assert_eq!((&info["Path"], &info["ClientList"]), (&json!("/vault"), &json!(["192.168.0.10/32"])));
    let folder = info["Tags"][0]["Value"].as_str().expect("a folder").to_owned();
    assert!(Path::new(&folder).is_dir(), "{folder}");
    for (token, name, refusal) in [("other", "vault", "has a file share vault already"), ("token", "b", "client token")]
    {
        let refused = gateway(&emulator, "CreateNFSFileShare", wish(&arn, token, name)).await.expect_err(name);
        assert!(refused.message.contains(refusal), "{refused}");
    }
    let policy = "{\"Upload\": {\"SettlingTimeInSeconds\": 120}}";
    let update = json!({ "FileShareARN": share_arn, "NotificationPolicy": policy, "Squash": "NoSquash" });
    gateway(&emulator, "UpdateNFSFileShare", update).await.expect("changed");
    assert_eq!(share(&emulator, &share_arn).await.expect("a share")["FileShareStatus"], "UPDATING");
    emulator.clock().step(std::time::Duration::from_secs(4));
    let info = becomes(&emulator, &share_arn, "AVAILABLE").await;
    assert_eq!((&info["NotificationPolicy"], &info["Squash"]), (&json!(policy), &json!("NoSquash")));
    let tags = json!({ "ResourceARN": share_arn, "Tags": [{ "Key": "k", "Value": "v" }] });
    gateway(&emulator, "AddTagsToResource", tags).await.expect("tagged");
    let listed = gateway(&emulator, "ListFileShares", json!({ "GatewayARN": arn, "Limit": 1 })).await.expect("a list");
    assert_eq!(listed["FileShareInfoList"][0]["FileShareARN"], share_arn.as_str());
    gateway(&emulator, "DeleteFileShare", json!({ "FileShareARN": share_arn })).await.expect("accepted");
    wait_for("the share's end", async || share(&emulator, &share_arn).await.is_none().then_some(())).await;
    wait_for("the folder's end", async || (!Path::new(&folder).exists()).then_some(())).await;
    emulator.shutdown().await;
}

#[tokio::test]
async fn what_a_share_cannot_be_is_refused_and_a_gateway_goes_with_its_shares() {
    let (emulator, _) = start().await;
    let (arn, instance) = running(&emulator).await;
    for (member, value, words) in [
        ("LocationARN", json!("arn:aws:s3:::nobodys"), "bucket nobodys does not exist"),
        ("Role", json!("arn:aws:iam::000000000000:role/nobodys"), "role/nobodys does not exist"),
        ("NotificationPolicy", json!("{\"Upload\": {\"SettlingTimeInSeconds\": 5}}"), "between 60 and 600"),
        ("ClientList", json!(["everybody"]), "CIDR"),
        ("ClientToken", json!("t"), "length greater than or equal to 5"),
        ("Tags", json!([{"Key": "vaultscope:folder", "Value": "relative"}]), "absolute path"),
        ("GatewayARN", json!(format!("{}0", &arn[..arn.len() - 1])), "gateway was not found"),
    ] {
        let mut asked = wish(&arn, "token", "vault");
        asked[member] = value;
        // The last character of an id may be a 0 already.
        if asked["GatewayARN"] == arn.as_str() && member == "GatewayARN" {
            continue;
        }
        let refused = gateway(&emulator, "CreateNFSFileShare", asked).await.expect_err(member);
        assert!(refused.message.contains(words), "{member}: {refused}");
    }
    let target = [("x-amz-target", "StorageGateway_20130630.DescribeGatewayInformation")];
    let body = json!({ "GatewayARN": "arn:aws:storagegateway:us-east-1:000000000000:gateway/sgw-00000000" });
    let refused = send(&emulator, "POST", "/", &target, &body.to_string()).await;
    assert_eq!((refused.status, &refused.json()["error"]["errorCode"]), (400, &json!("GatewayNotFound")));
    let kept = tempfile::tempdir().expect("a folder");
    let chosen = kept.path().join("chosen");
    let mut asked = wish(&arn, "token", "vault");
    asked["Tags"] = json!([{ "Key": "vaultscope:folder", "Value": chosen.to_str().expect("text") }]);
    let made = gateway(&emulator, "CreateNFSFileShare", asked).await.expect("a share");
    emulator.clock().step(std::time::Duration::from_secs(11));
    becomes(&emulator, made["FileShareARN"].as_str().expect("an ARN"), "AVAILABLE").await;
    gateway(&emulator, "DeleteGateway", json!({ "GatewayARN": arn })).await.expect("deleted");
    let left = gateway(&emulator, "ListFileShares", json!({})).await.expect("a list");
    assert_eq!(left["FileShareInfoList"], json!([]));
    assert!(chosen.is_dir(), "a folder that somebody chose stays");
    let refused = gateway(&emulator, "DescribeGatewayInformation", json!({ "GatewayARN": arn })).await;
    assert_eq!(code(&refused.expect_err("gone")), "GatewayNotFound");
    let door = door(&emulator, &instance).await.expect("the machine waits to be activated again");
    activate(&emulator, &key(&door).await).await.expect("activated again");
    emulator.shutdown().await;
}
