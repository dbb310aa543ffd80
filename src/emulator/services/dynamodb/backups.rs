//! Continuous backups and the fixed answers about the account: recorded and returned, never acted on.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Engine, error};
use crate::clock::Clock;
use crate::emulator::error::ServiceError;
use crate::emulator::keep::{KeepError, Shelf};
use crate::emulator::service::parse_input;
use crate::model::Timestamp;

/// Days for which AWS can restore a table unless told otherwise.
const DEFAULT_RECOVERY_DAYS: u32 = 35;
/// What sort of row a [`Recovery`] is.
const KIND: &str = "recovery";

/// Point-in-time recovery of a table.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Recovery {
    since: Timestamp,
    days: u32,
}

/// Tables that have point-in-time recovery switched on.
pub struct Backups {
    enabled: Mutex<HashMap<String, Recovery>>,
    clock: Clock,
    shelf: Shelf,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Table {
    table_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Update {
    table_name: String,
    point_in_time_recovery_specification: Specification,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Specification {
    point_in_time_recovery_enabled: bool,
    #[serde(default)]
    recovery_period_in_days: Option<u32>,
}

impl Backups {
    /// What was kept.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn new(clock: Clock, shelf: Shelf) -> Result<Self, KeepError> {
        let enabled = Mutex::new(shelf.all(KIND)?.into_iter().collect());
        Ok(Self { enabled, clock, shelf })
    }

    /// Drops what is known of a deleted table.
    pub fn forget(&self, table: &str) {
        let mut enabled = self.enabled.lock().unwrap_or_else(PoisonError::into_inner);
        if enabled.remove(table).is_some() {
            self.shelf.delete(KIND, table);
        }
    }

    fn set(&self, table: &str, specification: &Specification) {
        let mut enabled = self.enabled.lock().unwrap_or_else(PoisonError::into_inner);
        if !specification.point_in_time_recovery_enabled {
            self.shelf.delete(KIND, table);
            enabled.remove(table);
            return;
        }
        let days = specification.recovery_period_in_days.unwrap_or(DEFAULT_RECOVERY_DAYS);
        let recovery = enabled.entry(table.to_owned()).or_insert(Recovery { since: self.clock.now(), days });
        recovery.days = days;
        self.shelf.put(KIND, table, recovery);
    }

    fn describe(&self, table: &str) -> Value {
        let enabled = self.enabled.lock().unwrap_or_else(PoisonError::into_inner);
        let recovery = enabled.get(table).map_or_else(
            || json!({"PointInTimeRecoveryStatus": "DISABLED"}),
            |recovery| {
                json!({
                    "PointInTimeRecoveryStatus": "ENABLED",
                    "RecoveryPeriodInDays": recovery.days,
                    "EarliestRestorableDateTime": recovery.since.epoch_seconds(),
                    "LatestRestorableDateTime": self.clock.now().epoch_seconds(),
                })
            },
        );
        json!({
            "ContinuousBackupsDescription": {
                "ContinuousBackupsStatus": "ENABLED",
                "PointInTimeRecoveryDescription": recovery,
            }
        })
    }
}

impl Engine {
    pub(super) fn describe_continuous_backups(
        &self,
        _: &str,
        mut input: Map<String, Value>,
    ) -> Result<Value, ServiceError> {
        self.arns.names_for_arns(&mut input);
        let Table { table_name } = parse_input(Value::Object(input))?;
        self.known(&table_name)?;
        Ok(self.backups.describe(&table_name))
    }

    pub(super) fn update_continuous_backups(
        &self,
        _: &str,
        mut input: Map<String, Value>,
    ) -> Result<Value, ServiceError> {
        self.arns.names_for_arns(&mut input);
        let update: Update = parse_input(Value::Object(input))?;
        self.known(&update.table_name)?;
        if let Some(days) = update.point_in_time_recovery_specification.recovery_period_in_days
            && !(1..=DEFAULT_RECOVERY_DAYS).contains(&days)
        {
            return Err(error::validation(&format!(
                "1 validation error detected: Value '{days}' at \
                 'pointInTimeRecoverySpecification.recoveryPeriodInDays' failed to satisfy constraint: \
                 Member must be between 1 and {DEFAULT_RECOVERY_DAYS}"
            )));
        }
        self.backups.set(&update.table_name, &update.point_in_time_recovery_specification);
        Ok(self.backups.describe(&update.table_name))
    }

    /// The limits of a new account.
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "handlers of operations share one shape")]
    pub(super) fn describe_limits(&self, _: &str, _: Map<String, Value>) -> Result<Value, ServiceError> {
        Ok(json!({
            "AccountMaxReadCapacityUnits": 80_000,
            "AccountMaxWriteCapacityUnits": 80_000,
            "TableMaxReadCapacityUnits": 40_000,
            "TableMaxWriteCapacityUnits": 40_000,
        }))
    }

    fn known(&self, table: &str) -> Result<(), ServiceError> {
        match self.database.get_table_metadata(table) {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(error::table_not_found(table)),
            Err(error) => Err(error::of_engine("DescribeContinuousBackups", error)),
        }
    }
}
