//! The workers: they take jobs from the books and do them over the uplink.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};

use super::book::{Job, Key, Outcome, Stamp, Task};
use super::core::{Core, path_of};
use super::disk;
use super::uplink::{FileBytes, Metadata, UplinkError};
use super::watch::Hand;

/// Parts of an upload at the most.
const MOST_PARTS: u64 = 10_000;

/// Why an upload did not come about.
enum Failure {
    /// The file cannot be read.
    File(std::io::Error),
    Uplink(UplinkError),
    /// The share is being closed.
    Stopped,
    /// The file changed while it was read.
    Changed,
}

impl From<UplinkError> for Failure {
    fn from(error: UplinkError) -> Self {
        Self::Uplink(error)
    }
}

/// Takes jobs until the share is closed; what is under way then is ended first.
pub(super) async fn work(core: Arc<Core>, hand: Hand) {
    while !core.stop.is_cancelled() {
        let job = core.state().book.take(core.clock.now());
        let Some(job) = job else {
            tokio::select! {
                () = core.work.notified() => {}
                () = core.stop.cancelled() => {}
            }
            continue;
        };
        // There may be more for the others.
        core.work.notify_one();
        carry_out(&core, &hand, job).await;
    }
}

async fn carry_out(core: &Arc<Core>, hand: &Hand, job: Job) {
    let path = path_of(&job.key);
    let (what, bytes, result) = match &job.task {
        Task::Put(stamp) => ("uploaded", stamp.size, put(core, &job.key, *stamp).await),
        Task::PutDirectory => ("uploaded", 0, put_directory(core, &job.key).await),
        Task::CopyFrom(from) => ("copied", 0, copy(core, from, &job.key).await),
        Task::Delete => {
            let deleted = core.uplink.delete_object(&core.object_key(&job.key)).await;
            ("deleted", 0, deleted.map(|()| Outcome::Deleted).map_err(Failure::from))
        }
    };
    let vanished = matches!(&result, Err(Failure::File(error)) if error.kind() == std::io::ErrorKind::NotFound);
    let problem = match &result {
        Ok(_) | Err(Failure::Stopped | Failure::Changed) => None,
        Err(Failure::File(error)) => Some((format!("it cannot be read: {error}"), false)),
        Err(Failure::Uplink(error)) => Some((format!("it cannot be {what}: {error}"), error.retryable)),
    };
    let outcome = match result {
        Ok(outcome) => outcome,
        Err(Failure::Changed) => Outcome::Changed,
        Err(Failure::Stopped) => Outcome::Failed { retryable: true },
        Err(Failure::File(_)) => Outcome::Failed { retryable: vanished },
        Err(Failure::Uplink(error)) => Outcome::Failed { retryable: error.retryable },
    };
    let now = core.clock.now();
    let is_done = matches!(outcome, Outcome::Stored { .. } | Outcome::Deleted);
    let look_after = {
        let mut state = core.state();
        let look_after = state.book.finish(&job.key, outcome, now);
        if is_done {
            state.notes.clear(path);
            state.notes.done(what, path, bytes, now);
            if what == "uploaded" {
                state.notes.uploaded += 1;
                state.notes.uploaded_bytes += bytes;
            }
            core.remember(&mut state, &job.key);
        } else if let Some((problem, retried)) = problem.filter(|_| !vanished) {
            state.notes.problem(path, problem, retried, now);
        }
        look_after
    };
    if vanished {
        core.look(path, false);
    }
    if look_after {
        hand.look_after(path);
    }
    core.wake();
}

async fn put(core: &Arc<Core>, key: &Key, noted: Stamp) -> Result<Outcome, Failure> {
    let (file, found) = disk::open(&core.path(key)).map_err(Failure::File)?;
    let size = found.size();
    let file = Arc::new(file);
    let metadata = disk::metadata(&found, gateway_id(core));
    let object = core.object_key(key);
    let body = FileBytes { file: Arc::clone(&file), offset: 0, len: size };
    let etag = if size >= core.config.multipart_from_bytes.max(1) {
        put_parts(core, &object, &body, &metadata, noted).await?
    } else {
        match core.uplink.put_object(&object, Some(body), &metadata).await {
            Ok(etag) => etag,
            // A file that became shorter under the reader is no fault of the bucket's.
            Err(_) if stamp_of(&file)? != noted => return Err(Failure::Changed),
            Err(error) => return Err(error.into()),
        }
    };
    let after = file.metadata().map_err(Failure::File)?;
    Ok(Outcome::Stored { etag, stamp: disk::stamp(&after), firm: !disk::is_racy(&found) })
}

fn stamp_of(file: &File) -> Result<Stamp, Failure> {
    file.metadata().map(|found| disk::stamp(&found)).map_err(Failure::File)
}

async fn put_parts(
    core: &Arc<Core>,
    object: &str,
    body: &FileBytes,
    metadata: &Metadata,
    noted: Stamp,
) -> Result<String, Failure> {
    let upload = core.uplink.create_multipart(object, metadata).await?;
    let part_bytes = core.config.part_bytes.max(body.len.div_ceil(MOST_PARTS));
    let starts = (0..body.len.div_ceil(part_bytes)).map(|part| part * part_bytes);
    let numbered = (1_u32..).zip(starts);
    let parts = stream::iter(numbered)
        .map(|(number, offset)| {
            let upload = &upload;
            let part = FileBytes { file: Arc::clone(&body.file), offset, len: part_bytes.min(body.len - offset) };
            async move {
                if core.stop.is_cancelled() {
                    return Err(Failure::Stopped);
                }
                if stamp_of(&part.file)? != noted {
                    return Err(Failure::Changed);
                }
                let file = Arc::clone(&part.file);
                match core.uplink.upload_part(object, upload, number, part).await {
                    Ok(done) => Ok(done),
                    Err(_) if stamp_of(&file)? != noted => Err(Failure::Changed),
                    Err(error) => Err(Failure::from(error)),
                }
            }
        })
        .buffered(core.config.part_workers)
        .try_collect::<Vec<_>>()
        .await;
    let done = match parts {
        Ok(_) if stamp_of(&body.file)? != noted => Err(Failure::Changed),
        Ok(parts) => core.uplink.complete(object, &upload, parts).await.map_err(Failure::from),
        Err(failure) => Err(failure),
    };
    if done.is_err()
        && let Err(error) = core.uplink.abort(object, &upload).await
    {
        tracing::warn!(%error, object, "a multipart upload could not be given up: its parts stay in the bucket");
    }
    done
}

async fn put_directory(core: &Arc<Core>, key: &Key) -> Result<Outcome, Failure> {
    let found = std::fs::symlink_metadata(core.path(key)).map_err(Failure::File)?;
    let metadata = disk::metadata(&found, gateway_id(core));
    let etag = core.uplink.put_object(&core.object_key(key), None, &metadata).await?;
    Ok(Outcome::Stored { etag, stamp: Stamp::default(), firm: true })
}

async fn copy(core: &Arc<Core>, from: &Key, to: &Key) -> Result<Outcome, Failure> {
    let etag = core.uplink.copy_object(&core.object_key(from), &core.object_key(to)).await?;
    Ok(Outcome::Stored { etag, stamp: Stamp::default(), firm: false })
}

/// `sgw-…` of the gateway's ARN.
fn gateway_id(core: &Core) -> &str {
    core.config.share.gateway_arn.rsplit('/').next().unwrap_or_default()
}
