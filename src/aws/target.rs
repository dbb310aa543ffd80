//! Which AWS is meant: the embedded endpoint, an endpoint elsewhere, or AWS itself. Pure: nothing is called here.

use std::fmt;
use std::net::IpAddr;

use http::Uri;

/// What commands work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The endpoint in our own process.
    Embedded,
    /// An endpoint that speaks AWS's protocols: `vaultscope emulator`, ministack, LocalStack, …
    Endpoint {
        /// Scheme, host and port, such as `http://127.0.0.1:4566`.
        url: String,
    },
    /// AWS itself.
    Aws {
        /// The profile of the shared configuration; `None` for the default chain.
        profile: Option<String>,
        /// The region; `None` for the one that the configuration names.
        region: Option<String>,
    },
}

/// A URL that is no endpoint's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{url:?} is no endpoint: {problem}; give one such as http://127.0.0.1:4566")]
pub struct TargetError {
    /// What was given.
    pub url: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl Target {
    /// The target of a command: the endpoint that was named, else the embedded one.
    ///
    /// # Errors
    /// When the URL is none that can be called.
    pub fn of_endpoint_url(endpoint_url: Option<&str>) -> Result<Self, TargetError> {
        let Some(given) = endpoint_url.map(str::trim).filter(|url| !url.is_empty()) else {
            return Ok(Self::Embedded);
        };
        let refuse = |problem| Err(TargetError { url: given.to_owned(), problem });
        let Ok(uri) = given.parse::<Uri>() else {
            return refuse("it does not read as a URL");
        };
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return refuse("it does not begin with http:// or https://");
        }
        if uri.host().is_none_or(str::is_empty) {
            return refuse("it names no host");
        }
        if uri.query().is_some() || !matches!(uri.path(), "" | "/") {
            return refuse("it has more than scheme, host and port");
        }
        Ok(Self::Endpoint { url: given.trim_end_matches('/').to_owned() })
    }

    /// Whether what answers runs on this machine, so that it can run this machine's programs.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Embedded => true,
            Self::Endpoint { url } => url.parse::<Uri>().ok().is_some_and(|uri| uri.host().is_some_and(is_loopback)),
            Self::Aws { .. } => false,
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let name = host.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || name.ends_with(".localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => f.write_str("the embedded endpoint"),
            Self::Endpoint { url } => f.write_str(url),
            Self::Aws { region: Some(region), .. } => write!(f, "AWS in {region}"),
            Self::Aws { .. } => f.write_str("AWS"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_url_means_the_embedded_endpoint() {
        for given in [None, Some(""), Some("  ")] {
            assert_eq!(Target::of_endpoint_url(given), Ok(Target::Embedded), "{given:?}");
        }
    }

    #[test]
    fn a_url_is_kept_without_its_last_slash() {
        let target = Target::of_endpoint_url(Some("http://127.0.0.1:4566/")).expect("a valid url");
        assert_eq!(target, Target::Endpoint { url: "http://127.0.0.1:4566".to_owned() });
    }

    #[test]
    fn what_is_no_endpoint_is_refused_with_an_example() {
        for given in
            ["4566", "127.0.0.1:4566", "ftp://127.0.0.1", "http://", "http://h/path", "http://h?x", "http://a b"]
        {
            let refused = Target::of_endpoint_url(Some(given)).expect_err(given).to_string();
            assert!(refused.contains(given) && refused.contains("http://127.0.0.1:4566"), "{refused}");
        }
    }

    #[test]
    fn loopback_is_this_machine_and_nothing_else_is() {
        let local = |url: &str| Target::of_endpoint_url(Some(url)).expect("a valid url").is_local();
        assert!(local("http://127.0.0.1:4566") && local("http://localhost:1") && local("http://[::1]:4566"));
        assert!(!local("http://10.0.0.1:4566") && !local("https://localhost.example.com"));
        assert!(!Target::Aws { profile: None, region: None }.is_local());
    }
}
