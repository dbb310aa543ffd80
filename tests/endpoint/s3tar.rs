//! Archives on S3 through the SDK: what stands there afterwards, as GNU tar and Python read it, and what does not.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use aws_sdk_s3::Client;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use vaultscope::aws::{Access, Clients, Target};
use vaultscope::emulator::Emulator;
use vaultscope::s3tar::{
    Creation, Entry, Extraction, Format, Location, Member, Objects, Port, S3TarError, Storing, TaskSettings, Wish,
    archive_day, create, extract, list_objects, open_toc, publish, read_toc, write_log_data,
};

use crate::support::{Answer, send, start, wait_for};

const MIB: usize = 1 << 20;
const SOURCE: &str = "source-bucket";
const DESTINATION: &str = "destination-bucket";

/// An endpoint with both buckets.
struct Lab {
    emulator: Emulator,
    s3: Client,
    port: Port,
}

impl Lab {
    async fn new() -> Self {
        let (emulator, _) = start().await;
        let target = Target::endpoint(&emulator.url(), Some("us-east-1")).expect("an endpoint");
        let clients = Clients::connect(target, Access::Write, "").await;
        let s3 = clients.s3.clone();
        for bucket in [SOURCE, DESTINATION] {
            s3.create_bucket().bucket(bucket).send().await.expect("a bucket");
        }
        Self { port: Port::of(&clients, 3), emulator, s3 }
    }

    async fn put(&self, bucket: &str, key: &str, bytes: Vec<u8>) {
        self.s3.put_object().bucket(bucket).key(key).body(bytes.into()).send().await.expect("an object is put");
    }

    async fn get(&self, bucket: &str, key: &str) -> Vec<u8> {
        let answer = self.s3.get_object().bucket(bucket).key(key).send().await.expect(key);
        answer.body.collect().await.expect("a body").to_vec()
    }

    async fn keys(&self, bucket: &str) -> Vec<String> {
        let listed = self.s3.list_objects_v2().bucket(bucket).send().await.expect("a list");
        listed.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect()
    }

    /// The ids of the uploads that are under way.
    async fn uploads(&self) -> Vec<String> {
        let listed = self.s3.list_multipart_uploads().bucket(DESTINATION).send().await.expect("a list");
        listed.uploads().iter().filter_map(|upload| upload.upload_id().map(str::to_owned)).collect()
    }

    async fn members(&self) -> Vec<Member> {
        list_objects(&self.port, &place(SOURCE, "")).await.expect("members")
    }

    async fn create(&self, wish: &Wish) -> Result<Creation, S3TarError> {
        create(&self.port, self.members().await, wish, &CancellationToken::new(), &|_| {}).await
    }

    async fn fault(&self, fault: Value) -> Answer {
        send(&self.emulator, "POST", "/_vaultscope/faults", &[], &fault.to_string()).await
    }

    async fn no_faults(&self) {
        send(&self.emulator, "DELETE", "/_vaultscope/faults", &[], "").await;
    }

    /// That neither an archive nor anything of one stands there.
    async fn is_clean(&self) {
        assert_eq!(self.uploads().await, Vec::<String>::new());
        assert_eq!(self.keys(DESTINATION).await, Vec::<String>::new());
    }
}

fn place(bucket: &str, key: &str) -> Location {
    Location { bucket: bucket.to_owned(), key: key.to_owned() }
}

fn wish(key: &str) -> Wish {
    Wish {
        destination: place(DESTINATION, key),
        format: Format::Pax,
        storing: Storing::default(),
        size_limit: 5 << 40,
        concurrency: 16,
        in_memory: false,
        part_size: None,
        posix: false,
        fallback_time: 1_700_000_000,
    }
}

/// Bytes that are different in every object.
fn bytes(seed: usize, len: usize) -> Vec<u8> {
    (0..len).map(|index| u8::try_from((index * 31 + index / 251 + seed * 17) % 256).expect("a byte")).collect()
}

