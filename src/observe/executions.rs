//! The state machine and its executions: status of each, and history event by event, read from the newest back to what
//! is known.
//!
//! The list is read when an execution must have begun, and now and then; between, a running execution is followed by the
//! end of its history alone, which also says how it ended.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use aws_sdk_sfn::types;
use serde::Deserialize;
use serde_json::Value;

use super::delivery::Delivery;
use super::drive::{Halt, Out, Progress, Tailer};
use super::history::{end_of, moment, status_of, unread_history};
use super::interest::Interest;
use super::told::Told;
use crate::aws::{Clients, Kind, Problem};
use crate::clock::real_now;
use crate::model::{
    ExecutionSeen, ExecutionStatus, MachineSeen, Outcome, Seen, SetId, Source, Timestamp, UploadDetail,
};

/// Executions of one page of the list.
const PAGE: i32 = 100;
/// Pages of the list at the start; later ones end at what is known.
const FIRST_PAGES: usize = 5;
/// Looks at an execution whose list says that it is over and whose history does not, as some endpoints have it.
const LAST_LOOKS: u32 = 3;
/// Executions that were over before we looked and whose history is read all the same, the newest ones.
const OLD_HISTORIES: usize = 10;

/// The tailer of one state machine.
pub struct Executions {
    clients: Clients,
    machine: String,
    since: Option<Timestamp>,
    interest: Interest,
    delivery: Delivery,
    machine_told: bool,
    list_every: Duration,
    listed: Option<Instant>,
    /// Manifests that were announced when it was listed last.
    announced: u64,
    known: HashMap<String, Known>,
}

/// What is known of an execution.
struct Known {
    seen: ExecutionSeen,
    /// The last history event that was told.
    last_event: i64,
    /// Whether its history is told to the end, or left aside.
    done: bool,
    /// Looks at its history since the list says that it is over.
    last_looks: u32,
    /// Whether it put its reconciliation event.
    has_put: bool,
    /// What its history tells of other services.
    told: Told,
}

impl Executions {
    /// A tailer that leaves aside executions that were over before `since`, and lists them every so often.
    pub fn new(
        clients: Clients,
        machine: String,
        since: Option<Timestamp>,
        list_every: Duration,
        interest: Interest,
        delivery: Delivery,
    ) -> Self {
        Self {
            clients,
            machine,
            since,
            interest,
            delivery,
            machine_told: false,
            list_every,
            listed: None,
            announced: 0,
            known: HashMap::new(),
        }
    }

    async fn tell_machine(&mut self, out: &Out) -> Result<(), Halt> {
        let answer = self
            .clients
            .states
            .describe_state_machine()
            .state_machine_arn(&self.machine)
            .send()
            .await
            .map_err(|error| Problem::of("states DescribeStateMachine", &error))?;
        let definition = serde_json::from_str(&answer.definition).unwrap_or(Value::Null);
        out.tell_now(Seen::Machine(MachineSeen { arn: self.machine.clone(), definition })).await?;
        self.machine_told = true;
        Ok(())
    }

    fn list_is_due(&self) -> bool {
        self.listed.is_none_or(|listed| listed.elapsed() >= self.list_every)
            || self.announced != self.interest.announced()
            || self.known.values().all(|known| known.done)
    }

    /// Pages come newest first and are read up to one on which everything is known and over.
    async fn list(&mut self, out: &Out) -> Result<bool, Halt> {
        let announced = self.interest.announced();
        let mut news = Vec::new();
        let mut token = None;
        for _ in 0..FIRST_PAGES {
            let answer = self
                .clients
                .states
                .list_executions()
                .state_machine_arn(&self.machine)
                .max_results(PAGE)
                .set_next_token(token)
                .send()
                .await
                .map_err(|error| Problem::of("states ListExecutions", &error))?;
            let all_known = answer.executions.iter().all(|item| self.known.contains_key(&item.execution_arn));
            let too_old = answer.executions.last().is_some_and(|item| self.is_too_old(item));
            news.extend(answer.executions.into_iter().filter(|item| self.is_news(item)));
            token = answer.next_token;
            if token.is_none() || too_old || (self.listed.is_some() && all_known) {
                break;
            }
        }
        let changed = !news.is_empty();
        let over = |item: &types::ExecutionListItem| status_of(&item.status) != ExecutionStatus::Running;
        let mut left_aside = news.iter().filter(|item| over(item)).count().saturating_sub(OLD_HISTORIES);
        // Oldest first, so that what is told of a dataset last is its newest execution.
        self.announced = announced;
        for item in news.into_iter().rev() {
            let aside = self.listed.is_none() && left_aside > 0 && over(&item);
            left_aside -= usize::from(aside);
            self.tell_status(item, aside, out).await?;
        }
        self.listed = Some(real_now());
        Ok(changed)
    }

