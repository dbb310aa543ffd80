//! Work that was accepted and is not done yet: a row for each piece of it, from its acceptance until it is done.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{KeepError, Shelf};

/// The pieces of work of one kind, in the order in which they were accepted.
pub struct Outbox {
    shelf: Shelf,
    kind: &'static str,
    next: AtomicU64,
}

/// The row of one piece of work. Dropping it leaves the work to the next start; [`Ticket::done`] ends it.
#[derive(Default)]
#[must_use = "work without `done` is done again at the next start"]
pub struct Ticket {
    /// Nothing where nothing is kept.
    row: Option<Box<(Shelf, &'static str, String)>>,
}

impl Outbox {
    /// The pieces of work of that kind.
    #[must_use]
    pub fn new(shelf: Shelf, kind: &'static str) -> Self {
        let next = AtomicU64::new(shelf.first_number());
        Self { shelf, kind, next }
    }

    /// Notes a piece of work; `describe` is called only where it is kept.
    pub fn add<T: Serialize>(&self, describe: impl FnOnce() -> T) -> Ticket {
        if !self.shelf.is_kept() {
            return Ticket { row: None };
        }
        let id = format!("{:016x}", self.next.fetch_add(1, Ordering::Relaxed));
        self.shelf.put(self.kind, &id, &describe());
        Ticket { row: Some(Box::new((self.shelf.clone(), self.kind, id))) }
    }

    /// What earlier starts have left, oldest first.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn left<T: DeserializeOwned>(&self) -> Result<Vec<(Ticket, T)>, KeepError> {
        let rows = self.shelf.all(self.kind)?;
        let ticket = |id| Ticket { row: Some(Box::new((self.shelf.clone(), self.kind, id))) };
        Ok(rows.into_iter().map(|(id, work)| (ticket(id), work)).collect())
    }
}

impl Ticket {
    /// Notes how far the work is; `describe` is called only where it is kept.
    pub fn update<T: Serialize>(&self, describe: impl FnOnce() -> T) {
        if let Some((shelf, kind, id)) = self.row.as_deref() {
            shelf.put(kind, id, &describe());
        }
    }

    /// The work is done.
    pub fn done(self) {
        if let Some((shelf, kind, id)) = self.row.as_deref() {
            shelf.delete(kind, id);
        }
    }
}
