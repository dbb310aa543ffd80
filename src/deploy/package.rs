//! The functions' artefact: a zip that holds the executable `bootstrap`, named by its content.
//!
//! Where the target runs on this machine, `bootstrap` is a script that execs the running executable, so that nothing
//! has to be built for it. AWS gets the real one.

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::error::DeployError;
use super::executable::{Executable, Host};

/// The subcommand of our own executable that serves a function.
pub const SERVE_FUNCTION: &str = "serve-function";

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
    bytes: bytes::Bytes,
    digest: String,
}

impl Artefact {
    /// The artefact whose `bootstrap` execs `executable` of this machine; `endpoint` is what the functions call where
    /// the one who starts them does not say.
    ///
    /// # Errors
    /// When the executable is not there any more, as after a rebuild.
    pub fn of_running(executable: &Path, endpoint: Option<&str>) -> Result<Self, DeployError> {
        let problem = match executable.to_str() {
            None => Some("its path is no UTF-8"),
            Some(_) if !executable.is_file() => Some("it has gone since it was started"),
            Some(_) => None,
        };
        if let Some(problem) = problem {
            return Err(DeployError::Executable { path: executable.to_owned(), problem: problem.to_owned() });
        }
        Self::pack(script(&executable.to_string_lossy(), endpoint).as_bytes())
    }

    /// The artefact of an executable that was read before.
    ///
    /// # Errors
    /// When it cannot be packed.
    pub async fn of_bootstrap(bootstrap: &Bootstrap) -> Result<Self, DeployError> {
        let bytes = bootstrap.bytes.clone();
        tokio::task::spawn_blocking(move || Self::pack(&bytes))
            .await
            .map_err(|error| DeployError::Pack(error.to_string()))?
    }

    fn pack(bootstrap: &[u8]) -> Result<Self, DeployError> {
        let bytes = zip_of(bootstrap).map_err(|error| DeployError::Pack(error.to_string()))?;
        let digest = hex::encode(Sha256::digest(&bytes));
        Ok(Self { bytes: bytes.into(), digest })
    }

    /// Its key: the same content has the same key.
    #[must_use]
    pub fn key(&self) -> String {
        format!("functions/{}.zip", self.digest)
    }

    /// The zip.
    pub(super) fn bytes(&self) -> bytes::Bytes {
        self.bytes.clone()
    }
}

/// The functions' executable for Amazon Linux, read from a file.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    path: PathBuf,
    bytes: bytes::Bytes,
    /// What it is.
    pub executable: Executable,
}

impl Bootstrap {
    /// Reads the file.
    ///
    /// # Errors
    /// When it cannot be read or is not the functions' executable.
    pub async fn read(path: &Path) -> Result<Self, DeployError> {
        let refuse = |problem: String| DeployError::Executable { path: path.to_owned(), problem };
        let bytes = tokio::fs::read(path).await.map_err(|error| refuse(error.to_string()))?;
        let executable = Executable::read(&bytes).map_err(refuse)?;
        Ok(Self { path: path.to_owned(), bytes: bytes.into(), executable })
    }

    /// Whether it can run there, as what the user says that it is.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn check(&self, host: Host, architecture: Option<&str>) -> Result<(), DeployError> {
        let refuse = |problem| DeployError::Executable { path: self.path.clone(), problem };
        self.executable.check(host, architecture).map_err(refuse)
    }
}

/// A few lines, quoted so that any path and any URL survives. Whoever starts the function knows better where it is
/// called back, so the environment wins.
fn script(executable: &str, endpoint: Option<&str>) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let endpoint = endpoint.map_or_else(String::new, |url| {
        format!("if [ -z \"$AWS_ENDPOINT_URL\" ]; then AWS_ENDPOINT_URL={}; export AWS_ENDPOINT_URL; fi\n", quoted(url))
    });
    format!("#!/bin/sh\n{endpoint}exec {} {SERVE_FUNCTION}\n", quoted(executable))
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

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

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
    fn the_key_is_the_digest_of_the_content() {
        let artefact = |text: &[u8]| Artefact::pack(text).expect("a zip");
        assert_eq!(artefact(b"a").key(), artefact(b"a").key());
        assert_ne!(artefact(b"a").key(), artefact(b"b").key());
        let digest = hex::encode(Sha256::digest(artefact(b"a").bytes()));
        assert_eq!(artefact(b"a").key(), format!("functions/{digest}.zip"));
    }

    fn run(script: &str, endpoint: Option<&str>) -> String {
        let mut command = std::process::Command::new("/bin/sh");
        command.arg("-c").arg(script).env_remove("AWS_ENDPOINT_URL");
        if let Some(url) = endpoint {
            command.env("AWS_ENDPOINT_URL", url);
        }
        String::from_utf8(command.output().expect("a shell runs the script").stdout).expect("UTF-8")
    }

    #[test]
    fn any_path_survives_the_script() {
        assert_eq!(script("/a b/it's", None), "#!/bin/sh\nexec '/a b/it'\\''s' serve-function\n");
        assert_eq!(run(&script("/bin/echo", None), None), "serve-function\n");
    }

    #[test]
    fn the_script_says_what_to_call_unless_the_environment_does() {
        let script = script("/usr/bin/env", Some("http://127.0.0.1:1"));
        // `env` would run our subcommand: what it is given instead is shown.
        let script = script.replace(SERVE_FUNCTION, "");
        let called = |endpoint| {
            let environment = run(&script, endpoint);
            environment.lines().find_map(|line| line.strip_prefix("AWS_ENDPOINT_URL=").map(str::to_owned))
        };
        assert_eq!(called(None).as_deref(), Some("http://127.0.0.1:1"));
        assert_eq!(called(Some("")).as_deref(), Some("http://127.0.0.1:1"));
        assert_eq!(called(Some("http://127.0.0.1:2")).as_deref(), Some("http://127.0.0.1:2"));
    }

    #[test]
    fn an_executable_that_has_gone_is_named() {
        let refused = Artefact::of_running(Path::new("/nowhere/vaultscope"), None).expect_err("refused").to_string();
        assert!(refused.contains("/nowhere/vaultscope"), "{refused}");
    }
}
