//! Removes a stack: empties the buckets that the stack made and will delete, versions too, deletes it, and follows that
//! to the end. Begun again after an interruption, it goes on from where it was.

use std::collections::HashSet;

use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use tokio_util::sync::CancellationToken;

use super::Sink;
use super::catalogue::BOOTSTRAP;
use super::error::{DeployError, Left};
use super::events::{Followed, Follower};
use super::ownership;
use super::resources::{Resource, Resources};
use super::stack::{Stack, describe};
use super::store::Store;
use super::template::Template;
use crate::aws::{Clients, Kind, Problem};

const BUCKET: &str = "AWS::S3::Bucket";
/// How often deleting is begun again because somebody put an object into a bucket meanwhile.
const ROUNDS: u32 = 3;
/// Keys in one call of DeleteObjects, by S3's limit.
const BATCH: i32 = 1_000;

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Destroyed {
    /// Whether there was a stack.
    pub existed: bool,
    /// Objects and versions that were deleted with the stack's buckets.
    pub objects: u64,
}

/// Whether a stack may be deleted that somebody else has made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    /// It is refused.
    Refused,
    /// The user has insisted.
    Agreed,
}

/// Removes the stack of that name and what its buckets hold; a stack that is not there is no error.
///
/// # Errors
/// The first cause of a failure, that the stack is protected or somebody else's, or what an interruption leaves.
pub async fn destroy(
    clients: &Clients,
    name: &str,
    foreign: Foreign,
    out: &Sink,
    cancel: &CancellationToken,
) -> Result<Destroyed, DeployError> {
    let mut removed = Destroyed::default();
    for round in 1..=ROUNDS {
        let Some(stack) = describe(clients, name).await? else {
            return Ok(removed);
        };
        removed.existed = true;
        check(clients, &stack, foreign).await?;
        if stack.status != "DELETE_IN_PROGRESS" {
            for bucket in deletable_buckets(clients, &stack).await? {
                removed.objects += empty(clients, &stack, &bucket, cancel).await?;
            }
        }
        if cancel.is_cancelled() {
            return Err(DeployError::Interrupted { stack: name.to_owned(), left: Left::Emptying });
        }
        let mut follower = begin(clients, &stack).await?;
        match follower.follow(clients, out, cancel).await? {
            Followed::Ended(after) if after.status != "DELETE_COMPLETE" => {
                let cause = follower.cause().or(after.seen.reason).unwrap_or_default();
                if round == ROUNDS || !cause.contains("not empty") {
                    return Err(DeployError::Ended { stack: name.to_owned(), status: after.status, cause });
                }
            }
            Followed::Gone | Followed::Ended(_) => {
                if let Err(error) = Store::leave(clients, &stack, None).await {
                    tracing::warn!(%error, stack = name, "its functions' zip stays");
                }
                return Ok(removed);
            }
            Followed::Interrupted => {
                return Err(DeployError::Interrupted { stack: name.to_owned(), left: Left::Deleting });
            }
        }
    }
    Ok(removed)
}

/// Refuses, before anything is emptied, what may not be deleted; not every endpoint does.
///
/// # Errors
/// That the stack is protected, holds what others use, or is somebody else's.
pub async fn check(clients: &Clients, stack: &Stack, foreign: Foreign) -> Result<(), DeployError> {
    if stack.is_protected {
        return Err(DeployError::Protected { stack: stack.seen.name.clone() });
    }
    if stack.seen.name == BOOTSTRAP.stack {
        let users = Store::users(clients).await?;
        if !users.is_empty() {
            return Err(DeployError::InUse { stack: stack.seen.name.clone(), users });
        }
    }
    match foreign {
        Foreign::Agreed => Ok(()),
        Foreign::Refused => ownership::check_deletion(clients, stack).await,
    }
}

/// Asks for the deletion, or finds the one that is under way.
async fn begin(clients: &Clients, stack: &Stack) -> Result<Follower, Problem> {
    if stack.status == "DELETE_IN_PROGRESS" {
        return Follower::resume(clients, &stack.id).await;
    }
    let follower = Follower::begin(clients, &stack.id).await?;
    let deleted = clients.cloudformation.delete_stack().stack_name(&stack.id).send().await;
    deleted.map_err(|error| Problem::of("cloudformation DeleteStack", &error))?;
    Ok(follower)
}

