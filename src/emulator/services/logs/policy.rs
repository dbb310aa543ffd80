//! Resource policies: who besides the account may write to log groups.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Logs;
use super::error::LogsError;
use crate::emulator::Context;

/// Policies that an account may have in a region.
const MOST_POLICIES: usize = 10;
/// The actions that writing a delivery needs.
const NEEDED: [&str; 2] = ["logs:CreateLogStream", "logs:PutLogEvents"];
/// EventBridge delivers under its own name or under that of log delivery.
const DELIVERERS: [&str; 2] = ["events.amazonaws.com", "delivery.logs.amazonaws.com"];

/// The policies, by name.
pub type Policies = BTreeMap<String, Policy>;

/// A policy, read once.
pub struct Policy {
    document: String,
    updated: i64,
    statements: Vec<Statement>,
}

struct Statement {
    allows: bool,
    /// Services, or `*`.
    principals: Vec<String>,
    actions: Vec<String>,
    resources: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutResourcePolicyInput {
    policy_name: String,
    policy_document: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyName {
    policy_name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeResourcePoliciesInput {
    next_token: Option<String>,
    limit: Option<usize>,
}

impl Statement {
    fn read(statement: &Value) -> Option<Self> {
        let principals = match statement.get("Principal")? {
            Value::String(any) => vec![any.clone()],
            principals => texts(principals.get("Service").unwrap_or(&Value::Null)),
        };
        Some(Self {
            allows: statement.get("Effect")?.as_str()? == "Allow",
            principals,
            actions: texts(statement.get("Action")?),
            resources: texts(statement.get("Resource")?),
        })
    }

    fn speaks_of(&self, principals: &[&str], action: &str, arn: &str) -> bool {
        self.principals.iter().any(|known| known == "*" || principals.contains(&known.as_str()))
            && self.actions.iter().any(|pattern| fits(&pattern.to_lowercase(), &action.to_lowercase()))
            && self.resources.iter().any(|pattern| {
                // A group is meant with and without its streams.
                fits(pattern, arn) || fits(pattern, &format!("{arn}:*")) || fits(pattern, &format!("{arn}:log-stream:"))
            })
    }
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(entries) => entries.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// Whether a text fits a pattern with `*` and `?`.
pub fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

impl Logs {
    /// Whether a service may write to the group of that ARN; services of the account need no policy.
    pub(super) fn allows(&self, principal: &str, arn: &str) -> bool {
        if !DELIVERERS.contains(&principal) {
            return true;
        }
        let policies = self.policies.read().unwrap_or_else(PoisonError::into_inner);
        let statements = || policies.values().flat_map(|policy| &policy.statements);
        NEEDED.iter().all(|action| {
            let mut spoken = statements().filter(|statement| statement.speaks_of(&DELIVERERS, action, arn)).peekable();
            spoken.peek().is_some() && spoken.all(|statement| statement.allows)
        })
    }

    pub(super) async fn put_resource_policy(
        &self,
        input: PutResourcePolicyInput,
        _: &Context,
    ) -> Result<Value, LogsError> {
        let invalid = |problem: &str| LogsError::invalid(format!("Resource policy document is not valid: {problem}"));
        let document: Value =
            serde_json::from_str(&input.policy_document).map_err(|error| invalid(&error.to_string()))?;
        let statements = match document.get("Statement") {
            Some(Value::Array(statements)) => statements.iter().map(Statement::read).collect::<Option<Vec<_>>>(),
            Some(statement) => Statement::read(statement).map(|statement| vec![statement]),
            None => None,
        };
        let statements =
            statements.ok_or_else(|| invalid("each Statement needs Effect, Principal, Action and Resource"))?;
        let mut policies = self.policies.write().unwrap_or_else(PoisonError::into_inner);
        if policies.len() >= MOST_POLICIES && !policies.contains_key(&input.policy_name) {
            return Err(LogsError::Limit);
        }
        let updated = self.now();
        let answer = json!({ "resourcePolicy": {
            "policyName": input.policy_name, "policyDocument": input.policy_document, "lastUpdatedTime": updated,
        }});
        policies.insert(input.policy_name, Policy { document: input.policy_document, updated, statements });
        Ok(answer)
    }

    pub(super) async fn describe_resource_policies(
        &self,
        input: DescribeResourcePoliciesInput,
        _: &Context,
    ) -> Result<Value, LogsError> {
        let size = super::group::page_size(input.limit, super::group::PAGE)?;
        let after = input.next_token.unwrap_or_default();
        let policies = self.policies.read().unwrap_or_else(PoisonError::into_inner);
        let mut left = policies.iter().filter(|(name, _)| **name > after);
        let page: Vec<(&String, &Policy)> = left.by_ref().take(size).collect();
        let described: Vec<Value> = page
            .iter()
            .map(|(name, policy)| {
                json!({ "policyName": name, "policyDocument": policy.document, "lastUpdatedTime": policy.updated })
            })
            .collect();
        let mut answer = json!({ "resourcePolicies": described });
        if left.next().is_some()
            && let Some((last, _)) = page.last()
        {
            answer["nextToken"] = last.as_str().into();
        }
        Ok(answer)
    }

    pub(super) async fn delete_resource_policy(&self, input: PolicyName, _: &Context) -> Result<Value, LogsError> {
        let mut policies = self.policies.write().unwrap_or_else(PoisonError::into_inner);
        match policies.remove(&input.policy_name) {
            Some(_) => Ok(json!({})),
            None => Err(LogsError::NotFound("resource policy")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_arns_fit() {
        for (pattern, text) in [("*", ""), ("arn:*:log-group:a*", "arn:x:log-group:abc"), ("a?c", "abc")] {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        assert!(!fits("arn:a", "arn:ab") && !fits("a?c", "ac"));
    }
}
