//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};

use super::gateway::GatewayArgs;
use super::inventory::InventoryArgs;
use super::log_data::LogDataArgs;
use super::look::LookArgs;
use super::s3tar::S3tarArgs;
use super::s3tar_task::S3tarTaskArgs;
use crate::clock::RATE_RANGE;
use crate::deploy::{DATA_VAULTING, EVENT_PROCESSING, S3TAR};
use crate::emulator::DEFAULT_PORT;
use crate::sim::Wish;
use crate::vault::{gigabytes, megabytes};

/// Deploys, simulates and watches upload pipelines of an AWS Storage Gateway, offline or on AWS.
#[derive(Debug, Parser)]
#[command(name = "vaultscope", version, about, after_help = "Without a command the dashboard opens.")]
pub struct Args {
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
    /// Write down what happens in the dashboard, for `vaultscope replay`
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// How the dashboard looks.
    #[command(flatten)]
    pub look: LookArgs,
    /// The command; none opens the dashboard.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What every command takes.
#[derive(Debug, Clone, clap::Args)]
pub struct Global {
    /// What to work on [default: the endpoint that --endpoint-url or AWS_ENDPOINT_URL names, else embedded]
    #[arg(long, global = true, value_name = "TARGET", env = "VAULTSCOPE_TARGET")]
    pub target: Option<TargetName>,
    /// The endpoint to work on, such as http://127.0.0.1:4566 [default: AWS_ENDPOINT_URL]
    #[arg(long, global = true, value_name = "URL", alias = "endpointUrl")]
    pub endpoint_url: Option<String>,
    /// Of --target aws: the profile of the shared configuration
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// The region [default: the one that AWS_REGION or the profile names; us-east-1 on endpoints]
    #[arg(long, global = true, value_name = "REGION")]
    pub region: Option<String>,
    /// Of --target aws: change things there; without it nothing is changed
    #[arg(long, global = true)]
    pub write: bool,
    /// How new log lines are learned of: by StartLiveTail where it works, or by asking again and again
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub live_tail: LiveTailArg,
    /// The stack's name, or that of its template, such as s3tar [default: EventProcessingStack]
    #[arg(long, global = true, value_name = "NAME")]
    pub stack: Option<String>,
    /// Of the embedded endpoint and `emulator`: keep the state in this folder, and go on with what it holds [default: in memory]
    #[arg(long, global = true, env = "VAULTSCOPE_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// The configuration file [default: vaultscope/config.toml in the user's configuration folder]
    #[arg(long, global = true, env = "VAULTSCOPE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Write a log of what vaultscope does to this file
    #[arg(long, global = true, env = "VAULTSCOPE_LOG", value_name = "FILE")]
    pub log: Option<PathBuf>,
}

/// What can be worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetName {
    /// The endpoint in our own process
    Embedded,
    /// An endpoint such as LocalStack, at port 4566 unless --endpoint-url names another
    Localstack,
    /// AWS itself, read-only unless --write is given
    Aws,
}

/// When StartLiveTail is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LiveTailArg {
    /// On endpoints that have it; on AWS, where it is billed by the minute, never
    #[default]
    Auto,
    /// Wherever it works
    On,
    /// Never
    Off,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Deploy, vault a dataset, wait for its reconciliation and verify it; with --stack s3tar archive a day of logs instead
    Run(RunArgs),
    /// Deploy the stack, or change it to what it should be
    Deploy(DeployArgs),
    /// List the stacks that can be deployed, and what is there of them
    Stacks(StacksArgs),
    /// Print or validate a stack's template
    Template(TemplateArgs),
    /// Vault a simulated dataset into a deployed stack, or play a scenario
    Sim(SimArgs),
    /// Fill a folder with random files, as the workshop's generate-test-data.sh does
    Generate(GenerateArgs),
    /// Copy a folder onto a file share as a dataset with its manifest, as the workshop's vault-data-example.sh does
    Vault(VaultArgs),
    /// Make an archive of objects on S3 without downloading them, list it or extract it; flags as those of s3tar
    S3tar(S3tarArgs),
    /// Archive the objects of yesterday's S3 Inventory: what the container of the stack s3tar runs
    S3tarTask(S3tarTaskArgs),
    /// Write an S3 Inventory of a bucket, shaped as AWS delivers it
    Inventory(InventoryArgs),
    /// Put a hundred log files a day into a bucket, as the original's generate_test_data_in_S3.py does
    LogData(LogDataArgs),
    /// Print what happens on a deployed stack
    Watch(WatchArgs),
    /// Print what a screen of the dashboard shows of a deployed stack, and end
    Show(ShowArgs),
    /// Say which steps of the workshop are done on the target, and which one is next
    Guide(GuideArgs),
    /// Show a recorded session in the dashboard again, or make a picture of it
    Replay(ReplayArgs),
    /// Activate a File Gateway, make its file share, and say how both are
    Gateway(GatewayArgs),
    /// Delete the stack and what its buckets hold
    Destroy(DestroyArgs),
    /// Delete the gateway, then the data vaulting stack, then the event processing stack, with all that they hold
    Cleanup(CleanupArgs),
    /// Say what the target is, what answers there and what is missing
    Doctor(DoctorArgs),
    /// Run the embedded endpoint alone
    Emulator(EmulatorArgs),
    /// Print the completions of a shell
    Completions(CompletionsArgs),
    /// Print the manual page, or write those of all commands into a folder
    Man(ManArgs),
    /// Serve a Lambda function: started by the embedded endpoint
    #[command(hide = true)]
    ServeFunction,
}

