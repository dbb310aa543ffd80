//! Archives of S3 objects made on S3: what goes into one, how its bytes are cut into the parts of a multipart upload, and
//! the calls that make, list and extract it.
//!
//! Objects of 5 MiB and more never pass through this process: S3 copies them. Small ones are read and joined in memory of
//! a bounded size. `layout` decides which byte goes which way and is pure; `create` carries it out,
//! so that an archive appears whole under its name or not at all.

mod create;
mod error;
mod extract;
mod fetch;
mod header;
mod inventory;
mod layout;
mod listing;
mod location;
mod log_data;
mod manifest;
mod member;
mod port;
mod posix;
mod report;
mod resume;
mod scan;
mod split;
mod task;
mod toc;
mod weld;

pub use create::{Creation, Wish, create};
pub use error::S3TarError;
pub use extract::{Extracted, Extraction, extract};
pub use header::Format;
pub use inventory::{Publication, publish};
pub use listing::list_objects;
pub use location::Location;
pub use log_data::{LOGS_A_DAY, LogFile, log_file, write_log_data};
pub use manifest::{ManifestOptions, read_manifest, write_manifest};
pub use member::Member;
pub use port::{Head, Page, Port, Stored, Storing, Upload};
pub use posix::Posix;
pub use report::Archive;
pub use scan::{Contents, open_toc, scan_file};
pub use task::{Archived, Objects, TaskSettings, archive_day};
pub use toc::{Entry, read_toc, write_toc};
