//! Digests of what is stored: MD5 for the ETag, and one checksum of the algorithm that the client chose or AWS chooses.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
use s3s::dto;
use s3s::{S3Error, S3ErrorCode, S3Result};
use serde::{Deserialize, Serialize};

/// A checksum algorithm of S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

impl Algorithm {
    pub const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// As `x-amz-sdk-checksum-algorithm` and answers name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The header and trailer that carry it.
    pub const fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// The algorithm of that name.
    ///
    /// # Errors
    /// `InvalidRequest` when S3 has none of that name.
    pub fn of_name(name: &str) -> S3Result<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name)).ok_or_else(|| {
            S3Error::with_message(
                S3ErrorCode::InvalidRequest,
                "Checksum algorithm provided is unsupported. Please try again with any of the valid types: \
                 [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]",
            )
        })
    }

    /// Bytes of its value.
    const fn len(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// Whether the checksum of a whole can be had from the checksums of its parts.
    pub const fn combines(self) -> bool {
        matches!(self, Self::Crc32 | Self::Crc32c | Self::Crc64Nvme)
    }

    const fn crc(self) -> Option<crc_fast::CrcAlgorithm> {
        match self {
            Self::Crc32 => Some(crc_fast::CrcAlgorithm::Crc32IsoHdlc),
            Self::Crc32c => Some(crc_fast::CrcAlgorithm::Crc32Iscsi),
            Self::Crc64Nvme => Some(crc_fast::CrcAlgorithm::Crc64Nvme),
            Self::Sha1 | Self::Sha256 => None,
        }
    }
}

/// A checksum that is kept with an object or part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksum {
    pub algorithm: Algorithm,
    /// Base64, with `-N` when it is the checksum of N parts' checksums.
    pub value: Box<str>,
}

impl Checksum {
    /// Whether it is over parts' checksums rather than over the bytes.
    pub fn is_composite(&self) -> bool {
        self.value.contains('-')
    }

    /// `FULL_OBJECT` or `COMPOSITE`.
    pub fn kind(&self) -> dto::ChecksumType {
        let kind = if self.is_composite() { dto::ChecksumType::COMPOSITE } else { dto::ChecksumType::FULL_OBJECT };
        dto::ChecksumType::from_static(kind)
    }

    fn bytes(&self) -> Vec<u8> {
        STANDARD.decode(self.value.as_bytes()).unwrap_or_default()
    }
}

/// Computes MD5 and one checksum in one pass.
pub struct Digests {
    md5: Md5,
    algorithm: Algorithm,
    hasher: ChecksumHasher,
    len: u64,
}

/// What [`Digests`] found.
#[derive(Debug, Clone)]
pub struct Digested {
    pub md5: [u8; 16],
    pub checksum: Checksum,
    pub len: u64,
}

impl Digests {
    pub fn new(algorithm: Algorithm) -> Self {
        let mut hasher = ChecksumHasher::default();
        match algorithm {
            Algorithm::Crc32 => hasher.crc32 = Some(Crc32::new()),
            Algorithm::Crc32c => hasher.crc32c = Some(Crc32c::new()),
            Algorithm::Crc64Nvme => hasher.crc64nvme = Some(Crc64Nvme::new()),
            Algorithm::Sha1 => hasher.sha1 = Some(Sha1::new()),
            Algorithm::Sha256 => hasher.sha256 = Some(Sha256::new()),
        }
        Self { md5: Md5::new(), algorithm, hasher, len: 0 }
    }

    pub fn update(&mut self, data: &[u8]) {
        self.md5.update(data);
        self.hasher.update(data);
        self.len += data.len() as u64;
    }

    pub fn finish(self) -> Digested {
        let sums = self.hasher.finalize();
        let value = [
            sums.checksum_crc32,
            sums.checksum_crc32c,
            sums.checksum_crc64nvme,
            sums.checksum_sha1,
            sums.checksum_sha256,
        ]
        .into_iter()
        .flatten()
        .next()
        .unwrap_or_default();
        Digested {
            md5: self.md5.finalize().into(),
            checksum: Checksum { algorithm: self.algorithm, value: value.into() },
            len: self.len,
        }
    }
}

