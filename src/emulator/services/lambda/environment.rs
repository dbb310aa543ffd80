//! One execution environment: the process of a function, its Runtime API and its output. One invocation at a time.
//!
//! The process is a group of its own and dies with this value. If the whole endpoint is killed, the Runtime API's
//! connections break and a runtime that waits for work ends by itself. A function's timeout is real time.

use std::collections::VecDeque;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::json;
use tokio::process::{Child, Command};

use super::config::{Config, LogFormat};
use super::log_sink::LogSink;
use super::output::Output;
use super::runtime_api::{RESPONSE_LIMIT, Report, RuntimeApi, Work};
use crate::clock::{real_now, real_timestamp};
use crate::emulator::fabric::Fabric;
use crate::emulator::faults::FUNCTION_ACCESS_KEY;
use crate::model::Timestamp;

/// How long a runtime may take until it asks for its first event.
const INIT_LIMIT: Duration = Duration::from_secs(10);

/// Bytes of the log that an answer with `LogType: Tail` holds.
const TAIL_BYTES: usize = 4 * 1024;

/// How often at the most the memory of a process is looked at.
const MEMORY_SAMPLING: Duration = Duration::from_secs(1);

/// Attempts to start a program that another thread's fork still holds open for writing, and the pause between them.
const BUSY_ATTEMPTS: u32 = 50;
const BUSY_PAUSE: Duration = Duration::from_millis(2);

/// How an invocation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The function's answer, or its error document.
    pub payload: Bytes,
    /// Whether `payload` is an error document: `X-Amz-Function-Error: Unhandled`.
    pub failed: bool,
    /// The last lines that it logged.
    pub tail: String,
}

/// A running process of a function.
#[derive(Debug)]
pub struct Environment {
    child: Child,
    api: RuntimeApi,
    output: Output,
    stream: Arc<str>,
    init: Option<Duration>,
    memory: (u64, Option<Instant>),
    alive: bool,
    /// When it was last given back, for ending the ones that stay idle.
    pub idle_since: Instant,
}

/// What an environment works with: the same for all environments of one version of a function.
#[derive(Clone)]
pub struct Setting {
    /// The function.
    pub config: Arc<Config>,
    /// Clock, ids and the endpoint's URL.
    pub fabric: Fabric,
    /// Where its lines go.
    pub logs: Arc<LogSink>,
}

impl Environment {
    /// Starts the process and waits until it asks for work; an error is the outcome of the invocation that wanted it.
    pub async fn start(setting: &Setting, request_id: &str) -> Result<Self, Outcome> {
        let stream = stream_name(&setting.fabric);
        let failure = |message: String, kind: &str| Outcome {
            payload: error_document(&format!("RequestId: {request_id} Error: {message}"), kind),
            failed: true,
            tail: String::new(),
        };
        let api = RuntimeApi::listen()
            .await
            .map_err(|error| failure(format!("the runtime api cannot listen: {error}"), "Sandbox.InitError"))?;
        let program = match &setting.config.python {
            Some(python) => python.ready().await.map_err(|why| failure(why, "Runtime.Unavailable"))?,
            None => setting.config.package.path().join("bootstrap"),
        };
        if !program.is_file() {
            let message = "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]".to_owned();
            return Err(failure(message, "Runtime.InvalidEntrypoint"));
        }
        // What it waits for above is no part of the function's own beginning.
        let began = real_now();
        let (output, stdout, stderr) = Output::pipe()
            .map_err(|error| failure(format!("the process cannot have a log: {error}"), "Sandbox.InitError"))?;
        let mut command = command(setting, &program, &api, &stream);
        command.stdout(stdout).stderr(stderr);
        let child = spawn(&mut command)
            .await
            .map_err(|error| failure(format!("fork/exec /var/task/bootstrap: {error}"), "Runtime.InvalidEntrypoint"))?;
        // The command holds the pipe's writing ends; the process alone must.
        drop(command);
        let mut environment =
            Self { child, api, output, stream, init: None, memory: (0, None), alive: true, idle_since: began };
        match environment.initialise(setting, request_id).await {
            Ok(()) => {
                environment.init = Some(began.elapsed());
                Ok(environment)
            }
            Err(outcome) => Err(outcome),
        }
    }

