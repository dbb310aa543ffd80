//! What a service of the endpoint is: a named table of operations, and what it does with a delivery.
//!
//! Services never import each other. They are called by name through the [`Fabric`](super::Fabric), by public callers
//! and by each other alike, so that a queue made by CloudFormation is the queue that an SDK makes.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use http_body_util::combinators::UnsyncBoxBody;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::ServiceError;
use crate::model::Arn;

pub use super::body::RequestBody;

/// An answer's body: whole, or a stream.
pub type ReplyBody = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// How a service is spoken to.
#[derive(Debug, Clone, Copy)]
pub struct Interface {
    /// The name in signatures, ARNs and the fabric: `sqs`, `events`, `states`, `logs`, `cloudformation`, …
    pub id: &'static str,
    /// What AWS calls it, for messages and docs: `Amazon SQS`.
    pub title: &'static str,
    /// The prefix of `X-Amz-Target` in the JSON protocols: `AmazonSQS`.
    pub target_prefix: Option<&'static str>,
    /// `1.0` or `1.1`, in the JSON protocols' content type.
    pub json_version: &'static str,
    /// The query protocol, where the service has it.
    pub query: Option<QueryInterface>,
    /// Whether requests reach [`Service::http`] as they are (REST protocols).
    pub rest: bool,
}

/// The query protocol of a service.
#[derive(Debug, Clone, Copy)]
pub struct QueryInterface {
    /// The API version, such as `2010-05-15`.
    pub version: &'static str,
    /// The XML namespace of its answers.
    pub namespace: &'static str,
    /// Lists that stand in an answer without a wrapping element: (member, element name of each entry).
    pub flattened: &'static [(&'static str, &'static str)],
}

/// The protocol in which a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// AWS JSON 1.0 or 1.1.
    Json,
    /// AWS query: form in, XML out. Every scalar of the input is a string.
    Query,
    /// A call from inside the endpoint.
    Internal,
}

/// Who makes a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A client of the HTTP port.
    Public,
    /// A client of the HTTP port that signs nothing, where that makes a difference: whoever follows a link.
    Anonymous,
    /// A service of the endpoint, by its principal, such as `cloudformation.amazonaws.com`.
    Service(&'static str),
    /// The endpoint's own simulated gateway, which alone may put events of `aws.` sources.
    Gateway,
}

/// What an operation may know of the call besides its input.
#[derive(Debug, Clone)]
pub struct Context {
    /// The protocol in which the input came.
    pub protocol: Protocol,
    /// Who calls.
    pub origin: Origin,
}

impl Context {
    /// The context of a call made by a service of the endpoint.
    #[must_use]
    pub const fn internal(principal: &'static str) -> Self {
        Self { protocol: Protocol::Internal, origin: Origin::Service(principal) }
    }
}

/// One call of an operation.
#[derive(Debug, Clone)]
pub struct Call {
    /// The operation as AWS spells it: `SendMessage`.
    pub operation: String,
    /// The input, members as AWS spells them.
    pub input: Value,
    /// Who calls and how.
    pub context: Context,
}

/// Something that a service hands to a target named by an ARN: an event to a queue, a function, a log group, …
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Where it goes.
    pub target: Arn,
    /// The body, JSON in most cases.
    pub payload: Arc<str>,
    /// The principal that sends it: `events.amazonaws.com`, `sqs.amazonaws.com`, …
    pub principal: &'static str,
    /// The ARN of what caused it (the rule, the topic, the schedule).
    pub source_arn: Arc<str>,
    /// What the trace knows the thing by: the id of the event or message.
    pub subject: Arc<str>,
    /// Parameters of the target, such as `SqsParameters`; null where there are none.
    pub parameters: Value,
    /// Attempts before this one.
    pub retries: u32,
}

/// An answer that goes on, one event after another, until the service or the client ends it.
pub type EventStream = BoxStream<'static, StreamEvent>;

/// One event of an [`EventStream`].
#[derive(Debug, Clone, PartialEq)]
pub struct StreamEvent {
    /// The event as AWS spells it: `sessionUpdate`; of an error, its shape: `SessionTimeoutException`.
    pub name: &'static str,
    /// Its members.
    pub payload: Value,
    /// Whether it is an error, after which nothing comes.
    pub is_error: bool,
}

/// Why a delivery did not arrive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct DeliveryError {
    /// An AWS error code, as a dead-letter queue message names it in `ERROR_CODE`.
    pub code: String,
    /// What went wrong.
    pub message: String,
    /// Whether another attempt may succeed.
    pub retryable: bool,
}

impl DeliveryError {
    /// An error that no further attempt can mend.
    pub fn permanent(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), retryable: false }
    }

    /// An error after which another attempt may succeed.
    pub fn transient(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), retryable: true }
    }
}

