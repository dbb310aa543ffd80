//! A session written down, so that it can be shown again: a line of JSON that says what the dashboard was opened with, then
//! a line for each thing that happened, `[milliseconds since the start, event]`. Ticks are left out: a replay has
//! its own. It must not open files: whoever records or replays does.

use serde::{Deserialize, Serialize};

use super::{Event, Setup};

/// The version of the lines' shape.
const VERSION: u32 = 1;

/// The first line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// Says what the file is, and the version of its shape.
    vaultscope_recording: u32,
    /// What the dashboard was opened with.
    pub setup: Setup,
}

impl Header {
    /// The first line of a recording of a dashboard that is opened with `setup`.
    #[must_use]
    pub const fn new(setup: Setup) -> Self {
        Self { vaultscope_recording: VERSION, setup }
    }
}

/// Something that happened: so many milliseconds after the start, and what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry(pub u64, pub Event);

/// A session as it was written down.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// What the dashboard was opened with.
    pub setup: Setup,
    /// What happened, in the order in which it did.
    pub entries: Vec<Entry>,
    /// Whether the last line ends early, as after a crash; what stood before it is whole.
    pub is_cut: bool,
}

/// Why a text is no recording.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The first line is something else.
    #[error("it is no recording of vaultscope: one is made with `vaultscope --record FILE`")]
    Other,
    /// Another version wrote it.
    #[error(
        "it was recorded in version {0} of the format and this vaultscope reads version {VERSION}: record it again"
    )]
    Version(u32),
    /// A line that cannot be read.
    #[error("line {line} cannot be read: {problem}")]
    Line {
        /// From 1.
        line: usize,
        /// What is wrong with it.
        problem: serde_json::Error,
    },
}

impl Recording {
    /// Reads the lines of a recording.
    ///
    /// # Errors
    /// When it is none, is of another version, or has a line before its last one that cannot be read.
    pub fn read(text: &str) -> Result<Self, RecordingError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Mark {
            vaultscope_recording: u32,
        }
        let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line)).peekable();
        let first = lines.next().map_or("", |(_, line)| line);
        match serde_json::from_str::<Mark>(first) {
            Err(_) => return Err(RecordingError::Other),
            Ok(Mark { vaultscope_recording: VERSION }) => {}
            Ok(mark) => return Err(RecordingError::Version(mark.vaultscope_recording)),
        }
        let header: Header =
            serde_json::from_str(first).map_err(|problem| RecordingError::Line { line: 1, problem })?;
        let mut recording = Self { setup: header.setup, entries: Vec::new(), is_cut: false };
        while let Some((line, text_of_line)) = lines.next() {
            match serde_json::from_str(text_of_line) {
                Ok(entry) => recording.entries.push(entry),
                Err(_) if lines.peek().is_none() && !text.ends_with('\n') => recording.is_cut = true,
                Err(problem) => return Err(RecordingError::Line { line, problem }),
            }
        }
        Ok(recording)
    }

    /// Milliseconds from its start to its end.
    #[must_use]
    pub fn length_ms(&self) -> u64 {
        self.entries.last().map_or(0, |entry| entry.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(entries: &[Entry]) -> String {
        let header = serde_json::to_string(&Header::new(Setup::default())).expect("written");
        let entries = entries.iter().map(|entry| serde_json::to_string(entry).expect("written"));
        [header].into_iter().chain(entries).map(|line| line + "\n").collect()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let entries = vec![Entry(5, Event::Resize(80, 24)), Entry(1_200, Event::Problem("a \"b\"\n".to_owned()))];
        let recording = Recording::read(&lines(&entries)).expect("read");
        assert_eq!((recording.entries.as_slice(), recording.is_cut), (entries.as_slice(), false));
        assert_eq!(recording.length_ms(), 1_200);
    }

    #[test]
    fn a_last_line_that_ends_early_costs_no_more_than_itself() {
        let text = lines(&[Entry(5, Event::Resize(80, 24))]) + "[9,{\"prob";
        let recording = Recording::read(&text).expect("read");
        assert_eq!((recording.entries.len(), recording.is_cut), (1, true));
    }

    #[test]
    fn what_is_no_recording_is_said() {
        let said = |text: &str| Recording::read(text).expect_err("refused").to_string();
        assert!(said("").contains("no recording of vaultscope"));
        assert!(said("{\"a\":1}\n").contains("no recording of vaultscope"));
        assert!(said("{\"vaultscopeRecording\":7}\n").contains("version 7"));
        let broken = lines(&[]) + "[1,{\"nothing\":1}]\n" + "[2,{\"problem\":\"p\"}]\n";
        assert!(said(&broken).starts_with("line 2 cannot be read"), "{}", said(&broken));
    }
}
