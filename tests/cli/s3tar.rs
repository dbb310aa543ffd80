//! `s3tar`, `s3tar-task`, `inventory` and `log-data` as processes: exit codes, signals, and what is left on S3.

use std::process::{Child, Command};

use aws_sdk_s3::Client;
use serde_json::{Value, json};
use vaultscope::aws::{Access, Clients, Target};

use super::support::{Alone, Ended, signal, vaultscope, wait};

const MIB: usize = 1 << 20;
const ARCHIVE: &str = "s3://dest-bucket/archive.tar";

/// An endpoint of its own with two buckets, and a client of it.
struct Lab {
    alone: Alone,
    s3: Client,
    runtime: tokio::runtime::Runtime,
}

impl Lab {
    fn new() -> Self {
        let alone = Alone::start(&[]);
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let target = Target::endpoint(&alone.url, Some("us-east-1")).expect("an endpoint");
        let s3 = runtime.block_on(Clients::connect(target, Access::Write, "")).s3;
        let lab = Self { alone, s3, runtime };
        for bucket in ["source-bucket", "dest-bucket"] {
            lab.runtime.block_on(lab.s3.create_bucket().bucket(bucket).send()).expect("a bucket");
        }
        lab
    }

    fn put(&self, key: &str, len: usize) {
        let body = vec![b'x'; len].into();
        let put = self.s3.put_object().bucket("source-bucket").key(key).body(body).send();
        self.runtime.block_on(put).expect("an object");
    }

    fn keys(&self) -> Vec<String> {
        let listed = self.runtime.block_on(self.s3.list_objects_v2().bucket("dest-bucket").send()).expect("a list");
        listed.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect()
    }

    fn uploads(&self) -> Vec<String> {
        let listed = self.s3.list_multipart_uploads().bucket("dest-bucket").send();
        let listed = self.runtime.block_on(listed).expect("a list");
        listed.uploads().iter().filter_map(|upload| upload.key().map(str::to_owned)).collect()
    }

    /// Parts of the archive's upload, without the mark.
    fn parts(&self) -> usize {
        self.runtime.block_on(async {
            let listed = self.s3.list_multipart_uploads().bucket("dest-bucket").send().await.expect("a list");
            let upload = listed.uploads().iter().find(|upload| upload.key() == Some("archive.tar"));
            let Some(id) = upload.and_then(|upload| upload.upload_id()) else { return 0 };
            let parts = self.s3.list_parts().bucket("dest-bucket").key("archive.tar").upload_id(id).send().await;
            parts.map_or(0, |it| it.parts().iter().filter(|part| part.part_number() != Some(10_000)).count())
        })
    }

    fn post(&self, path: &str, body: &Value) {
        let url = format!("{}{path}", self.alone.url);
        let sent = Command::new("curl").args(["-sf", "-X", "POST", "-d", &body.to_string(), &url]).output();
        let sent = sent.expect("curl can be run");
        assert!(sent.status.success(), "{sent:?}");
    }

    fn forget_faults(&self) {
        let url = format!("{}/_vaultscope/faults", self.alone.url);
        assert!(Command::new("curl").args(["-sf", "-X", "DELETE", &url]).status().expect("curl").success());
    }

    /// A create that is in the middle of its upload.
    fn begun(&self) -> Child {
        let slow = json!({"kind": "delay", "service": "s3", "operation": "UploadPartCopy", "delay_ms": 60_000});
        self.post("/_vaultscope/faults", &slow);
        let args = ["s3tar", "-cf", ARCHIVE, "s3://source-bucket/", "--endpoint-url", &self.alone.url];
        let child = vaultscope(&args).spawn().expect("the binary starts");
        super::support::until("a part of the upload", || self.parts() > 0);
        child
    }

