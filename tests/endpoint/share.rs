//! A file share over a folder, with the endpoint's own S3 and event bus behind it.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use serde_json::{Value, json};
use vaultscope::emulator::{Emulator, FabricUplink};
use vaultscope::sim::Share;
use vaultscope::sim::appliance::{FileShare, ShareConfig};

use crate::support;

const BUCKET: &str = "uploads";

struct Site {
    emulator: Emulator,
    s3: Client,
    sqs: aws_sdk_sqs::Client,
    queue: String,
    folder: tempfile::TempDir,
    share: FileShare,
}

impl Site {
    /// A share whose notifications go to a queue. An hour passes in a third of a second.
    async fn new() -> Self {
        let (emulator, config) = support::start().await;
        emulator.clock().set_rate(10_000.0).expect("a rate");
        let s3 = Client::from_conf(aws_sdk_s3::config::Builder::from(&config).force_path_style(true).build());
        s3.create_bucket().bucket(BUCKET).send().await.expect("a bucket");
        let sqs = aws_sdk_sqs::Client::new(&config);
        let queue = sqs.create_queue().queue_name("told").send().await.expect("a queue").queue_url.expect("a URL");
        let events = aws_sdk_eventbridge::Client::new(&config);
        let pattern = json!({ "source": ["aws.storagegateway"] }).to_string();
        events.put_rule().name("told").event_pattern(pattern).send().await.expect("a rule");
        let target = aws_sdk_eventbridge::types::Target::builder()
            .id("queue")
            .arn("arn:aws:sqs:us-east-1:000000000000:told")
            .build()
            .expect("a target");
        events.put_targets().rule("told").targets(target).send().await.expect("a target");
        let folder = tempfile::tempdir().expect("a folder");
        let share = open(&emulator, folder.path()).await;
        Self { emulator, s3, sqs, queue, folder, share }
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.share.folder().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, bytes).expect("a file");
    }

    async fn object(&self, key: &str) -> Vec<u8> {
        let got = self.s3.get_object().bucket(BUCKET).key(key).send().await.expect("an object");
        got.body.collect().await.expect("the body").to_vec()
    }

    /// Every event that the queue holds, by detail type and by what it is about.
    async fn told(&self) -> BTreeMap<String, Value> {
        let mut told = BTreeMap::new();
        loop {
            let batch = self.sqs.receive_message().queue_url(&self.queue).max_number_of_messages(10);
            let batch = batch.visibility_timeout(43_200).send().await.expect("messages").messages.unwrap_or_default();
            if batch.is_empty() {
                return told;
            }
            for message in batch {
                let event: Value = serde_json::from_str(message.body().expect("a body")).expect("JSON");
                let about = event["detail"]["object-key"].as_str().unwrap_or_default();
                told.insert(format!("{} {about}", event["detail-type"].as_str().expect("a type")), event);
            }
        }
    }
}

async fn open(emulator: &Emulator, top: &std::path::Path) -> FileShare {
    let mut config = ShareConfig::new(Share::of(BUCKET, "us-east-1", "000000000000"), top.join("share"));
    config.multipart_from_bytes = 6 * 1024 * 1024;
    config.part_bytes = 5 * 1024 * 1024;
    config.patience = Duration::from_millis(200);
    let uplink = Arc::new(FabricUplink::new(emulator.fabric().clone(), BUCKET));
    FileShare::open(config, uplink, emulator.clock().clone()).await.expect("a share")
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_every_size_become_objects_and_are_announced_by_the_gateway() {
    let site = Site::new().await;
    let sizes = [("empty", 0), ("small", 10), ("middle", 300_000), ("large", 12 * 1024 * 1024 + 1)];
    let data = |size: usize| (0..size).map(|n| u8::try_from(n % 251).expect("a byte")).collect::<Vec<u8>>();
    for (name, size) in sizes {
        site.write(&format!("s-vaultjob/dir \"1\"/{name}"), &data(size));
    }
    let id = site.share.notify_when_uploaded().expect("an id");
    site.share.idle().await;
    for (name, size) in sizes {
        assert!(site.object(&format!("s-vaultjob/dir \"1\"/{name}")).await == data(size), "{name} differs");
    }
    let head = site.s3.head_object().bucket(BUCKET).key("s-vaultjob/dir \"1\"/large").send().await.expect("an object");
    assert!(head.e_tag().is_some_and(|etag| etag.ends_with("-3\"")), "in three parts: {:?}", head.e_tag());
    let head = site.s3.head_object().bucket(BUCKET).key("s-vaultjob/").send().await.expect("a directory's object");
    let metadata = head.metadata().expect("metadata");
    assert_eq!(metadata["user-agent"], "aws-storage-gateway");
    assert!(metadata["file-permissions"].starts_with("0040"), "{metadata:?}");

    let told = site.told().await;
    let sent = &told["Storage Gateway Object Upload Event s-vaultjob/dir \"1\"/large"];
    assert_eq!(sent["source"], "aws.storagegateway");
    assert_eq!(sent["resources"], json!(Share::of(BUCKET, "us-east-1", "000000000000").resources()));
    assert_eq!(sent["detail"]["object-size"], 12 * 1024 * 1024 + 1);
    assert_eq!(told["Storage Gateway Object Upload Event s-vaultjob"]["detail"]["object-size"], 0);
    assert_eq!(told["Storage Gateway File Upload Event "]["detail"]["notification-id"], id);
    assert_eq!(told.len(), 1 + 2 + sizes.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_bucket_stays_as_it_is_when_a_file_is_written_in_place() {
    let site = Site::new().await;
    site.write("file", &vec![1; 200_000]);
    site.share.idle().await;
    site.share.set_online(false);
    site.write("file", &vec![2; 200_000]);
    assert!(site.object("file").await == vec![1; 200_000], "the object is a copy of its own");
    site.share.set_online(true);
    site.share.close(false).await.expect("closed");
    assert!(site.object("file").await == vec![2; 200_000]);
}

#[tokio::test(flavor = "multi_thread")]
async fn renames_copy_inside_the_bucket_and_a_refresh_fetches() {
    let site = Site::new().await;
    site.write("a +%/file", b"text");
    site.share.idle().await;
    fs::rename(site.share.folder().join("a +%"), site.share.folder().join("b")).expect("renamed");
    site.share.idle().await;
    assert_eq!(site.object("b/file").await, b"text");
    let keys = site.s3.list_objects_v2().bucket(BUCKET).send().await.expect("a listing").contents.unwrap_or_default();
    assert!(site.share.status().recent.iter().any(|done| done.what == "copied"));
    assert_eq!(keys.iter().filter_map(|object| object.key()).collect::<Vec<_>>(), ["b/", "b/file"]);

    let body = ByteStream::from(vec![7; 500_000]);
    site.s3.put_object().bucket(BUCKET).key("c/d/theirs").body(body).send().await.expect("put");
    site.share.refresh_cache(&["/".to_owned()], true).expect("an id");
    site.share.idle().await;
    assert!(fs::read(site.share.folder().join("c/d/theirs")).expect("a file") == vec![7; 500_000]);
    assert!(site.told().await.contains_key("Storage Gateway Refresh Cache Event "));

    // The endpoint's objects outlive the share, and a share that is opened again uploads nothing.
    site.share.close(false).await.expect("closed");
    let again = open(&site.emulator, site.folder.path()).await;
    again.idle().await;
    assert_eq!((again.status().files, again.status().uploaded), (2, 0));
}
