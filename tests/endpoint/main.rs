//! The endpoint through the real AWS SDK for Rust: one module a service.

mod dynamodb;
mod logs;
mod s3;
mod states;
mod support;
