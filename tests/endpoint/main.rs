//! The endpoint through the real AWS SDK for Rust: one module a service.

mod cloudformation;
mod custom_resources;
mod data_vaulting;
mod deploy;
mod dynamodb;
mod ec2;
mod ecs;
mod events;
mod faults;
mod keeping;
mod lambda;
mod live_tail;
mod logs;
mod observe;
mod restart;
mod s3;
mod scheduler;
mod sns;
mod sqs;
mod states;
mod support;
