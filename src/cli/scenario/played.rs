//! A scenario that was played: one versioned JSON document, or a line a check for a person.

use serde::Serialize;

use crate::model::{Outcome, RouteTaken, SetId};
use crate::sim::scenario::{Check, Found, Scenario};

use super::super::memory::Memory;
use super::super::output;
use super::super::report::Seconds;
use super::super::session::Session;
use super::super::stage::Landed;

/// The version of the document; a reader refuses versions that it does not know.
const VERSION: u32 = 1;
/// Keys that are named for a person; the JSON document names all.
const NAMED: usize = 10;

/// A scenario that was played.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Played {
    version: u32,
    /// `scenario`.
    kind: &'static str,
    /// Its name.
    scenario: String,
    about: String,
    /// Whether every check holds.
    pub passed: bool,
    checks: Vec<Check>,
    datasets: Vec<SetPart>,
    notifications: u64,
    /// Real seconds.
    seconds: Seconds,
    /// Notifications a real second, from the first to the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    notifications_per_second: Option<f64>,
    /// Memory of the process tree; null where the system does not tell, or the endpoint is elsewhere.
    memory: Option<Memory>,
    route: Option<RouteTaken>,
    /// Simulated seconds per real second.
    time_scale: f64,
    /// What it ran on.
    target: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SetPart {
    set_id: SetId,
    outcome: Option<Outcome>,
    expected: u64,
    present: u64,
    iterations: u64,
    missing_keys: Vec<String>,
    unexpected_keys: Vec<String>,
}

impl Played {
    /// What is told of it.
    pub fn of(
        scenario: &Scenario,
        landed: &Landed,
        found: Found,
        checks: Vec<Check>,
        memory: Option<Memory>,
        seconds: Seconds,
        session: &Session,
    ) -> Self {
        let progress = &landed.landing.progress;
        let span = progress.first_notified.zip(progress.last_notified).map(|(first, last)| last.duration_since(first));
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
        let rate = span.filter(|span| !span.is_zero()).map(|span| found.notifications as f64 / span.as_secs_f64());
        let datasets = found.sets.into_iter().map(|set| SetPart {
            set_id: set.set_id,
            outcome: set.outcome,
            expected: set.expected,
            present: set.present,
            iterations: set.iterations,
            missing_keys: set.missing,
            unexpected_keys: set.unexpected,
        });
        Self {
            version: VERSION,
            kind: "scenario",
            scenario: scenario.name.clone(),
            about: scenario.about.clone(),
            passed: checks.iter().all(|check| check.holds),
            checks,
            datasets: datasets.collect(),
            notifications: found.notifications,
            seconds,
            notifications_per_second: rate,
            memory,
            route: landed.vaulted.route.clone(),
            time_scale: session.clock.reading().rate,
            target: session.clients.target.to_string(),
        }
    }

    /// Prints it.
    ///
    /// # Errors
    /// When standard output is closed or full.
    pub fn print(&self, json: bool) -> std::io::Result<()> {
        if json {
            return output::document(self);
        }
        output::line(&format!("scenario {}: {}", self.scenario, self.about))?;
        output::checks(&self.checks)?;
        let named = self.datasets.iter().flat_map(|set| {
            let missing = set.missing_keys.iter().map(|key| ("missing", key));
            missing.chain(set.unexpected_keys.iter().map(|key| ("unexpected", key)))
        });
        let named: Vec<_> = named.collect();
        for (what, key) in named.iter().take(NAMED) {
            output::line(&format!("  {what} {key}"))?;
        }
        if named.len() > NAMED {
            output::line(&format!("  and {} more: --json names all", named.len() - NAMED))?;
        }
        let failed = self.checks.iter().filter(|check| !check.holds).count();
        let memory = self.memory.map_or_else(String::new, |memory| {
            format!(", {} MB of memory in {} processes", memory.peak_bytes / 1_000_000, memory.processes)
        });
        let verdict = match failed {
            0 => format!("as expected: all {} checks hold", self.checks.len()),
            _ => format!("not as expected: {failed} of {} checks do not hold", self.checks.len()),
        };
        output::line(&format!("{verdict}, {:.1} s{memory}", self.seconds.total))
    }
}
