//! The way to AWS, or to an endpoint that speaks like it: targets, clients, the first check, and what an answer's
//! failure means. Knows nothing of stacks, screens or the emulator.

mod check;
mod clients;
mod host_prefix;
mod limits;
mod pace;
mod problem;
mod target;

pub use check::{Account, CheckError, identify};
pub use clients::Clients;
pub use limits::{CHECK_LIMIT, upload_timeouts};
pub use pace::{Brake, Pace};
pub use problem::{Kind, Problem};
pub use target::{Target, TargetError};
