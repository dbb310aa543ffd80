//! Images: a repository here has none, and says so in AWS's words.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Ecr;
use super::error::Error;
use crate::emulator::Context;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    repository_name: String,
    #[serde(default)]
    registry_id: Option<String>,
    #[serde(default)]
    image_ids: Vec<ImageId>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImageId {
    #[serde(default)]
    image_tag: Option<String>,
    #[serde(default)]
    image_digest: Option<String>,
}

impl ImageId {
    fn shown(&self) -> Value {
        match (&self.image_tag, &self.image_digest) {
            (Some(tag), None) => json!({"imageTag": tag}),
            (None, Some(digest)) => json!({"imageDigest": digest}),
            (tag, digest) => json!({"imageTag": tag, "imageDigest": digest}),
        }
    }

    fn words(&self) -> String {
        let named = |name: &str, value: &Option<String>| format!("{name}:'{}'", value.as_deref().unwrap_or("null"));
        format!("{}, {}", named("imageDigest", &self.image_digest), named("imageTag", &self.image_tag))
    }
}

impl Ecr {
    fn exists(&self, input: &Input) -> Result<(), Error> {
        self.repository(input.registry_id.as_deref(), &input.repository_name, |_| Ok(()))
    }
}

fn failures(ids: &[ImageId]) -> Value {
    let failure = |id: &ImageId| json!({"imageId": id.shown(), "failureCode": "ImageNotFound", "failureReason": "Requested image not found"});
    ids.iter().map(failure).collect()
}

pub(super) async fn list_images(ecr: &Ecr, input: Input, _: &Context) -> Result<Value, Error> {
    ecr.exists(&input)?;
    Ok(json!({"imageIds": []}))
}

pub(super) async fn describe_images(ecr: &Ecr, input: Input, _: &Context) -> Result<Value, Error> {
    ecr.exists(&input)?;
    match input.image_ids.first() {
        None => Ok(json!({"imageDetails": []})),
        Some(id) => Err(Error::NoImage { image: id.words(), name: input.repository_name, registry: ecr.registry() }),
    }
}

pub(super) async fn batch_get_image(ecr: &Ecr, input: Input, _: &Context) -> Result<Value, Error> {
    ecr.exists(&input)?;
    Ok(json!({"images": [], "failures": failures(&input.image_ids)}))
}

pub(super) async fn batch_delete_image(ecr: &Ecr, input: Input, _: &Context) -> Result<Value, Error> {
    ecr.exists(&input)?;
    Ok(json!({"imageIds": [], "failures": failures(&input.image_ids)}))
}
