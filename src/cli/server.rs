//! What kind of server an endpoint is, by the paths that each kind has beside AWS's protocols. Only for words and for what
//! its functions can run: nothing of the pipeline depends on a server's name.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::control;

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
        if control::clock_of(url).await.is_some() {
            return Self::Vaultscope;
        }
        if let Ok(answer) = control::get(url, "/_ministack/health").await {
            return Self::Ministack { version: text(&answer, "version") };
        }
        match control::get(url, "/_localstack/info").await {
            Ok(answer) => {
                let version = text(&answer, "version").unwrap_or_default();
                // 4.14.0:d1c0b5b, where the build is named too.
                let version = version.split(':').next().unwrap_or_default().to_owned();
                Self::LocalStack { version, is_docker: answer["is_docker"].as_bool().unwrap_or_default() }
            }
            Err(_) => Self::Unknown,
        }
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
