//! What Fargate asks of a task: its network, its size, and a role for its logs.

use serde_json::{Map, Value};

use super::definition::number;
use super::error::Error;

/// What Fargate has: CPU units, least and most memory and its step, in MiB.
const FARGATE: [(i64, i64, i64, i64); 7] = [
    (256, 512, 2_048, 512),
    (512, 1_024, 4_096, 1_024),
    (1_024, 2_048, 8_192, 1_024),
    (2_048, 4_096, 16_384, 1_024),
    (4_096, 8_192, 30_720, 1_024),
    (8_192, 16_384, 61_440, 4_096),
    (16_384, 32_768, 122_880, 8_192),
];

pub(super) fn check_fargate(input: &Map<String, Value>, containers: &[Value]) -> Result<(), Error> {
    if input.get("networkMode").and_then(Value::as_str) != Some("awsvpc") {
        return Err(Error::client("Fargate only supports network mode ‘awsvpc’."));
    }
    let size = |what: &str| {
        number(input.get(what))
            .ok_or_else(|| Error::client(format!("Fargate requires that '{what}' be defined at the task level.")))
    };
    check_size(size("cpu")?, size("memory")?)?;
    let logs = containers.iter().any(|container| container.get("logConfiguration").is_some());
    if logs && input.get("executionRoleArn").and_then(Value::as_str).is_none_or(str::is_empty) {
        return Err(Error::client(
            "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
        ));
    }
    Ok(())
}

/// Refuses a size that Fargate has not.
///
/// # Errors
/// `ClientException` naming both values.
pub fn check_size(cpu: i64, memory: i64) -> Result<(), Error> {
    let fits = FARGATE.iter().any(|(units, least, most, step)| {
        *units == cpu && (*least..=*most).contains(&memory) && (memory - least) % step == 0
    });
    // The smallest one has no size between 1 and 2 GB.
    if fits && (cpu, memory) != (256, 1_536) {
        return Ok(());
    }
    Err(Error::client(format!(
        "No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. See the Amazon ECS documentation for the valid values."
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_of_fargate_is_taken() {
        for (cpu, memory) in [(256, 512), (256, 1_024), (256, 2_048), (512, 3_072), (4_096, 30_720), (8_192, 20_480)] {
            check_size(cpu, memory).expect("a size of Fargate");
        }
        for (cpu, memory) in [(256, 1_536), (512, 512), (4_096, 30_721), (300, 512), (8_192, 17_408)] {
            check_size(cpu, memory).expect_err("no size of Fargate");
        }
    }
}
