//! One folder a service. Services never import each other: they meet in the [`Fabric`].

mod cloudformation;
mod dynamodb;
mod ec2;
mod ecr;
mod ecs;
mod events;
mod iam;
mod lambda;
mod logs;
mod s3;
mod scheduler;
mod sns;
mod sqs;
mod ssm;
mod states;
mod storagegateway;
mod sts;

pub use events::{PatternError, pattern_takes};

use std::sync::Arc;

use super::StartError;
use super::fabric::Fabric;
use super::service::Service;

/// Every service of the endpoint.
///
/// # Errors
/// When one cannot be set up.
pub fn all(fabric: &Fabric) -> Result<Vec<Arc<dyn Service>>, StartError> {
    Ok(vec![
        cloudformation::CloudFormation::new(fabric.clone())?,
        dynamodb::DynamoDb::new(fabric.clone())?,
        ec2::Ec2::new(fabric.clone())?,
        ecs::Ecs::new(fabric.clone())?,
        ecr::Ecr::new(fabric.clone())?,
        events::Events::new(fabric.clone())?,
        iam::Iam::new(fabric.clone())?,
        lambda::new(fabric.clone())?,
        logs::Logs::new(fabric.clone())?,
        s3::S3::new(fabric)?,
        scheduler::Scheduler::new(fabric.clone())?,
        sns::Sns::new(fabric.clone())?,
        sqs::Sqs::new(fabric.clone())?,
        ssm::Ssm::new(fabric.clone())?,
        states::new(fabric.clone())?,
        storagegateway::StorageGateway::new(fabric.clone())?,
        sts::Sts::new(fabric.clone()),
    ])
}
