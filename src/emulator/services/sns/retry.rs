//! How often a delivery is tried and after which pauses: as AWS does it for its own services, and for programs that are
//! posted to as a delivery policy says.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::error::SnsError;

/// Attempts that AWS makes at its own services: 3 at once, 2 after a second, 10 that back off, 100,000 every 20 s.
const MOST_RETRIES: u32 = 100_014;
/// The longest pause between two of them.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// The most retries and the longest pause, in seconds, that a policy may ask for.
const MOST_ASKED: u32 = 100;
const LONGEST_ASKED: u32 = 3_600;
/// The longest time over all retries.
const LONGEST_WHOLE: Duration = Duration::from_secs(3_600);

/// The pause before the retry of a delivery to a service of AWS that has `retries` retries before it; `None` when it is
/// given up.
#[must_use]
pub fn pause_of_services(retries: u32) -> Option<Duration> {
    match retries {
        0..=2 => Some(Duration::ZERO),
        3 | 4 => Some(Duration::from_secs(1)),
        5..=14 => Some(Duration::from_secs(1 << (retries - 4).min(5)).min(LONGEST_PAUSE)),
        MOST_RETRIES.. => None,
        _ => Some(LONGEST_PAUSE),
    }
}

/// How pauses grow in the phase of a policy in which they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Backoff {
    #[default]
    Linear,
    Arithmetic,
    Geometric,
    Exponential,
}

/// `healthyRetryPolicy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RetryPolicy {
    min_delay_target: u32,
    max_delay_target: u32,
    num_retries: u32,
    num_max_delay_retries: u32,
    num_no_delay_retries: u32,
    num_min_delay_retries: u32,
    backoff_function: Backoff,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            min_delay_target: 20,
            max_delay_target: 20,
            num_retries: 3,
            num_max_delay_retries: 0,
            num_no_delay_retries: 0,
            num_min_delay_retries: 0,
            backoff_function: Backoff::Linear,
        }
    }
}

impl RetryPolicy {
    /// Reads one and checks it.
    fn read(policy: &Value) -> Result<Self, SnsError> {
        let wrong = |problem: String| SnsError::parameter(format!("DeliveryPolicy: {problem}"));
        let read: Self = serde_json::from_value(policy.clone()).map_err(|error| wrong(error.to_string()))?;
        let phases = [read.num_no_delay_retries, read.num_min_delay_retries, read.num_max_delay_retries];
        let phases: u64 = phases.into_iter().map(u64::from).sum();
        if !(1..=LONGEST_ASKED).contains(&read.min_delay_target) || read.max_delay_target > LONGEST_ASKED {
            return Err(wrong(format!("delay targets must be between 1 and {LONGEST_ASKED}")));
        }
        if read.max_delay_target < read.min_delay_target {
            return Err(wrong("maxDelayTarget must not be less than minDelayTarget".to_owned()));
        }
        if read.num_retries > MOST_ASKED {
            return Err(wrong(format!("numRetries must be between 0 and {MOST_ASKED}")));
        }
        if phases > u64::from(read.num_retries) {
            return Err(wrong("numRetries must not be less than the retries of all phases".to_owned()));
        }
        let whole: Duration = (0..read.num_retries).filter_map(|retries| read.pause(retries)).sum();
        if whole > LONGEST_WHOLE {
            return Err(wrong(format!("all retries together must not take longer than {} s", LONGEST_WHOLE.as_secs())));
        }
        Ok(read)
    }

    /// The pause before the retry that has `retries` retries before it; `None` when the delivery is given up.
    #[must_use]
    pub fn pause(&self, retries: u32) -> Option<Duration> {
        let (least, most) = (f64::from(self.min_delay_target), f64::from(self.max_delay_target));
        if retries >= self.num_retries {
            return None;
        }
        let Some(after) = retries.checked_sub(self.num_no_delay_retries) else { return Some(Duration::ZERO) };
        let Some(after) = after.checked_sub(self.num_min_delay_retries) else {
            return Some(Duration::from_secs_f64(least));
        };
        let growing =
            self.num_retries - self.num_no_delay_retries - self.num_min_delay_retries - self.num_max_delay_retries;
        if after >= growing {
            return Some(Duration::from_secs_f64(most));
        }
        let part = if growing > 1 { f64::from(after) / f64::from(growing - 1) } else { 0.0 };
        let seconds = match self.backoff_function {
            Backoff::Linear => least + (most - least) * part,
            Backoff::Arithmetic => least + (most - least) * part * part,
            Backoff::Geometric => least * (most / least).powf(part),
            Backoff::Exponential => least + (most - least) * ((10.0 * part).exp2() - 1.0) / (10.0_f64.exp2() - 1.0),
        };
        Some(Duration::from_secs_f64(seconds))
    }
}

/// What a delivery policy says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DeliveryPolicy {
    /// How often and when.
    pub retry: RetryPolicy,
    /// The content type of posts, where it is said.
    pub content_type: Option<String>,
    /// Whether a topic's goes before those of its subscriptions.
    #[serde(default)]
    pub prevails: bool,
}

/// The text of a policy as an object.
fn object(text: &str) -> Result<Map<String, Value>, SnsError> {
    serde_json::from_str(text).map_err(|_| SnsError::parameter("DeliveryPolicy: failed to parse JSON"))
}

impl DeliveryPolicy {
    /// The policy of a subscription.
    ///
    /// # Errors
    /// When it is malformed or asks for what the endpoint has not.
    pub fn of_subscription(text: &str) -> Result<Self, SnsError> {
        Self::of(&object(text)?, ["healthyRetryPolicy", "requestPolicy", "throttlePolicy"])
    }

