//! The AWS Lambda Runtime API of one execution environment: what the process of a function talks to.
//!
//! One listener an environment, on a free port of loopback. It hands out one piece of work at a time and reports what
//! came back; it decides nothing.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The most bytes of a function's answer.
pub const RESPONSE_LIMIT: usize = 6_291_556;

const PREFIX: &str = "/2018-06-01/runtime/";
const REQUEST_ID: HeaderName = HeaderName::from_static("lambda-runtime-aws-request-id");
const DEADLINE: HeaderName = HeaderName::from_static("lambda-runtime-deadline-ms");
const FUNCTION_ARN: HeaderName = HeaderName::from_static("lambda-runtime-invoked-function-arn");
const TRACE_ID: HeaderName = HeaderName::from_static("lambda-runtime-trace-id");
const ERROR_TYPE: HeaderName = HeaderName::from_static("lambda-runtime-function-error-type");

/// One invocation, as the process gets it.
#[derive(Debug)]
pub struct Work {
    /// The invocation's request id.
    pub request_id: Arc<str>,
    /// The event.
    pub payload: Bytes,
    /// When the invocation is given up, in real milliseconds since the epoch.
    pub deadline_ms: i64,
    /// The ARN that was invoked.
    pub function_arn: Arc<str>,
    /// The X-Ray header.
    pub trace_id: String,
}

/// What the process says.
#[derive(Debug)]
pub enum Report {
    /// It asked for work for the first time: the initialisation is over.
    Ready,
    /// The answer to the current invocation.
    Response(Bytes),
    /// The current invocation failed.
    Error(Bytes),
    /// The initialisation failed.
    InitError(Bytes),
    /// The answer was over [`RESPONSE_LIMIT`].
    ResponseTooLarge,
}

/// The API of one environment; it ends when this is dropped.
#[derive(Debug)]
pub struct RuntimeApi {
    /// Where it listens: the value of `AWS_LAMBDA_RUNTIME_API`.
    pub address: SocketAddr,
    work: mpsc::Sender<Work>,
    reports: mpsc::Receiver<Report>,
    connections: TaskTracker,
    stop: CancellationToken,
}

struct Shared {
    work: tokio::sync::Mutex<mpsc::Receiver<Work>>,
    reports: mpsc::Sender<Report>,
    current: Mutex<Option<Arc<str>>>,
    ready: AtomicBool,
}

impl RuntimeApi {
    /// Listens on a free port of loopback.
    ///
    /// # Errors
    /// When the system has no port or no descriptor left.
    pub async fn listen() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (work, work_queue) = mpsc::channel(1);
        let (report_sender, reports) = mpsc::channel(4);
        let shared = Arc::new(Shared {
            work: tokio::sync::Mutex::new(work_queue),
            reports: report_sender,
            current: Mutex::default(),
            ready: AtomicBool::new(false),
        });
        let (connections, stop) = (TaskTracker::new(), CancellationToken::new());
        tokio::spawn(accept(listener, shared, connections.clone(), stop.clone()));
        Ok(Self { address, work, reports, connections, stop })
    }

    /// Hands one invocation to the process; there must be none under way.
    pub fn hand_out(&self, work: Work) -> bool {
        self.work.try_send(work).is_ok()
    }

    /// Whether the process has asked for what was handed out.
    pub fn is_taken(&self) -> bool {
        self.work.capacity() == self.work.max_capacity()
    }

    /// The next thing that the process says.
    pub async fn report(&mut self) -> Option<Report> {
        self.reports.recv().await
    }

    /// What a process that has ended said last: its words may still be on the wire.
    pub async fn last_report(&mut self) -> Option<Report> {
        self.connections.close();
        tokio::select! {
            biased;
            report = self.reports.recv() => report,
            () = self.connections.wait() => self.reports.try_recv().ok(),
        }
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, connections: TaskTracker, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(connection(stream, Arc::clone(&shared), stop.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "the runtime api cannot accept a connection");
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>, stop: CancellationToken) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(shared.answer(request).await) }
    });
    let served = http1::Builder::new().auto_date_header(false).serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        result = served => if let Err(error) = result { tracing::debug!(%error, "a runtime connection ended early") },
        () = stop.cancelled() => {}
    }
}

type Reply = Response<Full<Bytes>>;

