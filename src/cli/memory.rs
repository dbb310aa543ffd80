//! Memory of this process and all that it started, as the system counts it.

use std::fs;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// How often the tree is measured.
const EVERY: Duration = Duration::from_millis(250);
const PAGE_BYTES: u64 = 4_096;

/// The largest sum of resident memory that was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Peak {
    /// Bytes of all processes together; pages that they share count for each.
    pub peak_bytes: u64,
    /// Processes at that moment, this one included.
    pub processes: usize,
}

/// Measures until `end`; `None` where the system does not tell.
pub async fn watch(end: CancellationToken) -> Option<Peak> {
    let mut peak = Peak::default();
    loop {
        let now = measure()?;
        if now.peak_bytes > peak.peak_bytes {
            peak = now;
        }
        tokio::select! {
            () = end.cancelled() => return Some(peak),
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Walks `/proc` from this process down.
fn measure() -> Option<Peak> {
    let mut sum = Peak::default();
    let mut open = vec![std::process::id()];
    while let Some(process) = open.pop() {
        // A process may end while it is looked at.
        if let Some(pages) = resident_pages(process) {
            sum.peak_bytes += pages * PAGE_BYTES;
            sum.processes += 1;
            open.extend(children(process));
        }
    }
    (sum.processes > 0).then_some(sum)
}

fn resident_pages(process: u32) -> Option<u64> {
    let statm = fs::read_to_string(format!("/proc/{process}/statm")).ok()?;
    statm.split_whitespace().nth(1)?.parse().ok()
}

fn children(process: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else {
        return Vec::new();
    };
    threads
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|line| line.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_and_its_children_are_measured() {
        let alone = measure().expect("linux tells");
        let mut child = std::process::Command::new("/bin/cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .expect("cat can be started");
        let two = measure().expect("linux tells");
        drop(child.stdin.take());
        child.wait().expect("cat ends");
        assert!(alone.peak_bytes > 0);
        assert!(two.processes > alone.processes.saturating_sub(1), "{two:?} after {alone:?}");
    }
}
