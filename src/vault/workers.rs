//! A fixed number of threads that take items one after another, so that large and small ones even out.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tokio_util::sync::CancellationToken;

/// Calls `work` with every item and its place, on `workers` threads at most, until `stop` is cancelled.
pub(super) fn each<T: Sync>(items: &[T], workers: usize, stop: &CancellationToken, work: impl Fn(usize, &T) + Sync) {
    let next = AtomicUsize::new(0);
    let take = || {
        while !stop.is_cancelled() {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(place) else { break };
            work(place, item);
        }
    };
    thread::scope(|scope| {
        for _ in 0..workers.min(items.len()) {
            scope.spawn(take);
        }
    });
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn every_item_is_worked_on_once() {
        let items: Vec<usize> = (0..1_000).collect();
        let seen = Mutex::new(Vec::new());
        each(&items, 7, &CancellationToken::new(), |place, item| seen.lock().expect("a lock").push((place, *item)));
        let mut seen = seen.into_inner().expect("a lock");
        seen.sort_unstable();
        assert_eq!(seen, items.iter().map(|item| (*item, *item)).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_is_begun_after_the_stop() {
        let stop = CancellationToken::new();
        let begun = AtomicUsize::new(0);
        each(&[(); 100], 1, &stop, |_, ()| {
            if begun.fetch_add(1, Ordering::Relaxed) == 2 {
                stop.cancel();
            }
        });
        assert_eq!(begun.into_inner(), 3);
    }
}
