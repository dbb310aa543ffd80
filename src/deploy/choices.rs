//! What the user chose of a stack, from several places, settled into one value a parameter and checked against the
//! template's own constraints. Nothing is called and no file is read here.

use std::fmt;

use serde_json::Value;

use super::template::Template;
use crate::model::parameter::ParameterDefinition;

/// Keys of the original's `cdk.context.json` that are parameters of ours.
const OF_CONTEXT: [&str; 6] = [
    "jobDirSuffixName",
    "manifestSuffixName",
    "reconcileCountIterations",
    "reconcileWaitIterations",
    "stacksAccountId",
    "stacksRegion",
];

/// Parameters that follow from the artefact, and how they are chosen instead.
const OF_ARTEFACT: [(&str, &str); 2] =
    [("functionCodeBucket", "use --artefact-bucket"), ("functionCodeKey", "use --bootstrap")];

/// The parameter that says what the functions' executable was built for: it follows from the executable, unless it is
/// chosen on the command line.
pub const ARCHITECTURE: &str = "functionArchitecture";

/// The parameters of a template that are the user's to choose, as they stand there.
#[must_use]
pub fn choosable(template: &Template) -> Vec<ParameterDefinition> {
    let follows = |name: &str| name == ARCHITECTURE || OF_ARTEFACT.iter().any(|(derived, _)| *derived == name);
    template.parameters().into_iter().filter(|one| !follows(&one.name)).collect()
}

/// Where a value was chosen; the first of these wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A flag of the parameter's own.
    Flag,
    /// `--parameter`.
    Parameter,
    /// `--context`.
    Context,
    /// `--app-config`.
    AppConfig,
    /// `[parameters]` of the config file.
    Config,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flag => "the command line",
            Self::Parameter => "--parameter",
            Self::Context => "--context",
            Self::AppConfig => "--app-config",
            Self::Config => "[parameters] of the config file",
        })
    }
}

/// A choice that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    /// The template has no such parameter.
    #[error("{source_of} names parameter {key}, which the template does not have: it has {}", known.join(", "))]
    Unknown {
        /// What was named.
        key: String,
        /// Where.
        source_of: Source,
        /// What there is.
        known: Vec<String>,
    },
    /// The parameter is not the user's to choose.
    #[error("{source_of} names parameter {key}, which follows from the functions' artefact: {instead}")]
    Derived {
        /// What was named.
        key: String,
        /// Where.
        source_of: Source,
        /// How it is chosen.
        instead: &'static str,
    },
    /// The value breaks a constraint.
    #[error("{source_of} gives parameter {key} the value {value:?}: it {constraint}")]
    Constraint {
        /// The parameter.
        key: String,
        /// Its value.
        value: String,
        /// Where it was chosen.
        source_of: Source,
        /// What it must be.
        constraint: String,
    },
    /// A file is no `cdk.context.json`.
    #[error("it is no cdk.context.json: {0}")]
    Context(String),
}

/// Settles every parameter that somebody chose: of two choices the one of the earlier source wins, and of one source
/// the later one.
///
/// # Errors
/// The first choice that cannot be.
pub fn settle(
    template: &Template,
    choices: &[(Source, Vec<(String, String)>)],
) -> Result<Vec<(String, String)>, ChoiceError> {
    let definitions = template.parameters();
    let mut settled: Vec<(Source, &String, &String)> = Vec::new();
    for (source, pairs) in choices {
        for (key, value) in pairs {
            if let Some((_, instead)) = OF_ARTEFACT.iter().find(|(name, _)| name == key) {
                return Err(ChoiceError::Derived { key: key.clone(), source_of: *source, instead });
            }
            if !definitions.iter().any(|definition| definition.name == *key) {
                let is_free = |name: &&String| OF_ARTEFACT.iter().all(|(derived, _)| derived != name);
                let known = definitions.iter().map(|definition| &definition.name).filter(is_free).cloned().collect();
                return Err(ChoiceError::Unknown { key: key.clone(), source_of: *source, known });
            }
            match settled.iter_mut().find(|(_, name, _)| *name == key) {
                Some(before) if *source <= before.0 => *before = (*source, key, value),
                Some(_) => {}
                None => settled.push((*source, key, value)),
            }
        }
    }
    for (source, key, value) in &settled {
        let definition = definitions.iter().find(|definition| definition.name == **key);
        if let Some(Err(constraint)) = definition.map(|definition| definition.check(value)) {
            let (key, value) = ((*key).clone(), (*value).clone());
            return Err(ChoiceError::Constraint { key, value, source_of: *source, constraint });
        }
    }
    Ok(settled.into_iter().map(|(_, key, value)| (key.clone(), value.clone())).collect())
}