    async fn initialise(&mut self, setting: &Setting, request_id: &str) -> Result<(), Outcome> {
        let mut log = Log::new(setting);
        log.init_start();
        let ended = self.wait(&mut log, INIT_LIMIT, setting).await;
        let (message, kind, document) = match ended {
            Ended::Report(Report::Ready) => {
                setting.logs.push(&self.stream, log.lines);
                return Ok(());
            }
            Ended::Report(Report::InitError(body)) => (None, "Runtime.InitError", Some(body)),
            Ended::Report(_) | Ended::Fault(_) => {
                (Some("the runtime answered before it asked".to_owned()), "Runtime.InitError", None)
            }
            Ended::Exit(status) => (Some(exit_message(status)), "Runtime.ExitError", None),
            Ended::Timeout => (
                Some(format!("Task timed out after {:.2} seconds", INIT_LIMIT.as_secs_f64())),
                "Sandbox.Timedout",
                None,
            ),
            Ended::Shutdown => (Some("the endpoint is shutting down".to_owned()), "Sandbox.Shutdown", None),
        };
        self.end(&mut log);
        let payload = document.unwrap_or_else(|| {
            error_document(&format!("RequestId: {request_id} Error: {}", message.unwrap_or_default()), kind)
        });
        log.system_error(request_id, &format!("INIT_REPORT Status: error\tError Type: {kind}"));
        let tail = log.tail();
        setting.logs.push(&self.stream, log.lines);
        Err(Outcome { payload, failed: true, tail })
    }

    /// Has the process carry out one invocation.
    pub async fn invoke(&mut self, setting: &Setting, request_id: &Arc<str>, payload: Bytes) -> Outcome {
        let config = &setting.config;
        let began = real_now();
        let limit = Duration::from_secs(u64::from(config.timeout));
        let mut log = Log::new(setting);
        log.start(request_id);
        let work = Work {
            request_id: Arc::clone(request_id),
            payload,
            deadline_ms: (real_timestamp() + limit).millis(),
            function_arn: Arc::clone(&config.arn),
            trace_id: trace_id(request_id),
        };
        let ended = match setting.fabric.faults().failing(&config.name) {
            Some(fault) => Ended::Fault(fault),
            None if self.api.hand_out(work) => self.wait(&mut log, limit, setting).await,
            None => Ended::Shutdown,
        };
        let id_error = |message: &str| format!("RequestId: {request_id} Error: {message}");
        let (payload, failed, status) = match ended {
            Ended::Report(Report::Response(body)) => (body, false, "success"),
            Ended::Report(Report::Error(body)) => (body, true, "error"),
            Ended::Report(Report::ResponseTooLarge) => {
                let message =
                    format!("Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes).");
                (error_document(&message, "Function.ResponseSizeTooLarge"), true, "error")
            }
            Ended::Report(Report::InitError(body)) => {
                self.alive = false;
                (body, true, "error")
            }
            Ended::Report(Report::Ready) => {
                self.alive = false;
                (error_document(&id_error("the runtime asked twice"), "Runtime.ProtocolError"), true, "error")
            }
            Ended::Fault(fault) => {
                let message = format!("the invocation was made to fail by fault {fault}");
                log.line(format!("[ERROR] InjectedFault: {message}"));
                (error_document(&message, "InjectedFault"), true, "error")
            }
            Ended::Exit(status) => {
                self.alive = false;
                (error_document(&id_error(&exit_message(status)), "Runtime.ExitError"), true, "error")
            }
            Ended::Timeout => {
                self.alive = false;
                let message = format!("Task timed out after {:.2} seconds", limit.as_secs_f64());
                (error_document(&id_error(&message), "Sandbox.Timedout"), true, "timeout")
            }
            Ended::Shutdown => {
                self.alive = false;
                (error_document(&id_error("the endpoint is shutting down"), "Sandbox.Shutdown"), true, "error")
            }
        };
        let took = began.elapsed();
        if self.alive {
            self.output.drain(|line| log.line(line));
        } else {
            self.end(&mut log);
        }
        log.end(request_id, took, status, self.peak_memory_mb(), self.init.take(), config);
        let tail = log.tail();
        setting.logs.push(&self.stream, log.lines);
        Outcome { payload, failed, tail }
    }

