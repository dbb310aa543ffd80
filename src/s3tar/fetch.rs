//! Reads objects, or runs of them, into memory that was set aside for them: a body that breaks off is read anew.

use std::time::Duration;

use bytes::{Bytes, BytesMut};

use crate::aws::Problem;

use super::error::S3TarError;
use super::location::Location;
use super::port::Port;

/// Readings of a body that breaks off, the first one included.
const ATTEMPTS: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// What is read.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// The object.
    pub place: &'a Location,
    /// Its ETag without quotes; empty where any will do.
    pub etag: &'a str,
    /// The first byte.
    pub start: u64,
    /// Whether it is the whole object: only then can S3's checksum of it be checked.
    pub is_whole: bool,
}

/// Fills `into`, whose length is what is read.
///
/// # Errors
/// When the object is gone or another one, is shorter or longer than it should be, or does not come in several readings.
pub async fn fill(port: &Port, run: Run<'_>, into: &mut BytesMut) -> Result<(), S3TarError> {
    let mut wait = FIRST_WAIT;
    for attempt in 1.. {
        match read(port, run, into).await {
            Err(error) if error.is_retryable() && attempt < ATTEMPTS => {
                tracing::debug!(%error, attempt, "a body is read anew");
                tokio::time::sleep(wait).await;
                wait *= 2;
            }
            ended => return ended,
        }
    }
    Ok(())
}

/// The same into new memory.
///
/// # Errors
/// As [`fill`].
pub async fn read_range(port: &Port, place: &Location, etag: &str, start: u64, len: u64) -> Result<Bytes, S3TarError> {
    let mut bytes = BytesMut::zeroed(usize::try_from(len).unwrap_or(usize::MAX));
    if len > 0 {
        fill(port, Run { place, etag, start, is_whole: false }, &mut bytes).await?;
    }
    Ok(bytes.freeze())
}

/// A whole object that is small: a manifest, a checksum.
///
/// # Errors
/// When it is not there or does not come.
pub async fn read_whole(port: &Port, place: &Location) -> Result<Bytes, S3TarError> {
    let mut wait = FIRST_WAIT;
    let mut attempt = 1;
    loop {
        let answer = match port.get(place, "", None).await {
            Ok(body) => body.collect().await.map(aws_sdk_s3::primitives::AggregatedBytes::into_bytes),
            Err(S3TarError::Gone { object }) => {
                return Err(S3TarError::Missing { object, remedy: "check the name and the bucket" });
            }
            Err(error) => return Err(error),
        };
        match answer {
            Ok(bytes) => return Ok(bytes),
            Err(error) if attempt >= ATTEMPTS => return Err(broken(place, &error.to_string())),
            Err(_) => {}
        }
        tokio::time::sleep(wait).await;
        wait *= 2;
        attempt += 1;
    }
}

async fn read(port: &Port, run: Run<'_>, into: &mut BytesMut) -> Result<(), S3TarError> {
    let range = (!run.is_whole).then_some((run.start, into.len() as u64));
    let mut body = port.get(run.place, run.etag, range).await?;
    let mut at = 0;
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| broken(run.place, &error.to_string()))?;
        let Some(free) = into.get_mut(at..at + chunk.len()) else {
            return Err(changed(run.place, into.len()));
        };
        free.copy_from_slice(&chunk);
        at += chunk.len();
    }
    // Without a range the length was announced, and a body that is cut off is an error above.
    if at < into.len() { Err(changed(run.place, into.len())) } else { Ok(()) }
}

fn changed(place: &Location, len: usize) -> S3TarError {
    S3TarError::Changed { object: place.clone(), how: format!("it has not the {len} bytes that the list says") }
}

fn broken(place: &Location, problem: &str) -> S3TarError {
    S3TarError::Call { what: place.to_string(), problem: Problem::outage(format!("s3 GetObject broke off: {problem}")) }
}
