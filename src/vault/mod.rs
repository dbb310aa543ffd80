//! What the workshop's two scripts do to real folders: test data of random bytes, and a folder vaulted onto a file
//! share as one dataset with its manifest.
//!
//! It works with the file system alone: it knows no AWS, prints nothing and reads no time.

mod amount;
mod content;
mod copy;
mod error;
mod generate;
mod manifest;
mod plan;
mod room;
mod source;
mod workers;

pub use amount::{GIB, MIB, gigabytes, human, megabytes};
pub use copy::{Vaulted, Vaulting, WORKERS, vault};
pub use error::{Problem, VaultError};
pub use generate::{Generated, generate};
pub use manifest::Names;
pub use plan::{DEFAULT_HIGH, DEFAULT_LOW, Plan, Sizes};
pub use source::{FoundFile, Source, scan};

use tokio_util::sync::CancellationToken;

/// What work on many files is watched with.
pub struct Watch<'a> {
    /// Ends the work early.
    pub cancel: &'a CancellationToken,
    /// Told how many more bytes have been written.
    pub moved: &'a (dyn Fn(u64) + Sync),
}
