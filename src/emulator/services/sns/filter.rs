//! Filter policies: which messages a subscription wants, by their attributes or by their body.

use std::net::IpAddr;

use serde_json::{Map, Value};

use super::error::SnsError;
use super::message::Attribute;
use crate::emulator::glob;

/// Keys that a policy may have.
const MOST_KEYS: usize = 5;
/// Combinations of values that a policy may have.
const MOST_COMBINATIONS: usize = 150;
/// Levels that a policy on the body may nest.
const DEEPEST: usize = 16;

/// What a policy looks at.
#[derive(serde::Serialize, serde::Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FilterScope {
    /// `MessageAttributes`.
    #[default]
    Attributes,
    /// `MessageBody`.
    Body,
}

/// A filter policy, read once.
#[derive(Debug, Clone)]
pub struct FilterPolicy {
    /// As it was given.
    pub text: String,
    root: Node,
    pub scope: FilterScope,
}

/// An object of a policy: every key must match, and one of each `$or`.
#[derive(Debug, Clone, Default)]
struct Node {
    keys: Vec<(String, Wanted)>,
    either: Vec<Vec<Node>>,
}

#[derive(Debug, Clone)]
enum Wanted {
    Values(Vec<Condition>),
    Inside(Node),
}

#[derive(Debug, Clone)]
enum Condition {
    /// A text, a number, a flag or null.
    Exactly(Value),
    Prefix(String),
    Suffix(String),
    IgnoringCase(String),
    Wildcard(String),
    Numeric(Vec<(Comparison, f64)>),
    Exists(bool),
    Cidr(IpAddr, u8),
    AnythingBut(Vec<Condition>),
}

#[derive(Debug, Clone, Copy)]
enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

fn bad(problem: impl std::fmt::Display) -> SnsError {
    SnsError::parameter(format!("FilterPolicy: {problem}"))
}

impl FilterPolicy {
    /// Reads a policy.
    ///
    /// # Errors
    /// `InvalidParameter` when it is none.
    pub fn read(text: &str, scope: FilterScope) -> Result<Self, SnsError> {
        let source: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| bad(format!("failed to parse JSON. {error}")))?;
        let root = Node::read(&source, scope, DEEPEST)?;
        if source.len() > MOST_KEYS {
            return Err(bad("Filter policy can not have more than 5 keys"));
        }
        if root.combinations() > MOST_COMBINATIONS {
            return Err(bad("Filter policy is too complex"));
        }
        Ok(Self { text: text.to_owned(), root, scope })
    }

    /// Whether a message is wanted.
    pub fn wants(&self, attributes: &[(String, Attribute)], body: &str) -> bool {
        match self.scope {
            FilterScope::Attributes => {
                let members = attributes.iter().map(|(name, attribute)| (name.clone(), attribute.to_filter()));
                self.root.matches(&[&Value::Object(members.collect())])
            }
            FilterScope::Body => match serde_json::from_str(body) {
                Ok(body @ Value::Object(_)) => self.root.matches(&[&body]),
                _ => false,
            },
        }
    }
}

impl Node {
    fn read(source: &Map<String, Value>, scope: FilterScope, depth: usize) -> Result<Self, SnsError> {
        let Some(depth) = depth.checked_sub(1) else { return Err(bad("Filter policy is nested too deeply")) };
        let mut node = Self::default();
        for (key, wanted) in source {
            match wanted {
                Value::Array(branches) if key == "$or" => {
                    let read = branches.iter().map(|branch| match branch {
                        Value::Object(branch) => Self::read(branch, scope, depth),
                        _ => Err(bad("\"$or\" must be a list of objects")),
                    });
                    node.either.push(read.collect::<Result<_, _>>()?);
                }
                Value::Array(values) if values.is_empty() => {
                    return Err(bad("Empty arrays are not allowed"));
                }
                Value::Array(values) => {
                    let conditions = values.iter().map(Condition::read).collect::<Result<_, _>>()?;
                    node.keys.push((key.clone(), Wanted::Values(conditions)));
                }
                Value::Object(inner) if scope == FilterScope::Body => {
                    if inner.is_empty() {
                        return Err(bad("Empty objects are not allowed"));
                    }
                    node.keys.push((key.clone(), Wanted::Inside(Self::read(inner, scope, depth)?)));
                }
                Value::Object(_) => {
                    return Err(bad("Filter policy scope MessageAttributes does not support nested filter policy"));
                }
                _ => return Err(bad(format!("\"{key}\" must be an object or an array"))),
            }
        }
        Ok(node)
    }

    fn combinations(&self) -> usize {
        let keys = self.keys.iter().map(|(_, wanted)| match wanted {
            Wanted::Values(conditions) => conditions.len(),
            Wanted::Inside(node) => node.combinations(),
        });
        let either = self.either.iter().map(|branches| branches.iter().map(Self::combinations).sum());
        keys.chain(either).fold(1, usize::saturating_mul)
    }

