//! What has to come of a scenario.

use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::model::Outcome;

/// A number, or bounds for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The least that will do.
    pub least: u64,
    /// The most that will do.
    pub most: u64,
}

impl Bounds {
    /// This number and no other.
    #[must_use]
    pub const fn exactly(number: u64) -> Self {
        Self { least: number, most: number }
    }

    /// Whether a number will do.
    #[must_use]
    pub fn hold(self, number: u64) -> bool {
        (self.least..=self.most).contains(&number)
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.least, self.most) {
            (least, most) if least == most => write!(f, "{least}"),
            (least, u64::MAX) => write!(f, "{least} or more"),
            (0, most) => write!(f, "{most} at most"),
            (least, most) => write!(f, "{least} to {most}"),
        }
    }
}

impl<'de> Deserialize<'de> for Bounds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Bounds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or least and most in braces")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Bounds, E> {
                Ok(Bounds::exactly(number))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Bounds, E> {
                u64::try_from(number).map(Bounds::exactly).map_err(|_| E::custom(format!("{number} is below 0")))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Bounds, A::Error> {
                let (mut least, mut most) = (0, u64::MAX);
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "least" => least = map.next_value()?,
                        "most" => most = map.next_value()?,
                        _ => return Err(A::Error::unknown_field(&key, &["least", "most"])),
                    }
                }
                if least > most {
                    return Err(A::Error::custom(format!("least {least} is more than most {most}")));
                }
                Ok(Bounds { least, most })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// How a reconciliation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// The Successful event is in its log group.
    Reconciled,
    /// The Timeout event is.
    Timeout,
}

impl Told {
    /// The event.
    #[must_use]
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Reconciled => Outcome::Successful,
            Self::Timeout => Outcome::Timeout,
        }
    }

    /// In one word.
    #[must_use]
    pub const fn word(outcome: Outcome) -> &'static str {
        match outcome {
            Outcome::Successful => "reconciled",
            Outcome::Timeout => "timeout",
        }
    }
}

/// The order of the first notification of each file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Announced {
    /// That of the writes.
    InOrder,
    /// Another one.
    OutOfOrder,
}

/// What has to come of a dataset; what is left out may be anything.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ExpectSet {
    /// How its reconciliation ends.
    pub outcome: Told,
    /// Lines of the manifest.
    pub expected: Option<Bounds>,
    /// Lines that have an item.
    pub present: Option<Bounds>,
    /// Lines that have none.
    pub missing: Option<Bounds>,
    /// Items that no line names.
    pub unexpected: Option<Bounds>,
    /// Comparisons that were begun.
    pub iterations: Option<Bounds>,
    /// The order of its notifications.
    pub announced: Option<Announced>,
    /// Where the manifest's notification stands among those of the files.
    pub manifest: Option<super::ManifestPlace>,
}

/// What has to come of everything; what is left out may be anything.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Expect {
    /// Notifications that were accepted.
    pub notifications: Option<Bounds>,
    /// Notifications beyond the first of their file.
    pub repeated: Option<Bounds>,
    /// Objects below the roots of the datasets.
    pub objects: Option<Bounds>,
    /// Objects of which only a part is there.
    pub partial_objects: Option<Bounds>,
    /// Messages in the dead-letter queue.
    pub dead_letters: Option<Bounds>,
    /// How often a client waited for room in the cache.
    pub blocked_writes: Option<Bounds>,
    /// The most bytes that the cache had to keep.
    pub most_cache_bytes: Option<Bounds>,
    /// Notifications that waited for the connection.
    pub held_notifications: Option<Bounds>,
    /// How often the endpoint's faults struck.
    pub faults_struck: Option<Bounds>,
}
