//! The runtimes that an interpreter of this machine runs: which there are, and what their functions run on.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::error::LambdaError;
use super::interpreter::Interpreter;
use super::node::{self, Nodes};
use super::python::{self, Pythons};

/// The interpreters that have been asked for.
pub struct Interpreters {
    pythons: Pythons,
    nodes: Nodes,
}

impl Interpreters {
    /// Those of this machine, whose folders are in the user's cache; in `fallback` where there is none.
    pub fn of_this_machine(fallback: PathBuf) -> Self {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache"))).unwrap_or(fallback);
        let search = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
        Self::new(&search, &cache.join("vaultscope"))
    }

    fn new(search: &OsString, cache: &std::path::Path) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let starts = Arc::new(Semaphore::new(cores));
        Self {
            pythons: Pythons::new(search.clone(), cache.to_owned(), Arc::clone(&starts)),
            nodes: Nodes::new(search.clone(), cache.to_owned(), starts),
        }
    }

    /// What functions of `runtime` run on; `None` when it needs no interpreter. Begins to prepare it.
    ///
    /// # Errors
    /// `InvalidParameterValueException` saying what this machine lacks.
    pub async fn of_runtime(&self, runtime: &str) -> Result<Option<Arc<Interpreter>>, LambdaError> {
        match self.pythons.of_runtime(runtime).await? {
            Some(python) => Ok(Some(python)),
            None => self.nodes.of_runtime(runtime).await,
        }
    }
}

/// Whether an interpreter runs functions of `runtime`.
pub fn interprets(runtime: &str) -> bool {
    python::minor(runtime).is_some() || node::major(runtime).is_some()
}
