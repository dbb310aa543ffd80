//! The nouns that every part shares: identifiers, moments, datasets and what was seen to happen. No I/O, no clock.

mod arn;
mod timestamp;

pub use arn::{Arn, ArnError};
pub use timestamp::Timestamp;
