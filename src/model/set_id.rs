//! The id of a logical dataset.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What precedes the job suffix in the name of a dataset's root directory; cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SetId(Arc<str>);

impl SetId {
    /// The id that stands before `suffix` in the first segment of an object key; `None` when the key is of no dataset.
    #[must_use]
    pub fn of_key(object_key: &str, suffix: &str) -> Option<Self> {
        let root = object_key.split('/').next()?;
        root.strip_suffix(suffix).filter(|id| !id.is_empty()).map(Self::from)
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for SetId {
    fn from(text: &str) -> Self {
        Self(Arc::from(text))
    }
}

impl From<String> for SetId {
    fn from(text: String) -> Self {
        Self(Arc::from(text))
    }
}

impl fmt::Display for SetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_all_that_precedes_the_suffix() {
        let id = |key| SetId::of_key(key, "-vaultjob").map(|id| id.to_string());
        assert_eq!(id("DhoTdbmBHm3DfBWL-vaultjob/dir-1/file"), Some("DhoTdbmBHm3DfBWL".to_owned()));
        assert_eq!(id("a-b-vaultjob"), Some("a-b".to_owned()));
        assert_eq!(id("a-vaultjob-vaultjob/x"), Some("a-vaultjob".to_owned()));
        assert_eq!(id("-vaultjob/x"), None);
        assert_eq!(id("elsewhere/a-vaultjob/x"), None);
    }
}
