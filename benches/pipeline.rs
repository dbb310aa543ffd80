//! The pipeline end to end: upload notifications a second, from the first `PutEvents` until every item is in the table.
//!
//! `vaultscope emulator` runs as a process of its own with the stack deployed on it; this process is the gateway and the
//! reader, on the same machine. Each round vaults a dataset of its own of N files. Printed: rate by round, CPU of the
//! endpoint and its functions a notification, and their memory.
//!
//! Arguments: `--files N` (default 2,000), `--rounds N` (default 5), `--least RATE` exits with 1 below that median rate.

#![expect(clippy::print_stdout, clippy::cast_precision_loss, reason = "a benchmark prints rounded figures")]

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_sdk_dynamodb::types::{AttributeValue, Select};
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use serde_json::{Value, json};
use vaultscope::clock::real_now;

const VAULTSCOPE: &str = env!("CARGO_BIN_EXE_vaultscope");
/// Entries of one `PutEvents` call.
const BATCH: usize = 10;
/// `PutEvents` calls at a time.
const SENDERS: usize = 4;
/// A round that takes longer has lost something.
const LONGEST_ROUND: Duration = Duration::from_secs(120);
/// Kernel ticks a second that `/proc/PID/stat` counts in.
const TICKS_PER_SEC: f64 = 100.0;

struct Options {
    files: usize,
    rounds: usize,
    least: Option<f64>,
}

/// Ends the endpoint however the benchmark ends.
struct Endpoint {
    process: Child,
    url: String,
}

impl Endpoint {
    fn start() -> Result<Self> {
        let mut process = Command::new(VAULTSCOPE)
            .args(["emulator", "--port", "0"])
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the endpoint")?;
        let output = process.stdout.take().context("the endpoint has no output")?;
        for line in BufReader::new(output).lines() {
            if let Some(at) = line?.split_whitespace().find(|word| word.starts_with("http://")) {
                return Ok(Self { process, url: at.trim_end_matches(['.', ',']).to_owned() });
            }
        }
        bail!("the endpoint ended before it listened")
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        // It is gone already where this fails.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}

fn main() -> Result<()> {
    let options = options()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure(&options))
}

fn options() -> Result<Options> {
    let mut options = Options { files: 2_000, rounds: 5, least: None };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{name} needs a value"));
        match name.as_str() {
            "--files" => options.files = value()?.parse()?,
            "--rounds" => options.rounds = value()?.parse()?,
            "--least" => options.least = Some(value()?.parse()?),
            "--bench" => {}
            other => bail!("there is no argument {other}"),
        }
    }
    ensure!(options.files > 0 && options.rounds > 0, "files and rounds must be more than 0");
    Ok(options)
}

async fn measure(options: &Options) -> Result<()> {
    let endpoint = Endpoint::start()?;
    let began = real_now();
    let deployed = Command::new(VAULTSCOPE)
        .args(["deploy", "--endpoint-url", &endpoint.url, "--json"])
        .output()
        .context("cannot deploy")?;
    ensure!(deployed.status.success(), "deploy failed: {}", String::from_utf8_lossy(&deployed.stderr));
    println!("deployed in {:.2} s, process and check included", began.elapsed().as_secs_f64());
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(Credentials::for_tests()))
        .endpoint_url(&endpoint.url)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    let (table, bucket) = names(&config).await?;
    let mut rates = Vec::new();
    for round in 0..options.rounds {
        let before = usage(endpoint.process.id());
        let seconds = vault(&config, &table, &bucket, round, options.files).await?;
        let after = usage(endpoint.process.id());
        let rate = options.files as f64 / seconds;
        rates.push(rate);
        println!(
            "round {}: {:>6.0} notifications/s ({} in {seconds:.3} s), {:.3} ms CPU each, {} processes, {:.0} MB resident, {:.0} MB proportional",
            round + 1,
            rate,
            options.files,
            (after.cpu_secs - before.cpu_secs) * 1_000.0 / options.files as f64,
            after.processes,
            after.resident_mb,
            after.proportional_mb,
        );
    }
    rates.sort_by(f64::total_cmp);
    let median = rates[rates.len() / 2];
    println!("median: {median:.0} notifications/s");
    if let Some(least) = options.least {
        ensure!(median >= least, "the median of {median:.0} notifications/s is below {least:.0}");
    }
    Ok(())
}