/// The checksum of a whole made of parts: over the bytes where `full` is asked for, else over the parts' checksums.
pub fn of_parts<'a>(algorithm: Algorithm, full: bool, parts: impl Iterator<Item = (&'a Checksum, u64)>) -> Checksum {
    if let Some(crc) = algorithm.crc().filter(|_| full) {
        let mut whole: Option<u64> = None;
        for (part, len) in parts {
            let value = part.bytes().iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
            whole = Some(whole.map_or(value, |before| crc_fast::checksum_combine(crc, before, value, len)));
        }
        let bytes = whole.unwrap_or_default().to_be_bytes();
        let value = STANDARD.encode(&bytes[bytes.len() - algorithm.len()..]);
        return Checksum { algorithm, value: value.into() };
    }
    let mut digests = Digests::new(algorithm);
    let mut count = 0_u32;
    for (part, _) in parts {
        digests.update(&part.bytes());
        count += 1;
    }
    let inner = digests.finish().checksum.value;
    Checksum { algorithm, value: format!("{inner}-{count}").into() }
}

/// What a client says that the bytes should digest to.
#[derive(Debug, Clone, Default)]
pub struct Claim {
    /// The algorithm that it named, with or without a value.
    pub algorithm: Option<Algorithm>,
    /// The base64 value, where it came in a header.
    pub value: Option<String>,
    /// `Content-MD5`, base64.
    pub md5: Option<String>,
}

impl Claim {
    /// The algorithm to compute: the client's, or the one that AWS takes when it names none.
    pub fn algorithm_or_default(&self) -> Algorithm {
        self.algorithm.unwrap_or(Algorithm::Crc64Nvme)
    }

    /// Refuses values that no digest can have.
    ///
    /// # Errors
    /// `InvalidDigest` or `InvalidRequest`.
    pub fn check_form(&self) -> S3Result<()> {
        if let Some(md5) = &self.md5
            && STANDARD.decode(md5).map_or(0, |bytes| bytes.len()) != 16
        {
            return Err(S3Error::with_message(
                S3ErrorCode::InvalidDigest,
                "The Content-MD5 you specified was invalid.",
            ));
        }
        match (self.algorithm, &self.value) {
            (Some(algorithm), Some(value)) => check_value(algorithm, value),
            _ => Ok(()),
        }
    }

    /// Compares with what was received; `trailer` is the value that came after the body.
    ///
    /// # Errors
    /// `BadDigest`, or `InvalidRequest` for a trailer that no checksum can have.
    pub fn verify(&self, found: &Digested, trailer: Option<&str>) -> S3Result<()> {
        if let Some(md5) = &self.md5
            && *md5 != STANDARD.encode(found.md5)
        {
            return Err(S3Error::with_message(
                S3ErrorCode::BadDigest,
                "The Content-MD5 you specified did not match what we received.",
            ));
        }
        let Some(value) = self.value.as_deref().or(trailer) else { return Ok(()) };
        check_value(found.checksum.algorithm, value)?;
        if *value != *found.checksum.value {
            let name = found.checksum.algorithm.name();
            return Err(S3Error::with_message(
                S3ErrorCode::BadDigest,
                format!("The {name} you specified did not match the calculated checksum."),
            ));
        }
        Ok(())
    }
}

fn check_value(algorithm: Algorithm, value: &str) -> S3Result<()> {
    if STANDARD.decode(value).is_ok_and(|bytes| bytes.len() == algorithm.len()) {
        return Ok(());
    }
    Err(S3Error::with_message(
        S3ErrorCode::InvalidRequest,
        format!("Value for {} header is invalid.", algorithm.header()),
    ))
}

