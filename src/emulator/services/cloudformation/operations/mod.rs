//! One file a family of operations: reads the input, checks it, answers; what takes time is left to the engine.

pub mod change_sets;
pub mod describe;
pub mod events;
pub mod exports;
pub mod resources;
pub mod stacks;
mod submission;
pub mod templates;

use serde_json::Value;

use super::error::Error;

/// Entries of one page, as on AWS.
const PAGE: usize = 100;

/// Cuts one page out of a list; the token is the index of the first entry.
fn page(entries: Vec<Value>, token: Option<&str>) -> Result<(Vec<Value>, Option<String>), Error> {
    let start = match token.filter(|token| !token.is_empty()) {
        None => 0,
        Some(token) => {
            token.parse::<usize>().map_err(|_| Error::Validation(format!("NextToken {token} is invalid")))?
        }
    };
    let end = start.saturating_add(PAGE);
    let next = (end < entries.len()).then(|| end.to_string());
    Ok((entries.into_iter().skip(start).take(PAGE).collect(), next))
}

/// An answer with one list and the token of the next page.
fn listed(name: &str, entries: Vec<Value>, token: Option<&str>) -> Result<Value, Error> {
    let (page, next) = page(entries, token)?;
    Ok(listing(name, page, next))
}

/// An answer with one page of a list.
fn listing(name: &str, page: Vec<Value>, next: Option<String>) -> Value {
    let mut answer = serde_json::json!({});
    answer[name] = Value::Array(page);
    if let Some(next) = next {
        answer["NextToken"] = Value::from(next);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other() {
        let entries: Vec<Value> = (0..250).map(Value::from).collect();
        let (first, token) = page(entries.clone(), None).expect("a page");
        assert_eq!((first.len(), token.as_deref()), (100, Some("100")));
        let (last, token) = page(entries.clone(), Some("200")).expect("a page");
        assert_eq!((last.len(), token), (50, None));
        assert!(page(entries, Some("x")).is_err());
    }
}
