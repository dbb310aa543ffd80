//! The database of a data folder: one table of rows by service, kind and id.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use serde::de::DeserializeOwned;

use super::KeepError;
use super::folder::Folder;
use super::writer::{Change, Erased};

/// The shape of the folder; another number is another version's.
const VERSION: i64 = 1;

/// An open database, which is held until it is closed or the last clone is dropped.
#[derive(Clone)]
pub struct Database {
    connection: Arc<Mutex<Option<Connection>>>,
}

/// A change with the row it is for.
pub struct Row {
    pub service: &'static str,
    pub kind: &'static str,
    pub id: String,
    pub change: Change,
}

impl Database {
    /// Opens the database of `folder`, and makes it where it is not there.
    pub fn open(folder: &Folder) -> Result<Self, KeepError> {
        let connection = connect(&folder.database()).map_err(|error| folder.unusable(&error))?;
        let version: i64 = connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(|error| folder.unusable(&error))?;
        if version != VERSION {
            return Err(folder.unusable(&format!(
                "it was written by another version of vaultscope (shape {version}, this one reads {VERSION})"
            )));
        }
        Ok(Self { connection: Arc::new(Mutex::new(Some(connection))) })
    }

    /// Ends it for every clone.
    pub fn close(&self) {
        drop(self.connection().take());
    }

    fn connection(&self) -> MutexGuard<'_, Option<Connection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a copy of the database to a file that is not there yet.
    pub fn copy_to(&self, path: &Path) -> Result<(), KeepError> {
        let connection = self.connection();
        let connection = connection.as_ref().ok_or(KeepError::Closed)?;
        copy(connection, path).map_err(|error| KeepError::Write(error.to_string()))
    }

    /// Erases what is to be erased and carries out the changes, all or none.
    pub fn commit(&self, erased: &[Erased], rows: impl Iterator<Item = Row>) -> Result<(), KeepError> {
        let write = |problem: rusqlite::Error| KeepError::Write(problem.to_string());
        let mut connection = self.connection();
        let transaction = connection.as_mut().ok_or(KeepError::Closed)?.transaction().map_err(write)?;
        {
            let mut erase = transaction
                .prepare_cached(
                    "DELETE FROM kept WHERE service = ?1 AND kind = ?2 AND id >= ?3 AND substr(id, 1, ?4) = ?3",
                )
                .map_err(write)?;
            for Erased { service, kind, prefix } in erased {
                let length = i64::try_from(prefix.chars().count()).unwrap_or(i64::MAX);
                erase.execute(params![service, kind, prefix, length]).map_err(write)?;
            }
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
        let connection = self.connection();
        let value: Option<Vec<u8>> = connection
            .as_ref()
            .ok_or(KeepError::Closed)?
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
            .as_ref()
            .ok_or(KeepError::Closed)?
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

/// Writes a consistent copy of a database of which others may have connections, to a file that is not there yet.
pub fn copy_file(from: &Path, to: &Path) -> rusqlite::Result<()> {
    copy(&Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_WRITE)?, to)
}

fn copy(connection: &Connection, path: &Path) -> rusqlite::Result<()> {
    connection.execute("VACUUM INTO ?1", params![path.to_string_lossy()]).map(|_| ())
}
