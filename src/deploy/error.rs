//! Why a stack could not be made or removed, in one sentence with its remedy.

use std::path::PathBuf;

use crate::aws::Problem;

/// What an interruption leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// Nothing was begun.
    Nothing,
    /// CloudFormation goes on creating or updating.
    Deploying,
    /// Buckets may have been emptied, the stack stands.
    Emptying,
    /// CloudFormation goes on deleting.
    Deleting,
}

/// Why a stack could not be made or removed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeployError {
    /// A call failed.
    #[error(transparent)]
    Call(#[from] Problem),
    /// CloudFormation refused the change set.
    #[error("the change set of stack {stack} was refused: {reason}")]
    ChangeSet {
        /// The stack.
        stack: String,
        /// CloudFormation's reason.
        reason: String,
    },
    /// The stack ended in another status than wanted.
    #[error("stack {stack} ended in {status}: {cause}")]
    Ended {
        /// The stack.
        stack: String,
        /// The status.
        status: String,
        /// The first failure.
        cause: String,
    },
    /// The stack's status allows no change.
    #[error("stack {stack} is in {status} and cannot be changed: {remedy}")]
    Stuck {
        /// The stack.
        stack: String,
        /// The status.
        status: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The user interrupted.
    #[error("{}", interrupted(stack, *left))]
    Interrupted {
        /// The stack.
        stack: String,
        /// What goes on or remains.
        left: Left,
    },
    /// There is no executable to package.
    #[error("cannot read {}: {problem}; build it for Amazon Linux 2023 and give its path with --bootstrap", path.display())]
    Executable {
        /// Where it was looked for.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The target cannot run this machine's executable.
    #[error(
        "{target} cannot run this machine's programs: give the functions' executable, built for Amazon Linux 2023, with --bootstrap FILE"
    )]
    NotLocal {
        /// The target.
        target: String,
    },
    /// The artefacts' bucket belongs to somebody else.
    #[error("bucket {bucket} belongs to another account: the functions' artefact cannot be uploaded to it")]
    ForeignBucket {
        /// The bucket.
        bucket: String,
    },
    /// The artefact could not be written.
    #[error("cannot pack the functions' artefact: {0}")]
    Pack(String),
    /// Objects could not be deleted.
    #[error("bucket {bucket} could not be emptied: {problem}")]
    Emptying {
        /// The bucket.
        bucket: String,
        /// What was said.
        problem: String,
    },
}

fn interrupted(stack: &str, left: Left) -> String {
    match left {
        Left::Nothing => format!("interrupted before stack {stack} was changed: nothing is left to clean up"),
        Left::Deploying => format!(
            "interrupted while stack {stack} is being deployed, which goes on: `vaultscope deploy` follows it to its end, `vaultscope destroy` removes it"
        ),
        Left::Emptying => format!(
            "interrupted while the buckets of stack {stack} were being emptied: `vaultscope destroy` goes on from there"
        ),
        Left::Deleting => format!(
            "interrupted while stack {stack} is being deleted, which goes on: `vaultscope destroy` follows it to its end"
        ),
    }
}
