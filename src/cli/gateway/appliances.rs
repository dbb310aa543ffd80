//! The simulated appliances of an endpoint: what it tells of them, and Storage Gateway's operations.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::cli::{Usage, control};
use crate::clock::Clock;

/// Where the endpoint lists them.
const LIST: &str = "/_vaultscope/gateways";
/// The real time between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// An appliance.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Appliance {
    /// Its instance.
    pub instance_id: String,
    /// Its address in the VPC.
    pub private_ip: String,
    /// Whether the instance runs.
    pub is_on: bool,
    /// Where its activation web server listens.
    pub activation_url: Option<String>,
    /// The gateway that it was activated as.
    pub gateway_arn: Option<String>,
}

/// A gateway.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gateway {
    /// Its ARN.
    pub arn: String,
    /// What it is called.
    pub name: String,
    /// `RUNNING`, `OFFLINE`
    pub state: String,
    /// Its instance.
    pub instance_id: String,
    /// Disks of its cache.
    pub cache_disks: Vec<String>,
    /// Its shares.
    pub shares: Vec<Share>,
}

/// A file share.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Share {
    /// Its ARN.
    pub arn: String,
    /// What it is called.
    pub name: String,
    /// As AWS spells it.
    pub state: String,
    /// Why it is not available.
    pub problem: Option<String>,
    /// Its bucket.
    pub bucket: String,
    /// What precedes every key.
    pub prefix: String,
    /// Seconds without a write after which a file is announced; null when none is.
    pub settling_seconds: Option<u64>,
    /// The folder that clients copy into.
    pub folder: PathBuf,
    /// The line that mounts its export.
    pub nfs_mount: Option<String>,
    /// What it says of its files; null while it is not open.
    pub status: Option<Value>,
}

impl Share {
    /// A number of its status.
    #[must_use]
    pub fn count(&self, member: &str) -> u64 {
        self.status.as_ref().and_then(|status| status[member].as_u64()).unwrap_or_default()
    }

    /// Objects to upload and files to announce.
    #[must_use]
    pub fn unsent(&self) -> u64 {
        self.count("waiting") + self.count("settling")
    }
}

/// Everything that the endpoint tells.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Overview {
    /// Appliances by instance.
    pub appliances: Vec<Appliance>,
    /// Gateways, oldest first.
    pub gateways: Vec<Gateway>,
}

/// The appliances of an endpoint.
pub struct Appliances {
    url: String,
    /// The endpoint's region.
    pub region: String,
    clock: Clock,
}

/// The only one of several things, or the one that is named by ARN, id or name.
fn pick<'a, T>(
    all: &'a [T],
    named: Option<&str>,
    what: &str,
    known_by: impl Fn(&T) -> (&str, &str),
) -> Result<Option<&'a T>, Usage> {
    let names = || all.iter().map(|one| known_by(one).1).collect::<Vec<_>>().join(", ");
    let Some(named) = named else {
        return match all {
            [] => Ok(None),
            [one] => Ok(Some(one)),
            _ => Err(Usage(format!("there are several {what}s, name one of them: {}", names()))),
        };
    };
    let fits = |one: &&T| {
        let (arn, name) = known_by(one);
        arn == named || name == named || arn.rsplit('/').next() == Some(named)
    };
    let found: Vec<&T> = all.iter().filter(fits).collect();
    match found[..] {
        [one] => Ok(Some(one)),
        [] if all.is_empty() => Err(Usage(format!("there is no {what} {named}, nor any other"))),
        [] => Err(Usage(format!("there is no {what} {named}: there is {}", names()))),
        _ => Err(Usage(format!("several {what}s are called {named}: name one by its ARN"))),
    }
}

impl Overview {
    /// The gateway of that ARN, id or name, else the only one; `None` when there is none.
    ///
    /// # Errors
    /// When there are several, or another one than was named.
    pub fn gateway(&self, named: Option<&str>) -> Result<Option<&Gateway>, Usage> {
        pick(&self.gateways, named, "gateway", |gateway| (&gateway.arn, &gateway.name))
    }

