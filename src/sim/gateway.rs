//! What the simulated gateway is like: its uploads, its cache, its settling time, and when it is offline.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::job::{JobError, is_time};
use super::route::Wish;

/// The settling time that the workshop's file share has.
pub const SETTLING_SECS: f64 = 60.0;

/// Which of the files that wait is uploaded next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UploadOrder {
    /// Any of them, as a gateway does it.
    #[default]
    Shuffled,
    /// The one that was written first.
    Written,
}

/// A time without a connection to AWS.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Offline {
    /// Seconds after the begin of everything.
    pub from_secs: f64,
    /// How long, in seconds.
    pub for_secs: f64,
}

/// A gateway with its share. Times are simulated time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct GatewaySpec {
    /// Files that are uploaded at a time.
    pub upload_workers: u32,
    /// Bytes a second that one upload moves.
    pub upload_bytes_per_sec: u64,
    /// Seconds that each upload costs besides its bytes.
    pub upload_secs_per_file: f64,
    /// Which file is uploaded next.
    pub upload_order: UploadOrder,
    /// Files from this size on appear in the bucket with a part of their bytes first; 0 for none.
    pub partial_from_bytes: u64,
    /// Seconds after the client's last write before which no notification is sent.
    pub settling_secs: f64,
    /// Bytes that the cache holds; clients wait while what is not uploaded yet fills it. No bound where it is left out.
    pub cache_bytes: Option<u64>,
    /// Times without a connection, in their order.
    pub offline: Vec<Offline>,
    /// Whether notifications are sent strictly in the order of the plan, one call after the other.
    pub strict: bool,
    /// Which way notifications take.
    pub route: Wish,
}

impl Default for GatewaySpec {
    fn default() -> Self {
        Self {
            upload_workers: 8,
            upload_bytes_per_sec: 10 * 1024 * 1024,
            upload_secs_per_file: 0.2,
            upload_order: UploadOrder::Shuffled,
            partial_from_bytes: 48 * 1024,
            settling_secs: SETTLING_SECS,
            cache_bytes: None,
            offline: Vec::new(),
            strict: false,
            route: Wish::Auto,
        }
    }
}

impl GatewaySpec {
    /// Checks that there can be such a gateway.
    ///
    /// # Errors
    /// The first thing that cannot be.
    pub fn check(&self) -> Result<(), JobError> {
        let mut last = 0.0;
        for window in &self.offline {
            let is_after = is_time(window.from_secs) && window.from_secs >= last;
            if !is_after || !is_time(window.for_secs) || window.for_secs == 0.0 {
                return Err(JobError::Offline);
            }
            last = window.from_secs + window.for_secs;
        }
        for (what, positive) in [
            ("upload-bytes-per-sec", self.upload_bytes_per_sec > 0),
            ("upload-workers", self.upload_workers > 0),
            ("upload-secs-per-file", is_time(self.upload_secs_per_file)),
            ("settling-secs", is_time(self.settling_secs)),
            ("cache-bytes", self.cache_bytes != Some(0)),
        ] {
            if !positive {
                return Err(JobError::NotPositive(what));
            }
        }
        Ok(())
    }

    /// How long the upload of so many bytes takes.
    pub(super) fn upload_time(&self, bytes: u64) -> Duration {
        secs(self.upload_secs_per_file) + transfer(bytes, self.upload_bytes_per_sec)
    }
}

/// Seconds as a duration; none where they are no time.
pub(super) fn secs(secs: f64) -> Duration {
    Duration::try_from_secs_f64(secs).unwrap_or_default()
}

/// How long so many bytes take at a rate.
pub(super) fn transfer(bytes: u64, bytes_per_sec: u64) -> Duration {
    Duration::from_micros(bytes.saturating_mul(1_000_000) / bytes_per_sec.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_said() {
        let default = GatewaySpec::default;
        let window = |from_secs, for_secs| Offline { from_secs, for_secs };
        assert_eq!(default().check(), Ok(()));
        assert_eq!(GatewaySpec { offline: vec![window(0.0, 5.0), window(5.0, 1.0)], ..default() }.check(), Ok(()));
        for (gateway, said) in [
            (GatewaySpec { upload_workers: 0, ..default() }, "upload-workers"),
            (GatewaySpec { settling_secs: f64::NAN, ..default() }, "settling-secs"),
            (GatewaySpec { cache_bytes: Some(0), ..default() }, "cache-bytes"),
            (GatewaySpec { offline: vec![window(0.0, 5.0), window(4.0, 1.0)], ..default() }, "offline"),
            (GatewaySpec { offline: vec![window(0.0, f64::INFINITY)], ..default() }, "offline"),
            (GatewaySpec { offline: vec![window(1.0, 0.0)], ..default() }, "offline"),
        ] {
            let error = gateway.check().expect_err("refused").to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
