//! What a schedule is told to do: members as callers write them, and their checks.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::SchedulerError;
use super::target::{Target, TargetInput};
use crate::model::Timestamp;
use crate::model::schedule::Schedule as Expression;

/// Characters of a description at most.
const LONGEST_DESCRIPTION: usize = 512;
/// Characters of an expression at most.
const LONGEST_EXPRESSION: usize = 256;

/// Everything that `CreateSchedule` and `UpdateSchedule` say.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Settings {
    #[serde(skip_serializing_if = "Option::is_none")]
    action_after_completion: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_date: Option<Value>,
    #[serde(default)]
    flexible_time_window: Option<FlexibleTimeWindow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key_arn: Option<String>,
    #[serde(default)]
    schedule_expression: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule_expression_timezone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_date: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    #[serde(default)]
    pub target: Option<TargetInput>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct FlexibleTimeWindow {
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_window_in_minutes: Option<u64>,
    mode: String,
}

/// The same, read.
#[derive(Debug, Clone)]
pub struct Plan {
    pub expression: Expression,
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
    /// How much later than due an invocation may be.
    pub window: Duration,
    pub enabled: bool,
    pub delete_when_done: bool,
    pub target: Target,
}

/// Refuses what is no name of a schedule or a group.
pub fn check_name(member: &str, name: &str) -> Result<(), SchedulerError> {
    let is_good =
        (1..=64).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if is_good {
        return Ok(());
    }
    Err(SchedulerError::constraint(member, name, "Member must satisfy regular expression pattern: ^[0-9a-zA-Z-_.]+$"))
}

/// A moment as SDKs send it: seconds since the epoch, or RFC 3339.
fn moment(member: &str, given: Option<&Value>) -> Result<Option<Timestamp>, SchedulerError> {
    let read = match given {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(seconds)) => seconds.as_f64().map(|seconds| {
            #[expect(clippy::cast_possible_truncation, reason = "a float outside of i64 saturates")]
            Timestamp::from_micros((seconds * 1e6) as i64)
        }),
        Some(Value::String(text)) => Timestamp::parse_rfc3339(text),
        Some(_) => None,
    };
    read.map(Some).ok_or_else(|| SchedulerError::validation(format!("{member} is not a valid date.")))
}

impl Settings {
    /// Gives members that were left out the values that AWS returns for them.
    pub fn with_defaults(mut self) -> Self {
        self.state.get_or_insert_with(|| "ENABLED".to_owned());
        self.schedule_expression_timezone.get_or_insert_with(|| "UTC".to_owned());
        self.action_after_completion.get_or_insert_with(|| "NONE".to_owned());
        if let Some(target) = &mut self.target {
            target.with_defaults();
        }
        self
    }

