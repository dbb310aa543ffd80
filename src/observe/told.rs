//! What an execution's history tells of other services: the ECS task that a state runs, and the messages that it hands to
//! SNS. Neither service is asked: ECS forgets a stopped task within the hour, and SNS keeps no message.
//!
//! Pure. Events come in their order; what was told of an earlier one is not told again.

use serde_json::Value;

use crate::model::archiving::{NotificationSeen, TaskSeen, TaskStatus};
use crate::model::{HistoryEvent, Seen};

/// What of an execution's history is under way.
#[derive(Debug, Default)]
pub struct Told {
    task: Option<TaskSeen>,
    notification: Option<NotificationSeen>,
}

impl Told {
    /// What the next event of the history tells; nothing for most.
    pub fn see(&mut self, event: &HistoryEvent) -> Option<Seen> {
        match text(&event.details, "resourceType")? {
            "ecs" => self.task(event).map(Seen::Task),
            "sns" => self.notification(event).map(Seen::Notification),
            _ => None,
        }
    }

    fn task(&mut self, event: &HistoryEvent) -> Option<TaskSeen> {
        if event.kind == "TaskScheduled" {
            self.task = Some(TaskSeen {
                execution: event.execution.clone(),
                run: event.id,
                event_id: event.id,
                status: TaskStatus::Asked,
                arn: None,
                exit_code: None,
                reason: None,
            });
            return self.task.clone();
        }
        let task = self.task.as_mut()?;
        task.event_id = event.id;
        match event.kind.as_str() {
            "TaskSubmitted" => {
                task.status = TaskStatus::Running;
                task.arn = pointed(&event.details, "/output/Tasks/0/TaskArn").map(str::to_owned);
            }
            "TaskSucceeded" => ended(task, TaskStatus::Succeeded, event.details.get("output")),
            "TaskFailed" | "TaskTimedOut" | "TaskSubmitFailed" | "TaskStartFailed" => {
                ended(task, TaskStatus::Failed, event.details.get("cause"));
                if task.reason.is_none() {
                    task.reason = words(&event.details);
                }
            }
            _ => return None,
        }
        Some(task.clone())
    }

    fn notification(&mut self, event: &HistoryEvent) -> Option<NotificationSeen> {
        if event.kind == "TaskScheduled" {
            let parameter = |name: &str| match event.details.get("parameters").and_then(|of| of.get(name)) {
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
                None => String::new(),
            };
            self.notification = Some(NotificationSeen {
                execution: event.execution.clone(),
                run: event.id,
                event_id: event.id,
                topic: parameter("TopicArn"),
                subject: parameter("Subject"),
                message: parameter("Message"),
                is_sent: None,
                answer: None,
            });
            return self.notification.clone();
        }
        let told = self.notification.as_mut()?;
        match event.kind.as_str() {
            "TaskSucceeded" => {
                told.is_sent = Some(true);
                told.answer = pointed(&event.details, "/output/MessageId").map(str::to_owned);
            }
            "TaskFailed" | "TaskTimedOut" | "TaskStartFailed" => {
                told.is_sent = Some(false);
                told.answer = words(&event.details);
            }
            _ => return None,
        }
        told.event_id = event.id;
        Some(told.clone())
    }
}

/// How a task ended: it stands as JSON in the output or the cause, in the names of ECS's API.
fn ended(task: &mut TaskSeen, status: TaskStatus, of: Option<&Value>) {
    task.status = status;
    let Some(of) = of.filter(|of| of.is_object()) else { return };
    task.exit_code = of.pointer("/Containers/0/ExitCode").and_then(Value::as_i64);
    task.reason = text(of, "StoppedReason").map(str::to_owned);
    if let Some(arn) = text(of, "TaskArn") {
        task.arn = Some(arn.to_owned());
    }
}

fn words(details: &Value) -> Option<String> {
    let words: Vec<&str> = ["error", "cause"].iter().filter_map(|member| text(details, member)).collect();
    (!words.is_empty()).then(|| words.join(": "))
}

