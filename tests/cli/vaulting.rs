//! `generate` and `vault` on real folders: what the workshop's scripts leave, to the byte and to the line.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use super::support::{Ended, run, signal, until, vaultscope, wait};

fn generate(to: &Path, more: &[&str]) -> Ended {
    run(&[&["generate", "-t", to.to_str().expect("text"), "--json"], more].concat())
}

fn vault(from: &Path, to: &Path, more: &[&str]) -> Ended {
    run(&[&["vault", "-s", from.to_str().expect("text"), "-t", to.to_str().expect("text"), "--json"], more].concat())
}

/// What `find` prints of a dataset's root, from the share's root.
fn find(share: &Path, root: &str, kind: &str) -> Vec<String> {
    let found = Command::new("find").args([root, "-type", kind]).current_dir(share).output().expect("find can be run");
    assert!(found.status.success(), "{found:?}");
    let mut lines: Vec<_> = String::from_utf8(found.stdout).expect("text").lines().map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}

#[test]
fn what_is_generated_is_vaulted_to_the_byte_and_listed_as_find_lists_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (source, share) = (folder.path().join("source"), folder.path().join("share"));
    fs::create_dir(&share).expect("a folder");
    let made = generate(&source, &["-s", "0.01", "-b", "8", "-l", "0.01", "-u", "0.2", "--seed", "5"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    let made = made.json();
    assert_eq!((made["bytes"].as_u64(), made["seed"].as_u64()), (Some(10_737_418), Some(5)));
    assert!((10..=50).contains(&made["directories"].as_u64().expect("a number")), "{made}");

    let vaulted = vault(&source, &share, &[]);
    assert_eq!(vaulted.code, Some(0), "{vaulted:?}");
    let vaulted = vaulted.json();
    let set_id = vaulted["setId"].as_str().expect("an id");
    assert!(set_id.len() == 16 && set_id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{set_id}");
    assert_eq!((&vaulted["files"], &vaulted["bytes"]), (&made["files"], &made["bytes"]));
    let root = format!("{set_id}-vaultjob");
    let manifest_key = format!("{root}/{set_id}.manifest");
    let manifest = fs::read_to_string(share.join(&manifest_key)).expect("a manifest");
    let lines: Vec<_> = manifest.lines().map(str::to_owned).collect();
    let (directories, files) = (find(&share, &root, "d"), find(&share, &root, "f"));
    assert_eq!(lines, [directories.clone(), files.clone()].concat());
    assert!(files.contains(&manifest_key));
    assert_eq!(files.len() as u64, made["files"].as_u64().expect("a number") + 1);
    // Nothing but the manifest tells the copy from the source.
    fs::remove_file(share.join(&manifest_key)).expect("removed");
    let differing = Command::new("diff").arg("-r").args([&source, &share.join(&root)]).output().expect("diff");
    assert!(differing.status.success(), "{differing:?}");
}

#[test]
fn a_seed_repeats_names_sizes_and_bytes_and_a_second_run_finds_them_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let (one, other) = (folder.path().join("one"), folder.path().join("other"));
    let order = ["-s", "0.001", "-l", "0.01", "-u", "0.1", "--seed", "9"];
    for to in [&one, &other] {
        let made = generate(to, &order);
        assert_eq!(made.code, Some(0), "{made:?}");
    }
    let same = Command::new("diff").arg("-r").args([&one, &other]).status().expect("diff");
    assert!(same.success());
    let again = generate(&one, &order);
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.sentence().contains("is there already: give another --seed"), "{again:?}");
}

