//! The way to AWS, or to an endpoint that speaks like it: targets, clients, the first check, what a call costs, and what
//! an answer's failure means. Knows nothing of stacks, screens or the emulator.

mod called;
mod check;
mod clients;
mod credentials;
mod guard;
mod host_prefix;
mod limits;
mod meter;
mod pace;
mod price;
mod problem;
mod target;

pub use check::{Account, CheckError, identify};
pub use clients::{Access, Clients};
pub use credentials::CredentialsProblem;
pub use guard::ReadOnly;
pub use host_prefix::WithoutHostPrefix;
pub use limits::{CHECK_LIMIT, upload_timeouts};
pub use meter::Meter;
pub use pace::{Brake, Pace};
pub use price::LIVE_TAIL_MINUTE;
pub use problem::{Kind, Problem};
pub use target::{LOCALSTACK_URL, Target, TargetError};
