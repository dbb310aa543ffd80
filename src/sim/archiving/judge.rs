//! What was found, held against what was expected. Pure.

use super::{Expect, Scenario};
use crate::model::Check;

/// What was found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found {
    /// Whether the schedule has fired.
    pub fired: bool,
    /// How the execution ended.
    pub status: String,
    /// The states that it entered.
    pub path: Vec<String>,
    /// How often the task was asked for.
    pub attempts: usize,
    /// Its waits: seconds that were asked for, and that passed.
    pub waits: Vec<(f64, Option<f64>)>,
    /// The exit codes of the containers that ran.
    pub exit_codes: Vec<i64>,
    /// Why the last task stopped.
    pub reason: String,
    /// The subjects of the notifications.
    pub notifications: Vec<String>,
    /// Members of the archive, and how many of them equal their objects; `None` where there is none.
    pub archived: Option<(usize, usize)>,
}

/// Holds what was found against what the scenario expects.
#[must_use]
pub fn judge(scenario: &Scenario, found: &Found) -> Vec<Check> {
    let Expect { fired, status, path, attempts, waits_secs, exit_codes, reason, notifications, archived } =
        &scenario.expect;
    let mut checks = Vec::new();
    let mut check = |what: &str, expected: String, found: String, holds: bool| {
        checks.push(Check { what: what.to_owned(), expected, found, holds });
    };
    let started = |fired: bool| if fired { "by the schedule" } else { "by hand" }.to_owned();
    if let Some(expected) = fired {
        check("started", started(*expected), started(found.fired), *expected == found.fired);
    }
    if let Some(expected) = status {
        check("execution", expected.clone(), found.status.clone(), *expected == found.status);
    }
    if let Some(expected) = path {
        check("path", way(expected), way(&found.path), *expected == found.path);
    }
    if let Some(expected) = attempts {
        check("runs of the task", expected.to_string(), found.attempts.to_string(), *expected == found.attempts);
    }
    if let Some(expected) = waits_secs {
        let asked: Vec<f64> = found.waits.iter().map(|(asked, _)| *asked).collect();
        // The clock of the target may be read a little before what it times.
        let has_passed = |(asked, passed): &(f64, Option<f64>)| passed.is_some_and(|passed| passed + 0.001 >= *asked);
        let holds = *expected == asked && found.waits.iter().all(has_passed);
        let told = found.waits.iter().map(|(asked, passed)| match passed {
            Some(passed) => format!("{asked} s ({passed:.1} s passed)"),
            None => format!("{asked} s (not over)"),
        });
        let told: Vec<String> = told.collect();
        let expected: Vec<String> = expected.iter().map(|wait| format!("{wait} s")).collect();
        check("waits", list(&expected), list(&told), holds);
    }
    if let Some(expected) = exit_codes {
        let text = |codes: &[i64]| list(&codes.iter().map(ToString::to_string).collect::<Vec<_>>());
        check("exit codes", text(expected), text(&found.exit_codes), *expected == found.exit_codes);
    }
    if let Some(expected) = reason {
        check("stopped for", format!("{expected}…"), found.reason.clone(), found.reason.starts_with(expected));
    }
    if let Some(expected) = notifications {
        check("notifications", list(expected), list(&found.notifications), *expected == found.notifications);
    }
    let members = |members: usize, equal: usize| format!("{members} members, {equal} equal to their objects");
    let wanted = archived.map_or_else(|| "none".to_owned(), |count| members(count, count));
    let is = found.archived.map_or_else(|| "none".to_owned(), |(count, equal)| members(count, equal));
    check("archive", wanted, is, archived.map(|count| (count, count)) == found.archived);
    checks
}

fn way(states: &[String]) -> String {
    if states.is_empty() { "none".to_owned() } else { states.join(" → ") }
}

fn list(texts: &[String]) -> String {
    if texts.is_empty() { "none".to_owned() } else { texts.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retryable() -> (Scenario, Found) {
        let scenario = Scenario::named("s3tar-retryable").expect("listed").expect("read");
        let found = Found {
            fired: false,
            status: "SUCCEEDED".to_owned(),
            path: scenario.expect.path.clone().expect("a path"),
            attempts: 4,
            waits: vec![(1.0, Some(1.1)), (2.0, Some(2.0)), (4.0, Some(4.3))],
            exit_codes: vec![2; 4],
            reason: "Essential container in task exited".to_owned(),
            notifications: vec!["Task failed".to_owned()],
            archived: None,
        };
        (scenario, found)
    }

    fn failing(scenario: &Scenario, found: &Found) -> Vec<String> {
        judge(scenario, found).into_iter().filter(|check| !check.holds).map(|check| check.what).collect()
    }

    #[test]
    fn each_thing_that_differs_fails_its_check_and_no_other() {
        let (scenario, good) = retryable();
        assert_eq!(failing(&scenario, &good), Vec::<String>::new());
        let wrong: [(&str, Found); 8] = [
            ("execution", Found { status: "FAILED".to_owned(), ..good.clone() }),
            ("path", Found { path: good.path[1..].to_vec(), ..good.clone() }),
            ("runs of the task", Found { attempts: 3, ..good.clone() }),
            ("waits", Found { waits: good.waits[..2].to_vec(), ..good.clone() }),
            ("exit codes", Found { exit_codes: vec![2, 2, 2, 1], ..good.clone() }),
            ("stopped for", Found { reason: "Task stopped by user".to_owned(), ..good.clone() }),
            ("notifications", Found { notifications: vec!["Task failed".to_owned(); 2], ..good.clone() }),
            ("archive", Found { archived: Some((1, 1)), ..good.clone() }),
        ];
        for (what, found) in wrong {
            assert_eq!(failing(&scenario, &found), [what]);
        }
    }

    #[test]
    fn a_wait_has_really_to_pass() {
        let (scenario, mut found) = retryable();
        found.waits[1].1 = Some(1.5);
        assert_eq!(failing(&scenario, &found), ["waits"]);
        found.waits[1].1 = None;
        assert_eq!(failing(&scenario, &found), ["waits"]);
    }

    #[test]
    fn members_that_differ_fail_the_archive() {
        let scenario = Scenario::named("s3tar-success").expect("listed").expect("read");
        let found = |equal| Found { archived: Some((300, equal)), ..Found::default() };
        let archive = |equal| judge(&scenario, &found(equal)).pop().expect("the archive").holds;
        assert!(archive(300) && !archive(299));
    }
}
