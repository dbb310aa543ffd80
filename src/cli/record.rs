//! Writes down what happens in the dashboard, line by line, as it happens.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::tui::{Entry, Event, Header, Setup};

/// Nothing that happened is kept from the file for longer.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// A recording under way.
pub struct Recorder {
    /// Who is told.
    pub entries: mpsc::UnboundedSender<Entry>,
    writing: JoinHandle<std::io::Result<()>>,
}

impl Recorder {
    /// Begins a new file; one that is there already is left alone. What cannot be written later is said through `problems`.
    pub fn begin(path: &Path, setup: Setup, problems: mpsc::Sender<Event>) -> anyhow::Result<Self> {
        let named = || format!("cannot record to {}", path.display());
        let file = File::create_new(path).with_context(named)?;
        let mut file = BufWriter::new(file);
        write(&mut file, &Header::new(setup)).with_context(named)?;
        let (entries, told) = mpsc::unbounded_channel();
        let path = path.to_owned();
        let writing = tokio::spawn(async move {
            let ended = keep(file, told).await;
            if let Err(error) = &ended {
                let text = format!("the recording {} ends here: {error}", path.display());
                // Once the dashboard has gone, `end` says it.
                let _ = problems.send(Event::Problem(text)).await;
            }
            ended
        });
        Ok(Self { entries, writing })
    }

    /// Writes what is left.
    pub async fn end(self) -> anyhow::Result<()> {
        drop(self.entries);
        self.writing.await?.context("the recording is not whole")
    }
}

async fn keep(mut file: BufWriter<File>, mut told: mpsc::UnboundedReceiver<Entry>) -> std::io::Result<()> {
    let mut beat = tokio::time::interval(FLUSH_EVERY);
    loop {
        tokio::select! {
            entry = told.recv() => match entry {
                Some(entry) => write(&mut file, &entry)?,
                None => return file.flush(),
            },
            _ = beat.tick() => file.flush()?,
        }
    }
}

fn write(file: &mut BufWriter<File>, line: &impl serde::Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *file, line)?;
    file.write_all(b"\n")
}
