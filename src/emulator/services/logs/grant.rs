//! What a resource policy grants to a service that delivers: statements with principals, actions, resources and
//! conditions on the source, by the rules of IAM (a deny wins, nothing said is a deny).

use serde_json::{Map, Value};

use crate::emulator::glob;
use crate::model::Arn;

/// A document that is no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("The policy document is malformed: {0}")]
pub struct Malformed(String);

fn malformed<T>(problem: impl Into<String>) -> Result<T, Malformed> {
    Err(Malformed(problem.into()))
}

/// Who asks for what.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// A service, such as `events.amazonaws.com`.
    pub principal: &'a str,
    /// The ARN of the group or stream that is written to.
    pub resource: &'a str,
    /// The ARN of the rule that delivers.
    pub source_arn: &'a str,
}

/// A policy document, read.
#[derive(Debug)]
pub struct Document {
    statements: Vec<Statement>,
}

#[derive(Debug)]
struct Statement {
    deny: bool,
    principals: Set,
    actions: Set,
    resources: Set,
    conditions: Vec<Condition>,
}

/// A list of patterns, or everything but them.
#[derive(Debug)]
struct Set {
    patterns: Vec<String>,
    negated: bool,
}

impl Set {
    fn holds(&self, matches: impl Fn(&str) -> bool) -> bool {
        self.patterns.iter().any(|pattern| matches(pattern)) != self.negated
    }
}

#[derive(Debug)]
struct Condition {
    comparison: Comparison,
    negated: bool,
    if_exists: bool,
    key: String,
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equals,
    EqualsIgnoreCase,
    Like,
    Arn,
    Bool,
    Null,
    /// On numbers, dates and addresses, which no key of a delivery has.
    OfNoKey,
}

impl Document {
    /// Reads a document.
    ///
    /// # Errors
    /// When it is no JSON, or a statement is not of the language.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let document: Value = serde_json::from_str(text).map_err(|error| Malformed(error.to_string()))?;
        let Some(written) = document.get("Statement") else {
            return malformed("it has no Statement");
        };
        let statements = match written {
            Value::Array(statements) => statements.iter().map(Statement::read).collect::<Result<_, _>>()?,
            one => vec![Statement::read(one)?],
        };
        Ok(Self { statements })
    }
}

/// Whether the documents together allow `action`.
pub fn allows<'a>(documents: impl Iterator<Item = &'a Document>, request: &Request, action: &str) -> bool {
    let mut allowed = false;
    for statement in documents.flat_map(|document| &document.statements) {
        if statement.applies(request, action) {
            if statement.deny {
                return false;
            }
            allowed = true;
        }
    }
    allowed
}

impl Statement {
    fn read(written: &Value) -> Result<Self, Malformed> {
        let Value::Object(members) = written else {
            return malformed("a statement is no object");
        };
        let deny = match members.get("Effect").and_then(Value::as_str) {
            Some("Allow") => false,
            Some("Deny") => true,
            _ => return malformed("Effect must be Allow or Deny"),
        };
        let mut conditions = Vec::new();
        if let Some(written) = members.get("Condition") {
            let Value::Object(operators) = written else {
                return malformed("Condition is no object");
            };
            for (operator, keys) in operators {
                Condition::read(operator, keys, &mut conditions)?;
            }
        }
        Ok(Self {
            deny,
            principals: principals(members)?,
            actions: set(members, "Action", "NotAction")?,
            resources: set(members, "Resource", "NotResource")?,
            conditions,
        })
    }

    fn applies(&self, request: &Request, action: &str) -> bool {
        self.principals.holds(|pattern| pattern == "*" || pattern == request.principal)
            && self.actions.holds(|pattern| glob::policy(&pattern.to_ascii_lowercase(), &action.to_ascii_lowercase()))
            && self.resources.holds(|pattern| glob::policy(pattern, request.resource))
            && self.conditions.iter().all(|condition| condition.holds(request))
    }
}

fn texts(written: &Value) -> Option<Vec<String>> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    match written {
        Value::Array(values) => values.iter().map(text).collect(),
        one => text(one).map(|one| vec![one]),
    }
}

