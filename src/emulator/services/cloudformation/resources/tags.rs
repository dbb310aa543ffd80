//! Tags of resources: the stack's go with each resource's own, and an update replaces the old ones.

use serde_json::{Map, Value, json};

use super::{Failure, Request};

/// The operations by which most services take tags.
pub(super) const UNTAG_AND_TAG: [&str; 2] = ["UntagResource", "TagResource"];

/// How a service takes tags.
pub(super) struct Tagging {
    /// Its id.
    pub service: &'static str,
    /// What takes tags off, and what puts them on.
    pub operations: [&'static str; 2],
    /// The members for the resource, for the keys and for the tags.
    pub members: [&'static str; 3],
}

impl Request<'_> {
    /// The resource's own tags and the stack's, as pairs.
    pub(super) fn tags(&self) -> Vec<(String, String)> {
        let own = self.get("Tags").as_array().into_iter().flatten().map(|tag| {
            let part = |name: &str| tag.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            (part("Key"), part("Value"))
        });
        let mut tags: Vec<(String, String)> = own.collect();
        for tag in self.stack_tags {
            if !tags.iter().any(|(key, _)| *key == tag.key) {
                tags.push((tag.key.clone(), tag.value.clone()));
            }
        }
        tags
    }

    /// Tags as most services take them.
    pub(super) fn tag_list(&self) -> Value {
        self.tags().into_iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
    }

    /// Tags as services take them that spell their members with a small first letter.
    pub(super) fn camel_case_tag_list(&self) -> Value {
        self.tags().into_iter().map(|(key, value)| json!({"key": key, "value": value})).collect()
    }

    /// Tags as services with maps take them.
    pub(super) fn tag_map(&self) -> Value {
        Value::Object(self.tags().into_iter().map(|(key, value)| (key, Value::from(value))).collect())
    }

    /// Brings the tags of `resource` from those of the properties `before` to `tags`, which are the request's as the
    /// service spells them; calls nothing where there is nothing to take off or to put on.
    ///
    /// # Errors
    /// What the service refuses.
    pub(super) async fn retag(
        &self,
        tagging: &Tagging,
        resource: impl Into<Value>,
        tags: Value,
        before: &Value,
    ) -> Result<(), Failure> {
        if before.get("Tags") == self.properties.get("Tags") {
            return Ok(());
        }
        let resource = resource.into();
        let [untag, tag] = tagging.operations;
        let [named, keys, list] = tagging.members;
        let input = |member: &str, value: Value| {
            Map::from_iter([(named.to_owned(), resource.clone()), (member.to_owned(), value)])
        };
        let old: Vec<Value> = before["Tags"].as_array().into_iter().flatten().map(|tag| tag["Key"].clone()).collect();
        if !old.is_empty() {
            self.call(tagging.service, untag, input(keys, Value::Array(old))).await?;
        }
        if !self.tags().is_empty() {
            self.call(tagging.service, tag, input(list, tags)).await?;
        }
        Ok(())
    }
}
