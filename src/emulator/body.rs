//! The body of a request as services read it: it does not wait for ever for a client that sends nothing more.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::Sleep;

use super::error::ServiceError;

/// How long a client may send nothing in the middle of a request, in real time: S3's own limit.
pub const IDLE_LIMIT: Duration = Duration::from_secs(20);

/// What AWS says to such a client.
pub const IDLE: &str = "Your socket connection to the server was not read from or written to within the timeout period. \
                        Idle connections will be closed.";

/// Why a body could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The client sent nothing for as long as it may.
    #[error("{IDLE}")]
    Idle,
    /// The connection broke, or what came is no body of HTTP.
    #[error(transparent)]
    Broken(#[from] hyper::Error),
}

/// A body as it comes off the wire. It waits for the next piece of it for the limit, and only while somebody reads.
#[derive(Debug)]
pub struct RequestBody {
    inner: Incoming,
    limit: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl RequestBody {
    /// With a limit of real time between two pieces.
    pub fn new(inner: Incoming, limit: Duration) -> Self {
        Self { inner, limit, waiting: None }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(context) {
            this.waiting = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(BodyError::from)));
        }
        let limit = this.limit;
        let waiting = this.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        waiting.as_mut().poll(context).map(|()| Some(Err(BodyError::Idle)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The answer to a client that stopped sending, for the services other than S3; `None` when that is not what `error` says.
pub fn idle(error: &(dyn std::error::Error + Send + Sync + 'static)) -> Option<ServiceError> {
    matches!(error.downcast_ref(), Some(BodyError::Idle))
        .then(|| ServiceError::client("RequestTimeout", IDLE).with_status(StatusCode::REQUEST_TIMEOUT))
}