fn text<'a>(of: &'a Value, member: &str) -> Option<&'a str> {
    of.get(member)?.as_str()
}

fn pointed<'a>(of: &'a Value, path: &str) -> Option<&'a str> {
    of.pointer(path)?.as_str()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn all(events: &[(&str, Value)]) -> Vec<Seen> {
        let mut told = Told::default();
        let events = events.iter().zip(1..).map(|((kind, details), id)| HistoryEvent {
            execution: "e".to_owned(),
            id,
            previous_id: id - 1,
            kind: (*kind).to_owned(),
            state: None,
            details: details.clone(),
        });
        events.filter_map(|event| told.see(&event)).collect()
    }

    #[test]
    fn a_task_is_asked_for_runs_and_ends() {
        let ecs = |more: Value| {
            let mut details = json!({"resourceType": "ecs", "resource": "runTask.sync"});
            details.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
            details
        };
        let stopped = json!({"TaskArn": "t", "StoppedReason": "Essential container in task exited",
            "Containers": [{"ExitCode": 2}]});
        let seen = all(&[
            ("TaskStateEntered", json!({"input": {}})),
            ("TaskScheduled", ecs(json!({"parameters": {"Cluster": "c"}}))),
            ("TaskStarted", ecs(json!({}))),
            ("TaskSubmitted", ecs(json!({"output": {"Tasks": [{"TaskArn": "t"}]}}))),
            ("TaskFailed", ecs(json!({"error": "States.TaskFailed", "cause": stopped}))),
            ("TaskScheduled", ecs(json!({}))),
            ("TaskSubmitFailed", ecs(json!({"error": "ECS.ServerException", "cause": "not now"}))),
        ]);
        let runs: Vec<_> = seen
            .iter()
            .map(|seen| match seen {
                Seen::Task(task) => {
                    (task.run, task.event_id, task.status, task.arn.as_deref(), task.exit_code, task.reason.as_deref())
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(
            runs,
            [
                (2, 2, TaskStatus::Asked, None, None, None),
                (2, 4, TaskStatus::Running, Some("t"), None, None),
                (2, 5, TaskStatus::Failed, Some("t"), Some(2), Some("Essential container in task exited")),
                (6, 6, TaskStatus::Asked, None, None, None),
                (6, 7, TaskStatus::Failed, None, None, Some("ECS.ServerException: not now")),
            ]
        );
    }

    #[test]
    fn a_message_is_handed_over_and_taken_or_not() {
        let sns = |more: Value| {
            let mut details = json!({"resourceType": "sns", "resource": "publish"});
            details.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
            details
        };
        let asked = json!({"parameters": {"TopicArn": "t", "Subject": "Task failed", "Message": {"a": 1}}});
        let seen = all(&[
            ("TaskScheduled", sns(asked.clone())),
            ("TaskStarted", sns(json!({}))),
            ("TaskSucceeded", sns(json!({"output": {"MessageId": "m"}}))),
            ("TaskScheduled", sns(asked)),
            ("TaskFailed", sns(json!({"error": "SNS.NotFoundException", "cause": "no topic"}))),
            ("TaskScheduled", json!({"resourceType": "lambda"})),
        ]);
        let told: Vec<_> = seen
            .iter()
            .map(|seen| match seen {
                Seen::Notification(told) => {
                    (told.run, told.subject.as_str(), told.message.as_str(), told.is_sent, told.answer.as_deref())
                }
                other => panic!("{other:?}"),
            })
            .collect();
        let message = r#"{"a":1}"#;
        assert_eq!(
            told,
            [
                (1, "Task failed", message, None, None),
                (1, "Task failed", message, Some(true), Some("m")),
                (4, "Task failed", message, None, None),
                (4, "Task failed", message, Some(false), Some("SNS.NotFoundException: no topic")),
            ]
        );
    }
}
