//! The Lambda functions of the stacks: one file a handler, generic over what it calls.
//!
//! One artefact serves them all: [`serve`] picks the handler by `_HANDLER`. Handlers know nothing of Lambda, of the SDK
//! or of the endpoint; `runtime` is the one place that wires them together.
//!
//! | `_HANDLER` | in | out | environment |
//! |---|---|---|---|
//! | `checkFileUploadType` | SQS batch | `{"batchItemFailures": […]}` | `EVENT_BUS_NAME`, `JOB_DIR_SUFFIX_NAME`, `MANIFEST_SUFFIX_NAME` |
//! | `eventWriter` | upload event | `null` | `TABLE_NAME` |
//! | `reconcileIterator` | `{"count", "ticker"}` | `{"count", "ticker", "continue"}` | |
//! | `reconcileCheck` | `{"detail"}` of the manifest's event | [`reconcile_check::Reconciliation`] | `TABLE_NAME` |
//! | `reconcileNotify` | the whole state of the state machine | `{"detailType"}` | `EVENT_BUS_NAME` |
//! | `errorHandler` | the state of the archiving state machine | [`error_handler::Verdict`] | |

pub mod check_file_upload_type;
pub mod error_handler;
pub mod event_writer;
#[cfg(test)]
mod fakes;
pub mod iterator;
mod journal;
pub mod ports;
pub mod ports_aws;
pub mod reconcile_check;
pub mod reconcile_notify;
mod runtime;
pub mod upload_event;

pub use runtime::{ServeError, serve};
