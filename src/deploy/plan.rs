//! What is asked of CloudFormation, decided without calling it: template, parameters, and what a stack's status allows.

use sha2::{Digest, Sha256};

use super::catalogue::Offer;
use super::package::Location;
use super::template::Template;

/// How the name of each of our change sets begins.
pub const CHANGE_SET_PREFIX: &str = "vaultscope-";

/// A stack as it should be.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The stack's name.
    pub stack: String,
    /// The template.
    pub template: Template,
    /// What was chosen, by key; what is not named keeps what the stack has, or the template's default.
    pub parameters: Vec<(String, String)>,
}

/// Whether a change set makes a stack or changes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeSetKind {
    /// There is no stack yet.
    Create,
    /// There is one.
    Update,
}

/// What CreateChangeSet is called with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeSetRequest {
    /// The stack's name.
    pub stack: String,
    /// The change set's name, made from what it holds: the same request has the same name.
    pub name: String,
    /// Create or update.
    pub kind: ChangeSetKind,
    /// The template's text.
    pub template: String,
    /// Parameters by key; `None` keeps the value that the stack has.
    pub parameters: Vec<(String, Option<String>)>,
}

impl Plan {
    /// A stack of the catalogue under `stack`'s name; `None` when its template cannot be read.
    #[must_use]
    pub fn of(offer: Offer, stack: impl Into<String>, parameters: Vec<(String, String)>) -> Option<Self> {
        Some(Self { stack: stack.into(), template: offer.template()?, parameters })
    }

    /// The same with the functions' artefact.
    #[must_use]
    pub fn with_code(mut self, code: &Location) -> Self {
        let Location { bucket, key } = code;
        self.parameters.retain(|(name, _)| !matches!(name.as_str(), CODE_BUCKET | CODE_KEY));
        self.parameters.push((CODE_BUCKET.to_owned(), bucket.clone()));
        self.parameters.push((CODE_KEY.to_owned(), key.clone()));
        self
    }

    /// The change set that makes a stack so; `existing` are the keys of the parameters that the stack has already.
    #[must_use]
    pub fn request(&self, kind: ChangeSetKind, existing: &[String]) -> ChangeSetRequest {
        let mut parameters: Vec<(String, Option<String>)> =
            self.parameters.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
        if kind == ChangeSetKind::Update {
            let declared = self.template.parameters();
            for key in existing {
                // A parameter that the new template no longer has may not be named.
                let is_declared = declared.iter().any(|definition| definition.name == *key);
                if is_declared && !parameters.iter().any(|(chosen, _)| chosen == key) {
                    parameters.push((key.clone(), None));
                }
            }
        }
        let template = self.template.text().to_owned();
        let name = name_of(&template, &parameters);
        ChangeSetRequest { stack: self.stack.clone(), name, kind, template, parameters }
    }
}

/// The parameter that names the artefact's bucket.
pub const CODE_BUCKET: &str = "functionCodeBucket";
/// The parameter that names the artefact's key.
pub const CODE_KEY: &str = "functionCodeKey";

fn name_of(template: &str, parameters: &[(String, Option<String>)]) -> String {
    let mut hash = Sha256::new();
    hash.update(template);
    for (key, value) in parameters {
        hash.update(format!("\n{key}={value:?}"));
    }
    format!("{CHANGE_SET_PREFIX}{}", &hex::encode(hash.finalize())[..16])
}

/// What can be done with a stack of some status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    /// There is none, or only an empty one under review: make it.
    Create,
    /// It stands: change it.
    Update,
    /// It was rolled back and holds nothing: delete it, then make it.
    DeleteThenCreate,
    /// Somebody is at work on it, perhaps ourselves before an interruption: follow that to its end first.
    Follow,
    /// It cannot be changed before somebody destroys it.
    DestroyFirst,
    /// An update could not be rolled back: somebody has to continue that.
    ContinueRollback,
}

