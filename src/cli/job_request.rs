//! What the dashboard's form asks for as a load of the simulated gateway, and a scenario as what the form shows. One is the
//! other's inverse, as far as a form of one client goes; the rest is told as left out.

use crate::model::Outcome;
use crate::sim::scenario::Scenario;
use crate::sim::{GatewaySpec, JobSpec, Load, ManifestOrder, Names, Offline, UploadOrder};
use crate::tui::JobRequest;

/// The load that the form asks for; `settling` where it leaves that out.
///
/// # Errors
/// When a number is too large for a job.
pub fn load(request: &JobRequest, settling: f64) -> anyhow::Result<Load> {
    let count = |what: &str, number: u64| {
        u32::try_from(number).map_err(|_| anyhow::anyhow!("{number} {what} are too many for one job"))
    };
    let job = JobSpec {
        seed: request.seed,
        set_id: request.set_id.clone(),
        files: count("files", request.files)?,
        dirs: count("directories", request.dirs)?,
        smallest_bytes: request.smallest,
        largest_bytes: request.largest,
        names: if request.hostile_names { Names::Hostile } else { Names::Plain },
        manifest: if request.manifest_early { ManifestOrder::Early } else { ManifestOrder::Last },
        copy_secs_per_file: secs(request.copy_ms),
        missing: count("missing files", request.missing)?,
        late: count("late files", request.late)?,
        late_by_secs: secs(request.late_by_ms),
        rewrites: count("files written again", request.rewrites)?,
        rewrite_gap_secs: secs(request.rewrite_gap_ms),
        stuck: count("partial uploads", request.stuck)?,
        duplicates: count("files announced twice", request.duplicates)?,
        duplicate_gap_secs: secs(request.duplicate_gap_ms),
        ..JobSpec::default()
    };
    let (from_secs, for_secs) = (secs(request.offline_from_ms), secs(request.offline_for_ms));
    let mut gateway = GatewaySpec {
        settling_secs: request.settling.map_or(settling, |secs_| secs(secs_.saturating_mul(1_000))),
        upload_workers: count("uploads at a time", request.workers)?,
        upload_secs_per_file: secs(request.upload_ms),
        strict: request.strict,
        partial_from_bytes: request.partial_from,
        cache_bytes: request.cache,
        offline: if request.offline_for_ms > 0 { vec![Offline { from_secs, for_secs }] } else { Vec::new() },
        ..GatewaySpec::default()
    };
    if request.in_order {
        gateway.upload_order = UploadOrder::Written;
        gateway.upload_workers = 1;
        gateway.strict = true;
    }
    Ok(Load::of(job, gateway))
}

/// What the form shows of a scenario: its first client's dataset, and its gateway.
pub fn request(load: &Load) -> Option<JobRequest> {
    let (job, gateway) = (load.jobs.first()?, &load.gateway);
    let offline = gateway.offline.first();
    Some(JobRequest {
        files: u64::from(job.files),
        dirs: u64::from(job.dirs),
        seed: job.seed,
        set_id: job.set_id.clone(),
        smallest: job.smallest_bytes,
        largest: job.largest_bytes,
        hostile_names: job.names == Names::Hostile,
        manifest_early: job.manifest == ManifestOrder::Early,
        copy_ms: millis(job.copy_secs_per_file),
        missing: u64::from(job.missing),
        late: u64::from(job.late),
        late_by_ms: millis(job.late_by_secs),
        rewrites: u64::from(job.rewrites),
        rewrite_gap_ms: millis(job.rewrite_gap_secs),
        settling: Some(millis(gateway.settling_secs) / 1_000),
        speed: 100,
        in_order: gateway.upload_order == UploadOrder::Written,
        workers: u64::from(gateway.upload_workers),
        upload_ms: millis(gateway.upload_secs_per_file),
        strict: gateway.strict,
        duplicates: u64::from(job.duplicates),
        duplicate_gap_ms: millis(job.duplicate_gap_secs),
        stuck: u64::from(job.stuck),
        partial_from: gateway.partial_from_bytes,
        cache: gateway.cache_bytes,
        offline_from_ms: offline.map_or(0, |offline| millis(offline.from_secs)),
        offline_for_ms: offline.map_or(0, |offline| millis(offline.for_secs)),
    })
}

/// What of a scenario the form does not have, each in a few words.
pub fn left_out(scenario: &Scenario) -> Vec<String> {
    let mut left_out = Vec::new();
    let counted =
        |count: usize, one: &str, many: &str| if count == 1 { one.to_owned() } else { format!("{count} {many}") };
    let others = scenario.load.jobs.len().saturating_sub(1);
    if others > 0 {
        left_out.push(counted(others, "another client", "other clients"));
    }
    if !scenario.faults.is_empty() {
        left_out.push(counted(scenario.faults.len(), "a fault", "faults"));
    }
    if scenario.sets.iter().any(|set| set.outcome.outcome() == Outcome::Timeout) {
        left_out.push(format!("a stack that gives up after {} checks", scenario.stack.iterations));
    }
    let first = Load { jobs: scenario.load.jobs.iter().take(1).cloned().collect(), ..scenario.load.clone() };
    let again = request(&first).and_then(|request| load(&request, 0.0).ok());
    if again.as_ref() != Some(&first) {
        left_out.push("some of its gateway or its dataset".to_owned());
    }
    left_out
}

#[expect(clippy::cast_precision_loss, reason = "a time is at most a few years")]
fn secs(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a scenario's times were checked")]
fn millis(secs: f64) -> u64 {
    (secs * 1_000.0).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::scenario::NAMES;

    #[test]
    fn the_form_of_every_scenario_asks_for_what_its_first_client_and_its_gateway_do() {
        for name in NAMES {
            let scenario = Scenario::named(name).expect("a scenario");
            let asked = load(&request(&scenario.load).expect("a client"), 0.0).expect("a load");
            assert_eq!(asked.jobs[..], scenario.load.jobs[..1], "{name}");
            assert_eq!(asked.gateway, scenario.load.gateway, "{name}");
            asked.datasets().unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    #[test]
    fn what_the_form_does_not_have_is_named() {
        let of = |name: &str| left_out(&Scenario::named(name).expect("a scenario"));
        for name in
            ["in-order", "out-of-order", "late-file", "duplicates", "early-manifest", "gateway-offline", "names"]
        {
            assert_eq!(of(name), [] as [&str; 0], "{name}");
        }
        assert_eq!(of("many-clients"), ["11 other clients"]);
        assert_eq!(of("faulty-endpoint"), ["3 faults"]);
        assert_eq!(of("missing-file"), ["a stack that gives up after 5 checks"]);
        let mut odd = Scenario::named("in-order").expect("a scenario");
        odd.load.gateway.upload_bytes_per_sec = 1;
        assert_eq!(left_out(&odd), ["some of its gateway or its dataset"]);
    }

    #[test]
    fn the_usual_job_is_that_of_the_command_line() {
        let load = load(&JobRequest { seed: 0, ..JobRequest::default() }, 60.0).expect("a load");
        assert_eq!(load, Load::of(JobSpec::default(), GatewaySpec::default()));
    }
}
