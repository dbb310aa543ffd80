//! `vaultscope doctor`: what the target is, whose account, which services answer, what is there of the stack, and what is
//! missing. Reads only; one call a service.

use std::time::Duration;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::aws::{Account, Clients, Problem, Target};
use crate::clock::real_now;
use crate::deploy::describe;
use crate::emulator::{Emulator, EmulatorConfig};

use super::args::DoctorArgs;
use super::report::VERSION;
use super::server::{Server, greet};
use super::settings::Settings;
use super::{Exit, output};

/// A service has so long to answer.
const LIMIT: Duration = Duration::from_secs(4);

/// What was found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Findings {
    version: u32,
    kind: &'static str,
    target: String,
    address: Option<String>,
    server: Option<Server>,
    region: String,
    account: Option<String>,
    caller: Option<String>,
    read_only: bool,
    stack: String,
    stack_status: Option<String>,
    services: Vec<Service>,
    missing: Vec<String>,
}

/// One service.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Service {
    name: &'static str,
    operation: &'static str,
    answers: bool,
    milliseconds: u64,
    problem: Option<String>,
}

/// Runs the command.
pub async fn run(settings: &Settings, args: &DoctorArgs, cancel: CancellationToken) -> anyhow::Result<Exit> {
    let emulator = match settings.target {
        Target::Embedded => Some(
            Emulator::start(EmulatorConfig { data_dir: settings.data_dir.clone(), ..EmulatorConfig::default() })
                .await?,
        ),
        Target::Endpoint { .. } | Target::Aws { .. } => None,
    };
    let address = match (&emulator, &settings.target) {
        (Some(emulator), _) => Some(emulator.url()),
        (None, Target::Endpoint { url, .. }) => Some(url.clone()),
        (None, _) => None,
    };
    let clients = Clients::connect(settings.target.clone(), settings.access, address.as_deref().unwrap_or_default());
    let clients = clients.await;
    let found = tokio::select! {
        () = cancel.cancelled() => None,
        found = examine(settings, &clients, address) => Some(found),
    };
    if let Some(emulator) = emulator {
        emulator.shutdown().await;
    }
    let Some(found) = found else { return Ok(Exit::Interrupted) };
    if args.json {
        output::document(&found)?;
    } else {
        print(&found)?;
    }
    Ok(if found.missing.is_empty() { Exit::Done } else { Exit::Negative })
}

async fn examine(settings: &Settings, clients: &Clients, address: Option<String>) -> Findings {
    let mut found = Findings {
        version: VERSION,
        kind: "doctor",
        target: settings.target.to_string(),
        address: address.clone(),
        server: None,
        region: clients.region.clone(),
        account: None,
        caller: None,
        read_only: clients.is_read_only(),
        stack: settings.stack.clone(),
        stack_status: None,
        services: Vec::new(),
        missing: Vec::new(),
    };
    let (account, server) = greet(clients, address.as_deref()).await;
    found.server = server;
    match account {
        Ok(Account { id, arn }) => (found.account, found.caller) = (Some(id), Some(arn)),
        Err(error) => {
            found.missing.push(error.to_string());
            return found;
        }
    }
    found.services = Box::pin(services(&clients.without_retries())).await;
    let silent = found.services.iter().filter_map(|service| service.problem.clone());
    found.missing.extend(silent);
    if found.services.iter().any(|service| service.name == "cloudformation" && service.answers) {
        match describe(clients, &settings.stack).await {
            Ok(stack) => found.stack_status = stack.map(|stack| stack.status),
            Err(problem) => found.missing.push(problem.sentence),
        }
    }
    found
}

/// The cheapest reading call of each service that the pipeline and its observers use.
async fn services(clients: &Clients) -> Vec<Service> {
    macro_rules! ask {
        ($client:ident $operation:literal $name:literal $call:ident $(, $set:ident($value:expr))*) => {
            ask($name, $operation, async {
                clients.$client.$call()$(.$set($value))*.send().await.map(|_| ()).map_err(|error| Problem::of(concat!($name, " ", $operation), &error))
            })
        };
    }
    let (cloudformation, s3, events, sqs, dynamodb, logs, states) = tokio::join!(
        ask!(cloudformation "ListStacks" "cloudformation" list_stacks),
        ask!(s3 "ListBuckets" "s3" list_buckets, max_buckets(1)),
        ask!(events "ListRules" "events" list_rules, limit(1)),
        ask!(sqs "ListQueues" "sqs" list_queues, max_results(1)),
        ask!(dynamodb "ListTables" "dynamodb" list_tables, limit(1)),
        ask!(logs "DescribeLogGroups" "logs" describe_log_groups, limit(1)),
        ask!(states "ListStateMachines" "states" list_state_machines, max_results(1)),
    );
    vec![cloudformation, s3, events, sqs, dynamodb, logs, states]
}

async fn ask(name: &'static str, operation: &'static str, call: impl Future<Output = Result<(), Problem>>) -> Service {
    let began = real_now();
    let problem = match tokio::time::timeout(LIMIT, call).await {
        Ok(answer) => answer.err().map(|problem| problem.sentence),
        Err(_) => Some(format!("{name} {operation} was not answered within {} s", LIMIT.as_secs())),
    };
    let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Service { name, operation, answers: problem.is_none(), milliseconds, problem }
}

fn print(found: &Findings) -> std::io::Result<()> {
    let row = |name: &str, text: &str| output::line(&format!("{name:<10} {text}"));
    let server = found.server.as_ref().map(|server| format!(" ({server})")).unwrap_or_default();
    let at = found.address.as_deref().filter(|address| !found.target.contains(address));
    let at = at.map(|address| format!(" at {address}")).unwrap_or_default();
    row("target", &format!("{}{at}{server}", found.target))?;
    row("region", if found.region.is_empty() { "none" } else { &found.region })?;
    if let (Some(account), Some(caller)) = (&found.account, &found.caller) {
        row("account", &format!("{account} as {caller}"))?;
        row("access", if found.read_only { "read-only: --write allows changes" } else { "changes are made" })?;
        let status = match &found.stack_status {
            Some(status) => format!("{} is in {status}", found.stack),
            None => format!("{} is not there: `vaultscope deploy` makes it", found.stack),
        };
        row("stack", &status)?;
    }
    for service in &found.services {
        let (mark, took) = (if service.answers { "✓" } else { "✗" }, service.milliseconds);
        output::line(&format!("{mark} {:<15} {:<18} {took} ms", service.name, service.operation))?;
    }
    for missing in &found.missing {
        output::complain(missing);
    }
    Ok(())
}
