//! `vaultscope gateway status`: appliances, gateways and file shares in a few lines.

use serde_json::json;

use super::appliances::{Appliances, Overview, Share};
use super::args::StatusArgs;
use crate::cli::{Exit, output};
use crate::model::words::counted;

/// Problems of files that are named.
const NAMED: usize = 5;

/// Runs the command.
pub async fn run(appliances: &Appliances, args: &StatusArgs) -> anyhow::Result<Exit> {
    let overview = appliances.overview().await?;
    if args.json {
        let Overview { appliances, gateways } = overview;
        output::document(&json!({
            "version": 1, "kind": "gatewayStatus", "appliances": appliances, "gateways": gateways,
        }))?;
        return Ok(Exit::Done);
    }
    for line in sentences(&overview) {
        output::line(&line)?;
    }
    Ok(Exit::Done)
}

fn sentences(overview: &Overview) -> Vec<String> {
    let mut lines = Vec::new();
    if overview.appliances.is_empty() && overview.gateways.is_empty() {
        lines.push("there is no appliance: `vaultscope deploy data-vaulting` makes one".to_owned());
    }
    for appliance in overview.appliances.iter().filter(|appliance| appliance.gateway_arn.is_none()) {
        let state = match &appliance.activation_url {
            Some(url) => format!("waits to be activated at {url}"),
            None => "is off".to_owned(),
        };
        lines.push(format!("appliance {} ({}) {state}", appliance.instance_id, appliance.private_ip));
    }
    for gateway in &overview.gateways {
        let cache = if gateway.cache_disks.is_empty() { "none".to_owned() } else { gateway.cache_disks.join(", ") };
        lines.push(format!(
            "gateway {} {} on {}, cache {cache}: {}",
            gateway.name, gateway.state, gateway.instance_id, gateway.arn
        ));
        gateway.shares.iter().for_each(|share| tell(share, &mut lines));
    }
    lines
}

fn tell(share: &Share, lines: &mut Vec<String>) {
    lines.push(format!(
        "  share {} {} over s3://{}/{}: {}",
        share.name, share.state, share.bucket, share.prefix, share.arn
    ));
    if let Some(problem) = &share.problem {
        lines.push(format!("    {problem}"));
    }
    lines.push(format!("    folder {}", share.folder.display()));
    let Some(status) = &share.status else { return };
    let count = |member: &str| share.count(member);
    lines.push(format!(
        "    {} and {}; {} to upload ({} under way), {} settling, {} announced; cache {} of {} MiB used, {} MiB dirty",
        counted(count("files"), "file"),
        counted(count("directories"), "directory"),
        count("waiting"),
        count("uploading"),
        count("settling"),
        count("announced"),
        count("cache_used_bytes") >> 20,
        count("cache_capacity_bytes") >> 20,
        count("cache_dirty_bytes") >> 20,
    ));
    let Some(errors) = status["errors"].as_object() else { return };
    for (path, error) in errors.iter().take(NAMED) {
        lines.push(format!("    {path}: {}", error["problem"].as_str().unwrap_or_default()));
    }
    if let more @ 1.. = errors.len().saturating_sub(NAMED) {
        lines.push(format!("    and {more} more: `vaultscope gateway status --json` has them"));
    }
}
