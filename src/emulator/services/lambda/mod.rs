//! AWS Lambda: functions from a zip, run as processes through the Lambda Runtime API; invocations at once, later, and
//! from a queue.
//!
//! - `functions`, `settings`, `invoke`, `mapping`: the operations; `rest`: their HTTP shape.
//! - `pool`, `environment`, `runtime_api`, `output`: how a function runs; `log_sink`: where its lines go.
//! - `kept`: what of it outlives the process; `packages`: where code is unpacked.
//! - `interpreters`: what functions of the runtimes that this machine interprets run on; `python`, `node`.
//! - `event_queue`: asynchronous invocations; `poller`: queues as event sources.
//!
//! A function's timeout, and how long an idle environment is kept, are real time; retries, batching windows and every
//! timestamp follow the endpoint's clock. Nothing here knows what a function does.

mod config;
mod environment;
mod error;
mod event_queue;
mod function;
mod functions;
mod interpreter;
mod interpreters;
mod invocation_log;
mod invoke;
mod kept;
mod log_sink;
mod mapping;
mod node;
mod output;
mod package;
mod packages;
mod policy;
mod poller;
mod pool;
mod process;
mod python;
mod registry;
mod rest;
mod runtime_api;
mod scalar;
mod settings;

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use self::function::Function;
use self::registry::Registry;
use crate::emulator::StartError;
use crate::emulator::body;
use crate::emulator::error::ServiceError;
use crate::emulator::fabric::Fabric;
use crate::emulator::faults::Caller;
use crate::emulator::service::{
    Call, Context, Delivery, DeliveryError, Interface, Origin, Protocol, ReplyBody, RequestBody, Service,
};

/// The largest request: a zip of 50 MB in base64.
const LARGEST_BODY: usize = 70 * 1024 * 1024;

/// How often idle environments are looked at, in real time.
const HOUSEKEEPING: Duration = Duration::from_secs(15);

/// Principals that invoke through a role of their own, not through the function's policy.
const WITH_ROLE: &[&str] = &[
    "states.amazonaws.com",
    "sqs.amazonaws.com",
    "scheduler.amazonaws.com",
    "lambda.amazonaws.com",
    "cloudformation.amazonaws.com",
];

static INTERFACE: Interface =
    Interface { id: "lambda", title: "AWS Lambda", target_prefix: None, json_version: "1.1", query: None, rest: true };

/// The service.
pub struct Lambda {
    registry: Arc<Registry>,
}

/// Sets up the service, and the housekeeping of its environments.
///
/// # Errors
/// When there is no folder for packages, or what was kept cannot be read.
pub fn new(fabric: Fabric) -> Result<Arc<Lambda>, StartError> {
    let registry = Arc::new(Registry::new(fabric)?);
    tokio::spawn(keep_house(Arc::clone(&registry)));
    Ok(Arc::new(Lambda { registry }))
}

async fn keep_house(registry: Arc<Registry>) {
    let shutdown = registry.fabric.shutdown_token().clone();
    loop {
        tokio::select! {
            () = tokio::time::sleep(HOUSEKEEPING) => {}
            () = shutdown.cancelled() => return,
        }
        for function in all(&registry) {
            function.end_idle();
        }
    }
}

fn all(registry: &Registry) -> Vec<Arc<Function>> {
    registry.functions.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
}

impl Lambda {
    /// Finds what the functions that were kept run on, and lets them and the mappings go on.
    async fn take_up(&self) {
        for function in all(&self.registry) {
            let runtime = function.config().runtime.clone();
            let interpreter = self.registry.interpreters.of_runtime(&runtime).await.unwrap_or_else(|error| {
                tracing::warn!(function = %function.name, %error, "a function that was kept cannot run any more");
                None
            });
            function.complete(interpreter);
        }
        let mappings: Vec<_> = {
            let mappings = self.registry.mappings.read().unwrap_or_else(PoisonError::into_inner);
            mappings.values().cloned().collect()
        };
        for mapping in mappings {
            self.start(&mapping);
        }
    }

    /// Accepts what another service hands to a function, if the function's policy lets it.
    fn accept(&self, delivery: &Delivery) -> Result<(), DeliveryError> {
        let function = self.registry.function(&delivery.target.to_string()).map_err(ServiceError::from)?;
        let principal = delivery.principal;
        let allowed = WITH_ROLE.contains(&principal) || {
            let account = delivery.source_arn.split(':').nth(4).unwrap_or_default();
            function.policy.read().unwrap_or_else(PoisonError::into_inner).allows(
                principal,
                &delivery.source_arn,
                account,
            )
        };
        if !allowed {
            return Err(DeliveryError::permanent(
                "AccessDenied",
                format!(
                    "User: {principal} is not authorized to perform: lambda:InvokeFunction on resource: {} because no \
                     resource-based policy allows the lambda:InvokeFunction action",
                    function.arn
                ),
            ));
        }
        let payload = Bytes::copy_from_slice(delivery.payload.as_bytes());
        let payload = invoke::checked(payload, invoke::ASYNCHRONOUS_LIMIT, "Event").map_err(ServiceError::from)?;
        let request_id = self.registry.fabric.uuid().into();
        Ok(function.accept(request_id, payload).map_err(ServiceError::from)?)
    }

