//! `PutRetentionPolicy` and `DeleteRetentionPolicy`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Logs;
use super::error::LogsError;
use super::groups::GroupNameInput;
use crate::emulator::Context;

/// The days that AWS takes.
const DAYS: &[u16] =
    &[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1_096, 1_827, 2_192, 2_557, 2_922, 3_288, 3_653];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutRetentionPolicyInput {
    log_group_name: String,
    retention_in_days: i64,
}

impl Logs {
    pub(super) async fn put_retention_policy(
        &self,
        input: PutRetentionPolicyInput,
        _: &Context,
    ) -> Result<Value, LogsError> {
        let given = input.retention_in_days;
        let Some(days) = DAYS.iter().find(|days| i64::from(**days) == given) else {
            let set: Vec<String> = DAYS.iter().map(u16::to_string).collect();
            let constraint = format!("satisfy enum value set: [{}]", set.join(", "));
            return Err(LogsError::constraint(given, "retentionInDays", constraint));
        };
        self.retain(&input.log_group_name, Some(*days))
    }

    pub(super) async fn delete_retention_policy(&self, input: GroupNameInput, _: &Context) -> Result<Value, LogsError> {
        self.retain(&input.log_group_name, None)
    }

    fn retain(&self, group: &str, days: Option<u16>) -> Result<Value, LogsError> {
        let group = self.by_name(group)?;
        let mut log = group.log_mut();
        log.retention = days;
        log.rows.retention(days);
        log.expire(self.now_millis());
        Ok(json!({}))
    }
}
