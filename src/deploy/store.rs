//! Where artefacts stand: a bucket that the user named, or that of the bootstrap stack, which is made where it is
//! missing, through a change set as any other stack.
//!
//! A bucket that the user named is only read and written to: never made, emptied, tagged or deleted. In the bootstrap
//! stack's bucket a zip that no stack names any more is tagged, and the tag lets it expire.

use aws_sdk_s3::types::{Tag, Tagging};
use tokio_util::sync::CancellationToken;

use super::Sink;
use super::apply;
use super::catalogue::BOOTSTRAP;
use super::error::DeployError;
use super::package::{Artefact, Location};
use super::plan::{CODE_BUCKET, CODE_KEY, Plan};
use super::stack::{self, Stack};
use crate::aws::{Account, Clients, Kind, Problem, Target, upload_timeouts};

/// The output of the bootstrap stack that names its bucket.
const BUCKET_OUTPUT: &str = "artefactBucketName";
/// The tag by which the bootstrap stack's lifecycle rule knows what may expire.
const SUPERSEDED: (&str, &str) = ("vaultscope", "superseded");

/// The bucket that artefacts stand in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    bucket: String,
    /// Whether it is the bootstrap stack's.
    is_own: bool,
}

impl Store {
    /// The bucket that is there; `None` when the user named none and the bootstrap stack is yet to be made.
    ///
    /// # Errors
    /// When a call fails.
    pub async fn find(clients: &Clients, named: Option<&str>) -> Result<Option<Self>, DeployError> {
        if let Some(bucket) = named {
            return Ok(Some(Self { bucket: bucket.to_owned(), is_own: false }));
        }
        let Some(stack) = stack::describe(clients, BOOTSTRAP.stack).await? else {
            return Ok(None);
        };
        Ok(bucket_of(&stack).map(|bucket| Self { bucket, is_own: true }))
    }

    /// The same, making the bootstrap stack where it is missing.
    ///
    /// # Errors
    /// The first cause of a failure, or what an interruption leaves.
    pub async fn ensure(
        clients: &Clients,
        named: Option<&str>,
        out: &Sink,
        cancel: &CancellationToken,
    ) -> Result<Self, DeployError> {
        if let Some(store) = Self::find(clients, named).await? {
            return Ok(store);
        }
        let plan = Plan::of(BOOTSTRAP, BOOTSTRAP.stack, Vec::new()).ok_or(DeployError::Template(BOOTSTRAP.id))?;
        let stack = apply::deploy(clients, &plan, out, cancel).await?;
        match bucket_of(&stack) {
            Some(bucket) => Ok(Self { bucket, is_own: true }),
            None => Err(DeployError::NoStore { stack: stack.seen.name, output: BUCKET_OUTPUT }),
        }
    }

    /// Where an artefact stands, or will stand.
    #[must_use]
    pub fn location(&self, artefact: &Artefact) -> Location {
        Location { bucket: self.bucket.clone(), key: artefact.key() }
    }

    /// Uploads an artefact where it is missing.
    ///
    /// # Errors
    /// When the bucket is missing or another account's, or a call fails.
    pub async fn upload(
        &self,
        clients: &Clients,
        account: &Account,
        artefact: &Artefact,
    ) -> Result<Location, DeployError> {
        let location = self.location(artefact);
        let (bucket, key) = (&location.bucket, &location.key);
        // Nobody else's bucket of that name is written to; endpoints have one account and need no such care.
        let is_aws = matches!(clients.target, Target::Aws { .. });
        let owner = (self.is_own && is_aws).then(|| account.id.clone());
        let there = clients.s3.head_object().bucket(bucket).key(key).set_expected_bucket_owner(owner.clone());
        match there.send().await {
            Ok(_) => {
                self.take_back(clients, key).await?;
                return Ok(location);
            }
            Err(error) if error.raw_response().is_some_and(|answer| answer.status().as_u16() == 403) => {
                return Err(DeployError::ForeignBucket { bucket: bucket.clone() });
            }
            Err(error) => match Problem::of("s3 HeadObject", &error) {
                problem if problem.kind == Kind::NotFound => {}
                problem => return Err(problem.into()),
            },
        }
        let put = clients.s3.put_object().bucket(bucket).key(key).set_expected_bucket_owner(owner);
        let put = put
            .content_type("application/zip")
            .body(artefact.bytes().into())
            .customize()
            .config_override(aws_sdk_s3::config::Builder::new().timeout_config(upload_timeouts()))
            .send()
            .await
            .map_err(|error| Problem::of("s3 PutObject", &error));
        match put {
            Ok(_) => Ok(location),
            Err(problem) if problem.is(&["NoSuchBucket"]) => {
                Err(DeployError::MissingBucket { bucket: bucket.clone(), is_own: self.is_own })
            }
            Err(problem) => Err(problem.into()),
        }
    }

