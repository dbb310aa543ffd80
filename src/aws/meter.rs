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

use super::price::{self, Size};
use super::problem::is_throttling;
use crate::clock::real_now;
use crate::model::activity::{Activity, CallRow};

/// Bytes of a failed answer that are searched for the code of its error.
const ERROR_HEAD: usize = 2_048;

/// Counts the calls of the clients that it is built into; clones share their counts.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    services: Arc<Mutex<BTreeMap<&'static str, BTreeMap<String, CallRow>>>>,
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
    /// Every call so far.
    #[must_use]
    pub fn activity(&self) -> Activity {
        let services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        Activity { rows: services.values().flat_map(BTreeMap::values).cloned().collect() }
    }

    /// Adds to the price of an operation what its calls do not show: the minutes of a live tail.
    pub fn charge(&self, service: &'static str, operation: &str, nano_usd: u64) {
        self.change(service, operation, |row| row.nano_usd += nano_usd);
    }

    fn count(&self, service: &'static str, operation: &str, attempt: Attempt) {
        let micros = u64::try_from(attempt.took.as_micros()).unwrap_or(u64::MAX);
        self.change(service, operation, |row| {
            row.calls += 1;
            row.errors += u64::from(attempt.failed);
            row.throttled += u64::from(attempt.throttled);
            row.micros = row.micros.saturating_add(micros);
            row.slowest_micros = row.slowest_micros.max(micros);
            row.nano_usd += attempt.nano_usd;
        });
    }

    fn change(&self, service: &'static str, operation: &str, change: impl FnOnce(&mut CallRow)) {
        let mut services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        let operations = services.entry(service).or_default();
        if let Some(row) = operations.get_mut(operation) {
            return change(row);
        }
        let mut row = CallRow { service: service.to_owned(), operation: operation.to_owned(), ..CallRow::default() };
        change(&mut row);
        operations.insert(operation.to_owned(), row);
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
        self.count(service, metadata.name(), attempt);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_of_an_operation_add_up_in_one_row() {
        let meter = Meter::default();
        let took = Duration::from_millis(2);
        meter.count("logs", "FilterLogEvents", Attempt { took, ..Attempt::default() });
        let throttled = Attempt { took: took * 3, failed: true, throttled: true, nano_usd: 0 };
        meter.count("logs", "FilterLogEvents", throttled);
        meter.count("s3", "GetObject", Attempt { nano_usd: 400, ..Attempt::default() });
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
}
