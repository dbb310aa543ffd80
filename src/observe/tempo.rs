//! How often each source is asked, by what the target is: on this machine calls cost nothing, over a network they take
//! quota, and on AWS some cost money. While nothing runs, AWS is asked rarely: something that begins is seen within the
//! idle interval of the logs, which wakes everybody else.

use std::time::Duration;

use crate::aws::Target;

/// The shortest interval of a source, the longest while something runs, and the longest while nothing does.
#[derive(Debug, Clone, Copy)]
pub struct Intervals {
    /// After an answer with news.
    pub fast: Duration,
    /// Without news, while something runs.
    pub busy: Duration,
    /// Without news, while nothing runs.
    pub idle: Duration,
}

/// In milliseconds: fast, busy, idle.
const fn ms(fast: u64, busy: u64, idle: u64) -> Intervals {
    Intervals {
        fast: Duration::from_millis(fast),
        busy: Duration::from_millis(busy),
        idle: Duration::from_millis(idle),
    }
}

/// The intervals of all sources.
#[derive(Debug, Clone, Copy)]
pub struct Tempo {
    /// The log groups of uploads, which tell that something begins.
    pub uploads: Intervals,
    /// The log groups of reconciliations.
    pub reconciliations: Intervals,
    /// The table.
    pub table: Intervals,
    /// The state machine.
    pub executions: Intervals,
    /// The bucket.
    pub bucket: Intervals,
    /// The queues.
    pub queue: Intervals,
    /// The stack.
    pub stack: Intervals,
    /// The schedule, which only people change.
    pub schedule: Intervals,
    /// Archives and inventories.
    pub archives: Intervals,
    /// Executions are listed this often at the most, unless one must have begun.
    pub list: Duration,
    /// The first and the longest wait after a failure.
    pub backoff: (Duration, Duration),
    /// How far log lines and executions are read back where nobody says since when; `None` for all of them.
    pub look_back: Option<Duration>,
}

const SECOND: Duration = Duration::from_secs(1);

/// This machine.
const LOCAL: Tempo = Tempo {
    uploads: ms(150, 600, 600),
    reconciliations: ms(150, 600, 600),
    table: ms(250, 2_000, 2_000),
    executions: ms(200, 1_000, 1_000),
    bucket: ms(500, 3_000, 3_000),
    queue: ms(250, 1_500, 1_500),
    stack: ms(1_000, 5_000, 5_000),
    schedule: ms(1_000, 5_000, 5_000),
    archives: ms(500, 2_000, 4_000),
    list: Duration::ZERO,
    backoff: (Duration::from_millis(250), Duration::from_secs(4)),
    look_back: None,
};

/// An endpoint on another machine.
const REMOTE: Tempo = Tempo {
    uploads: ms(1_000, 5_000, 10_000),
    reconciliations: ms(1_000, 5_000, 15_000),
    table: ms(1_500, 15_000, 15_000),
    executions: ms(1_500, 10_000, 15_000),
    bucket: ms(3_000, 20_000, 30_000),
    queue: ms(2_000, 10_000, 20_000),
    stack: ms(5_000, 30_000, 30_000),
    schedule: ms(10_000, 60_000, 60_000),
    archives: ms(3_000, 20_000, 60_000),
    list: Duration::from_secs(5),
    backoff: (Duration::from_millis(500), Duration::from_secs(15)),
    look_back: None,
};

/// AWS.
const AWS: Tempo = Tempo {
    uploads: ms(1_000, 10_000, 30_000),
    reconciliations: ms(2_000, 10_000, 60_000),
    table: ms(2_000, 15_000, 60_000),
    executions: ms(2_000, 10_000, 60_000),
    bucket: ms(5_000, 30_000, 120_000),
    queue: ms(3_000, 15_000, 120_000),
    stack: ms(15_000, 60_000, 120_000),
    schedule: ms(60_000, 300_000, 600_000),
    archives: ms(10_000, 60_000, 300_000),
    list: Duration::from_secs(30),
    backoff: (SECOND, Duration::from_secs(30)),
    look_back: Some(Duration::from_secs(24 * 3_600)),
};

impl Tempo {
    /// The tempo of a target.
    pub fn of(target: &Target) -> Self {
        match target {
            Target::Aws { .. } => AWS,
            target if target.is_local() => LOCAL,
            Target::Embedded | Target::Endpoint { .. } => REMOTE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::Pace;

    const HOUR: Duration = Duration::from_secs(3_600);

    /// Looks of a source without news within a time.
    fn looks(intervals: Intervals, limit: Duration, within: Duration) -> u32 {
        let mut pace = Pace::new(intervals.fast, limit, 1);
        let (mut passed, mut count) = (Duration::ZERO, 0);
        while passed < within {
            passed += pace.quiet();
            count += 1;
        }
        count
    }

    /// Calls of one idle hour: every log group is filtered, both queues are measured, executions are listed, the stack
    /// is described; bucket and table are left alone.
    #[test]
    fn an_idle_hour_on_aws_is_a_few_hundred_calls_of_which_few_cost() {
        let filter = 2 * looks(AWS.uploads, AWS.uploads.idle, HOUR)
            + 2 * looks(AWS.reconciliations, AWS.reconciliations.idle, HOUR);
        let measure = 2 * looks(AWS.queue, AWS.queue.idle, HOUR);
        let list = looks(AWS.executions, AWS.executions.idle, HOUR);
        let describe = looks(AWS.stack, AWS.stack.idle, HOUR);
        let calls = (filter, measure, list, describe);
        assert!(filter <= 400 && measure <= 80 && list <= 70 && describe <= 36, "{calls:?}");
        // And it is no less than what sees within half a minute that something begins.
        assert!(filter >= 2 * 120, "{calls:?}");
        // Only GetQueueAttributes has a price: 0.40 USD a million.
        assert!(f64::from(measure) * 0.4e-6 < 0.000_05);
    }

    /// Of the archiving stack: three log groups, executions, the schedule, and two lists, which alone have a price.
    #[test]
    fn an_idle_hour_of_the_archiving_stack_costs_next_to_nothing() {
        let lists = 2 * looks(AWS.archives, AWS.archives.idle, HOUR);
        let schedule = looks(AWS.schedule, AWS.schedule.idle, HOUR);
        assert!(lists <= 40 && schedule <= 12, "{lists} {schedule}");
        assert!(f64::from(lists) * 5e-6 < 0.000_3);
    }

    #[test]
    fn what_runs_is_asked_more_often_than_what_does_not_and_aws_less_often_than_this_machine() {
        for tempo in [LOCAL, REMOTE, AWS] {
            for one in [
                tempo.uploads,
                tempo.reconciliations,
                tempo.table,
                tempo.executions,
                tempo.bucket,
                tempo.queue,
                tempo.stack,
                tempo.schedule,
                tempo.archives,
            ] {
                assert!(one.fast <= one.busy && one.busy <= one.idle, "{one:?}");
            }
        }
        let target = Target::Aws { profile: None, region: None };
        assert_eq!(Tempo::of(&target).uploads.idle, AWS.uploads.idle);
        assert_eq!(Tempo::of(&Target::Embedded).uploads.idle, LOCAL.uploads.idle);
        let far = Target::endpoint("http://10.0.0.1:4566", None).expect("a valid url");
        assert_eq!(Tempo::of(&far).uploads.idle, REMOTE.uploads.idle);
    }
}
