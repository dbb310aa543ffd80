//! The folder of an interpreter: a virtual environment with AWS's runtime client and SDK, at versions that are pinned.
//!
//! It is made beside its place and then moved there, so that what has the name is whole.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::super::interpreter::{Launch, install};
use super::interpreter::Interpreter;

/// What Python 3.10 and later get.
const PACKAGES: &[&str] = &[
    "awslambdaric==4.2.2",
    "boto3==1.44.5",
    "botocore==1.44.5",
    "jmespath==1.1.0",
    "python-dateutil==2.9.0.post0",
    "s3transfer==0.19.3",
    "simplejson==4.3.0",
    "six==1.17.0",
    "snapshot-restore-py==1.0.0",
    "urllib3==2.8.0",
];

/// What Python 3.9 gets, which the newer ones no longer run on.
const PACKAGES_OF_3_9: &[&str] = &[
    "awslambdaric==3.1.1",
    "boto3==1.42.97",
    "botocore==1.42.97",
    "jmespath==1.1.0",
    "python-dateutil==2.9.0.post0",
    "s3transfer==0.16.1",
    "simplejson==4.3.0",
    "six==1.17.0",
    "snapshot-restore-py==1.0.0",
    "urllib3==2.6.3",
];

fn packages(found: &Interpreter) -> &'static [&'static str] {
    if found.minor == 9 { PACKAGES_OF_3_9 } else { PACKAGES }
}

/// `python3.11-0123456789ab`: another list of packages is another folder.
pub fn name(found: &Interpreter) -> String {
    let digest = Sha256::digest(packages(found).join("\n"));
    let digest = digest.first_chunk().map_or(0, |chunk| u64::from_be_bytes(*chunk));
    format!("python3.{}-{digest:016x}", found.minor)
}

fn program(folder: &Path) -> PathBuf {
    folder.join("bin").join("python")
}

fn launch(folder: &Path) -> Launch {
    let arguments = ["-m", "awslambdaric"].map(Into::into).to_vec();
    Launch { program: program(folder), arguments, variables: Vec::new() }
}

/// What starts functions from a folder that is there and whose interpreter still is.
pub fn existing(cache: &Path, found: &Interpreter) -> Option<Launch> {
    Some(launch(&cache.join(name(found)))).filter(|launch| launch.program.is_file())
}

/// Makes the folder.
///
/// # Errors
/// What went wrong, in the words of the tool that failed.
pub async fn make(cache: &Path, found: &Interpreter) -> Result<Launch, String> {
    let place = cache.join(name(found));
    let failed = |error: std::io::Error| format!("the folder {} cannot be made: {error}", place.display());
    std::fs::create_dir_all(cache).map_err(failed)?;
    let beside = tempfile::Builder::new().prefix(".making-").tempdir_in(cache).map_err(failed)?;
    let folder = beside.path().join("home");
    let mut venv = Command::new(&found.program);
    venv.args(["-m", "venv"]).arg(&folder);
    install(&mut venv, &format!("{} -m venv", found.program.display())).await?;
    let mut pip = Command::new(program(&folder));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]);
    pip.args(["--retries", "2", "--timeout", "20", "--only-binary", ":all:"]).args(packages(found));
    install(&mut pip, "pip install awslambdaric boto3").await?;
    // A folder there without a working interpreter is of one that was taken off the machine.
    if existing(cache, found).is_none() && place.exists() {
        std::fs::remove_dir_all(&place).map_err(failed)?;
    }
    match std::fs::rename(&folder, &place) {
        Ok(()) => Ok(launch(&place)),
        // Another process was faster.
        Err(error) => existing(cache, found).ok_or_else(|| failed(error)),
    }
}
