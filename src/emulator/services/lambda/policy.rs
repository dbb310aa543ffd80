//! The resource policy of a function: who may invoke it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::LambdaError;
use crate::emulator::glob;

/// The input of AddPermission, without the function's name.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PermissionInput {
    statement_id: String,
    action: String,
    principal: String,
    source_arn: Option<String>,
    source_account: Option<String>,
    event_source_token: Option<String>,
    #[serde(rename = "PrincipalOrgID")]
    principal_org_id: Option<String>,
    function_url_auth_type: Option<String>,
}

/// One statement, as far as the endpoint judges by it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Statement {
    id: String,
    principal: String,
    action: String,
    source_arn: Option<String>,
    source_account: Option<String>,
    shown: Value,
}

/// The statements of one function.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Policy {
    statements: Vec<Statement>,
}

impl Policy {
    /// Adds a statement and gives it as AWS shows it.
    ///
    /// # Errors
    /// When the id is taken, or a condition is asked for that the endpoint does not judge.
    pub fn add(&mut self, input: PermissionInput, function_arn: &str) -> Result<Value, LambdaError> {
        let unsupported = [
            ("EventSourceToken", input.event_source_token.is_some()),
            ("PrincipalOrgID", input.principal_org_id.is_some()),
            ("FunctionUrlAuthType", input.function_url_auth_type.is_some()),
        ];
        if let Some((name, _)) = unsupported.iter().find(|(_, named)| *named) {
            return Err(LambdaError::unsupported(&format!("{name} of a permission")));
        }
        if !input.action.starts_with("lambda:") && input.action != "*" {
            return Err(LambdaError::InvalidParameter(format!("{:?} is no action of lambda", input.action)));
        }
        if self.statements.iter().any(|statement| statement.id == input.statement_id) {
            return Err(LambdaError::Conflict(format!(
                "The statement id ({}) provided already exists. Please provide a new statement id, or remove the \
                 existing statement.",
                input.statement_id
            )));
        }
        let principal = if input.principal == "*" {
            json!("*")
        } else if is_service(&input.principal) {
            json!({ "Service": input.principal })
        } else {
            json!({ "AWS": input.principal })
        };
        let mut shown = json!({
            "Sid": input.statement_id,
            "Effect": "Allow",
            "Principal": principal,
            "Action": input.action,
            "Resource": function_arn,
        });
        if let Some(arn) = &input.source_arn {
            shown["Condition"]["ArnLike"] = json!({ "AWS:SourceArn": arn });
        }
        if let Some(account) = &input.source_account {
            shown["Condition"]["StringEquals"] = json!({ "AWS:SourceAccount": account });
        }
        self.statements.push(Statement {
            id: input.statement_id,
            principal: input.principal,
            action: input.action,
            source_arn: input.source_arn,
            source_account: input.source_account,
            shown: shown.clone(),
        });
        Ok(shown)
    }

    /// Takes a statement away; `false` when there is none of that id.
    pub fn remove(&mut self, id: &str) -> bool {
        let before = self.statements.len();
        self.statements.retain(|statement| statement.id != id);
        self.statements.len() < before
    }

    /// The policy document; `None` without statements.
    pub fn shown(&self) -> Option<Value> {
        let statements: Vec<&Value> = self.statements.iter().map(|statement| &statement.shown).collect();
        (!statements.is_empty()).then(|| json!({ "Version": "2012-10-17", "Id": "default", "Statement": statements }))
    }

    /// Whether a service may invoke the function on behalf of `source_arn`, a resource of `account`.
    pub fn allows(&self, service: &str, source_arn: &str, account: &str) -> bool {
        self.statements.iter().any(|statement| {
            (statement.principal == service || statement.principal == "*")
                && matches!(statement.action.as_str(), "lambda:InvokeFunction" | "lambda:*" | "*")
                && statement.source_arn.as_ref().is_none_or(|pattern| arn_like(pattern, source_arn))
                && statement.source_account.as_ref().is_none_or(|wanted| wanted == account)
        })
    }
}

fn is_service(principal: &str) -> bool {
    principal.ends_with(".amazonaws.com") || principal.ends_with(".amazonaws.com.cn")
}

/// `ArnLike`: the six parts are compared one by one, `*` and `?` stand for any text and any character of a part.
fn arn_like(pattern: &str, arn: &str) -> bool {
    let (mut patterns, mut parts) = (pattern.splitn(6, ':'), arn.splitn(6, ':'));
    loop {
        match (patterns.next(), parts.next()) {
            (None, None) => return true,
            (Some(pattern), Some(part)) if glob::policy(pattern, part) => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = "arn:aws:events:us-east-1:000000000000:rule/bus/rule-1";

    fn policy(principal: &str, source_arn: Option<&str>) -> Policy {
        let mut policy = Policy::default();
        let mut input = json!({"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": principal});
        if let Some(arn) = source_arn {
            input["SourceArn"] = json!(arn);
        }
        policy.add(serde_json::from_value(input).expect("an input"), "arn:f").expect("a statement");
        policy
    }

    #[test]
    fn a_rule_needs_a_statement_that_names_its_service_and_its_arn() {
        let allows = |policy: &Policy| policy.allows("events.amazonaws.com", RULE, "000000000000");
        assert!(!allows(&Policy::default()));
        assert!(allows(&policy("events.amazonaws.com", None)));
        assert!(allows(&policy("events.amazonaws.com", Some(RULE))));
        assert!(allows(&policy("events.amazonaws.com", Some("arn:aws:events:*:*:rule/bus/*"))));
        assert!(allows(&policy("*", None)));
        assert!(!allows(&policy("s3.amazonaws.com", None)));
        assert!(!allows(&policy("events.amazonaws.com", Some("arn:aws:events:us-east-1:000000000000:rule/other/*"))));
        assert!(!allows(&policy("events.amazonaws.com", Some("arn:aws:*"))), "a star does not reach over a colon");
    }

    #[test]
    fn stars_and_question_marks_match_as_in_iam() {
        for (pattern, text, matches) in [
            ("", "", true),
            ("*", "", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("abc", "abcd", false),
        ] {
            assert_eq!(glob::policy(pattern, text), matches, "{pattern} {text}");
        }
    }

    #[test]
    fn a_statement_id_is_taken_once() {
        let mut policy = policy("events.amazonaws.com", None);
        let again = json!({"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "sns.amazonaws.com"});
        let again = serde_json::from_value(again).expect("an input");
        assert!(matches!(policy.add(again, "arn:f"), Err(LambdaError::Conflict(_))));
        assert!(policy.remove("s"));
        assert!(!policy.remove("s"));
        assert_eq!(policy.shown(), None);
    }
}
