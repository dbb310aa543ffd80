//! The functions' artefact: a zip that holds the executable `bootstrap`, in a bucket of our own, named by its content.
//!
//! Where the target runs on this machine, `bootstrap` is a script that execs the running executable, so that nothing
//! has to be built for it. AWS gets the real one.

use std::io::{Cursor, Write};
use std::path::Path;

use aws_sdk_s3::types::{
    BucketLocationConstraint, CreateBucketConfiguration, PublicAccessBlockConfiguration, Tag, Tagging,
};
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::error::DeployError;
use crate::aws::{Account, Clients, Kind, Problem, upload_timeouts};

/// The subcommand of our own executable that serves a function.
pub const SERVE_FUNCTION: &str = "serve-function";

/// The tag by which a bucket is known as ours.
const OWNER_TAG: (&str, &str) = ("vaultscope", "artefacts");

/// Where an artefact stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
}

/// A zip that holds `bootstrap`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artefact {
    bytes: Vec<u8>,
    digest: String,
}

impl Artefact {
    /// The artefact whose `bootstrap` execs `executable` of this machine.
    ///
    /// # Errors
    /// When the executable is not there any more, as after a rebuild.
    pub fn of_running(executable: &Path) -> Result<Self, DeployError> {
        let problem = match executable.to_str() {
            None => Some("its path is no UTF-8"),
            Some(_) if !executable.is_file() => Some("it has gone since it was started"),
            Some(_) => None,
        };
        if let Some(problem) = problem {
            return Err(DeployError::Executable { path: executable.to_owned(), problem: problem.to_owned() });
        }
        Self::pack(script(&executable.to_string_lossy()).as_bytes())
    }

    /// The artefact of an executable that was built for Amazon Linux.
    ///
    /// # Errors
    /// When the file cannot be read or is no Linux executable.
    pub async fn of_file(path: &Path) -> Result<Self, DeployError> {
        let refuse = |problem: String| DeployError::Executable { path: path.to_owned(), problem };
        let bytes = tokio::fs::read(path).await.map_err(|error| refuse(error.to_string()))?;
        if !bytes.starts_with(b"\x7fELF") && !bytes.starts_with(b"#!") {
            return Err(refuse("it is neither a Linux executable nor a script".to_owned()));
        }
        tokio::task::spawn_blocking(move || Self::pack(&bytes))
            .await
            .map_err(|error| DeployError::Pack(error.to_string()))?
    }

    fn pack(bootstrap: &[u8]) -> Result<Self, DeployError> {
        let bytes = zip_of(bootstrap).map_err(|error| DeployError::Pack(error.to_string()))?;
        let digest = hex::encode(Sha256::digest(&bytes));
        Ok(Self { bytes, digest })
    }

    /// Where it stands once uploaded: the same content has the same key.
    #[must_use]
    pub fn location(&self, account: &Account, region: &str) -> Location {
        Location {
            bucket: format!("vaultscope-artefacts-{}-{region}", account.id),
            key: format!("functions/{}.zip", self.digest),
        }
    }

    /// Uploads it where it is missing, into a bucket that is made where it is missing.
    ///
    /// # Errors
    /// When the bucket belongs to somebody else or a call fails.
    pub async fn upload(&self, clients: &Clients, account: &Account) -> Result<Location, DeployError> {
        let location = self.location(account, &clients.region);
        ensure_bucket(clients, &location.bucket).await?;
        let there = clients.s3.head_object().bucket(&location.bucket).key(&location.key).send().await;
        match there {
            Ok(_) => return Ok(location),
            Err(error) => match Problem::of("s3 HeadObject", &error) {
                problem if problem.kind == Kind::NotFound => {}
                problem => return Err(problem.into()),
            },
        }
        clients
            .s3
            .put_object()
            .bucket(&location.bucket)
            .key(&location.key)
            .content_type("application/zip")
            .body(self.bytes.clone().into())
            .customize()
            .config_override(aws_sdk_s3::config::Builder::new().timeout_config(upload_timeouts()))
            .send()
            .await
            .map_err(|error| Problem::of("s3 PutObject", &error))?;
        Ok(location)
    }
}

/// Two lines, quoted so that any path survives.
fn script(executable: &str) -> String {
    format!("#!/bin/sh\nexec '{}' {SERVE_FUNCTION}\n", executable.replace('\'', r"'\''"))
}

fn zip_of(bootstrap: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o755);
    zip.start_file("bootstrap", options)?;
    zip.write_all(bootstrap)?;
    Ok(zip.finish()?.into_inner())
}