impl From<ServiceError> for DeliveryError {
    fn from(error: ServiceError) -> Self {
        let retryable = error.status.is_server_error() || error.code.contains("Throttl");
        Self { code: error.code.into_owned(), message: error.message, retryable }
    }
}

/// A run of bytes of an open file, which goes with a call in the place of a body: an operation that takes a body reads it,
/// one that answers with a body writes from its offset on.
#[derive(Debug, Clone)]
pub struct FileBody {
    /// The file; its own position is not used.
    pub file: Arc<std::fs::File>,
    /// The first byte.
    pub offset: u64,
    /// How many bytes; nothing to a writer.
    pub len: u64,
}

/// A service of the endpoint.
pub trait Service: Send + Sync + 'static {
    /// How it is spoken to.
    fn interface(&self) -> &'static Interface;

    /// The operations it has, as AWS spells them.
    fn operations(&self) -> &'static [&'static str];

    /// Carries out one operation.
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Value, ServiceError>>;

    /// Carries out one operation whose body lies in a file; only the endpoint's own gateway calls this.
    fn call_with_file(&self, call: Call, body: FileBody) -> BoxFuture<'_, Result<Value, ServiceError>> {
        drop(body);
        let title = self.interface().title;
        Box::pin(async move { Err(ServiceError::not_implemented(title, &call.operation)) })
    }

    /// The operations that answer with a stream of events, as AWS spells them.
    fn streams(&self) -> &'static [&'static str] {
        &[]
    }

    /// Begins one of [`Service::streams`].
    fn stream(&self, call: Call) -> BoxFuture<'_, Result<EventStream, ServiceError>> {
        let title = self.interface().title;
        Box::pin(async move { Err(ServiceError::not_implemented(title, &call.operation)) })
    }

    /// Takes what another service hands to one of its resources.
    fn deliver(&self, delivery: Delivery) -> BoxFuture<'_, Result<(), DeliveryError>> {
        let message = format!("{} cannot be a target of {}", self.interface().title, delivery.principal);
        Box::pin(async move { Err(DeliveryError::permanent("InvalidTarget", message)) })
    }

    /// Answers a request of a REST protocol; reached only when [`Interface::rest`] is set.
    fn http(&self, request: http::Request<RequestBody>) -> BoxFuture<'_, http::Response<ReplyBody>> {
        drop(request);
        let title = self.interface().title;
        Box::pin(async move { super::front::error_reply(&ServiceError::not_implemented(title, "over REST"), "1.1") })
    }

    /// What it holds, for `/_vaultscope/state`: how many of what, such as `("queues", 3)`. It must be cheap.
    fn summary(&self) -> Vec<(&'static str, usize)> {
        Vec::new()
    }

    /// Takes up the work that its kept state says was under way; called once, when every service has joined and its state
    /// stands.
    fn resume(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    /// Ends background work: pollers, processes, timers.
    fn shutdown(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// Reads an operation's input into its typed shape.
///
/// # Errors
/// `SerializationException` naming the first member that does not fit.
pub fn parse_input<T: DeserializeOwned>(input: Value) -> Result<T, ServiceError> {
    serde_json::from_value(input).map_err(ServiceError::serialization)
}

/// Writes an operation's typed answer.
///
/// # Errors
/// `InternalFailure` when the shape cannot be written as JSON, which is a fault of ours.
pub fn write_output<T: Serialize>(output: &T) -> Result<Value, ServiceError> {
    serde_json::to_value(output).map_err(ServiceError::internal)
}

/// Writes the operation table of a service: `operations()` and `call()` of [`Service`] from one list.
///
/// Each handler is an `async fn(&Self, Input, &Context) -> Result<Output, E>` with `Input: Deserialize`,
/// `Output: Serialize` and `E: Into<ServiceError>`.
#[macro_export]
macro_rules! operations {
    ($($name:ident => $handler:path),+ $(,)?) => {
        fn operations(&self) -> &'static [&'static str] {
            &[$(stringify!($name)),+]
        }

        fn call(
            &self,
            call: $crate::emulator::Call,
        ) -> ::futures::future::BoxFuture<'_, Result<::serde_json::Value, $crate::emulator::ServiceError>> {
            let $crate::emulator::Call { operation, input, context } = call;
            match operation.as_str() {
                $(stringify!($name) => ::std::boxed::Box::pin(async move {
                    let input = $crate::emulator::service::parse_input(input)?;
                    let output = $handler(self, input, &context).await.map_err($crate::emulator::ServiceError::from)?;
                    $crate::emulator::service::write_output(&output)
                }),)+
                _ => {
                    let title = $crate::emulator::Service::interface(self).title;
                    ::std::boxed::Box::pin(async move {
                        Err($crate::emulator::ServiceError::not_implemented(title, &operation))
                    })
                }
            }
        }
    };
}
