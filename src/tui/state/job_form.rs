//! The form of a job: a number a field.

use serde::{Deserialize, Serialize};
use tui_input::Input;

use super::super::JobRequest;

/// The form of a job.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct JobForm {
    pub(crate) fields: [Input; JobForm::FIELDS],
    pub(crate) focus: usize,
    pub(crate) problem: Option<String>,
}

impl JobForm {
    pub(crate) const FIELDS: usize = 11;
    pub(crate) const LABELS: [&str; Self::FIELDS] = [
        "Files",
        "Directories",
        "Seed",
        "Missing files",
        "Announced twice",
        "Late files",
        "Smallest bytes",
        "Largest bytes",
        "Settling secs",
        "Upload speed %",
        "In order (0, 1)",
    ];
    /// What each field means, for the line below.
    pub(crate) const HINTS: [&str; Self::FIELDS] = [
        "besides the manifest",
        "below the root",
        "what names, sizes and order are drawn from",
        "stand in the manifest and never arrive",
        "come twice, and have one item each",
        "are written after the manifest",
        "of the smallest file",
        "of the largest file",
        "empty: the share's own settling time",
        "100 is as usual",
        "1 uploads in the order of the writes",
    ];

    pub(crate) fn new(job: &JobRequest) -> Self {
        let numbers = [
            job.files,
            job.dirs,
            job.seed,
            job.missing,
            job.duplicates,
            job.late,
            job.smallest,
            job.largest,
            0,
            job.speed,
            u64::from(job.in_order),
        ];
        let mut fields = numbers.map(|number| Input::new(number.to_string()));
        fields[8] = Input::new(job.settling.map(|secs| secs.to_string()).unwrap_or_default());
        Self { fields, ..Self::default() }
    }

    pub(crate) fn request(&self) -> Result<JobRequest, String> {
        let mut numbers: [Option<u64>; Self::FIELDS] = [None; Self::FIELDS];
        for (at, field) in self.fields.iter().enumerate() {
            let written = field.value().trim();
            if at == 8 && written.is_empty() {
                continue;
            }
            let number = written.parse().map_err(|_| format!("{}: a whole number is needed", Self::LABELS[at]))?;
            numbers[at] = Some(number);
        }
        let settling = numbers[8];
        let [files, dirs, seed, missing, duplicates, late, smallest, largest, _, speed, order] =
            numbers.map(Option::unwrap_or_default);
        let kept = missing.saturating_add(duplicates).saturating_add(late);
        match (files, dirs) {
            (0, _) => Err("Files: at least one is needed".to_owned()),
            (1_000_001.., _) => Err("Files: 1,000,000 at most".to_owned()),
            (_, 100_001..) => Err("Directories: 100,000 at most".to_owned()),
            _ if missing > files => Err("Missing files: no more than there are files".to_owned()),
            _ if kept > files => Err("Missing, twice and late: no more than there are files".to_owned()),
            _ if smallest > largest => Err("Smallest bytes: no more than the largest".to_owned()),
            _ if largest > 1 << 30 => Err("Largest bytes: 1,073,741,824 at most".to_owned()),
            _ if settling.is_some_and(|secs| secs > 86_400) => Err("Settling secs: 86,400 at most".to_owned()),
            _ if !(1..=10_000).contains(&speed) => Err("Upload speed %: 1 to 10,000".to_owned()),
            _ if order > 1 => Err("In order: 0 or 1".to_owned()),
            _ => Ok(JobRequest {
                files,
                dirs,
                seed,
                missing,
                duplicates,
                late,
                smallest,
                largest,
                settling,
                speed,
                in_order: order == 1,
            }),
        }
    }
}
