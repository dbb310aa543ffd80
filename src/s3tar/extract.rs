//! Takes members out of an archive on S3: large ones are copied by S3 and never pass through here, neighbours that are small
//! are read together.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use tokio_util::sync::CancellationToken;

use super::error::S3TarError;
use super::fetch::read_range;
use super::layout::{LARGEST, SMALLEST};
use super::location::Location;
use super::port::{Port, Storing};
use super::posix::{Posix, WINDOW};
use super::scan::Contents;
use super::toc::Entry;

/// Bytes of small members, and what stands between them, that are read at once.
const READ: u64 = 8 << 20;
const WINDOW_BYTES: usize = 8 << 10;
/// Such readings, and copies, at a time.
const READS: usize = 6;

/// What was taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extracted {
    /// Objects that were written.
    pub objects: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// What is taken out with one reading, or one copy.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Job<'a> {
    Small(Vec<&'a Entry>),
    Large(&'a Entry),
}

/// What is taken out of an archive, and where to.
#[derive(Debug, Clone)]
pub struct Extraction<'a> {
    /// The archive.
    pub archive: &'a Location,
    /// What it holds.
    pub contents: &'a Contents,
    /// What the names of the members begin with.
    pub prefix: &'a str,
    /// Below which place they are put.
    pub to: &'a Location,
    /// Whether permissions, owner and times become metadata of the objects.
    pub posix: bool,
    /// Objects that are written at a time.
    pub concurrency: usize,
}

/// Writes every member that is wanted; `told` is called with each place.
///
/// # Errors
/// When no member has such a name, the table leads out of the archive, or a call fails. What was written until then is
/// whole.
pub async fn extract(
    port: &Port,
    wish: &Extraction<'_>,
    cancel: &CancellationToken,
    told: &(dyn Fn(&Location) + Sync),
) -> Result<Extracted, S3TarError> {
    let Extraction { archive, contents, prefix, to, .. } = *wish;
    let mut wanted: Vec<&Entry> = contents.entries.iter().filter(|entry| entry.name.starts_with(prefix)).collect();
    if wanted.is_empty() {
        let what =
            if prefix.is_empty() { "a member".to_owned() } else { format!("a member that begins with {prefix:?}") };
        return Err(S3TarError::Corrupt { what: archive.to_string(), problem: format!("it has not {what}") });
    }
    let size = contents.head.size;
    if let Some(beyond) = wanted.iter().find(|entry| entry.start.checked_add(entry.len).is_none_or(|end| end > size)) {
        let problem =
            format!("{:?} ends beyond the {size} bytes of {archive}: it belongs to another archive", beyond.name);
        return Err(S3TarError::Corrupt { what: "the table of contents".to_owned(), problem });
    }
    if let Some(escaping) = wanted.iter().find(|entry| escapes(&entry.name)) {
        return Err(S3TarError::Escape { name: escaping.name.clone(), archive: archive.clone(), to: to.clone() });
    }
    // The last of several members of one name is the one that counts, as for tar.
    let mut last = std::collections::HashMap::new();
    for (index, entry) in wanted.iter().enumerate() {
        last.insert(entry.name.as_str(), index);
    }
    let mut index = 0;
    wanted.retain(|entry| {
        index += 1;
        last.get(entry.name.as_str()) == Some(&(index - 1))
    });
    wanted.sort_by_key(|entry| entry.start);
    let taken = Extracted { objects: wanted.len(), bytes: wanted.iter().map(|entry| entry.len).sum() };
    // One failure stops the others, which first end what they have begun.
    let stop = cancel.child_token();
    let jobs = jobs(&wanted);
    let failure = std::sync::Mutex::new(None);
    let work = stream::iter(0..jobs.len()).for_each_concurrent(READS.min(wish.concurrency.max(1)), |index| {
        let (jobs, stop, failure) = (&jobs, &stop, &failure);
        async move {
            if stop.is_cancelled() {
                return;
            }
            let done = match jobs.get(index) {
                Some(Job::Small(entries)) => small(port, wish, entries, told).await,
                Some(Job::Large(entry)) => large(port, wish, entry, (stop, told)).await,
                None => Ok(()),
            };
            if let Err(error) = done {
                stop.cancel();
                failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_or_insert(error);
            }
        }
    });
    work.await;
    let failure = failure.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(error) = failure {
        return Err(error);
    }
    if cancel.is_cancelled() {
        return Err(stopped(to));
    }
    Ok(taken)
}

fn jobs<'a>(sorted: &[&'a Entry]) -> Vec<Job<'a>> {
    let mut jobs: Vec<Job<'a>> = Vec::new();
    let mut from = 0;
    for entry in sorted {
        if entry.len >= SMALLEST {
            jobs.push(Job::Large(entry));
            continue;
        }
        match jobs.last_mut() {
            Some(Job::Small(entries)) if entry.start + entry.len - from <= READ => entries.push(entry),
            _ => {
                from = entry.start;
                jobs.push(Job::Small(vec![entry]));
            }
        }
    }
    jobs
}

