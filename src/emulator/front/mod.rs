//! HTTP in, calls out: accepts connections on loopback, finds the service and operation of a request, and writes the
//! answer in the protocol of the request.

mod admin;
mod event_stream;
mod json;
mod query;
mod route;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

pub use json::error_reply;
pub use route::refuse_foreign_browser;

use super::body;
use super::endpoint::Endpoint;
use super::error::ServiceError;
use super::fabric::Fabric;
use super::faults::Caller;
use super::keep::KeepError;
use super::service::{Call, Context, Origin, Protocol, ReplyBody, RequestBody};
use route::Route;

/// The largest body of a JSON or query request: CloudFormation's 1 MB template and `PutEvents`' 1 MB fit well.
const LARGEST_BODY: usize = 16 * 1024 * 1024;

/// Accepts connections until the endpoint shuts down. A client that sends nothing of a request for longer than `idle_limit`
/// is refused; one that has not even sent its head loses its connection.
pub(super) async fn serve(listener: TcpListener, endpoint: Arc<Endpoint>, idle_limit: Duration) {
    let shutdown = endpoint.shutdown_token().clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                tokio::spawn(connection(stream, Arc::clone(&endpoint), idle_limit));
            }
            // Out of file descriptors, or a peer that went away: the next accept may succeed.
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, endpoint: Arc<Endpoint>, idle_limit: Duration) {
    // Without it Nagle's algorithm delays each small answer by 40 ms.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let shutdown = endpoint.shutdown_token().clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let endpoint = Arc::clone(&endpoint);
        let request = request.map(|body| RequestBody::new(body, idle_limit));
        async move { Ok::<_, Infallible>(acknowledged(&endpoint, request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(idle_limit)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        result = served => if let Err(error) = result { tracing::debug!(%error, "a connection ended early") },
        () = shutdown.cancelled() => {}
    }
}

/// Answers a request once everything that the answer tells of is kept. A reset or restore in the middle of a request refuses
/// it: what it did is gone with the rest.
async fn acknowledged(endpoint: &Endpoint, request: Request<RequestBody>) -> Response<ReplyBody> {
    if let Some(path) = admin::path_of(request.uri().path()).filter(|path| admin::is_of_the_whole(path)) {
        let (path, method) = (path.to_owned(), request.method().clone());
        return match admitted(request).await {
            Ok(body) => admin::answer_of_the_whole(endpoint, &method, &path, &body).await,
            Err(error) => error_reply(&error, "1.1"),
        };
    }
    let fabric = endpoint.fabric();
    let ended = fabric.shutdown_token().clone();
    let outcome = tokio::select! {
        reply = answer(&fabric, request) => fabric.keep().settled().await.map(|()| reply),
        () = ended.cancelled() => Err(KeepError::Closed),
    };
    outcome.unwrap_or_else(|error| error_reply(&ServiceError::from(error), "1.1"))
}

/// The body of a request to the endpoint's own paths, unless a page of another origin sends it.
async fn admitted(request: Request<RequestBody>) -> Result<Bytes, ServiceError> {
    route::refuse_foreign_browser(&request)?;
    whole_body(request.into_body()).await
}

async fn answer(fabric: &Fabric, request: Request<RequestBody>) -> Response<ReplyBody> {
    if let Err(error) = route::refuse_foreign_browser(&request) {
        return error_reply(&error, "1.1");
    }
    if let Some(ecs) = fabric.service("ecs").filter(|_| is_of_ecs(request.uri().path())) {
        return ecs.http(request).await;
    }
    if let Some(gateways) = fabric.service("storagegateway").filter(|_| route::is_of_appliance(&request)) {
        return gateways.http(request).await;
    }
    if let Some(path) = admin::path_of(request.uri().path()) {
        let (path, method) = (path.to_owned(), request.method().clone());
        let query = request.uri().query().unwrap_or_default().to_owned();
        return match whole_body(request.into_body()).await {
            Ok(body) => admin::answer(fabric, &method, &path, &query, &body),
            Err(error) => error_reply(&error, "1.1"),
        };
    }
    let caller = fabric.faults().armed().then(|| Caller::of(request.headers()));
    match route::of(fabric, &request) {
        Route::Rest(service) => service.http(request).await,
        Route::Json { service, operation } => {
            let version = service.interface().json_version;
            let body = match whole_body(request.into_body()).await {
                Ok(body) => body,
                Err(error) => return error_reply(&error, version),
            };
            if let Some(caller) = caller
                && let Err(error) = fabric.faults().strike(service.interface().id, &operation, caller).await
            {
                return error_reply(&error, version);
            }
            let input = match json::read(&body) {
                Ok(input) => input,
                Err(error) => return error_reply(&error, version),
            };
            let is_stream = service.streams().contains(&operation.as_str());
            let context = Context { protocol: Protocol::Json, origin: Origin::Public };
            let call = Call { operation, input, context };
            if is_stream {
                return match service.stream(call).await {
                    Ok(events) => event_stream::reply(events, &fabric.uuid(), fabric.keep().clone()),
                    Err(error) => error_reply(&error, version),
                };
            }
            json::reply(service.call(call).await, version, fabric)
        }
        Route::Query(hint) => {
            let uri_query = request.uri().query().unwrap_or_default().to_owned();
            let body = match whole_body(request.into_body()).await {
                Ok(body) => body,
                Err(error) => return query::error_reply(&error, "", fabric),
            };
            query::answer(fabric, hint, &uri_query, &body, caller).await
        }
        Route::Unknown(error) => error_reply(&error, "1.1"),
    }
}

/// The endpoint's own paths that ECS answers: its table of images, and the metadata of tasks.
fn is_of_ecs(path: &str) -> bool {
    path == "/_vaultscope/images" || path.starts_with("/_vaultscope/ecs/")
}

/// Operation and input of a request in the query protocol, for a service whose answers have an XML of their own.
///
/// # Errors
/// When the form cannot be read or names no operation.
pub async fn query_input(request: Request<RequestBody>) -> Result<(String, serde_json::Value), ServiceError> {
    let uri_query = request.uri().query().unwrap_or_default().to_owned();
    query::input(&uri_query, &whole_body(request.into_body()).await?)
}

async fn whole_body(body: RequestBody) -> Result<Bytes, ServiceError> {
    match Limited::new(body, LARGEST_BODY).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(ServiceError::client("RequestEntityTooLarge", format!("the body is larger than {LARGEST_BODY} bytes"))
                .with_status(StatusCode::PAYLOAD_TOO_LARGE))
        }
        Err(error) => Err(body::idle(&*error)
            .unwrap_or_else(|| ServiceError::client("IncompleteBody", format!("the body ended early: {error}")))),
    }
}

/// A whole body as a reply body.
#[must_use]
pub fn full(body: impl Into<Bytes>) -> ReplyBody {
    Full::new(body.into()).map_err(|never| match never {}).boxed_unsync()
}

fn with_body(
    status: StatusCode,
    content_type: &'static str,
    request_id: &str,
    body: impl Into<Bytes>,
) -> Response<ReplyBody> {
    let mut reply = Response::new(full(body));
    *reply.status_mut() = status;
    let headers: &mut HeaderMap = reply.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", id);
    }
    reply
}

/// Whether a method may change something: what a browser of another origin must not reach.
fn is_write(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}
