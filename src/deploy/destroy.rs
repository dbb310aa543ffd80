//! Removes a stack: empties the buckets that the stack made and will delete, versions too, deletes it, and follows that
//! to the end. Begun again after an interruption, it goes on from where it was.

use std::collections::HashSet;

use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use saphyr_parser::{Event, Parser};
use tokio_util::sync::CancellationToken;

use super::Sink;
use super::error::{DeployError, Left};
use super::events::{Followed, Follower};
use super::resources::{Resource, Resources};
use super::stack::{Stack, describe};
use crate::aws::{Clients, Kind, Problem};

const BUCKET: &str = "AWS::S3::Bucket";
/// How often deleting is begun again because somebody put an object into a bucket meanwhile.
const ROUNDS: u32 = 3;
/// Keys in one call of DeleteObjects, by S3's limit.
const BATCH: i32 = 1_000;
/// Levels of a template at the most; CloudFormation takes far fewer.
const DEEPEST: usize = 200;

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Destroyed {
    /// Whether there was a stack.
    pub existed: bool,
    /// Objects and versions that were deleted with the stack's buckets.
    pub objects: u64,
}

/// Removes the stack of that name and what its buckets hold; a stack that is not there is no error.
///
/// # Errors
/// The first cause of a failure, or what an interruption leaves.
pub async fn destroy(
    clients: &Clients,
    name: &str,
    out: &Sink,
    cancel: &CancellationToken,
) -> Result<Destroyed, DeployError> {
    let mut removed = Destroyed::default();
    for round in 1..=ROUNDS {
        let Some(stack) = describe(clients, name).await? else {
            return Ok(removed);
        };
        removed.existed = true;
        if stack.status != "DELETE_IN_PROGRESS" {
            for bucket in deletable_buckets(clients, &stack).await? {
                removed.objects += empty(clients, &stack, &bucket, cancel).await?;
            }
        }
        let mut follower = Follower::begin(clients, &stack.id).await?;
        if cancel.is_cancelled() {
            return Err(DeployError::Interrupted { stack: name.to_owned(), left: Left::Emptying });
        }
        clients
            .cloudformation
            .delete_stack()
            .stack_name(&stack.id)
            .send()
            .await
            .map_err(|error| Problem::of("cloudformation DeleteStack", &error))?;
        match follower.follow(clients, out, cancel).await? {
            Followed::Gone => return Ok(removed),
            Followed::Ended(after) if after.status == "DELETE_COMPLETE" => return Ok(removed),
            Followed::Ended(after) => {
                let cause = follower.cause().or(after.seen.reason).unwrap_or_default();
                if round == ROUNDS || !cause.contains("not empty") {
                    return Err(DeployError::Ended { stack: name.to_owned(), status: after.status, cause });
                }
            }
            Followed::Interrupted => {
                return Err(DeployError::Interrupted { stack: name.to_owned(), left: Left::Deleting });
            }
        }
    }
    Ok(removed)
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
        Ok(answer) => Ok(answer.template_body.as_deref().and_then(retained_by)),
        Err(problem) if problem.kind == Kind::Unsupported => Ok(None),
        Err(problem) => Err(problem.into()),
    }
}

/// Logical IDs whose `DeletionPolicy` keeps the resource; `None` when the text is no template. JSON is YAML, so one
/// reader does for both.
fn retained_by(template: &str) -> Option<HashSet<String>> {
    // The keys down to where the reader stands; a list has none.
    let mut path: Vec<Option<String>> = Vec::new();
    let mut in_list: Vec<bool> = Vec::new();
    let mut kept = HashSet::new();
    let mut has_resources = false;
    for event in Parser::new_from_str(template) {
        match event.ok()?.0 {
            Event::MappingStart(..) | Event::SequenceStart(..) if path.len() > DEEPEST => return None,
            Event::MappingStart(..) => {
                has_resources |= matches!(path.as_slice(), [Some(section)] if section == "Resources");
                path.push(None);
                in_list.push(false);
            }
            Event::SequenceStart(..) => {
                path.push(None);
                in_list.push(true);
            }
            Event::MappingEnd | Event::SequenceEnd => {
                path.pop();
                in_list.pop();
                value_ends(&mut path, &in_list);
            }
            Event::Scalar(text, ..) => {
                let is_key = in_list.last() == Some(&false) && matches!(path.last(), Some(None));
                if is_key {
                    if let Some(last) = path.last_mut() {
                        *last = Some(text.into_owned());
                    }
                    continue;
                }
                if let [Some(section), Some(resource), Some(member)] = path.as_slice()
                    && section == "Resources"
                    && member == "DeletionPolicy"
                    && text.starts_with("Retain")
                {
                    kept.insert(resource.clone());
                }
                value_ends(&mut path, &in_list);
            }
            Event::Alias(_) => value_ends(&mut path, &in_list),
            _ => {}
        }
    }
    has_resources.then_some(kept)
}

/// After the value of a mapping's member, the next scalar is a key again.
fn value_ends(path: &mut [Option<String>], in_list: &[bool]) {
    if in_list.last() == Some(&false)
        && let Some(last) = path.last_mut()
    {
        *last = None;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_with_a_retaining_policy_are_known_in_both_notations() {
        let kept = HashSet::from(["a".to_owned(), "c".to_owned()]);
        let yaml = "Resources:\n  a:\n    DeletionPolicy: Retain\n    Type: !Sub x\n  b: {Type: T}\n  c: {DeletionPolicy: RetainExceptOnCreate}\n  d: {DeletionPolicy: Delete}\n";
        let json =
            r#"{"Resources":{"a":{"DeletionPolicy":"Retain"},"b":{},"c":{"DeletionPolicy":"RetainExceptOnCreate"}}}"#;
        assert_eq!(retained_by(yaml), Some(kept.clone()));
        assert_eq!(retained_by(json), Some(kept));
        assert_eq!(retained_by("no template"), None);
    }

    #[test]
    fn our_own_template_retains_nothing() {
        assert_eq!(retained_by(super::super::TEMPLATE), Some(HashSet::new()));
    }
}
