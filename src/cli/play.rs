//! The dashboard's gateway: a scenario that is played there, and what its user wants of a gateway that runs.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::model::FlowEvent;
use crate::model::words::counted;
use crate::observe::CHANNEL_CAPACITY;
use crate::sim::scenario::{NAMES, Scenario, judge};
use crate::sim::{Control, JobEnd, UploadOrder};
use crate::tui::{Event, GatewayWish, ScenarioOffer};

use super::effects::Effects;
use super::job::Vaulted;
use super::landing::{Landing, Seen};
use super::progress::Progress;
use super::rollout::{Losses, Order};
use super::scenario::faults::{Faults, PATH};
use super::scenario::{found, fresh, stack_args};
use super::stage::Landed;
use super::{control, deploy, job, job_request};

/// Who reads what is shown as well, while a scenario is played.
#[derive(Debug, Clone, Default)]
pub struct Taps(Arc<Mutex<Vec<mpsc::Sender<FlowEvent>>>>);

impl Taps {
    /// Hands events over to whoever listens.
    pub async fn pass(&self, events: &[FlowEvent]) {
        let taps = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for tap in &taps {
            for event in events {
                if tap.send(event.clone()).await.is_err() {
                    break;
                }
            }
        }
        if !taps.is_empty() {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|tap| !tap.is_closed());
        }
    }

    fn listen(&self) -> mpsc::Receiver<FlowEvent> {
        let (tap, events) = mpsc::channel(CHANNEL_CAPACITY);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(tap);
        events
    }
}

/// The scenarios that come with vaultscope, as the dashboard offers them.
pub fn offers() -> Vec<ScenarioOffer> {
    NAMES.iter().filter_map(|name| Scenario::named(name).ok()).map(|scenario| offer(&scenario)).collect()
}

fn offer(scenario: &Scenario) -> ScenarioOffer {
    let jobs = &scenario.load.jobs;
    let files: u64 = jobs.iter().map(|job| u64::from(job.files)).sum();
    let clients = match jobs.len() {
        1 => String::new(),
        clients => format!("{clients} clients, "),
    };
    let seed = jobs.first().map_or(0, |job| job.seed);
    let gateway = &scenario.load.gateway;
    let load = format!(
        "{clients}{}, seed {seed}, settling {} s, {} at a time, gives up after {}",
        counted(files, "file"),
        gateway.settling_secs,
        gateway.upload_workers,
        counted(scenario.stack.iterations, "check")
    );
    ScenarioOffer {
        name: scenario.name.clone(),
        about: scenario.about.clone(),
        load,
        job: job_request::request(&scenario.load),
        left_out: job_request::left_out(scenario),
    }
}

impl Effects {
    /// Plays a scenario on the stack, which is made as the scenario wants it where that can be undone: on the embedded
    /// endpoint.
    pub(super) async fn play(&self, name: &str) -> anyhow::Result<String> {
        let scenario = Scenario::named(name)?;
        if self.session.emulator.is_some() {
            let _changing = self.begin(&self.settings.stack)?;
            let order = Order::of(&self.settings, &stack_args(&scenario)).await?;
            let deployed = order.deploy(&self.session, Losses::Refused, &self.flows, &self.end).await;
            deploy::of_target(&self.settings, deployed)?;
            self.observe().await?;
        }
        let (pipeline, cancel) = self.pipeline().await?;
        if let Some(scale) = scenario.time_scale.filter(|_| self.session.has_clock) {
            self.session.set_rate(scale).await?;
        }
        let load = fresh(&self.session, &pipeline, job::name(scenario.load.clone(), &pipeline)).await?;
        let sets: Vec<_> = load.datasets()?.into_iter().map(|set| set.set_id).collect();
        self.attend(&sets).await;
        let seen = Seen { progress: Progress::with_course(), events: self.taps.listen(), sets };
        let mut landing = Landing::new(seen, &self.session, &pipeline, true, cancel.clone());
        let faults = Faults::begin(&self.session, &scenario.faults).await?;
        let control = self.take_control(&pipeline).await?;
        let vaulting = Box::pin(job::vault(&self.session, &pipeline, &load, self.flows.clone(), cancel, control));
        let landed = Box::pin(until_told(name, &mut landing, vaulting)).await;
        landing.close();
        // Whatever came of it, nobody else is to be struck.
        let struck = faults.end().await;
        let course = landing.progress.course.take().unwrap_or_default();
        let landed = Landed::seen(pipeline, landed?, landing);
        let verdicts = landed.verify(&self.session).await?;
        let found = found::find(&self.session, &landed, verdicts, &course, struck?).await?;
        let checks = judge(&scenario, &found);
        let failed = checks.iter().filter(|check| !check.holds).count();
        let all = checks.len();
        let _ = self.events.send(Event::Judged { scenario: name.to_owned(), checks }).await;
        if failed > 0 {
            anyhow::bail!("scenario {name} did not end as expected: {failed} of {all} checks do not hold");
        }
        Ok(format!("scenario {name} ended as expected: all {all} checks hold"))
    }

