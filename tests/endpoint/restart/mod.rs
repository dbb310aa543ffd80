//! Endpoints that keep their state: what was acknowledged is there when another one starts on what the first one left.

mod cloudformation;
mod dynamodb;
mod ecs;
mod lambda;
mod s3;
mod states;
mod storagegateway;

use std::path::Path;

use aws_config::SdkConfig;
use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;
use vaultscope::emulator::{Emulator, EmulatorConfig};

use crate::support;

/// An endpoint over a folder of its own.
pub struct Life {
    pub emulator: Emulator,
    pub config: SdkConfig,
    folder: TempDir,
}

impl Life {
    /// One that begins with nothing.
    pub async fn begin() -> Self {
        Self::over(tempfile::tempdir().expect("a folder")).await
    }

    async fn over(folder: TempDir) -> Self {
        let data_dir = Some(folder.path().to_owned());
        let (emulator, config) = support::start_with(EmulatorConfig { data_dir, ..EmulatorConfig::default() }).await;
        Self { emulator, config, folder }
    }

    /// The endpoint that begins with what would be there if this one were killed now.
    pub async fn killed(self) -> Self {
        self.emulator.fabric().keep().keep_moment();
        self.emulator.fabric().keep().settled().await.expect("everything is committed");
        let left = tempfile::tempdir().expect("a folder");
        copy(self.folder.path(), left.path());
        // Its processes go with it; what it still writes is in a folder that nobody looks at any more.
        self.emulator.shutdown().await;
        Self::over(left).await
    }
}

/// Calls an operation from inside the endpoint.
async fn call(life: &Life, service: &str, operation: &str, input: Value) -> Value {
    let called = life.emulator.fabric().call("test.amazonaws.com", service, operation, input).await;
    called.unwrap_or_else(|error| panic!("{operation}: {error}"))
}

/// Copies a folder as it is at one moment: databases as their last commit has them.
fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("a folder").map(|entry| entry.expect("an entry")) {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            std::fs::create_dir(&to).expect("a folder");
            copy(&path, &to);
        } else if path.extension().is_some_and(|extension| extension == "sqlite") {
            let database = Connection::open(&path).expect("a database");
            database.execute("VACUUM INTO ?1", [to.to_str().expect("UTF-8")]).expect("copied");
        } else if !path.to_string_lossy().contains(".sqlite-") {
            std::fs::copy(&path, &to).expect("copied");
        }
    }
}
