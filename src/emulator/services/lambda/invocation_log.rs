//! What an invocation writes to its log besides the function's own lines: START, END and REPORT, or their JSON forms.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::json;

use super::config::{Config, LogFormat};
use super::environment::Setting;
use crate::model::Timestamp;

/// Bytes of the log that an answer with `LogType: Tail` holds.
const TAIL_BYTES: usize = 4 * 1024;

/// The lines of one invocation.
pub(super) struct Log<'a> {
    setting: &'a Setting,
    pub(super) lines: VecDeque<(Timestamp, String)>,
}

impl<'a> Log<'a> {
    pub(super) fn new(setting: &'a Setting) -> Self {
        Self { setting, lines: VecDeque::with_capacity(4) }
    }

    pub(super) fn line(&mut self, line: String) {
        self.lines.push_back((self.setting.fabric.clock().now(), line));
    }

    /// The first line of an interpreted function's log: what it really runs on.
    pub(super) fn init_start(&mut self) {
        let config = &self.setting.config;
        let Some(interpreter) = &config.interpreter else { return };
        if !config.logging.tells_start_and_report() {
            return;
        }
        let version = match &interpreter.remark {
            Some(remark) => format!("{}:{} ({remark})", interpreter.language, interpreter.version),
            None => format!("{}:{}", interpreter.language, interpreter.version),
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

    pub(super) fn start(&mut self, request_id: &str) {
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

    pub(super) fn end(
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

    pub(super) fn system_error(&mut self, request_id: &str, message: &str) {
        let at = self.setting.fabric.clock().now().iso_millis();
        self.line(format!("{at} {request_id} {message}"));
    }

    fn platform(&mut self, kind: &str, record: &serde_json::Value) {
        let at = self.setting.fabric.clock().now().iso_millis();
        self.line(json!({ "time": at, "type": kind, "record": record }).to_string());
    }

    /// The last [`TAIL_BYTES`] bytes.
    pub(super) fn tail(&self) -> String {
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
