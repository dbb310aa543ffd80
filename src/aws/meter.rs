//! Counts every attempt of every call where it is made: an interceptor of each client. What the dashboard and `doctor`
//! show of calls, throttles, latency and price comes from here and from nowhere else.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::config_bag::{Storable, StoreReplace};

use super::called::Called;
use super::guard::reads;
use super::price::{self, Size};
use super::problem::is_throttling;
use crate::clock::real_now;
use crate::model::activity::{Activity, CallRow};

/// Bytes of a failed answer that are searched for the code of its error.
const ERROR_HEAD: usize = 2_048;

/// Counts the calls of the clients that it is built into; clones share their counts.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug, Default)]
struct Counts {
    services: BTreeMap<&'static str, BTreeMap<String, Counted>>,
    /// Attempts of all operations: each has its number.
    attempts: u64,
}

/// An operation.
#[derive(Debug, Default)]
struct Counted {
    row: CallRow,
    /// What was asked last.
    called: Option<Arc<Called>>,
    /// What was asked when it last failed, and the attempt's number.
    failed: Option<(u64, Arc<Called>)>,
}

/// One attempt, as it ended.
#[derive(Debug, Clone, Copy, Default)]
struct Attempt {
    took: Duration,
    failed: bool,
    throttled: bool,
    nano_usd: u64,
}

impl Meter {
    /// Every call so far, without what was asked.
    #[must_use]
    pub fn activity(&self) -> Activity {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        Activity { rows: counts.operations().map(|counted| counted.row.clone()).collect() }
    }

    /// The same, with the commands of what was asked after the attempt of that number.
    #[must_use]
    pub fn activity_since(&self, attempt: u64) -> Activity {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let of_row = |counted: &Counted| {
            let called = counted.called.clone().filter(|_| counted.row.last > attempt);
            let failed = counted.failed.clone().filter(|(at, _)| *at > attempt).map(|(_, called)| called);
            (counted.row.clone(), called, failed)
        };
        let rows: Vec<_> = counts.operations().map(of_row).collect();
        // Writing commands takes a while: calls do not wait for it.
        drop(counts);
        let told = |(row, called, failed): (CallRow, Option<Arc<Called>>, Option<Arc<Called>>)| {
            let command = |called: Option<Arc<Called>>| called?.command(&row.operation).map(Arc::from);
            CallRow { command: command(called), failed_command: command(failed), ..row.clone() }
        };
        Activity { rows: rows.into_iter().map(told).collect() }
    }

    /// Adds to the price of an operation what its calls do not show: the minutes of a live tail.
    pub fn charge(&self, service: &'static str, operation: &str, nano_usd: u64) {
        self.counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .change(service, operation, |counted| counted.row.nano_usd += nano_usd);
    }

    fn count(&self, service: &'static str, operation: &str, attempt: Attempt, called: Option<Arc<Called>>) {
        let micros = u64::try_from(attempt.took.as_micros()).unwrap_or(u64::MAX);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.attempts += 1;
        let number = counts.attempts;
        counts.change(service, operation, |counted| {
            let row = &mut counted.row;
            row.last = number;
            row.calls += 1;
            row.errors += u64::from(attempt.failed);
            row.throttled += u64::from(attempt.throttled);
            row.micros = row.micros.saturating_add(micros);
            row.slowest_micros = row.slowest_micros.max(micros);
            row.nano_usd += attempt.nano_usd;
            if let Some(called) = called {
                if attempt.failed {
                    counted.failed = Some((number, Arc::clone(&called)));
                }
                counted.called = Some(called);
            }
        });
    }
}

impl Counts {
    fn operations(&self) -> impl Iterator<Item = &Counted> {
        self.services.values().flat_map(BTreeMap::values)
    }

    fn change(&mut self, service: &'static str, operation: &str, change: impl FnOnce(&mut Counted)) {
        let operations = self.services.entry(service).or_default();
        if let Some(counted) = operations.get_mut(operation) {
            return change(counted);
        }
        let (service, changes) = (service.to_owned(), !reads(operation));
        let row = CallRow { service, operation: operation.to_owned(), changes, ..CallRow::default() };
        let mut counted = Counted { row, ..Counted::default() };
        change(&mut counted);
        operations.insert(operation.to_owned(), counted);
    }
}

/// The name under which this code base and the AWS CLI know a service.
fn short_name(sdk: &str) -> &'static str {
    match sdk {
        "CloudFormation" => "cloudformation",
        "CloudWatch Logs" => "logs",
        "DynamoDB" => "dynamodb",
        "EventBridge" => "events",
        "S3" => "s3",
        "Scheduler" => "scheduler",
        "SFN" => "states",
        "SQS" => "sqs",
        "STS" => "sts",
        _ => "other",
    }
}

