//! What a command works with, settled once: flags win over the environment, the environment over the configuration file.

use std::path::PathBuf;

use crate::aws::{Access, LOCALSTACK_URL, Target, TargetError};
use crate::deploy::{EVENT_PROCESSING, Offer, STACK_NAME};
use crate::observe::LiveTail;

use super::Usage;
use super::args::{Global, LiveTailArg, TargetName};
use super::config::Config;

/// What every command works with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What is worked on.
    pub target: Target,
    /// Whether it may be changed.
    pub access: Access,
    /// The stack's name.
    pub stack: String,
    /// The name that the command line gives, for whichever stack the command is about.
    pub named: Option<String>,
    /// When StartLiveTail is used.
    pub live_tail: LiveTail,
    /// Where the embedded endpoint keeps its state; `None`: in memory.
    pub data_dir: Option<PathBuf>,
    /// What the configuration file says.
    pub config: Config,
}

impl Settings {
    /// Settles what the flags, the environment and the configuration file say.
    ///
    /// # Errors
    /// [`Usage`] when they say something that cannot be.
    pub fn of(global: &Global) -> Result<Self, Usage> {
        let config = Config::load(global.config.as_deref())?;
        let exported = std::env::var("AWS_ENDPOINT_URL").ok().filter(|url| !url.trim().is_empty());
        let target = Wanted::of(global, &config, exported).target()?;
        let access = if target.is_aws() && !global.write { Access::ReadOnly } else { Access::Write };
        // A template's name stands for the name that its stack usually has.
        let usual = |name: &String| Offer::find(name).map_or_else(|| name.clone(), |offer| offer.stack.to_owned());
        let named = global.stack.as_ref().map(usual);
        let stack = named.clone().or_else(|| config.stack.as_ref().map(usual));
        let stack = stack.unwrap_or_else(|| STACK_NAME.to_owned());
        if !is_stack_name(&stack) {
            return Err(Usage(format!(
                "{stack:?} is no name of a stack: use up to 128 letters, digits and hyphens, beginning with a letter"
            )));
        }
        let live_tail = match (global.live_tail, config.live_tail) {
            (LiveTailArg::On, _) | (LiveTailArg::Auto, Some(LiveTailArg::On)) => LiveTail::On,
            (LiveTailArg::Off, _) | (LiveTailArg::Auto, Some(LiveTailArg::Off)) => LiveTail::Off,
            (LiveTailArg::Auto, Some(LiveTailArg::Auto) | None) => LiveTail::Auto,
        };
        let data_dir = global.data_dir.clone().or_else(|| config.data_dir.clone());
        Ok(Self { target, access, stack, named, live_tail, data_dir, config })
    }

    /// The name of a stack of the catalogue: the usual one, unless the command line gives another one.
    #[must_use]
    pub fn stack_of(&self, offer: Offer) -> String {
        let usual = || if offer == EVENT_PROCESSING { self.stack.clone() } else { offer.stack.to_owned() };
        self.named.clone().unwrap_or_else(usual)
    }

    /// Refuses what would change AWS while that is not allowed; `doing` begins the sentence: `deploying`.
    ///
    /// # Errors
    /// [`Usage`] with the remedy.
    pub fn needs_write(&self, doing: &str) -> Result<(), Usage> {
        match self.access {
            Access::Write => Ok(()),
            Access::ReadOnly => {
                Err(Usage(format!("{doing} would change {}, which is read-only so far: add --write", self.target)))
            }
        }
    }
}

/// What was said of the target, and where.
#[derive(Debug, Clone, Default)]
struct Wanted {
    name: Option<TargetName>,
    flag_url: Option<String>,
    exported_url: Option<String>,
    configured_url: Option<String>,
    profile: Option<String>,
    region: Option<String>,
    write: bool,
}

impl Wanted {
    fn of(global: &Global, config: &Config, exported_url: Option<String>) -> Self {
        // A target on the command line is not mixed with the file's endpoint or profile for another one.
        let same = global.target.is_none() || global.target == config.target;
        let here = |given: &Option<String>, configured: &Option<String>| {
            given.clone().or_else(|| configured.clone().filter(|_| same))
        };
        let elsewhere = global.endpoint_url.is_some() || exported_url.is_some();
        Self {
            name: global.target.or(config.target.filter(|_| !elsewhere)),
            flag_url: global.endpoint_url.clone(),
            exported_url,
            configured_url: config.endpoint_url.clone().filter(|_| same),
            profile: here(&global.profile, &config.profile.clone().filter(|_| !elsewhere)),
            region: here(&global.region, &config.region),
            write: global.write,
        }
    }

