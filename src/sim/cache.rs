//! The write-back cache of the gateway, counted in bytes: what is not uploaded yet has to stay, what is may go.

use std::collections::VecDeque;

use crate::model::CacheState;

/// Bytes of the cache, and who waits for room in it.
#[derive(Debug, Clone)]
pub struct Cache<W> {
    state: CacheState,
    most_dirty: u64,
    waiting: VecDeque<(W, u64)>,
    waited: u64,
}

impl<W> Cache<W> {
    /// An empty cache.
    pub fn new(capacity: Option<u64>) -> Self {
        let state = CacheState { capacity, ..CacheState::default() };
        Self { state, most_dirty: 0, waiting: VecDeque::new(), waited: 0 }
    }

    /// Takes room for a write, or lets its writer wait: the first one first. Answers whether there was room.
    pub fn write(&mut self, writer: W, bytes: u64) -> bool {
        if self.waiting.is_empty() && self.has_room(bytes) {
            self.take(bytes);
            return true;
        }
        self.waiting.push_back((writer, bytes));
        self.waited += 1;
        false
    }

    /// Notes that so many bytes are uploaded: they may go as soon as others need the room.
    pub fn uploaded(&mut self, bytes: u64) {
        self.state.dirty = self.state.dirty.saturating_sub(bytes);
        self.state.clean += bytes;
    }

    /// Notes that so many bytes that were uploaded are written anew.
    pub fn forget_clean(&mut self, bytes: u64) {
        self.state.clean = self.state.clean.saturating_sub(bytes);
    }

    /// The next writer that waited and has room now, which is taken for it.
    pub fn wake(&mut self) -> Option<W> {
        let (_, bytes) = self.waiting.front()?;
        if !self.has_room(*bytes) {
            return None;
        }
        let (writer, bytes) = self.waiting.pop_front()?;
        self.take(bytes);
        Some(writer)
    }

    /// What lies in it.
    pub fn state(&self) -> CacheState {
        self.state
    }

    /// The most bytes that were not uploaded at any moment.
    pub fn most_dirty(&self) -> u64 {
        self.most_dirty
    }

    /// Writers that wait now.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How often a writer had to wait.
    pub fn waited(&self) -> u64 {
        self.waited
    }

    fn has_room(&self, bytes: u64) -> bool {
        self.state.capacity.is_none_or(|capacity| self.state.dirty.saturating_add(bytes) <= capacity)
    }

    fn take(&mut self, bytes: u64) {
        self.state.dirty += bytes;
        self.most_dirty = self.most_dirty.max(self.state.dirty);
        if let Some(capacity) = self.state.capacity {
            self.state.clean = self.state.clean.min(capacity.saturating_sub(self.state.dirty));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writers_wait_in_their_order_until_uploads_make_room() {
        let mut cache = Cache::new(Some(100));
        assert!(cache.write("a", 60) && cache.write("b", 40));
        assert!(!cache.write("c", 50));
        assert!(!cache.write("d", 1), "nobody overtakes");
        cache.uploaded(40);
        assert_eq!(cache.wake(), None, "c needs 50");
        cache.uploaded(60);
        assert_eq!((cache.wake(), cache.wake(), cache.wake()), (Some("c"), Some("d"), None));
        let CacheState { dirty, clean, .. } = cache.state();
        assert_eq!((dirty, clean), (51, 49), "what is uploaded goes as far as the room is needed");
        assert_eq!((cache.most_dirty(), cache.waited(), cache.waiting()), (100, 2, 0));
    }
}
