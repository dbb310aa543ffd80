//! What the stack's rules on the default event bus make of a notification.

use anyhow::Context;
use aws_sdk_eventbridge::types::{RuleState, Target};

use crate::aws::{Clients, Kind, Problem};
use crate::emulator::pattern_takes;
use crate::model::Timestamp;
use crate::sim::{Handover, Notification, REAL_SOURCE, Rule, SIMULATOR_SOURCE, Share};

/// Reads the rules of these physical names that are on the default bus.
///
/// # Errors
/// When a call fails, or a pattern is written in a way that is not known here.
pub async fn read(
    clients: &Clients,
    share: &Share,
    names: &[String],
    queue_url: Option<&str>,
) -> anyhow::Result<Vec<Rule>> {
    let mut rules = Vec::new();
    for name in names.iter().filter_map(|name| on_default_bus(name)) {
        let described = match clients.events.describe_rule().name(name).send().await {
            Ok(described) => described,
            Err(error) => match Problem::of("events DescribeRule", &error) {
                // Endpoints name the rules of other buses as those of the default one.
                problem if problem.kind == Kind::NotFound => continue,
                problem => return Err(anyhow::anyhow!(problem.sentence)),
            },
        };
        let takes = |source| {
            takes(described.event_pattern.as_deref(), share, source)
                .with_context(|| format!("the event pattern of rule {name} cannot be read"))
        };
        rules.push(Rule {
            name: name.to_owned(),
            is_enabled: described.state != Some(RuleState::Disabled),
            takes_real: takes(REAL_SOURCE)?,
            takes_own: takes(SIMULATOR_SOURCE)?,
            to_queue: match queue_url {
                Some(url) => to_queue(&targets(clients, name).await?, url),
                None => None,
            },
        });
    }
    Ok(rules)
}

async fn targets(clients: &Clients, rule: &str) -> anyhow::Result<Vec<Target>> {
    let mut targets = Vec::new();
    let mut token = None;
    loop {
        let answer = clients.events.list_targets_by_rule().rule(rule).set_next_token(token).send().await;
        let answer =
            answer.map_err(|error| anyhow::anyhow!(Problem::of("events ListTargetsByRule", &error).sentence))?;
        targets.extend(answer.targets.unwrap_or_default());
        token = answer.next_token;
        if token.is_none() {
            return Ok(targets);
        }
    }
}

/// The name of a rule of the default bus: those of other buses are written `bus|rule`.
fn on_default_bus(physical: &str) -> Option<&str> {
    match physical.split_once('|') {
        None => Some(physical),
        Some(("default", rule)) => Some(rule),
        Some(_) => None,
    }
}

/// Whether a pattern takes an upload notification with that source; a rule without one is a schedule.
fn takes(pattern: Option<&str>, share: &Share, source: &str) -> anyhow::Result<bool> {
    let Some(pattern) = pattern else { return Ok(false) };
    let sample =
        Notification { object_key: "sample-vaultjob/file".to_owned(), object_size: 1, modified: Timestamp::default() };
    let event = sample.event(share, source, Timestamp::default()).to_string();
    Ok(pattern_takes(pattern, &event)?)
}

/// What the queue of that URL gets, by the target whose ARN ends in the queue's name.
fn to_queue(targets: &[Target], url: &str) -> Option<Handover> {
    let name = url.rsplit('/').next()?;
    let target = targets.iter().find(|target| target.arn().rsplit(':').next() == Some(name))?;
    Some(if target.input_transformer().is_some() {
        Handover::Changed("input transformer")
    } else if target.input().is_some() {
        Handover::Changed("constant input")
    } else if target.input_path().is_some_and(|path| path != "$") {
        Handover::Changed("input path")
    } else {
        Handover::Whole
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_eventbridge::types::InputTransformer;

    use super::*;

    #[test]
    fn patterns_are_asked_with_a_whole_notification() {
        let share = Share::of("bucket", "eu-west-1", "123456789012");
        let detail_type = r#""detail-type":["Storage Gateway Object Upload Event"]"#;
        for (pattern, real, own) in [
            (format!(r#"{{"source":["aws.storagegateway"],{detail_type}}}"#), true, false),
            (format!(r#"{{"source":["aws.storagegateway","vaultscope.storagegateway"],{detail_type}}}"#), true, true),
            (format!("{{{detail_type}}}"), true, true),
            (format!(r#"{{"source":[{{"prefix":"aws."}}],{detail_type}}}"#), true, false),
            (format!(r#"{{"source":[{{"anything-but":["aws.s3"]}}],{detail_type}}}"#), true, true),
            (format!(r#"{{"source":[{{"anything-but":{{"prefix":"aws."}}}}],{detail_type}}}"#), false, true),
            (format!(r#"{{"source":[{{"suffix":".storagegateway"}}],{detail_type}}}"#), true, true),
            (r#"{"source":["aws.s3"]}"#.to_owned(), false, false),
            (
                r#"{"source":["aws.storagegateway"],"detail-type":["Storage Gateway File Upload Event"]}"#.to_owned(),
                false,
                false,
            ),
            (r#"{"source":["aws.storagegateway"],"detail":{"bucket-name":["bucket"]}}"#.to_owned(), true, false),
            (r#"{"source":["aws.storagegateway"],"detail":{"bucket-name":["another"]}}"#.to_owned(), false, false),
            (
                r#"{"$or":[{"source":["vaultscope.storagegateway"]},{"account":["210987654321"]}]}"#.to_owned(),
                false,
                true,
            ),
        ] {
            let found = |source| takes(Some(&pattern), &share, source).expect("a pattern");
            assert_eq!((found(REAL_SOURCE), found(SIMULATOR_SOURCE)), (real, own), "{pattern}");
        }
        assert!(!takes(None, &share, REAL_SOURCE).expect("no pattern"), "a schedule");
        assert!(takes(Some(r#"{"source":[{"unheard-of":1}]}"#), &share, REAL_SOURCE).is_err());
    }

    #[test]
    fn the_target_says_what_the_queue_gets() {
        let target = |arn: &str| Target::builder().id("t").arn(arn);
        let url = "http://127.0.0.1:4566/000000000000/uploads";
        let ours = "arn:aws:sqs:us-east-1:000000000000:uploads";
        let transformer = InputTransformer::builder().input_template("{}").build().expect("a transformer");
        for (target, expected) in [
            (target(ours), Some(Handover::Whole)),
            (target(ours).input_path("$"), Some(Handover::Whole)),
            (target(ours).input_path("$.detail"), Some(Handover::Changed("input path"))),
            (target(ours).input("{}"), Some(Handover::Changed("constant input"))),
            (target(ours).input_transformer(transformer), Some(Handover::Changed("input transformer"))),
            (target("arn:aws:sqs:us-east-1:000000000000:other-uploads"), None),
        ] {
            let target = target.build().expect("a target");
            assert_eq!(to_queue(std::slice::from_ref(&target), url), expected, "{target:?}");
        }
    }

    #[test]
    fn rules_of_other_buses_are_left_aside() {
        assert_eq!(on_default_bus("stack-rule-1"), Some("stack-rule-1"));
        assert_eq!(on_default_bus("default|stack-rule-1"), Some("stack-rule-1"));
        assert_eq!(on_default_bus("custom|stack-rule-1"), None);
    }
}
