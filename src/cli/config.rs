//! The configuration file: TOML, every key optional, unknown keys refused by name. Flags and the environment win over it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Usage;
use super::args::{LiveTailArg, TargetName};

/// What the configuration file says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// As `--target`.
    pub target: Option<TargetName>,
    /// As `--endpoint-url`.
    pub endpoint_url: Option<String>,
    /// As `--profile`.
    pub profile: Option<String>,
    /// As `--region`.
    pub region: Option<String>,
    /// As `--stack`.
    pub stack: Option<String>,
    /// As `--live-tail`.
    pub live_tail: Option<LiveTailArg>,
    /// As `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// The bucket for the functions' artefact, in the place of one of our own.
    pub artefact_bucket: Option<String>,
    /// The stack's parameters under the names that its template gives them.
    #[serde(default)]
    pub parameters: BTreeMap<String, Value>,
}

/// The value of a parameter: a text, or what is written without quotes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// `"-vaultjob"`
    Text(String),
    /// `960`
    Number(i64),
    /// `true`
    Flag(bool),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
            Self::Flag(flag) => flag.fmt(f),
        }
    }
}

impl Config {
    /// Reads the file that was named, which has to be there, or the user's own, which may be absent.
    ///
    /// # Errors
    /// [`Usage`] with file, line and key.
    pub fn load(named: Option<&Path>) -> Result<Self, Usage> {
        let Some(path) = named.map(Path::to_owned).or_else(own) else {
            return Ok(Self::default());
        };
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text)
                .map_err(|said| Usage(format!("the configuration file {} is not understood: {said}", path.display()))),
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Usage(format!("the configuration file {} cannot be read: {error}", path.display()))),
        }
    }

    /// The stack's parameters that it chooses.
    #[must_use]
    pub fn chosen(&self) -> Vec<(String, String)> {
        self.parameters.iter().map(|(key, value)| (key.clone(), value.to_string())).collect()
    }

    fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            let at = line.map(|line| format!("line {line}: ")).unwrap_or_default();
            format!("{at}{}", error.message())
        })
    }
}

/// `vaultscope/config.toml` in the user's configuration folder.
fn own() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("XDG_CONFIG_HOME")
        .filter(|folder| folder.is_absolute())
        .or_else(|| Some(std::env::home_dir()?.join(".config")))?;
    Some(folder.join("vaultscope").join("config.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_optional_and_read_under_its_flags_name() {
        assert_eq!(Config::parse(""), Ok(Config::default()));
        let config = Config::parse(
            "target = \"localstack\"\nendpoint-url = \"http://127.0.0.1:4570\"\nlive-tail = \"off\"\n[parameters]\nreconcileWaitIterations = 5\njobDirSuffixName = \"-job\"\n",
        )
        .expect("a valid file");
        assert_eq!(config.target, Some(TargetName::Localstack));
        assert_eq!(config.live_tail, Some(LiveTailArg::Off));
        let values: Vec<String> = config.parameters.values().map(ToString::to_string).collect();
        assert_eq!(values, ["-job", "5"]);
    }

    #[test]
    fn what_is_not_understood_is_named_with_its_line() {
        let said = Config::parse("region = \"us-east-1\"\nregoin = \"x\"\n").expect_err("an unknown key");
        assert!(said.contains("line 2") && said.contains("regoin"), "{said}");
        let said = Config::parse("target = \"moon\"\n").expect_err("no target");
        assert!(said.contains("moon") && said.contains("localstack"), "{said}");
    }
}