/// Objects of every kind that matters to the layout and to headers.
async fn fill(lab: &Lab) -> BTreeMap<String, Vec<u8>> {
    let long = format!("{}/{}.txt", ["a-rather-long-folder"; 14].join("/"), "f".repeat(120));
    let sizes = [
        ("01-small.txt".to_owned(), 700),
        ("02-first-large".to_owned(), 6 * MIB + 13),
        ("03-empty".to_owned(), 0),
        ("04-second-large".to_owned(), 5 * MIB),
        ("05 space \"quote\", comma".to_owned(), 512),
        ("06-ümläut/文件.txt".to_owned(), 513),
        (format!("07-{long}"), 99),
        ("08-third-large".to_owned(), 5 * MIB + 1),
        ("09-last".to_owned(), 1_000_000),
    ];
    let mut all = BTreeMap::new();
    for (seed, (key, len)) in sizes.into_iter().enumerate() {
        let content = bytes(seed, len);
        lab.put(SOURCE, &key, content.clone()).await;
        all.insert(key, content);
    }
    all
}

/// What GNU tar takes out, by name.
fn unpacked_by_tar(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("archive.tar");
    std::fs::write(&file, archive).expect("written");
    let out = folder.path().join("out");
    std::fs::create_dir(&out).expect("a folder");
    let ended = Command::new("tar").arg("-xf").arg(&file).arg("-C").arg(&out).output().expect("tar can be run");
    assert!(ended.status.success() && ended.stderr.is_empty(), "{ended:?}");
    let mut found = BTreeMap::new();
    walk(&out, &out, &mut found);
    found
}

fn walk(root: &Path, folder: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            walk(root, &path, found);
        } else {
            let name = path.strip_prefix(root).expect("below").to_str().expect("text").to_owned();
            found.insert(name, std::fs::read(&path).expect("a file"));
        }
    }
}

