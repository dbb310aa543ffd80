//! `vaultscope vault`: a folder copied onto a file share as one dataset, the manifest last.

use rand::SeedableRng;
use rand::distr::{Alphanumeric, SampleString};
use rand::rngs::StdRng;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::clock::real_now;
use crate::model::SetId;
use crate::vault::{Names, Vaulted, Vaulting, Watch, vault};

use super::args::VaultArgs;
use super::{Exit, output, transfer};

/// Characters of a dataset's id.
const ID_LEN: usize = 16;

/// Runs the command.
pub async fn run(args: VaultArgs, cancel: CancellationToken) -> anyhow::Result<Exit> {
    tokio::task::spawn_blocking(move || copy(&args, &cancel)).await?
}

fn copy(args: &VaultArgs, cancel: &CancellationToken) -> anyhow::Result<Exit> {
    let mut rng = StdRng::seed_from_u64(args.seed.unwrap_or_else(rand::random));
    let set_id = SetId::from(Alphanumeric.sample_string(&mut rng, ID_LEN));
    let names = Names::of(set_id.clone(), &args.job_suffix, &args.manifest_suffix);
    let began = real_now();
    let quiet = Watch { cancel, moved: &|_| {} };
    let vaulting = Vaulting::prepare(&args.source, &args.folder, names, &quiet)?;
    let bar = transfer::bar(vaulting.bytes());
    let vaulted = vault(vaulting, &Watch { cancel, moved: &|more| bar.inc(more) });
    bar.finish_and_clear();
    let (vaulted, took) = (vaulted?, began.elapsed());
    let Vaulted { root, manifest, directories, files, bytes, problems } = &vaulted;
    for it in problems {
        output::remark(&format!("not vaulted as it should be: {}: {}", it.path, it.problem));
    }
    if args.json {
        output::document(&json!({
            "version": 1,
            "kind": "vault",
            "setId": set_id,
            "root": root.to_string_lossy(),
            "manifest": manifest.as_ref().map(|path| path.to_string_lossy()),
            "directories": directories,
            "files": files,
            "bytes": bytes,
            "seconds": took.as_secs_f64(),
            "bytesPerSecond": transfer::rate(*bytes, took),
            "problems": problems,
            "interrupted": manifest.is_none(),
        }))?;
    } else if let Some(manifest) = manifest {
        output::line(&format!("{set_id} vaulted: {}", transfer::sentence(*files, *directories, *bytes, took)))?;
        output::line(&format!("manifest {}", manifest.display()))?;
    }
    if manifest.is_none() {
        output::complain(&format!(
            "interrupted: {} has no manifest and will never be reconciled: remove it and vault anew",
            root.display()
        ));
        return Ok(Exit::Interrupted);
    }
    if problems.is_empty() {
        return Ok(Exit::Done);
    }
    output::complain(&format!("{} of the source's entries could not be vaulted as they are", problems.len()));
    Ok(Exit::Negative)
}
