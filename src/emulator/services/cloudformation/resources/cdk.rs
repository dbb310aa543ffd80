//! `AWS::CDK::Metadata`: the CDK's note of what it used; there is nothing to make.

use serde_json::Value;

use super::schema::{Property, Shape, property};
use super::{Failure, Made, Request};

const PROPERTIES: &[Property] = &[property("Analytics", Shape::Text)];

super::provider!(Metadata, "AWS::CDK::Metadata", PROPERTIES, None, create, update, delete);

async fn create(request: Request<'_>) -> Result<Made, Failure> {
    Ok(Made::new(request.fabric.uuid()))
}

async fn update(_: Request<'_>, physical_id: &str, _: &Value) -> Result<Made, Failure> {
    Ok(Made::new(physical_id))
}

async fn delete(_: Request<'_>, _: &str) -> Result<(), Failure> {
    Ok(())
}
