//! Takes off again what the SDK puts before the host for operations that answer with a stream of events.
//!
//! On AWS `stream-logs.us-east-1.amazonaws.com` is a host of its own; `stream-127.0.0.1` is none.

use aws_sdk_cloudwatchlogs::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_cloudwatchlogs::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_cloudwatchlogs::error::BoxError;

/// What SDKs put before the host: since April 2026, and until then.
const PREFIXES: [&str; 2] = ["stream-", "streaming-"];

/// Has every request of a client go to the host of its endpoint: for endpoints elsewhere than on AWS.
#[derive(Debug)]
pub struct PlainHost;

impl Intercept for PlainHost {
    fn name(&self) -> &'static str {
        "PlainHost"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        if let Some(plain) = without_prefix(request.uri()) {
            request.set_uri(plain)?;
        }
        Ok(())
    }
}

/// The same URI without a prefix of its host; `None` when it has none.
fn without_prefix(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once("://")?;
    let plain = PREFIXES.into_iter().find_map(|prefix| rest.strip_prefix(prefix))?;
    Some(format!("{scheme}://{plain}"))
}

#[test]
fn only_a_prefix_of_the_host_is_taken_off() {
    for (uri, plain) in [
        ("http://stream-127.0.0.1:4566/", Some("http://127.0.0.1:4566/")),
        ("http://streaming-localhost:4566", Some("http://localhost:4566")),
        ("http://127.0.0.1:4566/stream-x", None),
        ("/stream-x", None),
    ] {
        assert_eq!(without_prefix(uri).as_deref(), plain, "{uri}");
    }
}
