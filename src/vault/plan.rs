//! What `generate` will make: names and sizes, all drawn from one seed before anything is written.

use std::collections::HashSet;

use rand::distr::{Alphanumeric, SampleString};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::amount::MIB;
use super::error::VaultError;

/// Bytes of the smallest file unless the user says otherwise.
pub const DEFAULT_LOW: u64 = 10 * MIB;
/// Bytes of the largest file unless the user says otherwise.
pub const DEFAULT_HIGH: u64 = 1_000 * MIB;

/// How many folders there are.
const FOLDERS: std::ops::RangeInclusive<usize> = 10..=50;
/// Files that are planned at most.
const MOST_FILES: u64 = 10_000_000;

/// How much, in files of what sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Bytes of all files.
    pub total: u64,
    /// Bytes of the smallest file, save for the last one, which has what is left.
    pub low: u64,
    /// Bytes of the largest file.
    pub high: u64,
}

/// A file that will be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PlannedFile {
    /// Its folder's place.
    pub folder: usize,
    /// Its name in that folder.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// What its bytes follow from.
    pub seed: u64,
}

/// What will be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub(super) folders: Vec<String>,
    pub(super) files: Vec<PlannedFile>,
    total: u64,
}

impl Plan {
    /// The plan for these sizes; the same one for the same seed.
    ///
    /// # Errors
    /// When the limits are the wrong way round, or there could be more files than a disk takes.
    pub fn of(sizes: Sizes, seed: u64) -> Result<Self, VaultError> {
        let Sizes { total, low, high } = sizes;
        if low > high {
            return Err(VaultError::Limits { low, high });
        }
        let low = low.max(1);
        let files = total.div_ceil(low);
        if files > MOST_FILES {
            return Err(VaultError::TooMany { total, low, files, most: MOST_FILES });
        }
        // Files have whole MB where the limits have.
        let unit = if low.is_multiple_of(MIB) && high.is_multiple_of(MIB) { MIB } else { 1 };
        let mut rng = StdRng::seed_from_u64(seed);
        let mut taken = HashSet::new();
        let mut name = |rng: &mut StdRng, start: &str, len: usize| loop {
            let name = format!("{start}{}", Alphanumeric.sample_string(rng, len));
            if taken.insert(name.clone()) {
                return name;
            }
        };
        let count = rng.random_range(FOLDERS);
        let folders: Vec<String> = (0..count).map(|_| name(&mut rng, "dir-", 12)).collect();
        let mut files = Vec::new();
        let mut left = total;
        while left > 0 {
            let size = (rng.random_range(low / unit..=high.max(1) / unit) * unit).min(left);
            left -= size;
            let folder = rng.random_range(0..folders.len());
            files.push(PlannedFile { folder, name: name(&mut rng, "file-", 8), size, seed: rng.random() });
        }
        Ok(Self { folders, files, total })
    }

    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::GIB;

    fn plan(total: u64, low: u64, high: u64, seed: u64) -> Plan {
        Plan::of(Sizes { total, low, high }, seed).expect("a plan")
    }

    #[test]
    fn the_workshops_order_gives_what_its_script_gives() {
        for seed in 0..20 {
            let plan = plan(100 * GIB, DEFAULT_LOW, DEFAULT_HIGH, seed);
            assert!((10..=50).contains(&plan.folders.len()));
            assert!((150..=260).contains(&plan.files.len()), "{}", plan.files.len());
            assert_eq!(plan.files.iter().map(|file| file.size).sum::<u64>(), 100 * GIB);
            let (last, others) = plan.files.split_last().expect("files");
            assert!(others.iter().all(|file| (DEFAULT_LOW..=DEFAULT_HIGH).contains(&file.size)));
            assert!(plan.files.iter().all(|file| file.size % MIB == 0));
            assert!((1..=DEFAULT_HIGH).contains(&last.size));
            let is_named = |name: &str, start: &str, len: usize| {
                name.strip_prefix(start)
                    .is_some_and(|rest| rest.len() == len && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
            };
            assert!(plan.folders.iter().all(|folder| is_named(folder, "dir-", 12)));
            assert!(plan.files.iter().all(|file| is_named(&file.name, "file-", 8)));
        }
    }

    #[test]
    fn the_seed_decides_all_and_names_are_never_used_twice() {
        let one = plan(20_000 * 1_000, 1_000, 1_000, 7);
        assert_eq!(one, plan(20_000 * 1_000, 1_000, 1_000, 7));
        assert_ne!(one, plan(20_000 * 1_000, 1_000, 1_000, 8));
        assert_eq!(one.files.len(), 20_000);
        assert_eq!(one.files.iter().map(|file| &file.name).collect::<HashSet<_>>().len(), 20_000);
    }

    #[test]
    fn limits_the_wrong_way_round_and_endless_plans_are_refused() {
        let refused = |total, low, high| Plan::of(Sizes { total, low, high }, 1).expect_err("refused").to_string();
        assert_eq!(
            refused(GIB, 2 * MIB, MIB),
            "the lower limit of 2 MB is above the upper limit of 1 MB: give -l no more than -u"
        );
        assert!(refused(1 << 50, 1, 2).contains("1125899906842624 files, and 10000000 are the most"));
    }
}
