//! The destination bucket of the archiving stack: the archives under one prefix, the folders of delivered inventories
//! under another, and what the newest archives hold, by their own tables of contents.
//!
//! A look lists; an archive is read once, by ranges, and of a long table only the beginning.

use std::collections::HashMap;

use aws_sdk_s3::types::Object;

use super::drive::{Halt, Out, Progress, Tailer};
use super::history::moment;
use crate::aws::{Clients, Kind, Problem};
use crate::model::archiving::{ArchiveSeen, ContentsSeen, InventorySeen, MemberSeen};
use crate::model::{Seen, Source, Timestamp};
use crate::s3tar::read_toc;

/// Pages of one list in one look.
const PAGES: usize = 5;
/// Archives whose table is read at the first look, the newest ones; later each new one is.
const READ_AT_FIRST: usize = 3;
/// Bytes of an archive that are read to find its table, and the whole table where it is short.
const HEAD: u64 = 64 << 10;
/// Bytes of a table that are read at the most.
const MOST: u64 = 4 << 20;
/// Members that are told by name.
const NAMED: usize = 1_000;
/// The name of the table in an archive.
const TABLE: &str = "toc.csv";
/// Objects that the tool needs for itself while it works.
const TEMPORARY: &str = ".s3tar-tmp/";
/// What only a restored object gives out.
const FROZEN: [&str; 2] = ["GLACIER", "DEEP_ARCHIVE"];

/// A bucket and a prefix in it, as the stack's parameters write them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix {
    /// The bucket.
    pub bucket: String,
    /// The prefix; empty for the whole bucket.
    pub prefix: String,
}

impl Prefix {
    /// Reads `bucket/prefix`; `None` without a bucket.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix("s3://").unwrap_or(text);
        let (bucket, prefix) = text.split_once('/').unwrap_or((text, ""));
        // What stands below it, and not beside it.
        let prefix = prefix.trim_matches('/');
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        (!bucket.is_empty()).then(|| Self { bucket: bucket.to_owned(), prefix })
    }
}

/// The tailer of archives and inventories.
pub struct Archives {
    clients: Clients,
    place: Option<Prefix>,
    inventories: Option<Prefix>,
    /// ETag and time of each archive that was told.
    known: HashMap<String, (String, Timestamp)>,
    /// The last folder of inventories that was told.
    last_inventory: Option<String>,
    listed: bool,
}

impl Archives {
    /// A tailer of the two prefixes, where they are known.
    pub fn new(clients: Clients, archives: Option<Prefix>, inventories: Option<Prefix>) -> Self {
        Self { clients, place: archives, inventories, known: HashMap::new(), last_inventory: None, listed: false }
    }

    async fn list(&mut self, place: &Prefix, out: &Out) -> Result<bool, Halt> {
        let mut news = Vec::new();
        let mut after = None;
        for _ in 0..PAGES {
            let answer = self
                .clients
                .s3
                .list_objects_v2()
                .bucket(&place.bucket)
                .prefix(&place.prefix)
                .set_start_after(after)
                .send()
                .await
                .map_err(|error| Problem::of("s3 ListObjectsV2", &error))?;
            let objects = answer.contents.unwrap_or_default();
            after = objects.last().and_then(|object| object.key.clone());
            news.extend(objects.into_iter().filter_map(|object| self.fresh(object)));
            if !answer.is_truncated.unwrap_or_default() || after.is_none() {
                break;
            }
        }
        news.sort_by(|a: &Fresh, b: &Fresh| a.at.cmp(&b.at).then_with(|| a.key.cmp(&b.key)));
        let unread = if self.listed { 0 } else { news.len().saturating_sub(READ_AT_FIRST) };
        let changed = !news.is_empty();
        for (place_of, archive) in news.into_iter().enumerate() {
            let mut seen = ArchiveSeen {
                bucket: place.bucket.clone(),
                key: archive.key.clone(),
                size: archive.size,
                etag: archive.etag.clone(),
                contents: None,
                unread: None,
            };
            if place_of >= unread {
                // It stands before what it holds is known.
                out.tell(archive.at, Seen::Archive(seen.clone())).await?;
                match self.contents(place, &archive).await {
                    Ok(contents) => seen.contents = Some(contents),
                    Err(Unread::Never(why)) => seen.unread = Some(why),
                    // Deleted or changed meanwhile: the next list tells.
                    Err(Unread::Now(problem)) if problem.kind == Kind::NotFound => continue,
                    Err(Unread::Now(problem)) => return Err(problem.into()),
                }
            }
            out.tell(archive.at, Seen::Archive(seen)).await?;
            self.known.insert(archive.key, (archive.etag, archive.at));
        }
        self.listed = true;
        Ok(changed)
    }

