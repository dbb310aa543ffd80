//! The simulated File Gateway: a dataset as the workshop's scripts make it, the gateway's write-back cache, and the
//! notifications that it sends.
//!
//! [`JobSpec`] says what is wanted, [`Dataset`] and [`Plan`] are made from it by a seed and nothing else, [`run`] carries
//! the plan out on a clock against a [`GatewayPort`], [`Course`] is which way notifications take and [`Trial`] finds out whether they may. What AWS or the endpoint has to do with it stands behind the port.
//! [`appliance`] is the gateway over a real folder.

pub mod appliance;
mod content;
mod dataset;
mod job;
mod names;
mod notification;
mod plan;
mod port;
mod route;
mod runner;
mod trial;

pub use content::{CHUNK_BYTES, Chunks, Content};
pub use dataset::{Dataset, Entry, EntryKind};
pub use job::{JobError, JobSpec, ManifestOrder, Names, SETTLING_SECS};
pub use notification::{DETAIL_TYPE, Notification, REAL_SOURCE, SIMULATOR_SOURCE, Share};
pub use plan::{Action, Plan, Step};
pub use port::{GatewayPort, ObjectPut, PortError};
pub use route::{Course, Entrance, Handover, Place, RouteError, Rule, Wish};
pub use runner::{JobEnd, Runner, run};
pub use trial::{Receipt, Sender, Trial};
