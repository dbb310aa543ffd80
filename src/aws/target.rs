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
        /// The region; `None` for the one that the environment names, else us-east-1.
        region: Option<String>,
    },
    /// AWS itself.
    Aws {
        /// The profile of the shared configuration; `None` for the default chain.
        profile: Option<String>,
        /// The region; `None` for the one that the configuration names.
        region: Option<String>,
    },
}

/// Where LocalStack listens unless it is told otherwise.
pub const LOCALSTACK_URL: &str = "http://127.0.0.1:4566";

/// What cannot be worked on, as it was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// A URL that is no endpoint's.
    #[error("{url:?} is no endpoint: {problem}; give one such as http://127.0.0.1:4566")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A name that is no region's.
    #[error("{0:?} is no region: give one such as us-east-1 with --region or AWS_REGION")]
    Region(String),
}

impl Target {
    /// The endpoint at a URL.
    ///
    /// # Errors
    /// When the URL is none that can be called, or the region has no region's name.
    pub fn endpoint(url: &str, region: Option<&str>) -> Result<Self, TargetError> {
        let given = url.trim();
        let refuse = |problem| Err(TargetError::Url { url: given.to_owned(), problem });
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
        Ok(Self::Endpoint { url: given.trim_end_matches('/').to_owned(), region: region.map(checked).transpose()? })
    }

    /// AWS itself.
    ///
    /// # Errors
    /// When the region has no region's name.
    pub fn aws(profile: Option<&str>, region: Option<&str>) -> Result<Self, TargetError> {
        Ok(Self::Aws { profile: profile.map(str::to_owned), region: region.map(checked).transpose()? })
    }

    /// The region that was named for it.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        match self {
            Self::Embedded => None,
            Self::Endpoint { region, .. } | Self::Aws { region, .. } => region.as_deref(),
        }
    }

    /// Whether calls cost money and change what is not ours alone.
    #[must_use]
    pub fn is_aws(&self) -> bool {
        matches!(self, Self::Aws { .. })
    }

    /// Whether what answers runs on this machine, so that it can run this machine's programs.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Embedded => true,
            Self::Endpoint { url, .. } => {
                url.parse::<Uri>().ok().is_some_and(|uri| uri.host().is_some_and(is_loopback))
            }
            Self::Aws { .. } => false,
        }
    }
}

/// Regions are made of words and a number: `us-east-1`, `us-gov-west-1`, `cn-north-1`.
fn checked(region: &str) -> Result<String, TargetError> {
    let mut parts = region.split('-');
    let is_word = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let number = parts.next_back().unwrap_or_default();
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let words: Vec<&str> = parts.collect();
    if is_number && words.len() >= 2 && words.into_iter().all(is_word) {
        Ok(region.to_owned())
    } else {
        Err(TargetError::Region(region.to_owned()))
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
            Self::Endpoint { url, .. } => f.write_str(url),
            Self::Aws { profile, region } => {
                f.write_str("AWS")?;
                region.iter().try_for_each(|region| write!(f, " in {region}"))?;
                profile.iter().try_for_each(|profile| write!(f, " with profile {profile}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_kept_without_its_last_slash() {
        let target = Target::endpoint(" http://127.0.0.1:4566/ ", None).expect("a valid url");
        assert_eq!(target, Target::Endpoint { url: "http://127.0.0.1:4566".to_owned(), region: None });
    }

    #[test]
    fn what_is_no_endpoint_is_refused_with_an_example() {
        for given in
            ["", "4566", "127.0.0.1:4566", "ftp://127.0.0.1", "http://", "http://h/path", "http://h?x", "http://a b"]
        {
            let refused = Target::endpoint(given, None).expect_err(given).to_string();
            assert!(refused.contains(given) && refused.contains("http://127.0.0.1:4566"), "{refused}");
        }
    }

    #[test]
    fn regions_are_known_by_their_form() {
        for region in ["us-east-1", "us-gov-west-1", "cn-north-1", "ap-southeast-12", "us-iso-east-1"] {
            assert_eq!(Target::aws(None, Some(region)).expect(region).region(), Some(region));
        }
        for region in ["", "virginia", "us-east", "us-east-1a", "US-EAST-1", "us-east-1 ", "us--1", "east-1"] {
            let refused = Target::aws(None, Some(region)).expect_err(region).to_string();
            assert!(refused.contains("us-east-1") && refused.contains("--region"), "{refused}");
        }
    }

    #[test]
    fn loopback_is_this_machine_and_nothing_else_is() {
        let local = |url: &str| Target::endpoint(url, None).expect("a valid url").is_local();
        assert!(local("http://127.0.0.1:4566") && local("http://localhost:1") && local("http://[::1]:4566"));
        assert!(!local("http://10.0.0.1:4566") && !local("https://localhost.example.com"));
        assert!(!Target::Aws { profile: None, region: None }.is_local());
    }

    #[test]
    fn aws_is_named_with_what_was_chosen_of_it() {
        let name = |profile, region| Target::aws(profile, region).expect("a target").to_string();
        assert_eq!(name(None, None), "AWS");
        assert_eq!(name(Some("class"), Some("eu-west-1")), "AWS in eu-west-1 with profile class");
    }
}
