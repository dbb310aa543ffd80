//! A template's parameters: which there are, and whether a value keeps the constraints that the template itself states.
//! So a wrong value is refused in the template's words before anything is called.

use regex::Regex;
use serde_json::Value;

/// A parameter of a template.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterDefinition {
    /// Its key.
    pub name: String,
    /// `String`, `Number`, `CommaDelimitedList`, …
    pub kind: String,
    /// Taken where nobody chooses a value.
    pub default: Option<String>,
    described: Option<String>,
    allowed: Vec<String>,
    pattern: Option<String>,
    length: (Option<usize>, Option<usize>),
    range: (Option<f64>, Option<f64>),
}

impl ParameterDefinition {
    /// Reads an entry of `Parameters`, all of whose scalars are texts.
    pub(super) fn read(name: &str, definition: &Value) -> Self {
        let text = |member: &str| definition[member].as_str().map(str::to_owned);
        let number = |member: &str| text(member)?.parse::<f64>().ok();
        let count = |member: &str| text(member)?.parse::<usize>().ok();
        let allowed = definition["AllowedValues"].as_array();
        Self {
            name: name.to_owned(),
            kind: text("Type").unwrap_or_default(),
            default: text("Default"),
            described: text("ConstraintDescription"),
            allowed: allowed.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
            pattern: text("AllowedPattern"),
            length: (count("MinLength"), count("MaxLength")),
            range: (number("MinValue"), number("MaxValue")),
        }
    }

    /// Whether a value is one that the template takes.
    ///
    /// # Errors
    /// What a value must be, to be read after `"x" `.
    pub fn check(&self, value: &str) -> Result<(), String> {
        match self.violated(value) {
            None => Ok(()),
            Some(constraint) => Err(self.described.clone().unwrap_or(constraint)),
        }
    }

    fn violated(&self, value: &str) -> Option<String> {
        let is_list = self.kind == "CommaDelimitedList" || self.kind.starts_with("List<");
        let entries: Vec<&str> = if is_list { value.split(',').map(str::trim).collect() } else { vec![value] };
        let is_number = self.kind == "Number" || self.kind == "List<Number>";
        if is_number && entries.iter().any(|entry| entry.parse::<f64>().is_err()) {
            return Some("must be a number".to_owned());
        }
        if !self.allowed.is_empty() && entries.iter().any(|entry| !self.allowed.iter().any(|one| one == entry)) {
            return Some(format!("must be one of {}", self.allowed.join(", ")));
        }
        // CloudFormation reads patterns as Java does: one that we cannot read is left to it.
        let pattern = self.pattern.as_deref().and_then(|text| Some((text, Regex::new(&format!("^(?:{text})$")).ok()?)));
        if let Some((text, regex)) = pattern
            && entries.iter().any(|entry| !regex.is_match(entry))
        {
            return Some(format!("must match the pattern {text}"));
        }
        let length = value.chars().count();
        match self.length {
            (Some(least), _) if length < least => return Some(format!("must have at least {least} characters")),
            (_, Some(most)) if length > most => return Some(format!("must have at most {most} characters")),
            _ => {}
        }
        for number in entries.iter().filter_map(|entry| entry.parse::<f64>().ok()) {
            match self.range {
                (Some(least), _) if number < least => return Some(format!("must be at least {least}")),
                (_, Some(most)) if number > most => return Some(format!("must be at most {most}")),
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::Template;
    use super::super::catalogue::EVENT_PROCESSING;
    use super::*;

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