    /// The archive that an object is, unless it was told.
    fn fresh(&self, object: Object) -> Option<Fresh> {
        let key = object.key.filter(|key| is_archive(key))?;
        let etag = object.e_tag.unwrap_or_default().trim_matches('"').to_owned();
        let at = object.last_modified.as_ref().map(moment).unwrap_or_default();
        let is_known = self.known.get(&key).is_some_and(|(known, then)| *known == etag && *then == at);
        let size = u64::try_from(object.size.unwrap_or_default()).unwrap_or_default();
        let is_frozen = object.storage_class.is_some_and(|class| FROZEN.contains(&class.as_str()));
        (!is_known).then_some(Fresh { key, etag, at, size, is_frozen })
    }

    /// What an archive's own table says; it is its first member.
    async fn contents(&self, place: &Prefix, archive: &Fresh) -> Result<ContentsSeen, Unread> {
        if archive.is_frozen {
            return Err(Unread::Never("it has to be restored from its storage class before it can be read".to_owned()));
        }
        if archive.size == 0 {
            return Err(Unread::Never("it is empty".to_owned()));
        }
        let head = self.range(place, archive, 0, HEAD.min(archive.size)).await?;
        let Some((start, len)) = table_of(&head) else {
            return Err(Unread::Never(format!("it has no table of contents ({TABLE}) of its own")));
        };
        if start.checked_add(len).is_none_or(|end| end > archive.size) {
            return Err(Unread::Never("its table of contents goes beyond its end".to_owned()));
        }
        let wanted = len.min(MOST);
        let here = |bytes: &[u8]| {
            let first = usize::try_from(start).ok()?;
            bytes.get(first..first.checked_add(usize::try_from(wanted).ok()?)?).map(<[u8]>::to_vec)
        };
        let table = match here(&head) {
            Some(table) => table,
            None => self.range(place, archive, start, wanted).await?,
        };
        read(&table, wanted == len).map_err(Unread::Never)
    }

    async fn range(&self, place: &Prefix, archive: &Fresh, start: u64, len: u64) -> Result<Vec<u8>, Unread> {
        let end = start.saturating_add(len).saturating_sub(1);
        let answer = self
            .clients
            .s3
            .get_object()
            .bucket(&place.bucket)
            .key(&archive.key)
            .range(format!("bytes={start}-{end}"))
            .if_match(format!("\"{}\"", archive.etag))
            .send()
            .await
            .map_err(|error| Problem::of("s3 GetObject", &error));
        let answer = match answer {
            Ok(answer) => answer,
            // Another archive stands there by now: the next list tells.
            Err(problem) if problem.is(&["PreconditionFailed", "NoSuchKey"]) => {
                return Err(Unread::Now(Problem { kind: Kind::NotFound, ..problem }));
            }
            Err(problem) if problem.is(&["InvalidObjectState"]) => return Err(Unread::Never(problem.sentence)),
            Err(problem) => return Err(Unread::Now(problem)),
        };
        let broken = |error| Unread::Now(Problem::outage(format!("archive {:?} broke off: {error}", archive.key)));
        let body = answer.body.collect().await.map_err(broken)?.to_vec();
        Ok(body)
    }

    /// Folders of inventories after the last one that is known.
    async fn list_inventories(&mut self, place: &Prefix, out: &Out) -> Result<bool, Halt> {
        let mut changed = false;
        for _ in 0..PAGES {
            let answer = self
                .clients
                .s3
                .list_objects_v2()
                .bucket(&place.bucket)
                .prefix(&place.prefix)
                .delimiter("/")
                .set_start_after(self.last_inventory.as_deref().map(after_folder))
                .send()
                .await
                .map_err(|error| Problem::of("s3 ListObjectsV2", &error))?;
            let folders = answer.common_prefixes.unwrap_or_default().into_iter().filter_map(|folder| folder.prefix);
            let dated = folders.filter_map(|folder| delivered(&folder, &place.prefix).map(|at| (at, folder)));
            let mut any = false;
            for (at, folder) in dated {
                out.tell(at, Seen::Inventory(InventorySeen { bucket: place.bucket.clone(), folder: folder.clone() }))
                    .await?;
                self.last_inventory = Some(folder);
                (any, changed) = (true, true);
            }
            if !answer.is_truncated.unwrap_or_default() || !any {
                break;
            }
        }
        Ok(changed)
    }
}

impl Tailer for Archives {
    fn source(&self) -> Source {
        Source::Archives
    }

    async fn look(&mut self, out: &Out) -> Result<Progress, Halt> {
        let mut changed = false;
        if let Some(place) = self.inventories.clone() {
            changed |= self.list_inventories(&place, out).await?;
        }
        if let Some(place) = self.place.clone() {
            changed |= self.list(&place, out).await?;
        }
        Ok(Progress::from(changed))
    }
}

/// An archive that was not told yet.
struct Fresh {
    key: String,
    etag: String,
    at: Timestamp,
    size: u64,
    is_frozen: bool,
}

