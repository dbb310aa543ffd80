//! What a function's process writes: one pipe for standard output and error, cut into lines.
//!
//! Nobody reads it while the process is idle; the one who waits for an invocation does. As the process writes before
//! it answers, [`Output::drain`] after the answer sees every line of the invocation.

use std::io::{self, PipeReader, Read};
use std::process::Stdio;

use tokio::net::unix::pipe::Receiver;

/// The longest line; a longer one is cut, as CloudWatch Logs cuts events of more than 256 KB.
const LONGEST_LINE: usize = 256 * 1024;

/// The reading end of a process's output.
#[derive(Debug)]
pub struct Output {
    ready: Receiver,
    pipe: PipeReader,
    partial: Vec<u8>,
    open: bool,
}

impl Output {
    /// A pipe: what reads it, and the ends for the process's standard output and standard error.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn pipe() -> io::Result<(Self, Stdio, Stdio)> {
        let (reader, writer) = io::pipe()?;
        let pipe = reader.try_clone()?;
        let stdout = writer.try_clone()?;
        // Makes the pipe non-blocking, for both of its handles here.
        let ready = Receiver::from_owned_fd(reader.into())?;
        let output = Self { ready, pipe, partial: Vec::new(), open: true };
        Ok((output, stdout.into(), writer.into()))
    }

    /// Waits until there may be something to read; for ever once every writer has gone.
    pub async fn readable(&mut self) {
        if !self.open || self.ready.readable().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Reads what is there, after [`Output::readable`], and gives each whole line to `line`.
    pub fn read_ready(&mut self, line: impl FnMut(String)) {
        let mut buffer = [0; 8 * 1024];
        match self.ready.try_read(&mut buffer) {
            Ok(0) => self.open = false,
            Ok(count) => self.take(&buffer[..count], line),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(_) => self.open = false,
        }
    }

    /// Reads all that was written until now, whether or not the reactor has noticed it.
    pub fn drain(&mut self, mut line: impl FnMut(String)) {
        let mut buffer = [0; 8 * 1024];
        loop {
            match self.pipe.read(&mut buffer) {
                Ok(0) => {
                    self.open = false;
                    return;
                }
                Ok(count) => self.take(&buffer[..count], &mut line),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    /// Gives the last line even when it has no end: nothing will follow it.
    pub fn finish(&mut self, mut line: impl FnMut(String)) {
        self.drain(&mut line);
        if !self.partial.is_empty() {
            line(text(&std::mem::take(&mut self.partial)));
        }
    }

    fn take(&mut self, mut bytes: &[u8], mut line: impl FnMut(String)) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (head, rest) = bytes.split_at(end);
            bytes = &rest[1..];
            if self.partial.is_empty() {
                line(text(head));
            } else {
                self.keep(head);
                line(text(&std::mem::take(&mut self.partial)));
            }
        }
        self.keep(bytes);
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = LONGEST_LINE.saturating_sub(self.partial.len());
        self.partial.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_put_together_from_any_pieces() {
        let (mut output, ..) = Output::pipe().expect("a pipe");
        let mut lines = Vec::new();
        for piece in ["one\ntw", "", "o\r\n", "\nend"] {
            output.take(piece.as_bytes(), |line| lines.push(line));
        }
        output.finish(|line| lines.push(line));
        assert_eq!(lines, ["one", "two", "", "end"]);
    }

    #[tokio::test]
    async fn a_line_without_an_end_takes_bounded_memory() {
        let (mut output, ..) = Output::pipe().expect("a pipe");
        for _ in 0..100 {
            output.take(&[b'x'; 8 * 1024], |_| panic!("there is no end of a line"));
        }
        assert_eq!(output.partial.len(), LONGEST_LINE);
    }
}
