//! `vaultscope s3tar-task`: what the container of the stack s3tar runs once a day.
//!
//! It ends with 2 where the same may succeed a little later, which is what the state machine's error handler looks at.

use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio_util::sync::CancellationToken;

use super::session::needs_endpoint;
use super::settings::Settings;
use super::{Exit, Usage, control, output, s3tar};
use crate::aws::{Clients, Target};
use crate::clock::{real_now, real_timestamp};
use crate::model::Timestamp;
use crate::s3tar::{Format, Location, Objects, Port, S3TarError, Storing, TaskSettings, Wish, archive_day};

const ATTEMPTS: u32 = 10;
const SIZE_LIMIT: u64 = 5 << 40;
const CONCURRENCY: usize = 64;

/// Arguments of `s3tar-task`; the rest is in the environment.
#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "Environment:\n  SOURCE_BUCKET_NAME             the bucket whose inventory it is\n  DEST_BUCKET_NAME               the bucket that the inventory is delivered to\n  DEST_BUCKET_INVENTORY_PREFIX   bucket/prefix/source-bucket/inventory-id/\n  DEST_BUCKET_S3TAR_PREFIX       bucket/prefix of the archives\n  DEST_BUCKET_REGION             the region of both\n\nExit codes: 0 done, 1 failed, 2 failed and may succeed when it is tried again, 130 interrupted."
)]
pub struct S3tarTaskArgs {
    /// The day of the archive; its inventory is of the day before [default: today]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub date: Option<Timestamp>,
    /// Archive every object of the inventory, not only those that are new since the one before
    #[arg(long, env = "S3TAR_ALL_OBJECTS")]
    pub all: bool,
    /// The archive's storage class, such as DEEP_ARCHIVE
    #[arg(long, value_name = "CLASS", env = "S3TAR_STORAGE_CLASS")]
    pub storage_class: Option<String>,
    /// Bytes of one archive at the most
    #[arg(long, value_name = "BYTES", default_value_t = SIZE_LIMIT, env = "S3TAR_SIZE_LIMIT")]
    pub size_limit: u64,
    /// How often a call is tried
    #[arg(long, value_name = "N", default_value_t = ATTEMPTS, env = "S3TAR_MAX_ATTEMPTS")]
    pub max_attempts: u32,
}

fn day(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z")).ok_or_else(|| "write it as 2026-11-21".to_owned())
}

/// Runs the command.
pub async fn run(settings: &Settings, args: &S3tarTaskArgs, cancel: CancellationToken) -> anyhow::Result<Exit> {
    match archive(settings, args, &cancel).await {
        Err(error) => {
            let known: Option<&S3TarError> = error.downcast_ref();
            let exit = match known {
                Some(error) if error.is_interruption() => Exit::Interrupted,
                Some(error) if error.is_retryable() => Exit::Retryable,
                _ => Exit::Negative,
            };
            output::complain(&format!("{error:#}"));
            if exit == Exit::Retryable {
                output::remark("the same may succeed a little later: exit code 2");
            }
            Ok(exit)
        }
        ended => ended,
    }
}

async fn archive(settings: &Settings, args: &S3tarTaskArgs, cancel: &CancellationToken) -> anyhow::Result<Exit> {
    needs_endpoint(settings, "s3tar-task")?;
    settings.needs_write("archiving")?;
    let place = |name: &str| -> anyhow::Result<Location> {
        let text = variable(name)?;
        let text = text.strip_prefix("s3://").unwrap_or(&text);
        Location::without_scheme(text).ok_or_else(|| anyhow!("{name} is {text:?}: write it as bucket/prefix/"))
    };
    let (source_bucket, dest_bucket) = (variable("SOURCE_BUCKET_NAME")?, variable("DEST_BUCKET_NAME")?);
    let (inventories, archives) = (place("DEST_BUCKET_INVENTORY_PREFIX")?, place("DEST_BUCKET_S3TAR_PREFIX")?);
    variable("DEST_BUCKET_REGION")?;
    let now = match args.date {
        Some(date) => date,
        None => now(&settings.target).await,
    };
    let task = TaskSettings {
        source_bucket,
        dest_bucket,
        inventories,
        archives: archives.clone(),
        now,
        objects: if args.all { Objects::All } else { Objects::New },
        wish: Wish {
            destination: archives,
            format: Format::Pax,
            storing: Storing { class: args.storage_class.clone(), ..Storing::default() },
            size_limit: args.size_limit,
            concurrency: CONCURRENCY,
            in_memory: false,
            part_size: None,
            posix: false,
            fallback_time: 0,
        },
    };
    let clients = Clients::connect(settings.target.clone(), settings.access, "").await;
    let port = Port::of(&clients, args.max_attempts);
    let began = real_now();
    let said = |words: &str| {
        // A log that cannot be written must not fail the work that it tells of.
        let _ = output::line(words);
    };
    let archived = archive_day(&port, &task, cancel, &said).await?;
    match &archived.creation {
        Some(made) => s3tar::tell(&clients, false, made, began.elapsed())?,
        None => output::line("nothing is new since the inventory before: there is no archive of this day")?,
    }
    Ok(Exit::Done)
}

fn variable(name: &str) -> anyhow::Result<String> {
    let value = std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    value.context(Usage(format!("the environment variable {name} is not set: see `vaultscope s3tar-task --help`")))
}

/// The time of the endpoint, where it has a clock of its own: its objects and inventories follow that.
pub async fn now(target: &Target) -> Timestamp {
    const LIMIT: Duration = Duration::from_secs(3);
    if let Target::Endpoint { url, .. } = target
        && let Ok(Some(clock)) = tokio::time::timeout(LIMIT, control::clock_of(url)).await
    {
        return clock.now();
    }
    real_timestamp()
}