impl NextStep {
    /// What a stack of that status allows; `None` when there is no stack.
    #[must_use]
    pub fn of(status: Option<&str>) -> Self {
        match status {
            None | Some("REVIEW_IN_PROGRESS" | "DELETE_COMPLETE") => Self::Create,
            Some("ROLLBACK_COMPLETE" | "CREATE_FAILED") => Self::DeleteThenCreate,
            Some("ROLLBACK_FAILED" | "DELETE_FAILED") => Self::DestroyFirst,
            Some("UPDATE_ROLLBACK_FAILED") => Self::ContinueRollback,
            Some(status) if status.ends_with("_IN_PROGRESS") => Self::Follow,
            Some(_) => Self::Update,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::EVENT_PROCESSING;
    use super::*;

    fn plan(parameters: &[(&str, &str)]) -> Plan {
        let parameters = parameters.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let code = Location { bucket: "artefacts".to_owned(), key: "functions/1.zip".to_owned() };
        Plan::of(EVENT_PROCESSING, "S", parameters).expect("a template").with_code(&code)
    }

    fn value<'a>(request: &'a ChangeSetRequest, key: &str) -> Option<&'a Option<String>> {
        request.parameters.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    #[test]
    fn only_what_was_chosen_is_sent_so_that_the_template_keeps_its_defaults() {
        let request = plan(&[("reconcileCountIterations", "3")])
            .request(ChangeSetKind::Create, &["reconcileWaitIterations".to_owned()]);
        assert_eq!(value(&request, "reconcileCountIterations"), Some(&Some("3".to_owned())));
        assert_eq!(value(&request, "functionCodeKey"), Some(&Some("functions/1.zip".to_owned())));
        assert_eq!(value(&request, "reconcileWaitIterations"), None);
    }

    #[test]
    fn an_update_keeps_what_the_stack_has_and_drops_what_the_template_lost() {
        let existing = ["reconcileWaitIterations", "functionCodeKey", "aParameterOfLongAgo"].map(str::to_owned);
        let request = plan(&[]).request(ChangeSetKind::Update, &existing);
        assert_eq!(value(&request, "reconcileWaitIterations"), Some(&None));
        assert_eq!(value(&request, "functionCodeKey"), Some(&Some("functions/1.zip".to_owned())));
        assert_eq!(value(&request, "aParameterOfLongAgo"), None);
    }

    #[test]
    fn another_artefact_takes_the_place_of_the_first() {
        let code = Location { bucket: "others".to_owned(), key: "functions/2.zip".to_owned() };
        let request = plan(&[]).with_code(&code).request(ChangeSetKind::Create, &[]);
        assert_eq!(request.parameters.len(), 2);
        assert_eq!(value(&request, "functionCodeBucket"), Some(&Some("others".to_owned())));
    }

    #[test]
    fn the_name_of_a_change_set_follows_from_what_it_holds() {
        let name = |count| plan(&[("reconcileCountIterations", count)]).request(ChangeSetKind::Create, &[]).name;
        assert_eq!(name("3"), name("3"));
        assert_ne!(name("3"), name("4"));
        assert!(name("3").starts_with(CHANGE_SET_PREFIX));
    }

    #[test]
    fn a_status_says_what_comes_next() {
        for (status, step) in [
            (None, NextStep::Create),
            (Some("REVIEW_IN_PROGRESS"), NextStep::Create),
            (Some("CREATE_COMPLETE"), NextStep::Update),
            (Some("UPDATE_ROLLBACK_COMPLETE"), NextStep::Update),
            (Some("ROLLBACK_COMPLETE"), NextStep::DeleteThenCreate),
            (Some("CREATE_IN_PROGRESS"), NextStep::Follow),
            (Some("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"), NextStep::Follow),
            (Some("DELETE_IN_PROGRESS"), NextStep::Follow),
            (Some("DELETE_FAILED"), NextStep::DestroyFirst),
            (Some("UPDATE_ROLLBACK_FAILED"), NextStep::ContinueRollback),
        ] {
            assert_eq!(NextStep::of(status), step, "{status:?}");
        }
    }
}
