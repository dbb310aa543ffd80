//! The configuration file: TOML, every key optional, unknown keys refused by name. Flags and the environment win over it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::Usage;
use super::args::{LiveTailArg, TargetName};
use super::look::ThemeArg;
use crate::tui::{Chord, Keymap, NoKey, Rebinding};

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
    /// As `--theme`.
    pub theme: Option<ThemeArg>,
    /// Whether the mouse chooses pages, panes and rows in the dashboard from the start.
    pub mouse: Option<bool>,
    /// Keys of the dashboard's commands, as they are written.
    #[serde(default)]
    pub(super) keys: BTreeMap<Spanned<String>, Keys>,
    /// The same, read.
    #[serde(skip)]
    pub rebindings: Vec<Rebinding>,
    /// The stack's parameters under the names that its template gives them.
    #[serde(default)]
    pub parameters: BTreeMap<String, Value>,
}

/// A key, or a list of them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "a key in quotes, or a list of them, is wanted")]
pub(super) enum Keys {
    One(String),
    Many(Vec<String>),
}

impl Keys {
    fn all(&self) -> &[String] {
        match self {
            Self::One(key) => std::slice::from_ref(key),
            Self::Many(keys) => keys,
        }
    }
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

    /// Which key means what in the dashboard.
    #[must_use]
    pub fn keymap(&self) -> Keymap {
        // What cannot be was refused when the file was read.
        Keymap::default().rebound(&self.rebindings).unwrap_or_default()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let line_of = |at: usize| text.get(..at).map_or(0, |head| head.matches('\n').count()) + 1;
        let mut config: Self = toml::from_str(text).map_err(|error| {
            let at = error.span().map(|span| format!("line {}: ", line_of(span.start))).unwrap_or_default();
            format!("{at}{}", error.message())
        })?;
        // In the order of the file: a complaint is about the later of two.
        let mut written: Vec<_> = config.keys.iter().collect();
        written.sort_by_key(|(action, _)| action.span().start);
        let mut rebindings = Vec::new();
        for (action, keys) in &written {
            let keys: Result<Vec<Chord>, NoKey> = keys.all().iter().map(|key| key.parse()).collect();
            let at = line_of(action.span().start);
            let keys = keys.map_err(|error| format!("line {at}: keys of {}: {error}", action.get_ref()))?;
            rebindings.push(Rebinding { action: action.get_ref().clone(), keys });
        }
        if let Err(refused) = Keymap::default().rebound(&rebindings) {
            let at = written.get(refused.at).map_or(1, |(action, _)| line_of(action.span().start));
            return Err(format!("line {at}: {refused}"));
        }
        config.rebindings = rebindings;
        Ok(config)
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
    use crate::deploy::{EVENT_PROCESSING, STACK_NAME};
    use crate::tui::{Binding, Cmd, Page, Theme};

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

    #[test]
    fn a_theme_is_named_in_either_spelling() {
        let theme = |text: &str| Config::parse(&format!("theme = {text:?}\n")).map(|config| config.theme);
        assert_eq!(theme("auto"), Ok(Some(ThemeArg(None))));
        assert_eq!(theme("colour-blind"), Ok(Some(ThemeArg(Some(Theme::ColourBlind)))));
        assert_eq!(theme("color-blind"), theme("colour-blind"));
        assert_eq!(theme("16-colour"), theme("ansi"));
        let said = theme("pink").expect_err("no theme");
        assert!(said.contains("line 1") && said.contains("high-contrast"), "{said}");
    }

    #[test]
    fn keys_are_read_and_what_cannot_be_is_named_with_its_line_and_the_remedy() {
        let config = Config::parse("[keys]\ndeploy = \"Ctrl+Y\"\nzoom = [\"Z\", \"F2\"]\n").expect("valid keys");
        assert_eq!(config.rebindings[0].action, "deploy");
        let zoom = config.keymap().key_of(Page::Flow, Cmd::Zoom).map(|key| key.to_string());
        assert_eq!(zoom.as_deref(), Some("Z"));
        for (text, parts) in [
            ("[keys]\ndeplyo = \"D\"\n", ["line 2", "did you mean \"deploy\""]),
            ("[keys]\n\nzoom = \"Hyper+Z\"\n", ["line 3", "keys of zoom: \"Hyper+Z\" is no key: write"]),
            ("[keys]\nzoom = \"Z\"\ndeploy = \"s\"\n", ["line 3", "that of start-job; choose another one"]),
            ("[keys]\nhelp = [\n  \"H\",\n  \"Z\",\n]\nzoom = \"Z\"\n", ["line 6", "that of help"]),
            ("[keys]\nzoom = 7\n", ["line 2", "a list of them"]),
        ] {
            let said = Config::parse(text).expect_err(text);
            assert!(parts.iter().all(|part| said.contains(part)), "{said}");
        }
    }

    const SAMPLE: &str = include_str!("../../fixtures/config.toml");

    /// The sample with every option in force: an option begins right after its mark, prose after a space.
    fn sample() -> String {
        let uncomment =
            |line: &'static str| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line);
        SAMPLE.lines().map(uncomment).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_sample_changes_nothing_as_it_stands() {
        assert_eq!(Config::parse(SAMPLE), Ok(Config::default()));
    }

    #[test]
    fn the_sample_has_every_option_and_each_is_the_default_or_an_example() {
        let config = Config::parse(&sample()).unwrap_or_else(|said| panic!("{said}"));
        let examples = Config {
            target: Some(TargetName::Embedded),
            endpoint_url: config.endpoint_url.clone().filter(|url| url.starts_with("http://127.0.0.1")),
            profile: config.profile.clone().filter(|profile| !profile.is_empty()),
            region: Some("us-east-1".to_owned()),
            stack: Some(STACK_NAME.to_owned()),
            live_tail: Some(LiveTailArg::default()),
            data_dir: config.data_dir.clone().filter(|folder| folder.is_absolute()),
            artefact_bucket: config.artefact_bucket.clone().filter(|bucket| !bucket.is_empty()),
            theme: Some(ThemeArg(None)),
            mouse: Some(false),
            ..config.clone()
        };
        assert_eq!(config, examples);
        // Each option by its name: what is added to the file's shape has to be added to the sample.
        let written: toml::Table = toml::from_str(&sample()).expect("TOML");
        let Config {
            target: _,
            endpoint_url: _,
            profile: _,
            region: _,
            stack: _,
            live_tail: _,
            data_dir: _,
            artefact_bucket: _,
            theme: _,
            mouse: _,
            keys: _,
            rebindings: _,
            parameters: _,
        } = Config::default();
        assert_eq!(written.len(), 12, "{:?}", written.keys().collect::<Vec<_>>());
    }

    #[test]
    fn the_samples_keys_are_those_that_the_dashboard_has() {
        let config = Config::parse(&sample()).unwrap_or_else(|said| panic!("{said}"));
        let keymap = Keymap::default();
        let line = |binding: &Binding| {
            let keys: Vec<String> = binding.keys.iter().map(|key| format!("{:?}", key.to_string())).collect();
            let keys = if let [key] = keys.as_slice() { key.clone() } else { format!("[{}]", keys.join(", ")) };
            format!("#{} = {keys}", binding.cmd.name())
        };
        for binding in keymap.actions() {
            let name = binding.cmd.name();
            let wanted = line(binding);
            let found = config.rebindings.iter().find(|change| change.action == name);
            let found = found.unwrap_or_else(|| panic!("add to fixtures/config.toml: {wanted}"));
            assert_eq!(found.keys, binding.keys, "write into fixtures/config.toml: {wanted}");
        }
        assert_eq!(config.rebindings.len(), keymap.actions().count());
        assert_eq!(config.keymap(), keymap);
    }

    #[test]
    fn the_samples_parameters_are_those_of_the_template() {
        let config = Config::parse(&sample()).unwrap_or_else(|said| panic!("{said}"));
        let template = EVENT_PROCESSING.template().expect("a template");
        let defaults: Vec<(String, String)> = template
            .parameters()
            .into_iter()
            .filter_map(|parameter| Some((parameter.name, parameter.default?)))
            .collect();
        let mut chosen = config.chosen();
        chosen.sort_by_key(|(name, _)| defaults.iter().position(|(other, _)| other == name));
        assert_eq!(chosen, defaults);
    }
}
