//! Names of a dataset's root and manifest, and the manifest's lines.

use crate::model::SetId;

/// What a dataset's root and manifest are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The dataset's id.
    pub set_id: SetId,
    /// The name of its root folder.
    pub root: String,
    /// The name of its manifest in that folder.
    pub manifest: String,
}

impl Names {
    /// The names of a dataset.
    #[must_use]
    pub fn of(set_id: SetId, job_suffix: &str, manifest_suffix: &str) -> Self {
        let (root, manifest) = (format!("{set_id}{job_suffix}"), format!("{set_id}{manifest_suffix}"));
        Self { set_id, root, manifest }
    }

    /// The manifest: what `find ROOT -type d` and then `find ROOT -type f` print, each part in the order of its bytes.
    pub(super) fn text<'a>(
        &'a self,
        directories: impl Iterator<Item = &'a str>,
        files: impl Iterator<Item = &'a str>,
    ) -> String {
        let mut files: Vec<&str> = files.chain([self.manifest.as_str()]).collect();
        files.sort_unstable();
        let mut text = format!("{}\n", self.root);
        for key in directories.chain(files) {
            for part in [self.root.as_str(), "/", key, "\n"] {
                text.push_str(part);
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_lists_the_root_the_folders_the_files_and_itself() {
        let names = Names::of(SetId::from("S"), "-vaultjob", ".manifest");
        let text = names.text(["a", "a/b"].into_iter(), ["a/f", "z"].into_iter());
        let all = "S-vaultjob\nS-vaultjob/a\nS-vaultjob/a/b\nS-vaultjob/S.manifest\nS-vaultjob/a/f\nS-vaultjob/z\n";
        assert_eq!(text, all);
    }
}
