//! What functions of a language that this machine interprets run on, whatever the language: how far it is, and how a
//! function is started on it.
//!
//! A folder with AWS's runtime client and SDK is made once in the user's cache, in the background; a function is `Pending`
//! meanwhile. Which language there is, and what its folder holds, the language's own module knows.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// How long the installation may take: 100 MB over a slow line.
const INSTALL_LIMIT: Duration = Duration::from_secs(600);

/// How long an interpreter may take to tell its version.
const PROBE_LIMIT: Duration = Duration::from_secs(20);

/// How a function's process is started.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// What it is started with; the handler comes after them.
    pub arguments: Vec<OsString>,
    /// Variables besides Lambda's own; a function may set them itself.
    pub variables: Vec<(&'static str, OsString)>,
}

/// How far the folder of an interpreter is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It is being made.
    Preparing,
    /// Functions are started like this.
    Ready(Launch),
    /// It could not be made, and why.
    Failed(String),
}

/// What functions of one runtime run on.
#[derive(Debug, Clone)]
pub struct Interpreter {
    /// As a function's log has it, such as `python` or `nodejs`.
    pub language: &'static str,
    /// Such as `3.11.7`.
    pub version: String,
    /// What its functions should know: that another version runs them than the one they ask for.
    pub remark: Option<String>,
    /// How far its folder is.
    state: watch::Receiver<Readiness>,
    starts: Arc<Semaphore>,
}

impl Interpreter {
    /// How far it is now.
    pub fn readiness(&self) -> Readiness {
        self.state.borrow().clone()
    }

    /// The right to start a process, until it has begun to work. Loading a language's SDK takes a second of a core: when
    /// many functions begin at once, more of them than there are cores would all come too late.
    pub async fn turn_to_start(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.starts).acquire_owned().await.ok()
    }

    /// Waits until functions can run, or never will.
    ///
    /// # Errors
    /// Why they never will.
    pub async fn ready(&self) -> Result<Launch, String> {
        let mut state = self.state.clone();
        let settled = state.wait_for(|state| *state != Readiness::Preparing).await;
        match settled.as_deref() {
            Ok(Readiness::Ready(launch)) => Ok(launch.clone()),
            Ok(Readiness::Failed(reason)) => Err(reason.clone()),
            Ok(Readiness::Preparing) | Err(_) => Err("the endpoint is shutting down".to_owned()),
        }
    }
}

/// The folders that have been asked for, by name.
pub struct Homes {
    known: Mutex<HashMap<String, watch::Receiver<Readiness>>>,
    starts: Arc<Semaphore>,
}

impl Homes {
    /// None yet; `starts` is what all interpreters of the endpoint share.
    pub fn new(starts: Arc<Semaphore>) -> Self {
        Self { known: Mutex::default(), starts }
    }

    /// What functions run on, from its folder: the one that is `existing`, or what `make` makes of it.
    pub fn interpreter<M>(
        &self,
        (language, version, remark): (&'static str, String, Option<String>),
        home: String,
        existing: Option<Launch>,
        make: M,
    ) -> Arc<Interpreter>
    where
        M: Future<Output = Result<Launch, String>> + Send + 'static,
    {
        let (state, starts) = (self.get(home, existing, make), Arc::clone(&self.starts));
        Arc::new(Interpreter { language, version, remark, state, starts })
    }

    /// The folder of a name: the one that is `existing`, or what `make` makes of it. One that failed is tried again.
    fn get<M>(&self, name: String, existing: Option<Launch>, make: M) -> watch::Receiver<Readiness>
    where
        M: Future<Output = Result<Launch, String>> + Send + 'static,
    {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(home) = known.get(&name)
            && !matches!(*home.borrow(), Readiness::Failed(_))
        {
            return home.clone();
        }
        let state = if let Some(launch) = existing {
            watch::channel(Readiness::Ready(launch)).1
        } else {
            let (sender, state) = watch::channel(Readiness::Preparing);
            tokio::spawn(async move {
                sender.send_replace(make.await.map_or_else(Readiness::Failed, Readiness::Ready));
            });
            state
        };
        known.insert(name, state.clone());
        state
    }
}

/// Where a program is on a search path as `PATH`.
pub fn on(search: &OsStr, name: &str) -> Option<PathBuf> {
    std::env::split_paths(search).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Asks an interpreter for its version; what it says.
///
/// # Errors
/// That it ended, does not start or does not answer.
pub async fn probe(program: &std::path::Path, arguments: &[&str]) -> Result<String, String> {
    let shown = program.display();
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    match tokio::time::timeout(PROBE_LIMIT, command.output()).await {
        Ok(Ok(output)) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        Ok(Ok(output)) => Err(format!("{shown} ended with {}", output.status)),
        Ok(Err(error)) => Err(format!("{shown} cannot be started: {error}")),
        Err(_) => Err(format!("{shown} does not answer")),
    }
}

/// Runs a step of an installation.
///
/// # Errors
/// That `what` failed, with the last lines that it wrote.
pub async fn install(command: &mut Command, what: &str) -> Result<(), String> {
    command.stdin(Stdio::null()).kill_on_drop(true);
    match tokio::time::timeout(INSTALL_LIMIT, command.output()).await {
        Ok(Ok(output)) if output.status.success() => Ok(()),
        Ok(Ok(output)) => {
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            let told: Vec<&str> = told.lines().filter(|line| !line.trim().is_empty()).collect();
            let last = told[told.len().saturating_sub(3)..].join(" ");
            Err(format!("{what} failed ({}): {last}", output.status))
        }
        Ok(Err(error)) => Err(format!("{what} cannot be started: {error}")),
        Err(_) => Err(format!("{what} took longer than {} s", INSTALL_LIMIT.as_secs())),
    }
}