fn set(members: &Map<String, Value>, name: &str, not: &str) -> Result<Set, Malformed> {
    let (written, negated) = match (members.get(name), members.get(not)) {
        (Some(written), None) => (written, false),
        (None, Some(written)) => (written, true),
        _ => return malformed(format!("a statement needs either {name} or {not}")),
    };
    match texts(written) {
        Some(patterns) if !patterns.is_empty() => Ok(Set { patterns, negated }),
        _ => malformed(format!("{name} must be a text or a list of texts")),
    }
}

fn principals(members: &Map<String, Value>) -> Result<Set, Malformed> {
    let (written, negated) = match (members.get("Principal"), members.get("NotPrincipal")) {
        (Some(written), None) => (written, false),
        (None, Some(written)) => (written, true),
        _ => return malformed("a statement needs either Principal or NotPrincipal"),
    };
    match written {
        Value::String(all) if all == "*" => Ok(Set { patterns: vec!["*".to_owned()], negated }),
        Value::Object(kinds) => {
            let mut patterns = Vec::new();
            for (kind, names) in kinds {
                let Some(names) = texts(names) else {
                    return malformed(format!("Principal.{kind} must be a text or a list of texts"));
                };
                // Services are what delivers; of the other kinds only everybody includes them.
                patterns.extend(
                    names
                        .into_iter()
                        .filter(|name| (kind == "Service" && name != "*") || (kind == "AWS" && name == "*")),
                );
            }
            Ok(Set { patterns, negated })
        }
        _ => malformed("Principal must be \"*\" or an object"),
    }
}

impl Condition {
    fn read(operator: &str, keys: &Value, conditions: &mut Vec<Self>) -> Result<(), Malformed> {
        let (name, if_exists) = match operator.strip_suffix("IfExists") {
            Some(name) => (name, true),
            None => (operator, false),
        };
        let (comparison, negated) = match name {
            "StringEquals" => (Comparison::Equals, false),
            "StringNotEquals" => (Comparison::Equals, true),
            "StringEqualsIgnoreCase" => (Comparison::EqualsIgnoreCase, false),
            "StringNotEqualsIgnoreCase" => (Comparison::EqualsIgnoreCase, true),
            "StringLike" => (Comparison::Like, false),
            "StringNotLike" => (Comparison::Like, true),
            "ArnEquals" | "ArnLike" => (Comparison::Arn, false),
            "ArnNotEquals" | "ArnNotLike" => (Comparison::Arn, true),
            "Bool" => (Comparison::Bool, false),
            "Null" if !if_exists => (Comparison::Null, false),
            "NumericEquals"
            | "NumericLessThan"
            | "NumericLessThanEquals"
            | "NumericGreaterThan"
            | "NumericGreaterThanEquals"
            | "DateEquals"
            | "DateLessThan"
            | "DateLessThanEquals"
            | "DateGreaterThan"
            | "DateGreaterThanEquals"
            | "IpAddress"
            | "BinaryEquals" => (Comparison::OfNoKey, false),
            "NumericNotEquals" | "DateNotEquals" | "NotIpAddress" => (Comparison::OfNoKey, true),
            _ => return malformed(format!("the condition operator {operator} is not supported")),
        };
        let Value::Object(keys) = keys else {
            return malformed(format!("the condition {operator} is no object"));
        };
        for (key, values) in keys {
            let Some(values) = texts(values) else {
                return malformed(format!("the values of {key} must be a text or a list of texts"));
            };
            conditions.push(Self { comparison, negated, if_exists, key: key.to_ascii_lowercase(), values });
        }
        Ok(())
    }

    fn holds(&self, request: &Request) -> bool {
        let given = match self.key.as_str() {
            "aws:sourcearn" => Some(request.source_arn).filter(|arn| !arn.is_empty()),
            "aws:sourceaccount" => request.source_arn.split(':').nth(4).filter(|account| !account.is_empty()),
            "aws:securetransport" | "aws:principalisawsservice" => Some("true"),
            "aws:principalservicename" => Some(request.principal),
            _ => None,
        };
        if self.comparison == Comparison::Null {
            return self.values.iter().any(|value| value.eq_ignore_ascii_case("true") == given.is_none());
        }
        let Some(given) = given else {
            return self.negated || self.if_exists;
        };
        let matches = |value: &String| match self.comparison {
            Comparison::Equals => value == given,
            Comparison::EqualsIgnoreCase | Comparison::Bool => value.eq_ignore_ascii_case(given),
            Comparison::Like => glob::policy(value, given),
            Comparison::Arn => arn_like(value, given),
            Comparison::Null | Comparison::OfNoKey => false,
        };
        self.values.iter().any(matches) != self.negated
    }
}

