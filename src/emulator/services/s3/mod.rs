//! Amazon S3: buckets and objects. The crate `s3s` speaks the protocol (routing, XML, headers); what is stored and what
//! is answered is ours.
//!
//! Signatures are compared where the key is one of the endpoint's (`signature`), and taken off (`wire`). Bodies over 64 KiB go to a temporary folder that goes with the
//! endpoint, or where state is kept (`kept`) to the data folder. Policies, encryption, lifecycle and CORS are recorded and returned, not acted on.

mod answers;
mod api;
mod blob;
mod bucket;
mod checksum;
mod chunked;
mod conditions;
mod configuration;
mod contents;
mod copy;
mod delete;
mod events;
mod files;
mod host;
mod json;
mod kept;
mod listing;
mod lists;
mod multipart;
mod object;
mod objects;
mod read;
mod signature;
mod wire;

use std::sync::Arc;

use futures::future::BoxFuture;
use http::{Request, Response};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, S3Error, S3ErrorCode};
use serde_json::Value;

use self::api::Api;
use self::blob::Spill;
use self::bucket::Store;
use self::events::Notifier;
use self::kept::Kept;
use crate::emulator::StartError;
use crate::emulator::error::ServiceError;
use crate::emulator::fabric::Fabric;
use crate::emulator::faults::Caller;
use crate::emulator::service::{Call, FileBody, Interface, ReplyBody, RequestBody, Service};

const INTERFACE: Interface =
    Interface { id: "s3", title: "Amazon S3", target_prefix: None, json_version: "1.1", query: None, rest: true };
const REQUEST_ID_ALPHABET: &[u8] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The buckets of the endpoint.
pub struct S3 {
    store: Arc<Store>,
    protocol: S3Service,
    verifier: signature::Verifier,
}

impl S3 {
    /// The buckets that were kept, else none.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn new(fabric: &Fabric) -> Result<Arc<Self>, StartError> {
        let shelf = fabric.keep().shelf(INTERFACE.id);
        let spill = match fabric.keep().folder() {
            Some(folder) => Spill::keeping(folder.join(INTERFACE.id), shelf.clone())
                .map_err(|error| StartError::Service { service: INTERFACE.id, problem: error.to_string() })?,
            None => Spill::default(),
        };
        let notifier = Notifier::start(fabric, shelf.clone())?;
        let store = Arc::new(Store::new(fabric.clone(), spill, notifier, Kept::new(shelf))?);
        let mut builder = S3ServiceBuilder::new(Api(Arc::clone(&store)));
        builder.set_host(host::Hosts);
        let verifier = signature::Verifier::new(fabric.clone());
        Ok(Arc::new(Self { store, protocol: builder.build(), verifier }))
    }

    async fn answer(&self, mut request: Request<RequestBody>) -> Response<ReplyBody> {
        if self.store.fabric.faults().armed() {
            let caller = Caller::of(request.headers());
            request.extensions_mut().insert(caller);
        }
        let id = self.store.fabric.token(REQUEST_ID_ALPHABET, 16);
        let is_attributes = wire::asks_for_attributes(&request);
        let refused = |error: S3Error| error.to_http_response().map_err(|error| Box::new(error).into());
        let answer = if let Some(request_id) = answers::request_id(&request) {
            answers::accept(&self.store.fabric, &request_id, request).await.or_else(refused)
        } else {
            match wire::unsign(request, &self.verifier) {
                Ok(request) => {
                    let failure = request.extensions().get::<wire::Failure>().cloned().unwrap_or_default();
                    let answer = self.protocol.call(request).await.map_err(Into::into);
                    failure.refusal().map_or(answer, refused)
                }
                Err(error) => refused(error),
            }
        };
        let answer = answer.unwrap_or_else(|error: Box<dyn std::error::Error + Send + Sync>| {
            tracing::warn!(%error, "a request of S3 could not be answered");
            S3Error::new(S3ErrorCode::InternalError).to_http_response().unwrap_or_else(|_| {
                let mut failed = Response::new(Body::empty());
                *failed.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
                failed
            })
        });
        let answer = if is_attributes { wire::with_bare_etag(answer).await } else { answer };
        wire::reply(answer, &id)
    }
}

impl Service for S3 {
    fn interface(&self) -> &'static Interface {
        &INTERFACE
    }

    fn operations(&self) -> &'static [&'static str] {
        api::OPERATIONS
    }

    fn call(&self, call: Call) -> BoxFuture<'_, Result<Value, ServiceError>> {
        Box::pin(async move {
            if !json::OPERATIONS.contains(&call.operation.as_str()) {
                return Err(ServiceError::not_implemented(INTERFACE.title, &call.operation));
            }
            self.store.call(&call.operation, call.input).await
        })
    }

    fn call_with_file(&self, call: Call, body: FileBody) -> BoxFuture<'_, Result<Value, ServiceError>> {
        Box::pin(async move {
            let input = json::Input::of(call.input)?;
            self.store.call_with_file(&call.operation, input, body).await
        })
    }

    fn summary(&self) -> Vec<(&'static str, usize)> {
        vec![("buckets", self.store.buckets().len())]
    }

    fn resume(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.store.notifier.resume())
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            if let Err(error) = self.store.spill.close() {
                tracing::warn!(%error, "the temporary folder of S3 could not be removed");
            }
        })
    }

    fn http(&self, request: Request<RequestBody>) -> BoxFuture<'_, Response<ReplyBody>> {
        Box::pin(self.answer(request))
    }
}