/// What a `cdk.context.json` says of our parameters, and the names of its other keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Context {
    /// Parameters by key.
    pub parameters: Vec<(String, String)>,
    /// Keys that mean nothing to us: other stacks' settings, and what the CDK remembers of look-ups.
    pub ignored: Vec<String>,
}

impl Context {
    /// Reads the text of such a file.
    ///
    /// # Errors
    /// When it is no JSON object, or one of our keys holds neither text nor number.
    pub fn read(text: &str) -> Result<Self, ChoiceError> {
        let refuse = |problem: String| ChoiceError::Context(problem);
        let document: Value = serde_json::from_str(text).map_err(|error| refuse(error.to_string()))?;
        let Value::Object(members) = document else {
            return Err(refuse("it holds no object".to_owned()));
        };
        let mut context = Self::default();
        for (key, value) in members {
            if !OF_CONTEXT.contains(&key.as_str()) {
                context.ignored.push(key);
                continue;
            }
            let value = match value {
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                other => return Err(refuse(format!("{key} is {other}, which is neither text nor number"))),
            };
            context.parameters.push((key, value));
        }
        Ok(context)
    }
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::EVENT_PROCESSING;
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn settled(choices: &[(Source, Vec<(String, String)>)]) -> Result<Vec<(String, String)>, ChoiceError> {
        settle(&EVENT_PROCESSING.template().expect("a template"), choices)
    }

    #[test]
    fn the_earlier_source_wins_in_whatever_order_they_are_given() {
        let wait = |value: &str| pairs(&[("reconcileWaitIterations", value)]);
        let all = [
            (Source::Config, wait("1")),
            (Source::Context, wait("2")),
            (Source::Parameter, wait("3")),
            (Source::Flag, wait("4")),
        ];
        for count in 1..=all.len() {
            let expected = count.to_string();
            assert_eq!(settled(&all[..count]), Ok(wait(&expected)));
            let backwards: Vec<_> = all[..count].iter().rev().cloned().collect();
            assert_eq!(settled(&backwards), Ok(wait(&expected)));
        }
        let twice = [(Source::Parameter, [wait("5"), wait("6")].concat())];
        assert_eq!(settled(&twice), Ok(wait("6")), "the last one on the command line counts");
    }

    #[test]
    fn what_is_unknown_derived_or_wrong_is_refused_by_name_and_source() {
        for (source, key, value, words) in [
            (Source::Parameter, "reconcileCount", "3", "which the template does not have: it has jobDirSuffixName"),
            (Source::Config, "functionCodeKey", "x", "use --bootstrap"),
            (Source::Parameter, "functionCodeBucket", "x", "use --artefact-bucket"),
            (Source::Context, "stacksAccountId", "12", "must be an account number of 12 digits"),
        ] {
            let said = settled(&[(source, pairs(&[(key, value)]))]).expect_err(key).to_string();
            assert!(said.contains(words) && said.contains(key) && said.contains(&source.to_string()), "{said}");
            let offered = said.split_once(": it has ").map_or("", |(_, offered)| offered);
            assert!(!offered.contains("functionCode"), "what cannot be chosen is not offered: {said}");
        }
    }

    #[test]
    fn a_wrong_value_that_does_not_count_hurts_nobody() {
        let choices = [
            (Source::Config, pairs(&[("logRetentionDays", "2")])),
            (Source::Flag, pairs(&[("logRetentionDays", "3")])),
        ];
        assert_eq!(settled(&choices), Ok(pairs(&[("logRetentionDays", "3")])));
    }

    #[test]
    fn the_originals_context_is_read_and_the_rest_of_it_named() {
        let text = r#"{"vpc-provider:account=1": {"vpcId": "v"}, "stacksAccountId": "012345678901", "stacksRegion": "us-east-1",
            "jobDirSuffixName": "-vaultjob", "manifestSuffixName": ".manifest", "reconcileCountIterations": 960,
            "reconcileWaitIterations": "30", "vpcCidr": "192.168.0.0/16"}"#;
        let context = Context::read(text).expect("a context");
        assert_eq!(context.ignored, ["vpc-provider:account=1", "vpcCidr"]);
        assert_eq!(context.parameters.len(), OF_CONTEXT.len());
        assert!(context.parameters.contains(&("reconcileCountIterations".to_owned(), "960".to_owned())));
        assert!(context.parameters.contains(&("stacksAccountId".to_owned(), "012345678901".to_owned())));
        for wrong in ["", "[]", r#"{"stacksRegion": {}}"#] {
            let said = Context::read(wrong).expect_err(wrong).to_string();
            assert!(said.contains("cdk.context.json"), "{said}");
        }
    }
}
