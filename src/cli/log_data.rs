//! `vaultscope log-data`: log files of the last days in a bucket, for the daily archive to have something to take.

use serde_json::json;

use super::session::needs_endpoint;
use super::settings::Settings;
use super::{Exit, output, s3tar_task};
use crate::aws::Clients;
use crate::s3tar::{LOGS_A_DAY, Port, write_log_data};

const ATTEMPTS: u32 = 4;

/// Arguments of `log-data`.
#[derive(Debug, Clone, clap::Args)]
pub struct LogDataArgs {
    /// Days, the last one today; each has 100 files under logs/YYYY/MM/DD/
    #[arg(short = 'n', long, value_name = "DAYS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=3_650))]
    pub days: u32,
    /// The bucket to put them into
    #[arg(short, long, value_name = "BUCKET")]
    pub bucket: String,
    /// Taken for the original's sake; it changes nothing there either
    #[arg(short, hide = true)]
    pub f: bool,
    /// What levels and messages are drawn from
    #[arg(long, value_name = "S", default_value_t = 7)]
    pub seed: u64,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub async fn run(settings: &Settings, args: &LogDataArgs) -> anyhow::Result<Exit> {
    needs_endpoint(settings, "log-data")?;
    settings.needs_write("putting log files")?;
    let clients = Clients::connect(settings.target.clone(), settings.access, "").await;
    let now = s3tar_task::now(&settings.target).await;
    let files = write_log_data(&Port::of(&clients, ATTEMPTS), &args.bucket, args.days, now, args.seed).await?;
    if args.json {
        let bucket = &args.bucket;
        output::document(
            &json!({ "version": 1, "kind": "log-data", "bucket": bucket, "days": args.days, "files": files }),
        )?;
    } else {
        output::line(&format!("{files} log files in s3://{}/logs/, {LOGS_A_DAY} a day", args.bucket))?;
    }
    Ok(Exit::Done)
}
