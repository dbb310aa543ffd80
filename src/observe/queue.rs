//! How many messages wait in the queue of notifications and in its dead-letter queue.

use std::collections::HashMap;

use aws_sdk_sqs::types::QueueAttributeName as Name;

use super::drive::{Halt, Out, Progress, Tailer};
use crate::aws::{Clients, Problem};
use crate::model::{QueueDepth, Seen, Source};

/// The tailer of both queues.
pub struct Queue {
    clients: Clients,
    url: String,
    dead_letter_url: Option<String>,
    last: Option<QueueDepth>,
}

impl Queue {
    /// A tailer of a queue and, where there is one, its dead-letter queue.
    pub fn new(clients: Clients, url: String, dead_letter_url: Option<String>) -> Self {
        Self { clients, url, dead_letter_url, last: None }
    }

    async fn attributes(&self, url: &str) -> Result<HashMap<Name, String>, Problem> {
        self.clients
            .sqs
            .get_queue_attributes()
            .queue_url(url)
            .attribute_names(Name::ApproximateNumberOfMessages)
            .attribute_names(Name::ApproximateNumberOfMessagesNotVisible)
            .send()
            .await
            .map(|answer| answer.attributes.unwrap_or_default())
            .map_err(|error| Problem::of("sqs GetQueueAttributes", &error))
    }
}

impl Tailer for Queue {
    fn source(&self) -> Source {
        Source::Queue
    }

    async fn look(&mut self, out: &Out) -> Result<Progress, Halt> {
        let number = |attributes: &HashMap<Name, String>, name| {
            attributes.get(&name).and_then(|value| value.parse().ok()).unwrap_or_default()
        };
        let queue = self.attributes(&self.url).await?;
        let dead = match &self.dead_letter_url {
            Some(url) => self.attributes(url).await?,
            None => HashMap::new(),
        };
        let depth = QueueDepth {
            visible: number(&queue, Name::ApproximateNumberOfMessages),
            in_flight: number(&queue, Name::ApproximateNumberOfMessagesNotVisible),
            dead: number(&dead, Name::ApproximateNumberOfMessages),
        };
        if self.last == Some(depth) {
            return Ok(Progress::Quiet);
        }
        out.tell_now(Seen::Queue(depth)).await?;
        self.last = Some(depth);
        Ok(Progress::Changed)
    }
}
