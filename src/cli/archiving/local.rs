//! The task as a process of this machine: where a target runs no containers, its command with its environment.

use std::process::Stdio;

use anyhow::{Context, bail};
use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use crate::aws::Target;

use super::super::session::Session;
use super::parts::Parts;

/// How a task that ran here ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Local {
    /// Its exit code; `None` where a signal ended it.
    pub exit_code: Option<i32>,
    /// The last line that it wrote.
    pub said: String,
}

/// Runs it to its end; `None` when the user interrupts, which ends it too.
///
/// # Errors
/// When the target is no endpoint, or the process cannot be started.
pub async fn run(session: &Session, parts: &Parts, cancel: &CancellationToken) -> anyhow::Result<Option<Local>> {
    let Target::Endpoint { url, .. } = &session.clients.target else {
        bail!("the task is run here for endpoints only, and {} is none", session.clients.target);
    };
    let this = std::env::current_exe().context("this program cannot be found")?;
    let mut command = Command::new(this);
    command.args(["s3tar-task", "--endpoint-url", url, "--region", &session.clients.region]);
    command.envs(parts.environment()).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("the task cannot be started here")?;
    let (mut out, mut errors) = (child.stdout.take(), child.stderr.take());
    let ended = async {
        let (mut told, mut complained) = (String::new(), String::new());
        let read = async {
            if let Some(out) = &mut out {
                out.read_to_string(&mut told).await?;
            }
            std::io::Result::Ok(())
        };
        let read_errors = async {
            if let Some(errors) = &mut errors {
                errors.read_to_string(&mut complained).await?;
            }
            std::io::Result::Ok(())
        };
        tokio::try_join!(read, read_errors)?;
        let status = child.wait().await?;
        let said = if status.success() { told } else { complained };
        let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        std::io::Result::Ok(Local { exit_code: status.code(), said: last.to_owned() })
    };
    tokio::select! {
        () = cancel.cancelled() => Ok(None),
        ended = ended => Ok(Some(ended.context("the task broke off")?)),
    }
}
