//! Signature version 4: of a request's headers, of a presigned URL, and of the chunks of a body.
//!
//! A signature is compared when the endpoint knows the secret of its access key: `test`, which every process that the
//! endpoint starts is given, and the keys that `AssumeRole` has handed out. Any other key is a secret that a user has
//! configured for something else; it is let in, unless the endpoint is told to be strict. Version 2 is not compared.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use s3s::{S3Error, S3ErrorCode};
use sha2::{Digest, Sha256};

use super::wire::{CONTENT_SHA256, signing_moment, text};
use crate::emulator::Fabric;
use crate::model::Timestamp;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// What signing leaves as it is in a query, and, with the slash, in a path.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const PATH: &AsciiSet = &QUERY.remove(b'/');
/// How far a client's clock may be off, in seconds of real time.
const SKEW: i64 = 15 * 60;

type Key = [u8; 32];

fn mac(key: &[u8], data: &[u8]) -> Key {
    // A key of any length is taken.
    match Hmac::<Sha256>::new_from_slice(key) {
        Ok(mut mac) => {
            mac.update(data);
            mac.finalize().into_bytes().into()
        }
        Err(_) => Key::default(),
    }
}

fn digest(data: &[u8]) -> String {
    hex::encode(Sha256::digest(data))
}

/// Checks signatures; keeps the signing key of the day.
pub struct Verifier {
    fabric: Fabric,
    strict: bool,
    signing_key: Mutex<Option<(String, Key)>>,
}

/// What signs a body chunk by chunk.
#[derive(Clone)]
pub struct ChunkSigner {
    key: Key,
    /// Moment and scope, each with the end of its line.
    about: Arc<str>,
    previous: String,
}

impl std::fmt::Debug for ChunkSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ChunkSigner")
    }
}

impl ChunkSigner {
    /// Whether that is the signature of the next chunk, of which `hash` is the digest.
    pub fn chunk(&mut self, hash: &str, signature: &str) -> bool {
        let signed = format!("AWS4-HMAC-SHA256-PAYLOAD\n{}{}\n{}\n{hash}", self.about, self.previous, digest(b""));
        self.next(&signed, signature)
    }

    /// Whether that is the signature of the trailers.
    pub fn trailers(&mut self, trailers: &HeaderMap, signature: &str) -> bool {
        let mut canonical = String::new();
        for (name, value) in trailers.iter().filter(|(name, _)| *name != "x-amz-trailer-signature") {
            canonical.push_str(&format!("{name}:{}\n", value.to_str().unwrap_or_default()));
        }
        let hash = digest(canonical.as_bytes());
        let signed = format!("AWS4-HMAC-SHA256-TRAILER\n{}{}\n{hash}", self.about, self.previous);
        self.next(&signed, signature)
    }

    fn next(&mut self, signed: &str, signature: &str) -> bool {
        self.previous = hex::encode(mac(&self.key, signed.as_bytes()));
        self.previous == signature
    }
}

/// What a request says of its signature.
struct Claim {
    access_key: String,
    date: String,
    region: String,
    service: String,
    headers: Vec<String>,
    signature: String,
    moment: String,
    presigned: bool,
}

fn malformed(problem: &str) -> S3Error {
    let message = format!("The authorization header is malformed; {problem}");
    let mut error = S3Error::with_message(S3ErrorCode::AuthorizationHeaderMalformed, message);
    error.set_status_code(StatusCode::BAD_REQUEST);
    error
}

fn forbidden(code: S3ErrorCode, message: &str) -> S3Error {
    let mut error = S3Error::with_message(code, message.to_owned());
    error.set_status_code(StatusCode::FORBIDDEN);
    error
}

/// A body or request whose signature is another one.
pub fn does_not_match() -> S3Error {
    forbidden(
        S3ErrorCode::SignatureDoesNotMatch,
        "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
    )
}

