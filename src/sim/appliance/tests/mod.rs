//! Shares over real folders, with a bucket and a bus in memory.

mod nfs;
mod world;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use self::world::{Memory, SETTLING, Site, config, told};
use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_copied_in_is_uploaded_and_announced_once_it_has_settled() {
    let site = Site::new().await;
    fs::create_dir_all(site.path("s-vaultjob/dir-1/deep")).expect("directories");
    site.write("s-vaultjob/dir-1/deep/one", b"1");
    site.write("s-vaultjob/two \"quoted\" \\ 東京", b"22");
    site.write("s-vaultjob/empty", b"");
    site.until_uploaded().await;
    site.clock.step(SETTLING.saturating_sub(Duration::from_millis(1)));
    let status = site.until("settling", |status| status.settling == 6).await;
    assert_eq!((status.files, status.directories, status.cache_used_bytes, status.cache_dirty_bytes), (3, 3, 3, 0));
    assert!(site.told().is_empty(), "nothing before it has settled");
    site.clock.step(Duration::from_millis(1));
    site.until("announced", |status| status.settling == 0).await;
    let expected = [
        ("s-vaultjob", 0),
        ("s-vaultjob/dir-1", 0),
        ("s-vaultjob/dir-1/deep", 0),
        ("s-vaultjob/dir-1/deep/one", 1),
        ("s-vaultjob/empty", 0),
        ("s-vaultjob/two \"quoted\" \\ 東京", 2),
    ];
    assert_eq!(site.told(), told(&expected));
    let metadata = site.memory.world().metadata["s-vaultjob/empty"].clone();
    assert!(metadata.contains(&("user-agent-id".to_owned(), "sgw-7A05C0DE".to_owned())), "{metadata:?}");
    assert!(site.share.status().errors.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_write_within_the_settling_time_is_announced_once_and_a_later_one_again() {
    let site = Site::new().await;
    site.write("a", b"1");
    site.until_uploaded().await;
    site.clock.step(SETTLING.saturating_sub(Duration::from_secs(1)));
    site.write("a", b"22");
    site.settle().await;
    assert_eq!(site.told(), told(&[("a", 2)]));
    site.write("a", b"333");
    site.settle().await;
    assert_eq!(site.told(), told(&[("a", 2), ("a", 3)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn deletes_delete_and_renames_copy_and_announce_the_new_names() {
    let site = Site::new().await;
    fs::create_dir_all(site.path("d/e")).expect("directories");
    for path in ["d/a", "d/e/b", "c", "gone"] {
        site.write(path, path.as_bytes());
    }
    site.settle().await;
    site.memory.world().calls.clear();
    site.memory.world().told.clear();
    fs::rename(site.path("d"), site.path("f")).expect("renamed");
    fs::rename(site.path("c"), site.path("f/c")).expect("renamed");
    fs::remove_file(site.path("gone")).expect("removed");
    site.settle().await;
    let copies: BTreeSet<String> = site.calls("copy").into_iter().collect();
    assert_eq!(copies, ["d/a f/a", "d/e/b f/e/b", "c f/c"].map(str::to_owned).into());
    assert_eq!(site.told(), told(&[("f", 0), ("f/a", 3), ("f/c", 1), ("f/e", 0), ("f/e/b", 5)]));
    // Out of the share, and in again; and over one that is there.
    fs::rename(site.path("f"), site.top.path().join("outside")).expect("renamed");
    site.until_uploaded().await;
    assert!(site.memory.world().bucket.is_empty());
    fs::rename(site.top.path().join("outside"), site.path("g")).expect("renamed");
    site.until_uploaded().await;
    site.write("g/a2", b"over");
    fs::rename(site.path("g/a2"), site.path("g/a")).expect("renamed");
    site.settle().await;
    fs::remove_dir_all(site.path("g")).expect("removed");
    site.until_uploaded().await;
    assert_eq!(site.share.status().cache_used_bytes, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_open_is_left_alone_until_it_is_closed_or_nobody_has_touched_it_for_long() {
    let site = Site::with(|config| config.patience = Duration::from_secs(3_600)).await;
    let mut file = File::create(site.path("slow")).expect("a file");
    file.write_all(b"half").expect("written");
    site.write("other", b"1");
    site.until("the other one", |status| status.uploaded == 1).await;
    assert_eq!(site.calls("put"), ["other"]);
    file.write_all(b" and half").expect("written");
    drop(file);
    site.until_uploaded().await;

    let site = Site::new().await;
    let _open = File::create(site.path("never closed")).expect("a file");
    site.until("it is taken up", |status| status.uploaded == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_while_it_uploads_is_uploaded_again() {
    let site = Site::new().await;
    for (path, len) in [("small", 10), ("large", 16 * 1024 * 1024)] {
        let target = site.path(path);
        let mut left = 1;
        site.memory.world().hook = Some(Box::new(move |key| {
            if key == path && left > 0 {
                left -= 1;
                let file = File::options().append(true).open(&target).expect("the file");
                (&file).write_all(b"more").expect("written");
            }
            Ok(())
        }));
        site.write(path, &vec![7; len]);
        site.until("as the folder", |status| status.files > 0 && status.waiting == 0).await;
        site.until_uploaded().await;
        site.memory.world().hook = None;
    }
    assert_eq!(site.calls("abort"), ["large"], "a large file is given up before it is an object");
    assert!(site.memory.world().parts.is_empty());
    site.settle().await;
    assert_eq!(site.told(), told(&[("large", 16 * 1024 * 1024 + 4), ("small", 14)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn offline_all_is_kept_and_caught_up_with_later() {
    let site = Site::new().await;
    site.share.set_online(false);
    site.write("a", b"1");
    let id = site.share.notify_when_uploaded().expect("an id");
    site.clock.step(SETTLING * 2);
    let status = site.until("noticed", |status| status.waiting == 1).await;
    assert!(!status.online && status.cache_dirty_bytes == 1);
    assert!(site.memory.world().calls.is_empty());
    site.write("b", b"2");
    site.until("noticed", |status| status.waiting == 2).await;
    site.share.set_online(true);
    site.clock.resume();
    site.clock.set_rate(10_000.0).expect("a rate");
    site.share.close(false).await.expect("closed");
    assert_eq!(site.told(), told(&[("a", 1), ("b", 1)]));
    let world = site.memory.world();
    let detail: Value = serde_json::from_str(world.events[0]["Detail"].as_str().expect("text")).expect("JSON");
    assert_eq!((&detail["event-type"], &detail["notification-id"]), (&"upload-complete".into(), &id.into()));
    drop(world);
    assert!(matches!(site.share.notify_when_uploaded(), Err(ShareError::Closed)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_promised_before_a_restart_is_told_after_it_and_once() {
    let site = Site::new().await;
    site.share.set_online(false);
    site.write("a", b"1");
    let uploaded = site.share.notify_when_uploaded().expect("an id");
    let refreshed = site.share.refresh_cache(&["/".to_owned()], true).expect("an id");
    site.until("noticed", |status| status.waiting == 1).await;
    let mut site = site.restart(true).await;
    let ids = |site: &Site| -> BTreeSet<String> {
        let world = site.memory.world();
        let details = world.events.iter().filter_map(|event| event["Detail"].as_str());
        let details = details.map(|detail| serde_json::from_str::<Value>(detail).expect("JSON"));
        details.filter_map(|detail| detail["notification-id"].as_str().map(str::to_owned)).collect()
    };
    site.settle().await;
    let promised: BTreeSet<String> = [uploaded, refreshed].into();
    site.until("both events", |_| ids(&site) == promised).await;
    site.memory.world().events.clear();
    site = site.restart(true).await;
    site.write("b", b"2");
    site.settle().await;
    assert_eq!(ids(&site), BTreeSet::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_only_what_changed_is_done() {
    let site = Site::new().await;
    fs::create_dir(site.path("d")).expect("a directory");
    for path in ["d/a", "b", "c", "lost"] {
        site.write(path, b"1");
    }
    site.settle().await;
    site.memory.world().told.clear();
    site.write("unsettled", b"1");
    site.until_uploaded().await;
    site.share.close(true).await.expect("closed");
    fs::remove_file(site.path("b")).expect("removed");
    site.write("c", b"changed");
    site.write("new", b"1");
    site.memory.world().bucket.remove("lost");
    let site = site.restart(true).await;
    site.settle().await;
    let puts: BTreeSet<String> = site.calls("put").into_iter().collect();
    assert_eq!(puts, ["c", "lost", "new"].map(str::to_owned).into());
    assert_eq!(site.calls("delete"), ["b"]);
    assert_eq!(site.told(), told(&[("c", 7), ("lost", 1), ("new", 1), ("unsettled", 1)]));
    let memory: Arc<dyn Uplink> = Arc::<Memory>::clone(&site.memory);
    let again = FileShare::open(config(site.top.path()), memory, site.clock.clone()).await;
    assert!(matches!(again, Err(ShareError::InUse { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_object_is_named_and_the_rest_goes_on() {
    let site = Site::with(|config| config.prefix = "p/".to_owned()).await;
    symlink("..", site.path("loop")).expect("a link");
    symlink("nowhere", site.path("dangling")).expect("a link");
    let _socket = UnixListener::bind(site.path("socket")).expect("a socket");
    fs::write(site.share.folder().join(OsStr::from_bytes(b"not \xff utf-8")), b"1").expect("a file");
    let deep = (0..5).map(|_| "x".repeat(200)).collect::<Vec<_>>().join("/");
    fs::create_dir_all(site.path(&deep)).expect("directories");
    let long = format!("{deep}/{}", "y".repeat(40));
    site.write(&long, b"too long");
    site.write("good", b"1");
    let status = site.until("all named", |status| status.errors.len() == 5 && status.waiting == 0).await;
    for (path, said) in [
        ("loop", "a symbolic link"),
        ("dangling", "a symbolic link"),
        ("socket", "a socket"),
        ("not \u{fffd} utf-8", "not UTF-8"),
        (&long, "1047 bytes"),
    ] {
        let error = status.errors.get(path).unwrap_or_else(|| panic!("{path} is not named: {:#?}", status.errors));
        assert!(error.problem.contains(said), "{}", error.problem);
    }
    assert_eq!(site.memory.world().bucket.get("p/good"), Some(&b"1".to_vec()));
    site.clock.step(SETTLING);
    site.until("announced", |status| status.settling == 0).await;
    assert!(site.told().contains(&("good".to_owned(), 1)));
    assert!(site.memory.world().told.iter().all(|(_, detail)| detail["prefix"] == "p/"));
    // What is mended is well again.
    fs::remove_file(site.path("loop")).expect("removed");
    fs::remove_file(site.path("dangling")).expect("removed");
    site.write("dangling", b"2");
    fs::rename(site.path(&long), site.path("short")).expect("renamed");
    site.until("mended", |status| status.errors.len() == 2 && status.waiting == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_named_and_tried_again_and_others_go_on() {
    let site = Site::new().await;
    site.memory.world().hook = Some(Box::new(|key| match key {
        "full" => Err(UplinkError { message: "no space left".to_owned(), retryable: true }),
        "never" => Err(UplinkError { message: "no such thing".to_owned(), retryable: false }),
        _ => Ok(()),
    }));
    for path in ["full", "never", "good"] {
        site.write(path, b"1");
    }
    let status = site.until("named", |status| status.errors.len() == 2 && status.uploaded == 1).await;
    let full = &status.errors["full"];
    assert!(full.retried && full.problem.contains("no space left"), "{full:?}");
    assert!(!status.errors["never"].retried);
    site.memory.world().hook = None;
    site.clock.step(Duration::from_secs(1));
    let status = site.until("tried again", |status| status.uploaded == 2).await;
    assert_eq!(status.errors.keys().collect::<Vec<_>>(), ["never"]);
    site.write("never", b"2");
    site.until("well again", |status| status.errors.is_empty() && status.uploaded == 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_brings_what_others_did_and_leaves_what_clients_wrote() {
    let site = Site::with(|config| config.cache_bytes = 1_000).await;
    fs::create_dir(site.path("d")).expect("a directory");
    for path in ["d/kept", "d/deleted", "replaced"] {
        site.write(path, b"mine");
    }
    site.settle().await;
    site.memory.world().told.clear();
    site.share.set_online(false);
    site.write("dirty", b"the client's");
    site.until("noticed", |status| status.waiting == 1).await;
    {
        let mut world = site.memory.world();
        world.bucket.remove("d/deleted");
        for (key, text) in [("replaced", "theirs"), ("dirty", "theirs"), ("e/f/new", "new"), ("../evil", "x")] {
            world.bucket.insert(key.to_owned(), text.as_bytes().to_vec());
        }
        world.bucket.insert("large".to_owned(), vec![0; 1_001]);
        world.bucket.insert("empty/".to_owned(), Vec::new());
        let mtime = ("file-mtime".to_owned(), "1600000000000000001ns".to_owned());
        world.metadata.insert("e/f/new".to_owned(), vec![mtime]);
        world.calls.clear();
    }
    let id = site.share.refresh_cache(&["/".to_owned()], true).expect("an id");
    site.share.set_online(true);
    site.until("refreshed", |_| !site.memory.world().events.is_empty()).await;
    let event = site.memory.world().events[0].clone();
    assert_eq!(event["DetailType"], "Storage Gateway Refresh Cache Event");
    let detail: Value = serde_json::from_str(event["Detail"].as_str().expect("text")).expect("JSON");
    assert_eq!((&detail["notification-id"], &detail["folderList"][0]), (&id.into(), &"/".into()));
    let read = |path: &str| fs::read_to_string(site.path(path)).unwrap_or_default();
    assert_eq!(
        (read("replaced").as_str(), read("e/f/new").as_str(), read("d/kept").as_str()),
        ("theirs", "new", "mine")
    );
    assert!(!site.path("d/deleted").exists() && site.path("empty").is_dir());
    assert_eq!(read("dirty"), "the client's");
    let status = site.until("uploaded", |status| status.waiting == 0).await;
    assert!(status.errors["large"].problem.contains("cache has room"), "{:?}", status.errors);
    assert!(status.errors["../evil"].problem.contains("no file can have"), "{:?}", status.errors);
    assert_eq!(site.calls("put"), ["dirty"], "nothing that was fetched is uploaded again");
    site.clock.step(SETTLING);
    site.until("announced", |status| status.settling == 0).await;
    assert_eq!(site.told(), told(&[("dirty", 12)]));
    assert!(matches!(site.share.refresh_cache(&["d".to_owned()], true), Err(ShareError::NoFolder { .. })));
    // Only what lies in the folder itself, and nothing that is fetched twice.
    site.memory.world().bucket.insert("d/x/y".to_owned(), b"deep".to_vec());
    site.memory.world().bucket.insert("d/near".to_owned(), b"near".to_vec());
    site.share.refresh_cache(&["/d".to_owned()], false).expect("an id");
    site.until("refreshed", |_| site.memory.world().events.len() == 2).await;
    assert!(site.path("d/x").is_dir() && !site.path("d/x/y").exists() && site.path("d/near").is_file());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_files_at_once_and_much_at_one_name_end_as_the_folder_is() {
    let site = Site::new().await;
    let folder = site.share.folder().to_owned();
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let folder = folder.clone();
            std::thread::spawn(move || {
                for n in 0..300_u32 {
                    // Others may have renamed or removed what this one works on, as clients do.
                    let directory = folder.join(format!("d{}/e{}", n % 7, n % 3));
                    let path = directory.join(format!("f{}", n % 40));
                    let _ = fs::create_dir_all(&directory).and_then(|()| fs::write(&path, format!("{writer} {n}")));
                    let _ = match n % 11 {
                        3 => fs::rename(&path, folder.join(format!("r{}", n % 13))),
                        5 => fs::remove_file(&path),
                        7 => fs::rename(&directory, folder.join(format!("d{}/m{writer}{n}", n % 7))),
                        _ => Ok(()),
                    };
                }
            })
        })
        .collect();
    for writer in writers {
        writer.join().expect("a writer");
    }
    site.until_uploaded().await;
    site.settle().await;
    let folder = site.folder();
    let world = site.memory.world();
    for (key, bytes) in &folder {
        let path = key.trim_end_matches('/');
        let last = world.told.iter().rev().find(|(_, detail)| detail["object-key"] == path);
        let size = last.map(|(_, detail)| detail["object-size"].as_u64());
        assert_eq!(size, Some(Some(bytes.len() as u64)), "{key} was not announced for its last content");
    }
}
