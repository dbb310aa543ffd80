//! A bar for work on files, on terminals only, and how fast the work was.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::model::words::counted;
use crate::vault::human;

/// A bar over so many bytes on standard error; it shows nothing where that is no terminal.
pub fn bar(bytes: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:32} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// `3 files in 2 folders, 1.5 GB, in 0.8 s: 1.9 GB/s`.
pub fn sentence(files: u64, directories: u64, bytes: u64, took: Duration) -> String {
    format!(
        "{} in {}, {}, in {:.1} s: {}/s",
        counted(files, "file"),
        counted(directories, "folder"),
        human(bytes),
        took.as_secs_f64(),
        human(rate(bytes, took))
    )
}

/// Bytes a second.
pub fn rate(bytes: u64, took: Duration) -> u64 {
    let rate = u128::from(bytes) * 1_000_000 / took.as_micros().max(1);
    u64::try_from(rate).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_one_sentence() {
        let told = sentence(1, 2, 3 << 29, Duration::from_millis(750));
        assert_eq!(told, "1 file in 2 folders, 1.5 GB, in 0.8 s: 2 GB/s");
        assert_eq!(rate(u64::MAX, Duration::ZERO), u64::MAX);
        assert_eq!(rate(10, Duration::from_secs(5)), 2);
    }
}