/// The table and the bucket of the stack.
async fn names(config: &SdkConfig) -> Result<(String, String)> {
    let stacks = aws_sdk_cloudformation::Client::new(config).describe_stacks().send().await?;
    let outputs: HashMap<&str, &str> = stacks
        .stacks()
        .iter()
        .flat_map(aws_sdk_cloudformation::types::Stack::outputs)
        .filter_map(|output| Some((output.output_key()?, output.output_value()?)))
        .collect();
    let named = |key| outputs.get(key).map(|name| (*name).to_owned()).with_context(|| format!("no output {key}"));
    Ok((named("fileUploadEventTableName")?, named("fileUploadBucketName")?))
}

/// Announces a dataset and waits until the table has an item for each file; answers the seconds.
async fn vault(config: &SdkConfig, table: &str, bucket: &str, round: usize, files: usize) -> Result<f64> {
    let set_id = format!("bench{round:011}");
    let entries: Vec<PutEventsRequestEntry> = (0..files)
        .map(|file| {
            let detail: Value = json!({
                "object-size": 1024, "modification-time": "2020-01-05T12:30:00Z",
                "object-key": format!("{set_id}-vaultjob/dir-{:04}/file-{file:08}", file % 50),
                "event-type": "object-upload-complete", "prefix": "", "bucket-name": bucket,
            });
            PutEventsRequestEntry::builder()
                .source("vaultscope.storagegateway")
                .detail_type("Storage Gateway Object Upload Event")
                .detail(detail.to_string())
                .build()
        })
        .collect();
    let bus = aws_sdk_eventbridge::Client::new(config);
    let items = aws_sdk_dynamodb::Client::new(config);
    let began = real_now();
    let batches = entries.chunks(BATCH).map(|batch| bus.put_events().set_entries(Some(batch.to_vec())).send());
    let sending = async {
        use futures::StreamExt;
        let mut sent = futures::stream::iter(batches).buffer_unordered(SENDERS);
        while let Some(answer) = sent.next().await {
            ensure!(answer?.failed_entry_count() == 0, "a notification was refused");
        }
        Ok(())
    };
    let counting = async {
        loop {
            let mut count = 0;
            let mut start = None;
            loop {
                let page = items
                    .query()
                    .table_name(table)
                    .key_condition_expression("setId = :s")
                    .expression_attribute_values(":s", AttributeValue::S(set_id.clone()))
                    .select(Select::Count)
                    .set_exclusive_start_key(start)
                    .send()
                    .await?;
                count += usize::try_from(page.count())?;
                start = page.last_evaluated_key;
                if start.is_none() {
                    break;
                }
            }
            if count == files {
                return Ok(began.elapsed().as_secs_f64());
            }
            ensure!(began.elapsed() < LONGEST_ROUND, "{count} of {files} items after {LONGEST_ROUND:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let ((), seconds) = futures::try_join!(sending, counting)?;
    Ok(seconds)
}

/// What a process and all its children use.
#[derive(Default)]
struct Usage {
    processes: usize,
    cpu_secs: f64,
    resident_mb: f64,
    proportional_mb: f64,
}

fn usage(root: u32) -> Usage {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    let mut ticks: HashMap<u32, f64> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        // The name may hold anything, so fields are counted from its closing parenthesis: state, parent, …
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let field = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default();
        if let Some(parent) = fields.get(1).and_then(|field| field.parse().ok()) {
            children.entry(parent).or_default().push(pid);
        }
        ticks.insert(pid, field(11) + field(12));
    }
    let mut usage = Usage::default();
    let mut left = vec![root];
    while let Some(pid) = left.pop() {
        left.extend(children.get(&pid).into_iter().flatten());
        usage.processes += 1;
        usage.cpu_secs += ticks.get(&pid).copied().unwrap_or_default() / TICKS_PER_SEC;
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let megabytes = |name: &str| {
            let line = rollup.lines().find(|line| line.starts_with(name));
            let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)).and_then(|kb| kb.parse::<f64>().ok());
            kilobytes.unwrap_or_default() / 1024.0
        };
        usage.resident_mb += megabytes("Rss:");
        usage.proportional_mb += megabytes("Pss:");
    }
    usage
}
