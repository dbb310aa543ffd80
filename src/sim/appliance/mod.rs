//! The simulated appliance's file share over a real folder: what is copied in is noticed, uploaded, and announced after
//! the settling time; and an NFSv3 export of the same folder.
//!
//! The folder's files are the cache. [`FileShare`] watches them, keeps the books of what the bucket holds, and works
//! through an [`Uplink`], behind which S3 and the event bus stand. It never changes a file that a client wrote; only
//! [`FileShare::refresh_cache`] puts files into the folder and takes clean ones out.

mod announce;
mod book;
mod config;
mod core;
mod disk;
mod error;
mod nfs;
mod notes;
mod refresh;
mod register;
mod share;
mod status;
#[cfg(test)]
mod tests;
mod uplink;
mod upload;
#[cfg(target_os = "linux")]
mod watch;
#[cfg(not(target_os = "linux"))]
#[path = "no_watch.rs"]
mod watch;

pub use config::ShareConfig;
pub use error::ShareError;
pub use share::FileShare;
pub use status::{Activity, FileError, ShareStatus};
pub use uplink::{FileBytes, FoundObject, Listing, Metadata, ObjectFetched, PartDone, Uplink, UplinkError, UploadId};
