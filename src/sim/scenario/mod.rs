//! Scenarios: what clients and gateway do, what goes wrong when, and what has to come of it. A scenario is a TOML file;
//! those of `fixtures/scenarios` are part of the program. Pure: whoever runs one brings what was found and has it judged.

mod catalogue;
mod course;
mod expect;
mod judge;

use serde::Deserialize;
use toml::Spanned;

use super::gateway::GatewaySpec;
use super::job::{JobSpec, MOST_CLIENTS, is_time};
use super::load::Load;
pub use catalogue::NAMES;
pub use course::{Course, ManifestPlace};
pub use expect::{Announced, Bounds, Expect, ExpectSet, Told};
pub use judge::{Found, FoundSet, judge};

pub use crate::model::Check;

/// The stack that a scenario wants.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct StackPart {
    /// Comparisons of manifest and table before the reconciliation gives up.
    pub iterations: u32,
    /// Seconds between two comparisons.
    pub wait_secs: u32,
}

impl Default for StackPart {
    fn default() -> Self {
        Self { iterations: 60, wait_secs: 30 }
    }
}

/// Something that goes wrong at the endpoint for a while.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FaultPart {
    /// Seconds after the begin of everything.
    #[serde(default)]
    pub at_secs: f64,
    /// Seconds after the begin at which it is over; it stays where this is left out.
    pub until_secs: Option<f64>,
    /// The fault as `/_vaultscope/faults` takes it.
    pub what: serde_json::Map<String, serde_json::Value>,
}

/// One client or several alike.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ClientPart {
    /// So many of them, each with the seed after the one before.
    #[serde(default = "one")]
    count: u32,
    #[serde(default)]
    dataset: JobSpec,
    /// What has to come of each dataset.
    expect: ExpectSet,
}

fn one() -> u32 {
    1
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    about: String,
    time_scale: Option<Spanned<f64>>,
    #[serde(default)]
    stack: Option<Spanned<StackPart>>,
    #[serde(default)]
    gateway: Option<Spanned<GatewaySpec>>,
    client: Vec<Spanned<ClientPart>>,
    #[serde(default)]
    fault: Vec<Spanned<FaultPart>>,
    #[serde(default)]
    expect: Expect,
}

/// What happens, and what has to come of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Its name: that of its file, without the ending.
    pub name: String,
    /// One line: what it shows.
    pub about: String,
    /// Simulated seconds per real second, where the target's clock can be scaled.
    pub time_scale: Option<f64>,
    /// The stack that it wants.
    pub stack: StackPart,
    /// What clients and gateway do.
    pub load: Load,
    /// What goes wrong at the endpoint.
    pub faults: Vec<FaultPart>,
    /// What has to come of each dataset, one a job of the load.
    pub sets: Vec<ExpectSet>,
    /// What has to come of everything.
    pub expect: Expect,
}

/// A file that is no scenario.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScenarioError {
    /// It cannot be read as one.
    #[error("{file}, line {line}: {problem}")]
    Line {
        /// The file's name.
        file: String,
        /// Counted from 1.
        line: usize,
        /// One sentence.
        problem: String,
    },
    /// No file and no name.
    #[error(
        "there is no scenario {0:?}: `vaultscope sim --list` names those that come with vaultscope; a file of your own is given by its path"
    )]
    Unknown(String),
}

