//! Amazon ECR: repositories with their policies, as stacks and `cdk bootstrap` make them. There is no registry behind
//! them: nothing can be pushed, so a repository never has an image.

mod error;
mod images;
mod policies;
mod repositories;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::emulator::keep::{KeepError, Shelf};
use crate::emulator::{Fabric, Interface, Service};
use crate::model::Timestamp;
use error::Error;

static INTERFACE: Interface = Interface {
    id: "ecr",
    title: "Amazon ECR",
    target_prefix: Some("AmazonEC2ContainerRegistry_V20150921"),
    json_version: "1.1",
    query: None,
    rest: false,
};

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Repository {
    created: Timestamp,
    mutability: String,
    scan_on_push: bool,
    /// `EncryptionConfiguration`, as it was given.
    encryption: Value,
    policy: Option<String>,
    lifecycle: Option<Lifecycle>,
    tags: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Lifecycle {
    text: String,
    evaluated: Timestamp,
}

/// The service.
pub struct Ecr {
    fabric: Fabric,
    shelf: Shelf,
    repositories: Mutex<BTreeMap<String, Repository>>,
}

/// What sort of row a repository is.
const KIND: &str = "repository";

impl Ecr {
    /// With the repositories that were kept.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn new(fabric: Fabric) -> Result<Arc<Self>, KeepError> {
        let shelf = fabric.keep().shelf(INTERFACE.id);
        let repositories = Mutex::new(shelf.all(KIND)?.into_iter().collect());
        Ok(Arc::new(Self { fabric, shelf, repositories }))
    }

    fn repositories(&self) -> MutexGuard<'_, BTreeMap<String, Repository>> {
        self.repositories.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn registry(&self) -> String {
        self.fabric.identity().account.clone()
    }

    fn arn(&self, name: &str) -> String {
        self.fabric.arn("ecr", format!("repository/{name}")).to_string()
    }

    /// Looks at or changes a repository; a registry that is not this account's has none.
    fn repository<T>(
        &self,
        registry: Option<&str>,
        name: &str,
        work: impl FnOnce(&mut Repository) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let own = self.registry();
        let missing = || Error::NoRepository { name: name.to_owned(), registry: registry.unwrap_or(&own).to_owned() };
        if registry.is_some_and(|registry| registry != own) {
            return Err(missing());
        }
        let mut repositories = self.repositories();
        let repository = repositories.get_mut(name).ok_or_else(missing)?;
        let before = self.shelf.is_kept().then(|| repository.clone());
        let answer = work(repository);
        if before.is_some_and(|before| before != *repository) {
            self.shelf.put(KIND, name, repository);
        }
        answer
    }

    fn shown(&self, name: &str, repository: &Repository) -> Value {
        let identity = self.fabric.identity();
        json!({
            "repositoryArn": self.arn(name),
            "registryId": identity.account,
            "repositoryName": name,
            "repositoryUri": format!("{}.dkr.ecr.{}.amazonaws.com/{name}", identity.account, identity.region),
            "createdAt": repository.created.epoch_seconds(),
            "imageTagMutability": repository.mutability,
            "imageScanningConfiguration": {"scanOnPush": repository.scan_on_push},
            "encryptionConfiguration": repository.encryption,
        })
    }
}