async fn small(
    port: &Port,
    wish: &Extraction<'_>,
    entries: &[&Entry],
    told: &(dyn Fn(&Location) + Sync),
) -> Result<(), S3TarError> {
    let first = entries.first().map_or(0, |entry| entry.start);
    let from = if wish.posix { first.saturating_sub(WINDOW) } else { first };
    let end = entries.iter().map(|entry| entry.start + entry.len).max().unwrap_or(from);
    let bytes = read_range(port, wish.archive, &wish.contents.head.etag, from, end - from).await?;
    let bytes = &bytes;
    stream::iter(0..entries.len())
        .map(Ok)
        .try_for_each_concurrent((wish.concurrency / READS).max(1), |index| async move {
            let Some(entry) = entries.get(index) else { return Ok(()) };
            let start = usize::try_from(entry.start - from).unwrap_or(usize::MAX);
            let body: Bytes = bytes.slice(start..start + usize::try_from(entry.len).unwrap_or(usize::MAX));
            let place = target(wish.to, &entry.name);
            let before = bytes.get(start.saturating_sub(WINDOW_BYTES)..start).unwrap_or_default();
            let metadata = if wish.posix { metadata(before) } else { BTreeMap::new() };
            port.put_with_metadata(&place, body, "binary/octet-stream", metadata).await?;
            told(&place);
            Ok(())
        })
        .await
}

async fn large(
    port: &Port,
    wish: &Extraction<'_>,
    entry: &Entry,
    (stop, told): (&CancellationToken, &(dyn Fn(&Location) + Sync)),
) -> Result<(), S3TarError> {
    let (place, etag) = (target(wish.to, &entry.name), wish.contents.head.etag.as_str());
    let mut storing = Storing::default();
    if wish.posix {
        let from = entry.start.saturating_sub(WINDOW);
        storing.metadata = metadata(&read_range(port, wish.archive, etag, from, entry.start - from).await?);
    }
    let upload = port.begin(&place, &storing).await?;
    let copied = async {
        let count = entry.len.div_ceil(LARGEST);
        let (mut parts, mut start) = (Vec::new(), 0);
        for (left, number) in (1..=count).rev().zip(1..) {
            let len = (entry.len - start).div_ceil(left);
            parts.push(port.copy(&upload, number, wish.archive, etag, Some((entry.start + start, len))).await?);
            start += len;
        }
        port.complete(&upload, &parts, entry.len).await
    };
    let ended = tokio::select! {
        copied = copied => copied,
        () = stop.cancelled() => Err(stopped(wish.to)),
    };
    match ended {
        Ok(_) => {
            told(&place);
            Ok(())
        }
        Err(cause) => match port.abort(&upload).await {
            Ok(()) => Err(cause),
            Err(problem) => Err(S3TarError::Left {
                cause: Box::new(cause),
                archive: place.to_string(),
                problem: problem.to_string(),
            }),
        },
    }
}

/// What the header says that ends where a member begins; nothing where none does.
fn metadata(before: &[u8]) -> BTreeMap<String, String> {
    Posix::of_header(before).map(|posix| posix.metadata()).unwrap_or_default()
}

fn stopped(to: &Location) -> S3TarError {
    S3TarError::Stopped { place: to.clone() }
}

/// Whether a name would lead elsewhere for whatever takes keys for paths: S3 itself does not, `aws s3 sync` and mounts do.
fn escapes(name: &str) -> bool {
    name.is_empty() || name.starts_with('/') || name.split('/').any(|step| step == "..")
}

fn target(to: &Location, name: &str) -> Location {
    to.at(format!("{}{name}", to.key))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_known_from_those_that_only_look_so() {
        for name in ["", "/etc/passwd", "..", "../a", "a/../../b", "a/.."] {
            assert!(escapes(name), "{name:?}");
        }
        for name in ["a", "..a", "a../b", "a/...", "./a", "a//b"] {
            assert!(!escapes(name), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn every_member_is_in_one_job_and_a_reading_is_bounded(
            lens in proptest::collection::vec(prop_oneof![0_u64..100_000, (4_u64 << 20)..(6 << 20)], 1..200),
        ) {
            let mut at = 1_024;
            let entries: Vec<Entry> = lens.iter().map(|&len| {
                let entry = Entry { name: String::new(), start: at, len, etag: String::new() };
                at += len.next_multiple_of(512) + 512;
                entry
            }).collect();
            let sorted: Vec<&Entry> = entries.iter().collect();
            let mut seen = Vec::new();
            for job in jobs(&sorted) {
                match job {
                    Job::Large(entry) => {
                        prop_assert!(entry.len >= SMALLEST);
                        seen.push(entry.start);
                    }
                    Job::Small(entries) => {
                        let end = entries.iter().map(|entry| entry.start + entry.len).max().expect("an entry");
                        prop_assert!(end - entries[0].start <= READ);
                        seen.extend(entries.iter().map(|entry| entry.start));
                    }
                }
            }
            prop_assert_eq!(seen, sorted.iter().map(|entry| entry.start).collect::<Vec<_>>());
        }
    }
}
