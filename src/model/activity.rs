//! Every call that was made of a target's services: how many, how slow, what they cost. Counted where they are made and
//! only read elsewhere.

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
}

/// Every call so far.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Activity {
    /// One row an operation, by service and operation.
    pub rows: Vec<CallRow>,
}

impl Activity {
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
