//! Amazon SQS: standard queues over the JSON and the query protocol, and queues as targets of other services.
//!
//! A queue never scans its messages: every operation costs what its batch costs. FIFO queues are refused by name.

mod attributes;
mod error;
mod kept;
mod manage;
mod message;
mod move_task;
mod query;
mod queue;
mod receipt;
mod receive;
mod send;
mod visibility;
mod wire;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use futures::future::BoxFuture;
use serde_json::Value;

use crate::emulator::service::{Call, Delivery, DeliveryError, Interface, Protocol, QueryInterface, Service};
use crate::emulator::{Fabric, KeepError, ServiceError, Shelf};
use error::SqsError;
use queue::Queue;

static INTERFACE: Interface = Interface {
    id: "sqs",
    title: "Amazon SQS",
    target_prefix: Some("AmazonSQS"),
    json_version: "1.0",
    query: Some(QueryInterface {
        version: "2012-11-05",
        namespace: "http://queue.amazonaws.com/doc/2012-11-05/",
        flattened: query::FLATTENED,
    }),
    rest: false,
};

/// The queues of the endpoint.
pub struct Sqs {
    fabric: Fabric,
    shelf: Shelf,
    queues: RwLock<BTreeMap<String, Arc<Queue>>>,
    next_queue: AtomicU64,
    moves: Mutex<move_task::MoveTasks>,
}

impl Sqs {
    /// The service with the queues that were kept.
    ///
    /// # Errors
    /// When these cannot be read.
    pub fn new(fabric: Fabric) -> Result<Arc<Self>, KeepError> {
        let shelf = fabric.keep().shelf(INTERFACE.id);
        let queues = RwLock::new(kept::queues(&shelf)?);
        let next_queue = AtomicU64::new(shelf.first_number() + 1);
        let moves = Mutex::new(move_task::load(&shelf)?);
        Ok(Arc::new(Self { fabric, shelf, queues, next_queue, moves }))
    }

    crate::operations! {
        CreateQueue => Self::create_queue,
        DeleteQueue => Self::delete_queue,
        GetQueueUrl => Self::get_queue_url,
        ListQueues => Self::list_queues,
        GetQueueAttributes => Self::get_queue_attributes,
        SetQueueAttributes => Self::set_queue_attributes,
        SendMessage => Self::send_message,
        SendMessageBatch => Self::send_message_batch,
        ReceiveMessage => Self::receive_message,
        DeleteMessage => Self::delete_message,
        DeleteMessageBatch => Self::delete_message_batch,
        ChangeMessageVisibility => Self::change_message_visibility,
        ChangeMessageVisibilityBatch => Self::change_message_visibility_batch,
        PurgeQueue => Self::purge_queue,
        TagQueue => Self::tag_queue,
        UntagQueue => Self::untag_queue,
        ListQueueTags => Self::list_queue_tags,
        ListDeadLetterSourceQueues => Self::list_dead_letter_source_queues,
        StartMessageMoveTask => Self::start_message_move_task,
        ListMessageMoveTasks => Self::list_message_move_tasks,
    }

    /// The queue whose URL ends in its name, whatever host the caller knows this endpoint by.
    fn by_url(&self, url: &str) -> Result<Arc<Queue>, SqsError> {
        self.by_name(url.rsplit('/').next().unwrap_or(url))
    }

    fn by_name(&self, name: &str) -> Result<Arc<Queue>, SqsError> {
        let queues = self.queues.read().unwrap_or_else(PoisonError::into_inner);
        queues.get(name).cloned().ok_or(SqsError::QueueDoesNotExist)
    }

    /// The queue of an ARN; `None` when it is another account's or region's, or is not there.
    fn by_arn(&self, arn: &str) -> Option<Arc<Queue>> {
        let (own, name) = arn.rsplit_once(':')?;
        let queue = self.by_name(name).ok()?;
        queue.arn.strip_suffix(name).is_some_and(|prefix| prefix.strip_suffix(':') == Some(own)).then_some(queue)
    }
}

impl Service for Sqs {
    fn interface(&self) -> &'static Interface {
        &INTERFACE
    }

    fn operations(&self) -> &'static [&'static str] {
        Sqs::operations(self)
    }

    fn summary(&self) -> Vec<(&'static str, usize)> {
        let now = self.fabric.clock().now();
        let queues = self.queues.read().unwrap_or_else(PoisonError::into_inner);
        let messages = queues.values().map(|queue| queue.counts(queue.settings().retention, now).all()).sum();
        vec![("queues", queues.len()), ("messages", messages)]
    }

    fn call(&self, call: Call) -> BoxFuture<'_, Result<Value, ServiceError>> {
        if call.context.protocol != Protocol::Query {
            return Sqs::call(self, call);
        }
        Box::pin(async move {
            let operation = call.operation.clone();
            let output = Sqs::call(self, call).await?;
            Ok(query::shape(&operation, output))
        })
    }

    fn deliver(&self, delivery: Delivery) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(async move {
            let Some(queue) = self.by_arn(&delivery.target.to_string()) else {
                return Err(DeliveryError::permanent(
                    "NO_PERMISSIONS",
                    format!("the queue {} does not exist", delivery.target),
                ));
            };
            let message = message::Draft::of_delivery(&delivery)
                .map_err(|error| DeliveryError::from(ServiceError::from(error)))?;
            self.put(&queue, message).map_err(|error| DeliveryError::from(ServiceError::from(error)))?;
            Ok(())
        })
    }
}
