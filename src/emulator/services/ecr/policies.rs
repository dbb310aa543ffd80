//! The policy and the lifecycle policy of a repository: recorded and returned.

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Error;
use super::{Ecr, Lifecycle};
use crate::emulator::Context;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    repository_name: String,
    #[serde(default)]
    registry_id: Option<String>,
    #[serde(default)]
    policy_text: Option<String>,
    #[serde(default)]
    lifecycle_policy_text: Option<String>,
}

/// A document that has `member`, without the space around it.
fn document(text: Option<&str>, name: &'static str, member: &str) -> Result<String, Error> {
    let refused = |constraint: String| Error::Parameter { member: name, constraint };
    let text = text.ok_or_else(|| refused("must not be null".to_owned()))?;
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(members)) if members.contains_key(member) => Ok(text.to_owned()),
        Ok(_) => Err(refused(format!("it is no JSON object with {member}"))),
        Err(error) => Err(refused(format!("Invalid repository policy provided: {error}"))),
    }
}

impl Ecr {
    fn answer(&self, input: &Input, member: &str, text: &str) -> Value {
        let mut answer = json!({"registryId": self.registry(), "repositoryName": input.repository_name});
        answer[member] = Value::from(text);
        answer
    }
}

pub(super) async fn set_repository_policy(ecr: &Ecr, input: Input, _: &Context) -> Result<Value, Error> {
    let text = document(input.policy_text.as_deref(), "PolicyText", "Statement")?;
    ecr.repository(input.registry_id.as_deref(), &input.repository_name, |repository| {
        repository.policy = Some(text.clone());
        Ok(())
    })?;
    Ok(ecr.answer(&input, "policyText", &text))
}

pub(super) async fn get_repository_policy(ecr: &Ecr, input: Input, _: &Context) -> Result<Value, Error> {
    let text = ecr.repository(input.registry_id.as_deref(), &input.repository_name, |repository| {
        repository
            .policy
            .clone()
            .ok_or_else(|| Error::NoPolicy { name: input.repository_name.clone(), registry: ecr.registry() })
    })?;
    Ok(ecr.answer(&input, "policyText", &text))
}

pub(super) async fn delete_repository_policy(ecr: &Ecr, input: Input, _: &Context) -> Result<Value, Error> {
    let text = ecr.repository(input.registry_id.as_deref(), &input.repository_name, |repository| {
        repository
            .policy
            .take()
            .ok_or_else(|| Error::NoPolicy { name: input.repository_name.clone(), registry: ecr.registry() })
    })?;
    Ok(ecr.answer(&input, "policyText", &text))
}

pub(super) async fn put_lifecycle_policy(ecr: &Ecr, input: Input, _: &Context) -> Result<Value, Error> {
    let text = document(input.lifecycle_policy_text.as_deref(), "LifecyclePolicyText", "rules")?;
    let evaluated = ecr.fabric.clock().now();
    ecr.repository(input.registry_id.as_deref(), &input.repository_name, |repository| {
        repository.lifecycle = Some(Lifecycle { text: text.clone(), evaluated });
        Ok(())
    })?;
    Ok(ecr.answer(&input, "lifecyclePolicyText", &text))
}

fn no_lifecycle(ecr: &Ecr, input: &Input) -> Error {
    Error::NoLifecycle { name: input.repository_name.clone(), registry: ecr.registry() }
}

pub(super) async fn get_lifecycle_policy(ecr: &Ecr, input: Input, _: &Context) -> Result<Value, Error> {
    ecr.repository(input.registry_id.as_deref(), &input.repository_name, |repository| {
        let lifecycle = repository.lifecycle.as_ref().ok_or_else(|| no_lifecycle(ecr, &input))?;
        let mut answer = ecr.answer(&input, "lifecyclePolicyText", &lifecycle.text);
        answer["lastEvaluatedAt"] = json!(lifecycle.evaluated.epoch_seconds());
        Ok(answer)
    })
}

pub(super) async fn delete_lifecycle_policy(ecr: &Ecr, input: Input, _: &Context) -> Result<Value, Error> {
    ecr.repository(input.registry_id.as_deref(), &input.repository_name, |repository| {
        let lifecycle = repository.lifecycle.take().ok_or_else(|| no_lifecycle(ecr, &input))?;
        let mut answer = ecr.answer(&input, "lifecyclePolicyText", &lifecycle.text);
        answer["lastEvaluatedAt"] = json!(lifecycle.evaluated.epoch_seconds());
        Ok(answer)
    })
}
