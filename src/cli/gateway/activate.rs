//! `vaultscope gateway activate`: the key from the appliance, the gateway from the key, and its cache.

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::appliances::{Appliance, Appliances};
use super::args::ActivateArgs;
use crate::cli::{Exit, Usage, output};

/// Runs the command.
pub async fn run(appliances: &Appliances, args: &ActivateArgs, cancel: &CancellationToken) -> anyhow::Result<Exit> {
    let tell = |words: &str| {
        if !args.json {
            output::remark(words);
        }
    };
    let all = appliances.overview().await?.appliances;
    let appliance = waiting(&all, args.instance.as_deref())?;
    let Some(url) = &appliance.activation_url else {
        return Err(Usage(in_vain(appliance)).into());
    };
    tell(&format!("fetching an activation key from the appliance of instance {} at {url}", appliance.instance_id));
    let key = appliances.key(url).await?;
    let input = json!({
        "ActivationKey": key, "GatewayName": args.name, "GatewayTimezone": args.timezone,
        "GatewayRegion": appliances.region, "GatewayType": "FILE_S3",
    });
    let answer = appliances.call("ActivateGateway", input).await?;
    let arn = answer["GatewayARN"].as_str().unwrap_or_default().to_owned();
    tell(&format!("activated {arn}, which is offline until it has come up"));
    let running = |overview: &super::appliances::Overview| {
        let gateway = overview.gateway(Some(&arn))?.filter(|gateway| gateway.state == "RUNNING");
        Ok(gateway.map(drop))
    };
    appliances.wait("the gateway comes up", cancel, running).await?;
    tell("the gateway is running");
    let cache = if args.no_cache { Vec::new() } else { add_cache(appliances, &arn).await? };
    if args.json {
        output::document(&json!({
            "version": 1, "kind": "gateway", "arn": arn, "name": args.name, "state": "RUNNING",
            "instanceId": appliance.instance_id, "cacheDisks": cache,
        }))?;
        return Ok(Exit::Done);
    }
    let words = match &cache[..] {
        [] => "without a cache".to_owned(),
        disks => format!("with {} as its cache", disks.join(", ")),
    };
    output::line(&format!("gateway {} is running {words}: {arn}", args.name))?;
    Ok(Exit::Done)
}

/// Gives the gateway every disk that is free.
async fn add_cache(appliances: &Appliances, arn: &str) -> anyhow::Result<Vec<String>> {
    let answer = appliances.call("ListLocalDisks", json!({ "GatewayARN": arn })).await?;
    let disks = answer["Disks"].as_array().into_iter().flatten();
    let free = disks.filter(|disk| disk["DiskAllocationType"] == "AVAILABLE").map(|disk| disk["DiskId"].clone());
    let free: Vec<String> = free.filter_map(|id: Value| id.as_str().map(str::to_owned)).collect();
    if !free.is_empty() {
        appliances.call("AddCache", json!({ "GatewayARN": arn, "DiskIds": free })).await?;
    }
    Ok(free)
}

/// The appliance that was named, or the only one that waits.
fn waiting<'a>(all: &'a [Appliance], named: Option<&str>) -> Result<&'a Appliance, Usage> {
    if let Some(named) = named {
        let missing = || {
            Usage(format!("instance {named} is no appliance of the endpoint: `vaultscope gateway status` lists them"))
        };
        return all.iter().find(|one| one.instance_id == named).ok_or_else(missing);
    }
    let waiting: Vec<&Appliance> = all.iter().filter(|one| one.activation_url.is_some()).collect();
    match (&waiting[..], all) {
        ([one], _) => Ok(one),
        ([], []) => {
            Err(Usage("there is no appliance to activate: `vaultscope deploy data-vaulting` makes one".to_owned()))
        }
        ([], [one]) => Err(Usage(in_vain(one))),
        ([], _) => Err(Usage("every appliance is activated or off: `vaultscope gateway status` lists them".to_owned())),
        (several, _) => {
            let ids: Vec<&str> = several.iter().map(|one| one.instance_id.as_str()).collect();
            Err(Usage(format!("several appliances wait, name one of them with --instance: {}", ids.join(", "))))
        }
    }
}

fn in_vain(appliance: &Appliance) -> String {
    let id = &appliance.instance_id;
    match &appliance.gateway_arn {
        Some(arn) => format!("the appliance of instance {id} is activated already, as {arn}"),
        None => format!("the appliance of instance {id} is off: start the instance first"),
    }
}
