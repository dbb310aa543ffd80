//! One folder a service. Services never import each other: they meet in the [`Fabric`](super::Fabric).

pub mod cloudformation;
pub mod iam;
pub mod ssm;
pub mod sts;

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
        cloudformation::CloudFormation::new(fabric.clone()),
        iam::Iam::new(fabric.clone()),
        ssm::Ssm::new(fabric.clone()),
        sts::Sts::new(fabric.clone()),
    ])
}
