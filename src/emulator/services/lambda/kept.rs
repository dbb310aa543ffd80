//! What Lambda keeps beyond the process: a row a function with all that was said of it, a row an event source mapping,
//! and a row an asynchronous invocation that was accepted and has not come to its end.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::config::{Config, Logging};
use super::event_queue::{EventInvokeConfig, EventRow};
use super::function::Function;
use super::mapping::{Mapping, MappingRow};
use super::package::Package;
use super::packages::Packages;
use super::policy::Policy;
use crate::emulator::fabric::Fabric;
use crate::emulator::keep::{KeepError, Shelf};
use crate::model::{Arn, Timestamp};

const FUNCTION: &str = "function";
const MAPPING: &str = "mapping";
const EVENT: &str = "event";

/// A function as it is written down.
#[derive(Serialize, Deserialize)]
struct FunctionRow {
    config: ConfigRow,
    reserved: Option<u32>,
    policy: Policy,
    tags: IndexMap<String, String>,
    event_invoke: Option<EventInvokeConfig>,
}

/// A configuration as it is written down: what it runs on is found again at the start.
#[derive(Serialize, Deserialize)]
struct ConfigRow {
    arn: Arc<str>,
    runtime: String,
    role: String,
    handler: String,
    description: String,
    timeout: u32,
    memory: u32,
    environment: IndexMap<String, String>,
    dead_letter: Option<String>,
    logging: Logging,
    tracing: String,
    ephemeral_mb: u64,
    architectures: Vec<String>,
    package: PackageRow,
    updated: bool,
    revision: String,
    modified: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct PackageRow {
    folder: String,
    sha256: String,
    size: usize,
}

impl ConfigRow {
    fn of(config: &Config) -> Self {
        let package = &config.package;
        let folder = package.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self {
            arn: Arc::clone(&config.arn),
            runtime: config.runtime.clone(),
            role: config.role.clone(),
            handler: config.handler.clone(),
            description: config.description.clone(),
            timeout: config.timeout,
            memory: config.memory,
            environment: config.environment.clone(),
            dead_letter: config.dead_letter.as_ref().map(ToString::to_string),
            logging: config.logging.clone(),
            tracing: config.tracing.clone(),
            ephemeral_mb: config.ephemeral_mb,
            architectures: config.architectures.clone(),
            package: PackageRow { folder, sha256: package.sha256.clone(), size: package.size },
            updated: config.updated,
            revision: config.revision.clone(),
            modified: config.modified,
        }
    }

    fn config(self, name: &str, package: Package) -> Config {
        let mut config = Config::new(name, &self.arn, Arc::new(package), self.architectures);
        config.runtime = self.runtime;
        config.role = self.role;
        config.handler = self.handler;
        config.description = self.description;
        config.timeout = self.timeout;
        config.memory = self.memory;
        config.environment = self.environment;
        config.dead_letter = self.dead_letter.and_then(|arn| arn.parse().ok());
        config.logging = self.logging;
        config.tracing = self.tracing;
        config.ephemeral_mb = self.ephemeral_mb;
        config.updated = self.updated;
        config.revision = self.revision;
        config.modified = self.modified;
        config
    }
}

/// Whether a function is still there to be written down; also what lets one writer in at a time.
#[derive(Debug, Default)]
pub struct Gone(Mutex<bool>);

impl Function {
    /// Writes the function down as it is; to be called after each change of it.
    pub fn keep(&self) {
        let shelf = self.shelf();
        let gone = self.gone.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !shelf.is_kept() || *gone {
            return;
        }
        let row = FunctionRow {
            config: ConfigRow::of(&self.config()),
            reserved: self.reserved(),
            policy: self.policy.read().unwrap_or_else(PoisonError::into_inner).clone(),
            tags: self.tags.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            event_invoke: self.event_invoke.read().unwrap_or_else(PoisonError::into_inner).clone(),
        };
        shelf.put(FUNCTION, &self.name, &row);
    }

    /// Takes the function out of what is kept, with the events that wait for it.
    pub fn forget(&self) {
        let shelf = self.shelf();
        let mut gone = self.gone.0.lock().unwrap_or_else(PoisonError::into_inner);
        *gone = true;
        shelf.delete(FUNCTION, &self.name);
        drop(gone);
        for request_id in self.events.waiting() {
            self.forget_event(&request_id);
        }
    }

    /// Writes an event down that waits.
    pub fn keep_event(&self, request_id: &str, row: impl FnOnce() -> EventRow) {
        let shelf = self.shelf();
        let gone = self.gone.0.lock().unwrap_or_else(PoisonError::into_inner);
        if shelf.is_kept() && !*gone {
            shelf.put(EVENT, &format!("{}/{request_id}", self.name), &row());
        }
    }

    /// Takes an event out that has come to its end.
    pub fn forget_event(&self, request_id: &str) {
        let shelf = self.shelf();
        if shelf.is_kept() {
            shelf.delete(EVENT, &format!("{}/{request_id}", self.name));
        }
    }
}

/// Writes a mapping down.
pub fn keep_mapping(shelf: &Shelf, mapping: &Mapping) {
    if shelf.is_kept() {
        shelf.put(MAPPING, &mapping.uuid, &mapping.row());
    }
}

/// Takes a mapping out.
pub fn forget_mapping(shelf: &Shelf, uuid: &str) {
    shelf.delete(MAPPING, uuid);
}

/// The functions that were kept, with the events that wait for them; packages that none of them has are removed.
///
/// # Errors
/// When a row cannot be read.
pub fn functions(fabric: &Fabric, packages: &Packages) -> Result<IndexMap<String, Arc<Function>>, KeepError> {
    let Some(folder) = packages.kept() else { return Ok(IndexMap::new()) };
    let shelf = fabric.keep().shelf("lambda");
    let mut functions = IndexMap::new();
    let mut known = HashSet::new();
    for (name, row) in shelf.all::<FunctionRow>(FUNCTION)? {
        let PackageRow { folder: code, sha256, size } = &row.config.package;
        let package = Package::restored(folder, packages.path().join(code), sha256.clone(), *size);
        known.insert(code.clone());
        let function = Function::restored(fabric.clone(), row.config.config(&name, package));
        function.reserve(row.reserved);
        *function.policy.write().unwrap_or_else(PoisonError::into_inner) = row.policy;
        *function.tags.lock().unwrap_or_else(PoisonError::into_inner) = row.tags;
        *function.event_invoke.write().unwrap_or_else(PoisonError::into_inner) = row.event_invoke;
        functions.insert(name, function);
    }
    packages.sweep(&known);
    let mut events = shelf.all::<EventRow>(EVENT)?;
    events.sort_by_key(|(_, event)| event.accepted);
    for (id, event) in events {
        if let Some((name, request_id)) = id.split_once('/')
            && let Some(function) = functions.get(name)
        {
            function.events.restore(request_id.into(), event);
        }
    }
    Ok(functions)
}

/// The event source mappings that were kept.
///
/// # Errors
/// When a row cannot be read.
pub fn mappings(fabric: &Fabric, shelf: &Shelf) -> Result<IndexMap<String, Arc<Mapping>>, KeepError> {
    let rows = shelf.all::<MappingRow>(MAPPING)?;
    // The endpoint may listen elsewhere now.
    let url = |queue: &Arn| format!("{}/{}/{}", fabric.url(), queue.account, queue.resource);
    let mapping = |(uuid, row): (String, MappingRow)| Some((uuid.clone(), Arc::new(row.mapping(uuid, url)?)));
    Ok(rows.into_iter().filter_map(mapping).collect())
}
