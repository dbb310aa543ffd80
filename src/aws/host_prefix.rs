//! Some operations ask for a prefix to the host, such as `streaming-` of StartLiveTail. On AWS that is another host; an
//! endpoint elsewhere is one host, whose name with a prefix nobody answers to, and an address with one is no address.

use aws_sdk_cloudwatchlogs::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_cloudwatchlogs::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_cloudwatchlogs::error::BoxError;
use http::Uri;

/// Takes the prefix off before a request to an endpoint is signed.
#[derive(Debug)]
pub struct WithoutHostPrefix {
    /// Host and port of the endpoint.
    authority: String,
}

impl WithoutHostPrefix {
    /// For requests to the endpoint of that URL; `None` when it names no host.
    #[must_use]
    pub fn of(endpoint_url: &str) -> Option<Self> {
        let authority = endpoint_url.parse::<Uri>().ok()?.authority()?.to_string();
        Some(Self { authority })
    }

    /// The URI without a prefix to its host; `None` when it has none.
    fn stripped(&self, uri: &str) -> Option<String> {
        let (scheme, rest) = uri.split_once("://")?;
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let prefix = authority.strip_suffix(&self.authority)?;
        (!prefix.is_empty()).then(|| format!("{scheme}://{}{path}", self.authority))
    }
}

impl Intercept for WithoutHostPrefix {
    fn name(&self) -> &'static str {
        "WithoutHostPrefix"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        if let Some(uri) = self.stripped(request.uri()) {
            request.set_uri(uri)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_prefix_to_the_endpoints_host_is_taken_off() {
        let endpoint = WithoutHostPrefix::of("http://127.0.0.1:4566").expect("an authority");
        let stripped = |uri| endpoint.stripped(uri);
        assert_eq!(stripped("http://streaming-127.0.0.1:4566/").as_deref(), Some("http://127.0.0.1:4566/"));
        assert_eq!(stripped("http://streaming-127.0.0.1:4566").as_deref(), Some("http://127.0.0.1:4566"));
        assert_eq!(stripped("http://streaming-127.0.0.1:4566?a=b").as_deref(), Some("http://127.0.0.1:4566?a=b"));
        assert_eq!(stripped("http://127.0.0.1:4566/"), None);
        assert_eq!(stripped("https://streaming-logs.us-east-1.amazonaws.com/"), None);
        assert_eq!(stripped("nonsense"), None);
        assert!(WithoutHostPrefix::of("no url").is_none());
    }
}
