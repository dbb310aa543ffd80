//! Intrinsic functions on texts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use serde_json::Value;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

/// Characters that the Base64 and hash functions take at most.
const LONGEST_DATA: usize = 10_000;

fn limited(data: &str) -> Result<&str, String> {
    if data.chars().count() > LONGEST_DATA {
        return Err(format!("the data is longer than {LONGEST_DATA} characters"));
    }
    Ok(data)
}

pub(super) fn base64_encode(data: &str) -> Result<Value, String> {
    Ok(Value::from(STANDARD.encode(limited(data)?)))
}

pub(super) fn base64_decode(data: &str) -> Result<Value, String> {
    let bytes = STANDARD.decode(limited(data)?).map_err(|_| "the data is not valid Base64".to_owned())?;
    String::from_utf8(bytes).map(Value::from).map_err(|_| "the decoded data is not UTF-8".to_owned())
}

pub(super) fn hash(data: &Value, algorithm: &str) -> Result<Value, String> {
    let data = match data {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let data = limited(&data)?.as_bytes();
    Ok(Value::from(match algorithm {
        "MD5" => hex::encode(Md5::digest(data)),
        "SHA-1" => hex::encode(Sha1::digest(data)),
        "SHA-256" => hex::encode(Sha256::digest(data)),
        "SHA-384" => hex::encode(Sha384::digest(data)),
        "SHA-512" => hex::encode(Sha512::digest(data)),
        other => return Err(format!("{other:?} is no hash algorithm: use MD5, SHA-1, SHA-256, SHA-384 or SHA-512")),
    }))
}

/// JSON of a text; a blank text is null, as on AWS.
pub(super) fn parse_json(text: &str) -> Result<Value, String> {
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    if text.trim() == "-0" {
        return Ok(Value::from(0));
    }
    serde_json::from_str(text).map_err(|error| format!("the string is not valid JSON: {error}"))
}

/// The parts between any of the separator characters; empty parts are left out.
pub(super) fn split(text: &str, separators: &str) -> Value {
    text.split(|c| separators.contains(c)).filter(|part| !part.is_empty()).map(Value::from).collect()
}

/// Puts the values in place of `{}`. `written` is a quoted template with its escapes, `plain` one from a path.
pub(super) fn format<'a>(
    written: Option<&str>,
    plain: &str,
    mut values: impl Iterator<Item = &'a Value>,
) -> Result<Value, String> {
    let mut out = String::new();
    let mut chars = written.unwrap_or(plain).chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if written.is_some() || matches!(chars.peek(), Some('{' | '}')) => out.extend(chars.next()),
            '{' if chars.peek() == Some(&'}') => {
                chars.next();
                let value = values.next().ok_or_else(|| "there are more {} than values".to_owned())?;
                render(value, &mut out);
            }
            '{' | '}' if written.is_some() => return Err("a brace stands alone: escape it with a backslash".to_owned()),
            c => out.push(c),
        }
    }
    if values.next().is_some() {
        return Err("there are more values than {}".to_owned());
    }
    Ok(Value::from(out))
}

/// Writes a value the way AWS interpolates it: `{key=value, list=[1, 2]}`.
fn render(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => out.push_str(text),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                render(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (at, (name, item)) in members.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                out.push_str(name);
                out.push('=');
                render(item, out);
            }
            out.push('}');
        }
        other => out.push_str(&other.to_string()),
    }
}
