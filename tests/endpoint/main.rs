//! The endpoint through the real AWS SDK for Rust: one module a service.

mod cloudformation;
mod dynamodb;
mod events;
mod lambda;
mod logs;
mod s3;
mod scheduler;
mod sns;
mod sqs;
mod states;
mod support;
