//! What a bucket holds, as it is read when somebody looks: one level of its tree at a time, uploads that are not complete,
//! the beginning of an object. No I/O.

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// Bytes of an object that are read to show how it begins.
pub const PEEK_BYTES: u64 = 16 * 1_024;
/// Bytes that are kept of one that is no text: a row of a screen shows sixteen at the most.
const KEPT_BINARY: usize = 4 * 1_024;

/// What is asked of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Look {
    /// What lies right below a prefix: answered with [`Found::Level`].
    Level {
        /// The bucket.
        bucket: String,
        /// Empty, or it ends in a slash.
        prefix: String,
        /// [`Level::next`] of the page before; `None` for the beginning.
        after: Option<String>,
        /// Pages to read at the most, of a thousand keys each.
        pages: u32,
    },
    /// Multipart uploads that are neither complete nor aborted: answered with [`Found::Uploads`].
    Uploads {
        /// The bucket.
        bucket: String,
    },
    /// The beginning of an object and what is known of it: answered with [`Found::Peek`].
    Peek {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
    },
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Found {
    /// Of [`Look::Level`].
    Level(Level),
    /// Of [`Look::Uploads`].
    Uploads(Uploads),
    /// Of [`Look::Peek`].
    Peek(Box<Peek>),
}

/// Some of what lies right below a prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Level {
    /// Prefixes one level down, whole, each with its slash at the end.
    pub folders: Vec<String>,
    /// Objects.
    pub objects: Vec<ObjectRow>,
    /// Where to go on; `None` at the end.
    pub next: Option<String>,
}

/// An object as a listing has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRow {
    /// The whole key.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// When it was last modified.
    pub modified: Option<Timestamp>,
    /// `STANDARD`, …
    pub storage_class: String,
}

/// Multipart uploads that are under way, or were left.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Uploads {
    /// In the order of their keys.
    pub list: Vec<PartialUpload>,
    /// Whether there are more than were listed.
    pub is_cut: bool,
}

/// An upload that is not complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PartialUpload {
    /// The key that it will have.
    pub key: String,
    /// The upload's id.
    pub upload_id: String,
    /// When it was begun.
    pub initiated: Option<Timestamp>,
    /// Its parts so far; `None` where they were not asked for.
    pub parts: Option<Parts>,
}

/// Parts of an upload.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parts {
    /// How many.
    pub count: usize,
    /// Bytes of all of them.
    pub bytes: u64,
    /// Whether there are more than were listed.
    pub is_cut: bool,
}

/// How an object begins, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Peek {
    /// Bytes of the whole object.
    pub size: u64,
    /// When it was last modified.
    pub modified: Option<Timestamp>,
    /// `STANDARD`, …
    pub storage_class: String,
    /// What it says that it is.
    pub content_type: Option<String>,
    /// Its entity tag, with its quotes.
    pub etag: Option<String>,
    /// How it is encrypted.
    pub encryption: Option<String>,
    /// Names without `x-amz-meta-`, and values.
    pub metadata: Vec<(String, String)>,
    /// Its tags, or why they could not be read.
    pub tags: Result<Vec<(String, String)>, String>,
    /// How it begins.
    pub start: Start,
}

/// How an object begins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Start {
    /// It has no bytes.
    #[default]
    Empty,
    /// Text, from its beginning.
    Text {
        /// The text.
        text: String,
        /// Whether that is all of it.
        is_whole: bool,
    },
    /// The whole of a JSON document, a member a line.
    Json(String),
    /// Bytes that are no text, in hexadecimal, two digits each.
    Binary {
        /// The digits.
        digits: String,
        /// Whether that is all of it.
        is_whole: bool,
    },
}

impl Start {
    /// What the first bytes of an object of `size` bytes are.
    #[must_use]
    pub fn of(bytes: &[u8], size: u64) -> Self {
        if bytes.is_empty() {
            return Self::Empty;
        }
        let is_whole = u64::try_from(bytes.len()).is_ok_and(|read| read >= size);
        let Some(text) = text_of(bytes, is_whole) else {
            let kept = &bytes[..bytes.len().min(KEPT_BINARY)];
            let digits = kept.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
            return Self::Binary { digits, is_whole: is_whole && kept.len() == bytes.len() };
        };
        let is_document = is_whole && text.trim_start().starts_with(['{', '[']);
        let document = is_document.then(|| serde_json::from_str::<serde_json::Value>(text).ok()).flatten();
        match document.and_then(|document| serde_json::to_string_pretty(&document).ok()) {
            Some(pretty) => Self::Json(pretty),
            None => Self::Text { text: text.to_owned(), is_whole },
        }
    }
}

/// The text that the bytes are; `None` where they are none. A character that the cut went through is left out.
fn text_of(bytes: &[u8], is_whole: bool) -> Option<&str> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if !is_whole && error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let is_odd = |char: char| char.is_control() && !matches!(char, '\n' | '\r' | '\t' | '\u{b}' | '\u{c}' | '\u{1b}');
    (!text.is_empty() && !text.contains(is_odd)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_as_text_is_shown_as_text() {
        assert_eq!(Start::of(b"", 0), Start::Empty);
        assert_eq!(Start::of(b"a\r\nb\t1", 6), Start::Text { text: "a\r\nb\t1".to_owned(), is_whole: true });
        let cut = Start::Text { text: "a".to_owned(), is_whole: false };
        assert_eq!(Start::of("a日".as_bytes().split_last().expect("bytes").1, 9), cut, "cut within a character");
        let whole = Start::of("a日".as_bytes().split_last().expect("bytes").1, 3);
        assert!(matches!(whole, Start::Binary { is_whole: true, .. }), "nothing follows: it is no text");
    }

    #[test]
    fn a_whole_document_is_shown_a_member_a_line() {
        let Start::Json(text) = Start::of(b"{\"a\":[1],\"b\":{}}", 16) else { panic!("JSON") };
        assert_eq!(text.lines().next(), Some("{"));
        assert!(text.contains("  \"a\": ["));
        assert!(matches!(Start::of(b"{\"a\":[1],\"b\":{}}", 17), Start::Text { is_whole: false, .. }), "a part of one");
        assert!(matches!(Start::of(b"{nothing}", 9), Start::Text { .. }));
    }

    #[test]
    fn bytes_are_shown_as_digits() {
        let short = Start::Binary { digits: "00ff10".to_owned(), is_whole: true };
        assert_eq!(Start::of(&[0, 255, 16], 3), short);
        let Start::Binary { digits, is_whole } = Start::of(&vec![0; 16_384], 16_384) else { panic!("bytes") };
        assert_eq!((digits.len(), is_whole), (2 * KEPT_BINARY, false), "what is kept is not all");
        assert!(matches!(Start::of(b"a\0b", 3), Start::Binary { .. }), "control characters are no text");
    }
}
