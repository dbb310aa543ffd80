//! Scenarios of the stack that archives: what its task does, and which way its state machine has to take. A scenario is a
//! TOML file; those of `fixtures/archiving` are part of the program. Pure: whoever plays one brings what was found.

mod judge;

use serde::Deserialize;

pub use judge::{Found, judge};

macro_rules! scenarios {
    ($($name:literal),* $(,)?) => {
        /// The names of those that come with vaultscope, in the order in which they are listed.
        pub const NAMES: &[&str] = &[$($name),*];
        const TEXTS: &[&str] = &[$(include_str!(concat!("../../../fixtures/archiving/", $name, ".toml"))),*];
    };
}

scenarios!["s3tar-success", "s3tar-midnight", "s3tar-recovers", "s3tar-retryable", "s3tar-fatal", "s3tar-no-image",];

/// What such a file says that it is.
const KIND: &str = "s3tar";
/// Days of log files at the most.
const MOST_DAYS: u32 = 3_650;

/// What the task does, and what has to come of it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scenario {
    /// Its name: that of its file, without the ending.
    #[serde(skip)]
    pub name: String,
    kind: String,
    /// One line: what it shows.
    pub about: String,
    /// Simulated seconds per real second.
    pub time_scale: Option<f64>,
    /// Days of log files that are there with their inventory; none: no inventory either.
    #[serde(default)]
    pub days: u32,
    /// Who starts the state machine.
    #[serde(default)]
    pub start: StartPart,
    /// The task.
    #[serde(default)]
    pub task: TaskPart,
    /// What has to come of it.
    pub expect: Expect,
}

/// Who starts the state machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StartPart {
    /// Whoever plays the scenario.
    #[default]
    Hand,
    /// The schedule, when it is due.
    Schedule,
}

/// What the task's container does.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TaskPart {
    /// The exit codes of its first runs; later ones do the work.
    pub exits: Vec<u8>,
    /// Whether its image cannot be pulled.
    pub image_missing: bool,
}

/// What has to come of it; what is left out may be anything.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Expect {
    /// Whether the schedule has fired.
    pub fired: Option<bool>,
    /// How the execution ends.
    pub status: Option<String>,
    /// The states that it enters, in their order.
    pub path: Option<Vec<String>>,
    /// How often the task is asked for.
    pub attempts: Option<usize>,
    /// Seconds that it waits before each further try; each has really to pass.
    pub waits_secs: Option<Vec<f64>>,
    /// The exit codes of the containers that ran.
    pub exit_codes: Option<Vec<i64>>,
    /// How the reason begins for which the last task stopped.
    pub reason: Option<String>,
    /// The subjects of the notifications.
    pub notifications: Option<Vec<String>>,
    /// Members of the archive, each equal to its object; without it there is no archive.
    pub archived: Option<usize>,
}

/// A file that is no such scenario.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}, line {line}: {problem}")]
pub struct ScenarioError {
    /// The file's name.
    file: String,
    /// Counted from 1.
    line: usize,
    /// One sentence.
    problem: String,
}

impl Scenario {
    /// One of those that come with vaultscope; `None` when there is none of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Result<Self, ScenarioError>> {
        let at = NAMES.iter().position(|known| *known == name)?;
        TEXTS.get(at).map(|text| Self::read(&format!("{name}.toml"), text))
    }

    /// Whether a text is of this kind of scenario, as it says itself.
    #[must_use]
    pub fn is_one(text: &str) -> bool {
        let table: Result<toml::Table, _> = toml::from_str(text);
        table.is_ok_and(|table| table.get("kind").and_then(toml::Value::as_str) == Some(KIND))
    }

    /// Reads a scenario; `file` is its name.
    ///
    /// # Errors
    /// What is wrong, and in which line.
    pub fn read(file: &str, text: &str) -> Result<Self, ScenarioError> {
        let at = |offset: usize, problem: String| ScenarioError {
            file: file.to_owned(),
            line: text.get(..offset).unwrap_or(text).matches('\n').count() + 1,
            problem,
        };
        let read: Self = toml::from_str(text).map_err(|error| {
            let sentence = error.message().lines().collect::<Vec<_>>().join(", ");
            at(error.span().map_or(0, |span| span.start), sentence)
        })?;
        let line_of = |key: &str| {
            let found = text.lines().position(|line| line.trim_start().starts_with(key));
            text.lines().take(found.unwrap_or(0)).map(|line| line.len() + 1).sum()
        };
        if read.kind != KIND {
            return Err(at(line_of("kind"), format!("its kind is {:?}, and {KIND:?} is the one there is", read.kind)));
        }
        if let Some(scale) = read.time_scale.filter(|scale| !(0.1..=10_000.0).contains(scale)) {
            return Err(at(line_of("time-scale"), format!("time-scale {scale} is out of range: 0.1 to 10000")));
        }
        if read.days > MOST_DAYS {
            return Err(at(line_of("days"), format!("days is out of range: 0 to {MOST_DAYS}")));
        }
        if read.days == 0 && read.expect.archived.is_some() {
            return Err(at(line_of("archived"), "without days nothing is archived: write days".to_owned()));
        }
        if read.task.image_missing && !read.task.exits.is_empty() {
            return Err(at(
                line_of("exits"),
                "an image that is missing has no exits: leave one of them out".to_owned(),
            ));
        }
        let stem = file.rsplit(['/', '\\']).next().unwrap_or(file);
        Ok(Self { name: stem.strip_suffix(".toml").unwrap_or(stem).to_owned(), ..read })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_listed_and_read() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/archiving");
        let mut there: Vec<String> = std::fs::read_dir(folder)
            .expect("the folder")
            .map(|file| file.expect("a file").file_name().to_string_lossy().replace(".toml", ""))
            .collect();
        let mut listed = NAMES.to_vec();
        there.sort_unstable();
        listed.sort_unstable();
        assert_eq!(there, listed);
        for (name, text) in NAMES.iter().zip(TEXTS) {
            let scenario = Scenario::named(name).expect("it is listed").expect(name);
            assert_eq!(scenario.name, *name);
            assert!(Scenario::is_one(text), "{name}");
            let Expect { status, path, attempts, waits_secs, notifications, .. } = scenario.expect;
            let has_all = status.is_some() && path.is_some() && attempts.is_some();
            assert!(has_all && waits_secs.is_some() && notifications.is_some(), "{name} expects too little");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let head = "kind = \"s3tar\"\nabout = \"x\"\n";
        for (more, line, said) in [
            ("time-scale = 0\n[expect]\n", 3, "0.1 to 10000"),
            ("days = 4000\n[expect]\n", 3, "0 to 3650"),
            ("[expect]\narchived = 5\n", 4, "write days"),
            ("[expect]\nstates = 5\n", 4, "unknown field"),
            ("[task]\nexits = [1]\nimage-missing = true\n[expect]\n", 4, "leave one of them out"),
            ("[task]\nexits = [300]\n[expect]\n", 4, "300"),
            ("", 1, "missing field `expect`"),
        ] {
            let refused = Scenario::read("mine.toml", &format!("{head}{more}")).expect_err(said).to_string();
            assert!(refused.starts_with(&format!("mine.toml, line {line}: ")) && refused.contains(said), "{refused}");
        }
        assert!(
            !Scenario::is_one("about = \"x\"\n[[client]]\n") && !Scenario::is_one("kind = 1") && !Scenario::is_one("[")
        );
        assert!(Scenario::read("x.toml", "kind = \"y\"\nabout = \"x\"\n[expect]\n").is_err());
        assert!(Scenario::named("in-order").is_none());
    }
}
