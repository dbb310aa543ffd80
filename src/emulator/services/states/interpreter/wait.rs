//! The Wait state: on the endpoint's clock, so that it follows its rate.

use std::time::Duration;

use serde_json::Value;

use super::strand::Strand;
use super::{Exit, Fault, Visit};
use crate::emulator::services::states::asl::{Count, Text, Until};
use crate::emulator::services::states::moment::Moment;
use crate::model::Timestamp;

/// The longest delay that AWS takes: 2^31 - 1 seconds.
const LONGEST_DELAY: Duration = Duration::from_secs(i32::MAX as u64);

impl<'r> Strand<'r> {
    pub(super) async fn wait(&mut self, visit: &Visit<'r>, until: &Until) -> Result<Exit, Fault> {
        let deadline = self.deadline(visit, until)?;
        if deadline.since(visit.at).is_some_and(|delay| delay > LONGEST_DELAY) {
            return Err(visit.runtime("Wait state delay is too long."));
        }
        self.run.fabric.clock().sleep_until(deadline).await;
        self.hand_on(visit, visit.state.next)
    }

    fn deadline(&mut self, visit: &Visit<'r>, until: &Until) -> Result<Timestamp, Fault> {
        let input = self.selected_input(visit)?;
        match until {
            Until::Seconds(count) => {
                let (value, path) = self.count(visit, "Seconds", count, &input)?;
                let path = path.unwrap_or_default();
                if let Some(seconds) = value.as_u64() {
                    return Ok(visit.at + Duration::from_secs(seconds));
                }
                let problem = if value.is_i64() {
                    format!("The SecondsPath parameter references a negative value: {path} == {value}")
                } else {
                    format!("The SecondsPath parameter cannot be parsed as a long value: {path} == {value}")
                };
                if matches!(count, Count::Formula(_)) {
                    let problem = format!("The Seconds field must be a non-negative integer but was: {value}");
                    return Err(self.evaluation_failed(visit, Some("Seconds".to_owned()), visit.cause(&problem)));
                }
                Err(visit.runtime(&problem))
            }
            Until::Moment(text) => {
                let written = self.text(visit, "Timestamp", text, &input)?;
                if let Some(moment) = Moment::parse(&written) {
                    return Ok(moment.timestamp());
                }
                if let Text::Formula(_) = text {
                    let problem = format!(
                        "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: \
                         {written}"
                    );
                    return Err(self.evaluation_failed(visit, Some("Timestamp".to_owned()), visit.cause(&problem)));
                }
                let path = if let Text::Path(path) = text { path.source() } else { "" };
                let value = Value::from(written.as_str());
                let problem = format!(
                    "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format \
                     string: {path} == {}",
                    value.as_str().unwrap_or_default()
                );
                Err(visit.runtime(&problem))
            }
        }
    }
}
