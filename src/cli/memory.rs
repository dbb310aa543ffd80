//! Memory of this process and all that it started, as the system counts it.

use std::fs;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// How often the tree is measured.
const EVERY: Duration = Duration::from_millis(500);

/// The largest sum of memory that was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Memory {
    /// Bytes of all processes together, shared pages counted once (proportional set size).
    pub peak_bytes: u64,
    /// Resident bytes of all processes at that moment; pages that they share count for each.
    pub resident_bytes: u64,
    /// Processes at that moment, this one included.
    pub processes: usize,
}

/// Measures until `end`; `None` where the system does not tell.
pub async fn watch(end: CancellationToken) -> Option<Memory> {
    let mut peak = Memory::default();
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
fn measure() -> Option<Memory> {
    let mut sum = Memory::default();
    let mut open = vec![std::process::id()];
    while let Some(process) = open.pop() {
        // A process may end while it is looked at.
        if let Some((proportional, resident)) = bytes_of(process) {
            sum.peak_bytes += proportional;
            sum.resident_bytes += resident;
            sum.processes += 1;
            open.extend(children(process));
        }
    }
    (sum.processes > 0).then_some(sum)
}

/// Proportional and resident bytes of one process.
fn bytes_of(process: u32) -> Option<(u64, u64)> {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
    let kilobytes = |name: &str| -> Option<u64> {
        let line = rollup.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    Some((kilobytes("Pss:")? * 1_024, kilobytes("Rss:")? * 1_024))
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
