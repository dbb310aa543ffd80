//! What a pattern asks of one value.

use super::address::Block;
use super::event::Leaf;
use super::json::Kind;
use super::wildcard::Wildcard;

/// One end of a numeric range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound {
    pub value: f64,
    /// Whether the value itself is outside.
    pub open: bool,
}

/// One entry of a pattern's list of values.
#[derive(Debug, Clone, PartialEq)]
pub enum Matcher {
    Text(String),
    /// An address or a block of addresses.
    Address(Block),
    /// A number by value where it can be compared, else by text.
    Number(Option<f64>, String),
    Literal(Kind),
    Prefix(String),
    PrefixIgnoreCase(String),
    Suffix(String),
    SuffixIgnoreCase(String),
    IgnoreCase(String),
    Wildcard(Wildcard),
    Range {
        low: Option<Bound>,
        high: Option<Bound>,
    },
    AnythingBut(AnythingBut),
    Exists,
    /// The path has no value at all.
    Absent,
}

/// What a value must not be.
#[derive(Debug, Clone, PartialEq)]
pub enum AnythingBut {
    Texts(Vec<String>),
    Numbers(Vec<f64>),
    IgnoreCase(Vec<String>),
    Prefixes(Vec<String>),
    Suffixes(Vec<String>),
    Wildcards(Vec<Wildcard>),
}

impl Matcher {
    /// Whether a value fits; [`Matcher::Absent`] fits none.
    pub fn fits(&self, leaf: &Leaf<'_>) -> bool {
        match (self, leaf) {
            (Self::Exists, _) => true,
            (Self::AnythingBut(but), _) => !but.names(leaf),
            (Self::Text(wanted), Leaf::Text(text)) => text == wanted,
            (Self::Address(block), Leaf::Text(text)) => block.contains(text),
            (Self::Prefix(wanted), Leaf::Text(text)) => text.starts_with(wanted.as_str()),
            (Self::Suffix(wanted), Leaf::Text(text)) => text.ends_with(wanted.as_str()),
            (Self::IgnoreCase(wanted), Leaf::Text(text)) => {
                remainder(text.chars(), wanted.chars()).is_some_and(|mut rest| rest.next().is_none())
            }
            (Self::PrefixIgnoreCase(wanted), Leaf::Text(text)) => remainder(text.chars(), wanted.chars()).is_some(),
            (Self::SuffixIgnoreCase(wanted), Leaf::Text(text)) => {
                remainder(text.chars().rev(), wanted.chars().rev()).is_some()
            }
            (Self::Wildcard(wildcard), Leaf::Text(text)) => wildcard.matches(text),
            (Self::Number(wanted, text), Leaf::Number(written, value)) => match (wanted, value) {
                (Some(wanted), Some(value)) => same(*wanted, *value),
                _ => text == written,
            },
            (Self::Range { low, high }, Leaf::Number(_, Some(value))) => {
                low.is_none_or(|low| *value > low.value || !low.open && same(*value, low.value))
                    && high.is_none_or(|high| *value < high.value || !high.open && same(*value, high.value))
            }
            (Self::Literal(wanted), Leaf::Literal(kind)) => wanted == kind,
            _ => false,
        }
    }
}

impl AnythingBut {
    /// Whether the value is one of those that are ruled out.
    fn names(&self, leaf: &Leaf<'_>) -> bool {
        match (self, leaf) {
            (Self::Texts(texts), Leaf::Text(text)) => texts.iter().any(|ruled_out| ruled_out == text),
            (Self::Numbers(numbers), Leaf::Number(_, Some(value))) => {
                numbers.iter().any(|number| same(*number, *value))
            }
            (Self::IgnoreCase(texts), Leaf::Text(text)) => texts.iter().any(|ruled_out| {
                remainder(text.chars(), ruled_out.chars()).is_some_and(|mut rest| rest.next().is_none())
            }),
            (Self::Prefixes(texts), Leaf::Text(text)) => texts.iter().any(|prefix| text.starts_with(prefix.as_str())),
            (Self::Suffixes(texts), Leaf::Text(text)) => texts.iter().any(|suffix| text.ends_with(suffix.as_str())),
            (Self::Wildcards(wildcards), Leaf::Text(text)) => wildcards.iter().any(|wildcard| wildcard.matches(text)),
            _ => false,
        }
    }
}

/// Numbers that came from texts are equal exactly or not at all.
fn same(a: f64, b: f64) -> bool {
    a.total_cmp(&b).is_eq()
}

/// What is left of a text behind a beginning that is the same but for case; `None` when it begins otherwise.
fn remainder<I: Iterator<Item = char>>(mut text: I, wanted: impl Iterator<Item = char>) -> Option<I> {
    for wanted in wanted {
        let c = text.next()?;
        if c != wanted && !c.to_lowercase().eq(wanted.to_lowercase()) && !c.to_uppercase().eq(wanted.to_uppercase()) {
            return None;
        }
    }
    Some(text)
}
