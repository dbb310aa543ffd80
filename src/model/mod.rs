//! The nouns that every part shares: identifiers, moments, datasets and what was seen to happen. No I/O, no clock.

pub mod activity;
pub mod archiving;
mod arn;
pub mod aws_command;
pub mod board;
mod dataset;
pub mod execution;
mod flow;
mod gateway;
pub mod guide;
pub mod journey;
pub mod machine;
mod notification;
pub mod objects;
mod outcome;
pub mod parameter;
pub mod pipeline;
pub mod preview;
pub mod schedule;
mod set_id;
mod timestamp;
pub mod trace;
pub mod words;

pub use arn::{Arn, ArnError};
pub use dataset::{Dataset, Datasets, Tally};
pub use flow::{
    ExecutionSeen, ExecutionStatus, FlowEvent, GatewayStep, GatewayStepKind, HistoryEvent, JobReport, JobState,
    LogLine, LogRole, MachineSeen, ManifestRead, ObjectSeen, Observed, QueueDepth, Route, RouteTaken, Seen, Source,
    SourceReport, SourceState, StackEvent, StackKind, StackSeen, UploadDetail, UploadItem,
};
pub use gateway::{CacheState, Check, GatewayState, Uploading};
pub use notification::{DETAIL_TYPE, Notification, REAL_SOURCE, SIMULATOR_SOURCE, Share};
pub use outcome::Outcome;
pub use set_id::SetId;
pub use timestamp::Timestamp;
