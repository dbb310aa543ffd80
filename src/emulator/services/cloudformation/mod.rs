//! AWS CloudFormation: templates become resources of the endpoint's other services.

mod error;
mod template;