async fn ensure_bucket(clients: &Clients, bucket: &str) -> Result<(), DeployError> {
    match clients.s3.head_bucket().bucket(bucket).send().await {
        Ok(_) => return Ok(()),
        Err(error) => match Problem::of("s3 HeadBucket", &error) {
            problem if problem.kind == Kind::NotFound => {}
            _ if error.raw_response().is_some_and(|answer| answer.status().as_u16() == 403) => {
                return Err(DeployError::ForeignBucket { bucket: bucket.to_owned() });
            }
            problem => return Err(problem.into()),
        },
    }
    let mut create = clients.s3.create_bucket().bucket(bucket);
    if clients.region != "us-east-1" {
        let constraint = BucketLocationConstraint::from(clients.region.as_str());
        create = create
            .create_bucket_configuration(CreateBucketConfiguration::builder().location_constraint(constraint).build());
    }
    match create.send().await.map_err(|error| Problem::of("s3 CreateBucket", &error)) {
        Ok(_) => {}
        Err(problem) if problem.is(&["BucketAlreadyOwnedByYou"]) => return Ok(()),
        Err(problem) if problem.is(&["BucketAlreadyExists"]) => {
            return Err(DeployError::ForeignBucket { bucket: bucket.to_owned() });
        }
        Err(problem) => return Err(problem.into()),
    }
    let (key, value) = OWNER_TAG;
    let tag = Tag::builder().key(key).value(value).build().map_err(|error| DeployError::Pack(error.to_string()))?;
    let tagging = Tagging::builder().tag_set(tag).build().map_err(|error| DeployError::Pack(error.to_string()))?;
    let tagged = clients.s3.put_bucket_tagging().bucket(bucket).tagging(tagging).send().await;
    unless_unsupported(tagged.map_err(|error| Problem::of("s3 PutBucketTagging", &error)))?;
    let block = PublicAccessBlockConfiguration::builder()
        .block_public_acls(true)
        .block_public_policy(true)
        .ignore_public_acls(true)
        .restrict_public_buckets(true)
        .build();
    let blocked =
        clients.s3.put_public_access_block().bucket(bucket).public_access_block_configuration(block).send().await;
    unless_unsupported(blocked.map_err(|error| Problem::of("s3 PutPublicAccessBlock", &error)))
}

/// Endpoints that lack an operation of no consequence to them may go without it.
fn unless_unsupported<T>(answer: Result<T, Problem>) -> Result<(), DeployError> {
    match answer {
        Err(problem) if problem.kind != Kind::Unsupported => Err(problem.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn account() -> Account {
        Account { id: "123456789012".to_owned(), arn: "arn:aws:iam::123456789012:root".to_owned() }
    }

    #[test]
    fn the_zip_holds_an_executable_bootstrap_and_is_the_same_each_time() {
        let artefact = Artefact::pack(b"#!/bin/sh\n").expect("a zip");
        assert_eq!(artefact, Artefact::pack(b"#!/bin/sh\n").expect("a zip"));
        let mut zip = zip::ZipArchive::new(Cursor::new(&artefact.bytes)).expect("a readable zip");
        let mut file = zip.by_name("bootstrap").expect("a bootstrap");
        assert_eq!(file.unix_mode().map(|mode| mode & 0o777), Some(0o755));
        let mut text = String::new();
        file.read_to_string(&mut text).expect("readable");
        assert_eq!(text, "#!/bin/sh\n");
    }

    #[test]
    fn other_content_has_another_key() {
        let key = |text: &[u8]| Artefact::pack(text).expect("a zip").location(&account(), "eu-west-1");
        assert_eq!(key(b"a"), key(b"a"));
        assert_ne!(key(b"a"), key(b"b"));
        assert_eq!(key(b"a").bucket, "vaultscope-artefacts-123456789012-eu-west-1");
        assert!(key(b"a").key.starts_with("functions/"));
    }

    #[test]
    fn any_path_survives_the_script() {
        assert_eq!(script("/a b/it's"), "#!/bin/sh\nexec '/a b/it'\\''s' serve-function\n");
        let answer = std::process::Command::new("/bin/sh")
            .arg("-c")
            .arg(script("/bin/echo"))
            .output()
            .expect("a shell runs the script");
        assert_eq!(String::from_utf8_lossy(&answer.stdout), "serve-function\n");
    }

    #[test]
    fn an_executable_that_has_gone_is_named() {
        let refused = Artefact::of_running(Path::new("/nowhere/vaultscope")).expect_err("refused").to_string();
        assert!(refused.contains("/nowhere/vaultscope"), "{refused}");
    }
}