    /// Whether what stands in these objects matches; a list in a body makes many of one.
    fn matches(&self, objects: &[&Value]) -> bool {
        let by_keys = self.keys.iter().all(|(key, wanted)| {
            let mut found = Vec::new();
            for value in objects.iter().filter_map(|object| object.get(key)) {
                spread(value, &mut found);
            }
            match wanted {
                Wanted::Values(conditions) => conditions.iter().any(|condition| condition.holds(&found)),
                Wanted::Inside(node) => node.matches(&found),
            }
        });
        by_keys && self.either.iter().all(|branches| branches.iter().any(|branch| branch.matches(objects)))
    }
}

fn spread<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    match value {
        Value::Array(entries) => entries.iter().for_each(|entry| spread(entry, found)),
        one => found.push(one),
    }
}

impl Condition {
    fn read(source: &Value) -> Result<Self, SnsError> {
        let Value::Object(members) = source else {
            return match source {
                Value::Array(_) => Err(bad("Match value must be String, number, true, false, or null")),
                one => Ok(Self::Exactly(one.clone())),
            };
        };
        let mut members = members.iter();
        let (Some((operator, operand)), None) = (members.next(), members.next()) else {
            return Err(bad("Only one key allowed in match expression"));
        };
        let text = || {
            let text = operand.as_str().map(str::to_owned);
            text.ok_or_else(|| bad(format!("{operator} match pattern must be a string")))
        };
        Ok(match operator.as_str() {
            "prefix" => Self::Prefix(text()?),
            "suffix" => Self::Suffix(text()?),
            "equals-ignore-case" => Self::IgnoringCase(text()?.to_lowercase()),
            "wildcard" => Self::Wildcard(text()?),
            "exists" => Self::Exists(
                operand.as_bool().ok_or_else(|| bad("exists match pattern must be either true or false."))?,
            ),
            "numeric" => Self::Numeric(read_numeric(operand)?),
            "cidr" => {
                let text = text()?;
                let malformed = || bad(format!("Malformed CIDR, {text:?}"));
                let (address, bits) = text.split_once('/').ok_or_else(malformed)?;
                let address: IpAddr = address.parse().map_err(|_| malformed())?;
                let most = if address.is_ipv4() { 32 } else { 128 };
                let bits = bits.parse().ok().filter(|bits| *bits <= most).ok_or_else(malformed)?;
                Self::Cidr(address, bits)
            }
            "anything-but" => match operand {
                Value::Array(values) if values.is_empty() => return Err(bad("Empty arrays are not allowed")),
                Value::Array(values) => Self::AnythingBut(values.iter().map(Self::read).collect::<Result<_, _>>()?),
                Value::Object(inner) => {
                    // `{"prefix": ["a", "b"]}` stands for many of one kind.
                    let mut conditions = Vec::new();
                    for (name, value) in inner {
                        let values = value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice);
                        for value in values {
                            let one = Map::from_iter([(name.clone(), value.clone())]);
                            conditions.push(Self::read(&Value::Object(one))?);
                        }
                    }
                    Self::AnythingBut(conditions)
                }
                one => Self::AnythingBut(vec![Self::Exactly(one.clone())]),
            },
            other => return Err(bad(format!("Unrecognized match type {other}"))),
        })
    }

    fn holds(&self, found: &[&Value]) -> bool {
        match self {
            Self::Exists(wanted) => found.is_empty() != *wanted,
            _ => found.iter().any(|value| self.fits(value)),
        }
    }

    fn fits(&self, value: &Value) -> bool {
        match self {
            Self::Exists(_) => true,
            Self::Exactly(Value::Number(wanted)) => {
                value.as_f64().is_some_and(|number| wanted.as_f64() == Some(number))
            }
            Self::Exactly(wanted) => value == wanted,
            Self::Prefix(prefix) => value.as_str().is_some_and(|text| text.starts_with(prefix)),
            Self::Suffix(suffix) => value.as_str().is_some_and(|text| text.ends_with(suffix)),
            Self::IgnoringCase(wanted) => value.as_str().is_some_and(|text| text.to_lowercase() == *wanted),
            Self::Wildcard(pattern) => value.as_str().is_some_and(|text| glob::word(pattern, text)),
            Self::Numeric(comparisons) => value
                .as_f64()
                .is_some_and(|number| comparisons.iter().all(|(comparison, bound)| comparison.holds(number, *bound))),
            Self::Cidr(network, bits) => value
                .as_str()
                .and_then(|text| text.parse().ok())
                .is_some_and(|address| is_in_network(address, *network, *bits)),
            Self::AnythingBut(others) => {
                (value.is_string() || value.is_number()) && !others.iter().any(|other| other.fits(value))
            }
        }
    }
}

