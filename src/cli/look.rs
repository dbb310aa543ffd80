//! How the dashboard looks, settled from the command line and the configuration file.

use clap::builder::PossibleValue;
use serde::{Deserialize, Deserializer, de};

use super::config::Config;
use crate::tui::{Options, Theme};

/// How the dashboard looks.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct LookArgs {
    /// The colours [default: those that fit the terminal]
    #[arg(long, value_name = "THEME", env = "VAULTSCOPE_THEME")]
    pub theme: Option<ThemeArg>,
    /// Present to an audience: mask account numbers, show the keys that are pressed and one pane at a time
    #[arg(long)]
    pub present: bool,
}

impl LookArgs {
    /// The colours that were named, here or in the file; none for those that fit the terminal.
    #[must_use]
    pub fn theme(&self, config: &Config) -> Option<Theme> {
        self.theme.or(config.theme).and_then(|theme| theme.0)
    }

    /// How the terminal is used.
    #[must_use]
    pub fn options(&self, config: &Config) -> Options {
        Options { mouse: config.mouse.unwrap_or_default(), theme: self.theme(config), ..Options::default() }
    }
}

/// A colour scheme; none for the one that fits the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThemeArg(pub Option<Theme>);

const AUTO: &str = "auto";

const ALL: [ThemeArg; Theme::ALL.len() + 1] = {
    let mut all = [ThemeArg(None); Theme::ALL.len() + 1];
    let mut at = 0;
    while at < Theme::ALL.len() {
        all[at + 1] = ThemeArg(Some(Theme::ALL[at]));
        at += 1;
    }
    all
};

impl ThemeArg {
    fn name(self) -> &'static str {
        self.0.map_or(AUTO, Theme::name)
    }

    /// Other spellings.
    const fn aliases(self) -> &'static [&'static str] {
        match self.0 {
            Some(Theme::ColourBlind) => &["color-blind"],
            Some(Theme::Ansi) => &["16-colour", "16-color"],
            Some(Theme::Mono) => &["none"],
            _ => &[],
        }
    }
}

impl clap::ValueEnum for ThemeArg {
    fn value_variants<'a>() -> &'a [Self] {
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let about = self.0.map_or("What fits the terminal", Theme::about);
        Some(PossibleValue::new(self.name()).aliases(self.aliases().iter().copied()).help(about))
    }
}

impl<'de> Deserialize<'de> for ThemeArg {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let found = ALL.into_iter().find(|theme| theme.name() == text || theme.aliases().contains(&text.as_str()));
        found.ok_or_else(|| {
            let names: Vec<&str> = ALL.iter().map(|theme| theme.name()).collect();
            de::Error::custom(format!("there is no theme {text:?}: name one of {}", names.join(", ")))
        })
    }
}
