//! The faults of a scenario: each is asked for when its time has come, and taken back when it is over or the scenario is.

use anyhow::Context;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::model::Timestamp;
use crate::sim::scenario::FaultPart;

use super::super::session::Session;
use super::super::{Usage, control};

/// Where an endpoint of ours takes faults.
pub const PATH: &str = "/_vaultscope/faults";

/// Faults that are there, or to come.
pub struct Faults {
    tasks: JoinSet<anyhow::Result<u64>>,
    over: CancellationToken,
}

impl Faults {
    /// Asks for those that are there from the begin, and sees to the others.
    ///
    /// # Errors
    /// When the target has no faults of ours, or refuses one.
    pub async fn begin(session: &Session, parts: &[FaultPart]) -> anyhow::Result<Self> {
        let (mut tasks, over) = (JoinSet::new(), CancellationToken::new());
        let begun = session.clock.now();
        for part in parts {
            let url = session.url().filter(|_| session.has_clock).ok_or_else(|| {
                Usage(
                    "the scenario has faults, which only an endpoint of ours takes: play it on the embedded one"
                        .to_owned(),
                )
            })?;
            let fault = Fault { url, what: Value::Object(part.what.clone()) };
            let first = if part.at_secs > 0.0 { None } else { Some(fault.add().await?) };
            let times = Times {
                clock: session.clock.clone(),
                from: after(begun, part.at_secs),
                until: part.until_secs.map(|secs| after(begun, secs)),
            };
            tasks.spawn(fault.strike(first, times, over.clone()));
        }
        Ok(Self { tasks, over })
    }

    /// Takes them back; how often they have struck.
    ///
    /// # Errors
    /// When one was refused.
    pub async fn end(mut self) -> anyhow::Result<u64> {
        self.over.cancel();
        let mut struck = 0;
        while let Some(ended) = self.tasks.join_next().await {
            struck += ended??;
        }
        Ok(struck)
    }
}

fn after(begun: Timestamp, secs: f64) -> Timestamp {
    begun + std::time::Duration::try_from_secs_f64(secs).unwrap_or_default()
}

struct Times {
    clock: Clock,
    from: Timestamp,
    until: Option<Timestamp>,
}

struct Fault {
    url: String,
    what: Value,
}

impl Fault {
    async fn add(&self) -> anyhow::Result<u64> {
        let added = control::post(&self.url, PATH, self.what.clone())
            .await
            .with_context(|| format!("the endpoint refused the scenario's fault {}", self.what))?;
        added["id"].as_u64().context("the endpoint did not say which fault it added")
    }

    async fn strike(self, first: Option<u64>, times: Times, over: CancellationToken) -> anyhow::Result<u64> {
        let id = if let Some(id) = first {
            id
        } else {
            tokio::select! {
                () = over.cancelled() => return Ok(0),
                () = times.clock.sleep_until(times.from) => self.add().await?,
            }
        };
        tokio::select! {
            () = over.cancelled() => {}
            () = async { times.clock.sleep_until(times.until.unwrap_or_default()).await }, if times.until.is_some() => {}
        }
        let listed = control::get(&self.url, PATH).await?;
        let mine = listed["faults"].as_array().into_iter().flatten().find(|fault| fault["id"] == id);
        let struck = mine.and_then(|fault| fault["struck"].as_u64()).unwrap_or_default();
        control::delete(&self.url, &format!("{PATH}/{id}")).await?;
        Ok(struck)
    }
}
