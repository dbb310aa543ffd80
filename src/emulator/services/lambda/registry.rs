//! The functions and mappings that there are, by name.

use std::sync::{Arc, PoisonError, RwLock};

use indexmap::IndexMap;

use super::error::LambdaError;
use super::function::Function;
use super::interpreters::Interpreters;
use super::kept;
use super::mapping::Mapping;
use super::packages::Packages;
use crate::emulator::StartError;
use crate::emulator::fabric::Fabric;
use crate::emulator::keep::Shelf;

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
    /// Where packages are unpacked.
    pub packages: Arc<Packages>,
    /// Where functions and mappings are kept.
    pub shelf: Shelf,
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.packages.end();
    }
}

impl Registry {
    /// What was kept, else nothing, with a folder for packages.
    ///
    /// # Errors
    /// When the folder cannot be made, or what was kept cannot be read.
    pub fn new(fabric: Fabric) -> Result<Self, StartError> {
        let shelf = fabric.keep().shelf("lambda");
        let folder = fabric.keep().folder().map(|folder| folder.join("lambda"));
        let packages = Packages::new(folder.as_deref(), &shelf).map_err(|error| StartError::Service {
            service: "lambda",
            problem: format!("there is no folder for packages: {error}"),
        })?;
        let functions = RwLock::new(kept::functions(&fabric, &packages)?);
        let mappings = RwLock::new(kept::mappings(&fabric, &shelf)?);
        let interpreters = Interpreters::of_this_machine(folder.as_deref().unwrap_or(packages.path()).join("cache"));
        Ok(Self { fabric, functions, mappings, interpreters, packages: Arc::new(packages), shelf })
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