    /// What is used again must not expire.
    async fn take_back(&self, clients: &Clients, key: &str) -> Result<(), DeployError> {
        if !self.is_own {
            return Ok(());
        }
        let untagged = clients.s3.delete_object_tagging().bucket(&self.bucket).key(key).send().await;
        unless_unsupported(untagged.map(drop).map_err(|error| Problem::of("s3 DeleteObjectTagging", &error)))
    }

    /// Lets the artefact expire that a stack had before it was changed or deleted, unless some stack names it still.
    ///
    /// # Errors
    /// When a call fails; nothing is lost then, the zip only stays longer.
    pub async fn leave(clients: &Clients, before: &Stack, after: Option<&Stack>) -> Result<(), DeployError> {
        let named =
            |stack: &Stack| Some((stack.parameter(CODE_BUCKET)?.to_owned(), stack.parameter(CODE_KEY)?.to_owned()));
        let Some((bucket, key)) = named(before) else {
            return Ok(());
        };
        if after.and_then(named).is_some_and(|now| now == (bucket.clone(), key.clone())) {
            return Ok(());
        }
        let store = Self::find(clients, None).await?;
        if store.is_none_or(|store| store.bucket != bucket) {
            return Ok(());
        }
        let others = stack::all(clients).await?;
        if others.iter().filter_map(named).any(|other| other == (bucket.clone(), key.clone())) {
            return Ok(());
        }
        let (name, value) = SUPERSEDED;
        let tag =
            Tag::builder().key(name).value(value).build().map_err(|error| DeployError::Pack(error.to_string()))?;
        let tags = Tagging::builder().tag_set(tag).build().map_err(|error| DeployError::Pack(error.to_string()))?;
        let tagged = clients.s3.put_object_tagging().bucket(bucket).key(key).tagging(tags).send().await;
        match tagged.map(drop).map_err(|error| Problem::of("s3 PutObjectTagging", &error)) {
            // Somebody has deleted it already.
            Err(problem) if problem.kind == Kind::NotFound => Ok(()),
            answer => unless_unsupported(answer),
        }
    }

    /// The stacks whose functions stand in the bootstrap stack's bucket.
    ///
    /// # Errors
    /// When a call fails.
    pub async fn users(clients: &Clients) -> Result<Vec<String>, DeployError> {
        let stacks = stack::all(clients).await?;
        let Some(bucket) = stacks.iter().find(|stack| stack.seen.name == BOOTSTRAP.stack).and_then(bucket_of) else {
            return Ok(Vec::new());
        };
        let uses = |stack: &&Stack| stack.parameter(CODE_BUCKET) == Some(bucket.as_str());
        Ok(stacks.iter().filter(uses).map(|stack| stack.seen.name.clone()).collect())
    }
}

fn bucket_of(stack: &Stack) -> Option<String> {
    let stands = stack.status.ends_with("_COMPLETE") && !stack.status.starts_with("DELETE");
    stack.output(BUCKET_OUTPUT).filter(|_| stands).map(str::to_owned)
}

/// Endpoints that know no tags of objects let nothing expire either.
fn unless_unsupported(answer: Result<(), Problem>) -> Result<(), DeployError> {
    match answer {
        Err(problem) if problem.kind != Kind::Unsupported => Err(problem.into()),
        _ => Ok(()),
    }
}
