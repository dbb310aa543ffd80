//! The runtimes `python3.x`: an interpreter of this machine with AWS's runtime client beside it.
//!
//! - `interpreter` finds one: of the version that is asked for, else any that the client runs on.
//! - `home` makes the folder with `awslambdaric` and `boto3`, once for each version, in the user's cache.
//!
//! What a function does is not known here.

mod home;
mod interpreter;

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use self::interpreter::Interpreter as Python;
use super::error::LambdaError;
use super::interpreter::{Homes, Interpreter};

/// The minor versions that a function may ask for; the older ones run on what there is.
const RUNTIMES: std::ops::RangeInclusive<u8> = 6..=14;

/// The interpreters that have been asked for.
pub struct Pythons {
    /// As `PATH`.
    search: OsString,
    /// Below it each version has a folder.
    cache: PathBuf,
    /// By the minor version that was asked for.
    found: Mutex<HashMap<u8, Python>>,
    homes: Homes,
}

impl Pythons {
    /// Those of `search`, whose folders are below `cache`.
    pub fn new(search: OsString, cache: PathBuf, starts: Arc<Semaphore>) -> Self {
        Self { search, cache, found: Mutex::default(), homes: Homes::new(starts) }
    }

    /// What functions of `runtime` run on; `None` when it is no Python runtime. Begins to prepare it.
    ///
    /// # Errors
    /// `InvalidParameterValueException` saying what this machine lacks.
    pub async fn of_runtime(&self, runtime: &str) -> Result<Option<Arc<Interpreter>>, LambdaError> {
        let Some(wanted) = minor(runtime) else { return Ok(None) };
        let found = self.find(wanted).await.map_err(|problem| {
            LambdaError::InvalidParameter(format!("functions of the runtime {runtime} cannot run here: {problem}"))
        })?;
        let remark = (found.minor != wanted)
            .then(|| format!("{runtime} is not on this machine: the function runs on Python {}", found.version));
        let existing = home::existing(&self.cache, &found);
        let (cache, version, name) = (self.cache.clone(), found.version.clone(), home::name(&found));
        let make = async move { home::make(&cache, &found).await };
        Ok(Some(self.homes.interpreter(("python", version, remark), name, existing, make)))
    }

    /// The interpreter for a version; it is looked for once, and again when it is gone.
    async fn find(&self, wanted: u8) -> Result<Python, String> {
        let known = self.found.lock().unwrap_or_else(PoisonError::into_inner).get(&wanted).cloned();
        if let Some(known) = known.filter(|known| known.program.is_file()) {
            return Ok(known);
        }
        let found = interpreter::find(&self.search, wanted).await?;
        self.found.lock().unwrap_or_else(PoisonError::into_inner).insert(wanted, found.clone());
        Ok(found)
    }
}

