//! The scenarios that come with vaultscope.

macro_rules! scenarios {
    ($($name:literal),* $(,)?) => {
        /// Their names, in the order in which they are listed.
        pub const NAMES: &[&str] = &[$($name),*];
        const TEXTS: &[&str] = &[$(include_str!(concat!("../../../fixtures/scenarios/", $name, ".toml"))),*];
    };
}

scenarios![
    "in-order",
    "out-of-order",
    "early-manifest",
    "duplicates",
    "late-file",
    "missing-file",
    "rewritten-file",
    "partial-upload",
    "gateway-offline",
    "cache-full",
    "many-clients",
    "names",
    "faulty-endpoint",
    "hundred-thousand",
];

/// The text of one.
pub(super) fn text(name: &str) -> Option<&'static str> {
    let at = NAMES.iter().position(|known| *known == name)?;
    TEXTS.get(at).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_listed() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/scenarios");
        let mut there: Vec<String> = std::fs::read_dir(folder)
            .expect("the folder")
            .map(|file| file.expect("a file").file_name().to_string_lossy().replace(".toml", ""))
            .collect();
        let mut listed = NAMES.to_vec();
        there.sort_unstable();
        listed.sort_unstable();
        assert_eq!(there, listed);
    }
}
