//! What an operation is: its name, the members that it knows, and what it does.

use serde_json::Value;

use super::error::Error;
use super::input::Input;
use super::store::Work;

/// Carries an operation out.
pub type Run = fn(&mut Work<'_>, Input<'_>) -> Result<Value, Error>;

/// An operation.
pub struct Operation {
    /// As AWS spells it.
    pub name: &'static str,
    /// Members of its input, by their names in the query protocol; any other one is refused by name.
    pub members: &'static [&'static str],
    /// What it does.
    pub run: Run,
}

/// Members that any operation may have.
pub const COMMON: [&str; 6] = ["DryRun", "Filter", "MaxResults", "NextToken", "TagSpecification", "ClientToken"];

/// An operation.
pub const fn op(name: &'static str, members: &'static [&'static str], run: Run) -> Operation {
    Operation { name, members, run }
}
