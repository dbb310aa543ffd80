//! Every resource type of the endpoint, by name, and what its schema says of properties and their changes.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::schema::{Recreation, check};
use super::{
    Failure, Provider, cdk, custom, dynamodb, ec2, ecr, ecs, events, iam, lambda, logs, s3, scheduler, sns, sqs, ssm,
    states,
};

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
