//! When each table was made, by the endpoint's clock: the engine reads the machine's for this alone.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use crate::clock::Clock;
use crate::emulator::keep::{KeepError, Shelf};
use crate::model::Timestamp;

/// What sort of row a moment is.
const KIND: &str = "created";

/// Moments by table.
pub struct Created {
    moments: Mutex<HashMap<String, Timestamp>>,
    clock: Clock,
    shelf: Shelf,
}

impl Created {
    /// The moments that were kept.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn new(clock: Clock, shelf: Shelf) -> Result<Self, KeepError> {
        let moments = Mutex::new(shelf.all(KIND)?.into_iter().collect());
        Ok(Self { moments, clock, shelf })
    }

    /// Notes that the table of an answer was made now.
    pub fn note(&self, output: &Value) {
        if let Some(name) = output.pointer("/TableDescription/TableName").and_then(Value::as_str) {
            let mut moments = self.moments.lock().unwrap_or_else(PoisonError::into_inner);
            let now = self.clock.now();
            self.shelf.put(KIND, name, &now);
            moments.insert(name.to_owned(), now);
        }
    }

    /// Puts the moment into an answer that describes a table.
    pub fn stamp(&self, output: &mut Value) {
        for member in ["Table", "TableDescription"] {
            let Some(table) = output.get_mut(member).and_then(Value::as_object_mut) else { continue };
            let moments = self.moments.lock().unwrap_or_else(PoisonError::into_inner);
            let moment = table.get("TableName").and_then(Value::as_str).and_then(|name| moments.get(name));
            if let Some(moment) = moment {
                table.insert("CreationDateTime".to_owned(), Value::from(moment.epoch_seconds()));
            }
        }
    }

    /// How many tables there are.
    pub fn count(&self) -> usize {
        self.moments.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Forgets a deleted table.
    pub fn forget(&self, table: &str) {
        let mut moments = self.moments.lock().unwrap_or_else(PoisonError::into_inner);
        self.shelf.delete(KIND, table);
        moments.remove(table);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::emulator::keep::Keep;

    #[test]
    fn a_table_was_made_by_the_endpoints_clock() {
        let clock = Clock::starting_at(Timestamp::from_secs(1_000));
        clock.pause();
        let at = clock.now().epoch_seconds();
        let created = Created::new(clock.clone(), Keep::default().shelf("dynamodb")).expect("nothing to read");
        created.note(&json!({"TableDescription": {"TableName": "t"}}));
        clock.step(std::time::Duration::from_secs(60));
        let mut output = json!({"Table": {"TableName": "t", "CreationDateTime": 5}});
        created.stamp(&mut output);
        assert_eq!(output["Table"]["CreationDateTime"], json!(at));
        created.forget("t");
        let mut output = json!({"Table": {"TableName": "t", "CreationDateTime": 5}});
        created.stamp(&mut output);
        assert_eq!(output["Table"]["CreationDateTime"], 5);
    }
}
