//! The simulated File Gateway: a dataset as the workshop's scripts make it, the gateway's write-back cache, and the
//! notifications that it sends.
//!
//! A [`Load`] says what is wanted: jobs of clients, and a gateway. Each [`Dataset`] and the [`Plan`] of it all are made from
//! it by a seed and nothing else; [`run`] carries it out on a clock against a [`GatewayPort`], where a [`Control`] may
//! intervene. [`Course`] is which way notifications take and [`Trial`] finds out whether they may. What AWS or the endpoint has to do with it stands behind the port.
//! [`appliance`] is the gateway over a real folder.

pub mod appliance;
pub mod archiving;
mod cache;
mod content;
mod control;
mod dataset;
mod engine;
mod gateway;
mod job;
mod load;
mod names;
mod plan;
mod port;
mod route;
mod runner;
pub mod scenario;
mod trial;
mod uploads;

pub use content::{CHUNK_BYTES, Chunks, Content};
pub use control::{Control, Wanted};
pub use dataset::{Dataset, Entry, EntryKind, Fate};
pub use engine::{Action, Engine, File, Step, Tally};
pub use gateway::{GatewaySpec, Offline, SETTLING_SECS, UploadOrder};
pub use job::{JobError, JobSpec, ManifestOrder, Names};
pub use load::Load;
pub use plan::Plan;
pub use port::{GatewayPort, ObjectPut, PortError};
pub use route::{Course, Entrance, Handover, Place, RouteError, Rule, Wish};
pub use runner::{JobEnd, Outcome, Runner, run};

pub use crate::model::{DETAIL_TYPE, Notification, REAL_SOURCE, SIMULATOR_SOURCE, Share};
pub use trial::{Receipt, Sender, Trial};
