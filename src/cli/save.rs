//! Log lines written to a new file, away from what draws. A file that is there already is never written over.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;

use crate::model::words::counted;
use crate::model::{LogLine, Timestamp};

/// Files of one name that are tried: saved twice within a second, or while time stands still.
const NAMES: u32 = 1_000;

type Lines = Vec<(Timestamp, Arc<LogLine>)>;

/// Writes lines to a file of that name in the current folder; says how many and where.
///
/// # Errors
/// When the folder cannot be written to, or is full.
pub async fn lines(name: String, lines: Lines) -> anyhow::Result<String> {
    tokio::task::spawn_blocking(move || {
        let folder = std::env::current_dir().context("the current folder is gone: start vaultscope in another one")?;
        let path = write(&folder, &name, &lines)?;
        let file = path.file_name().unwrap_or_default().display();
        Ok(format!("{} saved: {file} in {}", counted(lines.len(), "line"), folder.display()))
    })
    .await?
}

/// Writes lines to the first file of that name that is not there yet: a line has its moment, its log group and its
/// message as it stands, with tabs between them.
fn write(folder: &Path, name: &str, lines: &[(Timestamp, Arc<LogLine>)]) -> anyhow::Result<PathBuf> {
    let (path, file) = create(folder, name)?;
    let written = put(file, lines);
    if let Err(error) = written {
        // A part of the lines would pass for all of them.
        let left = std::fs::remove_file(&path).is_err();
        let left = if left { " (a part of the lines is in it)" } else { "" };
        return Err(error)
            .with_context(|| format!("cannot write {}{left}: make room on the disk and save again", path.display()));
    }
    Ok(path)
}

fn create(folder: &Path, name: &str) -> anyhow::Result<(PathBuf, File)> {
    for number in 1..=NAMES {
        let number = if number == 1 { String::new() } else { format!("-{number}") };
        let path = folder.join(format!("{name}{number}.log"));
        match File::create_new(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => {
                let remedy = "start vaultscope in a folder that can be written to";
                return Err(error).with_context(|| format!("cannot make {}: {remedy}", path.display()));
            }
        }
    }
    anyhow::bail!("{name}.log is there {NAMES} times already in {}: move some of them", folder.display())
}

fn put(file: File, lines: &[(Timestamp, Arc<LogLine>)]) -> io::Result<()> {
    let mut out = BufWriter::new(file);
    for (at, line) in lines {
        writeln!(out, "{}\t{}\t{}", at.iso_millis(), line.role.stem(), line.message.trim_end_matches('\n'))?;
    }
    out.into_inner()?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::LogRole;

    fn line(millis: i64, role: LogRole, message: &str) -> (Timestamp, Arc<LogLine>) {
        let line = LogLine { role, event_id: millis.to_string(), message: message.to_owned(), upload: None };
        (Timestamp::from_millis(millis), Arc::new(line))
    }

    #[test]
    fn a_line_stands_in_the_file_as_it_does_on_the_page() {
        let folder = tempfile::tempdir().expect("a folder");
        let lines = [
            line(1_604_577_600_250, LogRole::DataFileUpload, "{\"a\": \"日本\"}"),
            line(1_604_577_601_000, LogRole::Task, "archived\n"),
        ];
        let path = write(folder.path(), "vaultscope-logs-S-20201105T120001Z", &lines).expect("it is written");
        let text = std::fs::read_to_string(&path).expect("a file");
        let wanted =
            "2020-11-05T12:00:00.250Z\tdataFileUpload\t{\"a\": \"日本\"}\n2020-11-05T12:00:01.000Z\ttask\tarchived\n";
        assert_eq!(text, wanted);
    }

    #[test]
    fn what_is_there_is_never_written_over() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("logs.log"), "mine").expect("a file");
        let names: Vec<String> = (0..2)
            .map(|_| write(folder.path(), "logs", &[line(0, LogRole::Task, "a")]).expect("it is written"))
            .map(|path| path.file_name().unwrap_or_default().to_string_lossy().into_owned())
            .collect();
        assert_eq!(names, ["logs-2.log", "logs-3.log"]);
        assert_eq!(std::fs::read_to_string(folder.path().join("logs.log")).expect("a file"), "mine");
    }

    #[test]
    fn a_folder_that_takes_no_file_is_named_with_what_helps() {
        let folder = tempfile::tempdir().expect("a folder");
        let gone = folder.path().join("gone");
        let said = write(&gone, "logs", &[]).map(|_| ()).expect_err("there is no folder");
        let said = format!("{said:#}");
        assert!(said.contains("gone") && said.contains("start vaultscope in a folder"), "{said}");
    }
}
