//! Tags of parameters.

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Error;
use super::{PARAMETER, Parameter, Ssm};
use crate::emulator::Context;

#[derive(Deserialize)]
pub(super) struct Tag {
    #[serde(rename = "Key")]
    pub(super) key: String,
    #[serde(rename = "Value", default)]
    pub(super) value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tagging {
    resource_type: String,
    resource_id: String,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    tag_keys: Vec<String>,
}

impl Ssm {
    fn tagged<T>(&self, input: &Tagging, work: impl FnOnce(&mut Parameter) -> T) -> Result<T, Error> {
        if input.resource_type != "Parameter" {
            let kind = &input.resource_type;
            return Err(Error::InvalidResource(format!("the embedded endpoint does not implement tags of {kind}")));
        }
        match self.parameters().get_mut(&input.resource_id) {
            Some(parameter) => {
                let before = parameter.tags.clone();
                let answer = work(parameter);
                if parameter.tags != before {
                    self.shelf.put(PARAMETER, &input.resource_id, parameter);
                }
                Ok(answer)
            }
            None => Err(Error::InvalidResource(format!("Parameter {} not found.", input.resource_id))),
        }
    }
}

pub(super) async fn add_tags_to_resource(ssm: &Ssm, input: Tagging, _: &Context) -> Result<Value, Error> {
    ssm.tagged(&input, |parameter| {
        parameter.tags.extend(input.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())));
        json!({})
    })
}

pub(super) async fn remove_tags_from_resource(ssm: &Ssm, input: Tagging, _: &Context) -> Result<Value, Error> {
    ssm.tagged(&input, |parameter| {
        parameter.tags.retain(|key, _| !input.tag_keys.contains(key));
        json!({})
    })
}

pub(super) async fn list_tags_for_resource(ssm: &Ssm, input: Tagging, _: &Context) -> Result<Value, Error> {
    ssm.tagged(&input, |parameter| {
        let tags = parameter.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value}));
        json!({"TagList": tags.collect::<Value>()})
    })
}
