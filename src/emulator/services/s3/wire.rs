//! Between hyper and the protocol crate: signatures are compared and taken off, bodies are unframed, answers get their
//! headers.
//!
//! What protects data is verified whoever signs: `x-amz-content-sha256`, `Content-MD5`, checksums in headers and trailers,
//! lengths, and the expiry of presigned URLs (by real time, with which they are signed).

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use s3s::{Body, S3Error, S3ErrorCode};
use sha2::{Digest, Sha256};

use super::chunked::Decoder;
use super::signature::{Verifier, does_not_match};
use crate::clock;
use crate::emulator::body;
use crate::emulator::front;
use crate::emulator::service::{ReplyBody, RequestBody};
use crate::model::Timestamp;

pub(super) const CONTENT_SHA256: &str = "x-amz-content-sha256";
const DECODED_LENGTH: &str = "x-amz-decoded-content-length";
/// What signs a presigned URL, version 4 and version 2; no operation has parameters of these names.
const SIGNING_PARAMETERS: [&str; 10] = [
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-signedheaders",
    "x-amz-signature",
    "x-amz-security-token",
    "awsaccesskeyid",
    "signature",
    "expires",
];

/// Why a body could not be read to its end.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub enum BodyError {
    /// The framing of `aws-chunked` is broken.
    #[error("the aws-chunked framing of the body is broken")]
    Framing,
    /// The client sent nothing more, and kept the connection.
    #[error("{}", body::IDLE)]
    Idle,
    /// It ended before its announced end.
    #[error("the body ended early")]
    Incomplete,
    /// It is not what `x-amz-content-sha256` says.
    #[error("the body does not match x-amz-content-sha256")]
    Sha256,
    /// A chunk or the trailers have another signature.
    #[error("a chunk of the body does not match its signature")]
    Signature,
}

/// The answer to a body that could not be read.
pub fn body_error(error: Box<dyn std::error::Error + Send + Sync>) -> S3Error {
    unreadable(error.downcast_ref().copied().unwrap_or(BodyError::Incomplete))
}

fn unreadable(error: BodyError) -> S3Error {
    match error {
        BodyError::Framing => S3Error::with_message(
            S3ErrorCode::InvalidRequest,
            "The request body is not framed as aws-chunked content encoding requires",
        ),
        BodyError::Sha256 => {
            let mut error = S3Error::with_message(
                S3ErrorCode::Custom("XAmzContentSHA256Mismatch".into()),
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            );
            error.set_status_code(StatusCode::BAD_REQUEST);
            error
        }
        BodyError::Idle => S3Error::with_message(S3ErrorCode::RequestTimeout, body::IDLE),
        BodyError::Signature => does_not_match(),
        BodyError::Incomplete => S3Error::with_message(
            S3ErrorCode::IncompleteBody,
            "You did not provide the number of bytes specified by the Content-Length HTTP header",
        ),
    }
}

/// The trailers of a body, there once it has been read.
#[derive(Debug, Clone, Default)]
pub struct Trailers(Arc<OnceLock<HeaderMap>>);

impl Trailers {
    /// The value of one.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get()?.get(name)?.to_str().ok()
    }
}

/// Why the body of a request could not be read, where it could not: the protocol crate takes that for a fault of the endpoint
/// when it reads a document.
#[derive(Debug, Clone, Default)]
pub struct Failure(Arc<OnceLock<BodyError>>);

impl Failure {
    /// The answer to the request, unless its body was read to the end.
    pub fn refusal(&self) -> Option<S3Error> {
        self.0.get().copied().map(unreadable)
    }
}

/// A body without its framing, compared with its digest at the end.
struct Content {
    inner: RequestBody,
    decoder: Option<Decoder>,
    trailers: Trailers,
    sha256: Option<(Sha256, Box<str>)>,
    length: Option<u64>,
    failure: Failure,
    ended: bool,
}

impl Content {
    fn end(&mut self) -> Result<(), BodyError> {
        self.ended = true;
        if let Some(decoder) = self.decoder.take() {
            // It is set here only.
            let _ = self.trailers.0.set(decoder.finish()?);
        }
        let Some((sha256, expected)) = self.sha256.take() else { return Ok(()) };
        if hex::encode(sha256.finalize()) == *expected { Ok(()) } else { Err(BodyError::Sha256) }
    }

    fn fail<T>(&mut self, error: BodyError) -> Poll<Option<Result<T, Box<dyn std::error::Error + Send + Sync>>>> {
        self.ended = true;
        // A body fails once.
        let _ = self.failure.0.set(error);
        Poll::Ready(Some(Err(error.into())))
    }

    fn pass(&mut self, bytes: Bytes) -> Frame<Bytes> {
        if let Some((sha256, _)) = &mut self.sha256 {
            sha256.update(&bytes);
        }
        Frame::data(bytes)
    }
}