    fn target(&self) -> Result<Target, Usage> {
        let usage = |error: TargetError| Usage(error.to_string());
        let region = self.region.as_deref();
        let given = self.flag_url.as_ref().or(self.exported_url.as_ref());
        let url = given.or(self.configured_url.as_ref());
        let target = match (self.name, url) {
            (Some(TargetName::Aws), Some(url)) if given.is_some() => {
                let whence = if self.flag_url.is_some() { "--endpoint-url" } else { "AWS_ENDPOINT_URL" };
                return Err(Usage(format!(
                    "--target aws and {whence} {url} exclude each other: leave one of them out"
                )));
            }
            (Some(TargetName::Aws), _) => Target::aws(self.profile.as_deref(), region).map_err(usage)?,
            (Some(TargetName::Embedded), _) if self.flag_url.is_some() => {
                return Err(Usage(
                    "--target embedded and --endpoint-url exclude each other: leave one of them out".to_owned(),
                ));
            }
            (Some(TargetName::Embedded), _) | (None, None) => Target::Embedded,
            (Some(TargetName::Localstack), url) => {
                Target::endpoint(url.map_or(LOCALSTACK_URL, String::as_str), region).map_err(usage)?
            }
            (None, Some(url)) => Target::endpoint(url, region).map_err(usage)?,
        };
        let only_of_aws = |flag: &str| {
            Usage(format!("{flag} goes with AWS, and the target is {target}: add --target aws, or leave {flag} out"))
        };
        match (&target, &self.profile, self.write) {
            (Target::Aws { .. }, ..) | (_, None, false) => Ok(target),
            (_, Some(_), _) => Err(only_of_aws("--profile")),
            (_, None, true) => Err(only_of_aws("--write")),
        }
    }
}

fn is_stack_name(name: &str) -> bool {
    name.len() <= 128
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str) -> Target {
        Target::endpoint(url, None).expect("a valid url")
    }

    #[test]
    fn the_target_follows_from_what_was_said() {
        let plain = Wanted::default();
        let at = "http://127.0.0.1:4570";
        let aws = |profile, region| Target::aws(profile, region).expect("a target");
        for (wanted, target) in [
            (plain.clone(), Target::Embedded),
            (Wanted { flag_url: Some(at.to_owned()), ..plain.clone() }, endpoint(at)),
            (Wanted { exported_url: Some(at.to_owned()), ..plain.clone() }, endpoint(at)),
            (
                Wanted { name: Some(TargetName::Embedded), exported_url: Some(at.to_owned()), ..plain.clone() },
                Target::Embedded,
            ),
            (Wanted { name: Some(TargetName::Localstack), ..plain.clone() }, endpoint(LOCALSTACK_URL)),
            (
                Wanted { name: Some(TargetName::Localstack), exported_url: Some(at.to_owned()), ..plain.clone() },
                endpoint(at),
            ),
            (Wanted { name: Some(TargetName::Aws), write: true, ..plain.clone() }, aws(None, None)),
            (
                Wanted {
                    name: Some(TargetName::Aws),
                    profile: Some("class".to_owned()),
                    region: Some("eu-west-1".to_owned()),
                    ..plain.clone()
                },
                aws(Some("class"), Some("eu-west-1")),
            ),
        ] {
            assert_eq!(wanted.target().expect("a target"), target, "{wanted:?}");
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused_with_the_remedy() {
        let plain = Wanted::default();
        let at = "http://127.0.0.1:4570";
        for (wanted, said) in [
            (
                Wanted { name: Some(TargetName::Aws), exported_url: Some(at.to_owned()), ..plain.clone() },
                "AWS_ENDPOINT_URL",
            ),
            (Wanted { name: Some(TargetName::Aws), flag_url: Some(at.to_owned()), ..plain.clone() }, "--endpoint-url"),
            (
                Wanted { name: Some(TargetName::Embedded), flag_url: Some(at.to_owned()), ..plain.clone() },
                "--endpoint-url",
            ),
            (Wanted { profile: Some("class".to_owned()), ..plain.clone() }, "--target aws"),
            (Wanted { write: true, flag_url: Some(at.to_owned()), ..plain.clone() }, "--write"),
            (Wanted { name: Some(TargetName::Aws), region: Some("virginia".to_owned()), ..plain.clone() }, "virginia"),
        ] {
            let refused = wanted.target().expect_err("a contradiction").to_string();
            assert!(refused.contains(said), "{refused}");
        }
    }
}
