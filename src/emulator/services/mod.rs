//! One folder a service. Services never import each other: they meet in the [`Fabric`](super::Fabric).

mod dynamodb;
mod events;
mod lambda;
mod logs;
mod s3;
mod sqs;
mod states;

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
        dynamodb::DynamoDb::new(fabric.clone())?,
        events::Events::new(fabric.clone()),
        lambda::new(fabric.clone())?,
        logs::Logs::new(fabric.clone()),
        s3::S3::new(fabric)?,
        sqs::Sqs::new(fabric.clone()),
        states::new(fabric.clone()),
    ])
}