/// When an attempt began.
#[derive(Debug)]
struct Began(Instant);

impl Storable for Began {
    type Storer = StoreReplace<Self>;
}

/// What an attempt asks.
#[derive(Debug)]
struct Asked(Arc<Called>);

impl Storable for Asked {
    type Storer = StoreReplace<Self>;
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "Meter"
    }

    fn read_before_serialization(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        config.interceptor_state().store_put(Size::of(context.input()));
        Ok(())
    }

    fn read_before_attempt(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        config.interceptor_state().store_put(Began(real_now()));
        Ok(())
    }

    // The last moment at which the request is not signed, and the first at which it names its host.
    fn read_before_signing(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(metadata) = config.load::<Metadata>() else { return Ok(()) };
        let called = Called::of(short_name(metadata.service()), metadata.name(), context.request());
        config.interceptor_state().store_put(Asked(Arc::new(called)));
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(metadata) = config.load::<Metadata>() else { return Ok(()) };
        let service = short_name(metadata.service());
        let status = context.response().map(|answer| answer.status().as_u16());
        let failed = !matches!(context.output_or_error(), Some(Ok(_)));
        let body = context.response().and_then(|answer| answer.body().bytes()).unwrap_or_default();
        let head = &body[..body.len().min(ERROR_HEAD)];
        let size = config.load::<Size>().copied().unwrap_or_default();
        let attempt = Attempt {
            took: config.load::<Began>().map(|began| began.0.elapsed()).unwrap_or_default(),
            failed,
            throttled: failed && status.is_some_and(|status| is_throttling(status, head)),
            // What was not answered, or refused for its rate, is not billed.
            nano_usd: status
                .filter(|status| (200..500).contains(status))
                .map_or(0, |_| price::nano_usd(service, metadata.name(), size, body.len())),
        };
        let called = config.load::<Asked>().map(|asked| Arc::clone(&asked.0));
        self.count(service, metadata.name(), attempt, called);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    #[test]
    fn attempts_of_an_operation_add_up_in_one_row() {
        let meter = Meter::default();
        let took = Duration::from_millis(2);
        meter.count("logs", "FilterLogEvents", Attempt { took, ..Attempt::default() }, None);
        let throttled = Attempt { took: took * 3, failed: true, throttled: true, nano_usd: 0 };
        meter.count("logs", "FilterLogEvents", throttled, None);
        meter.count("s3", "GetObject", Attempt { nano_usd: 400, ..Attempt::default() }, None);
        meter.charge("logs", "StartLiveTail", 10);
        let activity = meter.activity();
        let names: Vec<_> = activity.rows.iter().map(|row| row.operation.as_str()).collect();
        assert_eq!(names, ["FilterLogEvents", "StartLiveTail", "GetObject"]);
        let filter = &activity.rows[0];
        assert_eq!((filter.calls, filter.errors, filter.throttled), (2, 1, 1));
        assert_eq!((filter.micros, filter.slowest_micros), (8_000, 6_000));
        assert_eq!((activity.calls(), activity.throttled()), (3, 1));
        assert!((activity.usd() - 410e-9).abs() < 1e-15);
    }

    #[test]
    fn what_was_asked_is_told_once_and_what_failed_stays() {
        let ask = |meter: &Meter, body: &str, failed| {
            let request = HttpRequest::new(SdkBody::from(body));
            let called = Called::of("logs", "FilterLogEvents", &request);
            meter.count("logs", "FilterLogEvents", Attempt { failed, ..Attempt::default() }, Some(Arc::new(called)));
        };
        let commands = |meter: &Meter, since| {
            let row = meter.activity_since(since).rows.remove(0);
            [row.command, row.failed_command]
                .map(|command| command.map(|command| command.replace(" --no-paginate", "")))
        };
        let line = |group: &str| Some(format!("aws logs filter-log-events --log-group-name {group}"));
        let meter = Meter::default();
        ask(&meter, r#"{"logGroupName":"a"}"#, true);
        assert_eq!(commands(&meter, 0), [line("a"), line("a")]);
        ask(&meter, r#"{"logGroupName":"b"}"#, false);
        assert_eq!(commands(&meter, 0), [line("b"), line("a")]);
        assert_eq!(commands(&meter, 1), [line("b"), None]);
        assert_eq!(commands(&meter, 2), [None, None]);
        let plain = meter.activity();
        assert_eq!((plain.last(), plain.rows[0].changes), (2, false));
        assert_eq!(plain.rows[0].command, None);
        meter.count("s3", "PutObject", Attempt::default(), None);
        assert!(meter.activity().rows[1].changes && meter.activity().last() == 3);
    }
}