impl Scenario {
    /// One of those that come with vaultscope.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn named(name: &str) -> Result<Self, ScenarioError> {
        let text = catalogue::text(name).ok_or_else(|| ScenarioError::Unknown(name.to_owned()))?;
        Self::read(&format!("{name}.toml"), text)
    }

    /// Reads a scenario; `file` is its name.
    ///
    /// # Errors
    /// What is wrong, and in which line.
    pub fn read(file: &str, text: &str) -> Result<Self, ScenarioError> {
        let at = |offset: usize, problem: String| ScenarioError::Line {
            file: file.to_owned(),
            line: text.get(..offset).unwrap_or(text).matches('\n').count() + 1,
            problem,
        };
        let written: Written = toml::from_str(text).map_err(|error| {
            let sentence = error.message().lines().collect::<Vec<_>>().join(", ");
            at(error.span().map_or(0, |span| span.start), sentence)
        })?;
        if written.client.is_empty() {
            return Err(at(
                0,
                "it has no client: write [[client]] with its dataset and what is expected of it".to_owned(),
            ));
        }
        let time_scale = written.time_scale.as_ref().map(|scale| *scale.get_ref());
        if let Some(scale) = &written.time_scale
            && !(0.1..=10_000.0).contains(scale.get_ref())
        {
            return Err(at(
                scale.span().start,
                format!("time-scale {} is out of range: 0.1 to 10000", scale.get_ref()),
            ));
        }
        if let Some(stack) = &written.stack {
            let StackPart { iterations, wait_secs } = stack.get_ref();
            if !(1..=1_561).contains(iterations) {
                return Err(at(stack.span().start, "iterations is out of range: 1 to 1561".to_owned()));
            }
            if !(1..=86_400).contains(wait_secs) {
                return Err(at(stack.span().start, "wait-secs is out of range: 1 to 86400".to_owned()));
            }
        }
        let mut load = Load { jobs: Vec::new(), gateway: GatewaySpec::default() };
        let mut sets = Vec::new();
        if let Some(gateway) = &written.gateway {
            gateway.get_ref().check().map_err(|error| at(gateway.span().start, error.to_string()))?;
            load.gateway = gateway.get_ref().clone();
        }
        for part in &written.client {
            let ClientPart { count, dataset, expect } = part.get_ref();
            let line = |problem: String| at(part.span().start, problem);
            if *count == 0 || *count as usize > MOST_CLIENTS {
                return Err(line(format!("{count} clients cannot be had: count is 1 to {MOST_CLIENTS}")));
            }
            if *count > 1 && dataset.set_id.is_some() {
                return Err(line("several clients cannot write the same set-id: leave it out, or count".to_owned()));
            }
            for nth in 0..*count {
                load.jobs.push(JobSpec { seed: dataset.seed.wrapping_add(u64::from(nth)), ..dataset.clone() });
                sets.push(expect.clone());
            }
            load.check().map_err(|error| line(error.to_string()))?;
        }
        for fault in &written.fault {
            let FaultPart { at_secs, until_secs, what } = fault.get_ref();
            let line = |problem: &str| at(fault.span().start, problem.to_owned());
            if !is_time(*at_secs) || until_secs.is_some_and(|until| !is_time(until) || until <= *at_secs) {
                return Err(line("a fault begins at at-secs and is over at until-secs, later than that"));
            }
            if !what.contains_key("kind") {
                return Err(line("the fault does not say what it is: give it a [fault.what] with its kind"));
            }
        }
        let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
        Ok(Self {
            name: name.strip_suffix(".toml").unwrap_or(name).to_owned(),
            about: written.about,
            time_scale,
            stack: written.stack.map(Spanned::into_inner).unwrap_or_default(),
            load,
            faults: written.fault.into_iter().map(Spanned::into_inner).collect(),
            sets,
            expect: written.expect,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Plan;

    const LEAST: &str = "about = \"it\"\n[[client]]\n[client.expect]\noutcome = \"reconciled\"\n";

    #[test]
    fn every_scenario_that_comes_along_can_be_read_planned_and_repeated() {
        assert!(NAMES.len() >= 13);
        for name in NAMES {
            let scenario = Scenario::named(name).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(scenario.name, *name);
            assert!(
                !scenario.about.is_empty() && scenario.about.chars().count() <= 100 && !scenario.about.contains('\n'),
                "{name}"
            );
            let sets = scenario.load.datasets().unwrap_or_else(|error| panic!("{name}: {error}"));
            let plan = Plan::of(&scenario.load, &sets);
            assert!(!plan.is_stuck, "{name}");
            assert_eq!(plan, Plan::of(&scenario.load, &scenario.load.datasets().expect("the same")), "{name}");
            assert!(scenario.load.gateway.strict, "{name} is not repeated exactly");
        }
    }

    #[test]
    fn the_least_scenario_is_one_client_with_what_is_expected_of_it() {
        let scenario = Scenario::read("my/least.toml", LEAST).expect("a scenario");
        assert_eq!((scenario.name.as_str(), scenario.load.jobs.len()), ("least", 1));
        assert_eq!(scenario.load.jobs[0], JobSpec::default());
        let three = LEAST.replace("[[client]]\n", "[[client]]\ncount = 3\n");
        let scenario = Scenario::read("three.toml", &three).expect("a scenario");
        let seeds: Vec<u64> = scenario.load.jobs.iter().map(|job| job.seed).collect();
        assert_eq!((seeds, scenario.sets.len()), (vec![0, 1, 2], 3));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let with = |more: &str| format!("{LEAST}{more}");
        for (text, line, said) in [
            (with("[gateway]\nsettling = 3\n"), 6, "unknown field `settling`"),
            (with("[gateway]\nupload-workers = \"many\"\n"), 6, "invalid type"),
            (with("[gateway]\nupload-workers = 0\n"), 5, "upload-workers must be a positive number"),
            (with("[client.dataset]\nfiles = 3\nmissing = 4\n"), 2, "leaving out of 4 files"),
            (with("[client.dataset]\njob-dir-suffix = \"x\"\n"), 6, "unknown field"),
            (with("[stack]\niterations = 0\n"), 5, "iterations is out of range"),
            (with("[[fault]]\nat-secs = 5\nuntil-secs = 5\n[fault.what]\nkind = \"throttle\"\n"), 5, "later than that"),
            (with("[[fault]]\n[fault.what]\nservice = \"s3\"\n"), 5, "kind"),
            (with("[expect]\nnotifications = \"all\"\n"), 6, "a number, or least and most"),
            (with("[expect]\nnotifications = { least = 5, most = 4 }\n"), 6, "least"),
            (format!("time-scale = 0\n{LEAST}"), 1, "time-scale 0 is out of range"),
            ("about = \"it\"\nclient = []\n".to_owned(), 1, "no client"),
            (LEAST.replace("reconciled", "well"), 4, "unknown variant `well`"),
            ("about = \n".to_owned(), 1, ""),
            (LEAST.replace("about = \"it\"", "count = 1"), 1, "unknown field `count`"),
            (LEAST.replace("[client.expect]\noutcome = \"reconciled\"\n", ""), 2, "missing field `expect`"),
            (LEAST.replace("[[client]]\n", "[[client]]\ncount = 1001\n"), 2, "count is 1 to 1000"),
        ] {
            let error = Scenario::read("x.toml", &text).expect_err(&text);
            let told = error.to_string();
            assert!(told.starts_with(&format!("x.toml, line {line}: ")) && told.contains(said), "{text}\n{told}");
            assert!(!told.contains('\n'), "{told:?}");
        }
        let unknown = Scenario::named("nothing").expect_err("no such").to_string();
        assert!(unknown.contains("--list"), "{unknown}");
    }
}