impl HttpBody for Content {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        loop {
            if this.ended {
                return Poll::Ready(None);
            }
            if let Some(decoder) = &mut this.decoder {
                match decoder.next() {
                    Ok(Some(bytes)) => return Poll::Ready(Some(Ok(this.pass(bytes)))),
                    Ok(None) => {}
                    Err(error) => return this.fail(error),
                }
            }
            match ready!(Pin::new(&mut this.inner).poll_frame(context)) {
                None => match this.end() {
                    Ok(()) => return Poll::Ready(None),
                    Err(error) => return this.fail(error),
                },
                Some(Err(error)) => {
                    tracing::debug!(%error, "a request body ended early");
                    let is_idle = matches!(error, body::BodyError::Idle);
                    return this.fail(if is_idle { BodyError::Idle } else { BodyError::Incomplete });
                }
                Some(Ok(frame)) => {
                    let Ok(bytes) = frame.into_data() else { continue };
                    match &mut this.decoder {
                        Some(decoder) => decoder.feed(&bytes),
                        None => return Poll::Ready(Some(Ok(this.pass(bytes)))),
                    }
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        // The digest is compared, and the trailers are read, by polling to the end.
        self.ended
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// Takes the signature and the framing off a request.
///
/// # Errors
/// `SignatureDoesNotMatch` and its like; `AccessDenied` for a presigned URL that has expired; `InvalidURI` when it cannot
/// be read.
pub fn unsign(request: Request<RequestBody>, verifier: &Verifier) -> Result<Request<Body>, S3Error> {
    let (mut parts, body) = request.into_parts();
    let now = clock::real_timestamp();
    // As on AWS, an expired URL is refused whatever its signature is.
    let unsigned = parts.uri.query().map(|query| without_signature(query, now)).transpose()?;
    let signer = verifier.check(&parts, now)?;
    parts.headers.remove(AUTHORIZATION);
    if let Some((Some(kept), hoisted)) = unsigned {
        let path = parts.uri.path();
        let target = if kept.is_empty() { path.to_owned() } else { format!("{path}?{kept}") };
        parts.uri =
            Uri::try_from(target).map_err(|error| S3Error::with_source(S3ErrorCode::InvalidURI, error.into()))?;
        for (name, value) in hoisted {
            parts.headers.entry(name).or_insert(value);
        }
    }
    let digest = text(&parts.headers, CONTENT_SHA256).map(str::to_owned);
    let encodings = text(&parts.headers, CONTENT_ENCODING.as_str()).unwrap_or_default();
    let is_framed = digest.as_deref().is_some_and(|digest| digest.starts_with("STREAMING-"))
        || encodings.split(',').any(|encoding| encoding.trim().eq_ignore_ascii_case("aws-chunked"));
    let mut decoder = None;
    if is_framed {
        let kept: Vec<&str> = encodings
            .split(',')
            .map(str::trim)
            .filter(|encoding| !encoding.is_empty() && !encoding.eq_ignore_ascii_case("aws-chunked"))
            .collect();
        let kept = HeaderValue::from_str(&kept.join(",")).ok().filter(|kept| !kept.is_empty());
        match kept {
            Some(kept) => parts.headers.insert(CONTENT_ENCODING, kept),
            None => parts.headers.remove(CONTENT_ENCODING),
        };
        match parts.headers.get(DECODED_LENGTH).cloned() {
            Some(length) => parts.headers.insert(CONTENT_LENGTH, length),
            None => parts.headers.remove(CONTENT_LENGTH),
        };
        decoder = Some(Decoder::new(signer));
    }
    let sha256 = digest
        .filter(|digest| digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .map(|digest| (Sha256::new(), digest.to_ascii_lowercase().into_boxed_str()));
    let trailers = Trailers::default();
    parts.extensions.insert(trailers.clone());
    let failure = Failure::default();
    parts.extensions.insert(failure.clone());
    if decoder.is_none() && sha256.is_none() && body.is_end_stream() {
        return Ok(Request::from_parts(parts, Body::empty()));
    }
    let length = text(&parts.headers, CONTENT_LENGTH.as_str()).and_then(|length| length.parse().ok());
    let content = Content { inner: body, decoder, trailers, sha256, length, failure, ended: false };
    Ok(Request::from_parts(parts, Body::http_body(content)))
}

type Hoisted = Vec<(HeaderName, HeaderValue)>;

/// A presigned query without what signs it, and the headers that some clients hoist into it; `None` when the query is
/// not presigned.
fn without_signature(query: &str, now: Timestamp) -> Result<(Option<String>, Hoisted), S3Error> {
    let name_of = |pair: &str| {
        let name = pair.split('=').next().unwrap_or_default();
        percent_encoding::percent_decode_str(name).decode_utf8_lossy().to_ascii_lowercase()
    };
    let value_of = |wanted: &str| {
        query.split('&').find(|pair| name_of(pair) == wanted).map(|pair| {
            let value = pair.split_once('=').map_or("", |(_, value)| value);
            percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned()
        })
    };
    let is_v4 = value_of("x-amz-signature").is_some();
    if !is_v4 && (value_of("signature").is_none() || value_of("awsaccesskeyid").is_none()) {
        return Ok((None, Vec::new()));
    }
    let ends = if is_v4 {
        let signed = value_of("x-amz-date").as_deref().and_then(signing_moment);
        let seconds = value_of("x-amz-expires").and_then(|seconds| seconds.parse::<u64>().ok());
        match (signed, seconds) {
            (Some(signed), Some(seconds)) => signed + std::time::Duration::from_secs(seconds),
            _ => {
                return Err(S3Error::with_message(
                    S3ErrorCode::AuthorizationQueryParametersError,
                    "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, \
                     X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
                ));
            }
        }
    } else {
        Timestamp::from_secs(value_of("expires").and_then(|seconds| seconds.parse().ok()).unwrap_or_default())
    };
    if now > ends {
        return Err(S3Error::with_message(S3ErrorCode::AccessDenied, "Request has expired"));
    }
    let mut kept: Vec<&str> = Vec::new();
    let mut hoisted = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let name = name_of(pair);
        if SIGNING_PARAMETERS.contains(&name.as_str()) {
            continue;
        }
        if is_v4 && name.starts_with("x-amz-") {
            let value = value_of(&name).unwrap_or_default();
            if let (Ok(name), Ok(value)) = (name.parse(), value.parse()) {
                hoisted.push((name, value));
            }
            continue;
        }
        kept.push(pair);
    }
    Ok((Some(kept.join("&")), hoisted))
}

/// `20261121T034944Z`.
pub(super) fn signing_moment(text: &str) -> Option<Timestamp> {
    if text.len() != 16 || !text.is_ascii() {
        return None;
    }
    Timestamp::parse_rfc3339(&format!(
        "{}-{}-{}T{}:{}:{}Z",
        &text[..4],
        &text[4..6],
        &text[6..8],
        &text[9..11],
        &text[11..13],
        &text[13..15]
    ))
}

/// Whether a request is `GetObjectAttributes`.
pub fn asks_for_attributes<B>(request: &Request<B>) -> bool {
    let query = request.uri().query().unwrap_or_default();
    request.method() == http::Method::GET && query.split('&').any(|pair| matches!(pair, "attributes" | "attributes="))
}

/// The answer of `GetObjectAttributes`, which alone has an `ETag` without quotes; the protocol crate quotes every one.
pub async fn with_bare_etag(response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    let Ok(whole) = body.collect().await else { return Response::from_parts(parts, Body::empty()) };
    let text = String::from_utf8_lossy(&whole.to_bytes()).into_owned();
    let bare = match (text.find("<ETag>"), text.find("</ETag>")) {
        (Some(start), Some(end)) if start < end => {
            format!("{}{}{}", &text[..start], text[start..end].replace("&quot;", "").replace('"', ""), &text[end..])
        }
        _ => text,
    };
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(Bytes::from(bare)))
}

/// Turns the protocol crate's answer into the endpoint's, with the headers that every answer of S3 has.
pub fn reply(response: Response<Body>, request_id: &str) -> Response<ReplyBody> {
    let (mut parts, body) = response.into_parts();
    let headers = &mut parts.headers;
    headers.insert(http::header::SERVER, HeaderValue::from_static("AmazonS3"));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amz-id-2", id.clone());
        headers.insert("x-amz-request-id", id);
    }
    if parts.status == StatusCode::NOT_MODIFIED {
        parts.headers.remove(CONTENT_LENGTH);
        return Response::from_parts(parts, front::full(Bytes::new()));
    }
    Response::from_parts(parts, body.boxed_unsync())
}

pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_presigned_query_loses_its_signature_and_expires() {
        let query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a%2Fb&X-Amz-Date=20261121T000000Z\
                     &X-Amz-Expires=60&X-Amz-SignedHeaders=host&x-id=GetObject&versionId=3\
                     &x-amz-storage-class=GLACIER&X-Amz-Signature=00";
        let signed = Timestamp::parse_rfc3339("2026-11-21T00:00:00Z").expect("a moment");
        let (kept, hoisted) = without_signature(query, signed).expect("not expired");
        assert_eq!(kept.as_deref(), Some("x-id=GetObject&versionId=3"));
        assert_eq!(hoisted.len(), 1);
        let late = signed + std::time::Duration::from_secs(61);
        assert_eq!(without_signature(query, late).expect_err("expired").code(), &S3ErrorCode::AccessDenied);
        assert_eq!(without_signature("list-type=2&prefix=Signature", late).expect("unsigned").0, None);
        assert!(without_signature("X-Amz-Signature=0&X-Amz-Date=é&X-Amz-Expires=1", late).is_err());
    }
}