    /// The policy of a topic: what goes for HTTP when a subscription says nothing.
    ///
    /// # Errors
    /// When it is malformed or asks for what the endpoint has not.
    pub fn of_topic(text: &str) -> Result<Self, SnsError> {
        let whole = object(text)?;
        match whole.get("http") {
            None => Ok(Self::default()),
            Some(Value::Object(http)) => {
                Self::of(http, ["defaultHealthyRetryPolicy", "defaultRequestPolicy", "defaultThrottlePolicy"])
            }
            Some(_) => Err(SnsError::parameter("DeliveryPolicy: http is no object")),
        }
    }

    fn of(members: &Map<String, Value>, [retry, request, throttle]: [&str; 3]) -> Result<Self, SnsError> {
        let given = |name: &str| members.get(name).filter(|member| !member.is_null());
        if given(throttle).is_some() {
            return Err(SnsError::Unsupported(format!("delivery policies with {throttle}")));
        }
        let known = [retry, request, throttle, "disableSubscriptionOverrides", "sicklyRetryPolicy", "guaranteed"];
        if let Some(unknown) = members.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(SnsError::parameter(format!("DeliveryPolicy: Unexpected JSON member: {unknown}")));
        }
        let content_type = given(request).and_then(|request| request["headerContentType"].as_str());
        if content_type.is_some_and(|kind| http::HeaderValue::from_str(kind).is_err() || !kind.contains('/')) {
            return Err(SnsError::parameter("DeliveryPolicy: headerContentType is no content type"));
        }
        Ok(Self {
            retry: given(retry).map_or_else(|| Ok(RetryPolicy::default()), RetryPolicy::read)?,
            content_type: content_type.map(str::to_owned),
            prevails: members.get("disableSubscriptionOverrides") == Some(&Value::Bool(true)),
        })
    }

    /// As `EffectiveDeliveryPolicy` of a subscription tells it.
    #[must_use]
    pub fn told(&self) -> Value {
        json!({
            "healthyRetryPolicy": self.retry,
            "sicklyRetryPolicy": null,
            "throttlePolicy": null,
            "requestPolicy": { "headerContentType": self.content_type.as_deref().unwrap_or(super::http::PLAIN_TEXT) },
            "guaranteed": false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_of_services_grow_to_twenty_seconds() {
        let seconds: Vec<u64> = (0..12).filter_map(|n| Some(pause_of_services(n)?.as_secs())).collect();
        assert_eq!(seconds, [0, 0, 0, 1, 1, 2, 4, 8, 16, 20, 20, 20]);
        assert!(pause_of_services(100_013).is_some() && pause_of_services(100_014).is_none());
    }

    fn pauses(policy: &Value) -> Vec<f64> {
        let text = json!({ "healthyRetryPolicy": policy }).to_string();
        let policy = DeliveryPolicy::of_subscription(&text).expect("a policy").retry;
        (0..).map_while(|retries| policy.pause(retries)).map(|pause| pause.as_secs_f64()).collect()
    }

    #[test]
    fn a_policy_has_four_phases() {
        assert_eq!(pauses(&json!({})), [20.0, 20.0, 20.0]);
        let mut policy = json!({
            "minDelayTarget": 1, "maxDelayTarget": 5, "numRetries": 9, "numNoDelayRetries": 1,
            "numMinDelayRetries": 2, "numMaxDelayRetries": 1,
        });
        assert_eq!(pauses(&policy), [0.0, 1.0, 1.0, 1.0, 2.0, 3.0, 4.0, 5.0, 5.0]);
        for shape in ["arithmetic", "geometric", "exponential"] {
            policy["backoffFunction"] = Value::from(shape);
            let pauses = pauses(&policy);
            assert!(pauses.is_sorted() && pauses.len() == 9 && (pauses[7] - 5.0).abs() < 1e-9, "{shape}: {pauses:?}");
        }
        assert_eq!(pauses(&json!({ "numRetries": 0 })), [0.0; 0]);
    }

    #[test]
    fn a_policy_that_cannot_be_is_refused() {
        for policy in [
            json!([]),
            json!({ "healthyRetryPolicy": 1 }),
            json!({ "healthyRetryPolicy": { "numRetries": 101 } }),
            json!({ "healthyRetryPolicy": { "minDelayTarget": 0 } }),
            json!({ "healthyRetryPolicy": { "minDelayTarget": 30 } }),
            json!({ "healthyRetryPolicy": { "numNoDelayRetries": 4 } }),
            json!({ "healthyRetryPolicy": { "numRetries": 4, "numNoDelayRetries": 4_294_967_295_u32, "numMinDelayRetries": 2 } }),
            json!({ "healthyRetryPolicy": { "maxDelayTarget": 3600, "numRetries": 2, "numMaxDelayRetries": 2 } }),
            json!({ "healthyRetryPolicy": { "backoffFunction": "cubic" } }),
            json!({ "healthyRetryPolicy": { "retries": 3 } }),
            json!({ "retryPolicy": {} }),
            json!({ "requestPolicy": { "headerContentType": "a/b\n" } }),
        ] {
            let refused = DeliveryPolicy::of_subscription(&policy.to_string());
            assert!(matches!(refused, Err(SnsError::Parameter(_))), "{policy}");
        }
        let throttled = json!({ "throttlePolicy": { "maxReceivesPerSecond": 1 } }).to_string();
        assert!(matches!(DeliveryPolicy::of_subscription(&throttled), Err(SnsError::Unsupported(_))));
        let of_topic = json!({ "http": { "defaultHealthyRetryPolicy": { "numRetries": 1 } } }).to_string();
        assert_eq!(DeliveryPolicy::of_topic(&of_topic).expect("a policy").retry.num_retries, 1);
    }
}