impl Claim {
    /// `None` for an anonymous request and for version 2.
    fn read(parts: &Parts) -> Result<Option<Self>, S3Error> {
        let query = parts.uri.query().unwrap_or_default();
        let of_query =
            |name: &str| pairs(query).find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        let header = text(&parts.headers, "authorization").and_then(|text| text.strip_prefix(ALGORITHM));
        let (credential, headers, signature, moment, presigned) = if let Some(header) = header {
            let part = |name: &str| {
                let parts = header.split(',').map(str::trim);
                parts
                    .filter_map(|part| part.split_once('='))
                    .find(|(known, _)| *known == name)
                    .map(|(_, v)| v.to_owned())
            };
            let missing = |name: &str| malformed(&format!("the {name} is missing."));
            let moment = text(&parts.headers, "x-amz-date").unwrap_or_default();
            (
                part("Credential").ok_or_else(|| missing("Credential"))?,
                part("SignedHeaders").ok_or_else(|| missing("SignedHeaders"))?,
                part("Signature").ok_or_else(|| missing("Signature"))?,
                moment.to_owned(),
                false,
            )
        } else if let Some(signature) = of_query("X-Amz-Signature") {
            let part = |name: &str| of_query(name).unwrap_or_default();
            (part("X-Amz-Credential"), part("X-Amz-SignedHeaders"), signature, part("X-Amz-Date"), true)
        } else {
            return Ok(None);
        };
        let mut scope = credential.rsplitn(5, '/');
        let mut next = || scope.next().unwrap_or_default().to_owned();
        let (end, service, region, date, access_key) = (next(), next(), next(), next(), next());
        if end != "aws4_request" || access_key.is_empty() {
            let problem =
                "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".";
            return Err(malformed(problem));
        }
        let headers = headers.split(';').map(str::to_ascii_lowercase).collect();
        Ok(Some(Self { access_key, date, region, service, headers, signature, moment, presigned }))
    }

    fn scope(&self) -> String {
        format!("{}/{}/{}/aws4_request", self.date, self.region, self.service)
    }

    fn canonical(&self, parts: &Parts) -> String {
        let decoded = percent_decode_str(parts.uri.path()).collect::<Vec<u8>>();
        let path = percent_encoding::percent_encode(&decoded, PATH);
        let encoded = |text: &str| utf8_percent_encode(text, QUERY).to_string();
        let mut query: Vec<(String, String)> = pairs(parts.uri.query().unwrap_or_default())
            .filter(|(name, _)| !(self.presigned && name.eq_ignore_ascii_case("X-Amz-Signature")))
            .map(|(name, value)| (encoded(&name), encoded(&value)))
            .collect();
        query.sort();
        let query: Vec<String> = query.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut headers = String::new();
        for name in self.headers.iter().collect::<BTreeSet<_>>() {
            let values = parts.headers.get_all(name.as_str()).iter();
            let values: Vec<String> = values.map(|value| spaced(&String::from_utf8_lossy(value.as_bytes()))).collect();
            headers.push_str(&format!("{name}:{}\n", values.join(",")));
        }
        let hash = text(&parts.headers, CONTENT_SHA256).map(str::to_owned).or_else(|| {
            let query = parts.uri.query().unwrap_or_default();
            pairs(query).find(|(name, _)| name.eq_ignore_ascii_case(CONTENT_SHA256)).map(|(_, value)| value)
        });
        let hash = hash.unwrap_or_else(|| "UNSIGNED-PAYLOAD".to_owned());
        let names = self.headers.join(";");
        format!("{}\n{path}\n{}\n{headers}\n{names}\n{hash}", parts.method, query.join("&"))
    }
}

/// A header's value with one space where there were several.
fn spaced(value: &str) -> String {
    value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    let decoded = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    };
    query.split('&').filter(|pair| !pair.is_empty()).map(move |pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}

