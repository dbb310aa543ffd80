//! The dashboard in a terminal, by the keys that its footer shows: a newcomer deploys, starts a job and sees it land.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};
use vaultscope::clock::real_now;

/// Nothing that these tests wait for takes so long.
const LIMIT: Duration = Duration::from_secs(120);

pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    /// Everything that was written to it.
    written: Vec<u8>,
}

impl Terminal {
    pub fn open(columns: u16, rows: u16) -> Self {
        Self::open_with(&[], columns, rows)
    }

    pub fn open_with(args: &[&str], columns: u16, rows: u16) -> Self {
        let command = [&[env!("CARGO_BIN_EXE_vaultscope")], args].concat();
        Self::running(&command, &[("TERM", "xterm-256color")], columns, rows)
    }

    /// Runs a command in a terminal with nothing in its environment that says something of the terminal but `env`.
    pub fn running(words: &[&str], env: &[(&str, &str)], columns: u16, rows: u16) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a terminal");
        let mut command = CommandBuilder::new(words[0]);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
            command.env_remove(name);
        }
        command.args(&words[1..]);
        for name in ["COLORTERM", "COLORFGBG", "NO_COLOR", "TMUX", "VAULTSCOPE_THEME", "VAULTSCOPE_CONFIG"] {
            command.env_remove(name);
        }
        for (name, value) in env {
            command.env(name, value);
        }
        command.env("XDG_CONFIG_HOME", "/nonexistent");
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        let child = pair.slave.spawn_command(command).expect("the binary starts");
        let keys = pair.master.take_writer().expect("a writer");
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let (send, output) = mpsc::channel();
        thread::spawn(move || {
            let _master = pair.master;
            let mut buffer = [0; 16 * 1024];
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                if send.send(buffer[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        let cells = |count| NonZeroU16::new(count).expect("a terminal has cells");
        let screen = vt100::Parser::new(cells(rows), cells(columns), 0);
        Self { child, keys, output, screen, written: Vec::new() }
    }

    /// Everything that was written to it, as text.
    pub fn written(&self) -> String {
        String::from_utf8_lossy(&self.written).into_owned()
    }

    /// Waits until `what` was written to it.
    pub fn is_sent(&mut self, what: &str) {
        let began = real_now();
        while !self.written().contains(what) {
            assert!(began.elapsed() < LIMIT, "{what:?} was never written:\n{}", self.text());
            self.read();
        }
    }

    fn read(&mut self) {
        if let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(50)) {
            self.screen.process(&bytes);
            self.written.extend(bytes);
        }
    }

    /// Takes in what has been written meanwhile.
    pub fn looks(&mut self) {
        self.read();
    }

    pub fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// Waits until the screen shows `what`.
    pub fn shows(&mut self, what: &str) {
        let began = real_now();
        while !self.text().contains(what) {
            assert!(began.elapsed() < LIMIT, "the screen never showed {what:?}:\n{}", self.text());
            self.read();
        }
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).and_then(|()| self.keys.flush()).expect("the terminal takes keys");
    }

    /// Presses a key as soon as the footer offers it under a word.
    pub fn press_offered(&mut self, key: &str, word: &str) {
        self.shows(&format!(" {key} {word} "));
        self.press(key);
    }

    /// Deploys the stack that is offered, its change set shown before.
    pub fn deploys(&mut self) {
        self.press_offered("d", "deploy");
        self.shows("Change set");
        self.shows("Enter deploy");
        self.press("\r");
        self.shows("COMPLETE");
    }

    /// Starts the job that the form shows at first.
    pub fn starts_a_job(&mut self) {
        self.press_offered("s", "start job");
        self.shows("Missing files");
        self.press("\r");
    }

    pub fn ends(mut self) {
        let began = real_now();
        loop {
            if let Some(status) = self.child.try_wait().expect("the process can be waited for") {
                assert!(status.success(), "the dashboard ended with {status:?}");
                return;
            }
            assert!(began.elapsed() < LIMIT, "the dashboard did not end:\n{}", self.text());
            thread::sleep(Duration::from_millis(20));
        }
    }
}

fn a_job_lands(columns: u16, rows: u16) {
    let mut terminal = Terminal::open(columns, rows);
    terminal.shows("EMBEDDED");
    terminal.deploys();
    terminal.starts_a_job();
    terminal.shows("Reconciliation Successful");
    terminal.press("q");
    terminal.ends();
}

#[test]
fn a_job_lands_at_120_by_40() {
    a_job_lands(120, 40);
}

#[test]
fn a_job_lands_at_80_by_24() {
    a_job_lands(80, 24);
}