    /// Does what is wanted at the gateway whose job was begun last.
    pub(super) fn intervene(&self, wish: GatewayWish) -> anyhow::Result<String> {
        let control = self.control.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(control) = control else {
            anyhow::bail!("no gateway is at work: start a job, or play a scenario");
        };
        Ok(match wish {
            GatewayWish::Hold(is_held) => {
                control.pause(is_held);
                if is_held { "the gateway is held" } else { "the gateway goes on" }.to_owned()
            }
            GatewayWish::NextEvent => {
                control.step();
                String::new()
            }
            GatewayWish::Online(is_online) => {
                control.set_online(is_online);
                if is_online { "the gateway is online again" } else { "the gateway is offline" }.to_owned()
            }
            GatewayWish::InOrder(is_in_order) => {
                control.set_order(if is_in_order { UploadOrder::Written } else { UploadOrder::Shuffled });
                let order = if is_in_order { "the order of the writes" } else { "the gateway's own order" };
                format!("uploads go in {order}")
            }
            GatewayWish::Speed(speed) => {
                control.set_speed(speed);
                format!("uploads run ×{speed}")
            }
        })
    }

    /// Asks the endpoint for a fault, or takes all of them back.
    pub(super) async fn fault(&self, fault: Option<&serde_json::Value>) -> anyhow::Result<String> {
        let url = self.session.url().filter(|_| self.session.has_clock);
        let Some(url) = url else { anyhow::bail!("only an endpoint of ours takes faults") };
        if let Some(fault) = fault {
            control::post(&url, PATH, fault.clone()).await?;
            return Ok(format!("fault {} is there", fault["kind"].as_str().unwrap_or_default()));
        }
        let answer = control::delete(&url, PATH).await?;
        Ok(match answer["removed"].as_u64().unwrap_or_default() {
            1 => "1 fault was taken back".to_owned(),
            count => format!("{count} faults were taken back"),
        })
    }

    /// A new handle, for the job that is about to begin; its share is shown.
    pub(super) async fn take_control(&self, pipeline: &super::pipeline::Pipeline) -> anyhow::Result<Control> {
        let share = job::share(&self.session, pipeline)?;
        let _ = self.events.send(Event::Share(share)).await;
        let control = Control::default();
        *self.control.lock().unwrap_or_else(PoisonError::into_inner) = Some(control.clone());
        Ok(control)
    }

    /// The pipeline that is observed, and what ends the jobs on it.
    pub(super) async fn pipeline(&self) -> anyhow::Result<(super::pipeline::Pipeline, CancellationToken)> {
        let observed = self.observed.lock().await;
        let Some(observed) = observed.as_ref() else {
            anyhow::bail!("there is no stack to vault into: deploy {} first", self.settings.stack);
        };
        let Some(pipeline) = &observed.subject.pipeline else {
            let (shown, other) = (&observed.subject.observed.stack, &self.settings.stack);
            anyhow::bail!("stack {shown} takes no jobs: choose {other} on the Stacks page first");
        };
        Ok((pipeline.clone(), observed.jobs.child_token()))
    }

    /// Looks at datasets from now on.
    pub(super) async fn attend(&self, sets: &[crate::model::SetId]) {
        if let Some(observed) = self.observed.lock().await.as_ref() {
            for set in sets {
                observed.observer.interest().add(set);
            }
        }
    }
}

/// Sees the job to its end, and each dataset to its outcome.
async fn until_told(
    name: &str,
    landing: &mut Landing,
    vaulting: impl Future<Output = anyhow::Result<Vaulted>>,
) -> anyhow::Result<Vaulted> {
    let vaulted = landing.until_vaulted(vaulting).await?;
    match &vaulted.end {
        JobEnd::Finished => {}
        JobEnd::Cancelled => anyhow::bail!("scenario {name} was ended early"),
        JobEnd::Failed(error) => anyhow::bail!("{}", landing.could_not_be_vaulted(error)),
    }
    anyhow::ensure!(landing.until_reconciled().await?, "scenario {name} was ended early");
    Ok(vaulted)
}
