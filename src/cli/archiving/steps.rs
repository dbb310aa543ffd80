//! The steps of a run, each done, not done, or beyond what the target can do.

use serde::Serialize;

use super::super::steps::{Step, StepState};
use super::execution::Execution;
use super::firing::Firing;
use super::{Found, days};
use crate::model::words::counted;

/// The steps of a run, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Steps {
    /// The stack stands.
    pub deploy: Step,
    /// The log files are in the source.
    pub data: Step,
    /// Their inventory is in the destination.
    pub inventory: Step,
    /// The schedule has started the state machine.
    pub schedule: Step,
    /// The execution has taken the way of a success.
    pub execution: Step,
    /// The task has run.
    pub task: Step,
    /// The success was told.
    pub notification: Step,
    /// The archive equals the objects.
    pub archive: Step,
}

/// The way of a success.
const SUCCESS: [&str; 2] = ["RunTask", "NotifySuccess"];
/// The subject of its notification.
const SUBJECT: &str = "Task successfully processed.";

fn step(state: StepState, detail: impl Into<String>) -> Step {
    Step { state, detail: detail.into() }
}

fn ok(is_ok: bool, detail: impl Into<String>) -> Step {
    step(if is_ok { StepState::Ok } else { StepState::Failed }, detail)
}

impl Steps {
    /// Tells the steps of what was found.
    pub fn of(found: &Found) -> Self {
        let Found { parts, data, inventory, .. } = found;
        let archive = match &found.archive {
            None => ok(false, format!("there is no {}", found.awaited)),
            Some(it) => {
                let toc = if it.toc_agrees == Some(false) { ", and its table of contents says other" } else { "" };
                ok(
                    it.is_equal(),
                    format!(
                        "{} of {} members equal their objects, {} missing, {} different, {} unexpected{toc}",
                        it.equal,
                        it.members,
                        it.missing.len(),
                        it.different.len(),
                        it.unexpected.len()
                    ),
                )
            }
        };
        Self {
            deploy: ok(true, format!("{}, {} resources", parts.stack.status, parts.resources)),
            data: ok(
                data.files == data.wanted,
                format!("{} log files of {} in s3://{}", data.files, days(data.days), parts.source),
            ),
            inventory: match inventory {
                Some(made) => ok(true, format!("{}, {}", made.manifest, counted(made.objects, "object"))),
                None => ok(data.files == 0, "none was made"),
            },
            schedule: match &found.firing {
                Firing::Fired { due } => ok(true, format!("{} fired at {}", parts.expression, due.iso_seconds())),
                Firing::Silent { due } => {
                    ok(false, format!("{} did not fire at {}", parts.expression, due.iso_seconds()))
                }
                Firing::ByHand { why } => step(
                    StepState::Unavailable,
                    format!("{why}: the state machine was started by hand, with what the schedule gives it"),
                ),
            },
            execution: execution(found),
            task: task(found),
            notification: notification(found),
            archive,
        }
    }

    /// The steps by name, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Step)> {
        [
            ("deploy", &self.deploy),
            ("data", &self.data),
            ("inventory", &self.inventory),
            ("schedule", &self.schedule),
            ("execution", &self.execution),
            ("task", &self.task),
            ("notification", &self.notification),
            ("archive", &self.archive),
        ]
        .into_iter()
    }

    /// Whether the archive was read and nothing failed that the target can do.
    pub fn is_verified(&self) -> bool {
        self.archive.state == StepState::Ok && self.iter().all(|(_, step)| step.state != StepState::Failed)
    }
}

fn execution(found: &Found) -> Step {
    let Some(execution) = &found.execution else { return ok(false, "none has begun") };
    let way = told(execution);
    match &found.unable {
        Some(why) => step(StepState::Unavailable, format!("{why}; {way}")),
        None => ok(execution.status == "SUCCEEDED" && execution.way.path == SUCCESS, way),
    }
}

fn told(execution: &Execution) -> String {
    format!("{}: {}", execution.status, execution.way.path.join(" → "))
}

fn task(found: &Found) -> Step {
    if let (Some(why), Some(local)) = (&found.unable, &found.local) {
        let code = local.exit_code.map_or_else(|| "a signal".to_owned(), |code| format!("exit code {code}"));
        let state = if local.exit_code == Some(0) { StepState::Unavailable } else { StepState::Failed };
        let detail = format!("{why}: its command was run as a process of this machine, which ended with {code}");
        return step(state, if state == StepState::Failed { format!("{detail}: {}", local.said) } else { detail });
    }
    let ends = found.execution.as_ref().map(|execution| execution.way.ends.as_slice()).unwrap_or_default();
    let Some(last) = ends.last() else { return ok(false, "none has ended") };
    let code = last.exit_code.map_or_else(|| "no exit code".to_owned(), |code| format!("exit code {code}"));
    let runs = if ends.len() == 1 { String::new() } else { format!(" in run {}", ends.len()) };
    ok(last.exit_code == Some(0), format!("{code}{runs}: {}", last.reason))
}

