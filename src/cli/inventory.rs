//! `vaultscope inventory`: the inventory of a bucket, for endpoints on which S3 delivers none.

use serde_json::json;

use super::session::needs_endpoint;
use super::settings::Settings;
use super::{Exit, Usage, output, s3tar_task};
use crate::aws::Clients;
use crate::model::words::counted;
use crate::s3tar::{Location, Port, publish};
use crate::vault::human;

const ATTEMPTS: u32 = 4;

/// Arguments of `inventory`.
#[derive(Debug, Clone, clap::Args)]
pub struct InventoryArgs {
    /// The bucket to list
    #[arg(short, long, value_name = "BUCKET")]
    pub bucket: String,
    /// Where the inventory is delivered to: s3://bucket/prefix
    #[arg(long, value_name = "PLACE")]
    pub to: String,
    /// The id of the inventory's configuration
    #[arg(long, value_name = "ID", default_value = "s3tarinventory")]
    pub id: String,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub async fn run(settings: &Settings, args: &InventoryArgs) -> anyhow::Result<Exit> {
    needs_endpoint(settings, "inventory")?;
    settings.needs_write("writing an inventory")?;
    let to = Location::parse(&args.to, "prefix").map_err(|error| Usage(format!("--to: {error}")))?;
    let clients = Clients::connect(settings.target.clone(), settings.access, "").await;
    let now = s3tar_task::now(&settings.target).await;
    let made = publish(&Port::of(&clients, ATTEMPTS), &args.bucket, &to, &args.id, now).await?;
    if args.json {
        output::document(&json!({
            "version": 1,
            "kind": "inventory",
            "manifest": made.manifest.to_string(),
            "objects": made.objects,
            "bytes": made.bytes,
            "files": made.files,
        }))?;
    } else {
        output::line(&format!("{}: {}, {}", made.manifest, counted(made.objects, "object"), human(made.bytes)))?;
    }
    Ok(Exit::Done)
}
