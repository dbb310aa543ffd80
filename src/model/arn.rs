//! Amazon Resource Names.

use std::fmt;
use std::str::FromStr;

/// `arn:partition:service:region:account:resource`; the resource may hold further colons and slashes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Arn {
    /// `aws`, `aws-cn`, …
    pub partition: String,
    /// `sqs`, `lambda`, `states`, …
    pub service: String,
    /// Empty for global services.
    pub region: String,
    /// Twelve digits; empty for S3.
    pub account: String,
    /// What follows the fifth colon.
    pub resource: String,
}

/// A text that is no ARN.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an arn: six parts separated by colons are expected, the first one `arn`")]
pub struct ArnError(pub String);

impl FromStr for Arn {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().map(str::to_owned).ok_or_else(|| ArnError(text.to_owned()));
        if next()? != "arn" {
            return Err(ArnError(text.to_owned()));
        }
        let arn = Self { partition: next()?, service: next()?, region: next()?, account: next()?, resource: next()? };
        if arn.service.is_empty() || arn.resource.is_empty() {
            return Err(ArnError(text.to_owned()));
        }
        Ok(arn)
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, service, region, account, resource } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_survives_the_round_trip() {
        for text in [
            "arn:aws:sqs:us-east-1:000000000000:queue",
            "arn:aws:states:us-east-1:000000000000:execution:machine:run-1",
            "arn:aws:s3:::bucket/key with:colon",
        ] {
            assert_eq!(text.parse::<Arn>().expect("a valid arn").to_string(), text);
        }
    }

    #[test]
    fn what_is_no_arn_is_refused() {
        for text in ["", "arn", "arn:aws:sqs:us-east-1:0", "urn:aws:sqs:us-east-1:0:q", "arn:aws::us-east-1:0:q"] {
            assert!(text.parse::<Arn>().is_err(), "{text}");
        }
    }
}
