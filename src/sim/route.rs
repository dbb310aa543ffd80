//! Which way the notifications of a job take into the pipeline. Pure: what is known of the target and of the stack's
//! rules comes in, a course with its reasons goes out.
//!
//! Nobody but AWS may put events whose source begins with `aws.`, and endpoints keep that rule or do not. So the way is
//! a course: one that is taken first and, where it can be refused, one for what was refused and everything after it.

use serde::{Deserialize, Serialize};

use crate::model::{REAL_SOURCE, Route, RouteTaken, SIMULATOR_SOURCE};

/// Which way was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wish {
    /// Whichever is nearest to what a gateway does.
    #[default]
    Auto,
    /// Over the event bus with the gateway's own source.
    Aws,
    /// Over the event bus with the simulator's source.
    Own,
    /// Straight to the stack's queue.
    Queue,
}

/// Where the pipeline stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On the endpoint in our own process, which lets its gateway use the gateway's source.
    Process,
    /// On an endpoint elsewhere, which may or may not let us use it.
    Endpoint,
    /// On AWS, which never does.
    Aws,
}

/// A rule of the stack on the default event bus, as far as notifications are concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// Whether it is enabled.
    pub is_enabled: bool,
    /// Whether its pattern takes a notification with the gateway's own source.
    pub takes_real: bool,
    /// Whether its pattern takes a notification with the simulator's source.
    pub takes_own: bool,
    /// What it makes of an event before the stack's queue gets it; `None` where it has no such target.
    pub to_queue: Option<Handover>,
}

/// What a target gets of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handover {
    /// All of it, as it is.
    Whole,
    /// What this setting of the target makes of it.
    Changed(&'static str),
}

/// What is known of the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entrance<'a> {
    /// Where it stands.
    pub place: Place,
    /// Its rules on the default bus; `None` where they could not be read.
    pub rules: Option<&'a [Rule]>,
    /// Whether it has a queue.
    pub has_queue: bool,
}

/// The ways of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    /// The one that is taken first.
    pub first: RouteTaken,
    /// The one for what the first is not allowed to send, and for everything after it.
    pub then: Result<RouteTaken, RouteError>,
}

/// Why there is no way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// The gateway's source on AWS.
    #[error("AWS lets nobody else use the source {REAL_SOURCE}: use --route own or --route queue")]
    AwsAlone,
    /// The target refused the gateway's source, and no other was to be used.
    #[error("the event bus lets AWS alone use the source {REAL_SOURCE}: use --route own, --route queue or none at all")]
    Refused,
    /// Events would be put and nothing would come of them.
    #[error(
        "{} takes notifications of the source {asked_for}, so that nothing would arrive: use another --route",
        nobody(rules)
    )]
    Deaf {
        /// The source.
        asked_for: &'static str,
        /// The rules that there are.
        rules: Vec<String>,
    },
    /// Nothing to send to.
    #[error("the stack has no queue that notifications could be sent to")]
    NoQueue,
    /// What stands in the queue is not what the gateway sends.
    #[error(
        "rule {rule} gives the queue what its {how} makes of a notification: notifications cannot be sent past it, and it takes none that we may send"
    )]
    Changed {
        /// The rule.
        rule: String,
        /// The setting.
        how: &'static str,
    },
}

fn nobody(rules: &[String]) -> String {
    match rules {
        [] => "no rule of the stack on the default event bus".to_owned(),
        [rule] => format!("rule {rule} is disabled or never"),
        rules => format!("none of the rules {}", rules.join(", ")),
    }
}

impl Course {
    /// The course of a job.
    ///
    /// # Errors
    /// Why there is no way, or not the one that was asked for.
    pub fn choose(wish: Wish, entrance: Entrance<'_>) -> Result<Self, RouteError> {
        let asked = || "it was asked for".to_owned();
        match wish {
            Wish::Auto => entrance.nearest(),
            Wish::Aws if entrance.place == Place::Aws => Err(RouteError::AwsAlone),
            Wish::Aws => {
                entrance.hears(REAL_SOURCE)?;
                let way = if entrance.place == Place::Process { Route::Gateway } else { Route::Aws };
                Ok(Self::only(way, asked()))
            }
            Wish::Own => {
                entrance.hears(SIMULATOR_SOURCE)?;
                Ok(Self::only(Route::Own, asked()))
            }
            Wish::Queue => {
                entrance.queue()?;
                Ok(Self::only(Route::Queue, asked()))
            }
        }
    }

