//! Pages of lists of names.

use serde_json::{Value, json};

use super::error::Error;

/// Entries of a page, by default and at the most.
pub const MOST: i64 = 100;

/// The page that begins at `token`, under the member `name`.
///
/// # Errors
/// `InvalidParameterException` for a token or a size that there is not.
pub fn page(name: &str, entries: Vec<String>, most: i64, token: Option<&str>) -> Result<Value, Error> {
    if !(1..=MOST).contains(&most) {
        return Err(Error::invalid(format!("maxResults should be between 1 and {MOST}.")));
    }
    let most = usize::try_from(most).unwrap_or_default();
    let start = match token {
        None => 0,
        // The token is the first entry that is still to come.
        Some(token) => entries
            .iter()
            .position(|entry| entry == token)
            .ok_or_else(|| Error::invalid("Invalid token. Pass the nextToken of the last answer, or none."))?,
    };
    let mut answer = json!({ name: entries.iter().skip(start).take(most).collect::<Vec<_>>() });
    if let Some(next) = entries.get(start + most) {
        answer["nextToken"] = Value::from(next.as_str());
    }
    Ok(answer)
}