    async fn answer(&self, request: http::Request<RequestBody>) -> http::Response<ReplyBody> {
        let request_id = self.registry.fabric.uuid();
        let caller = self.registry.fabric.faults().armed().then(|| Caller::of(request.headers()));
        let (parts, body) = request.into_parts();
        let answered = async {
            let mut request = rest::route(&parts)?;
            if rest::has_body(&parts.method) {
                rest::with_body(&mut request, &whole(body).await?)?;
            }
            let rest::Request { operation, input, status } = request;
            if let Some(caller) = caller {
                self.registry.fabric.faults().strike(INTERFACE.id, operation, caller).await?;
            }
            let context = Context { protocol: Protocol::Json, origin: Origin::Public };
            let output = self.call(Call { operation: operation.to_owned(), input: input.into(), context }).await?;
            Ok(rest::reply(operation, status, output, &request_id))
        };
        answered.await.unwrap_or_else(|error: ServiceError| rest::error_reply(&error, &request_id))
    }
}

async fn whole(body: RequestBody) -> Result<Bytes, ServiceError> {
    match Limited::new(body, LARGEST_BODY).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let message = format!("Request must be smaller than {LARGEST_BODY} bytes");
            Err(ServiceError::client("RequestEntityTooLargeException", message)
                .with_status(http::StatusCode::PAYLOAD_TOO_LARGE))
        }
        Err(error) => Err(body::idle(&*error).unwrap_or_else(|| {
            let message = format!("the request's body ended early: {error}");
            ServiceError::client("InvalidRequestContentException", message)
        })),
    }
}

/// The operation table: one list for `operations`, `call` and the routes' test.
macro_rules! table {
    ($($name:ident => $handler:path),+ $(,)?) => {
        /// The operations, as AWS spells them.
        #[cfg(test)]
        const OPERATIONS: &[&str] = &[$(stringify!($name)),+];

        impl Service for Lambda {
            crate::operations! { $($name => $handler),+ }

            fn interface(&self) -> &'static Interface {
                &INTERFACE
            }

            fn deliver(&self, delivery: Delivery) -> BoxFuture<'_, Result<(), DeliveryError>> {
                Box::pin(async move { self.accept(&delivery) })
            }

            fn http(&self, request: http::Request<RequestBody>) -> BoxFuture<'_, http::Response<ReplyBody>> {
                Box::pin(self.answer(request))
            }

            fn summary(&self) -> Vec<(&'static str, usize)> {
                let mappings = self.registry.mappings.read().unwrap_or_else(PoisonError::into_inner).len();
                vec![("functions", all(&self.registry).len()), ("event source mappings", mappings)]
            }

            fn resume(&self) -> BoxFuture<'_, ()> {
                Box::pin(self.take_up())
            }

            fn shutdown(&self) -> BoxFuture<'_, ()> {
                Box::pin(async move {
                    self.registry.packages.end();
                    for function in all(&self.registry) {
                        function.end().await;
                    }
                })
            }
        }
    };
}

table! {
    CreateFunction => Self::create_function,
    GetFunction => Self::get_function,
    GetFunctionConfiguration => Self::get_function_configuration,
    UpdateFunctionCode => Self::update_function_code,
    UpdateFunctionConfiguration => Self::update_function_configuration,
    DeleteFunction => Self::delete_function,
    ListFunctions => Self::list_functions,
    Invoke => Self::invoke,
    AddPermission => Self::add_permission,
    RemovePermission => Self::remove_permission,
    GetPolicy => Self::get_policy,
    PutFunctionConcurrency => Self::put_function_concurrency,
    GetFunctionConcurrency => Self::get_function_concurrency,
    DeleteFunctionConcurrency => Self::delete_function_concurrency,
    PutFunctionEventInvokeConfig => Self::put_function_event_invoke_config,
    UpdateFunctionEventInvokeConfig => Self::update_function_event_invoke_config,
    GetFunctionEventInvokeConfig => Self::get_function_event_invoke_config,
    DeleteFunctionEventInvokeConfig => Self::delete_function_event_invoke_config,
    CreateEventSourceMapping => Self::create_event_source_mapping,
    GetEventSourceMapping => Self::get_event_source_mapping,
    ListEventSourceMappings => Self::list_event_source_mappings,
    UpdateEventSourceMapping => Self::update_event_source_mapping,
    DeleteEventSourceMapping => Self::delete_event_source_mapping,
    TagResource => Self::tag_resource,
    UntagResource => Self::untag_resource,
    ListTags => Self::list_tags,
}
