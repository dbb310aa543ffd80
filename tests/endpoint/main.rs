//! The endpoint through the real AWS SDK for Rust: one module a service.

mod cloudformation;
mod dynamodb;
mod s3;
mod states;
mod support;

mod events;
mod logs;
mod sqs;