/// The stack's parameters.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct StackArgs {
    /// Comparisons of manifest and table before the reconciliation gives up [default of a new stack: 960]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1561))]
    pub iterations: Option<u32>,
    /// Seconds between two comparisons [default of a new stack: 30]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub wait: Option<u32>,
    /// How the name of a dataset's root directory ends [default of a new stack: -vaultjob]
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub job_suffix: Option<String>,
    /// How the name of a manifest ends [default of a new stack: .manifest]
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub manifest_suffix: Option<String>,
    /// Days for which log events are kept [default of a new stack: 7]
    #[arg(long, value_name = "DAYS")]
    pub log_retention: Option<u32>,
    /// Any parameter of the template
    #[arg(long = "parameter", value_name = "KEY=VALUE", value_parser = key_and_value)]
    pub parameters: Vec<(String, String)>,
    /// Take parameters from the original's cdk.context.json
    #[arg(long, value_name = "FILE")]
    pub context: Option<PathBuf>,
    /// Of the stack s3tar: take parameters from the original's s3tar-app-config.json
    #[arg(long, value_name = "FILE")]
    pub app_config: Option<PathBuf>,
    /// The functions' executable, built for Amazon Linux 2023, for targets that do not run on this machine
    #[arg(long, value_name = "FILE")]
    pub bootstrap: Option<PathBuf>,
    /// What that executable was built for [default: what it says itself]
    #[arg(long, value_name = "ARCHITECTURE", value_parser = ["x86_64", "arm64"], requires = "bootstrap")]
    pub architecture: Option<String>,
    /// A bucket that is there already, for the functions' artefact [default: that of stack VaultscopeBootstrap]
    #[arg(long, value_name = "NAME")]
    pub artefact_bucket: Option<String>,
}

impl StackArgs {
    /// The parameters that have a flag of their own and were chosen with it.
    #[must_use]
    pub fn flags(&self) -> Vec<(String, String)> {
        let number = |number: Option<u32>| number.map(|number| number.to_string());
        let all = [
            ("jobDirSuffixName", self.job_suffix.clone()),
            ("manifestSuffixName", self.manifest_suffix.clone()),
            ("reconcileCountIterations", number(self.iterations)),
            ("reconcileWaitIterations", number(self.wait)),
            ("logRetentionDays", number(self.log_retention)),
            ("functionArchitecture", self.architecture.clone()),
        ];
        all.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
    }
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write it as KEY=VALUE".to_owned()),
    }
}

/// The dataset to vault.
#[derive(Debug, Clone, clap::Args)]
pub struct DatasetArgs {
    /// Files of the dataset, besides its manifest
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub files: u32,
    /// Directories below the dataset's root
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub dirs: u32,
    /// What names, sizes and order are drawn from
    #[arg(long, value_name = "S", default_value_t = 7)]
    pub seed: u64,
    /// Files that stand in the manifest and never arrive
    #[arg(long, value_name = "K", default_value_t = 0)]
    pub missing: u32,
    /// Names with quotes, backslashes, spaces, non-ASCII letters and 900 bytes
    #[arg(long)]
    pub hostile_names: bool,
    /// Settling time of the share in simulated seconds [default: 60 on the embedded endpoint and `vaultscope emulator`, 5 elsewhere]
    #[arg(long, value_name = "SECONDS")]
    pub settle: Option<f64>,
    /// Which way notifications take into the pipeline
    #[arg(long, value_name = "WAY", value_enum, default_value_t = RouteArg::Auto)]
    pub route: RouteArg,
}

/// Which way notifications take into the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum RouteArg {
    /// Whichever is nearest to what a gateway does, and is allowed
    Auto,
    /// The event bus, with the gateway's own source aws.storagegateway
    Aws,
    /// The event bus, with the simulator's source vaultscope.storagegateway
    Own,
    /// Straight to the stack's queue
    Queue,
}

impl From<RouteArg> for Wish {
    fn from(route: RouteArg) -> Self {
        match route {
            RouteArg::Auto => Self::Auto,
            RouteArg::Aws => Self::Aws,
            RouteArg::Own => Self::Own,
            RouteArg::Queue => Self::Queue,
        }
    }
}

