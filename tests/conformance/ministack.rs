//! ministack, set up by the test itself: a virtual environment below `target/`, once, and a server of the test's own.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use super::servers::say;
use super::support::until;

const VERSION: &str = "1.5.33";
const OLDEST_PYTHON: &str = "import sys; sys.exit(sys.version_info < (3, 10))";

/// A ministack of a test's own, ended with everything that it started.
pub struct Ministack {
    child: Child,
    log: PathBuf,
    /// Its code and its own state.
    scratch: PathBuf,
    pub url: String,
}

impl Ministack {
    /// Starts one on a free port of the loopback interface and waits until it listens.
    pub fn start() -> Self {
        let program = program();
        let port = {
            let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
            free.local_addr().expect("an address").port()
        };
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let (log, scratch) = (folder.join(format!("ministack-{port}.log")), folder.join(format!("ministack-{port}")));
        fs::create_dir_all(&scratch).expect("a folder of its own");
        let url = format!("http://127.0.0.1:{port}");
        let file = File::create(&log).expect("a log");
        let mut command = Command::new(&program);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
            command.env_remove(name);
        }
        let mut child = command
            .envs([("BIND_HOST", "127.0.0.1"), ("MINISTACK_HOST", "127.0.0.1"), ("GATEWAY_PORT", &port.to_string())])
            // Listeners of services that are not used, on ports of their own.
            .envs([("IOT_MTLS_ENABLED", "0"), ("SFTP_ENABLED", "0")])
            .envs([("LAMBDA_EXECUTOR", "local"), ("PERSIST_STATE", "0")])
            .env("TMPDIR", &scratch)
            .current_dir(&scratch)
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("the log"))
            .stderr(file)
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{} cannot be started: {error}", program.display()));
        until("ministack's port", || {
            if let Some(status) = child.try_wait().expect("the process can be asked") {
                panic!("ministack ended with {status} at its start: {}", fs::read_to_string(&log).unwrap_or_default());
            }
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Self { child, log, scratch, url }
    }

    /// Ends it; its log is of no use any more.
    pub fn end(self) {
        let log = self.log.clone();
        drop(self);
        fs::remove_file(log).expect("the log was there");
    }
}

impl Drop for Ministack {
    fn drop(&mut self) {
        // With the functions that it started: they are in its process group.
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.scratch);
        if std::thread::panicking() {
            say(&format!("ministack's log is {}", self.log.display()));
        }
    }
}

/// The program that `VAULTSCOPE_MINISTACK` names, else one that is installed here.
fn program() -> PathBuf {
    match std::env::var_os("VAULTSCOPE_MINISTACK").filter(|path| !path.is_empty()) {
        Some(path) => PathBuf::from(path),
        None => installed().unwrap_or_else(|problem| {
            panic!(
                "ministack {VERSION} could not be set up: {problem}; this test needs python3 (3.10 or newer) with venv and pip's download, or VAULTSCOPE_MINISTACK=PATH of an installed one"
            )
        }),
    }
}

fn installed() -> Result<PathBuf, String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a folder below target/");
    let venv = target.join(format!("ministack-{VERSION}"));
    let lock = File::create(target.join(format!("ministack-{VERSION}.lock"))).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    let done = venv.join("installed");
    if !done.is_file() {
        let _ = fs::remove_dir_all(&venv);
        let python = python()?;
        let venv_path = venv.to_string_lossy().into_owned();
        said(Command::new(python).args(["-m", "venv", &venv_path]).output(), "python3 -m venv")?;
        let requirement = format!("ministack=={VERSION}");
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", &requirement];
        said(Command::new(venv.join("bin/python")).args(pip).output(), "pip install")?;
        fs::write(done, "").map_err(|error| error.to_string())?;
    }
    Ok(venv.join("bin/ministack"))
}

fn python() -> Result<&'static str, String> {
    let candidates = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"];
    let is_new_enough = |name: &&str| {
        let asked = Command::new(name).args(["-c", OLDEST_PYTHON]).output();
        asked.is_ok_and(|output| output.status.success())
    };
    candidates.into_iter().find(is_new_enough).ok_or_else(|| "there is no python3 of that age".to_owned())
}

fn said(output: std::io::Result<Output>, what: &str) -> Result<(), String> {
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
            let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
            Err(format!("{what} failed: {last}"))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Err(format!("{what} is not there")),
        Err(error) => Err(format!("{what} failed: {error}")),
    }
}
