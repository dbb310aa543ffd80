//! What the books say of one object key.

use std::sync::Arc;
use std::time::Duration;

use crate::model::Timestamp;

/// The part of an object's key below the share's prefix; a directory's ends in a slash.
pub type Key = Arc<str>;

/// By what a content is known to be the same without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stamp {
    /// Bytes.
    pub size: u64,
    /// Nanoseconds since the epoch.
    pub mtime: i64,
    /// The file's number on its disk.
    pub ino: u64,
}

/// The number of a content: two that are equal are the same bytes.
pub type Content = u64;

/// A content that the folder never had, or only in part.
pub(super) const FOREIGN: Content = 0;

/// What the folder holds at a path.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub content: Content,
    pub stamp: Stamp,
    /// Another write could have left the same stamp.
    pub racy: bool,
    /// When the client wrote it last, on the endpoint's clock.
    pub written: Timestamp,
    pub announced: bool,
    /// An announcement is under way.
    pub announcing: bool,
    /// An announcement failed: not before this moment again.
    pub again: Option<Timestamp>,
    /// The key whose object holds the same content, if it came by a rename.
    pub source: Option<Key>,
}

impl Wanted {
    pub const fn new(content: Content, stamp: Stamp, racy: bool, written: Timestamp, source: Option<Key>) -> Self {
        Self { content, stamp, racy, written, announced: false, announcing: false, again: None, source }
    }
}

/// What the bucket holds at a key.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub content: Content,
    pub etag: Box<str>,
    /// The book's page on which this was written.
    pub page: u64,
}

/// What is under way at a key.
#[derive(Debug, Clone)]
pub(super) enum Work {
    Put { content: Content, stamp: Stamp },
    Copy { content: Content, from: Key },
    Delete,
}

/// Where a slot is filed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Neither folder nor bucket hold anything.
    Gone,
    /// The bucket holds what the folder holds; to be announced at a moment.
    Clean { due: Option<Timestamp> },
    /// The same, and the announcement is under way.
    Announcing,
    /// There is something to do.
    Ready,
    /// There is something to do at a moment.
    Delayed(Timestamp),
    /// There is something to do once something else has happened.
    Blocked,
    /// Something is under way.
    AtWork,
    /// The bucket refuses it for good.
    Refused,
}

impl Class {
    /// Whether bucket and folder do not agree yet.
    pub const fn is_open(self) -> bool {
        !matches!(self, Self::Gone | Self::Clean { .. } | Self::Announcing)
    }
}

/// What the books say of one key.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub wanted: Option<Wanted>,
    pub held: Option<Held>,
    pub work: Option<Work>,
    /// Keys that want to be copied from this one.
    pub pins: Vec<Key>,
    /// Somebody was writing it while it was read: it waits for the end of that.
    pub unsettled: bool,
    pub refused: bool,
    pub attempts: u32,
    pub not_before: Option<Timestamp>,
    pub class: Class,
    /// Bytes that the totals count for it: used and dirty.
    pub counted: (u64, u64),
    /// Whether the totals count it as a file or directory.
    pub is_counted: bool,
}

impl Slot {
    pub const fn empty() -> Self {
        Self {
            wanted: None,
            held: None,
            work: None,
            pins: Vec::new(),
            unsettled: false,
            refused: false,
            attempts: 0,
            not_before: None,
            class: Class::Gone,
            counted: (0, 0),
            is_counted: false,
        }
    }

    /// Forgets what went wrong with the content before.
    pub const fn forgive(&mut self) {
        self.unsettled = false;
        self.refused = false;
        self.attempts = 0;
        self.not_before = None;
    }

    /// Whether the object at the key has that content.
    pub fn holds(&self, content: Content) -> bool {
        self.held.as_ref().is_some_and(|held| held.content == content)
    }

    /// Where it belongs.
    pub fn classify(&self, settling: Option<Duration>) -> Class {
        if self.work.is_some() {
            return Class::AtWork;
        }
        if let Some(wanted) = &self.wanted
            && self.holds(wanted.content)
        {
            return match settling {
                _ if wanted.announcing => Class::Announcing,
                Some(settling) if !wanted.announced => {
                    Class::Clean { due: Some(wanted.again.unwrap_or(wanted.written + settling)) }
                }
                _ => Class::Clean { due: None },
            };
        }
        match (&self.wanted, &self.held) {
            (None, None) if self.pins.is_empty() => Class::Gone,
            _ if self.refused => Class::Refused,
            _ if self.unsettled || !self.pins.is_empty() => Class::Blocked,
            _ => self.not_before.map_or(Class::Ready, Class::Delayed),
        }
    }
}
