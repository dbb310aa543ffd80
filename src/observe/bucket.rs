//! The bucket: objects below the roots of the datasets that are looked at, and each dataset's manifest, once.

use std::collections::HashMap;

use super::drive::{Halt, Out, Progress, Tailer};
use super::interest::{Attention, Interest};
use super::lull::Lull;
use super::seen_before::fingerprint;
use crate::aws::{Clients, Problem};
use crate::clock::real_now;
use crate::model::{ManifestRead, ObjectSeen, Seen, SetId, Source, Timestamp, UploadDetail};

/// Pages of one dataset in one look; the next look goes on from there.
const PAGES: usize = 5;
/// A manifest is read into memory: 900 bytes a key and a million keys are below this.
const LARGEST_MANIFEST: i64 = 1 << 30;

/// The tailer of the bucket.
pub struct Bucket {
    clients: Clients,
    name: String,
    suffix: String,
    interest: Interest,
    sets: HashMap<SetId, Listing>,
}

/// How far a dataset is listed.
#[derive(Default)]
struct Listing {
    /// Fingerprint of each key, and its size when it was told last.
    objects: HashMap<u64, u64>,
    /// The key after which the next page begins.
    after: Option<String>,
    /// Whether the round that is under way has had news.
    news: bool,
    /// What was known when the round that is under way began, and when the last one without news did.
    began: Option<(u64, bool)>,
    quiet_at: Option<(u64, bool)>,
    lull: Lull,
}

impl Listing {
    /// Objects come before their log lines, so nothing is to be expected of a settled dataset that was listed since, and
    /// not much of one that is not.
    fn is_worth(&self, known: &Attention) -> bool {
        self.quiet_at != Some((known.lines, known.settled)) || (!known.settled && self.lull.is_over(real_now()))
    }
}

impl Bucket {
    /// A tailer of a bucket.
    pub fn new(clients: Clients, name: String, suffix: String, interest: Interest) -> Self {
        Self { clients, name, suffix, interest, sets: HashMap::new() }
    }

    async fn list(&mut self, set: &SetId, known: &Attention, out: &Out) -> Result<bool, Halt> {
        let listing = self.sets.entry(set.clone()).or_default();
        let mut changed = false;
        for _ in 0..PAGES {
            if listing.after.is_none() {
                (listing.began, listing.news) = (Some((known.lines, known.settled)), false);
            }
            let answer = self
                .clients
                .s3
                .list_objects_v2()
                .bucket(&self.name)
                .prefix(format!("{set}{}/", self.suffix))
                .set_start_after(listing.after.clone())
                .send()
                .await
                .map_err(|error| Problem::of("s3 ListObjectsV2", &error))?;
            let more = answer.is_truncated.unwrap_or_default();
            let mut last = None;
            for object in answer.contents.unwrap_or_default() {
                let (Some(key), size) = (object.key, object.size.unwrap_or_default()) else { continue };
                let size = u64::try_from(size).unwrap_or_default();
                last = Some(key.clone());
                if listing.objects.get(&fingerprint(&key)) == Some(&size) {
                    continue;
                }
                let print = fingerprint(&key);
                let at = object.last_modified.map_or_else(Timestamp::default, |at| {
                    Timestamp::from_micros(i64::try_from(at.as_nanos() / 1_000).unwrap_or_default())
                });
                out.tell(at, Seen::Object(ObjectSeen { key, size })).await?;
                listing.objects.insert(print, size);
                (listing.news, changed) = (true, true);
            }
            listing.after = last.filter(|_| more);
            if listing.after.is_none() {
                listing.quiet_at = listing.began.filter(|_| !listing.news);
                listing.lull.read(listing.news, real_now());
                break;
            }
        }
        Ok(changed)
    }

    async fn read_manifest(&self, upload: &UploadDetail, out: &Out) -> Result<(), Halt> {
        let keys = manifest(&self.clients, &upload.bucket_name, &upload.object_key).await?;
        let count = keys.len();
        let (set_id, object_key) = (upload.set_id.clone(), upload.object_key.clone());
        out.tell_now(Seen::Manifest(ManifestRead { set_id, object_key, keys })).await?;
        self.interest.manifest_read(&upload.set_id, count);
        Ok(())
    }
}

impl Tailer for Bucket {
    fn source(&self) -> Source {
        Source::Bucket
    }

    async fn look(&mut self, out: &Out) -> Result<Progress, Halt> {
        let manifests = self.interest.manifests();
        let mut changed = !manifests.is_empty();
        for upload in manifests {
            self.read_manifest(&upload, out).await?;
        }
        for (set, known) in self.interest.sets() {
            if self.sets.get(&set).is_none_or(|listing| listing.is_worth(&known)) {
                changed |= self.list(&set, &known, out).await?;
            }
        }
        Ok(Progress::from(changed))
    }
}

/// The lines of a manifest.
pub async fn manifest(clients: &Clients, bucket: &str, key: &str) -> Result<Vec<String>, Problem> {
    let answer = clients
        .s3
        .get_object()
        .bucket(bucket)
        .key(key)
        .send()
        .await
        .map_err(|error| Problem::of("s3 GetObject", &error))?;
    if answer.content_length.unwrap_or_default() > LARGEST_MANIFEST {
        return Err(Problem::refused(format!("manifest {key:?} is larger than 1 GiB and is not read")));
    }
    let body = answer
        .body
        .collect()
        .await
        .map_err(|error| Problem::outage(format!("manifest {key:?} broke off while it was read: {error}")))?;
    let text =
        String::from_utf8(body.to_vec()).map_err(|_| Problem::refused(format!("manifest {key:?} is not UTF-8")))?;
    Ok(text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_settled_dataset_is_listed_once_more_and_then_left_alone() {
        let mut listing = Listing::default();
        let known = |lines, settled| Attention { lines, manifest_keys: None, settled, ..Attention::default() };
        assert!(listing.is_worth(&known(1, false)));
        assert!(listing.is_worth(&known(1, true)), "not listed since it was settled");
        listing.quiet_at = Some((1, true));
        assert!(!listing.is_worth(&known(1, true)));
        assert!(listing.is_worth(&known(2, true)), "a late upload was logged");
        listing.quiet_at = Some((1, false));
        assert!(listing.is_worth(&known(1, false)), "its pause is over");
        listing.lull.read(false, real_now());
        assert!(!listing.is_worth(&known(1, false)), "listed just now");
        assert!(listing.is_worth(&known(2, false)), "another upload was logged");
    }
}
