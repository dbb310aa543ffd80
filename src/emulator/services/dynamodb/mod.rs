//! Amazon DynamoDB over `dynoxide`, an engine that keeps tables in an SQLite database and is judged against
//! AWS: its answers, limits and messages are DynamoDB's. What is ours is the dispatch, the clock, the ARNs, and
//! continuous backups, which are recorded only.
//!
//! The database is in memory, or where state is kept in a file of the data folder: a call is committed to it before it
//! answers. An engine over a file takes no clock but the machine's, which it reads for expiry and streams alone; the
//! endpoint offers neither.
//!
//! The engine blocks and serialises on one lock. Calls about one item take tens of microseconds, less than a hand-over
//! to another thread costs, and run where they arrive; calls that can touch a whole page or several items run on the
//! blocking pool, so that no worker of the endpoint stands still for them.

mod backups;
mod created;
mod error;
mod names;

use std::path::Path;
use std::sync::Arc;

use dynoxide::storage_backend::Clock as EngineClock;
use dynoxide::{Database, DynoxideError};
use futures::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::clock::Clock;
use crate::emulator::StartError;
use crate::emulator::error::ServiceError;
use crate::emulator::fabric::Fabric;
use crate::emulator::service::{Call, Interface, Service};
use backups::Backups;
use created::Created;
use names::Arns;

const INTERFACE: Interface = Interface {
    id: "dynamodb",
    title: "Amazon DynamoDB",
    target_prefix: Some("DynamoDB_20120810"),
    json_version: "1.0",
    query: None,
    rest: false,
};

/// The tables of the endpoint.
pub struct DynamoDb {
    engine: Engine,
}

/// What a call needs, cheap to clone for the blocking pool.
#[derive(Clone)]
struct Engine {
    database: Database,
    arns: Arc<Arns>,
    backups: Arc<Backups>,
    created: Arc<Created>,
}

/// The endpoint's clock, for the engine's expiry and streams.
struct FabricClock(Clock);

impl EngineClock for FabricClock {
    fn now_unix_secs(&self) -> u64 {
        u64::try_from(self.0.now().secs()).unwrap_or_default()
    }

    fn now_unix_secs_f64(&self) -> f64 {
        self.0.now().epoch_seconds()
    }
}

impl DynamoDb {
    /// The tables that were kept, else none.
    ///
    /// # Errors
    /// When the engine's database cannot be opened.
    pub fn new(fabric: Fabric) -> Result<Arc<Self>, StartError> {
        let failed = |problem: String| StartError::Service { service: INTERFACE.id, problem };
        let database = match fabric.keep().folder() {
            Some(folder) => open(&folder.join(INTERFACE.id)).map_err(failed)?,
            None => Database::memory_with_clock(Arc::new(FabricClock(fabric.clock().clone())))
                .map_err(|error| failed(error.to_string()))?,
        };
        let shelf = fabric.keep().shelf(INTERFACE.id);
        let engine = Engine {
            database,
            arns: Arc::new(Arns::new(&fabric)),
            backups: Arc::new(Backups::new(fabric.clock().clone(), shelf.clone())?),
            created: Arc::new(Created::new(fabric.clock().clone(), shelf)?),
        };
        Ok(Arc::new(Self { engine }))
    }
}

/// The engine over a file of `folder`, which survives the death of the process.
fn open(folder: &Path) -> Result<Database, String> {
    std::fs::create_dir_all(folder).map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    let path = folder.join("tables.sqlite");
    let path = path.to_str().ok_or_else(|| format!("{} is no UTF-8: name another data folder", path.display()))?;
    let database = Database::new(path).map_err(|error| format!("{path}: {error}"))?;
    // The engine's name for the settings of everyday work, under which a commit does not wait for the disk: the
    // log that SQLite writes ahead is in the hands of the system, and there whatever becomes of the process.
    database.disable_bulk_loading().map_err(|error| format!("{path}: {error}"))?;
    Ok(database)
}

/// How long a call may keep the engine's lock.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weight {
    /// One item.
    Light,
    /// A page, a batch or a table.
    Heavy,
}

type Handler = fn(&Engine, &str, Map<String, Value>) -> Result<Value, ServiceError>;

