//! The event pattern language: compiled once, matched against flattened events.
//!
//! A pattern is a set of rules (each `$or` multiplies them); a rule asks something of each of its paths. Values that
//! stand in arrays of objects must come from the same elements.

mod address;
mod compile;
mod event;
mod json;
mod matcher;
mod number;
mod wildcard;

use std::collections::HashSet;
use std::sync::Arc;

pub use event::Event;
use event::Membership;
pub use json::{compact, object as is_object};
use matcher::Matcher;

/// Why a pattern is not valid, as EventBridge words it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Event pattern is not valid. Reason: {0}")]
pub struct PatternError(pub String);

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    rules: Vec<Rule>,
}

/// What each path of one rule must hold, ordered by path.
#[derive(Debug, Clone, Default, PartialEq)]
struct Rule {
    fields: Vec<(String, Arc<[Matcher]>)>,
}

impl Rule {
    /// A path that is given twice is what it was given last.
    fn set(&mut self, path: &str, matchers: Arc<[Matcher]>) {
        match self.fields.iter_mut().find(|(known, _)| known == path) {
            Some((_, known)) => *known = matchers,
            None => self.fields.push((path.to_owned(), matchers)),
        }
    }

    fn matches(&self, event: &Event<'_>) -> bool {
        let mut attempt = Attempt { rule: self, event, failed: HashSet::new(), later: None };
        attempt.from(0, &Membership::new())
    }
}

/// Whether a pattern takes an event, both as JSON; what is no event is taken by none.
///
/// # Errors
/// Why the pattern is not valid.
pub fn takes(pattern: &str, event: &str) -> Result<bool, PatternError> {
    let pattern = Pattern::compile(pattern)?;
    Ok(Event::parse(event).is_some_and(|event| pattern.matches(&event)))
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// Why it is not valid.
    pub fn compile(source: &str) -> Result<Self, PatternError> {
        compile::compile(source).map(|rules| Self { rules })
    }

    /// Whether the event fits.
    pub fn matches(&self, event: &Event<'_>) -> bool {
        self.rules.iter().any(|rule| rule.matches(event))
    }
}

/// One attempt to fit an event to a rule, path by path.
struct Attempt<'a> {
    rule: &'a Rule,
    event: &'a Event<'a>,
    /// Paths and array elements from which there was no way on.
    failed: HashSet<(usize, Membership)>,
    /// The arrays that the paths from each number on stand in; made when an array is met first.
    later: Option<Vec<HashSet<u32>>>,
}

impl Attempt<'_> {
    /// Fits the paths from number `at` on, when earlier values stand in these array elements.
    fn from(&mut self, at: usize, membership: &Membership) -> bool {
        let Some((path, matchers)) = self.rule.fields.get(at) else { return true };
        let fields = self.event.at(path);
        let mut absent = true;
        for field in fields {
            let Some(joined) = join(membership, &field.membership) else { continue };
            absent = false;
            if matchers.iter().any(|matcher| matcher.fits(&field.leaf)) && self.go_on(at + 1, joined) {
                return true;
            }
        }
        absent && matchers.contains(&Matcher::Absent) && self.go_on(at + 1, membership.clone())
    }

    fn go_on(&mut self, at: usize, mut membership: Membership) -> bool {
        if at == self.rule.fields.len() {
            return true;
        }
        // Only arrays that later paths stand in can make a difference.
        if !membership.is_empty() {
            let later = self.later();
            membership.retain(|(array, _)| later.get(at).is_some_and(|arrays| arrays.contains(array)));
        }
        let key = (at, membership);
        if self.failed.contains(&key) {
            return false;
        }
        if self.from(at, &key.1) {
            return true;
        }
        self.failed.insert(key);
        false
    }
}

impl Attempt<'_> {
    fn later(&mut self) -> &[HashSet<u32>] {
        let (rule, event) = (self.rule, self.event);
        self.later.get_or_insert_with(|| {
            let mut arrays = HashSet::new();
            let mut later: Vec<HashSet<u32>> = Vec::with_capacity(rule.fields.len());
            for (path, _) in rule.fields.iter().rev() {
                arrays.extend(event.at(path).iter().flat_map(|field| &field.membership).map(|(array, _)| *array));
                later.push(arrays.clone());
            }
            later.reverse();
            later
        })
    }
}

