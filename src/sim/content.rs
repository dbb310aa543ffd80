//! The bytes of a simulated object, made when they are read: no dataset is ever held in memory.

use std::sync::Arc;

use bytes::Bytes;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Bytes of one chunk.
pub const CHUNK_BYTES: usize = 64 * 1024;

/// What an object holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// `size` pseudo-random bytes of a seed; a prefix of the same bytes where the object is partial.
    Random {
        /// The seed.
        seed: u64,
        /// Bytes.
        size: u64,
    },
    /// A text, such as a manifest.
    Text(Arc<str>),
}

impl Content {
    /// Bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self {
            Self::Random { size, .. } => *size,
            Self::Text(text) => text.len() as u64,
        }
    }

    /// The bytes, a chunk at a time.
    #[must_use]
    pub fn chunks(&self) -> Chunks {
        match self {
            Self::Random { seed, size } => Chunks(Kind::Random(Box::new(ChaCha8Rng::seed_from_u64(*seed)), *size)),
            Self::Text(text) => Chunks(Kind::Text(Bytes::copy_from_slice(text.as_bytes()))),
        }
    }

    /// All bytes at once, for what is small.
    #[must_use]
    pub fn whole(&self) -> Bytes {
        let mut chunks = self.chunks();
        let first = chunks.next().unwrap_or_default();
        if first.len() as u64 == self.size() {
            return first;
        }
        let mut all = first.to_vec();
        chunks.for_each(|chunk| all.extend_from_slice(&chunk));
        Bytes::from(all)
    }
}

/// An object's bytes in chunks of at most [`CHUNK_BYTES`].
#[derive(Debug, Clone)]
pub struct Chunks(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Random(Box<ChaCha8Rng>, u64),
    Text(Bytes),
}

impl Iterator for Chunks {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        match &mut self.0 {
            Kind::Random(_, 0) => None,
            Kind::Random(rng, left) => {
                let len = usize::try_from(*left).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
                let mut chunk = vec![0; len];
                rng.fill_bytes(&mut chunk);
                *left -= len as u64;
                Some(Bytes::from(chunk))
            }
            Kind::Text(text) if text.is_empty() => None,
            Kind::Text(text) => Some(text.split_to(text.len().min(CHUNK_BYTES))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partial_object_is_a_prefix_of_the_whole_one() {
        let whole = Content::Random { seed: 3, size: 200_000 }.whole();
        let part = Content::Random { seed: 3, size: 150_001 }.whole();
        assert_eq!((whole.len(), part.len()), (200_000, 150_001));
        assert_eq!(whole[..150_001], part[..]);
        assert_ne!(whole, Content::Random { seed: 4, size: 200_000 }.whole());
    }

    #[test]
    fn text_comes_whole_whatever_its_length() {
        for len in [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1] {
            let text = "x".repeat(len);
            let content = Content::Text(Arc::from(text.as_str()));
            assert_eq!(content.whole(), text.as_bytes());
            assert_eq!(content.size(), len as u64);
        }
    }
}
