//! A template, read as far as deploying needs it: its parameters, what it keeps, how large it is, and whether two say
//! the same. What it means is CloudFormation's business.

use std::collections::HashSet;

use serde_json::Value;

use super::yaml;
use crate::model::parameter::ParameterDefinition;

/// The largest template that may be in a request, in bytes.
const LARGEST_BODY: usize = 51_200;
/// The most that one template may have.
const MOST_RESOURCES: usize = 500;
const MOST_PARAMETERS: usize = 200;
const MOST_OUTPUTS: usize = 200;
/// The longest description, in bytes.
const LONGEST_DESCRIPTION: usize = 1_024;

/// Sections by which two templates are compared: what a change set is made from.
const MEANING: [&str; 6] = ["Resources", "Outputs", "Conditions", "Mappings", "Rules", "Transform"];

/// A template that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    text: String,
    tree: Value,
}

/// One of CloudFormation's limits, and how near a template is to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// `bytes`, `resources`, …
    pub what: &'static str,
    /// How many there are.
    pub has: usize,
    /// How many there may be.
    pub most: usize,
}

impl Size {
    /// Whether the limit is kept.
    #[must_use]
    pub const fn fits(&self) -> bool {
        self.has <= self.most
    }
}

impl Template {
    /// Reads a template; `None` when the text is none.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let tree = yaml::read(text)?;
        tree["Resources"].is_object().then(|| Self { text: text.to_owned(), tree })
    }

    /// Its text, as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its parameters, as they stand.
    #[must_use]
    pub fn parameters(&self) -> Vec<ParameterDefinition> {
        let section = self.tree["Parameters"].as_object();
        section.into_iter().flatten().map(|(name, definition)| ParameterDefinition::read(name, definition)).collect()
    }

    /// How many resources it has.
    #[must_use]
    pub fn resource_count(&self) -> usize {
        self.count("Resources")
    }

    /// Its sizes beside CloudFormation's limits.
    #[must_use]
    pub fn sizes(&self) -> [Size; 5] {
        let description = self.tree["Description"].as_str().map_or(0, str::len);
        [
            Size { what: "bytes", has: self.text.len(), most: LARGEST_BODY },
            Size { what: "resources", has: self.count("Resources"), most: MOST_RESOURCES },
            Size { what: "parameters", has: self.count("Parameters"), most: MOST_PARAMETERS },
            Size { what: "outputs", has: self.count("Outputs"), most: MOST_OUTPUTS },
            Size { what: "bytes of description", has: description, most: LONGEST_DESCRIPTION },
        ]
    }

    fn count(&self, section: &str) -> usize {
        self.tree[section].as_object().map_or(0, serde_json::Map::len)
    }

    /// Logical IDs whose `DeletionPolicy` lets them outlive the stack.
    #[must_use]
    pub fn retained(&self) -> HashSet<String> {
        let keeps =
            |resource: &Value| resource["DeletionPolicy"].as_str().is_some_and(|policy| policy.starts_with("Retain"));
        let resources = self.tree["Resources"].as_object();
        resources.into_iter().flatten().filter(|(_, resource)| keeps(resource)).map(|(id, _)| id.clone()).collect()
    }

    /// Whether both ask CloudFormation for the same; comments, descriptions and defaults are no difference.
    #[must_use]
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        MEANING.iter().all(|section| self.tree[*section] == other.tree[*section])
            && self.parameter_names() == other.parameter_names()
    }

    fn parameter_names(&self) -> HashSet<&String> {
        self.tree["Parameters"].as_object().into_iter().flat_map(serde_json::Map::keys).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::EVENT_PROCESSING;
    use super::*;

    #[test]
    fn what_outlives_the_stack_is_known_in_both_notations() {
        let kept = HashSet::from(["a".to_owned(), "c".to_owned()]);
        let yaml = "Resources:\n  a:\n    DeletionPolicy: Retain\n    Type: !Sub x\n  b: {Type: T}\n  c: {DeletionPolicy: RetainExceptOnCreate}\n  d: {DeletionPolicy: Delete}\n";
        let json =
            r#"{"Resources":{"a":{"DeletionPolicy":"Retain"},"b":{},"c":{"DeletionPolicy":"RetainExceptOnCreate"}}}"#;
        for text in [yaml, json] {
            assert_eq!(Template::read(text).expect("a template").retained(), kept, "{text}");
        }
        assert_eq!(Template::read("no template"), None);
    }

    #[test]
    fn comments_and_descriptions_are_no_difference_and_resources_are() {
        let read = |text: &str| Template::read(text).expect("a template");
        let one = read("# why\nDescription: a\nParameters: {p: {Type: String}}\nResources: {q: {Type: !Ref p}}\n");
        let same = read(r#"{"Parameters":{"p":{"Type":"Number"}},"Resources":{"q":{"Type":{"Ref":"p"}}}}"#);
        assert!(one.says_the_same_as(&same));
        assert!(!one.says_the_same_as(&read("Parameters: {p: {Type: String}}\nResources: {q: {Type: !Ref r}}\n")));
        assert!(!one.says_the_same_as(&read("Resources: {q: {Type: !Ref p}}\n")));
    }

    #[test]
    fn sizes_are_held_against_the_limits() {
        let large = format!("Resources: {{a: {{Type: T}}}}\n# {}\n", "x".repeat(LARGEST_BODY));
        let [bytes, resources, ..] = Template::read(&large).expect("a template").sizes();
        assert!(!bytes.fits() && resources.fits(), "{bytes:?} {resources:?}");
        assert_eq!(resources.has, 1);
    }

    fn of(name: &str) -> ParameterDefinition {
        let template = EVENT_PROCESSING.template().expect("a template");
        template.parameters().into_iter().find(|one| one.name == name).expect("a parameter")
    }

    #[test]
    fn our_template_says_itself_what_its_parameters_may_be() {
        for (name, good, bad, words) in [
            ("jobDirSuffixName", "-vaultjob", "a b", "without slashes"),
            ("jobDirSuffixName", "-x", "", "1 to 64 characters"),
            ("reconcileCountIterations", "1561", "1562", "25,000 history events"),
            ("reconcileWaitIterations", "1", "0", "must be at least 1"),
            ("reconcileWaitIterations", "30", "soon", "must be a number"),
            ("stacksAccountId", "", "123", "12 digits"),
            ("logRetentionDays", "30", "31", "must be one of 1, 3, 5, 7"),
            ("functionArchitecture", "arm64", "mips", "must be one of x86_64, arm64"),
        ] {
            assert_eq!(of(name).check(good), Ok(()), "{name}={good}");
            let said = of(name).check(bad).expect_err(bad);
            assert!(said.contains(words), "{name}={bad}: {said}");
        }
    }

    #[test]
    fn constraints_that_our_template_does_not_use_are_kept_too() {
        let template = "Parameters:\n  l: {Type: List<Number>, MinValue: 2}\n  s: {Type: String, MaxLength: 2, MinLength: 2}\n  j: {Type: String, AllowedPattern: '(?=a)a'}\nResources: {a: {Type: T}}\n";
        let all = Template::read(template).expect("a template").parameters();
        let check = |index: usize, value| all[index].check(value);
        assert_eq!(check(0, "2, 3"), Ok(()));
        assert_eq!(check(0, "2,1"), Err("must be at least 2".to_owned()));
        assert_eq!(check(1, "a"), Err("must have at least 2 characters".to_owned()));
        assert_eq!(check(1, "abc"), Err("must have at most 2 characters".to_owned()));
        assert_eq!(check(2, "b"), Ok(()), "a pattern that only Java reads is left to CloudFormation");
    }
}
