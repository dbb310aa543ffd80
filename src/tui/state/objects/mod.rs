//! What the Objects page knows: the buckets of the stacks that were seen, the levels of them that were read, and the object
//! that is looked at. A level is read when it is opened and stays until it is read again.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::Stack;
use super::logs::holds;
use crate::model::Timestamp;
use crate::model::objects::{Found, Level, Look, ObjectRow, PartialUpload, Peek, Uploads};

/// Pages of a level that are read at once when it is read again; more are read by hand.
const PAGES_AGAIN: u32 = 5;
/// Levels that are read again by themselves.
const LEVELS_AGAIN: usize = 20;
/// Objects that are kept of a level.
const KEPT_OBJECTS: usize = 100_000;

/// A bucket of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bucket {
    pub(crate) name: String,
    pub(crate) stack: String,
}

/// What was read below a prefix.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct LevelView {
    pub(crate) is_open: bool,
    is_reading: bool,
    /// Whether some of it was read.
    is_read: bool,
    failed: Option<String>,
    level: Level,
    pages: u32,
    bytes: u64,
}

/// The uploads of a bucket that are not complete.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct UploadsView {
    is_open: bool,
    pub(crate) failed: Option<String>,
    /// `None` until they were read.
    pub(crate) found: Option<Uploads>,
}

/// The object that is looked at.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PeekView {
    bucket: String,
    /// As the listing had it then.
    object: ObjectRow,
    /// `None` while it is read.
    pub(crate) found: Option<Result<Peek, String>>,
}

/// Objects and bytes below a prefix.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Total {
    pub(crate) objects: usize,
    pub(crate) bytes: u64,
    /// Whether all of it was read; else there is at least so much.
    pub(crate) is_all: bool,
}

/// A row of the tree.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) kind: Kind<'a>,
    pub(crate) bucket: &'a str,
    /// The whole prefix or key, or an upload's id.
    pub(crate) name: &'a str,
    pub(crate) depth: usize,
}

