//! The functions and mappings that there are, by name.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use indexmap::IndexMap;
use tempfile::TempDir;

use super::error::LambdaError;
use super::function::Function;
use super::interpreters::Interpreters;
use super::mapping::Mapping;
use crate::emulator::fabric::Fabric;

/// The state of the service.
pub struct Registry {
    /// Clock, ids and the other services.
    pub fabric: Fabric,
    /// The functions by name.
    pub functions: RwLock<IndexMap<String, Arc<Function>>>,
    /// The event source mappings by UUID.
    pub mappings: RwLock<IndexMap<String, Arc<Mapping>>>,
    /// What functions of the interpreted runtimes run on.
    pub interpreters: Interpreters,
    packages: TempDir,
}

impl Registry {
    /// An empty registry, with a folder for packages.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn new(fabric: Fabric) -> std::io::Result<Self> {
        let packages = tempfile::Builder::new().prefix("vaultscope-lambda-").tempdir()?;
        let interpreters = Interpreters::of_this_machine(packages.path().join("cache"));
        Ok(Self { fabric, functions: RwLock::default(), mappings: RwLock::default(), interpreters, packages })
    }

    /// Where packages are unpacked.
    pub fn packages(&self) -> &Path {
        self.packages.path()
    }

    /// The ARN of a function of this account.
    pub fn function_arn(&self, name: &str) -> String {
        self.fabric.arn("lambda", format!("function:{name}")).to_string()
    }

    /// Finds a function by name, partial or whole ARN.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; a refusal of versions and aliases, which there are none of.
    pub fn function(&self, reference: &str) -> Result<Arc<Function>, LambdaError> {
        let name = function_name(reference)?;
        let functions = self.functions.read().unwrap_or_else(PoisonError::into_inner);
        functions.get(name).cloned().ok_or_else(|| LambdaError::no_function(&self.function_arn(name)))
    }
}

/// The name in `name`, `account:function:name` or an ARN, with or without `:$LATEST`.
///
/// # Errors
/// When it is none of them, or names a version or alias.
pub fn function_name(reference: &str) -> Result<&str, LambdaError> {
    let after = match reference.split_once("function:") {
        Some((_, after)) => after,
        None => reference,
    };
    let (name, qualifier) = after.split_once(':').map_or((after, None), |(name, rest)| (name, Some(rest)));
    let valid = |each: char| each.is_ascii_alphanumeric() || each == '-' || each == '_';
    if name.is_empty() || name.len() > 64 || !name.chars().all(valid) {
        return Err(LambdaError::InvalidParameter(format!(
            "1 validation error detected: Value '{reference}' at 'functionName' failed to satisfy constraint: Member \
             must satisfy regular expression pattern: [a-zA-Z0-9-_]+"
        )));
    }
    match qualifier {
        None | Some("$LATEST") => Ok(name),
        Some(other) => Err(LambdaError::no_function(&format!("{name}:{other} (the endpoint keeps only $LATEST)"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_named_in_every_form_of_aws() {
        for reference in [
            "f-1_x",
            "f-1_x:$LATEST",
            "000000000000:function:f-1_x",
            "arn:aws:lambda:us-east-1:000000000000:function:f-1_x",
            "arn:aws:lambda:us-east-1:000000000000:function:f-1_x:$LATEST",
        ] {
            assert_eq!(function_name(reference).expect("a name"), "f-1_x", "{reference}");
        }
        for reference in ["", "a b", "../f", "f:1", "arn:aws:lambda:us-east-1:0:layer:x/y", &"x".repeat(65)] {
            assert!(function_name(reference).is_err(), "{reference}");
        }
    }
}
