//! The schedule's turn: the clock is put to shortly before it is due and runs over it, or, where there is no clock or
//! nothing is due, the state machine is started as the schedule would.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::bail;
use tokio_util::sync::CancellationToken;

use crate::aws::Problem;
use crate::model::Timestamp;
use crate::model::schedule::Schedule;

use super::super::control;
use super::super::session::Session;
use super::calendar::{Due, due};
use super::execution::{begun, list};
use super::parts::Parts;

/// What the template's schedule gives to the state machine; a test keeps that it does.
const INPUT: &str =
    r#"{"metadata": {"eventId": "s3tar_scheduled_event"}, "data": {"scheduleName": "s3tar", "frequency": "daily"}}"#;
/// Real seconds in which an execution begins once it is due.
const PATIENCE: Duration = Duration::from_secs(30);
/// The clock runs over the moment for so many real seconds, if that is not too far before it.
const LEAD: Duration = Duration::from_secs(1);
const LONGEST_LEAD: Duration = Duration::from_secs(60);

/// What starts the state machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// The schedule, at this moment.
    Schedule(Due),
    /// Ourselves, for a reason.
    Hand(String),
}

/// How the state machine was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Firing {
    /// By the schedule.
    Fired {
        /// When it was due.
        due: Timestamp,
    },
    /// Not at all.
    Silent {
        /// When it was due.
        due: Timestamp,
    },
    /// By ourselves.
    ByHand {
        /// Why.
        why: String,
    },
}

impl Start {
    /// The schedule, where it can be waited for; puts the clock to the day before it is due.
    ///
    /// # Errors
    /// When the clock cannot be put, or stands still.
    pub async fn of_schedule(session: &Session, parts: &Parts) -> anyhow::Result<Self> {
        let target = &session.clients.target;
        if !session.has_clock {
            return Ok(Self::Hand(format!("time runs as it does on {target}")));
        }
        if !parts.is_scheduled {
            return Ok(Self::Hand("the schedule is switched off".to_owned()));
        }
        if session.clock.reading().paused {
            bail!("the clock of {target} stands still, and nothing can be waited for: let it run again first");
        }
        let expression = &parts.expression;
        let schedule = Schedule::parse(expression, "UTC")?;
        let now = now(session).await;
        let Some(due) = due(&schedule, now) else {
            return Ok(Self::Hand(format!("{expression} is due at no moment that is known from outside")));
        };
        if let Some(by) = due.eve.and_then(|eve| eve.since(now)) {
            session.step(by).await?;
        }
        Ok(Self::Schedule(due))
    }

    /// Sees to an execution; its ARN, where one has begun.
    ///
    /// # Errors
    /// When a call fails.
    pub async fn carry_out(
        self,
        session: &Session,
        parts: &Parts,
        rate: f64,
        cancel: &CancellationToken,
    ) -> anyhow::Result<(Firing, Option<String>)> {
        let clients = &session.clients;
        let due = match self {
            Self::Hand(why) => {
                if session.has_clock {
                    session.set_rate(rate).await?;
                }
                let started = clients.states.start_execution().state_machine_arn(&parts.machine).input(INPUT);
                let started = started.send().await.map_err(|error| Problem::of("states StartExecution", &error))?;
                return Ok((Firing::ByHand { why }, Some(started.execution_arn)));
            }
            Self::Schedule(due) => due.at,
        };
        let known: HashSet<String> = list(clients, &parts.machine).await?.into_iter().map(|(arn, _)| arn).collect();
        let lead = LEAD.mul_f64(rate).min(LONGEST_LEAD);
        if let Some(by) = due.minus(lead).since(now(session).await) {
            session.step(by).await?;
        }
        session.set_rate(rate).await?;
        // A rate is due anywhere before the latest moment.
        let from = if parts.expression.starts_with("rate") { super::calendar::midnight(due) } else { due };
        let patience = PATIENCE + lead.div_f64(rate);
        let arn = begun(clients, &parts.machine, &known, from, (patience, cancel)).await?;
        Ok((if arn.is_some() { Firing::Fired { due } } else { Firing::Silent { due } }, arn))
    }
}

/// The target's time: read afresh, for a clock that follows another one may be a little behind.
pub async fn now(session: &Session) -> Timestamp {
    match session.url().filter(|_| session.has_clock) {
        Some(url) => control::clock_of(&url).await.map_or_else(|| session.clock.now(), |clock| clock.now()),
        None => session.clock.now(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::S3TAR;

    #[test]
    fn by_hand_it_is_started_as_by_the_schedule() {
        assert!(S3TAR.text.contains(&format!("Input: '{INPUT}'")));
    }
}
