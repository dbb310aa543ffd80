//! What the task's image is on an endpoint of ours, which has a table of images instead of a registry.

use anyhow::Context;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::deploy::Stack;

use super::super::control;
use super::super::server::Server;
use super::super::session::Session;

/// The stack's output that names the task's image.
pub const IMAGE: &str = "s3tarImage";
const PATH: &str = "/_vaultscope/images";

/// What takes the image's place for a while.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Dress {
    /// The task, as it is.
    #[default]
    Task,
    /// Its first runs end at once with these codes; later ones are the task.
    Exits(Vec<u8>),
    /// Nobody has the image.
    Missing,
}

/// The image while it is another one.
pub struct Dressed {
    before: Option<(String, Value)>,
    /// Counts the runs.
    _folder: Option<TempDir>,
}

/// Where an endpoint of ours listens.
pub fn endpoint(session: &Session) -> Option<String> {
    let is_ours = session.emulator.is_some() || session.server == Some(Server::Vaultscope);
    session.url().filter(|_| is_ours)
}

/// Sees to it that an endpoint of ours runs this very program for the task's image, unless it has something else for it.
///
/// # Errors
/// When the endpoint does not answer.
pub async fn provide(session: &Session, image: &str) -> anyhow::Result<()> {
    let Some(url) = endpoint(session) else { return Ok(()) };
    let known = control::get(&url, PATH).await?;
    let name = image.rsplit('/').next().unwrap_or(image).split([':', '@']).next().unwrap_or_default();
    if known["images"].get(image).is_some() || name.ends_with("s3tar") || name.ends_with("vaultscope") {
        return Ok(());
    }
    control::post(&url, PATH, json!({ (image): task()? })).await?;
    Ok(())
}

/// The same for a stack that was deployed.
///
/// # Errors
/// When the endpoint does not answer.
pub async fn provide_for(session: &Session, stack: &Stack) -> anyhow::Result<()> {
    match stack.output(IMAGE) {
        Some(image) => provide(session, image).await,
        None => Ok(()),
    }
}

fn task() -> anyhow::Result<[String; 2]> {
    let this = std::env::current_exe().context("this program cannot be found")?;
    Ok([this.to_string_lossy().into_owned(), "s3tar-task".to_owned()])
}

impl Dressed {
    /// Changes the image.
    ///
    /// # Errors
    /// When the target has no table of images, or refuses the change.
    pub async fn put_on(session: &Session, image: &str, dress: &Dress) -> anyhow::Result<Self> {
        let (words, folder) = match dress {
            Dress::Task => return Ok(Self { before: None, _folder: None }),
            Dress::Missing => (Value::Bool(false), None),
            Dress::Exits(codes) => {
                let folder = tempfile::tempdir().context("no folder for the container's count can be made")?;
                let count = folder.path().join("runs").to_string_lossy().into_owned();
                let [program, command] = task()?;
                (json!(["/bin/sh", "-c", script(codes), count, program, command]), Some(folder))
            }
        };
        let url = endpoint(session).context("only an endpoint of ours can be told what an image runs")?;
        let known = control::get(&url, PATH).await?;
        let before = known["images"].get(image).cloned().unwrap_or_default();
        control::post(&url, PATH, json!({ (image): words })).await?;
        Ok(Self { before: Some((image.to_owned(), before)), _folder: folder })
    }

    /// Makes it what it was.
    ///
    /// # Errors
    /// When the endpoint does not answer.
    pub async fn take_off(self, session: &Session) -> anyhow::Result<()> {
        let (Some((image, before)), Some(url)) = (self.before, endpoint(session)) else { return Ok(()) };
        control::post(&url, PATH, json!({ (image): before })).await?;
        Ok(())
    }
}

/// Counts its runs in the file `$0`, ends the first ones with their codes, and becomes the words behind it.
fn script(codes: &[u8]) -> String {
    let cases: Vec<String> = codes.iter().enumerate().map(|(run, code)| format!("{run}) exit {code};; ")).collect();
    let cases = cases.concat();
    format!(
        "n=$(cat \"$0\" 2>/dev/null || echo 0); echo $((n + 1)) >\"$0\"; echo \"run $n of the container\"; case $n in {cases}esac; exec \"$@\""
    )
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn the_first_runs_end_with_their_codes_and_later_ones_are_the_task() {
        let folder = tempfile::tempdir().expect("a folder");
        let count = folder.path().join("a 'count'");
        let ends: Vec<_> = (0..4)
            .map(|_| {
                let mut shell = Command::new("/bin/sh");
                shell.arg("-c").arg(script(&[2, 1])).arg(&count).args(["/bin/sh", "-c", "exit 42"]);
                shell.output().expect("a shell").status.code()
            })
            .collect();
        assert_eq!(ends, [Some(2), Some(1), Some(42), Some(42)]);
    }
}