    /// Whether it was over before anything is of interest.
    fn is_too_old(&self, item: &types::ExecutionListItem) -> bool {
        self.since.is_some_and(|since| item.stop_date.as_ref().is_some_and(|stopped| moment(stopped) < since))
    }

    fn is_news(&self, item: &types::ExecutionListItem) -> bool {
        if let Some(known) = self.known.get(&item.execution_arn) {
            return known.seen.status != status_of(&item.status);
        }
        !self.is_too_old(item)
    }

    async fn tell_status(&mut self, item: types::ExecutionListItem, aside: bool, out: &Out) -> Result<(), Halt> {
        let status = status_of(&item.status);
        let stopped = item.stop_date.as_ref().map(moment);
        let seen = if let Some(known) = self.known.get(&item.execution_arn) {
            ExecutionSeen { status, stopped, ..known.seen.clone() }
        } else {
            let set_id = self.read_input(&item.execution_arn).await?;
            // Its own announcement is no reason to list again.
            self.announced += u64::from(set_id.is_some());
            let (arn, name, started) = (item.execution_arn, item.name, moment(&item.start_date));
            ExecutionSeen { arn, name, set_id, status, started, stopped }
        };
        out.tell(seen.stopped.unwrap_or(seen.started), Seen::Execution(seen.clone())).await?;
        let new = Known {
            seen: seen.clone(),
            last_event: 0,
            done: aside,
            last_looks: 0,
            has_put: false,
            told: Told::default(),
        };
        let known = self.known.entry(seen.arn.clone()).or_insert(new);
        known.seen = seen;
        Ok(())
    }

    /// The dataset, from the manifest's event with which the execution was started.
    async fn read_input(&self, arn: &str) -> Result<Option<SetId>, Halt> {
        let answer = self
            .clients
            .states
            .describe_execution()
            .execution_arn(arn)
            .send()
            .await
            .map_err(|error| Problem::of("states DescribeExecution", &error))?;
        let input = answer.input.as_deref().and_then(|input| serde_json::from_str::<Input>(input).ok());
        Ok(input.map(|input| {
            self.interest.manifest(&input.detail);
            input.detail.set_id
        }))
    }

    async fn tell_history(&mut self, arn: &str, out: &Out) -> Result<bool, Halt> {
        let Some(known) = self.known.get_mut(arn) else {
            return Ok(false);
        };
        // The status was read before the history: once it says that it is over, so is what is read now.
        let was_over = known.seen.status != ExecutionStatus::Running;
        let news = match unread_history(&self.clients, arn, known.last_event).await {
            // The endpoint lost it: what was told of it stays, and there is no more.
            Err(problem) if problem.kind == Kind::NotFound => {
                known.done = true;
                return Ok(false);
            }
            other => other?,
        };
        let changed = !news.is_empty();
        for (at, event) in news {
            let (id, end) = (event.id, end_of(&event.kind));
            known.has_put |= Outcome::put_by(&event).is_some();
            let told = known.told.see(&event);
            out.tell(at, Seen::History(event)).await?;
            if let Some(told) = told {
                out.tell(at, told).await?;
            }
            known.last_event = id;
            let Some(status) = end else { continue };
            known.done = true;
            if known.seen.status != status {
                (known.seen.status, known.seen.stopped) = (status, Some(at));
                out.tell(at, Seen::Execution(known.seen.clone())).await?;
            }
        }
        if was_over && !known.done {
            known.last_looks += 1;
            known.done = known.last_looks >= LAST_LOOKS;
        }
        if known.done
            && let Some(set) = &known.seen.set_id
        {
            if known.has_put && known.seen.status == ExecutionStatus::Succeeded {
                self.delivery.event_put(set);
            }
            self.interest.settled(set);
        } else if known.done {
            self.interest.look();
        }
        Ok(changed)
    }
}

impl Tailer for Executions {
    fn source(&self) -> Source {
        Source::Executions
    }

    async fn look(&mut self, out: &Out) -> Result<Progress, Halt> {
        if !self.machine_told {
            self.tell_machine(out).await?;
        }
        let mut changed = if self.list_is_due() { self.list(out).await? } else { false };
        let mut open: Vec<(Timestamp, String)> = self
            .known
            .iter()
            .filter(|(_, known)| !known.done)
            .map(|(arn, known)| (known.seen.started, arn.clone()))
            .collect();
        open.sort_unstable();
        for (_, arn) in open {
            changed |= self.tell_history(&arn, out).await?;
        }
        let is_running = |known: &&Known| !known.done && known.seen.status == ExecutionStatus::Running;
        self.interest.running(self.known.values().filter(is_running).count());
        Ok(Progress::from(changed))
    }
}

/// The manifest's event.
#[derive(Deserialize)]
struct Input {
    detail: UploadDetail,
}