    /// The share of that ARN, id or name, else the only one; `None` when there is none.
    ///
    /// # Errors
    /// When there are several, or another one than was named.
    pub fn share(&self, named: Option<&str>) -> Result<Option<Share>, Usage> {
        let all: Vec<Share> = self.gateways.iter().flat_map(|gateway| gateway.shares.clone()).collect();
        Ok(pick(&all, named, "file share", |share| (&share.arn, &share.name))?.cloned())
    }
}

impl Appliances {
    /// Those of the endpoint at `url`.
    #[must_use]
    pub fn at(url: &str, region: &str, clock: Clock) -> Self {
        Self { url: url.trim_end_matches('/').to_owned(), region: region.to_owned(), clock }
    }

    /// Everything that the endpoint tells.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn overview(&self) -> anyhow::Result<Overview> {
        let answer = control::get(&self.url, LIST).await.with_context(|| format!("cannot ask {}", self.url))?;
        Ok(serde_json::from_value(answer)?)
    }

    /// An operation of Storage Gateway.
    ///
    /// # Errors
    /// What it is refused with.
    pub async fn call(&self, operation: &str, input: Value) -> anyhow::Result<Value> {
        control::operate(&self.url, &format!("StorageGateway_20130630.{operation}"), input).await
    }

    /// An activation key of an appliance, as curl fetches it.
    ///
    /// # Errors
    /// When its web server does not answer with one.
    pub async fn key(&self, activation_url: &str) -> anyhow::Result<String> {
        let path = format!("/?activationRegion={}&no_redirect", self.region);
        let answered = control::text(activation_url, &path).await;
        answered.with_context(|| format!("the appliance's web server at {activation_url} gives no activation key"))
    }

    /// Looks again and again until `look` finds something in what the endpoint tells.
    ///
    /// # Errors
    /// When the endpoint does not answer, or the user interrupts.
    pub async fn wait<T>(
        &self,
        what: &str,
        cancel: &CancellationToken,
        look: impl Fn(&Overview) -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<T> {
        if self.clock.reading().paused {
            crate::cli::output::remark(&format!("the endpoint's clock is paused: {what} once it runs again"));
        }
        loop {
            if let Some(found) = look(&self.overview().await?)? {
                return Ok(found);
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = cancel.cancelled() => anyhow::bail!("interrupted while waiting: {what} all the same"),
            }
        }
    }

    /// Deletes a gateway.
    ///
    /// # Errors
    /// What it is refused with.
    pub async fn delete(&self, arn: &str) -> anyhow::Result<()> {
        self.call("DeleteGateway", json!({ "GatewayARN": arn })).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_picked_by_arn_id_or_name_or_because_it_is_the_only_one() {
        let all = [("arn:x:gateway/sgw-1", "a"), ("arn:x:gateway/sgw-2", "b"), ("arn:x:gateway/sgw-3", "b")];
        let pick =
            |all: &'static [(&str, &str)], named| pick(all, named, "gateway", |one| *one).map(Option::<&_>::copied);
        let all: &'static [(&str, &str)] = Vec::leak(all.to_vec());
        assert_eq!(pick(&[], None).expect("none"), None);
        assert_eq!(pick(&all[..1], None).expect("one"), Some(all[0]));
        for named in ["arn:x:gateway/sgw-1", "sgw-1", "a"] {
            assert_eq!(pick(all, Some(named)).expect(named), Some(all[0]));
        }
        for (all, named, words) in [
            (all, None, "several gateways, name one of them: a, b, b"),
            (all, Some("b"), "name one by its ARN"),
            (all, Some("c"), "there is no gateway c: there is a, b, b"),
            (&[][..], Some("c"), "nor any other"),
        ] {
            let said = pick(all, named).expect_err(words).to_string();
            assert!(said.contains(words), "{said}");
        }
    }
}
