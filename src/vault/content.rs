//! Random bytes for a file, fast enough not to be what is waited for.

use std::io::{self, Write};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio_util::sync::CancellationToken;

/// Bytes that are made and written at once.
const CHUNK: usize = 256 * 1024;

/// Writes `size` bytes that follow from `seed`; false when it was stopped before the last one.
///
/// # Errors
/// When the writer fails.
pub(super) fn fill(
    file: &mut impl Write,
    seed: u64,
    size: u64,
    stop: &CancellationToken,
    moved: &(dyn Fn(u64) + Sync),
) -> io::Result<bool> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut left = size;
    let mut chunk = vec![0; usize::try_from(size).map_or(CHUNK, |size| size.min(CHUNK))];
    while left > 0 {
        if stop.is_cancelled() {
            return Ok(false);
        }
        let len = usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK));
        rng.fill_bytes(&mut chunk[..len]);
        file.write_all(&chunk[..len])?;
        left -= len as u64;
        moved(len as u64);
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_follow_from_the_seed_and_are_counted() {
        let of = |seed, size: u64| {
            let mut bytes = Vec::new();
            let moved = std::sync::atomic::AtomicU64::new(0);
            let count = |more| {
                moved.fetch_add(more, std::sync::atomic::Ordering::Relaxed);
            };
            assert!(fill(&mut bytes, seed, size, &CancellationToken::new(), &count).expect("a vector takes all"));
            assert_eq!((bytes.len() as u64, moved.into_inner()), (size, size));
            bytes
        };
        assert_eq!(of(1, 600_001), of(1, 600_001));
        assert_eq!(of(1, 600_001)[..1_000], of(1, 1_000)[..]);
        assert_ne!(of(1, 1_000), of(2, 1_000));
        assert!(of(1, 0).is_empty());
        // Every value occurs about as often as every other one: what is no sparse file compresses badly.
        let mut counts = [0_u32; 256];
        for byte in of(3, 256_000) {
            counts[usize::from(byte)] += 1;
        }
        assert!(counts.iter().all(|count| (800..1_200).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_stop_is_heard_between_two_chunks() {
        let stop = CancellationToken::new();
        let mut bytes = Vec::new();
        let ended = fill(&mut bytes, 1, 10 * CHUNK as u64, &stop, &|_| stop.cancel()).expect("a vector takes all");
        assert_eq!((ended, bytes.len()), (false, CHUNK));
    }
}
