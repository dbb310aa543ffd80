//! One folder a service. Services never import each other: they meet in the [`Fabric`](super::Fabric).

mod events;
mod logs;
mod sqs;

use std::sync::Arc;

use super::StartError;
use super::fabric::Fabric;
use super::service::Service;

/// Every service of the endpoint.
///
/// # Errors
/// When one cannot be set up.
pub fn all(fabric: &Fabric) -> Result<Vec<Arc<dyn Service>>, StartError> {
    Ok(vec![events::Events::new(fabric.clone()), logs::Logs::new(fabric.clone()), sqs::Sqs::new(fabric.clone())])
}
