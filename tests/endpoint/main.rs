//! The endpoint through the real AWS SDK for Rust: one module a service.

mod logs;
mod support;