/// The elements of both, or `None` when they name different elements of one array.
fn join(a: &Membership, b: &Membership) -> Option<Membership> {
    let mut joined = a.clone();
    for (array, index) in b {
        match a.iter().find(|(known, _)| known == array) {
            Some((_, known)) if known != index => return None,
            Some(_) => {}
            None => joined.push((*array, *index)),
        }
    }
    joined.sort_unstable();
    Some(joined)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, event: &str) -> bool {
        let event = Event::parse(event).expect("an event");
        Pattern::compile(pattern).expect("a valid pattern").matches(&event)
    }

    #[test]
    fn values_of_an_array_of_objects_come_from_one_element() {
        let event = r#"{"t":[{"k":"color","v":"red"},{"k":"size","v":"big"}],"u":["a","b"]}"#;
        assert!(matches(r#"{"t":{"k":["color"],"v":["red"]}}"#, event));
        assert!(!matches(r#"{"t":{"k":["color"],"v":["big"]}}"#, event));
        assert!(matches(r#"{"t":{"k":["size"],"v":["big"]},"u":["b"]}"#, event));
    }

    #[test]
    fn absence_and_alternatives() {
        assert!(matches(r#"{"a":[{"exists":false}],"b":["x"]}"#, r#"{"b":"x"}"#));
        assert!(!matches(r#"{"a":[{"exists":false}]}"#, r#"{"a":null}"#));
        assert!(matches(r#"{"a":[{"exists":false}]}"#, r#"{"a":{"b":1}}"#));
        let either = r#"{"s":["x"],"$or":[{"a":[1]},{"b":[{"numeric":[">",5]}]}]}"#;
        assert!(matches(either, r#"{"s":"x","a":1.0}"#));
        assert!(matches(either, r#"{"s":"x","a":2,"b":6}"#));
        assert!(!matches(either, r#"{"s":"x","a":2,"b":5}"#));
    }

    #[test]
    fn a_costly_event_is_matched_without_trying_every_combination() {
        let elements: Vec<String> = (0..2_000).map(|n| format!("{{\"x\":{n}}}")).collect();
        let list = elements.join(",");
        let event = format!("{{\"a\":[{list}],\"b\":[{list}],\"c\":[{list}],\"d\":1}}");
        let pattern =
            r#"{"a":{"x":[{"exists":true}]},"b":{"x":[{"exists":true}]},"c":{"x":[{"exists":true}]},"d":[2]}"#;
        assert!(!matches(pattern, &event));
    }

    #[test]
    fn complaints_are_those_of_eventbridge() {
        let complaint = |pattern: &str| Pattern::compile(pattern).expect_err("not valid").to_string();
        assert_eq!(
            complaint("{\"int\": 42}"),
            "Event pattern is not valid. Reason: \"int\" must be an object or an array\n at [Source: (String)\"{\"int\": 42}\"; line: 1, column: 11]"
        );
        assert!(complaint("{\"a\":[]}").contains("Empty arrays are not allowed"));
        assert!(complaint("{}").contains("Empty objects are not allowed"));
        assert!(complaint("{\"a\":[{\"cidr\":\"x\"}]}").ends_with("Malformed CIDR, one '/' required"));
        assert!(complaint("{\"a\":[1").contains("Unexpected end-of-input"));
    }

    proptest! {
        #[test]
        fn no_input_panics(pattern in "\\PC{0,64}", event in "\\PC{0,64}") {
            let compiled = Pattern::compile(&pattern);
            if let (Ok(pattern), Some(event)) = (compiled, Event::parse(&event)) {
                pattern.matches(&event);
            }
        }

        #[test]
        fn no_pattern_of_the_right_letters_panics(
            body in "[\\[\\]{}\",:0-9.eE/*\\\\ -]{0,40}",
            name in "(prefix|suffix|wildcard|numeric|exists|cidr|anything-but|equals-ignore-case|\\$or)",
        ) {
            for pattern in [format!("{{\"a\":[{{\"{name}\":{body}}}]}}"), format!("{{\"{name}\":[{body}]}}"), body] {
                if let (Ok(pattern), Some(event)) = (Pattern::compile(&pattern), Event::parse(r#"{"a":["x",1,null]}"#)) {
                    pattern.matches(&event);
                }
            }
        }
    }
}