/// An operation: its name, how heavy it is, and what carries it out.
type Operation = (&'static str, Weight, Handler);

/// Writes the handler of an operation that the engine has.
macro_rules! engine {
    ($method:ident) => {
        |engine, operation, input| engine.run(operation, input, |database, request| database.$method(request))
    };
}

/// Writes the handler of an operation of the engine whose answer names tables by ARN.
macro_rules! table {
    ($method:ident) => {
        |engine, operation, input| {
            let mut output = engine.run(operation, input, |database, request| database.$method(request))?;
            engine.shown(&mut output);
            Ok(output)
        }
    };
}

/// Writes the handler of an operation of the engine whose request names a resource by ARN.
macro_rules! tags {
    ($method:ident) => {
        |engine, operation, mut input| {
            engine.arns.to_engine(&mut input, "ResourceArn");
            engine.run(operation, input, |database, request| database.$method(request))
        }
    };
}

const OPERATIONS: [Operation; 26] = [
    ("PutItem", Weight::Light, engine!(put_item)),
    ("GetItem", Weight::Light, engine!(get_item)),
    ("UpdateItem", Weight::Light, engine!(update_item)),
    ("DeleteItem", Weight::Light, engine!(delete_item)),
    ("Query", Weight::Heavy, engine!(query)),
    ("Scan", Weight::Heavy, engine!(scan)),
    ("BatchGetItem", Weight::Heavy, engine!(batch_get_item)),
    ("BatchWriteItem", Weight::Heavy, engine!(batch_write_item)),
    ("TransactWriteItems", Weight::Heavy, engine!(transact_write_items)),
    ("TransactGetItems", Weight::Heavy, engine!(transact_get_items)),
    ("ExecuteStatement", Weight::Heavy, engine!(execute_statement)),
    ("ExecuteTransaction", Weight::Heavy, engine!(execute_transaction)),
    ("BatchExecuteStatement", Weight::Heavy, engine!(batch_execute_statement)),
    ("CreateTable", Weight::Heavy, Engine::create_table),
    ("DescribeTable", Weight::Heavy, table!(describe_table)),
    ("UpdateTable", Weight::Heavy, table!(update_table)),
    ("DeleteTable", Weight::Heavy, Engine::delete_table),
    ("ListTables", Weight::Light, engine!(list_tables)),
    ("TagResource", Weight::Light, tags!(tag_resource)),
    ("UntagResource", Weight::Light, tags!(untag_resource)),
    ("ListTagsOfResource", Weight::Light, tags!(list_tags_of_resource)),
    ("UpdateTimeToLive", Weight::Light, engine!(update_time_to_live)),
    ("DescribeTimeToLive", Weight::Light, engine!(describe_time_to_live)),
    ("DescribeContinuousBackups", Weight::Light, Engine::describe_continuous_backups),
    ("UpdateContinuousBackups", Weight::Light, Engine::update_continuous_backups),
    ("DescribeLimits", Weight::Light, Engine::describe_limits),
];

/// The names in [`OPERATIONS`], for the fabric.
const NAMES: [&str; OPERATIONS.len()] = {
    let mut names = [""; OPERATIONS.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = OPERATIONS[index].0;
        index += 1;
    }
    names
};

impl Engine {
    fn run<I: DeserializeOwned, O: Serialize>(
        &self,
        operation: &str,
        mut input: Map<String, Value>,
        act: impl FnOnce(&Database, I) -> Result<O, DynoxideError>,
    ) -> Result<Value, ServiceError> {
        self.arns.names_for_arns(&mut input);
        let request =
            serde_json::from_value(Value::Object(input)).map_err(|error| error::of_shape(operation, &error))?;
        let output = act(&self.database, request).map_err(|error| error::of_engine(operation, error))?;
        serde_json::to_value(&output).map_err(ServiceError::internal)
    }

    /// Makes an answer about a table this endpoint's own.
    fn shown(&self, output: &mut Value) {
        self.arns.localise(output);
        self.created.stamp(output);
    }

    fn create_table(&self, operation: &str, input: Map<String, Value>) -> Result<Value, ServiceError> {
        let mut output = self.run(operation, input, Database::create_table)?;
        self.created.note(&output);
        self.shown(&mut output);
        Ok(output)
    }

    fn delete_table(&self, operation: &str, input: Map<String, Value>) -> Result<Value, ServiceError> {
        let mut output = self.run(operation, input, Database::delete_table)?;
        self.shown(&mut output);
        if let Some(name) = output.pointer("/TableDescription/TableName").and_then(Value::as_str) {
            self.backups.forget(name);
            self.created.forget(name);
        }
        Ok(output)
    }
}

impl Service for DynamoDb {
    fn interface(&self) -> &'static Interface {
        &INTERFACE
    }

    fn operations(&self) -> &'static [&'static str] {
        &NAMES
    }

    fn summary(&self) -> Vec<(&'static str, usize)> {
        vec![("tables", self.engine.created.count())]
    }

    fn call(&self, call: Call) -> BoxFuture<'_, Result<Value, ServiceError>> {
        let Call { operation, input, .. } = call;
        let Some((name, weight, handler)) = OPERATIONS.into_iter().find(|(name, ..)| *name == operation) else {
            return Box::pin(async move { Err(ServiceError::not_implemented(INTERFACE.title, &operation)) });
        };
        let Value::Object(input) = input else {
            return Box::pin(async { Err(ServiceError::serialization("the input is not an object")) });
        };
        Box::pin(async move {
            if weight == Weight::Light {
                return handler(&self.engine, name, input);
            }
            let engine = self.engine.clone();
            match tokio::task::spawn_blocking(move || handler(&engine, name, input)).await {
                Ok(result) => result,
                Err(error) => Err(ServiceError::internal(format!("{name} did not end: {error}"))),
            }
        })
    }
}
