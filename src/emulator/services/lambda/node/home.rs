//! The folder of a Node.js runtime: AWS's runtime client and SDK at versions that are pinned, and what starts a function.
//!
//! The client's transport is a native addon that its installation compiles with CMake, a C++ compiler and autotools, which
//! few machines have; its scripts are not run, and `transport.cjs` stands in for the addon. The folder is made beside its
//! place and then moved there, so that what has the name is whole.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::super::interpreter::{Launch, install};
use super::Node;

/// The runtime client: the last version that runs on Node.js before 22.
const CLIENT: &str = "aws-lambda-ric@3.3.0";

/// What is beside the packages; the first one starts a function.
const SOURCES: &[(&str, &str)] = &[
    ("boot.cjs", include_str!("boot.cjs")),
    ("transport.cjs", include_str!("transport.cjs")),
    ("sdk_v2.cjs", include_str!("sdk_v2.cjs")),
    ("answers.cjs", include_str!("answers.cjs")),
    ("imports.mjs", include_str!("imports.mjs")),
];

/// What `nodejs16.x` and its predecessors have.
const SDK_V2: &[&str] = &[CLIENT, "aws-sdk@2.1693.0"];

/// Of what `nodejs18.x` and its successors have: the clients of the endpoint's services, and what is built on them.
const SDK_V3: &[&str] = &[
    CLIENT,
    "@aws-sdk/client-cloudformation@3.1169.0",
    "@aws-sdk/client-cloudwatch-logs@3.1169.0",
    "@aws-sdk/client-dynamodb@3.1162.0",
    "@aws-sdk/client-ec2@3.1169.0",
    "@aws-sdk/client-ecr@3.1169.0",
    "@aws-sdk/client-ecs@3.1162.0",
    "@aws-sdk/client-eventbridge@3.1169.0",
    "@aws-sdk/client-iam@3.1169.0",
    "@aws-sdk/client-lambda@3.1162.0",
    "@aws-sdk/client-s3@3.1169.0",
    "@aws-sdk/client-scheduler@3.1169.0",
    "@aws-sdk/client-sfn@3.1162.0",
    "@aws-sdk/client-sns@3.1169.0",
    "@aws-sdk/client-sqs@3.1169.0",
    "@aws-sdk/client-ssm@3.1169.0",
    "@aws-sdk/client-storage-gateway@3.1048.0",
    "@aws-sdk/client-sts@3.1169.0",
    "@aws-sdk/lib-dynamodb@3.1162.0",
    "@aws-sdk/lib-storage@3.1169.0",
    "@aws-sdk/s3-request-presigner@3.1162.0",
    "@aws-sdk/util-dynamodb@3.996.9",
];

/// Which AWS SDK for JavaScript a runtime has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sdk {
    /// The package `aws-sdk`.
    V2,
    /// The packages `@aws-sdk/…`.
    V3,
}

impl Sdk {
    /// That of the runtime `nodejs<major>.x`.
    pub fn of_runtime(major: u16) -> Self {
        if major < 18 { Self::V2 } else { Self::V3 }
    }

    /// Whether a Node.js runs it.
    ///
    /// # Errors
    /// That it is too old.
    pub fn fits(self, node: &Node) -> Result<(), String> {
        let oldest = match self {
            Self::V2 => 18,
            Self::V3 => 20,
        };
        if node.major < oldest {
            let (program, version) = (node.program.display(), &node.version);
            return Err(format!("{program}: Node.js {version} is too old: install Node.js 20 or later with npm"));
        }
        Ok(())
    }

    fn packages(self) -> &'static [&'static str] {
        match self {
            Self::V2 => SDK_V2,
            Self::V3 => SDK_V3,
        }
    }
}

/// `nodejs-sdk2-0123456789abcdef`: other packages or sources are another folder.
pub fn name(sdk: Sdk) -> String {
    let mut digest = Sha256::new();
    for part in sdk.packages().iter().chain(SOURCES.iter().flat_map(|(name, source)| [name, source])) {
        digest.update(part);
        digest.update([0]);
    }
    let digest = digest.finalize();
    let digest = digest.first_chunk().map_or(0, |chunk| u64::from_be_bytes(*chunk));
    let version = if sdk == Sdk::V2 { 2 } else { 3 };
    format!("nodejs-sdk{version}-{digest:016x}")
}

fn boot(folder: &Path) -> PathBuf {
    folder.join(SOURCES[0].0)
}

fn launch(folder: &Path, node: &Node) -> Launch {
    Launch {
        program: node.program.clone(),
        arguments: vec![boot(folder).into_os_string()],
        // The CDK's providers install the newest SDK v2 into /tmp, which is the one they have, and do without where they
        // cannot; here /tmp is everybody's, and a machine without a network would keep them waiting for a minute.
        variables: vec![
            ("NODE_PATH", folder.join("node_modules").into_os_string()),
            ("npm_config_offline", "true".into()),
        ],
    }
}

/// What starts functions from a folder that is there.
pub fn existing(cache: &Path, node: &Node, sdk: Sdk) -> Option<Launch> {
    let folder = cache.join(name(sdk));
    boot(&folder).is_file().then(|| launch(&folder, node))
}

/// Makes the folder.
///
/// # Errors
/// What went wrong, in the words of the tool that failed.
pub async fn make(cache: &Path, node: &Node, sdk: Sdk) -> Result<Launch, String> {
    let place = cache.join(name(sdk));
    let failed = |error: std::io::Error| format!("the folder {} cannot be made: {error}", place.display());
    std::fs::create_dir_all(cache).map_err(failed)?;
    let beside = tempfile::Builder::new().prefix(".making-").tempdir_in(cache).map_err(failed)?;
    let folder = beside.path().join("home");
    std::fs::create_dir(&folder).map_err(failed)?;
    let mut npm = Command::new(&node.npm);
    npm.args(["install", "--prefix"]).arg(&folder).current_dir(&folder);
    npm.args(["--ignore-scripts", "--no-package-lock", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"]);
    install(npm.args(sdk.packages()), &format!("npm install {}", sdk.packages().get(1).unwrap_or(&CLIENT))).await?;
    // The addon's place: where the client looks for it, `boot.cjs` puts the transport.
    let addon = folder.join("node_modules/aws-lambda-ric/dist/rapid-client.node");
    std::fs::write(addon, []).map_err(failed)?;
    for (name, source) in SOURCES {
        std::fs::write(folder.join(name), source).map_err(failed)?;
    }
    match std::fs::rename(&folder, &place) {
        Ok(()) => Ok(launch(&place, node)),
        // Another process was faster.
        Err(error) => existing(cache, node, sdk).ok_or_else(|| failed(error)),
    }
}
