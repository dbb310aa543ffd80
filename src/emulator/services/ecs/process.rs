//! The process of a container: a group of its own that never outlives the endpoint.
//!
//! A guard, a shell that waits on a pipe of ours, kills the group when the pipe breaks, however the endpoint ended.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};

/// Waits for the end of its input, then kills the group that its argument names.
const GUARD: &str = "read -r _; kill -s KILL -- -\"$0\"";

/// What to start.
pub struct Launch<'a> {
    /// The program and its arguments.
    pub words: &'a [String],
    /// All that it gets.
    pub environment: &'a [(String, String)],
    /// Its working directory.
    pub folder: &'a Path,
    /// Whether what it writes is read.
    pub logged: bool,
}

/// A running container.
pub struct Process {
    child: Child,
    guard: Child,
    group: Option<Pid>,
}

fn path() -> OsString {
    std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into())
}

impl Process {
    /// Starts the process and its guard; what it writes to standard output and error comes from one pipe, in order.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start(launch: &Launch<'_>) -> io::Result<(Self, Option<Receiver>)> {
        let (program, arguments) =
            launch.words.split_first().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no command"))?;
        let mut command = Command::new(program);
        command.args(arguments).current_dir(launch.folder).stdin(Stdio::null()).kill_on_drop(true).process_group(0);
        command.env_clear().env("PATH", path()).envs(launch.environment.iter().map(|(name, value)| (name, value)));
        let mut output = None;
        if launch.logged {
            let (reader, writer) = io::pipe()?;
            command.stdout(writer.try_clone()?).stderr(writer);
            output = Some(Receiver::from_owned_fd(reader.into())?);
        } else {
            command.stdout(Stdio::null()).stderr(Stdio::null());
        }
        let child = command.spawn()?;
        // The command holds the pipe's writing ends; the process alone must.
        drop(command);
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let mut guard = Command::new("sh");
        guard.arg("-c").arg(GUARD).arg(group.map_or(0, |group| group.as_raw_nonzero().get()).to_string());
        guard.env_clear().env("PATH", path()).process_group(0).kill_on_drop(true);
        guard.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        match guard.spawn() {
            Ok(guard) => Ok((Self { child, guard, group }, output)),
            Err(error) => {
                kill(group);
                Err(error)
            }
        }
    }

    /// Waits for its end: the exit code as a container has it. What it has left running is killed with it.
    pub async fn wait(&mut self) -> i32 {
        let status = self.child.wait().await;
        self.kill();
        status.map_or(255, code)
    }

    /// Asks it to end: `SIGTERM` to its first process, as a container's stop does.
    pub fn terminate(&self) {
        if let Some(process) = self.group.filter(|_| self.child.id().is_some()) {
            // It may have ended in the meantime, which is what is wanted.
            let _ = kill_process(process, Signal::TERM);
        }
    }

    /// Ends it at once, with all that it has started.
    pub fn kill(&self) {
        kill(self.group);
    }

    /// Lets the guard go, once the process has ended.
    pub async fn release(mut self) {
        self.kill();
        if self.guard.start_kill().is_ok() {
            let _ = self.guard.wait().await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn kill(group: Option<Pid>) {
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

fn code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(255)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    fn start(script: &str) -> (Process, Receiver) {
        let words = ["/bin/sh", "-c", script].map(str::to_owned);
        let launch = Launch { words: &words, environment: &[], folder: Path::new("/"), logged: true };
        let (process, output) = Process::start(&launch).expect("a shell");
        (process, output.expect("its output"))
    }

    async fn line(output: &mut Receiver) -> String {
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            line.push(output.read_u8().await.expect("more of the line"));
        }
        String::from_utf8(line).expect("a text").trim().to_owned()
    }

    #[tokio::test]
    async fn exit_codes_are_those_of_a_container() {
        assert_eq!(start("exit 7").0.wait().await, 7);
        let (mut process, mut output) = start("echo ready; exec sleep 600");
        line(&mut output).await;
        process.terminate();
        assert_eq!(process.wait().await, 143);
        process.release().await;
        let (mut process, mut output) = start("trap '' TERM; echo ready; while :; do sleep 1; done");
        line(&mut output).await;
        process.terminate();
        process.kill();
        assert_eq!(process.wait().await, 137);
    }

    #[tokio::test]
    async fn the_guard_ends_everything_when_its_pipe_breaks() {
        let (mut process, mut output) = start("sleep 600 & echo $!; wait");
        let grandchild: i32 = line(&mut output).await.parse().expect("a process id");
        // As when the endpoint is killed: nobody is left to hold the pipe.
        drop(process.guard.stdin.take());
        let status = process.child.wait().await.expect("an end");
        assert_eq!(code(status), 137);
        // The pipe breaks once the last of the group has gone.
        let mut rest = Vec::new();
        output.read_to_end(&mut rest).await.expect("the end of the output");
        let grandchild = Pid::from_raw(grandchild).expect("a process");
        // A process that is killed lets its pipes go before it is gone.
        for _ in 0..1_000 {
            if rustix::process::test_kill_process(grandchild).is_err() || is_zombie(grandchild) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        panic!("what the container had started outlives it");
    }

    fn is_zombie(process: Pid) -> bool {
        let path = format!("/proc/{}/stat", process.as_raw_nonzero());
        std::fs::read_to_string(path).map_or(true, |stat| stat.contains(") Z "))
    }
}
