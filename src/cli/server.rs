//! What kind of server an endpoint is, by the paths that each kind has beside AWS's protocols. Only for words and for what
//! its functions can run: nothing of the pipeline depends on a server's name.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::control;
use crate::aws::{Account, CHECK_LIMIT, CheckError, Clients, identify};

/// The first call of a server that loads its services when they are first called.
const FIRST_CALL_LIMIT: Duration = Duration::from_secs(30);

/// The software behind an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "software", rename_all = "camelCase")]
pub enum Server {
    /// `vaultscope emulator`.
    Vaultscope,
    /// LocalStack.
    #[serde(rename_all = "camelCase")]
    LocalStack {
        /// `4.14.0`
        version: String,
        /// Whether its functions run in containers, which do not see this machine's programs.
        is_docker: bool,
    },
    /// ministack.
    Ministack {
        /// `1.5.33`, where it says so.
        version: Option<String>,
    },
    /// Some other one.
    Unknown,
}

impl Server {
    /// Asks the endpoint at `url`.
    pub async fn at(url: &str) -> Self {
        let text = |answer: &Value, key: &str| answer[key].as_str().map(str::to_owned);
        if let Ok(answer) = control::get(url, "/_localstack/info").await {
            let version = text(&answer, "version").unwrap_or_default();
            // 4.14.0:d1c0b5b, where the build is named too.
            let version = version.split(':').next().unwrap_or_default().to_owned();
            return Self::LocalStack { version, is_docker: answer["is_docker"].as_bool().unwrap_or_default() };
        }
        if let Ok(answer) = control::get(url, "/_ministack/health").await {
            return Self::Ministack { version: text(&answer, "version") };
        }
        match control::clock_of(url).await {
            Some(_) => Self::Vaultscope,
            None => Self::Unknown,
        }
    }
}

impl Server {
    /// Its name in one word, where that says more than that it is an endpoint.
    #[must_use]
    pub fn word(&self) -> Option<&'static str> {
        match self {
            Self::LocalStack { .. } => Some("LocalStack"),
            Self::Ministack { .. } => Some("ministack"),
            Self::Vaultscope | Self::Unknown => None,
        }
    }

    /// Whether its functions see this machine's files.
    #[must_use]
    pub fn runs_here(&self) -> bool {
        !matches!(self, Self::LocalStack { is_docker: true, .. })
    }
}

/// Asks a target whose account it is, and an endpoint what software it is.
///
/// A server that is known to be one of AWS's kind and does not answer its first call in time is asked once more with more
/// patience: LocalStack loads each service when it is first called.
pub async fn greet(clients: &Clients, url: Option<&str>) -> (Result<Account, CheckError>, Option<Server>) {
    let server = async {
        match url {
            Some(url) => tokio::time::timeout(CHECK_LIMIT, Server::at(url)).await.ok(),
            None => None,
        }
    };
    let (answer, server) = tokio::join!(identify(clients, CHECK_LIMIT), server);
    match (&answer, &server) {
        (Err(CheckError::Silent { .. }), Some(Server::LocalStack { .. } | Server::Ministack { .. })) => {
            (identify(clients, FIRST_CALL_LIMIT).await, server)
        }
        _ => (answer, server),
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vaultscope => f.write_str("vaultscope emulator"),
            Self::LocalStack { version, is_docker: false } => write!(f, "LocalStack {version}"),
            Self::LocalStack { version, is_docker: true } => write!(f, "LocalStack {version} in Docker"),
            Self::Ministack { version: Some(version) } => write!(f, "ministack {version}"),
            Self::Ministack { version: None } => f.write_str("ministack"),
            Self::Unknown => f.write_str("an endpoint of another kind"),
        }
    }
}