/// Names and bytes as Python's tarfile has them.
fn read_by_python(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    const SCRIPT: &str = "import tarfile,sys,json\nt=tarfile.open(sys.argv[1],'r:')\n\
        print(json.dumps({m.name: t.extractfile(m).read().hex() for m in t}))";
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("archive.tar");
    std::fs::write(&file, archive).expect("written");
    let ended = Command::new("python3").args(["-c", SCRIPT]).arg(&file).output().expect("python can be run");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let all: BTreeMap<String, String> = serde_json::from_slice(&ended.stdout).expect("JSON");
    all.into_iter().map(|(name, text)| (name, hex::decode(text).expect("hex"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn tar_and_python_read_every_member_and_the_toc_says_where_it_is() {
    let lab = Lab::new().await;
    let objects = fill(&lab).await;
    for (format, in_memory) in [(Format::Pax, false), (Format::Gnu, false), (Format::Pax, true)] {
        let key = format!("archives/{}-{in_memory}.tar", format.name());
        let made = lab.create(&Wish { format, in_memory, ..wish(&key) }).await.expect("an archive");
        let archive = lab.get(DESTINATION, &key).await;
        assert_eq!((made.archives[0].members, made.archives[0].bytes), (objects.len(), archive.len() as u64));
        if !in_memory {
            let passed = usize::try_from(made.archives[0].in_memory).expect("small");
            assert!(passed < 9 * MIB, "{passed} bytes went through memory");
        }
        for mut found in [unpacked_by_tar(&archive), read_by_python(&archive)] {
            let table = found.remove("toc.csv").expect("a table of contents");
            assert!(found == objects, "{format:?}: {:?}", found.keys());
            for Entry { name, start, len, etag } in read_toc(&table, "toc.csv").expect("a table") {
                let start = usize::try_from(start).expect("small");
                let len = usize::try_from(len).expect("small");
                assert!(archive[start..start + len] == objects[&name][..], "{name}");
                assert_eq!(etag.len(), 32, "{name}");
            }
        }
        assert_eq!(lab.uploads().await, Vec::<String>::new());
    }
    assert_eq!(lab.keys(DESTINATION).await.len(), 3, "no temporary object is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_changed_or_went_leaves_no_archive_and_no_upload() {
    let lab = Lab::new().await;
    fill(&lab).await;
    let members = lab.members().await;
    for (key, len) in [("01-small.txt", Some(700)), ("04-second-large", Some(5 * MIB)), ("03-empty", None)] {
        let before = lab.get(SOURCE, key).await;
        match len {
            Some(len) => lab.put(SOURCE, key, bytes(99, len)).await,
            None => drop(lab.s3.delete_object().bucket(SOURCE).key(key).send().await.expect("deleted")),
        }
        let made = create(&lab.port, members.clone(), &wish("a.tar"), &CancellationToken::new(), &|_| {}).await;
        let error = made.expect_err("another object");
        let said = error.to_string();
        assert!(said.contains(&format!("s3://{SOURCE}/{key} was ")) && said.contains("again"), "{said}");
        assert!(!error.is_retryable(), "{said}");
        lab.is_clean().await;
        lab.put(SOURCE, key, before).await;
    }
    // A manifest without ETags still knows sizes.
    let mut blind = members;
    for member in &mut blind {
        member.etag = "".into();
    }
    lab.put(SOURCE, "09-last", bytes(9, 999)).await;
    let made = create(&lab.port, blind, &wish("a.tar"), &CancellationToken::new(), &|_| {}).await;
    let said = made.expect_err("another size").to_string();
    assert!(said.contains("it has 999 bytes, and the list says 1000000"), "{said}");
    lab.is_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_that_pass_are_tried_again_and_others_leave_nothing() {
    let lab = Lab::new().await;
    let objects = fill(&lab).await;
    for operation in ["GetObject", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload", "CreateMultipartUpload"] {
        lab.fault(json!({"kind": "throttle", "service": "s3", "operation": operation, "count": 2})).await;
    }
    lab.create(&wish("a.tar")).await.expect("an archive");
    let mut found = read_by_python(&lab.get(DESTINATION, "a.tar").await);
    found.remove("toc.csv");
    assert!(found == objects);
    lab.s3.delete_object().bucket(DESTINATION).key("a.tar").send().await.expect("deleted");
    for operation in ["UploadPartCopy", "UploadPart"] {
        lab.no_faults().await;
        lab.fault(json!({"kind": "error", "service": "s3", "operation": operation})).await;
        let error = lab.create(&wish("a.tar")).await.expect_err(operation);
        assert!(error.is_retryable() && error.to_string().contains(operation), "{error}");
        lab.is_clean().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interruption_in_mid_upload_leaves_nothing() {
    let lab = Lab::new().await;
    fill(&lab).await;
    let members = lab.members().await;
    lab.fault(json!({"kind": "delay", "service": "s3", "operation": "UploadPartCopy", "delay_ms": 60_000})).await;
    let cancel = CancellationToken::new();
    let (port, token) = (lab.port.clone(), cancel.clone());
    let making = tokio::spawn(async move { create(&port, members, &wish("a.tar"), &token, &|_| {}).await });
    wait_for("an upload", async || (lab.uploads().await.len() > 1).then_some(())).await;
    cancel.cancel();
    let error = making.await.expect("no panic").expect_err("an interruption");
    assert!(error.is_interruption(), "{error}");
    lab.is_clean().await;
}

/// Begins an archive, and kills the run when a part of it is there; the upload's id.
async fn killed_run(lab: &Lab) -> String {
    let members = lab.members().await;
    lab.fault(json!({"kind": "delay", "service": "s3", "operation": "UploadPartCopy", "delay_ms": 60_000})).await;
    let port = lab.port.clone();
    let making = tokio::spawn(async move {
        create(&port, members, &wish("a.tar"), &CancellationToken::new(), &|_| {}).await.map(drop)
    });
    let upload = wait_for("a part", async || {
        let listed = lab.s3.list_multipart_uploads().bucket(DESTINATION).send().await.ok()?;
        for upload in listed.uploads().iter().filter(|upload| upload.key() == Some("a.tar")) {
            let id = upload.upload_id()?;
            let parts = lab.s3.list_parts().bucket(DESTINATION).key("a.tar").upload_id(id).send().await.ok()?;
            let numbers: Vec<_> = parts.parts().iter().filter_map(aws_sdk_s3::types::Part::part_number).collect();
            if numbers.len() > 1 && numbers.contains(&10_000) {
                return Some(id.to_owned());
            }
        }
        None
    })
    .await;
    // As a process that is killed: nothing is cleaned up.
    making.abort();
    assert!(making.await.is_err_and(|ended| ended.is_cancelled()));
    lab.no_faults().await;
    upload
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_on_with_what_a_killed_one_has_uploaded() {
    let lab = Lab::new().await;
    let objects = fill(&lab).await;
    let upload = killed_run(&lab).await;
    assert!(lab.uploads().await.contains(&upload));
    let made = lab.create(&wish("a.tar")).await.expect("an archive");
    assert!(made.archives[0].resumed > 0, "{made:?}");
    let mut found = read_by_python(&lab.get(DESTINATION, "a.tar").await);
    found.remove("toc.csv");
    assert!(found == objects);
    assert_eq!(lab.uploads().await, Vec::<String>::new());
    assert_eq!(lab.keys(DESTINATION).await, ["a.tar"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_run_left_of_another_archive_is_ended_and_foreign_uploads_stay() {
    let lab = Lab::new().await;
    fill(&lab).await;
    let begin = async |key: &str| {
        let begun = lab.s3.create_multipart_upload().bucket(DESTINATION).key(key).send().await.expect("an upload");
        let id = begun.upload_id.expect("an id");
        let part = lab.s3.upload_part().bucket(DESTINATION).key(key).upload_id(&id).part_number(1);
        part.body(bytes(1, 100).into()).send().await.expect("a part");
        id
    };
    let foreign = [begin("a.tar").await, begin("a.tar.other").await];
    let upload = killed_run(&lab).await;
    lab.put(SOURCE, "10-new", bytes(10, 10)).await;
    let made = lab.create(&wish("a.tar")).await.expect("an archive");
    assert_eq!(made.archives[0].resumed, 0);
    let left = lab.uploads().await;
    assert!(!left.contains(&upload), "the killed run's upload is ended");
    assert!(left.len() == 2 && foreign.iter().all(|id| left.contains(id)), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_makes_several_archives_that_appear_together() {
    let lab = Lab::new().await;
    for index in 0..30 {
        lab.put(SOURCE, &format!("{index:02}"), bytes(index, 10_000)).await;
    }
    let limited = Wish { size_limit: 120_000, ..wish("a.tar") };
    let mut members = lab.members().await;
    members[29].etag = "0".repeat(32).into();
    let made = create(&lab.port, members, &limited, &CancellationToken::new(), &|_| {}).await;
    made.expect_err("the last archive cannot be made");
    lab.is_clean().await;
    let made = lab.create(&limited).await.expect("archives");
    assert!(made.archives.len() >= 3, "{made:?}");
    assert_eq!(lab.keys(DESTINATION).await[..2], ["a.01.tar", "a.02.tar"]);
    let mut names = 0;
    for archive in &made.archives {
        assert!(archive.bytes <= 120_000, "{archive:?}");
        names += unpacked_by_tar(&lab.get(DESTINATION, &archive.place.key).await).len() - 1;
    }
    assert_eq!(names, 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn storage_class_and_tags_are_the_archives() {
    let lab = Lab::new().await;
    lab.put(SOURCE, "a", bytes(1, 10)).await;
    let storing = Storing {
        class: Some("DEEP_ARCHIVE".to_owned()),
        tagging: Some("transition%2Dto=GDA".to_owned()),
        ..Storing::default()
    };
    lab.create(&Wish { storing, ..wish("a.tar") }).await.expect("an archive");
    let head = lab.s3.head_object().bucket(DESTINATION).key("a.tar").send().await.expect("a head");
    assert_eq!(head.storage_class().map(aws_sdk_s3::types::StorageClass::as_str), Some("DEEP_ARCHIVE"));
    let tags = lab.s3.get_object_tagging().bucket(DESTINATION).key("a.tar").send().await.expect("tags");
    assert_eq!((tags.tag_set()[0].key(), tags.tag_set()[0].value()), ("transition-to", "GDA"));
}

async fn taken_out(lab: &Lab, archive: &str, toc: Option<Vec<Entry>>, prefix: &str, to: &str) -> Vec<String> {
    let archive = place(DESTINATION, archive);
    let mut contents = open_toc(&lab.port, &archive, false).await.expect("contents");
    if let Some(entries) = toc {
        contents.entries = entries;
    }
    let cancel = CancellationToken::new();
    let to = place(SOURCE, to);
    let wish = Extraction { archive: &archive, contents: &contents, prefix, to: &to, posix: false, concurrency: 16 };
    extract(&lab.port, &wish, &cancel, &|_| {}).await.expect("extracted");
    lab.keys(SOURCE).await.into_iter().filter_map(|key| key.strip_prefix(&to.key).map(str::to_owned)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_taken_out_all_or_by_prefix_and_large_ones_are_copied() {
    let lab = Lab::new().await;
    let objects = fill(&lab).await;
    lab.create(&wish("a.tar")).await.expect("an archive");
    let names: Vec<String> = objects.keys().cloned().collect();
    assert_eq!(taken_out(&lab, "a.tar", None, "", "all/").await, names);
    for (name, content) in &objects {
        assert!(lab.get(SOURCE, &format!("all/{name}")).await == *content, "{name}");
    }
    assert_eq!(taken_out(&lab, "a.tar", None, "02-first-large", "one/").await, ["02-first-large"]);
    assert_eq!(taken_out(&lab, "a.tar", None, "06-ümläut/", "some/").await, ["06-ümläut/文件.txt"]);
    assert_eq!(lab.uploads().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_of_another_program_is_read_by_its_headers() {
    let lab = Lab::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let long = format!("{}/{}", "d".repeat(90), "f".repeat(90));
    let contents = [("small".to_owned(), 10), (long, 1_000), ("large".to_owned(), 6 * MIB), ("ü".to_owned(), 0)];
    for (seed, (name, len)) in contents.iter().enumerate() {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        std::fs::write(path, bytes(seed, *len)).expect("written");
    }
    for format in ["gnu", "pax", "ustar"] {
        let file = folder.path().with_extension("tar");
        let mut tar = Command::new("tar");
        tar.arg(format!("--format={format}")).arg("-cf").arg(&file).arg("-C").arg(folder.path());
        tar.args(contents.iter().map(|(name, _)| name));
        assert!(tar.status().expect("tar can be run").success());
        let archive = std::fs::read(&file).expect("an archive");
        lab.put(DESTINATION, "foreign.tar", archive.clone()).await;
        let found = open_toc(&lab.port, &place(DESTINATION, "foreign.tar"), false).await.expect("contents");
        assert!(!found.has_toc);
        assert_eq!(found.entries, vaultscope::s3tar::scan_file(&file).expect("the same of the file"));
        for (seed, (entry, (name, len))) in found.entries.iter().zip(&contents).enumerate() {
            let start = usize::try_from(entry.start).expect("small");
            assert_eq!((&entry.name, entry.len), (name, *len as u64), "{format}");
            assert!(archive[start..start + len] == bytes(seed, *len)[..], "{format} {name}");
        }
        let to = format!("{format}/");
        assert_eq!(taken_out(&lab, "foreign.tar", Some(found.entries), "", &to).await.len(), 4);
        std::fs::remove_file(&file).expect("removed");
    }
    for (broken, said) in [(bytes(3, 5_000), "cannot be read"), (Vec::new(), "")] {
        lab.put(DESTINATION, "broken.tar", broken).await;
        match open_toc(&lab.port, &place(DESTINATION, "broken.tar"), false).await {
            Err(error) => assert!(error.to_string().contains(said) && !said.is_empty(), "{error}"),
            Ok(found) => assert!(found.entries.is_empty() && said.is_empty()),
        }
    }
}

/// An archive as the original tool writes it: three blocks before a table whose ETags are in quotes, and long PAX headers.
fn originals(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let header = |name: &str, len: usize, archive: &mut tar::Builder<Vec<u8>>| {
        let times = [("atime", "1700000000.5".as_bytes()), ("ctime", b"1700000000")];
        archive.append_pax_extensions(times).expect("an extension");
        let mut header = tar::Header::new_ustar();
        // Not by its setter, which refuses names that lead elsewhere.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(len as u64);
        header.set_mode(0o600);
        header.set_cksum();
        header
    };
    let mut table = Vec::new();
    loop {
        let mut archive = tar::Builder::new(Vec::new());
        let first = header("toc.csv", table.len(), &mut archive);
        archive.append(&first, &table[..]).expect("a table");
        let mut lines = String::new();
        for (name, content) in members {
            let head = header(name, content.len(), &mut archive);
            let start = archive.get_ref().len() + 512;
            archive.append(&head, &content[..]).expect("a member");
            lines.push_str(&format!("{name},{start},{},\"\"\"0123456789abcdef0123456789abcdef\"\"\"\n", content.len()));
        }
        if lines.as_bytes() == table {
            return archive.into_inner().expect("an archive");
        }
        table = lines.into_bytes();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn archives_of_the_original_are_read_with_their_table() {
    let lab = Lab::new().await;
    let members = [("logs/a.txt", bytes(1, 700)), ("logs/b.txt", bytes(2, 6 * MIB)), ("other", bytes(3, 1))];
    lab.put(DESTINATION, "original.tar", originals(&members)).await;
    let found = open_toc(&lab.port, &place(DESTINATION, "original.tar"), false).await.expect("contents");
    assert!(found.has_toc);
    assert!(found.entries.iter().all(|entry| entry.etag == "0123456789abcdef0123456789abcdef"));
    assert_eq!(taken_out(&lab, "original.tar", None, "logs/", "out/").await, ["logs/a.txt", "logs/b.txt"]);
    for (name, content) in &members[..2] {
        assert!(lab.get(SOURCE, &format!("out/{name}")).await == *content, "{name}");
    }
    // A table that leads out of the archive belongs to another one.
    let beyond = vec![Entry { name: "x".to_owned(), start: 1 << 40, len: 1, etag: String::new() }];
    let contents = vaultscope::s3tar::Contents { entries: beyond, ..found };
    let (archive, to) = (place(DESTINATION, "original.tar"), place(SOURCE, "no/"));
    let beyond =
        Extraction { archive: &archive, contents: &contents, prefix: "", to: &to, posix: false, concurrency: 16 };
    let refused = extract(&lab.port, &beyond, &CancellationToken::new(), &|_| {}).await;
    assert!(refused.expect_err("beyond").to_string().contains("belongs to another archive"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_whose_name_leads_elsewhere_is_not_taken_out_and_neither_is_any_other() {
    let lab = Lab::new().await;
    for name in ["../up", "/etc/passwd", "logs/../../up"] {
        lab.put(DESTINATION, "bad.tar", originals(&[("logs/a", bytes(1, 700)), (name, bytes(2, 6 * MIB))])).await;
        let (archive, to) = (place(DESTINATION, "bad.tar"), place(SOURCE, "out/"));
        let contents = open_toc(&lab.port, &archive, false).await.expect("contents");
        let wish =
            Extraction { archive: &archive, contents: &contents, prefix: "", to: &to, posix: false, concurrency: 4 };
        let refused = extract(&lab.port, &wish, &CancellationToken::new(), &|_| {}).await.expect_err(name).to_string();
        assert!(refused.contains(&format!("{name:?} in s3://{DESTINATION}/bad.tar leads out of")), "{refused}");
        assert_eq!(lab.keys(SOURCE).await, Vec::<String>::new());
    }
    // The others can be had.
    lab.put(DESTINATION, "bad.tar", originals(&[("logs/a", bytes(1, 700)), ("../up", bytes(2, 10))])).await;
    assert_eq!(taken_out(&lab, "bad.tar", None, "logs/", "out/").await, ["logs/a"]);
}

/// Mode, owner, group and times of every member, as Python reads them.
fn files_as_python_reads_them(archive: &[u8]) -> Vec<String> {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), archive).expect("written");
    let script = "import sys,tarfile\nfor m in tarfile.open(sys.argv[1]):\n  print(m.name, oct(m.mode), m.uid, m.gid, \
                  '%.3f' % m.mtime, m.pax_headers.get('atime'))";
    let ended = Command::new("python3").arg("-c").arg(script).arg(file.path()).output().expect("python can be run");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).expect("text").lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn permissions_owner_and_times_go_into_the_archive_and_come_back_out_of_it() {
    let lab = Lab::new().await;
    let given = [
        ("file-permissions", "0100750"),
        ("file-owner", "3000000"),
        ("file-group", "100"),
        ("file-mtime", "1595002920123"),
        ("file-atime", "1595002921000"),
    ];
    for (key, len) in [("a", 10), ("b", 6 * MIB), ("c", 0)] {
        let mut put = lab.s3.put_object().bucket(SOURCE).key(key).body(bytes(1, len).into());
        if key != "c" {
            for (name, value) in given {
                put = put.metadata(name, value);
            }
        }
        put.send().await.expect("an object");
    }
    lab.create(&Wish { posix: true, ..wish("a.tar") }).await.expect("an archive");
    let archive = lab.get(DESTINATION, "a.tar").await;
    let read = files_as_python_reads_them(&archive);
    for name in ["a", "b"] {
        let line = format!("{name} 0o750 3000000 100 1595002920.123 1595002921");
        assert!(read.contains(&line), "{read:?}");
    }
    assert!(read.iter().any(|line| line.starts_with("c 0o600 0 0 ")), "{read:?}");
    assert!(unpacked_by_tar(&archive).len() >= 3);

    let (from, to) = (place(DESTINATION, "a.tar"), place(SOURCE, "out/"));
    let contents = open_toc(&lab.port, &from, false).await.expect("contents");
    let wish = Extraction { archive: &from, contents: &contents, prefix: "", to: &to, posix: true, concurrency: 4 };
    extract(&lab.port, &wish, &CancellationToken::new(), &|_| {}).await.expect("extracted");
    for key in ["out/a", "out/b"] {
        let head = lab.s3.head_object().bucket(SOURCE).key(key).send().await.expect(key);
        let metadata = head.metadata().expect("metadata");
        for (name, value) in given {
            let value = if name == "file-permissions" { "0750" } else { value };
            assert_eq!(metadata.get(name).map(String::as_str), Some(value), "{key} {name}");
        }
    }

    // What is no number is refused with its object.
    let wrong = lab.s3.put_object().bucket(SOURCE).key("d").metadata("file-owner", "root").body(bytes(1, 1).into());
    wrong.send().await.expect("an object");
    let refused = lab.create(&Wish { posix: true, ..self::wish("d.tar") }).await.expect_err("no number").to_string();
    assert!(refused.contains(&format!("s3://{SOURCE}/d")) && refused.contains("file-owner"), "{refused}");
    assert_eq!(lab.uploads().await, Vec::<String>::new());
}

fn task(lab: &Lab, objects: Objects) -> TaskSettings {
    TaskSettings {
        source_bucket: SOURCE.to_owned(),
        dest_bucket: DESTINATION.to_owned(),
        inventories: place(DESTINATION, &format!("{SOURCE}/daily/")),
        archives: place(DESTINATION, "s3tar"),
        now: lab.emulator.clock().now(),
        objects,
        wish: wish(""),
    }
}

async fn run_task(lab: &Lab, objects: Objects) -> Result<vaultscope::s3tar::Archived, S3TarError> {
    archive_day(&lab.port, &task(lab, objects), &CancellationToken::new(), &|_| {}).await
}

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test(flavor = "multi_thread")]
async fn each_days_objects_are_in_that_days_archive() {
    let lab = Lab::new().await;
    let clock = lab.emulator.clock();
    let missing = run_task(&lab, Objects::New).await.expect_err("no inventory");
    assert!(missing.to_string().contains("daily inventory in CSV"), "{missing}");
    let written = write_log_data(&lab.port, SOURCE, 2, clock.now(), 1).await.expect("log files");
    assert_eq!(written, 200);
    lab.put(SOURCE, "a folder/with + and %2F", bytes(1, 10)).await;
    lab.put(SOURCE, "empty", Vec::new()).await;
    clock.step(Duration::from_secs(60));
    let destination = place(DESTINATION, "");
    let published = publish(&lab.port, SOURCE, &destination, "daily", clock.now()).await.expect("an inventory");
    assert_eq!(published.objects, 202);
    clock.step(DAY);
    let archived = run_task(&lab, Objects::New).await.expect("an archive");
    let today = &clock.now().iso_seconds()[..10];
    let key = format!("s3tar/{today}/s3tar_archive_{today}.tar");
    let creation = archived.creation.expect("objects");
    assert_eq!((creation.archives[0].members, &creation.archives[0].place.key), (201, &key));
    let input = archived.manifest.expect("a manifest").key;
    assert!(input.ends_with("Z/s3tarinputmanifest.csv"), "{input}");
    assert_eq!(String::from_utf8(lab.get(DESTINATION, &input).await).expect("text").lines().count(), 201);
    let found = read_by_python(&lab.get(DESTINATION, &key).await);
    for (name, content) in found.iter().filter(|(name, _)| *name != "toc.csv") {
        assert!(lab.get(SOURCE, name).await == *content, "{name}");
    }
    assert!(found.contains_key("a folder/with + and %2F"));
    // The next day's archive has what came since, or everything that is asked for.
    lab.put(SOURCE, "new", bytes(2, 20)).await;
    clock.step(Duration::from_secs(60));
    publish(&lab.port, SOURCE, &destination, "daily", clock.now()).await.expect("an inventory");
    clock.step(DAY);
    let archived = run_task(&lab, Objects::New).await.expect("an archive");
    assert_eq!((archived.listed, archived.creation.expect("objects").archives[0].members), (203, 1));
    let archived = run_task(&lab, Objects::All).await.expect("an archive");
    assert_eq!(archived.creation.expect("objects").archives[0].members, 202);
    // A day without news has no archive.
    publish(&lab.port, SOURCE, &destination, "daily", clock.now()).await.expect("an inventory");
    clock.step(DAY);
    let archived = run_task(&lab, Objects::New).await.expect("a quiet day");
    assert_eq!((archived.creation, archived.manifest), (None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_inventory_makes_no_archive() {
    let lab = Lab::new().await;
    lab.put(SOURCE, "a", bytes(1, 10)).await;
    let clock = lab.emulator.clock();
    clock.step(Duration::from_secs(2));
    let destination = place(DESTINATION, "");
    let published = publish(&lab.port, SOURCE, &destination, "daily", clock.now()).await.expect("an inventory");
    clock.step(DAY);
    let manifest = lab.get(DESTINATION, &published.manifest.key).await;
    let data = lab.keys(DESTINATION).await.into_iter().find(|key| key.contains("/data/")).expect("a file");
    let packed = lab.get(DESTINATION, &data).await;
    let mut bent = packed.clone();
    bent[packed.len() / 2] ^= 0x55;
    for (key, broken, whole, said) in [
        (&published.manifest.key, b"{}".to_vec(), &manifest, "manifest.checksum"),
        (&data, bent, &packed, "its MD5 is not"),
        (&data, packed[..packed.len() - 1].to_vec(), &packed, "bytes, and manifest.json says"),
    ] {
        lab.put(DESTINATION, key, broken).await;
        let error = run_task(&lab, Objects::New).await.expect_err(said);
        assert!(error.to_string().contains(said) && !error.is_retryable(), "{error}");
        lab.put(DESTINATION, key, whole.clone()).await;
    }
    lab.s3.delete_object().bucket(DESTINATION).key(&data).send().await.expect("deleted");
    assert!(run_task(&lab, Objects::New).await.expect_err("no file").to_string().contains("does not exist"));
    assert!(lab.keys(DESTINATION).await.iter().all(|key| !key.starts_with("s3tar/")));
    let mut read = Vec::new();
    packed.as_slice().read_to_end(&mut read).expect("bytes");
    lab.put(DESTINATION, &data, read).await;
    run_task(&lab, Objects::New).await.expect("whole again");
}
