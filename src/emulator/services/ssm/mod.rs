//! AWS Systems Manager: the parameter store. A `SecureString` is kept as it comes, since there are no
//! keys here, and shown to who asks for its plain text.

mod error;
mod listing;
mod named;
mod public;
mod put;
mod tags;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::emulator::{Fabric, Interface, KeepError, Service, Shelf};
use crate::model::Timestamp;

static INTERFACE: Interface = Interface {
    id: "ssm",
    title: "AWS Systems Manager",
    target_prefix: Some("AmazonSSM"),
    json_version: "1.1",
    query: None,
    rest: false,
};

/// What a kept parameter is.
const PARAMETER: &str = "parameter";

/// A parameter in its latest version.
#[derive(Serialize, Deserialize)]
struct Parameter {
    kind: String,
    value: String,
    version: i64,
    modified: Timestamp,
    description: Option<String>,
    allowed_pattern: Option<String>,
    tier: String,
    data_type: String,
    tags: BTreeMap<String, String>,
}

/// The service.
pub struct Ssm {
    fabric: Fabric,
    shelf: Shelf,
    parameters: Mutex<BTreeMap<String, Parameter>>,
}

impl Ssm {
    /// With the parameters that were kept.
    ///
    /// # Errors
    /// When these cannot be read.
    pub fn new(fabric: Fabric) -> Result<Arc<Self>, KeepError> {
        let shelf = fabric.keep().shelf(INTERFACE.id);
        let parameters = Mutex::new(shelf.all(PARAMETER)?.into_iter().collect());
        Ok(Arc::new(Self { fabric, shelf, parameters }))
    }

    fn parameters(&self) -> MutexGuard<'_, BTreeMap<String, Parameter>> {
        self.parameters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn arn(&self, name: &str) -> String {
        let slash = if name.starts_with('/') { "" } else { "/" };
        self.fabric.arn("ssm", format!("parameter{slash}{name}")).to_string()
    }

    /// A parameter as the operations that read values show it; a secret only to who asks for it in plain text.
    fn shown(&self, name: &str, parameter: &Parameter, decrypted: bool) -> Value {
        let is_hidden = parameter.kind == "SecureString" && !decrypted;
        json!({
            "Name": name,
            "Type": parameter.kind,
            "Value": if is_hidden { hidden(name, parameter) } else { parameter.value.clone() },
            "Version": parameter.version,
            "LastModifiedDate": parameter.modified.epoch_seconds(),
            "ARN": self.arn(name),
            "DataType": parameter.data_type,
        })
    }

    fn described(&self, name: &str, parameter: &Parameter) -> Value {
        let mut shown = json!({
            "Name": name,
            "ARN": self.arn(name),
            "Type": parameter.kind,
            "LastModifiedDate": parameter.modified.epoch_seconds(),
            "LastModifiedUser": format!("arn:aws:iam::{}:root", self.fabric.identity().account),
            "Version": parameter.version,
            "Tier": parameter.tier,
            "Policies": [],
            "DataType": parameter.data_type,
        });
        for (member, value) in [("Description", &parameter.description), ("AllowedPattern", &parameter.allowed_pattern)]
        {
            if let Some(value) = value {
                shown[member] = Value::from(value.as_str());
            }
        }
        shown
    }
}

/// What stands for a secret that is not shown, in the form of a key service's ciphertext: the same for the same version.
fn hidden(name: &str, parameter: &Parameter) -> String {
    let digest = Sha256::digest(format!("{name}\0{}\0{}", parameter.version, parameter.value));
    STANDARD.encode([b"\x01\x02\x02\x00x".as_slice(), digest.as_slice()].concat())
}

impl Service for Ssm {
    fn interface(&self) -> &'static Interface {
        &INTERFACE
    }

    fn summary(&self) -> Vec<(&'static str, usize)> {
        vec![("parameters", self.parameters().len())]
    }

    crate::operations! {
        AddTagsToResource => tags::add_tags_to_resource,
        DeleteParameter => named::delete_parameter,
        DeleteParameters => named::delete_parameters,
        DescribeParameters => listing::describe_parameters,
        GetParameter => named::get_parameter,
        GetParameters => named::get_parameters,
        GetParametersByPath => listing::get_parameters_by_path,
        ListTagsForResource => tags::list_tags_for_resource,
        PutParameter => put::put_parameter,
        RemoveTagsFromResource => tags::remove_tags_from_resource,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::emulator::{Identity, ServiceError};

    async fn call(fabric: &Fabric, operation: &str, input: Value) -> Result<Value, ServiceError> {
        fabric.call("test", "ssm", operation, input).await
    }

    fn started() -> Fabric {
        let fabric = Fabric::new(Clock::default(), Identity::default(), 1);
        fabric.join(vec![Ssm::new(fabric.clone()).expect("nothing is kept")]);
        fabric
    }

    #[tokio::test]
    async fn a_parameter_is_kept_overwritten_and_deleted() {
        let fabric = started();
        let put = |value: &str, overwrite: bool| json!({"Name": "/a/b", "Type": "String", "Value": value, "Overwrite": overwrite});
        call(&fabric, "PutParameter", put("1", false)).await.expect("put");
        let refused = call(&fabric, "PutParameter", put("2", false)).await.expect_err("exists");
        assert_eq!(refused.code, "ParameterAlreadyExists");
        let answer = call(&fabric, "PutParameter", put("2", true)).await.expect("overwritten");
        assert_eq!(answer["Version"], 2);
        let got = call(&fabric, "GetParameter", json!({"Name": "/a/b"})).await.expect("got");
        assert_eq!((&got["Parameter"]["Value"], &got["Parameter"]["Version"]), (&json!("2"), &json!(2)));
        assert_eq!(got["Parameter"]["ARN"], "arn:aws:ssm:us-east-1:000000000000:parameter/a/b");
        let listed = call(&fabric, "GetParametersByPath", json!({"Path": "/a"})).await.expect("listed");
        assert_eq!(listed["Parameters"].as_array().map(Vec::len), Some(1));
        call(&fabric, "DeleteParameter", json!({"Name": "/a/b"})).await.expect("deleted");
        let gone = call(&fabric, "GetParameter", json!({"Name": "/a/b"})).await.expect_err("gone");
        assert_eq!(gone.code, "ParameterNotFound");
    }

    #[tokio::test]
    async fn what_does_not_fit_is_refused() {
        let fabric = started();
        for (input, code) in [
            (json!({"Name": "a b", "Type": "String", "Value": "1"}), "ValidationException"),
            (json!({"Name": "aws", "Type": "String", "Value": "1"}), "ValidationException"),
            (json!({"Name": "a", "Value": "1"}), "ValidationException"),
            (json!({"Name": "a", "Type": "String", "Value": "x".repeat(4_097)}), "ValidationException"),
            (
                json!({"Name": "a", "Type": "String", "Value": "x", "AllowedPattern": "[0-9]"}),
                "ParameterPatternMismatchException",
            ),
        ] {
            let refused = call(&fabric, "PutParameter", input.clone()).await.expect_err("refused");
            assert_eq!(refused.code, code, "{input}");
        }
    }
}
