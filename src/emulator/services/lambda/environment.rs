//! One execution environment: the process of a function, its Runtime API and its output. One invocation at a time.
//!
//! The process is a group of its own and dies with this value. If the whole endpoint is killed, the Runtime API's
//! connections break and a runtime that waits for work ends by itself. A function's timeout is real time.

use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::json;
use tokio::process::Child;

use super::config::Config;
use super::interpreter::Launch;
use super::invocation_log::Log;
use super::log_sink::LogSink;
use super::output::Output;
use super::process::{command, exit_message, spawn};
use super::runtime_api::{RESPONSE_LIMIT, Report, RuntimeApi, Work};
use crate::clock::{real_now, real_timestamp};
use crate::emulator::fabric::Fabric;

/// How long a runtime may take until it asks for its first event: more than AWS's 10 s, since a machine of one's own has
/// other things to do.
const INIT_LIMIT: Duration = Duration::from_secs(30);

/// How often at the most the memory of a process is looked at.
const MEMORY_SAMPLING: Duration = Duration::from_secs(1);

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
    has_served: bool,
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
        let launch = match &setting.config.interpreter {
            Some(interpreter) => interpreter.ready().await.map_err(|why| failure(why, "Runtime.Unavailable"))?,
            None => Launch { program: setting.config.package.path().join("bootstrap"), ..Launch::default() },
        };
        if !launch.program.is_file() {
            let message = "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]".to_owned();
            return Err(failure(message, "Runtime.InvalidEntrypoint"));
        }
        let _turn = match &setting.config.interpreter {
            Some(interpreter) => interpreter.turn_to_start().await,
            None => None,
        };
        // What it waits for above is no part of the function's own beginning.
        let began = real_now();
        let (output, stdout, stderr) = Output::pipe()
            .map_err(|error| failure(format!("the process cannot have a log: {error}"), "Sandbox.InitError"))?;
        let mut command = command(setting, &launch, &api, &stream);
        command.stdout(stdout).stderr(stderr);
        let child = spawn(&mut command)
            .await
            .map_err(|error| failure(format!("fork/exec /var/task/bootstrap: {error}"), "Runtime.InvalidEntrypoint"))?;
        // The command holds the pipe's writing ends; the process alone must.
        drop(command);
        let mut environment = Self {
            child,
            api,
            output,
            stream,
            init: None,
            memory: (0, None),
            alive: true,
            has_served: false,
            idle_since: began,
        };
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

    /// Has the process carry out one invocation; `None` when it has ended since the one before. A runtime that told of an
    /// error outside of the function ends itself right after that.
    pub async fn invoke(&mut self, setting: &Setting, request_id: &Arc<str>, payload: Bytes) -> Option<Outcome> {
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
            Ended::Exit(_) if self.has_served && !self.api.is_taken() => {
                self.end(&mut log);
                return None;
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
        self.has_served = true;
        let tail = log.tail();
        setting.logs.push(&self.stream, log.lines);
        Some(Outcome { payload, failed, tail })
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

fn error_document(message: &str, kind: &str) -> Bytes {
    Bytes::from(json!({ "errorType": kind, "errorMessage": message }).to_string())
}
