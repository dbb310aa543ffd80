//! The process of a function: how it is started, and what its exit says.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};

use super::config::LogFormat;
use super::environment::Setting;
use super::interpreter::Launch;
use super::runtime_api::RuntimeApi;
use crate::emulator::faults::FUNCTION_ACCESS_KEY;

/// Attempts to start a program that another thread's fork still holds open for writing, and the pause between them.
const BUSY_ATTEMPTS: u32 = 50;
const BUSY_PAUSE: Duration = Duration::from_millis(2);

pub(super) fn command(setting: &Setting, launch: &Launch, api: &RuntimeApi, stream: &str) -> Command {
    let config = &setting.config;
    let identity = setting.fabric.identity();
    let root = config.package.path();
    let mut command = Command::new(&launch.program);
    if config.interpreter.is_some() {
        command.args(&launch.arguments).arg(&config.handler);
    }
    command.current_dir(root).stdin(Stdio::null()).kill_on_drop(true).process_group(0).env_clear();
    command
        .env("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into()))
        .env("LANG", "en_US.UTF-8")
        .env("TZ", ":UTC")
        .env("AWS_ENDPOINT_URL", setting.fabric.url())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(launch.variables.iter().map(|(name, value)| (name, value)))
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

pub(super) async fn spawn(command: &mut Command) -> io::Result<Child> {
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

pub(super) fn exit_message(status: ExitStatus) -> String {
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
