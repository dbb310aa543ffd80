//! `vaultscope gateway delete`, and what becomes of a gateway whose stack is destroyed.

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::appliances::{Appliances, Gateway};
use super::args::DeleteArgs;
use crate::cli::session::Session;
use crate::cli::{Exit, Usage, deploy, output};
use crate::deploy::Stack;
use crate::model::words::counted;

/// Runs the command.
pub async fn run(appliances: &Appliances, args: &DeleteArgs, cancel: &CancellationToken) -> anyhow::Result<Exit> {
    let overview = appliances.overview().await?;
    let Some(gateway) = overview.gateway(args.gateway.as_deref())? else {
        output::line("there is no gateway: nothing to delete")?;
        return Ok(Exit::Done);
    };
    let unsent: u64 = gateway.shares.iter().map(super::appliances::Share::unsent).sum();
    if unsent > 0 && !args.force {
        anyhow::bail!(
            "{unsent} files of gateway {} wait to be uploaded or announced, and would never be: look with `vaultscope gateway status`, or add --force",
            gateway.name
        );
    }
    if !args.yes && !confirm(gateway, cancel).await? {
        output::remark(&format!("gateway {} was left as it is", gateway.name));
        return Ok(Exit::Negative);
    }
    appliances.delete(&gateway.arn).await?;
    if args.json {
        output::document(&json!({ "version": 1, "kind": "gatewayDeleted", "arn": gateway.arn, "unsent": unsent }))?;
        return Ok(Exit::Done);
    }
    output::line(&format!("gateway {} is gone, and {} file shares with it", gateway.name, gateway.shares.len()))?;
    Ok(Exit::Done)
}

/// Asks for the gateway's name; anything else means no.
async fn confirm(gateway: &Gateway, cancel: &CancellationToken) -> anyhow::Result<bool> {
    let name = &gateway.name;
    if !output::is_terminal() {
        return Err(Usage(format!(
            "deleting gateway {name} has to be confirmed, and there is no terminal to ask on: add --yes"
        ))
        .into());
    }
    output::remark(&format!("gateway {name} and its file shares will be deleted. type its name to go on:"));
    Ok(deploy::answer(cancel).await?.is_some_and(|answer| answer == *name))
}

/// Deletes the gateways of a stack whose machine is about to go; where they cannot be reached, the user is told how.
///
/// # Errors
/// When an endpoint of ours refuses it.
pub async fn leave(session: &Session, stack: &Stack) -> anyhow::Result<()> {
    let Some(instance) = stack.output("gatewayInstanceId") else { return Ok(()) };
    let Some(appliances) = super::simulated(session) else {
        output::remark(&format!(
            "a gateway that was activated on {instance} outlives its machine: `aws storagegateway list-gateways` shows it, `aws storagegateway delete-gateway --gateway-arn ARN` deletes it"
        ));
        return Ok(());
    };
    for gateway in appliances.overview().await?.gateways.iter().filter(|gateway| gateway.instance_id == instance) {
        let unsent: u64 = gateway.shares.iter().map(super::appliances::Share::unsent).sum();
        appliances.delete(&gateway.arn).await?;
        let words = if unsent == 0 { String::new() } else { format!("; {unsent} files were not sent any more") };
        output::line(&format!(
            "gateway {} is gone, and {} with it{words}",
            gateway.name,
            counted(gateway.shares.len(), "file share")
        ))?;
    }
    Ok(())
}