/// Each of the six parts of an ARN is matched on its own.
fn arn_like(pattern: &str, arn: &str) -> bool {
    let (Ok(pattern), Ok(arn)) = (pattern.parse::<Arn>(), arn.parse::<Arn>()) else {
        return pattern == "*";
    };
    glob::policy(&pattern.partition, &arn.partition)
        && glob::policy(&pattern.service, &arn.service)
        && glob::policy(&pattern.region, &arn.region)
        && glob::policy(&pattern.account, &arn.account)
        && glob::policy(&pattern.resource, &arn.resource)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const RULE: &str = "arn:aws:events:us-east-1:000000000000:rule/bus/dataFileUploadRule";
    const STREAM: &str = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/events/g:log-stream:s";

    fn allowed(statements: &Value) -> bool {
        let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
        let document = Document::parse(&text).expect("a valid document");
        let request = Request { principal: "events.amazonaws.com", resource: STREAM, source_arn: RULE };
        allows([&document].into_iter(), &request, "logs:PutLogEvents")
    }

    fn statement(changes: &Value) -> Value {
        let mut statement = json!({
            "Effect": "Allow",
            "Principal": { "Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"] },
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": "arn:aws:logs:us-east-1:000000000000:log-group:/aws/events/*:*",
        });
        for (name, value) in changes.as_object().expect("an object") {
            statement[name] = value.clone();
        }
        statement
    }

    #[test]
    fn a_statement_must_name_principal_action_and_resource() {
        assert!(allowed(&statement(&json!({}))));
        assert!(allowed(&json!([statement(&json!({ "Principal": "*", "Action": "LOGS:put*", "Resource": "*" }))])));
        for changes in [
            json!({ "Principal": { "Service": "es.amazonaws.com" } }),
            json!({ "Principal": { "AWS": "000000000000" } }),
            json!({ "Action": "logs:CreateLogStream" }),
            json!({ "Resource": "arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/*" }),
            json!({ "Resource": "arn:aws:logs:us-east-1:000000000000:log-group:/aws/events/g" }),
        ] {
            assert!(!allowed(&statement(&changes)), "{changes}");
        }
    }

    #[test]
    fn a_deny_wins() {
        let deny = statement(&json!({ "Effect": "Deny", "Action": "logs:*" }));
        assert!(!allowed(&json!([statement(&json!({})), deny])));
    }

    #[test]
    fn conditions_look_at_the_source() {
        for (condition, outcome) in [
            (json!({ "ArnLike": { "aws:SourceArn": "arn:aws:events:*:*:rule/bus/*" } }), true),
            (json!({ "ArnEquals": { "aws:SourceArn": [RULE, "arn:aws:events:a:b:rule/x"] } }), true),
            (json!({ "ArnLike": { "aws:SourceArn": "arn:aws:events:us-east-1:*" } }), false),
            (json!({ "ArnEquals": { "aws:SourceArn": "arn:aws:events:us-east-1:000000000000:rule/other" } }), false),
            (json!({ "ArnNotLike": { "AWS:SOURCEARN": "arn:aws:events:*:*:rule/bus/*" } }), false),
            (json!({ "StringEquals": { "aws:SourceAccount": "000000000000" } }), true),
            (json!({ "StringEquals": { "aws:SourceAccount": "111111111111" } }), false),
            (json!({ "StringEquals": { "aws:PrincipalOrgID": "o-1" } }), false),
            (json!({ "StringEqualsIfExists": { "aws:PrincipalOrgID": "o-1" } }), true),
            (json!({ "Null": { "aws:PrincipalOrgID": "true" } }), true),
            (json!({ "Bool": { "aws:SecureTransport": true } }), true),
        ] {
            assert_eq!(allowed(&statement(&json!({ "Condition": condition }))), outcome, "{condition}");
        }
    }

    #[test]
    fn what_is_no_policy_is_refused() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"Statement": 1}"#,
            r#"{"Statement": {"Effect": "Maybe", "Principal": "*", "Action": "*", "Resource": "*"}}"#,
            r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#,
            r#"{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "*"}}"#,
            r#"{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", "Condition": {"Odd": {}}}}"#,
        ] {
            assert!(Document::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = Document::parse(&text);
        }
    }
}
