//! The resource types: each a small provider that calls its service as AWS's own handlers do.

mod cdk;
mod custom;
mod dynamodb;
mod ec2;
mod ecr;
mod ecs;
mod events;
mod iam;
mod lambda;
mod logs;
mod names;
mod s3;
mod scheduler;
pub mod schema;
mod sns;
mod sqs;
mod ssm;
mod states;
mod tags;

use std::collections::HashMap;

use futures::future::BoxFuture;
use serde_json::{Map, Value};

use super::error::Error;
use super::stack::Tag;
use crate::emulator::{Fabric, ServiceError};
pub use custom::Answers;
pub use schema::Recreation;
use schema::{Property, check};

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

/// Why a resource could not be made, changed or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// As its event says.
    pub reason: String,
    /// The physical id of what was made before it failed.
    pub made: Option<String>,
    code: String,
}

impl Failure {
    /// A failure with that reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), made: None, code: String::new() }
    }

    /// Whether a service of the endpoint refused a call.
    #[must_use]
    pub fn is_of_a_service(&self) -> bool {
        !self.code.is_empty()
    }

    /// Whether the resource is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        const GONE: [&str; 7] = [
            "NoSuchBucket",
            "NoSuchEntity",
            "NotFound",
            "NotFoundException",
            "NonExistentQueue",
            "DoesNotExist",
            "ParameterNotFound",
        ];
        GONE.iter().any(|code| self.code.contains(code))
    }

    fn after(mut self, physical_id: &str) -> Self {
        self.made = Some(physical_id.to_owned());
        self
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(error.to_string())
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

    /// In the words of AWS's resource handlers.
    fn failure(&self, service: &str, error: &ServiceError) -> Failure {
        let code = error.code.as_ref();
        let name = match service {
            "s3" => "S3",
            "sqs" => "Sqs",
            "lambda" => "Lambda",
            "iam" => "Iam",
            "events" => "EventBridge",
            "dynamodb" => "DynamoDb",
            "logs" => "CloudWatchLogs",
            "states" => "Sfn",
            "ssm" => "Ssm",
            "ec2" => "Ec2",
            "ecs" => "Ecs",
            "ecr" => "Ecr",
            "sns" => "Sns",
            "scheduler" => "Scheduler",
            other => other,
        };
        let handler = if code.contains("AlreadyExists")
            || code.contains("AlreadyOwned")
            || code == "ResourceConflictException"
            || code == "ResourceInUseException"
        {
            "AlreadyExists"
        } else if code.contains("NotFound") || code.contains("NoSuch") {
            "NotFound"
        } else if code.contains("AccessDenied") {
            "AccessDenied"
        } else if code.contains("Validation") || code.contains("Invalid") || code.contains("Malformed") {
            "InvalidRequest"
        } else {
            "GeneralServiceException"
        };
        let (message, status) = (&error.message, error.status.as_u16());
        let (request, token) = (self.fabric.uuid(), self.fabric.uuid());
        let reason = format!(
            "Resource handler returned message: \"{message} (Service: {name}, Status Code: {status}, Request ID: {request})\" (RequestToken: {token}, HandlerErrorCode: {handler})"
        );
        Failure { reason, made: None, code: code.to_owned() }
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

/// Every resource type of the endpoint.
pub struct Registry {
    providers: HashMap<&'static str, Box<dyn Provider>>,
    custom: custom::Custom,
}

impl Default for Registry {
    fn default() -> Self {
        let all: Vec<Box<dyn Provider>> = vec![
            Box::new(cdk::Metadata),
            Box::new(dynamodb::Table),
            Box::new(ec2::Eip),
            Box::new(ec2::EipAssociation),
            Box::new(ec2::Instance),
            Box::new(ec2::InternetGateway),
            Box::new(ec2::NatGateway),
            Box::new(ec2::NetworkInterface),
            Box::new(ec2::Route),
            Box::new(ec2::RouteTable),
            Box::new(ec2::SecurityGroup),
            Box::new(ec2::SecurityGroupEgress),
            Box::new(ec2::SecurityGroupIngress),
            Box::new(ec2::Subnet),
            Box::new(ec2::SubnetRouteTableAssociation),
            Box::new(ec2::Volume),
            Box::new(ec2::VolumeAttachment),
            Box::new(ec2::Vpc),
            Box::new(ec2::VpcEndpoint),
            Box::new(ec2::VpcGatewayAttachment),
            Box::new(ecs::CapacityProviders),
            Box::new(ecs::Cluster),
            Box::new(ecs::TaskDefinition),
            Box::new(ecr::Repository),
            Box::new(events::EventBus),
            Box::new(events::Rule),
            Box::new(iam::InstanceProfile),
            Box::new(iam::ManagedPolicy),
            Box::new(iam::Policy),
            Box::new(iam::Role),
            Box::new(lambda::EventSourceMapping),
            Box::new(lambda::Function),
            Box::new(lambda::Permission),
            Box::new(logs::LogGroup),
            Box::new(logs::ResourcePolicy),
            Box::new(s3::Bucket),
            Box::new(s3::BucketPolicy),
            Box::new(scheduler::Schedule),
            Box::new(scheduler::ScheduleGroup),
            Box::new(sns::Subscription),
            Box::new(sns::Topic),
            Box::new(sns::TopicPolicy),
            Box::new(sqs::Queue),
            Box::new(sqs::QueuePolicy),
            Box::new(ssm::Parameter),
            Box::new(states::StateMachine),
        ];
        let providers = all.into_iter().map(|provider| (provider.kind(), provider)).collect();
        Self { providers, custom: custom::Custom }
    }
}

impl Registry {
    /// The type of that name.
    #[must_use]
    pub fn get(&self, kind: &str) -> Option<&dyn Provider> {
        if custom::is_custom(kind) {
            return Some(&self.custom);
        }
        self.providers.get(kind).map(AsRef::as_ref)
    }

    /// What a change of that property does.
    #[must_use]
    pub fn recreation(&self, kind: &str, property: &str) -> Recreation {
        let properties = self.get(kind).map_or(&[][..], Provider::properties);
        properties.iter().find(|one| one.name == property).map_or(Recreation::Never, |one| one.recreation)
    }

    /// What the change from `before` to `after` does.
    #[must_use]
    pub fn recreation_of(&self, kind: &str, before: &Value, after: &Value) -> Recreation {
        let properties = self.get(kind).map_or(&[][..], Provider::properties);
        let changed = properties.iter().filter(|one| before.get(one.name) != after.get(one.name));
        changed.map(|one| one.recreation).max().unwrap_or(Recreation::Never)
    }

    /// The property that names the physical resource.
    #[must_use]
    pub fn name_property(&self, kind: &str) -> Option<&'static str> {
        self.get(kind).and_then(Provider::name_property)
    }

    /// Properties brought to their shapes.
    ///
    /// # Errors
    /// Every problem, in the words of CloudFormation's schema validation.
    pub fn checked(&self, kind: &str, logical: &str, properties: &Value) -> Result<Value, Failure> {
        let Some(provider) = self.get(kind) else { return Ok(properties.clone()) };
        let mut problems = Vec::new();
        let checked = shaped(kind, provider, properties, &mut problems);
        if problems.is_empty() {
            return Ok(checked);
        }
        Err(Failure::new(format!(
            "Properties validation failed for resource {logical} with message:\n[{}]",
            problems.join(", ")
        )))
    }

    /// Properties brought to their shapes as far as they fit: for a deletion, which must not fail on them.
    #[must_use]
    pub fn lenient(&self, kind: &str, properties: &Value) -> Value {
        self.get(kind)
            .map_or_else(|| properties.clone(), |provider| shaped(kind, provider, properties, &mut Vec::new()))
    }
}

/// Why a change in place is refused before anything is done.
#[must_use]
pub fn refusal(kind: &str, before: &Value, after: &Value) -> Option<Failure> {
    custom::is_custom(kind).then(|| custom::refusal(before, after)).flatten()
}

/// Properties in their shapes; a custom resource has more than those that its schema names.
fn shaped(kind: &str, provider: &dyn Provider, properties: &Value, problems: &mut Vec<String>) -> Value {
    let schema = provider.properties();
    let Value::Object(members) = properties else { return check(schema, properties, "", problems) };
    if !custom::is_custom(kind) {
        return check(schema, properties, "", problems);
    }
    let is_named = |name: &str| schema.iter().any(|property| property.name == name);
    let (named, mut others): (Map<String, Value>, Map<String, Value>) =
        members.clone().into_iter().partition(|(name, _)| is_named(name));
    if let Value::Object(named) = check(schema, &Value::Object(named), "", problems) {
        others.extend(named);
    }
    Value::Object(others)
}