impl Verifier {
    /// A verifier; strict when `VAULTSCOPE_STRICT_AUTH` is `1`.
    pub fn new(fabric: Fabric) -> Self {
        let strict = std::env::var("VAULTSCOPE_STRICT_AUTH").is_ok_and(|value| value == "1");
        Self { fabric, strict, signing_key: Mutex::default() }
    }

    /// Compares a request's signature, where its key is known; `now` is real time, with which clients sign.
    ///
    /// # Errors
    /// In AWS's words: another signature, a key that there is not, a clock that is off.
    pub fn check(&self, parts: &Parts, now: Timestamp) -> Result<Option<ChunkSigner>, S3Error> {
        let has_v2 = || {
            text(&parts.headers, "authorization").is_some_and(|text| text.starts_with("AWS "))
                || parts.uri.query().is_some_and(|query| query.contains("AWSAccessKeyId="))
        };
        let Some(claim) = Claim::read(parts)? else {
            if self.strict && !has_v2() {
                return Err(forbidden(S3ErrorCode::AccessDenied, "Access Denied"));
            }
            return Ok(None);
        };
        let Some(secret) = self.fabric.secret(&claim.access_key) else {
            if self.strict {
                let message = "The AWS Access Key Id you provided does not exist in our records.";
                return Err(forbidden(S3ErrorCode::InvalidAccessKeyId, message));
            }
            return Ok(None);
        };
        let signed = signing_moment(&claim.moment).ok_or_else(|| {
            forbidden(S3ErrorCode::AccessDenied, "AWS authentication requires a valid Date or x-amz-date header")
        })?;
        if !claim.presigned && (now.secs() - signed.secs()).abs() > SKEW {
            let message = "The difference between the request time and the current time is too large.";
            return Err(forbidden(S3ErrorCode::RequestTimeTooSkewed, message));
        }
        if !claim.moment.starts_with(&claim.date) {
            return Err(malformed("the date of the Credential is not that of the request."));
        }
        let key = self.signing_key(&secret, &claim);
        let about = format!("{}\n{}\n", claim.moment, claim.scope());
        let to_sign = format!("{ALGORITHM}\n{about}{}", digest(claim.canonical(parts).as_bytes()));
        if hex::encode(mac(&key, to_sign.as_bytes())) != claim.signature {
            return Err(does_not_match());
        }
        let is_chunked =
            text(&parts.headers, CONTENT_SHA256).is_some_and(|hash| hash.starts_with("STREAMING-AWS4-HMAC"));
        Ok(is_chunked.then(|| ChunkSigner { key, about: about.into(), previous: claim.signature }))
    }

