//! Readers for inputs of the query protocol, where every scalar is text and an empty list is an empty text; the same
//! members may come typed from inside the endpoint.

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error};
use serde_json::Value;

/// A flag: `true`, `"true"`, `"false"`, …; absent when the text is empty.
///
/// # Errors
/// When it is neither.
pub fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::Bool(flag) => Ok(Some(flag)),
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "" => Ok(None),
            "true" => Ok(Some(true)),
            "false" => Ok(Some(false)),
            _ => Err(D::Error::custom(format!("{text:?} is not a boolean"))),
        },
        other => Err(D::Error::custom(format!("{other} is not a boolean"))),
    }
}

/// A whole number: `10` or `"10"`; absent when the text is empty.
///
/// # Errors
/// When it is no whole number.
pub fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::String(text) if text.is_empty() => Ok(None),
        Value::String(text) => {
            text.parse().map(Some).map_err(|_| D::Error::custom(format!("{text:?} is not an integer")))
        }
        Value::Number(number) if number.is_i64() => Ok(number.as_i64()),
        other => Err(D::Error::custom(format!("{other} is not an integer"))),
    }
}

/// A list; absent, null and the empty text are an empty one.
///
/// # Errors
/// When it is no list or an entry does not fit.
pub fn list<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Vec<T>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(Vec::new()),
        Value::String(text) if text.is_empty() => Ok(Vec::new()),
        Value::Array(entries) => {
            entries.into_iter().map(|entry| serde_json::from_value(entry).map_err(D::Error::custom)).collect()
        }
        other => Err(D::Error::custom(format!("{other} is not a list"))),
    }
}

/// A list whose absence means something else than an empty one.
///
/// # Errors
/// When it is no list or an entry does not fit.
pub fn optional_list<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<Vec<T>>, D::Error> {
    list(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Input {
        #[serde(default, deserialize_with = "flag")]
        flag: Option<bool>,
        #[serde(default, deserialize_with = "integer")]
        count: Option<i64>,
        #[serde(default, deserialize_with = "list")]
        names: Vec<String>,
        #[serde(default, deserialize_with = "optional_list")]
        tags: Option<Vec<String>>,
    }

    fn read(text: &str) -> Result<Input, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn text_and_typed_members_read_alike() {
        let typed = read(r#"{"flag":true,"count":10,"names":["a"],"tags":[]}"#).expect("typed");
        let text = read(r#"{"flag":"true","count":"10","names":["a"],"tags":""}"#).expect("text");
        assert_eq!(typed, text);
        assert_eq!(read("{}").expect("nothing").tags, None);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for input in [r#"{"flag":"maybe"}"#, r#"{"count":"ten"}"#, r#"{"names":"a"}"#, r#"{"names":[1]}"#] {
            assert!(read(input).is_err(), "{input}");
        }
    }
}
