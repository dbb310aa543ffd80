//! Tasks with real processes, through the fabric: shells stand in for images.

use std::time::Duration;

use serde_json::{Value, json};

use super::Ecs;
use crate::clock::{Clock, real_now};
use crate::emulator::services::logs::Logs;
use crate::emulator::{Fabric, Identity, ServiceError};

const SUBNET: &str = "subnet-0";

async fn call(fabric: &Fabric, operation: &str, input: Value) -> Result<Value, ServiceError> {
    fabric.call("test", "ecs", operation, input).await
}
