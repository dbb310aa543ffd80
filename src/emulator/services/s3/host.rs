//! Which bucket a `Host` header names, in the virtual-host style.

use s3s::S3Result;
use s3s::host::{S3Host, VirtualHost};

/// Names below which a bucket's name may stand.
const DOMAINS: [&str; 3] = ["localhost.localstack.cloud", "localhost", "amazonaws.com"];

/// Reads `bucket.localhost:4566`, `bucket.s3.us-east-1.amazonaws.com`, `bucket.127.0.0.1:4566` and their like; any
/// other name is path style.
#[derive(Debug)]
pub struct Hosts;

impl S3Host for Hosts {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        let virtual_host = VirtualHost::new(host);
        Ok(match bucket_of(host) {
            Some(bucket) => virtual_host.with_bucket(bucket),
            None => virtual_host,
        })
    }
}

fn bucket_of(host: &str) -> Option<&str> {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    if let Some(before) = before_address(name) {
        return without_service(before);
    }
    let domain = DOMAINS.into_iter().find(|domain| ends_with(name, domain))?;
    let before = name[..name.len() - domain.len()].strip_suffix('.')?;
    if domain == "amazonaws.com" && !before.split('.').any(is_service) {
        return None;
    }
    without_service(before)
}

fn ends_with(name: &str, domain: &str) -> bool {
    name.len() >= domain.len()
        && name.is_char_boundary(name.len() - domain.len())
        && name[name.len() - domain.len()..].eq_ignore_ascii_case(domain)
}

/// What stands before an IPv4 address.
fn before_address(name: &str) -> Option<&str> {
    let mut parts = name.rsplitn(5, '.');
    let labels: Vec<&str> = parts.by_ref().take(4).collect();
    if labels.len() < 4 || !labels.iter().all(|label| label.parse::<u8>().is_ok()) {
        return None;
    }
    parts.next()
}

/// What stands before `s3`, `s3.region`, `s3-region` or `s3.dualstack.region`; all of it where there is none.
fn without_service(before: &str) -> Option<&str> {
    let labels: Vec<&str> = before.split('.').collect();
    let service = labels
        .iter()
        .rposition(|label| is_service(label))
        .filter(|index| labels[index + 1..].iter().all(|label| *label == "dualstack" || is_region(label)));
    let Some(index) = service else { return Some(before) };
    let len: usize = labels[..index].iter().map(|label| label.len() + 1).sum();
    before.get(..len.checked_sub(1)?).filter(|bucket| !bucket.is_empty())
}

/// A bucket's name is longer than `s3`, and one that begins with `s3-` and a region is nobody's.
fn is_service(label: &str) -> bool {
    label == "s3" || label.strip_prefix("s3-").is_some_and(is_region)
}

fn is_region(label: &str) -> bool {
    label.matches('-').count() >= 2 && label.ends_with(|last: char| last.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_read_from_the_host() {
        for (host, bucket) in [
            ("bucket.localhost:4566", Some("bucket")),
            ("my.dotted.bucket.localhost", Some("my.dotted.bucket")),
            ("bucket.s3.us-east-1.amazonaws.com", Some("bucket")),
            ("bucket.s3.amazonaws.com:443", Some("bucket")),
            ("bucket.s3-eu-west-1.amazonaws.com", Some("bucket")),
            ("bucket.s3.dualstack.us-east-1.amazonaws.com", Some("bucket")),
            ("bucket.s3.localhost.localstack.cloud:4566", Some("bucket")),
            (
                "cdk-hnb659fds-assets-000000000000-us-east-1.localhost:4566",
                Some("cdk-hnb659fds-assets-000000000000-us-east-1"),
            ),
            ("bucket.127.0.0.1:4566", Some("bucket")),
            ("a.b.127.0.0.1", Some("a.b")),
            ("127.0.0.1:4566", None),
            ("localhost:4566", None),
            ("s3.localhost:4566", None),
            ("s3.us-east-1.amazonaws.com", None),
            ("s3.localhost.localstack.cloud:4566", None),
            ("sqs.us-east-1.amazonaws.com", None),
            ("example.com", None),
            ("élocalhost", None),
            ("", None),
        ] {
            assert_eq!(bucket_of(host), bucket, "{host}");
        }
    }
}
