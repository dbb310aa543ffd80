//! The scheduled task: yesterday's inventory, the objects in it that are new since the one before, and their archive.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::model::Timestamp;

use super::create::{Creation, Wish, create};
use super::error::S3TarError;
use super::fetch::read_whole;
use super::inventory::Inventory;
use super::location::Location;
use super::manifest::write_manifest;
use super::member::Member;
use super::port::Port;

const DAY: Duration = Duration::from_secs(86_400);
const MANIFEST: &str = "manifest.json";
const CHECKSUM: &str = "manifest.checksum";
/// What is written beside the inventory's manifest.
const INPUT: &str = "s3tarinputmanifest.csv";

/// Which of an inventory's objects are archived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Objects {
    /// Those that changed after the inventory of the day before was taken (or within 24 hours where there is none), so that
    /// each is in one archive.
    #[default]
    New,
    /// All.
    All,
}

/// What the task works on.
#[derive(Debug, Clone)]
pub struct TaskSettings {
    /// Whose inventory it is.
    pub source_bucket: String,
    /// Where the files of the inventory are.
    pub dest_bucket: String,
    /// Where the folders of inventories are: `bucket/prefix/source-bucket/id/`.
    pub inventories: Location,
    /// Below which the archive is put.
    pub archives: Location,
    /// A moment of the day on which the task runs; the inventory is of the day before.
    pub now: Timestamp,
    /// Which objects.
    pub objects: Objects,
    /// How the archive is made; its destination is chosen here.
    pub wish: Wish,
}

/// What the task did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archived {
    /// The inventory's `manifest.json`.
    pub inventory: Location,
    /// Objects that it lists.
    pub listed: usize,
    /// Objects that have to be restored before they can be archived.
    pub frozen: usize,
    /// The manifest that was written beside it; `None` when there was nothing to archive.
    pub manifest: Option<Location>,
    /// The archives; `None` when there was nothing to archive.
    pub creation: Option<Creation>,
}

/// Archives a day; `said` is called with each step in words.
///
/// # Errors
/// When there is no inventory of the day, it is corrupt, or the archive cannot be made.
pub async fn archive_day(
    port: &Port,
    settings: &TaskSettings,
    cancel: &CancellationToken,
    said: &(dyn Fn(&str) + Sync),
) -> Result<Archived, S3TarError> {
    let day = date(settings.now.minus(DAY));
    let found = find(port, &settings.inventories, &day).await?;
    said(&format!("inventory of {day}: {}", found.manifest));
    let inventory = open(port, &found.manifest).await?;
    if inventory.source_bucket != settings.source_bucket {
        let problem = format!("it is of bucket {}, and {} is wanted", inventory.source_bucket, settings.source_bucket);
        return Err(S3TarError::Corrupt { what: found.manifest.to_string(), problem });
    }
    let created = inventory.created().unwrap_or(settings.now);
    let since = match (settings.objects, &found.previous) {
        (Objects::All, _) => None,
        (Objects::New, None) => Some(created.minus(DAY)),
        (Objects::New, Some(previous)) => open(port, previous).await?.created(),
    };
    // An object that was put while the inventory was taken comes in the next one.
    let is_new = |member: &Member| match (since, member.modified) {
        (None, _) | (_, None) => true,
        (Some(since), Some(modified)) => modified > since && modified <= created,
    };
    let (mut members, mut listed, mut frozen) = (Vec::new(), 0, 0);
    for file in &inventory.files {
        let place = Location { bucket: settings.dest_bucket.clone(), key: file.key.clone() };
        let bytes = read_whole(port, &place).await?;
        inventory.rows(file, &bytes, |row| {
            listed += 1;
            if row.member.size == 0 || !is_new(&row.member) {
                return;
            }
            if row.frozen {
                frozen += 1;
            } else {
                members.push(row.member);
            }
        })?;
    }
    said(&format!("{} of its {listed} objects are to be archived", members.len()));
    if frozen > 0 {
        said(&format!("{frozen} more are in a class that has to be restored first, and are left out"));
    }
    let mut archived = Archived { inventory: found.manifest.clone(), listed, frozen, manifest: None, creation: None };
    if members.is_empty() {
        return Ok(archived);
    }
    let folder = found.manifest.key.trim_end_matches(MANIFEST);
    let input = found.manifest.at(format!("{folder}{INPUT}"));
    let mut lines = Vec::new();
    write_manifest(&members, &mut lines).map_err(|error| S3TarError::File { path: input.to_string(), error })?;
    port.put(&input, lines.into(), "text/csv").await?;
    said(&format!("manifest: {input}"));
    archived.manifest = Some(input);
    let today = date(settings.now);
    let destination = settings.archives.below(&today).below(&format!("s3tar_archive_{today}.tar"));
    let wish = Wish { destination, fallback_time: created.secs(), ..settings.wish.clone() };
    archived.creation = Some(create(port, members, &wish, cancel, &|_| {}).await?);
    Ok(archived)
}

