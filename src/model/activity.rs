//! Every call that was made of a target's services: how many, how slow, what they cost. Counted where they are made and
//! only read elsewhere.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Calls of one operation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallRow {
    /// The service as AWS names it to its clients: `s3`, `dynamodb`, `events`, …
    pub service: String,
    /// The operation as AWS spells it: `ListObjectsV2`.
    pub operation: String,
    /// Attempts that were answered or failed, retries included.
    pub calls: u64,
    /// Those that failed, throttled ones included.
    pub errors: u64,
    /// Those that were throttled.
    pub throttled: u64,
    /// Microseconds of all of them together.
    pub micros: u64,
    /// Microseconds of the slowest.
    pub slowest_micros: u64,
    /// What they cost on AWS at its list price, in billionths of a US dollar; 0 for what is free.
    pub nano_usd: u64,
    /// The number of the last of them among the attempts of all operations, from 1.
    #[serde(default)]
    pub last: u64,
    /// Whether the operation is not known to read only.
    #[serde(default)]
    pub changes: bool,
    /// The last of them as a command for the AWS CLI, without target and region; left out where it was told before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Arc<str>>,
    /// The same of the last that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_command: Option<Arc<str>>,
}

/// Every call so far.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Activity {
    /// One row an operation, by service and operation.
    pub rows: Vec<CallRow>,
}

impl Activity {
    /// The number of the last attempt; 0 before the first one.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.rows.iter().map(|row| row.last).max().unwrap_or(0)
    }

    /// Attempts of all operations.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.rows.iter().map(|row| row.calls).sum()
    }

    /// Throttled attempts of all operations.
    #[must_use]
    pub fn throttled(&self) -> u64 {
        self.rows.iter().map(|row| row.throttled).sum()
    }

    /// Failed attempts of all operations.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.rows.iter().map(|row| row.errors).sum()
    }

    /// What all of them cost, in US dollars.
    #[must_use]
    pub fn usd(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "an estimate, shown with a few digits")]
        let nano = self.rows.iter().map(|row| row.nano_usd).sum::<u64>() as f64;
        nano / 1e9
    }
}
