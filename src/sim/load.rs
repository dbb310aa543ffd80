//! What a gateway is given to do: the jobs of its clients, and what the gateway is like.

use std::collections::HashSet;

use super::dataset::Dataset;
use super::gateway::GatewaySpec;
use super::job::{JobError, JobSpec, MOST_CLIENTS, MOST_FILES};

/// Jobs of one gateway at the same time.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// A job for each client.
    pub jobs: Vec<JobSpec>,
    /// The gateway that they write to.
    pub gateway: GatewaySpec,
}

impl Load {
    /// One client at a gateway.
    #[must_use]
    pub fn of(job: JobSpec, gateway: GatewaySpec) -> Self {
        Self { jobs: vec![job], gateway }
    }

    /// Checks that it can be done, save that two clients have the same dataset.
    ///
    /// # Errors
    /// The first thing that cannot.
    pub fn check(&self) -> Result<(), JobError> {
        if self.jobs.is_empty() || self.jobs.len() > MOST_CLIENTS {
            return Err(JobError::Clients(self.jobs.len()));
        }
        self.gateway.check()?;
        let mut files = 0_u32;
        for job in &self.jobs {
            job.check()?;
            files = files.saturating_add(job.files);
            if let Some(cache) = self.gateway.cache_bytes.filter(|cache| *cache < job.largest_bytes) {
                return Err(JobError::CacheTooSmall { cache, file: job.largest_bytes });
            }
        }
        if files > MOST_FILES { Err(JobError::TooManyFiles(files)) } else { Ok(()) }
    }

    /// The dataset of each client; the same ones for the same load.
    ///
    /// # Errors
    /// When the load cannot be done.
    pub fn datasets(&self) -> Result<Vec<Dataset>, JobError> {
        self.check()?;
        let sets = self.jobs.iter().map(Dataset::of).collect::<Result<Vec<_>, _>>()?;
        let mut ids = HashSet::new();
        for set in &sets {
            if !ids.insert(&set.set_id) {
                return Err(JobError::SameSet(set.set_id.to_string()));
            }
            // The manifest grows with the names, so its size is known only now.
            let largest = set.entries.iter().map(|entry| entry.content.size()).max().unwrap_or(0);
            if let Some(cache) = self.gateway.cache_bytes.filter(|cache| *cache < largest) {
                return Err(JobError::CacheTooSmall { cache, file: largest });
            }
        }
        Ok(sets)
    }

    /// What the gateway's choices are drawn from: names and sizes of datasets do not depend on them.
    pub(super) fn seed(&self) -> u64 {
        self.jobs.first().map_or(0, |job| job.seed) ^ 0x9e37_79b9_7f4a_7c15
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_that_cannot_be_done_is_said() {
        let small = GatewaySpec { cache_bytes: Some(1_000), ..GatewaySpec::default() };
        let job = JobSpec::default;
        let load = |jobs, gateway: &GatewaySpec| Load { jobs, gateway: gateway.clone() };
        let usual = GatewaySpec::default();
        for (load, said) in [
            (load(vec![], &usual), "0 clients"),
            (load(vec![job(), job()], &usual), "of its own"),
            (load(vec![job()], &small), "cache of 1000 bytes cannot hold a file of 65536"),
            (load(vec![JobSpec { files: 900_000, ..job() }, JobSpec { files: 900_000, ..job() }], &usual), "too many"),
            (load(vec![JobSpec { smallest_bytes: 1, largest_bytes: 500, ..job() }], &small), "cannot hold a file of"),
        ] {
            let error = load.datasets().expect_err("refused").to_string();
            assert!(error.contains(said), "{error}");
        }
        let two = load(vec![job(), JobSpec { seed: 1, ..job() }], &usual).datasets().expect("two seeds");
        assert_ne!(two[0].set_id, two[1].set_id);
    }
}