fn read_numeric(operand: &Value) -> Result<Vec<(Comparison, f64)>, SnsError> {
    let parts = operand.as_array().filter(|parts| matches!(parts.len(), 2 | 4));
    let parts = parts.ok_or_else(|| bad("Value of numeric must be an array of one or two comparisons"))?;
    let mut comparisons = Vec::new();
    for pair in parts.chunks(2) {
        let [operator, bound] = pair else { return Err(bad("Value of numeric must be an array")) };
        let comparison = match operator.as_str() {
            Some("=") => Comparison::Equal,
            Some("<") => Comparison::Less,
            Some("<=") => Comparison::LessOrEqual,
            Some(">") => Comparison::Greater,
            Some(">=") => Comparison::GreaterOrEqual,
            _ => return Err(bad(format!("Unrecognized numeric range operator: {operator}"))),
        };
        let bound = bound.as_f64().ok_or_else(|| bad("Value of < must be numeric"))?;
        comparisons.push((comparison, bound));
    }
    Ok(comparisons)
}

impl Comparison {
    fn holds(self, number: f64, bound: f64) -> bool {
        match self {
            Self::Equal => (number - bound).abs() < f64::EPSILON,
            Self::Less => number < bound,
            Self::LessOrEqual => number <= bound,
            Self::Greater => number > bound,
            Self::GreaterOrEqual => number >= bound,
        }
    }
}

fn is_in_network(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn attribute(kind: &str, text: &str) -> Attribute {
        Attribute { data_type: kind.to_owned(), value: text.to_owned(), is_binary: kind.starts_with("Binary") }
    }

    #[test]
    fn attributes_are_matched_by_their_type() {
        let attributes = [
            ("store".to_owned(), attribute("String", "shop_1")),
            ("price".to_owned(), attribute("Number", "120.5")),
            ("tags".to_owned(), attribute("String.Array", r#"["a", 7, null, true]"#)),
            ("ip".to_owned(), attribute("String", "10.1.2.3")),
            ("raw".to_owned(), attribute("Binary", "AQI=")),
        ];
        let wants = |policy: Value| {
            FilterPolicy::read(&policy.to_string(), FilterScope::Attributes)
                .expect("a policy")
                .wants(&attributes, "text")
        };
        for policy in [
            json!({"store": ["shop_1", "x"]}),
            json!({"store": [{"prefix": "shop"}], "price": [{"numeric": [">", 100, "<=", 120.5]}]}),
            json!({"store": [{"anything-but": ["a", "b"]}]}),
            json!({"store": [{"anything-but": {"prefix": "x"}}]}),
            json!({"store": [{"equals-ignore-case": "SHOP_1"}]}),
            json!({"tags": [7]}),
            json!({"tags": [null]}),
            json!({"none": [{"exists": false}], "raw": [{"exists": true}]}),
            json!({"ip": [{"cidr": "10.1.0.0/16"}]}),
            json!({"store": [{"wildcard": "s*p_*"}]}),
            json!({"$or": [{"store": ["y"]}, {"price": [120.5]}]}),
            json!({}),
        ] {
            assert!(wants(policy.clone()), "{policy}");
        }
        for policy in [
            json!({"store": ["x"]}),
            json!({"store": ["shop_1"], "price": [1]}),
            json!({"price": ["120.5"]}),
            json!({"none": [{"anything-but": ["a"]}]}),
            json!({"none": [{"exists": true}]}),
            json!({"raw": ["AQI="]}),
            json!({"ip": [{"cidr": "10.2.0.0/16"}]}),
            json!({"$or": [{"store": ["y"]}, {"price": [1]}]}),
        ] {
            assert!(!wants(policy.clone()), "{policy}");
        }
    }

    #[test]
    fn bodies_are_matched_all_the_way_down() {
        let wants = |policy: Value, body: &str| {
            FilterPolicy::read(&policy.to_string(), FilterScope::Body).expect("a policy").wants(&[], body)
        };
        let body = r#"{"order": {"lines": [{"sku": "a"}, {"sku": "b"}], "paid": true}}"#;
        assert!(wants(json!({"order": {"lines": {"sku": ["b"]}, "paid": [true]}}), body));
        assert!(!wants(json!({"order": {"lines": {"sku": ["c"]}}}), body));
        assert!(!wants(json!({"order": {"lines": {"sku": ["a"]}}}), "no json"));
    }

    #[test]
    fn what_is_no_policy_is_refused() {
        for text in [
            "",
            "[]",
            "{\"a\": 1}",
            "{\"a\": []}",
            "{\"a\": [{}]}",
            "{\"a\": [{\"x\": 1}]}",
            "{\"a\": {\"b\": [1]}}",
            "{\"a\": [{\"numeric\": [\"!\", 1]}]}",
            "{\"a\": [{\"cidr\": \"10.0.0.0/33\"}]}",
            "{\"a\": [[1]]}",
            "{\"a\":[1],\"b\":[1],\"c\":[1],\"d\":[1],\"e\":[1],\"f\":[1]}",
        ] {
            assert!(FilterPolicy::read(text, FilterScope::Attributes).is_err(), "{text}");
        }
        let deep = "{\"a\":".repeat(64) + "[1]" + &"}".repeat(64);
        assert!(FilterPolicy::read(&deep, FilterScope::Body).is_err());
    }
}
