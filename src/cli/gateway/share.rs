//! `vaultscope gateway share`: an NFS file share over the bucket, as the workshop's console makes it.

use serde_json::json;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::appliances::{Appliances, Overview, Share};
use super::args::ShareArgs;
use super::mount;
use crate::cli::session::Session;
use crate::cli::settings::Settings;
use crate::cli::{Exit, Usage, output};
use crate::deploy::{DATA_VAULTING, describe};

/// Runs the command.
pub async fn run(
    session: &Session,
    settings: &Settings,
    appliances: &Appliances,
    args: &ShareArgs,
    cancel: &CancellationToken,
) -> anyhow::Result<Exit> {
    let overview = appliances.overview().await?;
    let Some(gateway) = overview.gateway(args.gateway.as_deref())? else {
        return Err(Usage("there is no gateway: `vaultscope gateway activate` activates one".to_owned()).into());
    };
    let bucket = of_stack(session, args.bucket.clone(), &settings.stack, "fileUploadBucketName", "--bucket").await?;
    let role = of_stack(session, args.role.clone(), DATA_VAULTING.stack, "fileShareRoleArn", "--role").await?;
    let location = if args.prefix.is_empty() {
        format!("arn:aws:s3:::{bucket}")
    } else {
        format!("arn:aws:s3:::{bucket}/{}", args.prefix)
    };
    let policy = match args.settle {
        0 => "{}".to_owned(),
        seconds => json!({ "Upload": { "SettlingTimeInSeconds": seconds } }).to_string(),
    };
    let mut input = json!({
        "ClientToken": token(&gateway.arn, &args.name), "GatewayARN": gateway.arn, "Role": role,
        "LocationARN": location, "ClientList": args.client, "FileShareName": args.name, "NotificationPolicy": policy,
    });
    if let Some(folder) = &args.folder {
        let folder = std::path::absolute(folder)?;
        let Some(folder) = folder.to_str() else {
            return Err(Usage(format!("the name of {} is not UTF-8", folder.display())).into());
        };
        input["Tags"] = json!([{ "Key": "vaultscope:folder", "Value": folder }]);
    }
    let answer = appliances.call("CreateNFSFileShare", input).await?;
    let arn = answer["FileShareARN"].as_str().unwrap_or_default().to_owned();
    if !args.json {
        output::remark(&format!("creating {arn}"));
    }
    let share = appliances.wait("the file share becomes available", cancel, |all| available(all, &arn)).await?;
    if args.json {
        output::document(&json!({ "version": 1, "kind": "fileShare", "share": share }))?;
        return Ok(Exit::Done);
    }
    output::line(&format!("file share {} is available over bucket {}", share.name, share.bucket))?;
    mount::tell(&share)?;
    Ok(Exit::Done)
}

/// The same for the same share, so that the command can be given again.
fn token(gateway: &str, name: &str) -> String {
    hex::encode(Sha256::digest(format!("{gateway}\n{name}")))
}

/// The share, once it is available.
fn available(overview: &Overview, arn: &str) -> anyhow::Result<Option<Share>> {
    let Some(share) = overview.share(Some(arn))? else { return Ok(None) };
    if let Some(problem) = &share.problem {
        anyhow::bail!("file share {} is {}: {problem}", share.name, share.state);
    }
    Ok((share.state == "AVAILABLE").then_some(share))
}

/// What was given, else an output of a stack.
async fn of_stack(
    session: &Session,
    given: Option<String>,
    stack: &str,
    output: &str,
    flag: &str,
) -> anyhow::Result<String> {
    if let Some(given) = given {
        return Ok(given);
    }
    let found = describe(&session.clients, stack).await?;
    let value = found.as_ref().and_then(|stack| stack.output(output)).map(str::to_owned);
    value.ok_or_else(|| {
        let state = if found.is_some() { "has no such output" } else { "is not there" };
        Usage(format!("{flag} follows from output {output} of stack {stack}, which {state}: give {flag}")).into()
    })
}
