//! Starting the binary, waiting for it, and a vaultscope emulator of a test's own.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use vaultscope::clock::real_now;

/// No command of these tests takes so long unless it hangs.
const LIMIT: Duration = Duration::from_secs(120);

/// What a command left.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

impl Ended {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON document: {error}: {self:?}"))
    }

    /// The complaint: exactly one line.
    pub fn sentence(&self) -> &str {
        let lines: Vec<&str> = self.stderr.lines().filter(|line| line.starts_with("vaultscope: ")).collect();
        assert_eq!(lines.len(), 1, "one sentence is wanted: {self:?}");
        lines[0]
    }
}

/// The binary with nothing of the machine's AWS settings.
pub fn vaultscope(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vaultscope"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
        command.env_remove(name);
    }
    for name in ["VAULTSCOPE_LOG", "VAULTSCOPE_TARGET", "VAULTSCOPE_CONFIG", "VAULTSCOPE_DATA_DIR"] {
        command.env_remove(name);
    }
    // Nothing of the user's own settings either.
    command.env("AWS_EC2_METADATA_DISABLED", "true").env("XDG_CONFIG_HOME", "/nonexistent");
    command.env("AWS_CONFIG_FILE", "/nonexistent").env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent");
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a command to its end.
pub fn run(args: &[&str]) -> Ended {
    wait(vaultscope(args).spawn().expect("the binary starts"))
}

/// Waits for a process; one that hangs is killed and fails the test.
pub fn wait(mut child: Child) -> Ended {
    let began = real_now();
    let stdout = child.stdout.take().map(read_all);
    let stderr = child.stderr.take().map(read_all);
    let pid = child.id();
    let (ended, end) = mpsc::channel();
    thread::spawn(move || ended.send(child.wait()));
    let text =
        |reader: Option<thread::JoinHandle<String>>| reader.map_or_else(String::new, |it| it.join().expect("text"));
    let Ok(status) = end.recv_timeout(LIMIT) else {
        signal("KILL", pid);
        panic!("process {pid} did not end within {LIMIT:?}: {} {}", text(stdout), text(stderr));
    };
    Ended {
        code: status.expect("the process can be waited for").code(),
        stdout: text(stdout),
        stderr: text(stderr),
        took: began.elapsed(),
    }
}

fn read_all(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).expect("readable");
        String::from_utf8(bytes).expect("UTF-8")
    })
}

/// Sends a signal to a process that we started.
pub fn signal(name: &str, pid: u32) {
    let sent = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().expect("kill can be run");
    assert!(sent.success(), "process {pid} is gone already");
}

/// Every process below `pid`.
pub fn descendants(pid: u32) -> HashSet<u32> {
    let mut found = HashSet::new();
    let mut open = vec![pid];
    while let Some(parent) = open.pop() {
        let Ok(threads) = std::fs::read_dir(format!("/proc/{parent}/task")) else { continue };
        for thread in threads.flatten() {
            let children = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            for child in children.split_whitespace().filter_map(|pid| pid.parse().ok()) {
                if found.insert(child) {
                    open.push(child);
                }
            }
        }
    }
    found
}

/// Whether a process runs (a zombie does not).
pub fn is_running(pid: u32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// Waits until a condition holds; fails the test when it never does.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = real_now();
    while !holds() {
        assert!(began.elapsed() < LIMIT, "{what} did not come about within {LIMIT:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A `vaultscope emulator` of a test's own, ended with it.
pub struct Alone {
    child: Option<Child>,
    pub url: String,
    _stdout: BufReader<ChildStdout>,
}

impl Alone {
    /// Starts one, on a free port unless `args` name one, and waits for its line.
    pub fn start(args: &[&str]) -> Self {
        let port: &[&str] = if args.contains(&"--port") { &[] } else { &["--port", "0"] };
        let all = [&["emulator"], port, args].concat();
        let mut child = vaultscope(&all).spawn().expect("the binary starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("a line");
        let url = line.trim().split(' ').find(|word| word.starts_with("http://"));
        let url = url.unwrap_or_else(|| panic!("no url in {line:?}")).to_owned();
        Self { child: Some(child), url, _stdout: stdout }
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Runs a command on it.
    pub fn run(&self, args: &[&str]) -> Ended {
        run(&[args, &["--endpoint-url", &self.url]].concat())
    }

    /// Interrupts it and waits for its end.
    pub fn end(mut self, with: &str) -> Ended {
        signal(with, self.pid());
        wait(self.child.take().expect("it runs"))
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let pid = child.id().to_string();
            let _ = Command::new("kill").args(["-TERM", &pid]).status();
            // One that a test has stopped would never end.
            let _ = Command::new("kill").args(["-CONT", &pid]).status();
            let _ = child.wait();
        }
    }
}
