//! What a command works with, settled once from flags and environment.

use crate::aws::Target;

use super::Usage;
use super::args::Global;

/// What every command works with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What is worked on.
    pub target: Target,
    /// The stack's name.
    pub stack: String,
    /// Parameters of the stack that the config file chooses.
    pub parameters: Vec<(String, String)>,
    /// The bucket for artefacts that the config file names.
    pub artefact_bucket: Option<String>,
}

impl Settings {
    /// Settles what the flags and the environment say.
    ///
    /// # Errors
    /// [`Usage`] when they say something that cannot be.
    pub fn of(global: &Global) -> Result<Self, Usage> {
        let target =
            Target::of_endpoint_url(global.endpoint_url.as_deref()).map_err(|error| Usage(error.to_string()))?;
        if !is_stack_name(&global.stack) {
            return Err(Usage(format!(
                "{:?} is no name of a stack: use up to 128 letters, digits and hyphens, beginning with a letter",
                global.stack
            )));
        }
        Ok(Self { target, stack: global.stack.clone(), parameters: Vec::new(), artefact_bucket: None })
    }
}

fn is_stack_name(name: &str) -> bool {
    name.len() <= 128
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
