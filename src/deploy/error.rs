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
    /// Somebody else has made the stack.
    #[error("stack {stack} was not made by vaultscope, and what it did not make it does not {deed}: {remedy}")]
    Foreign {
        /// The stack.
        stack: String,
        /// `change` or `delete`.
        deed: &'static str,
        /// What to do.
        remedy: String,
    },
    /// Termination protection is on.
    #[error(
        "stack {stack} has termination protection, so nothing of it was deleted: switch it off first with `aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name {stack}`"
    )]
    Protected {
        /// The stack.
        stack: String,
    },
    /// Other stacks use what the stack holds.
    #[error("stack {stack} holds the functions' zips of {}: nothing was deleted; destroy those first", users.join(", "))]
    InUse {
        /// The stack.
        stack: String,
        /// The others.
        users: Vec<String>,
    },
    /// The change would lose data, and nobody has agreed.
    #[error(
        "the change of stack {stack} would lose what {} hold: nothing was changed; look at it with `vaultscope deploy --preview`, and do it with `vaultscope deploy --yes`",
        resources.join(", ")
    )]
    DataLoss {
        /// The stack.
        stack: String,
        /// Logical IDs with what becomes of them.
        resources: Vec<String>,
    },
    /// There is no executable to package.
    #[error("cannot use {} for the functions: {problem}; {}", path.display(), HOW_TO_BUILD)]
    Executable {
        /// Where it was looked for.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The target cannot run this machine's executable.
    #[error(
        "{target} cannot run this machine's programs: give the functions' executable with --bootstrap FILE; {HOW_TO_BUILD}"
    )]
    NotLocal {
        /// The target.
        target: String,
    },
    /// A template of ours cannot be read, which a test keeps from happening.
    #[error("the template {0} cannot be read")]
    Template(&'static str),
    /// The bootstrap stack is another one.
    #[error(
        "stack {stack} has no output {output}, so it is not vaultscope's: give a bucket for the functions' artefact with --artefact-bucket"
    )]
    NoStore {
        /// The stack.
        stack: String,
        /// What it lacks.
        output: &'static str,
    },
    /// The bucket for artefacts is missing.
    #[error("bucket {bucket} does not exist: {}", missing(*is_own))]
    MissingBucket {
        /// The bucket.
        bucket: String,
        /// Whether it is the bootstrap stack's.
        is_own: bool,
    },
    /// The artefacts' bucket may not be used.
    #[error(
        "bucket {bucket} may not be read by these credentials, or belongs to another account: the functions' artefact cannot be uploaded to it"
    )]
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

/// The remedy wherever an executable for Amazon Linux is wanted.
pub(super) const HOW_TO_BUILD: &str =
    "`make functions` builds it for Amazon Linux 2023, docs/deploying.md has the ways";

fn missing(is_own: bool) -> &'static str {
    if is_own {
        "somebody has deleted it from stack VaultscopeBootstrap; run `vaultscope destroy --bootstrap` and deploy again"
    } else {
        "--artefact-bucket names a bucket that is there already, for vaultscope does not make it"
    }
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
