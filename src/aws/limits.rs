//! How long calls may take and how often they are tried again: every figure of the SDK's behaviour in one place.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;

/// The longest that the first check of an endpoint may take, tries included.
pub const CHECK_LIMIT: Duration = Duration::from_secs(4);

const CONNECT: Duration = Duration::from_secs(3);
const READ: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_secs(10);
const ATTEMPT: Duration = Duration::from_secs(30);
const OPERATION: Duration = Duration::from_secs(60);
const ATTEMPTS: u32 = 4;
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);

/// An upload of the functions' artefact: attempt and whole.
pub const UPLOAD_TIMEOUTS: (Duration, Duration) = (Duration::from_secs(120), Duration::from_secs(300));

/// Timeouts of every client.
pub fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .read_timeout(READ)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(OPERATION)
        .build()
}

/// Timeouts of looks that are repeated anyhow: a server that does not answer is known sooner.
pub fn looks() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .read_timeout(LOOK)
        .operation_attempt_timeout(LOOK)
        .operation_timeout(LOOK)
        .build()
}

/// Timeouts of an upload of the functions' artefact.
pub fn upload_timeouts() -> TimeoutConfig {
    let (attempt, operation) = UPLOAD_TIMEOUTS;
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .read_timeout(attempt)
        .operation_attempt_timeout(attempt)
        .operation_timeout(operation)
        .build()
}

/// Retries of every client; a tailer backs off by itself on top of them.
pub fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(ATTEMPTS).with_max_backoff(LONGEST_BACKOFF)
}

/// One attempt and a short wait, so that a check fails while somebody still looks.
pub fn check(limit: Duration) -> (TimeoutConfig, RetryConfig) {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(limit)
        .read_timeout(limit)
        .operation_attempt_timeout(limit)
        .operation_timeout(limit)
        .build();
    (timeouts, RetryConfig::disabled())
}