impl Service for Ecr {
    fn interface(&self) -> &'static Interface {
        &INTERFACE
    }

    crate::operations! {
        BatchDeleteImage => images::batch_delete_image,
        BatchGetImage => images::batch_get_image,
        CreateRepository => repositories::create_repository,
        DeleteLifecyclePolicy => policies::delete_lifecycle_policy,
        DeleteRepository => repositories::delete_repository,
        DeleteRepositoryPolicy => policies::delete_repository_policy,
        DescribeImages => images::describe_images,
        DescribeRepositories => repositories::describe_repositories,
        GetLifecyclePolicy => policies::get_lifecycle_policy,
        GetRepositoryPolicy => policies::get_repository_policy,
        ListImages => images::list_images,
        ListTagsForResource => repositories::list_tags_for_resource,
        PutImageScanningConfiguration => repositories::put_image_scanning_configuration,
        PutImageTagMutability => repositories::put_image_tag_mutability,
        PutLifecyclePolicy => policies::put_lifecycle_policy,
        SetRepositoryPolicy => policies::set_repository_policy,
        TagResource => repositories::tag_resource,
        UntagResource => repositories::untag_resource,
    }

    fn summary(&self) -> Vec<(&'static str, usize)> {
        vec![("repositories", self.repositories().len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::emulator::{Identity, ServiceError};

    async fn call(fabric: &Fabric, operation: &str, input: Value) -> Result<Value, ServiceError> {
        fabric.call("test", "ecr", operation, input).await
    }

    fn started() -> Fabric {
        let fabric = Fabric::new(Clock::default(), Identity::default(), 1);
        fabric.join(vec![Ecr::new(fabric.clone()).expect("nothing to read")]);
        fabric
    }

    #[tokio::test]
    async fn a_repository_is_made_described_and_deleted() {
        let fabric = started();
        let input =
            json!({"repositoryName": "a/b", "imageTagMutability": "IMMUTABLE", "tags": [{"Key": "k", "Value": "v"}]});
        let created = call(&fabric, "CreateRepository", input.clone()).await.expect("a repository");
        let arn = created["repository"]["repositoryArn"].clone();
        assert_eq!(arn, "arn:aws:ecr:us-east-1:000000000000:repository/a/b");
        assert_eq!(created["repository"]["repositoryUri"], "000000000000.dkr.ecr.us-east-1.amazonaws.com/a/b");
        let refused = call(&fabric, "CreateRepository", input).await.expect_err("exists");
        assert_eq!(refused.code, "RepositoryAlreadyExistsException");
        let described = call(&fabric, "DescribeRepositories", json!({"repositoryNames": ["a/b"]})).await.expect("one");
        assert_eq!(described["repositories"][0]["imageTagMutability"], "IMMUTABLE");
        let tags = call(&fabric, "ListTagsForResource", json!({"resourceArn": arn})).await.expect("tags");
        assert_eq!(tags["tags"], json!([{"Key": "k", "Value": "v"}]));
        let images = call(&fabric, "ListImages", json!({"repositoryName": "a/b"})).await.expect("none");
        assert_eq!(images["imageIds"], json!([]));
        let missing = json!({"repositoryName": "a/b", "imageIds": [{"imageTag": "x"}]});
        let missing = call(&fabric, "DescribeImages", missing).await.expect_err("no such image");
        assert_eq!(missing.code, "ImageNotFoundException");
        call(&fabric, "DeleteRepository", json!({"repositoryName": "a/b"})).await.expect("deleted");
        let gone = call(&fabric, "DescribeRepositories", json!({"repositoryNames": ["a/b"]})).await.expect_err("gone");
        assert_eq!(gone.code, "RepositoryNotFoundException");
    }

    #[tokio::test]
    async fn policies_are_kept_and_what_is_malformed_is_refused() {
        let fabric = started();
        let name = json!({"repositoryName": "r"});
        call(&fabric, "CreateRepository", name.clone()).await.expect("a repository");
        let missing = call(&fabric, "GetRepositoryPolicy", name.clone()).await.expect_err("none yet");
        assert_eq!(missing.code, "RepositoryPolicyNotFoundException");
        let policy = r#"{"Version":"2012-10-17","Statement":[]}"#;
        call(&fabric, "SetRepositoryPolicy", json!({"repositoryName": "r", "policyText": policy})).await.expect("set");
        let got = call(&fabric, "GetRepositoryPolicy", name.clone()).await.expect("a policy");
        assert_eq!(got["policyText"], policy);
        let rules = r#"{"rules":[]}"#;
        let put = json!({"repositoryName": "r", "lifecyclePolicyText": rules});
        call(&fabric, "PutLifecyclePolicy", put).await.expect("put");
        call(&fabric, "DeleteLifecyclePolicy", name.clone()).await.expect("deleted");
        let missing = call(&fabric, "GetLifecyclePolicy", name).await.expect_err("deleted");
        assert_eq!(missing.code, "LifecyclePolicyNotFoundException");
        for (operation, input) in [
            ("CreateRepository", json!({"repositoryName": "Upper"})),
            ("CreateRepository", json!({"repositoryName": "x", "imageTagMutability": "SOMETIMES"})),
            ("SetRepositoryPolicy", json!({"repositoryName": "r", "policyText": "{"})),
            ("PutLifecyclePolicy", json!({"repositoryName": "r", "lifecyclePolicyText": "[]"})),
        ] {
            let refused = call(&fabric, operation, input.clone()).await.expect_err("refused");
            assert_eq!(refused.code, "InvalidParameterException", "{operation} {input}");
        }
    }
}
