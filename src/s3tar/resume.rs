//! Goes on with the upload of a run that was killed, and ends what is of no use any more.
//!
//! An upload carries its own mark: part 10,000, which no archive has and which is left out when the upload is completed.
//! Its content is a fingerprint of everything that decides the archive's bytes, so a run with the same fingerprint may use
//! the parts that are there. A mark of our length with another fingerprint is an upload of ours that nobody will finish.
//! Temporary objects stand below the archive's own name.

use std::collections::HashMap;

use bytes::Bytes;
use md5::{Digest as _, Md5};
use sha2::Sha256;

use super::create::Wish;
use super::error::S3TarError;
use super::layout::Part;
use super::location::Location;
use super::member::{Member, bare_etag};
use super::port::{Port, Stored, Storing, Upload};

/// The part that is the mark.
const MARK: i32 = 10_000;
/// Its bytes: a prime, so that nobody's last part is of that length by chance.
const MARK_LEN: u64 = 4_093;
/// What temporary objects are called after the archive's key.
const TEMPORARY: &str = ".s3tar-tmp/";

/// An archive that is to be made.
pub struct Plan<'a> {
    /// Where.
    pub place: Location,
    /// Of what.
    pub members: &'a [Member],
    /// The table of contents with header and padding.
    pub front: Bytes,
    /// The parts of its upload.
    pub parts: Vec<Part>,
    /// What decides its bytes, as a hash.
    pub fingerprint: String,
}

/// An upload, and the parts of it that are there already.
pub struct Begun {
    /// The upload.
    pub upload: Upload,
    /// By their numbers.
    pub stored: HashMap<i32, Stored>,
}

/// Everything that decides an archive's bytes and how they are cut, as one hash.
#[must_use]
pub fn fingerprint(place: &Location, members: &[Member], wish: &Wish) -> String {
    let mut hash = Sha256::new();
    // Told apart by their lengths: no two lists of fields are the same bytes.
    let mut add = |field: &[u8]| {
        hash.update((field.len() as u64).to_le_bytes());
        hash.update(field);
    };
    add(concat!("s3tar ", env!("CARGO_PKG_VERSION")).as_bytes());
    add(place.to_string().as_bytes());
    add(format!("{:?} {:?} {:?} {}", wish.format, wish.storing, wish.part_size, wish.in_memory).as_bytes());
    for member in members {
        add(member.bucket.as_bytes());
        add(member.key.as_bytes());
        add(&member.size.to_le_bytes());
        add(member.etag.as_bytes());
        if let Some(posix) = &member.posix {
            add(format!("{posix:?}").as_bytes());
        }
        add(&member.modified.map_or(wish.fallback_time, crate::model::Timestamp::secs).to_le_bytes());
    }
    hex::encode(hash.finalize())
}

fn mark(fingerprint: &str) -> Bytes {
    let line = format!("vaultscope s3tar {fingerprint}\n");
    line.bytes().cycle().take(usize::try_from(MARK_LEN).unwrap_or_default()).collect()
}

/// Where the temporary object of a part is.
#[must_use]
pub fn temporary(place: &Location, fingerprint: &str, number: i32) -> Location {
    let run = fingerprint.get(..16).unwrap_or(fingerprint);
    place.at(format!("{}{TEMPORARY}{run}/{number:05}", place.key))
}

/// What an upload under the archive's name is.
enum Found {
    /// Of a run with the same plan, with the parts that are there.
    Same(HashMap<i32, Stored>),
    /// Of another run of ours, or it has no parts: of no use.
    Ours,
    /// Somebody else's.
    Foreign,
}

async fn look(port: &Port, upload: &Upload, fingerprint: Option<&str>) -> Result<Found, S3TarError> {
    let Some(parts) = port.parts(upload).await? else { return Ok(Found::Foreign) };
    if parts.is_empty() {
        return Ok(Found::Ours);
    }
    let Some(found) = parts.iter().find(|part| part.number == MARK && part.size == Some(MARK_LEN)) else {
        return Ok(Found::Foreign);
    };
    let is_same = fingerprint.is_some_and(|fingerprint| {
        bare_etag(&found.etag).eq_ignore_ascii_case(&hex::encode(Md5::digest(mark(fingerprint))))
    });
    if !is_same {
        return Ok(Found::Ours);
    }
    Ok(Found::Same(parts.into_iter().filter(|part| part.number != MARK).map(|part| (part.number, part)).collect()))
}

/// Goes on with an upload of the same plan, or begins one; uploads of ours that nobody will finish are ended.
///
/// # Errors
/// When a call fails.
pub async fn begin(port: &Port, plan: &Plan<'_>, storing: &Storing) -> Result<Begun, S3TarError> {
    let mut begun: Option<Begun> = None;
    for upload in uploads(port, &plan.place).await? {
        if upload.place != plan.place {
            port.abort(&upload).await?;
            continue;
        }
        match look(port, &upload, Some(&plan.fingerprint)).await? {
            Found::Same(stored) if begun.is_none() => {
                let fits = |(number, stored): &(i32, Stored)| {
                    let index = usize::try_from(*number).ok().and_then(|number| number.checked_sub(1));
                    let part = index.and_then(|index| plan.parts.get(index));
                    part.is_some_and(|part| stored.size == Some(part.len()))
                };
                begun = Some(Begun { upload, stored: stored.into_iter().filter(fits).collect() });
            }
            Found::Same(_) | Found::Ours => port.abort(&upload).await?,
            Found::Foreign => {}
        }
    }
    sweep_objects(port, &plan.place).await?;
    if let Some(begun) = begun {
        return Ok(begun);
    }
    let upload = port.begin(&plan.place, storing).await?;
    port.upload(&upload, MARK, mark(&plan.fingerprint)).await?;
    Ok(Begun { upload, stored: HashMap::new() })
}

/// Ends every upload of ours of these archives, and deletes their temporary objects.
///
/// # Errors
/// The first call that fails, after all have been tried.
pub async fn sweep_all(port: &Port, places: impl Iterator<Item = &Location>) -> Result<(), S3TarError> {
    let mut first = Ok(());
    for place in places {
        first = first.and(sweep(port, place).await);
    }
    first
}

async fn sweep(port: &Port, place: &Location) -> Result<(), S3TarError> {
    for upload in uploads(port, place).await? {
        let is_ours = upload.place != *place || !matches!(look(port, &upload, None).await?, Found::Foreign);
        if is_ours {
            port.abort(&upload).await?;
        }
    }
    sweep_objects(port, place).await
}

/// Uploads under the archive's name, and of its temporary objects.
async fn uploads(port: &Port, place: &Location) -> Result<Vec<Upload>, S3TarError> {
    let temporary = format!("{}{TEMPORARY}", place.key);
    let mut uploads = port.uploads(place).await?;
    uploads.retain(|upload| upload.place == *place || upload.place.key.starts_with(&temporary));
    Ok(uploads)
}

async fn sweep_objects(port: &Port, place: &Location) -> Result<(), S3TarError> {
    let prefix = place.at(format!("{}{TEMPORARY}", place.key));
    loop {
        let page = port.list(&prefix, None, None).await?;
        for (key, _) in &page.objects {
            port.delete(&prefix.at(key.as_str())).await?;
        }
        if page.next.is_none() {
            return Ok(());
        }
    }
}