/// The minor version of `python3.12`; `None` when it is none that a function may ask for.
pub fn minor(runtime: &str) -> Option<u8> {
    runtime.strip_prefix("python3.")?.parse().ok().filter(|minor| RUNTIMES.contains(minor))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::super::interpreter::Readiness;
    use super::*;

    /// A stand-in for an interpreter: it tells its version, makes folders and has a pip that `install` describes.
    fn interpreter(folder: &Path, name: &str, version: &str, install: &str) {
        let script = format!(
            "#!/bin/sh\n\
             case \"$1 $2\" in\n\
             -c*) echo {version};;\n\
             '-m venv') mkdir -p \"$3/bin\"; cp \"$0\" \"$3/bin/python\";;\n\
             '-m pip') {install};;\n\
             esac\n"
        );
        let path = folder.join(name);
        fs::write(&path, script).expect("a script");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("an executable script");
    }

    fn pythons(folder: &Path) -> Pythons {
        Pythons::new(folder.join("bin").into(), folder.join("cache"), Arc::new(Semaphore::new(1)))
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("bin")).expect("a folder");
        folder
    }

    #[test]
    fn runtimes_are_told_from_others() {
        for (runtime, expected) in
            [("python3.7", Some(7)), ("python3.14", Some(14)), ("python2.7", None), ("python3.99", None)]
        {
            assert_eq!(minor(runtime), expected, "{runtime}");
        }
    }

    #[tokio::test]
    async fn the_version_that_is_asked_for_is_taken_and_its_folder_made_once() {
        let folder = folder();
        interpreter(&folder.path().join("bin"), "python3", "3.11.7", "echo no >&2; exit 1");
        interpreter(&folder.path().join("bin"), "python3.12", "3.12.1", "echo once >>\"${0%/bin/python}/installed\"");
        let pythons = pythons(folder.path());
        let python = pythons.of_runtime("python3.12").await.expect("found").expect("a Python runtime");
        assert_eq!((python.version.as_str(), &python.remark), ("3.12.1", &None));
        let launch = python.ready().await.expect("it is made");
        let program = &launch.program;
        assert!(program.starts_with(folder.path().join("cache")) && program.is_file(), "{}", program.display());
        assert_eq!(python.readiness(), Readiness::Ready(launch.clone()));
        let home = program.parent().and_then(Path::parent).expect("a folder").to_owned();
        assert_eq!(fs::read_to_string(home.join("installed")).expect("a note"), "once\n");
        // Another endpoint finds it made.
        let again = super::tests::pythons(folder.path()).of_runtime("python3.12").await.expect("found");
        assert_eq!(again.expect("a Python runtime").readiness(), Readiness::Ready(launch));
        assert_eq!(pythons.of_runtime("provided.al2023").await.expect("no error").map(|_| ()), None);
    }

    #[tokio::test]
    async fn another_version_runs_it_with_a_remark() {
        let folder = folder();
        interpreter(&folder.path().join("bin"), "python3", "3.11.7", "true");
        let python = pythons(folder.path()).of_runtime("python3.7").await.expect("found").expect("a Python runtime");
        let remark = python.remark.as_deref().unwrap_or_default();
        assert_eq!(remark, "python3.7 is not on this machine: the function runs on Python 3.11.7");
        python.ready().await.expect("it is made");
    }

    #[tokio::test]
    async fn what_is_missing_is_named() {
        let folder = folder();
        let refused = pythons(folder.path()).of_runtime("python3.12").await.expect_err("no Python");
        assert!(refused.to_string().contains("install Python 3.9 or later"), "{refused}");
        interpreter(&folder.path().join("bin"), "python3", "3.8.1", "true");
        let refused = pythons(folder.path()).of_runtime("python3.12").await.expect_err("too old");
        assert!(refused.to_string().contains("3.8.1 is too old"), "{refused}");
        interpreter(&folder.path().join("bin"), "python3", "3.11.7 '' lacks-venv", "true");
        let refused = pythons(folder.path()).of_runtime("python3.12").await.expect_err("no venv");
        assert!(refused.to_string().contains("python3-venv"), "{refused}");
    }

    #[tokio::test]
    async fn a_failed_installation_says_why_and_is_tried_again() {
        let folder = folder();
        let bin = folder.path().join("bin");
        interpreter(&bin, "python3", "3.11.7", "echo 'ERROR: no route to the index' >&2; exit 1");
        let pythons = pythons(folder.path());
        let python = pythons.of_runtime("python3.11").await.expect("found").expect("a Python runtime");
        let problem = python.ready().await.expect_err("it fails");
        assert!(problem.contains("no route to the index"), "{problem}");
        interpreter(&bin, "python3", "3.11.7", "true");
        let python = pythons.of_runtime("python3.11").await.expect("found").expect("a Python runtime");
        python.ready().await.expect("the second attempt succeeds");
        let left: Vec<_> = fs::read_dir(folder.path().join("cache")).expect("a folder").collect();
        assert_eq!(left.len(), 1, "what failed is taken away: {left:?}");
    }
}
