//! `vaultscope gateway mount`: where the share is, for whoever copies into it.

use serde_json::json;

use super::appliances::{Appliances, Share};
use super::args::MountArgs;
use crate::cli::{Exit, Usage, output};

/// Runs the command.
pub async fn run(appliances: &Appliances, args: &MountArgs) -> anyhow::Result<Exit> {
    let overview = appliances.overview().await?;
    let Some(share) = overview.share(args.share.as_deref())? else {
        return Err(Usage("there is no file share: `vaultscope gateway share` makes one".to_owned()).into());
    };
    if share.state != "AVAILABLE" {
        anyhow::bail!(
            "file share {} is {}, not available: look again with `vaultscope gateway status`",
            share.name,
            share.state
        );
    }
    if args.json {
        output::document(&json!({
            "version": 1, "kind": "mount", "share": share.arn, "folder": share.folder, "nfsMount": share.nfs_mount,
        }))?;
        return Ok(Exit::Done);
    }
    tell(&share)?;
    Ok(Exit::Done)
}

/// Prints both ways into a share.
///
/// # Errors
/// When standard output is closed.
pub fn tell(share: &Share) -> std::io::Result<()> {
    output::line(&format!("  folder  {}", share.folder.display()))?;
    if let Some(line) = &share.nfs_mount {
        output::line(&format!("  NFS     sudo {line}"))?;
    }
    Ok(())
}
