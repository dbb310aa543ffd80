//! Hears what the stack's topic tells while a run lasts: a queue and its subscription, as a stack of its own that is made
//! for the run and removed after it.

use std::time::Duration;

use anyhow::Context;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::aws::{Clients, Problem};
use crate::clock::real_now;
use crate::deploy::{DeployError, Foreign, Plan, S3TAR_LISTENER, deploy, destroy};

const OUTPUT: &str = "heardQueueUrl";
const PARAMETER: &str = "topicArn";
/// Between two looks at a queue that has nothing.
const LOOK_EVERY: Duration = Duration::from_millis(200);
const MOST_MESSAGES: i32 = 10;

/// What hears.
pub struct Listener {
    queue: String,
}

/// A notification that was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The id that SNS gave it.
    pub id: String,
    /// Its subject.
    pub subject: String,
    /// What it tells.
    pub message: Value,
}

impl Listener {
    /// Hears a topic from now on; what an earlier run has left is removed first.
    ///
    /// # Errors
    /// The first cause of a failure.
    pub async fn begin(clients: &Clients, topic: &str, cancel: &CancellationToken) -> anyhow::Result<Self> {
        remove(clients, cancel).await?;
        let parameters = vec![(PARAMETER.to_owned(), topic.to_owned())];
        let offer = S3TAR_LISTENER;
        let plan = Plan::of(offer, offer.stack, parameters).ok_or(DeployError::Template(offer.id))?;
        // Nobody is told of a stack that is gone in a minute.
        let (sink, _) = mpsc::channel(1);
        let stack = deploy(clients, &plan, &sink, cancel).await?;
        let queue = stack.output(OUTPUT).with_context(|| format!("stack {} has no output {OUTPUT}", offer.stack))?;
        Ok(Self { queue: queue.to_owned() })
    }

    /// What is heard until `is_enough` says so, or nothing more is waited for.
    ///
    /// # Errors
    /// When a call fails.
    pub async fn hear(
        &self,
        clients: &Clients,
        patience: Duration,
        is_enough: impl Fn(&[Heard]) -> bool,
    ) -> Result<Vec<Heard>, Problem> {
        let began = real_now();
        let mut heard: Vec<Heard> = Vec::new();
        loop {
            let answer = clients.sqs.receive_message().queue_url(&self.queue).max_number_of_messages(MOST_MESSAGES);
            let answer = answer.send().await.map_err(|error| Problem::of("sqs ReceiveMessage", &error))?;
            let messages = answer.messages.unwrap_or_default();
            let is_quiet = messages.is_empty();
            for message in messages {
                if let Some(news) = message.body().and_then(read).filter(|news| heard.iter().all(|it| it.id != news.id))
                {
                    heard.push(news);
                }
                let handle = message.receipt_handle.unwrap_or_default();
                let deleted = clients.sqs.delete_message().queue_url(&self.queue).receipt_handle(handle).send().await;
                deleted.map_err(|error| Problem::of("sqs DeleteMessage", &error))?;
            }
            if is_quiet && (is_enough(&heard) || began.elapsed() > patience) {
                return Ok(heard);
            }
            if is_quiet {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }

    /// Hears no more.
    ///
    /// # Errors
    /// When it could not be removed; the next run does it.
    pub async fn end(self, clients: &Clients) -> anyhow::Result<()> {
        // Whoever interrupts wants it gone as well.
        remove(clients, &CancellationToken::new()).await
    }
}

async fn remove(clients: &Clients, cancel: &CancellationToken) -> anyhow::Result<()> {
    let (sink, _) = mpsc::channel(1);
    destroy(clients, S3TAR_LISTENER.stack, Foreign::Refused, &sink, cancel).await?;
    Ok(())
}

/// The envelope that SNS puts a notification in.
fn read(body: &str) -> Option<Heard> {
    let envelope: Value = serde_json::from_str(body).ok()?;
    let text = |member: &str| envelope[member].as_str();
    let message = text("Message")?;
    Some(Heard {
        id: text("MessageId")?.to_owned(),
        subject: text("Subject").unwrap_or_default().to_owned(),
        message: serde_json::from_str(message).unwrap_or_else(|_| Value::from(message)),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_envelope_is_read_and_anything_else_is_not_heard() {
        let envelope = json!({"Type": "Notification", "MessageId": "1", "Subject": "S", "Message": "{\"a\":1}"});
        let heard = read(&envelope.to_string()).expect("a notification");
        assert_eq!((heard.id.as_str(), heard.subject.as_str(), &heard.message), ("1", "S", &json!({"a": 1})));
        let plain = json!({"MessageId": "2", "Message": "no JSON"});
        assert_eq!(read(&plain.to_string()).expect("a notification").message, json!("no JSON"));
        assert!(read("{}").is_none() && read("nothing").is_none());
    }
}
