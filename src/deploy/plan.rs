//! What is asked of CloudFormation, decided without calling it: template, parameters, and what a stack's status allows.

use sha2::{Digest, Sha256};

use super::package::Location;

/// The name that the workshop gives the stack.
pub const STACK_NAME: &str = "EventProcessingStack";

/// The stack's template.
pub const TEMPLATE: &str = include_str!("../../stacks/event-processing.yaml");

/// What a user may choose of the stack; `None` leaves the template's default, or what the stack has already.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parameters {
    /// How the name of a dataset's root directory ends.
    pub job_dir_suffix: Option<String>,
    /// How the name of a manifest ends.
    pub manifest_suffix: Option<String>,
    /// Comparisons before the reconciliation gives up.
    pub iterations: Option<u32>,
    /// Seconds between two comparisons.
    pub wait_seconds: Option<u32>,
    /// Sources of notifications that are taken.
    pub event_sources: Option<Vec<String>>,
    /// Days for which log events are kept.
    pub log_retention_days: Option<u32>,
    /// `x86_64` or `arm64`: what the functions' executable was built for.
    pub architecture: Option<String>,
}

/// A stack as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The stack's name.
    pub stack: String,
    /// The template's text.
    pub template: String,
    /// What the user chose.
    pub parameters: Parameters,
    /// Where the functions' artefact stands.
    pub code: Location,
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
    /// The event processing stack under `stack`'s name.
    #[must_use]
    pub fn event_processing(stack: impl Into<String>, parameters: Parameters, code: Location) -> Self {
        Self { stack: stack.into(), template: TEMPLATE.to_owned(), parameters, code }
    }

    /// The change set that makes a stack so; `existing` are the keys of the parameters that the stack has already.
    #[must_use]
    pub fn request(&self, kind: ChangeSetKind, existing: &[String]) -> ChangeSetRequest {
        let mut parameters: Vec<(String, Option<String>)> =
            self.chosen().into_iter().map(|(key, value)| (key.to_owned(), Some(value))).collect();
        if kind == ChangeSetKind::Update {
            for key in existing {
                // A parameter that the new template no longer has may not be named.
                if !parameters.iter().any(|(chosen, _)| chosen == key) && self.declares(key) {
                    parameters.push((key.clone(), None));
                }
            }
        }
        let name = name_of(&self.template, &parameters);
        ChangeSetRequest { stack: self.stack.clone(), name, kind, template: self.template.clone(), parameters }
    }

    fn chosen(&self) -> Vec<(&'static str, String)> {
        let Parameters {
            job_dir_suffix,
            manifest_suffix,
            iterations,
            wait_seconds,
            event_sources,
            log_retention_days,
            architecture,
        } = &self.parameters;
        let all = [
            ("jobDirSuffixName", job_dir_suffix.clone()),
            ("manifestSuffixName", manifest_suffix.clone()),
            ("reconcileCountIterations", iterations.map(|count| count.to_string())),
            ("reconcileWaitIterations", wait_seconds.map(|seconds| seconds.to_string())),
            ("eventSources", event_sources.as_ref().map(|sources| sources.join(","))),
            ("logRetentionDays", log_retention_days.map(|days| days.to_string())),
            ("functionArchitecture", architecture.clone()),
            ("functionCodeBucket", Some(self.code.bucket.clone())),
            ("functionCodeKey", Some(self.code.key.clone())),
        ];
        all.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
    }

    fn declares(&self, key: &str) -> bool {
        self.template.lines().any(|line| line.trim() == format!("{key}:"))
    }
}

fn name_of(template: &str, parameters: &[(String, Option<String>)]) -> String {
    let mut hash = Sha256::new();
    hash.update(template);
    for (key, value) in parameters {
        hash.update(format!("\n{key}={value:?}"));
    }
    format!("vaultscope-{}", &hex::encode(hash.finalize())[..16])
}

/// Resources of the event processing stack.
#[must_use]
pub fn resource_count() -> usize {
    let resources = TEMPLATE.lines().skip_while(|line| *line != "Resources:").skip(1);
    resources
        .take_while(|line| line.is_empty() || line.starts_with(' '))
        .filter(|line| line.starts_with("  ") && !line.starts_with("   ") && line.ends_with(':'))
        .count()
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
    use super::*;

    fn plan(parameters: Parameters) -> Plan {
        Plan::event_processing(
            STACK_NAME,
            parameters,
            Location { bucket: "artefacts".to_owned(), key: "functions/1.zip".to_owned() },
        )
    }

    fn value<'a>(request: &'a ChangeSetRequest, key: &str) -> Option<&'a Option<String>> {
        request.parameters.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    #[test]
    fn only_what_was_chosen_is_sent_so_that_the_template_keeps_its_defaults() {
        let request = plan(Parameters { iterations: Some(3), ..Parameters::default() })
            .request(ChangeSetKind::Create, &["reconcileWaitIterations".to_owned()]);
        assert_eq!(value(&request, "reconcileCountIterations"), Some(&Some("3".to_owned())));
        assert_eq!(value(&request, "functionCodeKey"), Some(&Some("functions/1.zip".to_owned())));
        assert_eq!(value(&request, "reconcileWaitIterations"), None);
    }

    #[test]
    fn an_update_keeps_what_the_stack_has_and_drops_what_the_template_lost() {
        let existing = ["reconcileWaitIterations", "functionCodeKey", "aParameterOfLongAgo"].map(str::to_owned);
        let request = plan(Parameters::default()).request(ChangeSetKind::Update, &existing);
        assert_eq!(value(&request, "reconcileWaitIterations"), Some(&None));
        assert_eq!(value(&request, "functionCodeKey"), Some(&Some("functions/1.zip".to_owned())));
        assert_eq!(value(&request, "aParameterOfLongAgo"), None);
    }

    #[test]
    fn every_parameter_that_is_sent_is_declared_by_the_template() {
        let all = Parameters {
            job_dir_suffix: Some("-job".to_owned()),
            manifest_suffix: Some(".list".to_owned()),
            iterations: Some(1),
            wait_seconds: Some(1),
            event_sources: Some(vec!["a".to_owned(), "b".to_owned()]),
            log_retention_days: Some(1),
            architecture: Some("arm64".to_owned()),
        };
        let plan = plan(all);
        for (key, value) in plan.request(ChangeSetKind::Create, &[]).parameters {
            assert!(plan.declares(&key), "{key}");
            assert!(value.is_some(), "{key}");
        }
    }

    #[test]
    fn the_name_of_a_change_set_follows_from_what_it_holds() {
        let name = |iterations| {
            plan(Parameters { iterations, ..Parameters::default() }).request(ChangeSetKind::Create, &[]).name
        };
        assert_eq!(name(Some(3)), name(Some(3)));
        assert_ne!(name(Some(3)), name(Some(4)));
    }

    #[test]
    fn resources_are_counted_as_they_stand_in_the_template() {
        let types = TEMPLATE.lines().filter(|line| line.starts_with("    Type: AWS::")).count();
        assert_eq!(resource_count(), types);
        assert!(types > 20, "{types}");
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
