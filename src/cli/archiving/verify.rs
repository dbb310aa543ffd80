//! The archive held against the objects, byte for byte. It is read as any other program reads it: whole, from its first
//! header to its last, and not by its table of contents, which is checked beside it.

use std::collections::{HashMap, HashSet};
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::Context;
use futures::stream::{self, StreamExt, TryStreamExt};
use serde::Serialize;
use tokio::io::AsyncWriteExt;

use crate::model::Timestamp;
use crate::s3tar::{Entry, Head, Location, Port, open_toc, scan_file};

/// The table of contents, which is a member as well.
const TOC: &str = "toc.csv";
/// Objects that are read at a time.
const AT_ONCE: usize = 32;
const LOOK: usize = 1 << 16;

/// What the archive was found to be.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Compared {
    /// Where it is.
    pub place: String,
    /// Its bytes.
    pub bytes: u64,
    /// Its members, without the table of contents.
    pub members: usize,
    /// Members whose bytes are those of their objects.
    pub equal: usize,
    /// Keys that were to be archived and are not.
    pub missing: Vec<String>,
    /// Members whose bytes are others than those of their objects.
    pub different: Vec<String>,
    /// Members that no object has the key of.
    pub unexpected: Vec<String>,
    /// Whether the table of contents says what the headers say; null where there is none.
    pub toc_agrees: Option<bool>,
}

impl Compared {
    /// Whether every member equals its object, none is missing and none is too many.
    pub fn is_equal(&self) -> bool {
        let Self { members, equal, missing, different, unexpected, toc_agrees, .. } = self;
        *members > 0
            && members == equal
            && missing.is_empty()
            && different.is_empty()
            && unexpected.is_empty()
            && *toc_agrees != Some(false)
    }
}

/// Every object of a bucket.
///
/// # Errors
/// When a call fails.
pub async fn objects(port: &Port, bucket: &str) -> anyhow::Result<Vec<(String, Head)>> {
    let place = Location { bucket: bucket.to_owned(), key: String::new() };
    let (mut objects, mut after) = (Vec::new(), None);
    loop {
        let page = port.list(&place, None, after).await?;
        objects.extend(page.objects);
        after = page.next;
        if after.is_none() {
            return Ok(objects);
        }
    }
}

/// Compares an archive with the objects of `source`; `None` when none was made since a moment. `wanted` are the keys that have to
/// be in it; others may be, where they are equal to their objects.
///
/// # Errors
/// When it is no archive, an object is gone, or a call fails.
pub async fn compare(
    port: &Port,
    archive: &Location,
    source: &str,
    wanted: &[String],
    since: Timestamp,
) -> anyhow::Result<Option<Compared>> {
    let Some(head) = port.head(archive).await? else { return Ok(None) };
    // That of an earlier run of the same day is not what this one has made.
    if head.modified.is_some_and(|at| at.secs() < since.secs()) {
        return Ok(None);
    }
    let folder = tempfile::tempdir().context("no folder for the archive can be made")?;
    let path = folder.path().join("archive.tar");
    let bytes = fetch(port, archive, &head, &path).await?;
    let scanned = {
        let path = path.clone();
        tokio::task::spawn_blocking(move || scan_file(&path)).await??
    };
    let contents = open_toc(port, archive, false).await?;
    let has_toc = scanned.first().is_some_and(|first| first.name == TOC) && contents.has_toc;
    let members = if has_toc { &scanned[1..] } else { &scanned[..] };
    let told: HashMap<&str, (u64, u64)> =
        contents.entries.iter().map(|it| (it.name.as_str(), (it.start, it.len))).collect();
    let agrees =
        told.len() == members.len() && members.iter().all(|it| told.get(it.name.as_str()) == Some(&(it.start, it.len)));
    let there: HashSet<&str> = members.iter().map(|it| it.name.as_str()).collect();
    let file = std::fs::File::open(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    let found: Vec<(&Entry, Found)> = stream::iter(members)
        .map(|member| {
            let file = &file;
            async move { anyhow::Ok((member, is_equal(port, source, member, file).await?)) }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    let named = |wanted: Found| {
        let mut names: Vec<String> =
            found.iter().filter(|(_, found)| *found == wanted).map(|(member, _)| member.name.clone()).collect();
        names.sort_unstable();
        names
    };
    Ok(Some(Compared {
        place: archive.to_string(),
        bytes,
        members: members.len(),
        equal: named(Found::Equal).len(),
        missing: wanted.iter().filter(|key| !there.contains(key.as_str())).cloned().collect(),
        different: named(Found::Different),
        unexpected: named(Found::NoObject),
        toc_agrees: has_toc.then_some(agrees),
    }))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Equal,
    Different,
    NoObject,
}

/// The archive as a file; its bytes.
async fn fetch(port: &Port, archive: &Location, head: &Head, to: &Path) -> anyhow::Result<u64> {
    let mut body = port.get(archive, &head.etag, None).await?;
    let mut file = tokio::fs::File::create(to).await.context("the archive cannot be stored here")?;
    let mut bytes = 0;
    while let Some(chunk) = body.try_next().await.with_context(|| format!("{archive} broke off"))? {
        bytes += chunk.len() as u64;
        file.write_all(&chunk).await.context("the archive cannot be stored here")?;
    }
    file.flush().await.context("the archive cannot be stored here")?;
    anyhow::ensure!(bytes == head.size, "{archive} has {} bytes, and {bytes} came", head.size);
    Ok(bytes)
}

async fn is_equal(port: &Port, source: &str, member: &Entry, file: &std::fs::File) -> anyhow::Result<Found> {
    let place = Location { bucket: source.to_owned(), key: member.name.clone() };
    let Some(head) = port.head(&place).await? else { return Ok(Found::NoObject) };
    if head.size != member.len {
        return Ok(Found::Different);
    }
    let mut body = port.get(&place, &head.etag, None).await?;
    let (mut at, mut buffer) = (member.start, vec![0; LOOK]);
    while let Some(chunk) = body.try_next().await.with_context(|| format!("{place} broke off"))? {
        for piece in chunk.chunks(LOOK) {
            let stored = &mut buffer[..piece.len()];
            file.read_exact_at(stored, at).context("the archive cannot be read here")?;
            if stored != piece {
                return Ok(Found::Different);
            }
            at += piece.len() as u64;
        }
    }
    Ok(if at == member.start + member.len { Found::Equal } else { Found::Different })
}