/// Why a table is not read.
enum Unread {
    /// It cannot be.
    Never(String),
    /// A call failed.
    Now(Problem),
}

fn is_archive(key: &str) -> bool {
    let is_tar = [".tar", ".tar.gz"].iter().any(|end| key.len() > end.len() && key.ends_with(end));
    // Parts of one that was split: `name.00001.tar` ends so too.
    is_tar && !key.contains(TEMPORARY)
}

/// Where an archive's table begins and how long it is, by the header of its first member.
fn table_of(head: &[u8]) -> Option<(u64, u64)> {
    let mut archive = tar::Archive::new(head);
    let first = archive.entries().ok()?.next()?.ok()?;
    (first.path_bytes() == TABLE.as_bytes()).then(|| (first.raw_file_position(), first.size()))
}

/// Reads a table, or the beginning of one up to its last whole line.
fn read(table: &[u8], is_whole: bool) -> Result<ContentsSeen, String> {
    let lines = if is_whole {
        table
    } else {
        let end = table.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        &table[..end]
    };
    let entries = read_toc(lines, TABLE).map_err(|error| error.to_string())?;
    Ok(ContentsSeen {
        count: entries.len() as u64,
        bytes: entries.iter().fold(0, |sum, entry| sum.saturating_add(entry.len)),
        is_whole,
        members: entries
            .into_iter()
            .take(NAMED)
            .map(|entry| MemberSeen { name: entry.name, size: entry.len })
            .collect(),
    })
}

/// The moment that an inventory's folder is named after: `…/2026-11-20T01-00Z/`.
fn delivered(folder: &str, prefix: &str) -> Option<Timestamp> {
    let name = folder.strip_prefix(prefix)?.strip_suffix('/')?;
    let (date, time) = name.split_once('T')?;
    let (hour, minute) = time.strip_suffix('Z')?.split_once('-')?;
    Timestamp::parse_rfc3339(&format!("{date}T{hour}:{minute}:00Z"))
}

/// A key that comes after everything in a folder and before the next folder.
fn after_folder(folder: &str) -> String {
    format!("{}0", folder.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_the_parameters_write_them() {
        let read = |text| Prefix::read(text).map(|place| (place.bucket, place.prefix));
        let is = |bucket: &str, prefix: &str| Some((bucket.to_owned(), prefix.to_owned()));
        assert_eq!(read("dest/s3tar"), is("dest", "s3tar/"));
        assert_eq!(read("s3://dest/a/b/"), is("dest", "a/b/"));
        assert_eq!(read("dest"), is("dest", ""));
        assert_eq!(read(" /x"), None);
    }

    #[test]
    fn an_inventorys_folder_says_when_it_was_delivered() {
        let at = |folder| delivered(folder, "i/").map(Timestamp::iso_seconds);
        assert_eq!(at("i/2026-11-20T01-00Z/").as_deref(), Some("2026-11-20T01:00:00Z"));
        for other in ["i/data/", "i/hive/", "j/2026-11-20T01-00Z/", "i/2026-11-20T01-00Z", "i/T-Z/"] {
            assert_eq!(at(other), None, "{other}");
        }
        let last = after_folder("i/2026-11-20T01-00Z/");
        assert!(*"i/2026-11-20T01-00Z/manifest.json" < *last && *last < *"i/2026-11-20T02-00Z/");
    }

    #[test]
    fn only_archives_are_taken_for_archives() {
        for (key, is) in [
            ("s3tar/2026-11-21/s3tar_archive_2026-11-21.tar", true),
            ("s3tar/a.1.tar", true),
            ("s3tar/2026-11-21/", false),
            ("s3tar/x.s3tar-tmp/part.tar", false),
            (".tar", false),
            ("s3tar/toc.csv", false),
        ] {
            assert_eq!(is_archive(key), is, "{key}");
        }
    }

    #[test]
    fn a_table_is_found_at_the_head_of_an_archive_and_read_as_far_as_it_was_fetched() {
        let lines = "a.txt,2048,5,e1\n\"b,c\",3584,7,e2\nlast,5120,9,e3\n";
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(lines.len() as u64);
        builder.append_data(&mut header, TABLE, lines.as_bytes()).expect("a member");
        let bytes = builder.into_inner().expect("an archive");
        assert_eq!(table_of(&bytes), Some((512, lines.len() as u64)));
        assert_eq!(table_of(&bytes[..100]), None);
        let whole = read(lines.as_bytes(), true).expect("a table");
        assert_eq!((whole.count, whole.bytes, whole.members.len()), (3, 21, 3));
        let part = read(&lines.as_bytes()[..40], false).expect("its beginning");
        assert_eq!((part.count, part.is_whole), (2, false));
        assert_eq!(part.members[1], MemberSeen { name: "b,c".to_owned(), size: 7 });
        assert!(read(b"a,b\n", true).is_err());
    }
}
