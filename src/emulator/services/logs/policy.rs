//! Resource policies: who besides the account may write to its log groups.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::error::LogsError;
use super::grant::{self, Document, Request};
use super::{Logs, page};
use crate::emulator::{Context, KeepError, Shelf};

/// Policies of one region.
const MOST_POLICIES: usize = 10;
/// Characters of an account's policy.
const LONGEST_DOCUMENT: usize = 5_120;
/// Policies that one page lists at the most.
const LARGEST_PAGE: usize = 50;

/// A policy as it was written and as it is read.
#[derive(Debug)]
struct Policy {
    text: String,
    document: Document,
    updated: i64,
}

/// What a kept policy is.
const POLICY: &str = "policy";

/// A policy as it is kept.
#[derive(Serialize, Deserialize)]
struct KeptPolicy {
    text: String,
    updated: i64,
}

/// The policies, and a number that changes with them: who decided by them can tell whether to decide anew.
#[derive(Default)]
pub struct Policies {
    by_name: RwLock<BTreeMap<String, Policy>>,
    version: AtomicU64,
}

impl Policies {
    /// The policies that were kept.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn load(shelf: &Shelf) -> Result<Self, KeepError> {
        let mut by_name = BTreeMap::new();
        for (name, KeptPolicy { text, updated }) in shelf.all(POLICY)? {
            let document = Document::parse(&text).map_err(|problem| KeepError::Row {
                service: super::INTERFACE.id,
                kind: POLICY,
                id: name.clone(),
                problem: problem.to_string(),
            })?;
            by_name.insert(name, Policy { text, document, updated });
        }
        Ok(Self { by_name: RwLock::new(by_name), version: AtomicU64::default() })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.by_name.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Changes with every change of a policy.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Whether the policies together allow every one of `actions`.
    pub fn allow(&self, request: &Request, actions: &[&str]) -> bool {
        let policies = self.by_name.read().unwrap_or_else(PoisonError::into_inner);
        actions.iter().all(|action| grant::allows(policies.values().map(|policy| &policy.document), request, action))
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&mut BTreeMap<String, Policy>) -> Result<T, LogsError>,
    ) -> Result<T, LogsError> {
        let mut policies = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
        let outcome = change(&mut policies)?;
        self.version.fetch_add(1, Ordering::Release);
        Ok(outcome)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutResourcePolicyInput {
    policy_name: Option<String>,
    policy_document: Option<String>,
    resource_arn: Option<String>,
    expected_revision_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeResourcePoliciesInput {
    next_token: Option<String>,
    limit: Option<i64>,
    resource_arn: Option<String>,
    policy_scope: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteResourcePolicyInput {
    policy_name: Option<String>,
    resource_arn: Option<String>,
    expected_revision_id: Option<String>,
}

impl Logs {
    pub(super) async fn put_resource_policy(
        &self,
        input: PutResourcePolicyInput,
        _: &Context,
    ) -> Result<Value, LogsError> {
        account_scope(input.resource_arn.is_some() || input.expected_revision_id.is_some())?;
        let name = required(input.policy_name, "policyName")?;
        let text = required(input.policy_document, "policyDocument")?;
        if !(1..=LONGEST_DOCUMENT).contains(&text.chars().count()) {
            return Err(LogsError::invalid(format!(
                "Policy document length breaking Cloudwatch Logs Constraints, either < 1 or > {LONGEST_DOCUMENT}"
            )));
        }
        let document = Document::parse(&text).map_err(|problem| LogsError::invalid(problem.to_string()))?;
        let policy = Policy { text, document, updated: self.now_millis() };
        let answer = describe(&name, &policy);
        self.policies.change(|policies| {
            if policies.len() >= MOST_POLICIES && !policies.contains_key(&name) {
                return Err(LogsError::LimitExceeded);
            }
            self.shelf.put(POLICY, &name, &KeptPolicy { text: policy.text.clone(), updated: policy.updated });
            policies.insert(name, policy);
            Ok(json!({ "resourcePolicy": answer }))
        })
    }

    pub(super) async fn describe_resource_policies(
        &self,
        input: DescribeResourcePoliciesInput,
        _: &Context,
    ) -> Result<Value, LogsError> {
        account_scope(input.resource_arn.is_some() || input.policy_scope.is_some_and(|scope| scope != "ACCOUNT"))?;
        let size = page::limit(input.limit, LARGEST_PAGE)?;
        let after = input.next_token.as_deref().map(page::read).transpose()?;
        let start = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let policies = self.policies.by_name.read().unwrap_or_else(PoisonError::into_inner);
        let mut listed = policies.range::<str, _>((start, Bound::Unbounded));
        let page: Vec<_> = listed.by_ref().take(size).collect();
        let mut answer = Map::new();
        if let Some((last, _)) = page.last()
            && listed.next().is_some()
        {
            answer.insert("nextToken".to_owned(), page::token(last).into());
        }
        let described = page.iter().map(|(name, policy)| describe(name, policy)).collect();
        answer.insert("resourcePolicies".to_owned(), described);
        Ok(answer.into())
    }

    pub(super) async fn delete_resource_policy(
        &self,
        input: DeleteResourcePolicyInput,
        _: &Context,
    ) -> Result<Value, LogsError> {
        account_scope(input.resource_arn.is_some() || input.expected_revision_id.is_some())?;
        let name = required(input.policy_name, "policyName")?;
        self.policies.change(|policies| match policies.remove(&name) {
            Some(_) => {
                self.shelf.delete(POLICY, &name);
                Ok(json!({}))
            }
            None => Err(LogsError::PolicyNotFound(name)),
        })
    }
}

fn account_scope(of_a_resource: bool) -> Result<(), LogsError> {
    if of_a_resource { Err(LogsError::Unsupported("resource policies of a single resource")) } else { Ok(()) }
}

fn required(member: Option<String>, name: &str) -> Result<String, LogsError> {
    member.ok_or_else(|| LogsError::constraint("null", name, "not be null"))
}

fn describe(name: &str, policy: &Policy) -> Value {
    json!({
        "policyName": name,
        "policyDocument": policy.text,
        "lastUpdatedTime": policy.updated,
        "policyScope": "ACCOUNT",
    })
}