    fn only(way: Route, reason: String) -> Self {
        Self { first: RouteTaken { way, reason }, then: Err(RouteError::Refused) }
    }
}

impl Entrance<'_> {
    /// The way that is nearest to what a gateway does.
    fn nearest(self) -> Result<Course, RouteError> {
        let hears_real = self.hears(REAL_SOURCE).is_ok();
        let otherwise = || {
            if self.hears(SIMULATOR_SOURCE).is_ok() {
                return Ok(RouteTaken { way: Route::Own, reason: self.why_not_real() });
            }
            self.queue()?;
            let reason = format!("{}, and {}", self.why_not_real(), self.why_not_own());
            Ok(RouteTaken { way: Route::Queue, reason })
        };
        match self.place {
            Place::Process if hears_real => {
                Ok(Course::only(Route::Gateway, "the endpoint in our own process lets its gateway do so".to_owned()))
            }
            Place::Endpoint if hears_real => Ok(Course {
                first: RouteTaken { way: Route::Aws, reason: format!("the endpoint accepts {REAL_SOURCE}") },
                then: otherwise(),
            }),
            Place::Process | Place::Endpoint | Place::Aws => {
                Ok(Course { first: otherwise()?, then: Err(RouteError::Refused) })
            }
        }
    }

    /// Whether an enabled rule takes notifications of that source; rules that are not known may.
    fn hears(self, source: &'static str) -> Result<(), RouteError> {
        let Some(rules) = self.rules else { return Ok(()) };
        let takes = |rule: &Rule| if source == REAL_SOURCE { rule.takes_real } else { rule.takes_own };
        if rules.iter().any(|rule| rule.is_enabled && takes(rule)) {
            return Ok(());
        }
        Err(RouteError::Deaf { asked_for: source, rules: rules.iter().map(|rule| rule.name.clone()).collect() })
    }

    /// Whether the queue can be given what a rule would give it.
    fn queue(self) -> Result<(), RouteError> {
        if !self.has_queue {
            return Err(RouteError::NoQueue);
        }
        let handovers = || self.rules.unwrap_or_default().iter().filter_map(|rule| Some((rule, rule.to_queue?)));
        if handovers().any(|(_, handover)| handover == Handover::Whole) {
            return Ok(());
        }
        match handovers().next() {
            Some((rule, Handover::Changed(how))) => Err(RouteError::Changed { rule: rule.name.clone(), how }),
            Some((_, Handover::Whole)) | None => Ok(()),
        }
    }

    fn why_not_real(self) -> String {
        match self.hears(REAL_SOURCE) {
            Ok(()) => format!("AWS alone may use {REAL_SOURCE}"),
            Err(_) => self.silence(REAL_SOURCE),
        }
    }

    fn why_not_own(self) -> String {
        self.silence(SIMULATOR_SOURCE)
    }

    fn silence(self, source: &str) -> String {
        match self.rules.unwrap_or_default() {
            [] => "no rule of the stack is on the default event bus".to_owned(),
            [rule] if !rule.is_enabled => format!("rule {} is disabled", rule.name),
            [rule] => format!("rule {} does not take {source}", rule.name),
            _ => format!("no enabled rule of the stack takes {source}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rule that hands events over whole, written as `real`, `own`, `both` or `none`, with `off` and `cut` after it.
    fn rule(written: &str) -> Rule {
        let has = |word: &str| written.split(' ').any(|it| it == word);
        Rule {
            name: "r".to_owned(),
            is_enabled: !has("off"),
            takes_real: has("real") || has("both"),
            takes_own: has("own") || has("both"),
            to_queue: Some(if has("cut") { Handover::Changed("InputPath") } else { Handover::Whole }),
        }
    }

    fn course(wish: Wish, place: Place, rules: &[&str]) -> Result<Course, RouteError> {
        let rules: Vec<Rule> = rules.iter().map(|written| rule(written)).collect();
        Course::choose(wish, Entrance { place, rules: Some(&rules), has_queue: true })
    }

    /// The ways of a course: `aws`, or `aws/own`; `!` where there is none.
    fn ways(course: &Result<Course, RouteError>) -> String {
        let name = |way: Route| match way {
            Route::Gateway => "gateway",
            Route::Aws => "aws",
            Route::Own => "own",
            Route::Queue => "queue",
        };
        match course {
            Err(_) => "!".to_owned(),
            Ok(Course { first, then: Ok(then) }) => format!("{}/{}", name(first.way), name(then.way)),
            Ok(Course { first, then: Err(_) }) if first.way == Route::Aws => "aws/!".to_owned(),
            Ok(Course { first, .. }) => name(first.way).to_owned(),
        }
    }

    #[test]
    fn the_nearest_way_is_taken() {
        for (rules, process, endpoint, aws) in [
            // Ours: both sources.
            (["both"].as_slice(), "gateway", "aws/own", "own"),
            (&["both cut"], "gateway", "aws/own", "own"),
            // The original's: the gateway's source alone.
            (&["real"], "gateway", "aws/queue", "queue"),
            (&["real cut"], "gateway", "aws/!", "!"),
            (&["own"], "own", "own", "own"),
            (&["none"], "queue", "queue", "queue"),
            (&["none cut"], "!", "!", "!"),
            // A disabled rule takes nothing, and still says what the queue gets.
            (&["both off"], "queue", "queue", "queue"),
            (&["both off cut"], "!", "!", "!"),
            (&[], "queue", "queue", "queue"),
            // Each source has a rule of its own.
            (&["real", "own"], "gateway", "aws/own", "own"),
            (&["real", "own off"], "gateway", "aws/queue", "queue"),
            (&["real cut", "none"], "gateway", "aws/queue", "queue"),
        ] {
            for (place, expected) in [(Place::Process, process), (Place::Endpoint, endpoint), (Place::Aws, aws)] {
                assert_eq!(ways(&course(Wish::Auto, place, rules)), expected, "{rules:?} on {place:?}");
            }
        }
    }

    #[test]
    fn the_way_that_is_asked_for_is_taken_or_refused() {
        for (wish, place, rules, expected) in [
            (Wish::Aws, Place::Process, "both", "gateway"),
            (Wish::Aws, Place::Endpoint, "both", "aws/!"),
            (Wish::Aws, Place::Endpoint, "own", "!"),
            (Wish::Aws, Place::Aws, "both", "!"),
            (Wish::Own, Place::Process, "both", "own"),
            (Wish::Own, Place::Aws, "own", "own"),
            (Wish::Own, Place::Endpoint, "real", "!"),
            (Wish::Queue, Place::Process, "both", "queue"),
            (Wish::Queue, Place::Aws, "both cut", "!"),
        ] {
            assert_eq!(ways(&course(wish, place, &[rules])), expected, "{wish:?} on {place:?} with {rules}");
        }
    }

    #[test]
    fn rules_that_could_not_be_read_hold_nothing_up() {
        for wish in [Wish::Aws, Wish::Own, Wish::Queue] {
            let entrance = Entrance { place: Place::Endpoint, rules: None, has_queue: true };
            assert!(Course::choose(wish, entrance).is_ok(), "{wish:?}");
        }
        let entrance = Entrance { place: Place::Endpoint, rules: None, has_queue: false };
        assert_eq!(Course::choose(Wish::Queue, entrance), Err(RouteError::NoQueue));
    }

    #[test]
    fn the_reasons_name_rule_and_source() {
        let reason = |rules: &[&str], place| match course(Wish::Auto, place, rules) {
            Ok(Course { then: Ok(then), .. }) => then.reason,
            Ok(Course { first, .. }) => first.reason,
            Err(error) => error.to_string(),
        };
        let original = reason(&["real"], Place::Endpoint);
        assert!(original.contains("AWS alone may use aws.storagegateway"), "{original}");
        assert!(original.contains("rule r does not take vaultscope.storagegateway"), "{original}");
        assert!(reason(&["both off"], Place::Aws).contains("rule r is disabled"));
        assert!(reason(&[], Place::Aws).contains("no rule of the stack"));
        let cut = reason(&["real cut"], Place::Aws);
        assert!(cut.contains("rule r") && cut.contains("InputPath"), "{cut}");
    }
}