#[test]
fn a_dataset_is_found_in_the_bucket_and_in_the_guide() {
    let mut terminal = Terminal::open(120, 40);
    terminal.shows("EMBEDDED");
    terminal.press("8");
    terminal.shows("1.1 Know a dataset when you see one");
    terminal.shows(" Enter do ");
    terminal.press("\r");
    terminal.shows("✓ 1.1 Know a dataset");
    terminal.press("1");
    terminal.deploys();
    // The bucket is there, and nothing in it.
    terminal.press("6");
    terminal.shows("▾ eventprocessing");
    terminal.shows("empty");
    terminal.starts_a_job();
    terminal.shows("is vaulted");
    terminal.press("gr");
    terminal.shows("-vaultjob/");
    terminal.press("j\r");
    terminal.shows(".manifest");
    terminal.press("/manifest\r");
    terminal.shows("Preview ");
    terminal.shows("── text");
    terminal.press("8");
    for step in ["3.1 Deploy", "3.2 Find", "5.2 Vault", "6.1 Look"] {
        terminal.shows(&format!("✓ {step}"));
    }
    terminal.shows("✓ 6.5 Find the reconciliation event");
    terminal.press("\u{3}");
    terminal.ends();
}

#[test]
fn a_session_is_recorded_and_shown_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("session.jsonl");
    let file = file.to_str().expect("UTF-8");
    let mut terminal = Terminal::open_with(&["--record", file], 120, 40);
    terminal.shows("EMBEDDED");
    terminal.press("4");
    terminal.shows("Reconcile");
    terminal.press("q");
    terminal.shows("Pipeline");
    terminal.press("4");
    terminal.shows("Reconcile");
    terminal.press("\u{3}");
    terminal.ends();

    let mut replay = Terminal::open_with(&["replay", file, "--speed", "10"], 100, 30);
    replay.shows("REPLAY");
    replay.shows("■");
    replay.shows("Reconcile");
    replay.press("1");
    replay.shows("you have the keys now");
    replay.press("d");
    replay.shows("this is a replay");
    replay.press("q");
    replay.ends();
}

#[test]
fn a_scenario_is_played_from_the_gateway_page_and_its_end_is_said() {
    let mut terminal = Terminal::open(120, 40);
    terminal.shows("EMBEDDED");
    terminal.press("7");
    terminal.press_offered("Enter", "play");
    // The first; nothing had to be deployed before.
    terminal.press("\r");
    terminal.shows("✓ in-order ended as expected");
    // Its dataset, changed: twelve files for forty, and an id of its own.
    terminal.press_offered("e", "edit");
    terminal.shows("Edit in-order");
    terminal.press("\u{7f}\u{7f}12\t\t\t\t\t\t\tedited\r");
    terminal.shows("dataset edited is vaulted: 18 keys");
    terminal.press("q");
    terminal.press("q");
    terminal.ends();
}

#[test]
fn a_gateway_that_plays_is_held_and_stepped() {
    let mut terminal = Terminal::open(120, 40);
    terminal.shows("EMBEDDED");
    terminal.press("7");
    terminal.press_offered("Enter", "play");
    terminal.shows("hundred-thousand");
    // The last, which takes long enough for any machine.
    terminal.press("jjjjjjjjjjjjj\r");
    terminal.shows("◐ hundred-thousand");
    terminal.press_offered("p", "hold");
    terminal.shows("Held");
    terminal.press("n");
    terminal.shows(" p go on ");
    terminal.press("\u{3}");
    terminal.ends();
}

#[test]
fn a_file_is_traced_and_a_graph_is_sized() {
    let mut terminal = Terminal::open(120, 40);
    terminal.shows("EMBEDDED");
    terminal.deploys();
    terminal.starts_a_job();
    terminal.shows("Reconciliation Successful");
    // The last item of the table: every hop of it is in the endpoint's trace.
    terminal.press("4\t");
    terminal.press_offered("Enter", "trace");
    terminal.press("\r");
    terminal.shows("traced");
    terminal.shows("λ write");
    terminal.press("\r");
    terminal.shows("Timeline");
    terminal.shows("reconcileCheck");
    terminal.press("\u{1b}");
    terminal.shows("Items 212");
    terminal.press_offered("i", "item");
    terminal.shows("Item · read ");
    terminal.shows("\"objectSize\": {\"N\": \"");
    terminal.press("5\t");
    terminal.shows("succeeded");
    terminal.press_offered("+", "larger");
    terminal.press("+");
    terminal.shows("details");
    terminal.press("g");
    terminal.shows("State · configureCountState");
    terminal.press("\u{3}");
    terminal.ends();
}