impl Shared {
    async fn answer(&self, request: Request<Incoming>) -> Reply {
        let (parts, body) = request.into_parts();
        let Some(path) = parts.uri.path().strip_prefix(PREFIX) else {
            return refusal(StatusCode::NOT_FOUND, "UnknownOperation", "there is no such path in the runtime api");
        };
        match (&parts.method, path) {
            (&Method::GET, "invocation/next") => self.next().await,
            (&Method::POST, "init/error") => match whole(body).await {
                Ok(body) => self.tell(Report::InitError(body.unwrap_or_default())).await,
                Err(error) => refusal(StatusCode::BAD_REQUEST, "InvalidBody", &error.to_string()),
            },
            (&Method::POST, path) => match path.strip_prefix("invocation/").and_then(|rest| rest.split_once('/')) {
                Some((id, "response")) => self.outcome(id, body, Report::Response).await,
                Some((id, "error")) => {
                    let kind = parts.headers.get(&ERROR_TYPE).and_then(|kind| kind.to_str().ok()).map(str::to_owned);
                    self.outcome(id, body, |body| Report::Error(error_payload(body, kind))).await
                }
                _ => refusal(StatusCode::NOT_FOUND, "UnknownOperation", "there is no such path in the runtime api"),
            },
            _ => refusal(StatusCode::METHOD_NOT_ALLOWED, "UnknownOperation", "the runtime api has no such method"),
        }
    }

    async fn next(&self) -> Reply {
        if !self.ready.swap(true, Ordering::Relaxed) {
            let _ = self.reports.send(Report::Ready).await;
        }
        let Some(work) = self.work.lock().await.recv().await else {
            return refusal(StatusCode::GONE, "Runtime.Gone", "the environment is gone");
        };
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&work.request_id));
        let mut reply = Response::new(Full::new(work.payload));
        let headers = reply.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(DEADLINE, HeaderValue::from(work.deadline_ms));
        for (name, value) in
            [(REQUEST_ID, &*work.request_id), (FUNCTION_ARN, &*work.function_arn), (TRACE_ID, &work.trace_id)]
        {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        }
        reply
    }

    async fn outcome(&self, id: &str, body: Incoming, report: impl FnOnce(Bytes) -> Report) -> Reply {
        let is_current = |current: &Option<Arc<str>>| current.as_deref() == Some(id);
        if !is_current(&self.current.lock().unwrap_or_else(PoisonError::into_inner)) {
            return refusal(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID");
        }
        let (report, reply) = match whole(body).await {
            Ok(Some(body)) => (report(body), accepted()),
            Ok(None) => (
                Report::ResponseTooLarge,
                refusal(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "RequestEntityTooLarge",
                    &format!("Exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes)."),
                ),
            ),
            // The process broke off in the middle: it has died, or will ask again.
            Err(error) => return refusal(StatusCode::BAD_REQUEST, "InvalidBody", &error.to_string()),
        };
        // Taken only now, so that an answer that broke off can be followed by an error report.
        let taken = self.current.lock().unwrap_or_else(PoisonError::into_inner).take_if(|current| **current == *id);
        if taken.is_none() {
            return refusal(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID");
        }
        let _ = self.reports.send(report).await;
        reply
    }

    async fn tell(&self, report: Report) -> Reply {
        let _ = self.reports.send(report).await;
        accepted()
    }
}

/// A whole answer; `None` when it is over the limit. Such an answer is read to its end all the same: a runtime that is
/// cut off in the middle takes that for the end of its environment, and dies.
async fn whole(mut body: Incoming) -> Result<Option<Bytes>, hyper::Error> {
    let mut kept: Option<Vec<u8>> = Some(Vec::new());
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        kept = kept.filter(|kept| kept.len() + data.len() <= RESPONSE_LIMIT);
        if let Some(kept) = &mut kept {
            kept.extend_from_slice(&data);
        }
    }
    Ok(kept.map(Bytes::from))
}

/// The error document of a failed invocation; one that is none becomes one.
fn error_payload(body: Bytes, kind: Option<String>) -> Bytes {
    if serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_ok() {
        return body;
    }
    let message = String::from_utf8_lossy(&body);
    let kind = kind.unwrap_or_else(|| "Unhandled".to_owned());
    Bytes::from(serde_json::json!({ "errorMessage": message, "errorType": kind }).to_string())
}

fn accepted() -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from_static(b"{\"status\":\"OK\"}\n")));
    *reply.status_mut() = StatusCode::ACCEPTED;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

fn refusal(status: StatusCode, kind: &str, message: &str) -> Reply {
    let body = serde_json::json!({ "errorMessage": message, "errorType": kind }).to_string();
    let mut reply = Response::new(Full::new(Bytes::from(body)));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}
