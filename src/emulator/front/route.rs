//! Which service and operation a request is for: by `X-Amz-Target`, by the scope of its signature, by `Action`.

use std::sync::Arc;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN};
use http::{HeaderMap, Request, StatusCode};

use crate::emulator::error::ServiceError;
use crate::emulator::fabric::Fabric;
use crate::emulator::service::Service;

/// What SDKs put before the host for operations that answer with a stream: since April 2026, and until then.
const STREAM_PREFIXES: [&str; 2] = ["stream-", "streaming-"];

/// Where a request goes.
pub enum Route {
    /// To a service's own HTTP handler.
    Rest(Arc<dyn Service>),
    /// To an operation named by `X-Amz-Target`.
    Json {
        /// The service.
        service: Arc<dyn Service>,
        /// The operation as AWS spells it.
        operation: String,
    },
    /// To an operation named by `Action` in the query or body; the service from the signature, where there is one.
    Query(Option<Arc<dyn Service>>),
    /// Nowhere.
    Unknown(ServiceError),
}

/// Finds the route of a request from its head alone.
pub fn of<B>(fabric: &Fabric, request: &Request<B>) -> Route {
    let headers = request.headers();
    if let Some(target) = text(headers, "x-amz-target") {
        return json_route(fabric, target);
    }
    let scope =
        text(headers, AUTHORIZATION.as_str()).and_then(signing_service).or_else(|| presigned(request.uri().query()));
    let by_scope = scope.and_then(|id| fabric.service(id));
    if let Some(service) = &by_scope
        && service.interface().rest
    {
        return Route::Rest(Arc::clone(service));
    }
    let is_form =
        text(headers, CONTENT_TYPE.as_str()).is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let has_action =
        request.uri().query().is_some_and(|query| query.split('&').any(|pair| pair.starts_with("Action=")));
    if by_scope.is_some() || is_form || has_action {
        return Route::Query(by_scope);
    }
    if let Some(id) = scope {
        return Route::Unknown(ServiceError::not_implemented(id, "(the whole service)"));
    }
    // An anonymous request without a target is S3's: public objects and health checks of buckets.
    match fabric.service("s3") {
        Some(s3) => Route::Rest(s3),
        None => Route::Unknown(ServiceError::client("UnknownOperationException", "the request names no operation")),
    }
}

fn json_route(fabric: &Fabric, target: &str) -> Route {
    let Some((prefix, operation)) = target.rsplit_once('.') else {
        return Route::Unknown(ServiceError::client(
            "UnknownOperationException",
            format!("x-amz-target {target:?} is not of the form Service.Operation"),
        ));
    };
    match fabric.services().into_iter().find(|service| service.interface().target_prefix == Some(prefix)) {
        Some(service) => Route::Json { service, operation: operation.to_owned() },
        None => Route::Unknown(ServiceError::not_implemented(prefix, operation)),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The service of `Credential=AKID/date/region/service/aws4_request`.
fn signing_service(authorization: &str) -> Option<&str> {
    let credential = authorization.split_once("Credential=")?.1;
    let scope = credential.split([',', ' ']).next()?;
    scope.rsplit('/').nth(1)
}

/// Whether a request is for Storage Gateway: the endpoint's own list of appliances, or the activation web server of one
/// by its address in the VPC, which is asked for without a signature.
pub fn is_of_appliance<B>(request: &Request<B>) -> bool {
    let uri = request.uri();
    if uri.path() == "/_vaultscope/gateways" {
        return true;
    }
    let host = uri.host().or_else(|| text(request.headers(), HOST.as_str())).unwrap_or_default();
    let address = host.split(':').next().and_then(|host| host.parse::<std::net::Ipv4Addr>().ok());
    address.is_some_and(|address| !address.is_loopback())
        && uri.path() == "/"
        && *request.method() == http::Method::GET
        && uri.query().is_some_and(|query| query.contains("activationRegion="))
        && !request.headers().contains_key(AUTHORIZATION)
}

/// The service of a presigned URL.
fn presigned(query: Option<&str>) -> Option<&'static str> {
    let query = query?;
    (query.contains("X-Amz-Credential=") || query.contains("AWSAccessKeyId=")).then_some("s3")
}

/// Refuses what a page of another origin in a browser could send: the endpoint has no user but its own machine's.
///
/// # Errors
/// `AccessDenied`, status 403, when `Origin` is another host's or `Host` is a name that is not this machine's.
pub fn refuse_foreign_browser<B>(request: &Request<B>) -> Result<(), ServiceError> {
    let headers = request.headers();
    let denied = |what: String| Err(ServiceError::client("AccessDenied", what).with_status(StatusCode::FORBIDDEN));
    let host = text(headers, HOST.as_str()).unwrap_or_default();
    if !is_own_host(host) {
        return denied(format!("host {host:?} is not served here: use 127.0.0.1 or localhost"));
    }
    if let Some(origin) = text(headers, ORIGIN.as_str()) {
        let origin_host = origin.split_once("://").map_or(origin, |(_, rest)| rest);
        if origin_host != host || super::is_write(request.method()) && origin == "null" {
            return denied(format!(
                "requests of origin {origin:?} are refused: a browser page cannot drive this endpoint"
            ));
        }
    }
    Ok(())
}

/// Names that reach this machine: loopback addresses, `localhost` and names below it or below `amazonaws.com`, which a
/// client can only have sent here on purpose, and any plain IP address.
fn is_own_host(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let name = STREAM_PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(&name);
    name.is_empty()
        || name.parse::<std::net::IpAddr>().is_ok()
        || name == "localhost"
        || name.ends_with(".localhost")
        || name.ends_with(".localhost.localstack.cloud")
        || name == "localhost.localstack.cloud"
        || name.ends_with(".amazonaws.com")
        || name.rsplit_once('.').is_some_and(|_| bucket_before_address(name))
}

/// `bucket.127.0.0.1`: virtual-host style against an address, as some clients make it.
fn bucket_before_address(name: &str) -> bool {
    let mut labels: Vec<&str> = name.rsplitn(5, '.').take(4).collect();
    labels.reverse();
    labels.len() == 4 && labels.join(".").parse::<std::net::Ipv4Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(host: &str, origin: Option<&str>) -> Request<()> {
        let mut builder = Request::builder().method("POST").uri("/").header("host", host);
        if let Some(origin) = origin {
            builder = builder.header("origin", origin);
        }
        builder.body(()).expect("a valid request")
    }

    #[test]
    fn the_service_is_read_from_the_signature() {
        let header =
            "AWS4-HMAC-SHA256 Credential=test/20261121/us-east-1/states/aws4_request, SignedHeaders=host, Signature=0";
        assert_eq!(signing_service(header), Some("states"));
        assert_eq!(signing_service("Basic dGVzdA=="), None);
    }

    #[test]
    fn a_page_of_another_origin_is_refused() {
        for host in [
            "127.0.0.1:4566",
            "localhost:4566",
            "bucket.localhost:4566",
            "bucket.127.0.0.1:4566",
            "[::1]:4566",
            "stream-127.0.0.1:4566",
            "streaming-localhost:4566",
        ] {
            assert!(refuse_foreign_browser(&request(host, None)).is_ok(), "{host}");
        }
        for (host, origin) in [
            ("evil.example:4566", None),
            ("stream-evil.example:4566", None),
            ("127.0.0.1:4566", Some("https://evil.example")),
            ("127.0.0.1:4566", Some("null")),
        ] {
            let refused = refuse_foreign_browser(&request(host, origin)).expect_err("refused");
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{host} {origin:?}");
        }
    }
}