/// The buckets that deleting the stack would delete: made by it, still there, and not retained by their policy.
async fn deletable_buckets(clients: &Clients, stack: &Stack) -> Result<Vec<String>, DeployError> {
    let resources = Resources::of_stack(clients, &stack.id).await?;
    let buckets: Vec<&Resource> = resources.of_type(BUCKET).collect();
    if buckets.is_empty() {
        return Ok(Vec::new());
    }
    let retained = retained(clients, &stack.id).await?;
    let goes = |bucket: &&Resource| match &retained {
        Some(kept) => !kept.contains(&bucket.logical_id),
        // Nobody tells what is kept: only what has refused to be deleted is known to be meant to.
        None => bucket.status == "DELETE_FAILED",
    };
    Ok(buckets.into_iter().filter(goes).filter_map(|bucket| bucket.physical_id.clone()).collect())
}

/// Logical IDs whose resources outlive the stack; `None` where the template cannot be read.
async fn retained(clients: &Clients, stack: &str) -> Result<Option<HashSet<String>>, DeployError> {
    let answer = clients.cloudformation.get_template().stack_name(stack).send().await;
    match answer.map_err(|error| Problem::of("cloudformation GetTemplate", &error)) {
        Ok(answer) => Ok(answer.template_body.as_deref().and_then(Template::read).map(|template| template.retained())),
        Err(problem) if problem.kind == Kind::Unsupported => Ok(None),
        Err(problem) => Err(problem.into()),
    }
}

/// Deletes every object, version and delete marker of a bucket; returns how many.
async fn empty(clients: &Clients, stack: &Stack, bucket: &str, cancel: &CancellationToken) -> Result<u64, DeployError> {
    let mut deleted = 0;
    loop {
        if cancel.is_cancelled() {
            return Err(DeployError::Interrupted { stack: stack.seen.name.clone(), left: Left::Emptying });
        }
        // Always the first page: what was listed before is gone by now.
        let Some(objects) = first_objects(clients, bucket).await? else {
            return Ok(deleted);
        };
        if objects.is_empty() {
            return Ok(deleted);
        }
        deleted += objects.len() as u64;
        delete(clients, bucket, objects).await?;
    }
}

/// Up to a batch of versions and delete markers; `None` when the bucket is gone.
async fn first_objects(clients: &Clients, bucket: &str) -> Result<Option<Vec<ObjectIdentifier>>, DeployError> {
    let answer = clients.s3.list_object_versions().bucket(bucket).max_keys(BATCH).send().await;
    let named = match answer.map_err(|error| Problem::of("s3 ListObjectVersions", &error)) {
        Ok(answer) => {
            let versions =
                answer.versions.unwrap_or_default().into_iter().map(|version| (version.key, version.version_id));
            let markers =
                answer.delete_markers.unwrap_or_default().into_iter().map(|marker| (marker.key, marker.version_id));
            versions.chain(markers).collect()
        }
        Err(problem) if problem.kind == Kind::Unsupported => current_objects(clients, bucket).await?,
        Err(problem) if problem.kind == Kind::NotFound => return Ok(None),
        Err(problem) => return Err(problem.into()),
    };
    let identify = |(key, version): (Option<String>, Option<String>)| {
        ObjectIdentifier::builder().set_key(key).set_version_id(version).build().ok()
    };
    Ok(Some(named.into_iter().filter_map(identify).collect()))
}

/// For endpoints that keep no versions.
async fn current_objects(
    clients: &Clients,
    bucket: &str,
) -> Result<Vec<(Option<String>, Option<String>)>, DeployError> {
    let answer = clients
        .s3
        .list_objects_v2()
        .bucket(bucket)
        .max_keys(BATCH)
        .send()
        .await
        .map_err(|error| Problem::of("s3 ListObjectsV2", &error))?;
    Ok(answer.contents.unwrap_or_default().into_iter().map(|object| (object.key, None)).collect())
}

async fn delete(clients: &Clients, bucket: &str, objects: Vec<ObjectIdentifier>) -> Result<(), DeployError> {
    let failed = |problem: String| DeployError::Emptying { bucket: bucket.to_owned(), problem };
    let batch =
        Delete::builder().set_objects(Some(objects)).quiet(true).build().map_err(|error| failed(error.to_string()))?;
    let answer = clients
        .s3
        .delete_objects()
        .bucket(bucket)
        .delete(batch)
        .send()
        .await
        .map_err(|error| Problem::of("s3 DeleteObjects", &error))?;
    match answer.errors.unwrap_or_default().first() {
        None => Ok(()),
        Some(error) => Err(failed(format!(
            "{} of {}",
            error.message().or(error.code()).unwrap_or("no reason was given"),
            error.key().unwrap_or("an object")
        ))),
    }
}
