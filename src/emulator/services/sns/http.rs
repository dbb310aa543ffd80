//! Posts over HTTP to programs of this machine. Nothing goes anywhere else: names are not looked up, redirects are not
//! followed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONNECTION, CONTENT_TYPE, HOST, USER_AGENT};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value};
use tokio::net::TcpStream;

use super::error::SnsError;
use crate::emulator::DeliveryError;

/// How long a program may take to answer, in real time.
const LIMIT: Duration = Duration::from_secs(15);
/// Bytes of an answer that are read, so that the connection ends as it should.
const LARGEST_ANSWER: usize = 64 << 10;
const AGENT: &str = "Amazon Simple Notification Service Agent";
/// What the body is, when nobody says anything else.
pub const PLAIN_TEXT: &str = "text/plain; charset=UTF-8";

/// Where to post to.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    addresses: Vec<SocketAddr>,
    authority: String,
    target: String,
}

impl Place {
    /// Reads a URL.
    ///
    /// # Errors
    /// When it is none with the scheme `http`, or names something else than this machine.
    fn read(url: &str) -> Result<Self, SnsError> {
        let wrong = |problem: &str| SnsError::parameter(format!("Endpoint Reason: {problem}"));
        let uri: Uri = url.parse().map_err(|_| wrong("it is no URL"))?;
        if uri.scheme_str() != Some("http") {
            return Err(SnsError::parameter("Endpoint must match the specified protocol"));
        }
        let authority = uri.authority().ok_or_else(|| wrong("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("the embedded endpoint sends no user names: leave the part before the @ out"));
        }
        let port = authority.port_u16().unwrap_or(80);
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let loopback = match host.parse::<IpAddr>() {
            Ok(address) if address.to_canonical().is_loopback() => vec![address],
            Err(_) if host.eq_ignore_ascii_case("localhost") => {
                vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
            }
            _ => {
                return Err(wrong(&format!(
                    "the embedded endpoint posts to this machine alone, not to {host}: name a URL on localhost, \
                     127.0.0.0/8 or [::1]"
                )));
            }
        };
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        Ok(Self {
            addresses: loopback.into_iter().map(|address| SocketAddr::new(address, port)).collect(),
            authority: authority.to_string(),
            target: target.to_owned(),
        })
    }
}

/// Refuses a URL that is not posted to.
///
/// # Errors
/// `InvalidParameter` with the remedy.
pub fn check(url: &str) -> Result<(), SnsError> {
    Place::read(url).map(drop)
}

/// Posts a text with these headers besides those that every post has.
///
/// # Errors
/// Why the program has not taken it: for good where it says that the request is wrong, else for now.
pub async fn post(url: &str, headers: &Map<String, Value>, text: &str) -> Result<(), DeliveryError> {
    let place = Place::read(url).map_err(|error| DeliveryError::permanent("InvalidTarget", error.to_string()))?;
    let posted = tokio::time::timeout(LIMIT, exchange(&place, headers, text)).await;
    let failed = |problem: String| DeliveryError::transient("ConnectionFailure", format!("{url} {problem}"));
    let status = match posted {
        Ok(Ok(status)) => status,
        Ok(Err(problem)) => return Err(failed(problem)),
        Err(_) => return Err(failed(format!("did not answer within {} s", LIMIT.as_secs()))),
    };
    let refused = || (status.as_u16().to_string(), format!("{url} answered {status}"));
    if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() || status.is_informational() {
        let (code, message) = refused();
        return Err(DeliveryError::transient(code, message));
    }
    if status.is_client_error() {
        let (code, message) = refused();
        return Err(DeliveryError::permanent(code, message));
    }
    Ok(())
}

async fn exchange(place: &Place, headers: &Map<String, Value>, text: &str) -> Result<StatusCode, String> {
    let cannot = |error: &dyn std::fmt::Display| format!("cannot be reached: {error}");
    let stream = TcpStream::connect(&*place.addresses).await.map_err(|error| cannot(&error))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| cannot(&error))?;
    let mut request = Request::post(&place.target)
        .header(HOST, &place.authority)
        .header(USER_AGENT, AGENT)
        .header(ACCEPT_ENCODING, "gzip,deflate")
        .header(CONNECTION, "close")
        .header(CONTENT_TYPE, headers.get("content-type").and_then(Value::as_str).unwrap_or(PLAIN_TEXT));
    for (name, value) in headers.iter().filter(|(name, _)| *name != "content-type") {
        request = request.header(name, value.as_str().unwrap_or_default());
    }
    let request = request.body(Full::new(Bytes::copy_from_slice(text.as_bytes()))).map_err(|error| cannot(&error))?;
    let answered = async {
        let answer = sender.send_request(request).await.map_err(|error| cannot(&error))?;
        let status = answer.status();
        // What it says besides is nothing to us, nor how it ends.
        let _ = Limited::new(answer.into_body(), LARGEST_ANSWER).collect().await;
        Ok(status)
    };
    tokio::pin!(answered);
    tokio::pin!(connection);
    // The connection does the work; it may be over before the answer is looked at.
    tokio::select! {
        answer = &mut answered => answer,
        _ = &mut connection => answered.await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_programs_of_this_machine_are_posted_to() {
        for (url, addresses, target) in [
            ("http://localhost:8080/a?b=c", &["127.0.0.1:8080", "[::1]:8080"][..], "/a?b=c"),
            ("http://127.9.9.9", &["127.9.9.9:80"], "/"),
            ("http://[::1]:81/", &["[::1]:81"], "/"),
        ] {
            let place = Place::read(url).expect(url);
            let expected: Vec<SocketAddr> = addresses.iter().map(|text| text.parse().expect("an address")).collect();
            assert_eq!((place.addresses, place.target.as_str()), (expected, target), "{url}");
        }
        for url in [
            "",
            "localhost:8080",
            "https://localhost/",
            "http:///path",
            "http://u:p@localhost/",
            "http://example.com/",
            "http://localhost.example.com/",
            "http://10.0.0.1/",
            "http://169.254.169.254/latest/meta-data",
            "http://[::ffff:10.0.0.1]/",
            "http://0.0.0.0/",
            "http://2130706433/",
        ] {
            assert!(matches!(check(url), Err(SnsError::Parameter(_))), "{url}");
        }
    }
}