    fn task(&self, more: &[(&str, &str)]) -> Ended {
        let mut task = vaultscope(&["s3tar-task", "--endpoint-url", &self.alone.url]);
        task.env("SOURCE_BUCKET_NAME", "source-bucket").env("DEST_BUCKET_NAME", "dest-bucket");
        task.env("DEST_BUCKET_INVENTORY_PREFIX", "dest-bucket/source-bucket/s3tarinventory/");
        task.env("DEST_BUCKET_S3TAR_PREFIX", "dest-bucket/s3tar").env("DEST_BUCKET_REGION", "us-east-1");
        task.envs(more.iter().copied());
        wait(task.spawn().expect("the binary starts"))
    }
}

#[test]
fn a_create_that_is_interrupted_leaves_nothing_and_one_that_is_killed_is_gone_on_with() {
    let lab = Lab::new();
    for (key, len) in [("a", 11 * MIB), ("b", 6 * MIB), ("c", 10)] {
        lab.put(key, len);
    }
    for with in ["INT", "TERM"] {
        let child = lab.begun();
        signal(with, child.id());
        let ended = wait(child);
        assert_eq!(ended.code, Some(130), "{ended:?}");
        assert!(ended.sentence().contains("no upload of it is left"), "{ended:?}");
        assert_eq!((lab.uploads(), lab.keys()), (Vec::new(), Vec::new()));
        lab.forget_faults();
    }
    let child = lab.begun();
    signal("KILL", child.id());
    wait(child);
    assert!(!lab.uploads().is_empty());
    lab.forget_faults();
    let made = lab.alone.run(&["s3tar", "--json", "-cf", ARCHIVE, "s3://source-bucket/"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    assert!(made.json()["archives"][0]["resumedParts"].as_u64().is_some_and(|parts| parts > 0), "{made:?}");
    assert_eq!((lab.uploads(), lab.keys()), (Vec::new(), vec!["archive.tar".to_owned()]));
    let listed = lab.alone.run(&["s3tar", "-tf", ARCHIVE]);
    assert_eq!(listed.stdout, "a\nb\nc\n");
}

#[test]
fn a_manifest_an_external_toc_and_wrong_usage() {
    let lab = Lab::new();
    lab.put("a,b", 10);
    lab.put("c", 20);
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
    let manifest = file("m.csv");
    let listed = lab.alone.run(&["s3tar", "--generate-manifest", "-f", "s3://source-bucket/", "-C", &manifest]);
    assert_eq!(listed.code, Some(0), "{listed:?}");
    let lines = std::fs::read_to_string(&manifest).expect("a manifest");
    assert!(lines.starts_with("source-bucket,\"a,b\",10,"), "{lines}");
    let named = format!("bucket,key,size,etag\n{lines}");
    std::fs::write(&manifest, named).expect("written");
    let refused = lab.alone.run(&["s3tar", "-cf", ARCHIVE, "-m", &manifest]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.sentence().contains("--skip-manifest-header"), "{refused:?}");
    let made = lab.alone.run(&["s3tar", "-cf", ARCHIVE, "-m", &manifest, "--skipManifestHeader", "--format", "GNU"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    let toc = file("toc.csv");
    let scanned = lab.alone.run(&["s3tar", "--generate-toc", "-f", ARCHIVE, "-C", &toc]);
    assert_eq!(scanned.code, Some(0), "{scanned:?}");
    let out = lab.alone.run(&["s3tar", "-xvf", ARCHIVE, "--external-toc", &toc, "-C", "s3://dest-bucket/out", "a,"]);
    assert_eq!(out.code, Some(0), "{out:?}");
    assert!(out.stdout.starts_with("x s3://dest-bucket/out/a,b\n"), "{out:?}");
    assert_eq!(lab.keys(), ["archive.tar", "out/a,b"]);
    for (args, code, said) in [
        (vec!["s3tar", "-cf", "dest-bucket/a.tar", "s3://source-bucket/"], 2, "s3://bucket/archive.tar"),
        (vec!["s3tar", "-cf", ARCHIVE], 2, "-m"),
        (vec!["s3tar", "-xf", ARCHIVE], 2, "-C"),
        (vec!["s3tar", "-cf", ARCHIVE, "s3://source-bucket/none/"], 1, "names no objects"),
        (vec!["s3tar", "-cf", ARCHIVE, "s3://no-such-bucket/"], 1, "make the bucket first"),
        (vec!["s3tar", "-tf", "s3://dest-bucket/none.tar"], 1, "does not exist"),
    ] {
        let ended = lab.alone.run(&args);
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(ended.sentence().contains(said), "{ended:?}");
    }
    let aws = vaultscope(&["s3tar", "--region", "us-east-1", "-cf", ARCHIVE, "s3://source-bucket/"]).spawn();
    let aws = wait(aws.expect("the binary starts"));
    assert!(aws.code == Some(2) && aws.sentence().contains("--write"), "{aws:?}");
}

#[test]
fn the_task_archives_yesterdays_inventory_and_says_by_its_code_what_may_be_tried_again() {
    let lab = Lab::new();
    let data = lab.alone.run(&["log-data", "-n", "2", "-f", "-b", "source-bucket"]);
    assert_eq!(data.code, Some(0), "{data:?}");
    lab.post("/_vaultscope/clock", &json!({"step_seconds": 60}));
    let none = lab.task(&[]);
    assert_eq!(none.code, Some(1), "{none:?}");
    assert!(none.sentence().contains("there is no inventory of"), "{none:?}");
    let inventory = lab.alone.run(&["inventory", "-b", "source-bucket", "--to", "s3://dest-bucket/", "--json"]);
    assert_eq!((inventory.code, inventory.json()["objects"].as_u64()), (Some(0), Some(200)), "{inventory:?}");
    lab.post("/_vaultscope/clock", &json!({"step_seconds": 86_400}));
    lab.post("/_vaultscope/faults", &json!({"kind": "throttle", "service": "s3", "operation": "UploadPart"}));
    let throttled = lab.task(&[("S3TAR_MAX_ATTEMPTS", "1")]);
    assert_eq!(throttled.code, Some(2), "{throttled:?}");
    lab.forget_faults();
    let done = lab.task(&[]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stdout.contains("200 of its 200 objects are to be archived"), "{done:?}");
    assert!(lab.keys().iter().any(|key| key.starts_with("s3tar/") && key.contains("/s3tar_archive_")), "{done:?}");
    assert_eq!(lab.uploads(), Vec::<String>::new());
    let unset = lab.task(&[("DEST_BUCKET_NAME", "")]);
    assert_eq!(unset.code, Some(1), "{unset:?}");
    assert!(unset.sentence().contains("DEST_BUCKET_NAME is not set"), "{unset:?}");
}

#[test]
fn every_command_of_its_page_succeeds() {
    let lab = Lab::new();
    for (key, len) in [("logs/a.txt", 6 * MIB), ("logs/b.txt", 700), ("logs/c.txt", 7 * MIB)] {
        lab.put(key, len);
    }
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/s3tar.md")).expect("the page");
    let folder = tempfile::tempdir().expect("a folder");
    let commands: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("$ vaultscope ")).collect();
    assert!(commands.len() >= 10, "{commands:?}");
    for command in commands {
        let words: Vec<&str> = command.split_whitespace().collect();
        let mut run = vaultscope(&[&words[..], &["--endpoint-url", lab.alone.url.as_str()]].concat());
        let ended = wait(run.current_dir(folder.path()).spawn().expect("the binary starts"));
        assert_eq!(ended.code, Some(0), "{command}: {ended:?}");
    }
    let keys = lab.keys();
    for key in ["all/logs/a.txt", "by-toc/logs/c.txt", "kept.tar", "listed.tar", "one/logs/b.txt", "parts.01.tar"] {
        assert!(keys.iter().any(|it| it == key), "{key}: {keys:?}");
    }
    assert!(!keys.iter().any(|key| key == "one/logs/a.txt") && lab.uploads().is_empty(), "{keys:?}");
}