/// Reads the claim out of an input's five checksum members and its algorithm.
macro_rules! s3_claim {
    ($input:expr, $algorithm:expr, $md5:expr) => {{
        use $crate::emulator::services::s3::checksum::Algorithm;
        let given = [
            (Algorithm::Crc32, $input.checksum_crc32.take()),
            (Algorithm::Crc32c, $input.checksum_crc32c.take()),
            (Algorithm::Crc64Nvme, $input.checksum_crc64nvme.take()),
            (Algorithm::Sha1, $input.checksum_sha1.take()),
            (Algorithm::Sha256, $input.checksum_sha256.take()),
        ];
        let given = given.into_iter().find_map(|(algorithm, value)| value.map(|value| (algorithm, value)));
        let named = $algorithm.map(|name| Algorithm::of_name(name.as_str())).transpose()?;
        let (algorithm, value) = given.map_or((named, None), |(algorithm, value)| (Some(algorithm), Some(value)));
        $crate::emulator::services::s3::checksum::Claim { algorithm, value, md5: $md5 }
    }};
}
pub(super) use s3_claim;

/// Writes a checksum into an answer's member for its algorithm.
macro_rules! s3_set_checksum {
    ($output:expr, $checksum:expr) => {{
        use $crate::emulator::services::s3::checksum::Algorithm;
        let value = Some($checksum.value.to_string());
        match $checksum.algorithm {
            Algorithm::Crc32 => $output.checksum_crc32 = value,
            Algorithm::Crc32c => $output.checksum_crc32c = value,
            Algorithm::Crc64Nvme => $output.checksum_crc64nvme = value,
            Algorithm::Sha1 => $output.checksum_sha1 = value,
            Algorithm::Sha256 => $output.checksum_sha256 = value,
        }
    }};
}
pub(super) use s3_set_checksum;

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(algorithm: Algorithm, data: &[u8]) -> Digested {
        let mut digests = Digests::new(algorithm);
        digests.update(data);
        digests.finish()
    }

    #[test]
    fn known_values_come_out() {
        let data = b"123456789";
        let expected = [
            (Algorithm::Crc32, "y/Q5Jg=="),
            (Algorithm::Crc32c, "4waSgw=="),
            (Algorithm::Crc64Nvme, "rosUhgp5mIg="),
            (Algorithm::Sha1, "98O8HYCOBHMq32eZZczDTKeuNEE="),
            (Algorithm::Sha256, "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="),
        ];
        for (algorithm, value) in expected {
            assert_eq!(&*digest(algorithm, data).checksum.value, value, "{algorithm:?}");
        }
    }

    #[test]
    fn the_checksum_of_parts_is_that_of_the_whole_where_crcs_combine() {
        let data: Vec<u8> = (0..100_000_u32).map(|n| n.to_le_bytes()[n as usize % 3]).collect();
        for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
            let parts: Vec<Digested> = data.chunks(33_333).map(|part| digest(algorithm, part)).collect();
            let whole = of_parts(algorithm, true, parts.iter().map(|part| (&part.checksum, part.len)));
            assert_eq!(whole, digest(algorithm, &data).checksum);
            let composite = of_parts(algorithm, false, parts.iter().map(|part| (&part.checksum, part.len)));
            assert!(composite.is_composite() && composite.value.ends_with("-4"), "{composite:?}");
        }
    }

    #[test]
    fn a_claim_that_does_not_hold_is_refused() {
        let found = digest(Algorithm::Crc32, b"123456789");
        let claim = |value: &str| Claim { algorithm: Some(Algorithm::Crc32), value: Some(value.into()), md5: None };
        assert!(claim("y/Q5Jg==").verify(&found, None).is_ok());
        assert_eq!(claim("AAAAAA==").verify(&found, None).expect_err("refused").code(), &S3ErrorCode::BadDigest);
        assert_eq!(claim("AAA=").check_form().expect_err("refused").code(), &S3ErrorCode::InvalidRequest);
        assert!(Claim::default().verify(&found, Some("AAAAAA==")).is_err());
    }
}
