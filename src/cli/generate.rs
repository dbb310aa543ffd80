//! `vaultscope generate`: a folder filled with random files, which `vaultscope vault` can vault.

use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::clock::real_now;
use crate::vault::{DEFAULT_HIGH, DEFAULT_LOW, Plan, Sizes, VaultError, Watch, generate};

use super::args::GenerateArgs;
use super::{Exit, Usage, output, transfer};

/// Runs the command.
pub async fn run(args: GenerateArgs, cancel: CancellationToken) -> anyhow::Result<Exit> {
    tokio::task::spawn_blocking(move || make(&args, &cancel)).await?
}

fn make(args: &GenerateArgs, cancel: &CancellationToken) -> anyhow::Result<Exit> {
    let seed = args.seed.unwrap_or_else(rand::random);
    let plan = Plan::of(sizes(args), seed).map_err(|error| match error {
        VaultError::Limits { .. } | VaultError::TooMany { .. } => Usage(error.to_string()).into(),
        other => anyhow::Error::from(other),
    })?;
    let bar = transfer::bar(plan.bytes());
    let began = real_now();
    let made = generate(&plan, &args.folder, args.batch.into(), &Watch { cancel, moved: &|more| bar.inc(more) });
    bar.finish_and_clear();
    let (made, took) = (made?, began.elapsed());
    if args.json {
        output::document(&json!({
            "version": 1,
            "kind": "generate",
            "folder": args.folder.to_string_lossy(),
            "seed": seed,
            "directories": made.directories,
            "files": made.files,
            "bytes": made.bytes,
            "seconds": took.as_secs_f64(),
            "bytesPerSecond": transfer::rate(made.bytes, took),
            "interrupted": made.is_interrupted,
        }))?;
    } else if !made.is_interrupted {
        let told = transfer::sentence(made.files, made.directories, made.bytes, took);
        output::line(&format!("made {told}; seed {seed}"))?;
    }
    if made.is_interrupted {
        output::complain(&format!(
            "interrupted: {} whole files are in {}: remove them, or vault them as they are",
            made.files,
            args.folder.display()
        ));
        return Ok(Exit::Interrupted);
    }
    Ok(Exit::Done)
}

/// The limits that were given, and for one that was not the usual one, unless the given one lies beyond it.
fn sizes(args: &GenerateArgs) -> Sizes {
    let low = args.lower.unwrap_or(DEFAULT_LOW.min(args.upper.unwrap_or(u64::MAX)));
    Sizes { total: args.size, low, high: args.upper.unwrap_or(DEFAULT_HIGH.max(low)) }
}