fn date(moment: Timestamp) -> String {
    moment.iso_seconds().chars().take(10).collect()
}

#[derive(Debug)]
struct Found {
    manifest: Location,
    /// That of the last inventory of an earlier day.
    previous: Option<Location>,
}

/// The last inventory of a day, by the folders' names: `2026-11-20T01-00Z/`.
async fn find(port: &Port, place: &Location, day: &str) -> Result<Found, S3TarError> {
    let mut prefix = place.clone();
    if !prefix.key.is_empty() && !prefix.key.ends_with('/') {
        prefix.key.push('/');
    }
    let mut folders = Vec::new();
    let mut after = None;
    loop {
        let page = port.list(&prefix, Some("/"), after).await?;
        folders.extend(page.folders);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let (of_day, before) = chosen(&folders, &prefix.key, day);
    let manifest = |folder: &str| prefix.at(format!("{folder}{MANIFEST}"));
    match of_day {
        Some(folder) => Ok(Found { manifest: manifest(folder), previous: before.map(manifest) }),
        None => Err(S3TarError::NoInventory { place: prefix, day: day.to_owned() }),
    }
}

/// The last folder of the day, and the last one of an earlier day.
fn chosen<'a>(folders: &'a [String], prefix: &str, day: &str) -> (Option<&'a str>, Option<&'a str>) {
    let dated = |folder: &&'a String| {
        let name = folder.strip_prefix(prefix).unwrap_or_default().as_bytes();
        // Beside them stand `data/` and `hive/`.
        name.len() > 11 && name[..4].iter().all(u8::is_ascii_digit) && name[4] == b'-' && name[10] == b'T'
    };
    let date = |folder: &str| folder.get(prefix.len()..prefix.len() + 10).unwrap_or_default().to_owned();
    let of_day = folders.iter().filter(dated).filter(|folder| date(folder) == day).max();
    let before = folders.iter().filter(dated).filter(|folder| *date(folder) < *day).max();
    (of_day.map(String::as_str), before.map(String::as_str))
}

async fn open(port: &Port, manifest: &Location) -> Result<Inventory, S3TarError> {
    let bytes = read_whole(port, manifest).await?;
    let folder = manifest.key.trim_end_matches(MANIFEST);
    let checksum = match read_whole(port, &manifest.at(format!("{folder}{CHECKSUM}"))).await {
        Ok(bytes) => Some(bytes),
        Err(S3TarError::Missing { .. }) => None,
        Err(error) => return Err(error),
    };
    Inventory::read(&bytes, checksum.as_deref(), &manifest.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_inventory_of_the_day_is_taken_and_the_one_of_an_earlier_day_is_before_it() {
        let folders: Vec<String> = [
            "i/2026-11-18T01-00Z/",
            "i/2026-11-19T01-00Z/",
            "i/2026-11-20T01-00Z/",
            "i/2026-11-20T13-00Z/",
            "i/2026-11-21T01-00Z/",
            "i/data/",
            "i/hive/",
        ]
        .map(str::to_owned)
        .to_vec();
        let on = |day| chosen(&folders, "i/", day);
        assert_eq!(on("2026-11-20"), (Some("i/2026-11-20T13-00Z/"), Some("i/2026-11-19T01-00Z/")));
        assert_eq!(on("2026-11-18"), (Some("i/2026-11-18T01-00Z/"), None));
        assert_eq!(on("2026-11-22"), (None, Some("i/2026-11-21T01-00Z/")));
    }
}