/// Arguments of `run`.
#[derive(Debug, Clone, clap::Args)]
pub struct RunArgs {
    /// The dataset.
    #[command(flatten)]
    pub dataset: DatasetArgs,
    /// Of --stack s3tar: days of log files that are put into the source, the last one today [default: 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3_650))]
    pub days: Option<u32>,
    /// The stack.
    #[command(flatten)]
    pub stack: StackArgs,
    /// Simulated seconds per real second [default on the embedded endpoint: 60]
    #[arg(long, value_name = "X")]
    pub time_scale: Option<f64>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Which stack a command is about.
const DEPLOYABLE: [&str; 3] = [EVENT_PROCESSING.id, DATA_VAULTING.id, S3TAR.id];

/// Arguments of `deploy`.
#[derive(Debug, Clone, clap::Args)]
pub struct DeployArgs {
    /// Which stack
    #[arg(value_name = "TEMPLATE", default_value = EVENT_PROCESSING.id, value_parser = DEPLOYABLE)]
    pub template: String,
    /// The stack.
    #[command(flatten)]
    pub stack: StackArgs,
    /// Print what would change, and change nothing
    #[arg(long)]
    pub preview: bool,
    /// Do not ask, not even where a bucket or a table with its data would go
    #[arg(long, conflicts_with = "preview")]
    pub yes: bool,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `sim`.
#[derive(Debug, Clone, clap::Args)]
pub struct SimArgs {
    /// Play a scenario, by its name or from a file, and hold what comes of it against what it expects
    #[arg(long, value_name = "NAME|FILE", conflicts_with_all = ["files", "dirs", "seed", "missing", "hostile_names", "settle", "route"])]
    pub scenario: Option<String>,
    /// List the scenarios that come with vaultscope
    #[arg(long, conflicts_with_all = ["scenario", "files", "dirs", "seed", "missing", "hostile_names", "settle", "route", "time_scale"])]
    pub list: bool,
    /// The dataset.
    #[command(flatten)]
    pub dataset: DatasetArgs,
    /// Simulated seconds per real second
    #[arg(long, value_name = "X")]
    pub time_scale: Option<f64>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `generate`.
#[derive(Debug, Clone, clap::Args)]
pub struct GenerateArgs {
    /// GB of all files together, such as 100 or 0.5 (1 GB is 1,024 MB)
    #[arg(short, long, value_name = "SIZE", value_parser = gigabytes)]
    pub size: u64,
    /// Files that are written at a time
    #[arg(short, long, value_name = "BATCH", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub batch: u16,
    /// The folder to fill; it is made where it is not there
    #[arg(short = 't', long = "to", value_name = "DIR")]
    pub folder: PathBuf,
    /// MB of the smallest file [default: 10, or less where --upper is less]
    #[arg(short, long, value_name = "LOW", value_parser = megabytes)]
    pub lower: Option<u64>,
    /// MB of the largest file [default: 1000, or more where --lower is more]
    #[arg(short, long, value_name = "HIGH", value_parser = megabytes)]
    pub upper: Option<u64>,
    /// What names, sizes and bytes are drawn from [default: a random one, which is told]
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `vault`.
#[derive(Debug, Clone, clap::Args)]
pub struct VaultArgs {
    /// The folder to copy
    #[arg(short = 's', long = "from", value_name = "DIR")]
    pub source: PathBuf,
    /// The share, or any other folder, to copy it to
    #[arg(short = 't', long = "to", value_name = "DIR")]
    pub folder: PathBuf,
    /// What the dataset's id is drawn from [default: a random one]
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    /// How the name of the dataset's root directory ends
    #[arg(long, value_name = "TEXT", default_value = "-vaultjob", allow_hyphen_values = true, value_parser = name_end)]
    pub job_suffix: String,
    /// How the name of the manifest ends
    #[arg(long, value_name = "TEXT", default_value = ".manifest", allow_hyphen_values = true, value_parser = name_end)]
    pub manifest_suffix: String,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

fn name_end(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > 64 || text.contains(|c: char| c == '/' || c.is_control()) {
        return Err("give 1 to 64 bytes without slashes and control characters".to_owned());
    }
    Ok(text.to_owned())
}

/// Arguments of `watch`.
#[derive(Debug, Clone, clap::Args)]
pub struct WatchArgs {
    /// Print each event as a line of JSON
    #[arg(long)]
    pub json: bool,
    /// End when a dataset's reconciliation has ended: with 0 when it was successful
    #[arg(long)]
    pub until_reconciled: bool,
    /// Of --until-reconciled: the dataset
    #[arg(long, value_name = "ID", requires = "until_reconciled")]
    pub set_id: Option<String>,
}

/// A screen whose content `show` prints; the others have commands of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Screen {
    /// Counts at every hop, latencies, and each dataset with its outcome; `stacks` prints the stacks
    Flow,
    /// The lines of all log groups by time
    Logs,
    /// Items of each dataset, and what is missing or unexpected, by name
    Table,
    /// Executions with their history
    Executions,
    /// What lies in the stack's buckets, one level; `gateway status` prints the gateway, `guide` the guide
    Objects,
    /// The calls that reading all of it takes, and what they cost
    Activity,
}

/// Arguments of `show`.
#[derive(Debug, Clone, clap::Args)]
pub struct ShowArgs {
    /// The screen
    #[arg(value_name = "SCREEN")]
    pub screen: Screen,
    /// Of objects: the folder
    #[arg(value_name = "PREFIX")]
    pub prefix: Option<String>,
    /// Of table: the dataset
    #[arg(long, value_name = "ID")]
    pub set_id: Option<String>,
    /// Of logs: the newest lines that are printed
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub last: usize,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `guide`.
#[derive(Debug, Clone, clap::Args)]
pub struct GuideArgs {
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `completions`.
#[derive(Debug, Clone, clap::Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

/// Arguments of `man`.
#[derive(Debug, Clone, clap::Args)]
pub struct ManArgs {
    /// The folder to write all pages into; it is made where it is not there
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
}

/// Arguments of `replay`.
#[derive(Debug, Clone, clap::Args)]
pub struct ReplayArgs {
    /// What `vaultscope --record FILE` wrote
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Seconds of the recording per second
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = speed)]
    pub speed: f64,
    /// Show nothing and write a picture of the screen (.svg, .txt) or an asciicast (.cast)
    #[arg(long, value_name = "FILE")]
    pub export: Option<PathBuf>,
    /// Of --export: how far into the recording [default: to its end]
    #[arg(long, value_name = "SECONDS", requires = "export", value_parser = moment)]
    pub at: Option<Duration>,
    /// Of --export: columns and rows, such as 120x40 [default: those of the recording]
    #[arg(long, value_name = "SIZE", requires = "export", value_parser = columns_and_rows)]
    pub size: Option<(u16, u16)>,
    /// How it looks; a picture is dark unless --theme names other colours.
    #[command(flatten)]
    pub look: LookArgs,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(speed) if RATE_RANGE.contains(&speed) => Ok(speed),
        _ => Err(format!("give a number from {} to {}", RATE_RANGE.start(), RATE_RANGE.end())),
    }
}

fn moment(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map_err(|_| "give a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

fn columns_and_rows(text: &str) -> Result<(u16, u16), String> {
    let size = text.split_once('x').and_then(|(columns, rows)| Some((columns.parse().ok()?, rows.parse().ok()?)));
    size.filter(|(columns, rows)| (1..=1_000).contains(columns) && (1..=1_000).contains(rows))
        .ok_or_else(|| "write it as COLUMNSxROWS, such as 120x40, 1,000 each at the most".to_owned())
}

/// Arguments of `destroy`.
#[derive(Debug, Clone, clap::Args)]
pub struct DestroyArgs {
    /// Which stack
    #[arg(value_name = "TEMPLATE", default_value = EVENT_PROCESSING.id, value_parser = DEPLOYABLE)]
    pub template: String,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Delete the stack that holds the functions' artefacts, unless another stack uses it
    #[arg(long)]
    pub bootstrap: bool,
    /// Delete a stack that vaultscope did not make: its name once more
    #[arg(long, value_name = "NAME", conflicts_with = "bootstrap")]
    pub foreign: Option<String>,
}

/// Arguments of `cleanup`.
#[derive(Debug, Clone, clap::Args)]
pub struct CleanupArgs {
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// Arguments of `stacks`.
#[derive(Debug, Clone, clap::Args)]
pub struct StacksArgs {
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `template`.
#[derive(Debug, Clone, clap::Args)]
pub struct TemplateArgs {
    /// Which: event-processing, bootstrap, data-vaulting or s3tar
    #[arg(value_name = "NAME", default_value = EVENT_PROCESSING.id)]
    pub name: String,
    /// Hold it against CloudFormation's limits and ask the target what it thinks of it, instead of printing it
    #[arg(long)]
    pub validate: bool,
}

/// Arguments of `doctor`.
#[derive(Debug, Clone, clap::Args)]
pub struct DoctorArgs {
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `emulator`.
#[derive(Debug, Clone, clap::Args)]
pub struct EmulatorArgs {
    /// The port to listen on; 0 takes a free one
    #[arg(long, default_value_t = DEFAULT_PORT)]
    pub port: u16,
    /// Simulated seconds per real second
    #[arg(long, value_name = "X")]
    pub time_scale: Option<f64>,
    /// Print the operations that the endpoint has, as docs/emulator.md, and end
    #[arg(long)]
    pub operations: bool,
}
