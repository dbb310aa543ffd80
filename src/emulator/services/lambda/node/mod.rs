//! The runtimes `nodejs….x`: the machine's Node.js with AWS's runtime client beside it.
//!
//! Whatever version a function asks for runs on the one `node` that there is. What `home` installs beside it depends on the
//! runtime: up to `nodejs16.x` Lambda has the AWS SDK v2, from `nodejs18.x` on v3. What a function does is not known here.

mod home;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use self::home::Sdk;
use super::error::LambdaError;
use super::interpreter::{Homes, Interpreter, on, probe};

/// The major versions that a function may ask for.
const RUNTIMES: &[u16] = &[10, 12, 14, 16, 18, 20, 22, 24];

/// A Node.js of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    program: PathBuf,
    npm: PathBuf,
    /// Such as `20.11.1`.
    version: String,
    major: u16,
}

/// The Node.js of this machine and what has been installed for it.
pub struct Nodes {
    /// As `PATH`.
    search: OsString,
    /// Below it each list of packages has a folder.
    cache: PathBuf,
    found: Mutex<Option<Node>>,
    homes: Homes,
}

impl Nodes {
    /// That of `search`, whose folders are below `cache`.
    pub fn new(search: OsString, cache: PathBuf, starts: Arc<Semaphore>) -> Self {
        Self { search, cache, found: Mutex::default(), homes: Homes::new(starts) }
    }

    /// What functions of `runtime` run on; `None` when it is no Node.js runtime. Begins to prepare it.
    ///
    /// # Errors
    /// `InvalidParameterValueException` saying what this machine lacks.
    pub async fn of_runtime(&self, runtime: &str) -> Result<Option<Arc<Interpreter>>, LambdaError> {
        let Some(wanted) = major(runtime) else { return Ok(None) };
        let sdk = Sdk::of_runtime(wanted);
        let found = self.find().await.and_then(|found| sdk.fits(&found).map(|()| found)).map_err(|problem| {
            LambdaError::InvalidParameter(format!("functions of the runtime {runtime} cannot run here: {problem}"))
        })?;
        let remark = (found.major != wanted)
            .then(|| format!("{runtime} is not on this machine: the function runs on Node.js {}", found.version));
        let (cache, version) = (self.cache.clone(), found.version.clone());
        let existing = home::existing(&cache, &found, sdk);
        let make = async move { home::make(&cache, &found, sdk).await };
        Ok(Some(self.homes.interpreter(("nodejs", version, remark), home::name(sdk), existing, make)))
    }

    /// The Node.js on the search path; it is looked for once, and again when it is gone.
    async fn find(&self) -> Result<Node, String> {
        let known = self.found.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(known) = known.filter(|known| known.program.is_file() && known.npm.is_file()) {
            return Ok(known);
        }
        let missing = |what: &str| format!("there is no {what} on the PATH: install Node.js 20 or later with npm");
        let program = on(&self.search, "node").or_else(|| on(&self.search, "nodejs")).ok_or_else(|| missing("node"))?;
        let npm = on(&self.search, "npm").ok_or_else(|| missing("npm"))?;
        let version = probe(&program, &["--version"]).await?.trim_start_matches('v').to_owned();
        let major = version.split('.').next().and_then(|major| major.parse().ok());
        let major = major.ok_or_else(|| format!("{} tells no version: {version:?}", program.display()))?;
        let found = Node { program, npm, version, major };
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(found.clone());
        Ok(found)
    }
}

/// The major version of `nodejs18.x`; `None` when it is none that a function may ask for.
pub fn major(runtime: &str) -> Option<u16> {
    runtime.strip_prefix("nodejs")?.strip_suffix(".x")?.parse().ok().filter(|major| RUNTIMES.contains(major))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;

    fn script(folder: &Path, name: &str, body: &str) {
        fs::create_dir_all(folder).expect("a folder");
        let path = folder.join(name);
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).expect("a script");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("an executable script");
    }

    fn nodes(folder: &Path) -> Nodes {
        Nodes::new(folder.join("bin").into(), folder.join("cache"), Arc::new(Semaphore::new(1)))
    }

    /// What `npm` is called with ends in the packages; it makes what the client's package would be.
    const NPM: &str = "echo \"$@\" >>\"$0.calls\"\nmkdir -p \"$3/node_modules/aws-lambda-ric/dist\"";

    #[test]
    fn only_lambdas_own_names_are_runtimes() {
        let runtimes = ["nodejs14.x", "nodejs24.x", "nodejs15.x", "nodejs", "nodejs18", "python3.12"];
        assert_eq!(runtimes.map(major), [Some(14), Some(24), None, None, None, None]);
    }

    #[tokio::test]
    async fn each_sdk_is_installed_once_and_found_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let bin = folder.path().join("bin");
        script(&bin, "node", "echo v20.1.0");
        script(&bin, "npm", NPM);
        let nodes = nodes(folder.path());
        let mut starts = Vec::new();
        for runtime in ["nodejs14.x", "nodejs16.x", "nodejs20.x"] {
            let node = nodes.of_runtime(runtime).await.expect("found").expect("a Node.js runtime");
            assert_eq!((node.version.as_str(), node.language), ("20.1.0", "nodejs"));
            assert_eq!(node.remark.is_none(), runtime == "nodejs20.x", "{:?}", node.remark);
            starts.push(node.ready().await.expect("it is made"));
        }
        assert_eq!(starts[0], starts[1]);
        assert_ne!(starts[0], starts[2]);
        assert!(Path::new(&starts[2].arguments[0]).is_file());
        let again = super::tests::nodes(folder.path()).of_runtime("nodejs14.x").await.expect("found");
        assert_eq!(again.expect("a Node.js runtime").ready().await.as_ref(), Ok(&starts[0]));
        let calls = fs::read_to_string(bin.join("npm.calls")).expect("what npm was called with");
        let [second, third] = calls.lines().collect::<Vec<_>>()[..] else { panic!("two calls: {calls}") };
        assert!(second.contains(" aws-sdk@2.") && !second.contains("@aws-sdk/client-s3@"), "{second}");
        assert!(third.contains(" @aws-sdk/client-s3@3.") && !third.contains(" aws-sdk@"), "{third}");
    }

    #[tokio::test]
    async fn what_the_machine_lacks_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let bin = folder.path().join("bin");
        let refusal = async |runtime: &str| {
            nodes(folder.path()).of_runtime(runtime).await.expect_err("it cannot run").to_string()
        };
        assert!(refusal("nodejs18.x").await.contains("there is no node on the PATH"));
        script(&bin, "nodejs", "echo v18.19.0");
        assert!(refusal("nodejs18.x").await.contains("there is no npm on the PATH"));
        script(&bin, "npm", NPM);
        let refused = refusal("nodejs18.x").await;
        assert!(refused.contains("Node.js 18.19.0 is too old"), "{refused}");
        assert!(nodes(folder.path()).of_runtime("nodejs16.x").await.is_ok(), "the SDK v2 runs on it");
    }

    #[tokio::test]
    async fn a_failed_installation_says_why() {
        let folder = tempfile::tempdir().expect("a folder");
        let bin = folder.path().join("bin");
        script(&bin, "node", "echo v22.1.0");
        script(&bin, "npm", "echo 'npm error network no route' >&2; exit 1");
        let node = nodes(folder.path()).of_runtime("nodejs22.x").await.expect("found").expect("a Node.js runtime");
        let problem = node.ready().await.expect_err("it fails");
        assert!(problem.contains("no route"), "{problem}");
    }
}