#[test]
fn orders_that_cannot_be_carried_out_are_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let to = folder.path().join("new");
    for (order, code, said) in [
        (&["-s", "1", "-l", "20", "-u", "10"][..], 2, "the lower limit of 20 MB is above the upper limit of 10 MB"),
        (&["-s", "0"], 2, ""),
        (&["-s", "1", "-b", "0"], 2, ""),
        (&["-s", "1000", "-l", "0.00001"], 2, "10000000 are the most"),
        (&["-s", "1048576", "-l", "1000", "-u", "1000000000"], 1, "are needed: free"),
    ] {
        let refused = generate(&to, order);
        assert_eq!(refused.code, Some(code), "{refused:?}");
        assert!(refused.stderr.contains(said), "{refused:?}");
        assert!(!to.exists(), "{order:?}");
    }
    fs::create_dir(&to).expect("a folder");
    let inside = vault(folder.path(), &to, &[]);
    assert_eq!(inside.code, Some(1), "{inside:?}");
    assert!(inside.sentence().contains("vault to a folder outside the source"), "{inside:?}");
    let nowhere = vault(&to, &folder.path().join("nowhere"), &[]);
    assert!(nowhere.sentence().contains("is no folder"), "{nowhere:?}");
    assert_eq!(fs::read_dir(&to).expect("a folder").count(), 0);
}

#[test]
fn what_cannot_be_vaulted_is_named_and_the_rest_arrives() {
    let folder = tempfile::tempdir().expect("a folder");
    let (source, share) = (folder.path().join("source"), folder.path().join("share"));
    fs::create_dir_all(source.join("inner")).expect("a folder");
    fs::create_dir(&share).expect("a folder");
    fs::write(source.join("inner/good \"quoted\" \\ ü"), "good").expect("a file");
    fs::write(source.join(OsStr::from_bytes(b"bad\xff\xfe")), "bad").expect("a file");
    std::os::unix::fs::symlink("..", source.join("inner/loop")).expect("a link");
    let pipe = Command::new("mkfifo").arg(source.join("pipe")).status().expect("mkfifo");
    assert!(pipe.success());
    let vaulted = vault(&source, &share, &["--seed", "1"]);
    assert_eq!(vaulted.code, Some(1), "{vaulted:?}");
    for said in ["bad\\xFF\\xFE\": its name is not UTF-8", "inner/loop: a symbolic link", "pipe: neither a file"] {
        assert!(vaulted.stderr.contains(said), "{said}: {vaulted:?}");
    }
    assert!(vaulted.sentence().contains("3 of the source's entries"), "{vaulted:?}");
    let document = vaulted.json();
    assert_eq!((document["files"].as_u64(), document["problems"].as_array().map(Vec::len)), (Some(1), Some(3)));
    let root = format!("{}-vaultjob", document["setId"].as_str().expect("an id"));
    let copied = fs::read(share.join(&root).join("inner/good \"quoted\" \\ ü")).expect("a copy");
    assert_eq!(copied, b"good");
    let manifest = fs::read_to_string(document["manifest"].as_str().expect("a path")).expect("a manifest");
    assert_eq!(manifest.lines().count(), find(&share, &root, "d").len() + find(&share, &root, "f").len());
    let again = vault(&source, &share, &["--seed", "1"]);
    assert!(again.sentence().contains("is there already"), "{again:?}");
}

#[test]
fn ctrl_c_leaves_only_whole_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let to = folder.path().join("to");
    let args = ["generate", "-s", "4", "-b", "2", "-l", "1", "-u", "1", "--seed", "3", "-t"];
    let child = vaultscope(&[&args[..], &[to.to_str().expect("text")]].concat()).spawn().expect("the binary starts");
    let whole = || {
        let folders = fs::read_dir(&to).into_iter().flatten().flatten();
        let files = folders.flat_map(|folder| fs::read_dir(folder.path()).into_iter().flatten().flatten());
        files.filter(|file| !file.file_name().as_bytes().starts_with(b".")).map(|file| file.path()).collect::<Vec<_>>()
    };
    until("a first file", || !whole().is_empty());
    signal("INT", child.id());
    let ended = wait(child);
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(ended.sentence().contains("interrupted:"), "{ended:?}");
    let files = whole();
    assert!(!files.is_empty() && files.len() < 4 * 1_024);
    assert!(files.iter().all(|file| fs::metadata(file).expect("a file").len() == 1 << 20));
    let all = find(&to, ".", "f");
    assert_eq!(all.len(), files.len(), "nothing else is left");
}
