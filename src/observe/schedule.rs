//! The schedule that starts the state machine: its expression, its zone and whether it fires at all. When it fires next
//! follows from those and needs no call.

use super::drive::{Halt, Out, Progress, Tailer};
use crate::aws::{Clients, Problem};
use crate::model::archiving::ScheduleSeen;
use crate::model::{Seen, Source, Timestamp};

/// The zone of a schedule that names none.
const ZONE: &str = "UTC";

/// The tailer of a schedule.
pub struct Schedule {
    clients: Clients,
    group: Option<String>,
    name: String,
    last: Option<ScheduleSeen>,
}

impl Schedule {
    /// A tailer of the schedule of that name; without a group it is looked for in the default one.
    pub fn new(clients: Clients, group: Option<String>, name: String) -> Self {
        Self { clients, group, name, last: None }
    }

    async fn read(&self) -> Result<ScheduleSeen, Problem> {
        let request = self.clients.scheduler.get_schedule().name(&self.name).set_group_name(self.group.clone());
        let answer = request.send().await.map_err(|error| Problem::of("scheduler GetSchedule", &error))?;
        let moment = |at: Option<aws_smithy_types::DateTime>| at.as_ref().map(super::history::moment);
        let start = moment(answer.start_date).or_else(|| moment(answer.creation_date));
        Ok(ScheduleSeen {
            name: answer.name.unwrap_or_else(|| self.name.clone()),
            group: answer.group_name.or_else(|| self.group.clone()).unwrap_or_default(),
            expression: answer.schedule_expression.unwrap_or_default(),
            timezone: answer.schedule_expression_timezone.filter(|zone| !zone.is_empty()).unwrap_or(ZONE.to_owned()),
            is_enabled: answer.state.is_none_or(|state| state.as_str() == "ENABLED"),
            target: answer.target.map(|target| target.arn).unwrap_or_default(),
            start: start.unwrap_or(Timestamp::default()),
            end: moment(answer.end_date),
            window_minutes: answer
                .flexible_time_window
                .and_then(|window| window.maximum_window_in_minutes)
                .and_then(|minutes| u32::try_from(minutes).ok())
                .unwrap_or_default(),
        })
    }
}

impl Tailer for Schedule {
    fn source(&self) -> Source {
        Source::Schedule
    }

    async fn look(&mut self, out: &Out) -> Result<Progress, Halt> {
        let seen = self.read().await?;
        if self.last.as_ref() == Some(&seen) {
            return Ok(Progress::Quiet);
        }
        out.tell_now(Seen::Schedule(seen.clone())).await?;
        self.last = Some(seen);
        Ok(Progress::Changed)
    }
}
