//! Reads an operation's input, over the query protocol or from inside the endpoint: there lists are named in the plural
//! (`VpcIds`), here after their entries (`VpcId.1`).

use serde_json::{Map, Value};

use super::error::Error;

/// Lists and members whose two names differ by more than an `s`: (over the query protocol, in the SDKs).
const ALIASES: [(&str, &str); 5] = [
    ("ResourceId", "Resources"),
    ("SecurityGroupId", "Groups"),
    ("GroupDescription", "Description"),
    ("Groups", "UserIdGroupPairs"),
    ("ExecutableBy", "ExecutableUsers"),
];

/// An object of the input.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a>(pub &'a Map<String, Value>);

impl<'a> Input<'a> {
    /// A member by its name in the query protocol; nothing when it is empty.
    pub fn get(self, name: &str) -> Option<&'a Value> {
        let by = |name: &str| self.0.get(name).filter(|value| !value.is_null() && value.as_str() != Some(""));
        by(name)
            .or_else(|| ALIASES.iter().filter(|(wire, _)| *wire == name).find_map(|(_, sdk)| by(sdk)))
            .or_else(|| by(&format!("{name}s")))
    }

    /// Whether `given` is a name of that member.
    #[must_use]
    pub fn is_named(name: &str, given: &str) -> bool {
        name == given || given.strip_suffix('s') == Some(name) || ALIASES.contains(&(name, given))
    }

    /// A text.
    pub fn text(self, name: &str) -> Option<String> {
        match self.get(name)? {
            Value::String(text) => Some(text.clone()),
            scalar @ (Value::Bool(_) | Value::Number(_)) => Some(scalar.to_string()),
            _ => None,
        }
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// `MissingParameter`.
    pub fn required(self, name: &str) -> Result<String, Error> {
        let small: String = name.chars().take(1).flat_map(char::to_lowercase).chain(name.chars().skip(1)).collect();
        self.text(name).ok_or_else(|| Error::missing(&small))
    }

    /// A flag.
    ///
    /// # Errors
    /// When it is neither true nor false.
    pub fn flag(self, name: &str) -> Result<Option<bool>, Error> {
        match self.text(name).map(|text| text.to_ascii_lowercase()).as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(Error::value(name, other, "It is not a boolean.")),
        }
    }

    /// The `Value` of an attribute, as `EnableDnsSupport.Value=true`.
    ///
    /// # Errors
    /// When it is neither true nor false.
    pub fn attribute(self, name: &str) -> Result<Option<bool>, Error> {
        self.object(name).map_or(Ok(None), |object| object.flag("Value"))
    }

    /// A whole number.
    ///
    /// # Errors
    /// When it is none.
    pub fn integer(self, name: &str) -> Result<Option<i64>, Error> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| Error::value(name, text, "It is not an integer."))
    }

    /// An object.
    pub fn object(self, name: &str) -> Option<Input<'a>> {
        self.get(name)?.as_object().map(Input)
    }

    /// The texts of a list.
    #[must_use]
    pub fn texts(self, name: &str) -> Vec<String> {
        match self.get(name) {
            Some(Value::Array(entries)) => entries.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect(),
            Some(Value::String(text)) => vec![text.clone()],
            _ => Vec::new(),
        }
    }

    /// The objects of a list.
    #[must_use]
    pub fn objects(self, name: &str) -> Vec<Input<'a>> {
        let entries = self.get(name).and_then(Value::as_array).into_iter().flatten();
        entries.filter_map(Value::as_object).map(Input).collect()
    }
}