fn notification(found: &Found) -> Step {
    let heard: Vec<&str> = found.heard.iter().map(|heard| heard.subject.as_str()).collect();
    if let Some(why) = &found.unable {
        let heard = if heard.is_empty() { "nothing was told".to_owned() } else { format!("told was {heard:?}") };
        return step(StepState::Unavailable, format!("{why}: {heard}"));
    }
    match heard.as_slice() {
        [] => ok(false, "none was heard"),
        [one] => ok(*one == SUBJECT, format!("{one:?}")),
        several => ok(false, format!("{} were heard: {several:?}", several.len())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::execution::{TaskEnd, Way};
    use super::super::listener::Heard;
    use super::super::local::Local;
    use super::super::parts::tests::parts;
    use super::super::verify::Compared;
    use super::super::{Data, Seconds};
    use super::*;
    use crate::model::Timestamp;
    use crate::s3tar::{Location, Publication};

    fn end(exit_code: Option<i64>) -> TaskEnd {
        TaskEnd { exit_code, reason: "Essential container in task exited".to_owned(), was_task: true }
    }

    fn heard(subject: &str) -> Heard {
        Heard { id: subject.to_owned(), subject: subject.to_owned(), message: Value::Null }
    }

    /// A run that went as it should.
    fn good() -> Found {
        let manifest = Location { bucket: "dest".to_owned(), key: "m".to_owned() };
        let path = SUCCESS.map(str::to_owned).to_vec();
        Found {
            parts: parts("dest/source/daily/"),
            data: Data { days: 1, files: 100, wanted: 100 },
            inventory: Some(Publication { manifest, objects: 100, bytes: 1, files: 1 }),
            firing: Firing::Fired { due: Timestamp::from_secs(86_400) },
            execution: Some(Execution {
                arn: "arn".to_owned(),
                status: "SUCCEEDED".to_owned(),
                started: Timestamp::from_secs(86_400),
                output: Value::Null,
                way: Way { path, attempts: 1, waits: Vec::new(), ends: vec![end(Some(0))] },
            }),
            unable: None,
            local: None,
            heard: vec![heard(SUBJECT)],
            awaited: "s3://dest/a.tar".to_owned(),
            archive: Some(Compared { members: 100, equal: 100, toc_agrees: Some(true), ..Compared::default() }),
            seconds: Seconds::default(),
            rate: 60.0,
            target: "t".to_owned(),
        }
    }

    fn not_ok(found: &Found) -> Vec<(&'static str, StepState)> {
        let steps = Steps::of(found);
        let verified = steps.is_verified();
        let rest: Vec<_> = steps.iter().map(|(name, step)| (name, step.state)).collect();
        let rest: Vec<_> = rest.into_iter().filter(|(_, state)| *state != StepState::Ok).collect();
        assert_eq!(verified, rest.iter().all(|(_, state)| *state != StepState::Failed), "{steps:?}");
        rest
    }

    #[test]
    fn each_thing_that_goes_wrong_fails_its_step_and_the_run() {
        assert_eq!(not_ok(&good()), []);
        let changed = |change: &dyn Fn(&mut Found)| {
            let mut found = good();
            change(&mut found);
            not_ok(&found).into_iter().map(|(name, state)| (name, state == StepState::Failed)).collect::<Vec<_>>()
        };
        let archive = |found: &mut Found, change: &dyn Fn(&mut Compared)| {
            change(found.archive.as_mut().expect("an archive"));
        };
        assert_eq!(changed(&|it| it.data.files = 99), [("data", true)]);
        assert_eq!(changed(&|it| it.inventory = None), [("inventory", true)]);
        assert_eq!(changed(&|it| it.heard.push(heard("Task failed"))), [("notification", true)]);
        assert_eq!(changed(&|it| it.heard.clear()), [("notification", true)]);
        assert_eq!(changed(&|it| it.archive = None), [("archive", true)]);
        assert_eq!(changed(&|it| archive(it, &|it| it.equal = 99)), [("archive", true)]);
        assert_eq!(changed(&|it| archive(it, &|it| it.missing.push("k".to_owned()))), [("archive", true)]);
        assert_eq!(changed(&|it| archive(it, &|it| it.toc_agrees = Some(false))), [("archive", true)]);
        let silent = Firing::Silent { due: Timestamp::default() };
        assert_eq!(changed(&|it| it.firing = silent.clone()), [("schedule", true)]);
        assert_eq!(changed(&|it| it.execution.as_mut().expect("one").way.ends = vec![end(Some(2))]), [("task", true)]);
        assert_eq!(
            changed(&|it| it.execution.as_mut().expect("one").way.path.push("NotifyError".to_owned())),
            [("execution", true)]
        );
    }

    #[test]
    fn what_a_target_cannot_do_is_unavailable_and_the_archive_decides() {
        let mut found = good();
        found.firing = Firing::ByHand { why: "no clock".to_owned() };
        found.unable = Some("it runs no container".to_owned());
        found.heard.clear();
        found.local = Some(Local { exit_code: Some(0), said: String::new() });
        let unable = ["schedule", "execution", "task", "notification"].map(|name| (name, StepState::Unavailable));
        assert_eq!(not_ok(&found), unable);
        found.local = Some(Local { exit_code: Some(1), said: "no inventory".to_owned() });
        assert!(not_ok(&found).contains(&("task", StepState::Failed)));
    }
}