/// What a row is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind<'a> {
    /// Of that stack; whether it is open.
    Bucket(&'a str, bool),
    /// Whether it is open.
    Folder(bool),
    Object(&'a ObjectRow),
    /// The level goes on.
    More,
    Reading,
    Empty,
    Failed(&'a str),
    /// The uploads that are not complete; whether they are shown.
    Uploads(&'a UploadsView, bool),
    Upload(&'a PartialUpload),
}

/// A row, by what it stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct RowId(u8, String, String);

impl Row<'_> {
    const fn tag(&self) -> u8 {
        match self.kind {
            Kind::Bucket(..) => 0,
            Kind::Folder(_) => 1,
            Kind::Object(_) => 2,
            Kind::More => 3,
            Kind::Reading | Kind::Empty | Kind::Failed(_) => 4,
            Kind::Uploads(..) => 5,
            Kind::Upload(_) => 6,
        }
    }

    fn is(&self, id: &RowId) -> bool {
        self.tag() == id.0 && self.name == id.2 && self.bucket == id.1
    }

    /// The last part of its name.
    pub(crate) fn short(&self) -> &str {
        match self.kind {
            Kind::Bucket(..) => self.bucket,
            // The marker of a folder, as File Gateway writes one for each directory.
            Kind::Object(_) if self.name.ends_with('/') => "./",
            Kind::Folder(_) | Kind::Object(_) => last(self.name),
            Kind::Upload(upload) => &upload.key,
            _ => "",
        }
    }

    /// Where it is, for a command line.
    pub(crate) fn uri(&self) -> String {
        match self.kind {
            Kind::Folder(_) | Kind::Object(_) | Kind::More => format!("s3://{}/{}", self.bucket, self.name),
            Kind::Upload(upload) => format!("s3://{}/{}", self.bucket, upload.key),
            _ => format!("s3://{}", self.bucket),
        }
    }
}

/// The last part of a prefix or key, with the slash of a prefix.
fn last(name: &str) -> &str {
    let whole = name.strip_suffix('/').unwrap_or(name);
    &name[whole.rfind('/').map_or(0, |at| at + 1)..]
}

/// Where a level is kept: no bucket's name has a slash.
fn place(bucket: &str, prefix: &str) -> String {
    format!("{bucket}/{prefix}")
}

/// What the Objects page knows.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Objects {
    pub(crate) buckets: Vec<Bucket>,
    levels: IndexMap<String, LevelView>,
    uploads: IndexMap<String, UploadsView>,
    pub(crate) peek: Option<PeekView>,
    selected: Option<RowId>,
    /// Where the selected row was last, for when it goes.
    at: usize,
    /// What hits are marked of, in lower case.
    pub(crate) search: String,
    /// What is being looked at.
    under_way: Vec<Look>,
    /// When what is open was last read again by itself.
    again_ms: u64,
}

impl Objects {
    /// Takes in which buckets there are, those of the main stack first. Its first one is opened when it is new.
    pub(crate) fn know(&mut self, stacks: &IndexMap<String, Stack>, main: &str) {
        let mut buckets: Vec<Bucket> = Vec::new();
        let (first, others): (Vec<_>, Vec<_>) = stacks.iter().partition(|(name, _)| *name == main);
        for (name, stack) in first.into_iter().chain(others) {
            let outputs = stack.outputs.iter().filter(|(key, _)| key.ends_with("BucketName")).map(|(_, value)| value);
            let made = stack.resources.values().filter(|event| {
                event.resource_type == "AWS::S3::Bucket"
                    && matches!(event.status.as_str(), "CREATE_COMPLETE" | "UPDATE_COMPLETE")
            });
            let stands = stack.status.as_deref().is_some_and(|status| status != "DELETE_COMPLETE");
            for bucket in outputs.chain(made.filter_map(|event| event.physical_id.as_ref())) {
                if stands && !bucket.is_empty() && !buckets.iter().any(|known| known.name == *bucket) {
                    buckets.push(Bucket { name: bucket.clone(), stack: name.clone() });
                }
            }
        }
        if buckets == self.buckets {
            return;
        }
        let is_there = |name: &str| buckets.iter().any(|bucket| bucket.name == name);
        self.levels.retain(|place, _| place.split_once('/').is_some_and(|(bucket, _)| is_there(bucket)));
        self.uploads.retain(|bucket, _| is_there(bucket));
        if let Some(first) = buckets.first().filter(|bucket| bucket.stack == main) {
            self.levels
                .entry(place(&first.name, ""))
                .or_insert_with(|| LevelView { is_open: true, ..LevelView::default() });
        }
        self.buckets = buckets;
    }

    fn level(&self, bucket: &str, prefix: &str) -> Option<&LevelView> {
        self.levels.get(&place(bucket, prefix))
    }

    fn is_open(&self, bucket: &str, prefix: &str) -> bool {
        self.level(bucket, prefix).is_some_and(|level| level.is_open)
    }

    /// The rows of the tree, from top to bottom.
    pub(crate) fn rows(&self) -> Vec<Row<'_>> {
        let mut rows = Vec::new();
        for bucket in &self.buckets {
            let name = bucket.name.as_str();
            let is_open = self.is_open(name, "");
            rows.push(Row { kind: Kind::Bucket(&bucket.stack, is_open), bucket: name, name: "", depth: 0 });
            if !is_open {
                continue;
            }
            self.push(name, "", 1, &mut rows);
            let Some(uploads) = self.uploads.get(name) else { continue };
            let list = uploads.found.as_ref().map_or(&[][..], |found| &found.list);
            if list.is_empty() && uploads.failed.is_none() {
                continue;
            }
            let kind = Kind::Uploads(uploads, uploads.is_open);
            rows.push(Row { kind, bucket: name, name: "", depth: 1 });
            if uploads.is_open {
                rows.extend(list.iter().map(|upload| Row {
                    kind: Kind::Upload(upload),
                    bucket: name,
                    name: &upload.upload_id,
                    depth: 2,
                }));
            }
        }
        rows
    }

    fn push<'a>(&'a self, bucket: &'a str, prefix: &'a str, depth: usize, rows: &mut Vec<Row<'a>>) {
        let Some(view) = self.level(bucket, prefix) else { return };
        let row = |kind, name| Row { kind, bucket, name, depth };
        if let Some(failed) = &view.failed {
            rows.push(row(Kind::Failed(failed), prefix));
        }
        for folder in &view.level.folders {
            let is_open = self.is_open(bucket, folder);
            rows.push(row(Kind::Folder(is_open), folder));
            if is_open {
                self.push(bucket, folder, depth + 1, rows);
            }
        }
        rows.extend(view.level.objects.iter().map(|object| row(Kind::Object(object), &object.key)));
        let is_empty = view.level.folders.is_empty() && view.level.objects.is_empty();
        if view.is_reading && is_empty {
            rows.push(row(Kind::Reading, prefix));
        } else if view.is_read && is_empty && view.failed.is_none() {
            rows.push(row(Kind::Empty, prefix));
        } else if view.level.next.is_some() {
            rows.push(row(Kind::More, prefix));
        }
    }

    /// What is known to lie below a prefix; `None` before it was read.
    pub(crate) fn total(&self, bucket: &str, prefix: &str) -> Option<Total> {
        let view = self.level(bucket, prefix).filter(|view| view.is_read)?;
        let mut total =
            Total { objects: view.level.objects.len(), bytes: view.bytes, is_all: view.level.next.is_none() };
        for folder in &view.level.folders {
            let below = self.total(bucket, folder).unwrap_or_default();
            total.objects += below.objects;
            total.bytes = total.bytes.saturating_add(below.bytes);
            total.is_all &= below.is_all;
        }
        Some(total)
    }

    /// The uploads of a bucket that are not complete, once they were asked for.
    pub(crate) fn uploads(&self, bucket: &str) -> Option<&UploadsView> {
        self.uploads.get(bucket)
    }

    /// Where the selected row stands.
    pub(crate) fn place(&self, rows: &[Row]) -> usize {
        let selected = self.selected.as_ref();
        let at = selected.and_then(|id| rows.iter().position(|row| row.is(id)));
        at.unwrap_or(self.at).min(rows.len().saturating_sub(1))
    }

    /// Selects the row at a place.
    pub(crate) fn select(&mut self, at: usize) {
        let id = self.rows().get(at).map(|row| RowId(row.tag(), row.bucket.to_owned(), row.name.to_owned()));
        (self.selected, self.at) = (id, at);
    }

    /// The row that is selected, out of all of them.
    pub(crate) fn selected<'a>(&self, rows: &[Row<'a>]) -> Option<Row<'a>> {
        rows.get(self.place(rows)).copied()
    }

    /// What is known of an object, where it is the one that was looked at.
    pub(crate) fn peek_of(&self, bucket: &str, key: &str) -> Option<&PeekView> {
        self.peek.as_ref().filter(|peek| peek.object.key == key && peek.bucket == bucket)
    }

    /// Selects the next row that holds what is searched for, or the one before; tells whether there is one.
    pub(crate) fn find(&mut self, forwards: bool) -> bool {
        let rows = self.rows();
        let at = self.place(&rows);
        let hit = |at: &usize| !self.search.is_empty() && holds(rows[*at].short(), &self.search);
        let found = if forwards { (at + 1..rows.len()).find(hit) } else { (0..at).rev().find(hit) };
        // What is selected from the start may be it.
        let from_start = forwards && self.selected.is_none() && !rows.is_empty();
        let found = found.or_else(|| from_start.then_some(0).filter(hit));
        if let Some(at) = found {
            self.select(at);
        }
        found.is_some()
    }

    /// Opens or folds the selected row, where it can be: `None` does the opposite of what is.
    pub(crate) fn turn(&mut self, open: Option<bool>) -> bool {
        let rows = self.rows();
        let Some(row) = self.selected(&rows) else { return false };
        let (kind, bucket, name) = (row.tag(), row.bucket.to_owned(), row.name.to_owned());
        let (Kind::Bucket(_, is_open) | Kind::Folder(is_open) | Kind::Uploads(_, is_open)) = row.kind else {
            return false;
        };
        let wanted = open.unwrap_or(!is_open);
        if kind == 5 {
            self.uploads.entry(bucket).or_default().is_open = wanted;
        } else {
            self.levels.entry(place(&bucket, &name)).or_default().is_open = wanted;
        }
        wanted != is_open
    }

    /// Selects the folder or bucket that the selected row lies in.
    pub(crate) fn leave(&mut self) {
        let rows = self.rows();
        let at = self.place(&rows);
        let Some(depth) = rows.get(at).map(|row| row.depth) else { return };
        if let Some(parent) = (0..at).rev().find(|above| rows[*above].depth < depth) {
            self.select(parent);
        }
    }

    fn begin(&mut self, look: Look) -> Option<Look> {
        if self.under_way.contains(&look) {
            return None;
        }
        if let Look::Level { bucket, prefix, .. } = &look {
            let level = self.levels.entry(place(bucket, prefix)).or_default();
            // One at a time: an answer to the one before would be taken for the beginning or the end of this one.
            if level.is_reading {
                return None;
            }
            level.is_reading = true;
        }
        self.under_way.push(look.clone());
        Some(look)
    }

    /// What is open and was not read yet.
    pub(crate) fn unread(&mut self) -> Vec<Look> {
        let mut wanted = Vec::new();
        let rows = self.rows();
        for row in &rows {
            let (bucket, prefix) = (row.bucket.to_owned(), row.name.to_owned());
            let is_new =
                |level: &LevelView| level.is_open && !level.is_read && !level.is_reading && level.failed.is_none();
            if matches!(row.kind, Kind::Bucket(_, true)) && !self.uploads.contains_key(row.bucket) {
                wanted.push(Look::Uploads { bucket: bucket.clone() });
            }
            if matches!(row.kind, Kind::Bucket(..) | Kind::Folder(_))
                && self.level(row.bucket, row.name).is_some_and(is_new)
            {
                wanted.push(Look::Level { bucket, prefix, after: None, pages: 1 });
            }
        }
        wanted.into_iter().filter_map(|look| self.begin(look)).collect()
    }

    /// The next page of the level whose end is selected.
    pub(crate) fn more(&mut self) -> Option<Look> {
        let rows = self.rows();
        let row = self.selected(&rows).filter(|row| matches!(row.kind, Kind::More))?;
        let level = self.level(row.bucket, row.name)?;
        let after = level.level.next.clone().filter(|_| level.level.objects.len() < KEPT_OBJECTS)?;
        let (bucket, prefix) = (row.bucket.to_owned(), row.name.to_owned());
        self.begin(Look::Level { bucket, prefix, after: Some(after), pages: 1 })
    }

    fn again(&self, bucket: &str, prefix: &str) -> Option<Look> {
        let view = self.level(bucket, prefix)?;
        let (bucket, prefix) = (bucket.to_owned(), prefix.to_owned());
        Some(Look::Level { bucket, prefix, after: None, pages: view.pages.clamp(1, PAGES_AGAIN) })
    }

    /// Reads again what is selected: the folder itself where it is open, else the one that it lies in.
    pub(crate) fn refresh(&mut self) -> Vec<Look> {
        let rows = self.rows();
        let Some(row) = self.selected(&rows) else { return Vec::new() };
        let bucket = row.bucket;
        let prefix = match row.kind {
            // The marker of a folder lies in it.
            Kind::Object(_) if row.name.ends_with('/') => row.name,
            Kind::Folder(false) | Kind::Object(_) => &row.name[..row.name.len() - last(row.name).len()],
            Kind::Uploads(..) | Kind::Upload(_) => "",
            _ => row.name,
        };
        let mut wanted: Vec<Look> = self.again(bucket, prefix).into_iter().collect();
        if matches!(row.kind, Kind::Uploads(..) | Kind::Upload(_)) {
            wanted.clear();
        }
        if matches!(row.kind, Kind::Bucket(..) | Kind::Uploads(..) | Kind::Upload(_)) {
            wanted.push(Look::Uploads { bucket: bucket.to_owned() });
        }
        if let Kind::Object(object) = row.kind
            && self.peek_of(bucket, row.name).is_some()
        {
            wanted.push(Look::Peek { bucket: bucket.to_owned(), key: object.key.clone() });
        }
        wanted.into_iter().filter_map(|look| self.begin(look)).collect()
    }

    /// Everything that is open, once in a while.
    pub(crate) fn again_by_itself(&mut self, now: u64, every_ms: u64) -> Vec<Look> {
        if now.saturating_sub(self.again_ms) < every_ms {
            return Vec::new();
        }
        self.again_ms = now;
        let rows = self.rows();
        let open = rows.iter().filter(|row| matches!(row.kind, Kind::Bucket(_, true) | Kind::Folder(true)));
        let mut wanted: Vec<Look> =
            open.take(LEVELS_AGAIN).filter_map(|row| self.again(row.bucket, row.name)).collect();
        let buckets = rows.iter().filter(|row| matches!(row.kind, Kind::Bucket(_, true)));
        wanted.extend(buckets.map(|row| Look::Uploads { bucket: row.bucket.to_owned() }));
        wanted.into_iter().filter_map(|look| self.begin(look)).collect()
    }

    /// Looks into the selected object, unless it was looked into as it is listed now.
    pub(crate) fn look_into(&mut self) -> Option<Look> {
        let rows = self.rows();
        let row = self.selected(&rows)?;
        let Kind::Object(object) = row.kind else { return None };
        if self.peek_of(row.bucket, row.name).is_some_and(|peek| peek.object == *object)
            || self.under_way.iter().any(|look| matches!(look, Look::Peek { .. }))
        {
            return None;
        }
        let (bucket, object) = (row.bucket.to_owned(), object.clone());
        let look = Look::Peek { bucket: bucket.clone(), key: object.key.clone() };
        // What is shown of an object that has changed stays until it is read again.
        let found = self.peek.take().filter(|peek| peek.object.key == object.key).and_then(|peek| peek.found);
        self.peek = Some(PeekView { bucket, object, found });
        self.begin(look)
    }

    /// Takes in what was found.
    pub(crate) fn answer(&mut self, look: &Look, found: Result<Found, String>) {
        self.under_way.retain(|known| known != look);
        match (look, found) {
            (Look::Level { bucket, prefix, after, pages }, found) => {
                let view = self.levels.entry(place(bucket, prefix)).or_default();
                view.is_reading = false;
                match found {
                    Ok(Found::Level(level)) => {
                        (view.failed, view.is_read) = (None, true);
                        view.take(level, after.is_some(), *pages);
                        self.forget_below(bucket, prefix);
                    }
                    Ok(_) => {}
                    Err(problem) => view.failed = Some(problem),
                }
            }
            (Look::Uploads { bucket }, found) => {
                let view = self.uploads.entry(bucket.clone()).or_default();
                match found {
                    Ok(Found::Uploads(found)) => (view.found, view.failed) = (Some(found), None),
                    Ok(_) => {}
                    Err(problem) => view.failed = Some(problem),
                }
            }
            (Look::Peek { bucket, key }, found) => {
                let peek = self.peek.as_mut().filter(|peek| peek.object.key == *key && peek.bucket == *bucket);
                if let Some(peek) = peek {
                    peek.found = match found {
                        Ok(Found::Peek(found)) => Some(Ok(*found)),
                        Ok(_) => None,
                        Err(problem) => Some(Err(problem)),
                    };
                }
            }
        }
    }

    /// Forgets the levels of folders that are there no more.
    fn forget_below(&mut self, bucket: &str, prefix: &str) {
        let above = place(bucket, prefix);
        let Some(view) = self.levels.get(&above).filter(|view| view.level.next.is_none()) else { return };
        let folders: std::collections::HashSet<String> =
            view.level.folders.iter().map(|folder| place(bucket, folder)).collect();
        self.levels.retain(|place, _| {
            let below = place.strip_prefix(&above).filter(|below| !below.is_empty());
            below.is_none_or(|below| {
                let end = above.len() + below.find('/').map_or(below.len(), |at| at + 1);
                folders.contains(&place[..end])
            })
        });
    }
}

impl LevelView {
    fn take(&mut self, level: Level, goes_on: bool, pages: u32) {
        if goes_on {
            self.level.folders.extend(level.folders);
            self.level.objects.extend(level.objects);
            self.level.next = level.next;
            self.pages = self.pages.saturating_add(pages);
        } else {
            (self.level, self.pages) = (level, pages);
        }
        self.bytes = self.level.objects.iter().fold(0, |sum, object| sum.saturating_add(object.size));
    }
}

/// How old something is that began then.
pub(crate) fn age(now: Option<Timestamp>, then: Option<Timestamp>) -> Option<std::time::Duration> {
    now?.since(then?)
}

#[cfg(test)]
mod tests;
