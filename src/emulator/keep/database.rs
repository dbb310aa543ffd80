//! The database of a data folder: one table of rows by service, kind and id.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension, params};
use serde::de::DeserializeOwned;

use super::KeepError;
use super::writer::Change;

/// The shape of the folder; another number is another version's.
const VERSION: i64 = 1;

/// An open data folder, which is held until the last clone is dropped.
#[derive(Clone)]
pub struct Database {
    connection: Arc<Mutex<Connection>>,
    /// The lock that keeps others out; the system lets go of it when the process ends, however it ends.
    _held: Arc<File>,
}

/// A change with the row it is for.
pub struct Row {
    pub service: &'static str,
    pub kind: &'static str,
    pub id: String,
    pub change: Change,
}

impl Database {
    /// Opens the database of `folder`, and makes both where they are not there.
    pub fn open(folder: &Path) -> Result<Self, KeepError> {
        let unusable = |problem: String| KeepError::Folder { folder: folder.to_owned(), problem };
        fs::create_dir_all(folder).map_err(|error| unusable(error.to_string()))?;
        let held = File::options().create(true).truncate(false).write(true).open(folder.join("lock"));
        let held = held.map_err(|error| unusable(error.to_string()))?;
        match held.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(KeepError::Taken(folder.to_owned())),
            Err(TryLockError::Error(error)) => return Err(unusable(error.to_string())),
        }
        let connection = connect(&folder.join("state.sqlite")).map_err(|error| unusable(error.to_string()))?;
        let version: i64 = connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(|error| unusable(error.to_string()))?;
        if version != VERSION {
            return Err(unusable(format!(
                "it was written by another version of vaultscope (shape {version}, this one reads {VERSION})"
            )));
        }
        Ok(Self { connection: Arc::new(Mutex::new(connection)), _held: Arc::new(held) })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries out changes in their order, all or none.
    pub fn commit(&self, rows: Vec<Row>) -> Result<(), KeepError> {
        let write = |problem: rusqlite::Error| KeepError::Write(problem.to_string());
        let mut connection = self.connection();
        let transaction = connection.transaction().map_err(write)?;
        {
            let mut put = transaction
                .prepare_cached("INSERT OR REPLACE INTO kept (service, kind, id, value) VALUES (?1, ?2, ?3, ?4)")
                .map_err(write)?;
            let mut delete = transaction
                .prepare_cached("DELETE FROM kept WHERE service = ?1 AND kind = ?2 AND id = ?3")
                .map_err(write)?;
            for Row { service, kind, id, change } in rows {
                match change {
                    Change::Put(Ok(value)) => put.execute(params![service, kind, id, value]).map_err(write)?,
                    Change::Put(Err(problem)) => return Err(KeepError::Write(problem)),
                    Change::Delete => delete.execute(params![service, kind, id]).map_err(write)?,
                };
            }
        }
        transaction.commit().map_err(write)
    }

    /// One row; `None` when it is not there.
    pub fn row<T: DeserializeOwned>(
        &self,
        service: &'static str,
        kind: &'static str,
        id: &str,
    ) -> Result<Option<T>, KeepError> {
        let unread = |problem: String| KeepError::Row { service, kind, id: id.to_owned(), problem };
        let value: Option<Vec<u8>> = self
            .connection()
            .query_row(
                "SELECT value FROM kept WHERE service = ?1 AND kind = ?2 AND id = ?3",
                params![service, kind, id],
                |row| row.get(0),
            )
            .optional()
            .map_err(|error| unread(error.to_string()))?;
        value.map(|value| serde_json::from_slice(&value)).transpose().map_err(|error| unread(error.to_string()))
    }

    /// The rows of a kind, in the order of their ids.
    pub fn rows<T: DeserializeOwned>(
        &self,
        service: &'static str,
        kind: &'static str,
    ) -> Result<Vec<(String, T)>, KeepError> {
        let unread = |id: &str, problem: String| KeepError::Row { service, kind, id: id.to_owned(), problem };
        let connection = self.connection();
        let mut select = connection
            .prepare_cached("SELECT id, value FROM kept WHERE service = ?1 AND kind = ?2 ORDER BY id")
            .map_err(|error| unread("", error.to_string()))?;
        let mut found = select.query(params![service, kind]).map_err(|error| unread("", error.to_string()))?;
        let mut rows = Vec::new();
        while let Some(row) = found.next().map_err(|error| unread("", error.to_string()))? {
            let id: String = row.get(0).map_err(|error| unread("", error.to_string()))?;
            let value = row.get_ref(1).and_then(|value| Ok(value.as_blob()?));
            let value = value.map_err(|error| unread(&id, error.to_string()))?;
            let entity = serde_json::from_slice(value).map_err(|error| unread(&id, error.to_string()))?;
            rows.push((id, entity));
        }
        Ok(rows)
    }
}

/// A connection whose commits survive the death of the process; a failure of the machine's power may cost the last ones,
/// never the database.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let is_new = !path.exists();
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    if is_new {
        connection.execute_batch(
            "CREATE TABLE kept (service TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, value BLOB NOT NULL, \
             PRIMARY KEY (service, kind, id)) WITHOUT ROWID",
        )?;
        connection.pragma_update(None, "user_version", VERSION)?;
    }
    Ok(connection)
}
