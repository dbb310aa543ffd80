//! Things of a stack by name, and which of them have changed since they were last written down.

use std::collections::BTreeSet;
use std::ops::Deref;

use indexmap::IndexMap;

/// Things by name; every way to change one notes that it has changed.
#[derive(Debug, Clone)]
pub struct Tracked<T> {
    things: IndexMap<String, T>,
    changed: BTreeSet<String>,
}

impl<T> Default for Tracked<T> {
    fn default() -> Self {
        Self { things: IndexMap::new(), changed: BTreeSet::new() }
    }
}

impl<T> Deref for Tracked<T> {
    type Target = IndexMap<String, T>;

    fn deref(&self) -> &IndexMap<String, T> {
        &self.things
    }
}

impl<'a, T> IntoIterator for &'a Tracked<T> {
    type Item = (&'a String, &'a T);
    type IntoIter = indexmap::map::Iter<'a, String, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.things.iter()
    }
}

impl<T> Tracked<T> {
    /// Puts a thing in the place of the one with that name.
    pub fn insert(&mut self, name: String, thing: T) -> Option<T> {
        self.changed.insert(name.clone());
        self.things.insert(name, thing)
    }

    /// A thing, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut T> {
        let thing = self.things.get_mut(name)?;
        self.changed.insert(name.to_owned());
        Some(thing)
    }

    /// Takes a thing out; the others keep their order.
    pub fn shift_remove(&mut self, name: &str) -> Option<T> {
        let thing = self.things.shift_remove(name)?;
        self.changed.insert(name.to_owned());
        Some(thing)
    }

    /// Takes everything out.
    pub fn clear(&mut self) {
        self.changed.extend(self.things.drain(..).map(|(name, _)| name));
    }

    /// Puts a thing back that is written down already.
    pub fn restore(&mut self, name: String, thing: T) {
        self.things.insert(name, thing);
    }

    /// The names of what has changed since the last call.
    pub fn take_changed(&mut self) -> BTreeSet<String> {
        std::mem::take(&mut self.changed)
    }
}