    /// Checks the settings and reads them.
    pub fn read(&self) -> Result<Plan, SchedulerError> {
        let missing = |member: &str| SchedulerError::constraint(member, "null", "Member must not be null");
        let window = self.flexible_time_window.as_ref().ok_or_else(|| missing("flexibleTimeWindow"))?;
        let window = match (window.mode.as_str(), window.maximum_window_in_minutes) {
            ("OFF", None) => Duration::ZERO,
            ("FLEXIBLE", Some(minutes @ 1..=1_440)) => Duration::from_secs(minutes * 60),
            ("OFF", Some(_)) => {
                return Err(SchedulerError::validation(
                    "MaximumWindowInMinutes must not be set if FlexibleTimeWindow's mode is OFF.",
                ));
            }
            ("FLEXIBLE", _) => {
                return Err(SchedulerError::validation(
                    "MaximumWindowInMinutes must be set between 1 and 1440 if FlexibleTimeWindow's mode is FLEXIBLE.",
                ));
            }
            (mode, _) => {
                let constraint = "Member must satisfy enum value set: [OFF, FLEXIBLE]";
                return Err(SchedulerError::constraint("flexibleTimeWindow.mode", mode, constraint));
            }
        };
        let text = &self.schedule_expression;
        if text.is_empty() {
            return Err(missing("scheduleExpression"));
        }
        if text.len() > LONGEST_EXPRESSION {
            let constraint = "Member must have length less than or equal to 256";
            return Err(SchedulerError::constraint("scheduleExpression", text, constraint));
        }
        if self.description.as_ref().is_some_and(|text| text.chars().count() > LONGEST_DESCRIPTION) {
            let constraint = "Member must have length less than or equal to 512";
            return Err(SchedulerError::constraint("description", "", constraint));
        }
        let expression = Expression::parse(text, self.schedule_expression_timezone.as_deref().unwrap_or("UTC"))?;
        let start = moment("StartDate", self.start_date.as_ref())?;
        let end = moment("EndDate", self.end_date.as_ref())?;
        if start.zip(end).is_some_and(|(start, end)| end <= start) {
            return Err(SchedulerError::validation("The EndDate must come after the StartDate."));
        }
        let enabled = match self.state.as_deref() {
            None | Some("ENABLED") => true,
            Some("DISABLED") => false,
            Some(other) => {
                let constraint = "Member must satisfy enum value set: [ENABLED, DISABLED]";
                return Err(SchedulerError::constraint("state", other, constraint));
            }
        };
        let delete_when_done = match self.action_after_completion.as_deref() {
            None | Some("NONE") => false,
            Some("DELETE") => true,
            Some(other) => {
                let constraint = "Member must satisfy enum value set: [NONE, DELETE]";
                return Err(SchedulerError::constraint("actionAfterCompletion", other, constraint));
            }
        };
        let target = Target::read(self.target.as_ref().ok_or_else(|| missing("target"))?)?;
        Ok(Plan { expression, start, end, window, enabled, delete_when_done, target })
    }
}

impl Plan {
    /// The next moment at `from` or later that is due, for a schedule that was made (or changed) at `made`.
    pub fn next(&self, made: Timestamp, from: Timestamp) -> Option<Timestamp> {
        // The dates do not bound what happens once.
        if self.expression.is_once() {
            return self.expression.next(made, from);
        }
        let start = self.start.unwrap_or(made);
        let next = self.expression.next(start, from.max(start))?;
        self.end.is_none_or(|end| next <= end).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(changes: &Value) -> Settings {
        let mut given = json!({
            "ScheduleExpression": "rate(1 hour)", "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {"Arn": "arn:aws:sqs:us-east-1:000000000000:q", "RoleArn": "arn:aws:iam::000000000000:role/r"},
        });
        for (name, value) in changes.as_object().into_iter().flatten() {
            given[name] = value.clone();
        }
        serde_json::from_value(given).expect("settings")
    }

    #[test]
    fn a_schedule_keeps_to_its_dates() {
        let moment = |hours: i64| Timestamp::from_secs(hours * 3_600);
        let plan = settings(&json!({"StartDate": 7_200, "EndDate": "1970-01-01T05:30:00Z"})).read().expect("a plan");
        assert_eq!(plan.next(moment(0), moment(0)), Some(moment(2)));
        assert_eq!(plan.next(moment(0), moment(4)), Some(moment(4)));
        assert_eq!(plan.next(moment(0), moment(5) + Duration::from_secs(1)), None);
    }

    #[test]
    fn settings_that_do_not_fit_are_refused() {
        for changes in [
            json!({"ScheduleExpression": ""}),
            json!({"ScheduleExpression": "rate(1 second)"}),
            json!({"ScheduleExpressionTimezone": "Mars"}),
            json!({"FlexibleTimeWindow": null}),
            json!({"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}}),
            json!({"FlexibleTimeWindow": {"Mode": "ON"}}),
            json!({"State": "ON"}),
            json!({"ActionAfterCompletion": "KEEP"}),
            json!({"StartDate": 7_200, "EndDate": 3_600}),
            json!({"StartDate": "soon"}),
            json!({"Target": null}),
        ] {
            assert!(matches!(settings(&changes).read(), Err(SchedulerError::Validation(_))), "{changes}");
        }
    }
}
