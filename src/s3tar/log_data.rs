//! Test data: a hundred log files a day under `logs/YYYY/MM/DD/`, as `generate_test_data_in_S3.py` of the original makes them.

use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};
use rand::distr::{Alphanumeric, SampleString};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::model::Timestamp;

use super::error::S3TarError;
use super::location::Location;
use super::port::Port;

/// Files of a day.
pub const LOGS_A_DAY: u32 = 100;
const LEVELS: [&str; 5] = ["DEBUG", "INFO", "WARN", "ERROR", "CRITICAL"];
const DAY: Duration = Duration::from_secs(86_400);
/// Between two lines of a day, so that all of them lie within it.
const STEP: Duration = Duration::from_secs(840);
const PUTS: usize = 32;

/// A log file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFile {
    /// `logs/2026/11/21/log_0.txt`
    pub key: String,
    /// `2026-11-21T00:00:00 | INFO | …`
    pub body: String,
}

/// The file `index` of the day that `day` lies in.
pub fn log_file(day: Timestamp, index: u32, random: &mut StdRng) -> LogFile {
    let midnight = Timestamp::from_secs(day.secs() - day.secs().rem_euclid(DAY.as_secs().cast_signed()));
    let moment = (midnight + STEP * index).iso_seconds();
    let level = LEVELS[random.random_range(0..LEVELS.len())];
    let len = random.random_range(50..=200);
    let message = Alphanumeric.sample_string(random, len);
    let (date, time) = moment.split_at(10);
    LogFile {
        key: format!("logs/{}/log_{index}.txt", date.replace('-', "/")),
        body: format!("{date}{} | {level} | {message}", time.trim_end_matches('Z')),
    }
}

/// Puts the files of so many days, the last one `today`; how many there are.
///
/// # Errors
/// When the bucket is missing or a call fails.
pub async fn write_log_data(
    port: &Port,
    bucket: &str,
    days: u32,
    today: Timestamp,
    seed: u64,
) -> Result<u64, S3TarError> {
    let mut random = StdRng::seed_from_u64(seed);
    let all = (0..days).rev().flat_map(|back| {
        let day = today.minus(DAY * back);
        (0..LOGS_A_DAY).map(move |index| (day, index))
    });
    let files = all.map(|(day, index)| log_file(day, index, &mut random));
    stream::iter(files)
        .map(|file| async move {
            let place = Location { bucket: bucket.to_owned(), key: file.key };
            port.put(&place, file.body.into(), "text/plain").await
        })
        .buffer_unordered(PUTS)
        .try_fold(0, |count, _| async move { Ok(count + 1) })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_days_files_lie_in_its_folder_and_say_their_moment() {
        let day = Timestamp::parse_rfc3339("2026-11-21T12:34:56Z").expect("a moment");
        let mut random = StdRng::seed_from_u64(1);
        let first = log_file(day, 0, &mut random);
        assert_eq!(first.key, "logs/2026/11/21/log_0.txt");
        assert!(first.body.starts_with("2026-11-21T00:00:00 | "), "{}", first.body);
        let last = log_file(day, LOGS_A_DAY - 1, &mut random);
        assert_eq!(last.key, "logs/2026/11/21/log_99.txt");
        assert!(last.body.starts_with("2026-11-21T23:06:00 | "), "{}", last.body);
        let message = last.body.rsplit(" | ").next().expect("a message");
        assert!((50..=200).contains(&message.len()));
        assert_eq!(log_file(day, 0, &mut StdRng::seed_from_u64(1)), first, "a seed repeats its files");
    }
}