    /// Whether it can take another invocation.
    pub fn usable(&mut self) -> bool {
        self.alive && matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for what comes first, and keeps the process's pipe from filling up meanwhile.
    async fn wait(&mut self, log: &mut Log<'_>, limit: Duration, setting: &Setting) -> Ended {
        let timeout = tokio::time::sleep(limit);
        tokio::pin!(timeout);
        loop {
            tokio::select! {
                biased;
                report = self.api.report() => return report.map_or(Ended::Shutdown, Ended::Report),
                () = self.output.readable() => self.output.read_ready(|line| log.line(line)),
                status = self.child.wait() => {
                    self.alive = false;
                    self.kill_group();
                    return match self.api.last_report().await {
                        Some(Report::Ready) | None => Ended::Exit(status.unwrap_or_default()),
                        Some(report) => Ended::Report(report),
                    };
                }
                () = setting.fabric.shutdown_token().cancelled() => return Ended::Shutdown,
                () = &mut timeout => return Ended::Timeout,
            }
        }
    }

    /// Ends the process, whatever it does, and takes the last of its output.
    fn end(&mut self, log: &mut Log<'_>) {
        self.alive = false;
        self.kill_group();
        self.output.finish(|line| log.line(line));
    }

    fn kill_group(&self) {
        let group = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        if let Some(group) = group {
            // It may have ended in the meantime, which is what is wanted.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }

    /// The most memory that the process has used, in MB, looked at now and then.
    fn peak_memory_mb(&mut self) -> u64 {
        let due = self.memory.1.is_none_or(|looked| looked.elapsed() >= MEMORY_SAMPLING);
        if due && let Some(id) = self.child.id() {
            let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
            let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kilobytes: u64 =
                peak.and_then(|peak| peak.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or_default();
            self.memory = (kilobytes.div_ceil(1024), Some(real_now()));
        }
        self.memory.0
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.kill_group();
    }
}

/// What an environment was waiting for.
enum Ended {
    Report(Report),
    Exit(ExitStatus),
    /// By a fault that was put in on purpose.
    Fault(u64),
    Timeout,
    Shutdown,
}

fn command(setting: &Setting, program: &Path, api: &RuntimeApi, stream: &str) -> Command {
    let config = &setting.config;
    let identity = setting.fabric.identity();
    let root = config.package.path();
    let mut command = Command::new(program);
    if config.python.is_some() {
        command.args(["-m", "awslambdaric", &config.handler]);
    }
    command.current_dir(root).stdin(Stdio::null()).kill_on_drop(true).process_group(0).env_clear();
    command
        .env("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into()))
        .env("LANG", "en_US.UTF-8")
        .env("TZ", ":UTC")
        .env("AWS_ENDPOINT_URL", setting.fabric.url())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(&config.environment)
        .env("AWS_LAMBDA_RUNTIME_API", api.address.to_string())
        .env("_HANDLER", &config.handler)
        .env("LAMBDA_TASK_ROOT", root)
        .env("AWS_EXECUTION_ENV", format!("AWS_Lambda_{}", config.runtime))
        .env("AWS_LAMBDA_FUNCTION_NAME", &*config.name)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", config.memory.to_string())
        .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", &**setting.logs.group())
        .env("AWS_LAMBDA_LOG_STREAM_NAME", stream)
        .env("AWS_LAMBDA_LOG_FORMAT", if config.logging.format == LogFormat::Json { "JSON" } else { "Text" })
        .env("AWS_REGION", &identity.region)
        .env("AWS_DEFAULT_REGION", &identity.region)
        .env("AWS_ACCESS_KEY_ID", FUNCTION_ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", "test");
    if let Some(level) = &config.logging.application_log_level {
        command.env("AWS_LAMBDA_LOG_LEVEL", level);
    }
    command
}

async fn spawn(command: &mut Command) -> io::Result<Child> {
    let mut attempt = 0;
    loop {
        match command.spawn() {
            // The unpacked file was open for writing while another environment was forked, and that child has not yet
            // replaced its image: a matter of a moment.
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && attempt < BUSY_ATTEMPTS => {
                attempt += 1;
                tokio::time::sleep(BUSY_PAUSE).await;
            }
            other => return other,
        }
    }
}

/// `2026/11/21/[$LATEST]0123456789abcdef0123456789abcdef`.
fn stream_name(fabric: &Fabric) -> Arc<str> {
    let day = fabric.clock().now().iso_seconds();
    let day = day.split_once('T').map_or(day.as_str(), |(day, _)| day).replace('-', "/");
    format!("{day}/[$LATEST]{}", fabric.token(b"0123456789abcdef", 32)).into()
}

fn trace_id(request_id: &str) -> String {
    let hex: String = request_id.chars().filter(char::is_ascii_hexdigit).take(32).collect();
    let seconds = real_timestamp().secs();
    format!("Root=1-{seconds:08x}-{};Parent={};Sampled=0", hex.get(..24).unwrap_or(&hex), hex.get(..16).unwrap_or(&hex))
}

fn exit_message(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(0), _) => "Runtime exited without providing a reason".to_owned(),
        (Some(code), _) => format!("Runtime exited with error: exit status {code}"),
        (None, Some(signal)) => format!("Runtime exited with error: signal: {}", signal_name(signal)),
        (None, None) => "Runtime exited with error".to_owned(),
    }
}

/// A signal as Go, in which the service is written, names it.
fn signal_name(signal: i32) -> String {
    match signal {
        1 => "hangup".to_owned(),
        2 => "interrupt".to_owned(),
        4 => "illegal instruction".to_owned(),
        6 => "aborted".to_owned(),
        8 => "floating point exception".to_owned(),
        9 => "killed".to_owned(),
        11 => "segmentation fault".to_owned(),
        13 => "broken pipe".to_owned(),
        15 => "terminated".to_owned(),
        other => format!("signal {other}"),
    }
}

fn error_document(message: &str, kind: &str) -> Bytes {
    Bytes::from(json!({ "errorType": kind, "errorMessage": message }).to_string())
}

/// The lines of one invocation.
struct Log<'a> {
    setting: &'a Setting,
    lines: VecDeque<(Timestamp, String)>,
}

impl<'a> Log<'a> {
    fn new(setting: &'a Setting) -> Self {
        Self { setting, lines: VecDeque::with_capacity(4) }
    }

    fn line(&mut self, line: String) {
        self.lines.push_back((self.setting.fabric.clock().now(), line));
    }

    /// The first line of a Python function's log: what it really runs on.
    fn init_start(&mut self) {
        let config = &self.setting.config;
        let Some(python) = &config.python else { return };
        if !config.logging.tells_start_and_report() {
            return;
        }
        let version = match &python.remark {
            Some(remark) => format!("python:{} ({remark})", python.version),
            None => format!("python:{}", python.version),
        };
        match config.logging.format {
            LogFormat::Text => self.line(format!("INIT_START Runtime Version: {version}")),
            LogFormat::Json => {
                let record = json!({
                    "initializationType": "on-demand", "phase": "init", "runtimeVersion": version,
                    "functionName": &*config.name, "functionVersion": "$LATEST",
                });
                self.platform("platform.initStart", &record);
            }
        }
    }

    fn start(&mut self, request_id: &str) {
        let logging = &self.setting.config.logging;
        if !logging.tells_start_and_report() {
            return;
        }
        match logging.format {
            LogFormat::Text => self.line(format!("START RequestId: {request_id} Version: $LATEST")),
            LogFormat::Json => {
                self.platform("platform.start", &json!({ "requestId": request_id, "version": "$LATEST" }));
            }
        }
    }

    fn end(
        &mut self,
        request_id: &str,
        took: Duration,
        status: &str,
        peak: u64,
        init: Option<Duration>,
        config: &Config,
    ) {
        let millis = took.as_secs_f64() * 1_000.0;
        if status == "timeout" {
            self.system_error(request_id, &format!("Task timed out after {:.2} seconds", took.as_secs_f64()));
        }
        let logging = &config.logging;
        if !logging.tells_start_and_report() && (status == "success" || logging.format == LogFormat::Text) {
            return;
        }
        match logging.format {
            LogFormat::Text => {
                self.line(format!("END RequestId: {request_id}"));
                let mut report = format!(
                    "REPORT RequestId: {request_id}\tDuration: {millis:.2} ms\tBilled Duration: {:.0} ms\t\
                     Memory Size: {} MB\tMax Memory Used: {peak} MB\t",
                    millis.ceil(),
                    config.memory,
                );
                if let Some(init) = init {
                    report.push_str(&format!("Init Duration: {:.2} ms\t", init.as_secs_f64() * 1_000.0));
                }
                if status == "timeout" {
                    report.push_str("Status: timeout");
                }
                self.line(report);
            }
            LogFormat::Json => {
                let mut metrics = json!({
                    "durationMs": round(millis), "billedDurationMs": round(millis.ceil()),
                    "memorySizeMB": config.memory, "maxMemoryUsedMB": peak,
                });
                if let Some(init) = init {
                    metrics["initDurationMs"] = json!(round(init.as_secs_f64() * 1_000.0));
                }
                let record = json!({ "requestId": request_id, "metrics": metrics, "status": status });
                self.platform("platform.report", &record);
            }
        }
    }

    fn system_error(&mut self, request_id: &str, message: &str) {
        let at = self.setting.fabric.clock().now().iso_millis();
        self.line(format!("{at} {request_id} {message}"));
    }

    fn platform(&mut self, kind: &str, record: &serde_json::Value) {
        let at = self.setting.fabric.clock().now().iso_millis();
        self.line(json!({ "time": at, "type": kind, "record": record }).to_string());
    }

    /// The last [`TAIL_BYTES`] bytes.
    fn tail(&self) -> String {
        let mut from = self.lines.len();
        let mut bytes = 0;
        while from > 0 && bytes + self.lines[from - 1].1.len() < TAIL_BYTES {
            from -= 1;
            bytes += self.lines[from].1.len() + 1;
        }
        self.lines.range(from..).flat_map(|(_, line)| [line.as_str(), "\n"]).collect()
    }
}

fn round(millis: f64) -> f64 {
    (millis * 1_000.0).round() / 1_000.0
}
