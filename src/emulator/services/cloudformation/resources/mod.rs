//! The resource types: each a small provider that calls its service as AWS's own handlers do.

mod cdk;
mod custom;
mod dynamodb;
mod ec2;
mod ecr;
mod ecs;
mod events;
mod failure;
mod iam;
mod lambda;
mod logs;
mod names;
mod registry;
mod s3;
mod scheduler;
pub mod schema;
mod sns;
mod sqs;
mod ssm;
mod states;
mod tags;

use futures::future::BoxFuture;
use serde_json::{Map, Value};

use super::stack::Tag;
use crate::emulator::Fabric;
pub use custom::Answers;
pub use failure::Failure;
pub use registry::{Registry, refusal};
use schema::Property;
pub use schema::Recreation;

/// The principal in whose name resources are made.
const PRINCIPAL: &str = "cloudformation.amazonaws.com";

/// A resource that has been made or changed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Made {
    /// What identifies it from now on, and what `Ref` gives.
    pub physical_id: String,
    /// What `Fn::GetAtt` gives.
    pub attributes: Map<String, Value>,
    /// Whether the attributes are never shown.
    pub no_echo: bool,
}

impl Made {
    fn new(physical_id: impl Into<String>) -> Self {
        Self { physical_id: physical_id.into(), ..Self::default() }
    }

    fn with(mut self, attribute: &str, value: impl Into<Value>) -> Self {
        self.attributes.insert(attribute.to_owned(), value.into());
        self
    }
}

/// What a provider is asked to do.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Where the services are.
    pub fabric: &'a Fabric,
    /// Answers of custom resources arrive there.
    pub answers: &'a Answers,
    /// The stack's ARN.
    pub stack_id: &'a str,
    /// For generated names.
    pub stack_name: &'a str,
    /// They are put on every resource that takes tags.
    pub stack_tags: &'a [Tag],
    /// The resource's type.
    pub kind: &'a str,
    /// For generated names.
    pub logical_id: &'a str,
    /// Evaluated and checked.
    pub properties: &'a Value,
}

impl<'a> Request<'a> {
    /// A property; null where there is none.
    fn get(&self, name: &str) -> &'a Value {
        self.properties.get(name).unwrap_or(&Value::Null)
    }

    /// A text property; empty where there is none.
    fn text(&self, name: &str) -> &'a str {
        self.get(name).as_str().unwrap_or_default()
    }

    /// These properties under their own names, without those that are absent.
    fn members(&self, names: &[&str]) -> Map<String, Value> {
        let present = names.iter().filter_map(|name| Some(((*name).to_owned(), self.properties.get(name)?.clone())));
        present.collect()
    }

    /// Calls a service of the endpoint.
    async fn call(&self, service: &str, operation: &str, input: impl Into<Value>) -> Result<Value, Failure> {
        let answered = self.fabric.call(PRINCIPAL, service, operation, input.into()).await;
        answered.map_err(|error| self.failure(service, &error))
    }
}

/// A resource type.
pub trait Provider: Send + Sync {
    /// Such as `AWS::SQS::Queue`.
    fn kind(&self) -> &'static str;

    /// Every property that it has.
    fn properties(&self) -> &'static [Property];

    /// The property that names the physical resource, where a caller may choose the name.
    fn name_property(&self) -> Option<&'static str> {
        None
    }

    /// Makes the resource.
    fn create<'a>(&'a self, request: Request<'a>) -> BoxFuture<'a, Result<Made, Failure>>;

    /// Changes it in place from the properties `before` to those of the request.
    fn update<'a>(
        &'a self,
        request: Request<'a>,
        physical_id: &'a str,
        before: &'a Value,
    ) -> BoxFuture<'a, Result<Made, Failure>>;

    /// Deletes it.
    fn delete<'a>(&'a self, request: Request<'a>, physical_id: &'a str) -> BoxFuture<'a, Result<(), Failure>>;
}

/// Writes a [`Provider`] from three async functions and its schema.
macro_rules! provider {
    ($name:ident, $kind:literal, $properties:expr, $named:expr, $create:path, $update:path, $delete:path) => {
        #[doc = $kind]
        pub struct $name;

        impl $crate::emulator::services::cloudformation::resources::Provider for $name {
            fn kind(&self) -> &'static str {
                $kind
            }

            fn properties(&self) -> &'static [Property] {
                $properties
            }

            fn name_property(&self) -> Option<&'static str> {
                $named
            }

            fn create<'a>(&'a self, request: Request<'a>) -> ::futures::future::BoxFuture<'a, Result<Made, Failure>> {
                Box::pin($create(request))
            }

            fn update<'a>(
                &'a self,
                request: Request<'a>,
                physical_id: &'a str,
                before: &'a ::serde_json::Value,
            ) -> ::futures::future::BoxFuture<'a, Result<Made, Failure>> {
                Box::pin($update(request, physical_id, before))
            }

            fn delete<'a>(
                &'a self,
                request: Request<'a>,
                physical_id: &'a str,
            ) -> ::futures::future::BoxFuture<'a, Result<(), Failure>> {
                Box::pin($delete(request, physical_id))
            }
        }
    };
}
pub(crate) use provider;
