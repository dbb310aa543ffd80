//! The one bucket that nobody made: what a custom resource's provider puts to the URL that CloudFormation gave it goes
//! to CloudFormation as a delivery. Nothing is stored.

use std::sync::Arc;

use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use percent_encoding::percent_decode_str;
use s3s::{Body, S3Error, S3ErrorCode};
use serde_json::Value;

use crate::emulator::body;
use crate::emulator::fabric::Fabric;
use crate::emulator::service::{Delivery, RequestBody};

/// What AWS's buckets for these answers begin with.
const BUCKET: &str = "/cloudformation-custom-resource-response-";

/// The largest body that is looked at; CloudFormation itself takes less.
const LARGEST: usize = 64 * 1024;

/// The id of the request that is answered; `None` for every other request of S3.
pub fn request_id<B>(request: &Request<B>) -> Option<String> {
    let (_, key) = request.uri().path().strip_prefix(BUCKET)?.split_once('/')?;
    let key = percent_decode_str(key).decode_utf8().ok()?;
    let (_, id) = key.rsplit_once('|')?;
    (request.method() == Method::PUT).then(|| id.to_owned())
}

/// Takes the answer; like S3 it is content with any, also with one that comes too late.
///
/// # Errors
/// `IncompleteBody`, `EntityTooLarge`.
pub async fn accept(fabric: &Fabric, id: &str, request: Request<RequestBody>) -> Result<Response<Body>, S3Error> {
    let body = Limited::new(request.into_body(), LARGEST).collect().await.map_err(|error| {
        let code = if error.is::<http_body_util::LengthLimitError>() {
            S3ErrorCode::EntityTooLarge
        } else if body::idle(&*error).is_some() {
            return S3Error::with_message(S3ErrorCode::RequestTimeout, body::IDLE);
        } else {
            S3ErrorCode::IncompleteBody
        };
        S3Error::with_message(code, "The answer of the custom resource could not be read")
    })?;
    let payload = String::from_utf8_lossy(&body.to_bytes()).into_owned();
    let delivery = Delivery {
        target: fabric.arn("cloudformation", format!("custom-resource/{id}")),
        payload: Arc::from(payload),
        principal: "s3.amazonaws.com",
        source_arn: Arc::from("arn:aws:s3:::cloudformation-custom-resource-response"),
        subject: Arc::from(id),
        parameters: Value::Null,
        retries: 0,
    };
    if let Err(error) = fabric.deliver(delivery).await {
        tracing::debug!(request = id, %error, "an answer of a custom resource was not wanted");
    }
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::OK;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_read_from_the_key() {
        let id = |method: &str, uri: &str| {
            request_id(&Request::builder().method(method).uri(uri).body(()).expect("a request"))
        };
        let uri =
            "/cloudformation-custom-resource-response-useast1/arn%3Aaws%3Astack%2Fs%7CLogical%7Cabc-1?X-Amz-Date=1";
        assert_eq!(id("PUT", uri).as_deref(), Some("abc-1"));
        assert_eq!(id("GET", uri), None);
        assert_eq!(id("PUT", "/cloudformation-custom-resource-response-useast1/key"), None);
        assert_eq!(id("PUT", "/bucket/a%7Cb%7Cc"), None);
    }
}