    fn signing_key(&self, secret: &str, claim: &Claim) -> Key {
        let name = format!("{secret}\n{}", claim.scope());
        let mut kept = self.signing_key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, key)) = &*kept
            && *known == name
        {
            return *key;
        }
        let parts = [&claim.date, &claim.region, &claim.service];
        let day =
            parts.iter().fold(format!("AWS4{secret}").into_bytes(), |key, part| mac(&key, part.as_bytes()).to_vec());
        let key = mac(&day, b"aws4_request");
        *kept = Some((name, key));
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::emulator::Identity;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    const KEY: &str = "AKIAIOSFODNN7EXAMPLE";

    /// The examples of the S3 API reference: GET with a range, PUT with odd characters, a presigned GET.
    fn verifier(secret: &str) -> Verifier {
        let fabric = Fabric::new(Clock::default(), Identity::default(), 1);
        fabric.issue(KEY, secret);
        Verifier { fabric, strict: false, signing_key: Mutex::default() }
    }

    fn parts(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request =
            http::Request::builder().method(method).uri(uri).header("host", "examplebucket.s3.amazonaws.com");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).expect("a request").into_parts().0
    }

    fn moment() -> Timestamp {
        Timestamp::parse_rfc3339("2013-05-24T00:00:10Z").expect("a moment")
    }

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn get(signature: &str) -> Parts {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={KEY}/20130524/us-east-1/s3/aws4_request,SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature={signature}"
        );
        let headers = [
            ("authorization", authorization.as_str()),
            ("range", "bytes=0-9"),
            ("x-amz-content-sha256", EMPTY),
            ("x-amz-date", "20130524T000000Z"),
        ];
        parts("GET", "/test.txt", &headers)
    }

    const GOOD: &str = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";

    #[test]
    fn the_examples_of_the_reference_are_accepted() {
        verifier(SECRET).check(&get(GOOD), moment()).expect("a good signature");
        let put = parts(
            "PUT",
            "/test%24file.text",
            &[
                (
                    "authorization",
                    &format!(
                        "AWS4-HMAC-SHA256 Credential={KEY}/20130524/us-east-1/s3/aws4_request,SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
                    ),
                ),
                ("date", "Fri, 24 May 2013 00:00:00 GMT"),
                ("x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"),
                ("x-amz-date", "20130524T000000Z"),
                ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ],
        );
        verifier(SECRET).check(&put, moment()).expect("a good signature");
        let list = |signature: &str| {
            parts(
                "GET",
                &format!(
                    "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={KEY}%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature={signature}"
                ),
                &[],
            )
        };
        let presigned = list("aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
        verifier(SECRET).check(&presigned, moment()).expect("a good signature");
        let forged = verifier(SECRET).check(&list("00"), moment()).expect_err("a bad signature");
        assert_eq!(forged.code(), &S3ErrorCode::SignatureDoesNotMatch);
    }

    #[test]
    fn other_secrets_and_clocks_are_refused_and_unknown_keys_let_in() {
        let refused = verifier("other").check(&get(GOOD), moment()).expect_err("another secret");
        assert_eq!(refused.code(), &S3ErrorCode::SignatureDoesNotMatch);
        let late = moment() + std::time::Duration::from_secs(16 * 60);
        let skewed = verifier(SECRET).check(&get(GOOD), late).expect_err("a clock that is off");
        assert_eq!(skewed.code(), &S3ErrorCode::RequestTimeTooSkewed);
        let fabric = Fabric::new(Clock::default(), Identity::default(), 1);
        let mut unknown = Verifier { fabric, strict: false, signing_key: Mutex::default() };
        unknown.check(&get("00"), late).expect("an unknown key is let in");
        unknown.strict = true;
        let refused = unknown.check(&get(GOOD), moment()).expect_err("strict");
        assert_eq!(refused.code(), &S3ErrorCode::InvalidAccessKeyId);
        let anonymous = unknown.check(&parts("GET", "/k", &[]), moment()).expect_err("strict");
        assert_eq!(anonymous.code(), &S3ErrorCode::AccessDenied);
    }

    #[test]
    fn the_chunks_of_the_reference_are_accepted_in_their_order() {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={KEY}/20130524/us-east-1/s3/aws4_request,SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class,Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
        );
        let mut put = parts(
            "PUT",
            "/examplebucket/chunkObject.txt",
            &[
                ("authorization", authorization.as_str()),
                ("content-encoding", "aws-chunked"),
                ("content-length", "66824"),
                ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
                ("x-amz-date", "20130524T000000Z"),
                ("x-amz-decoded-content-length", "66560"),
                ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ],
        );
        put.headers.insert("host", "s3.amazonaws.com".parse().expect("a host"));
        let signer = verifier(SECRET).check(&put, moment()).expect("a good signature").expect("chunks");
        let chunks = [
            (65_536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
            (1_024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
            (0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
        ];
        let mut in_order = signer.clone();
        for (size, signature) in chunks {
            assert!(in_order.chunk(&digest(&vec![b'a'; size]), signature), "{size}");
        }
        assert!(!signer.clone().chunk(&digest(&vec![b'a'; 1_024]), chunks[1].1));
    }
}
