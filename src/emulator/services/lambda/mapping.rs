//! Event source mappings: which queue a function works off, and how.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::Lambda;
use super::error::LambdaError;
use super::kept;
use super::poller;
use super::registry::function_name;
use super::scalar::{flag, number};
use crate::emulator::service::Context;
use crate::model::{Arn, Timestamp};

const PRINCIPAL: &str = "lambda.amazonaws.com";

/// Messages of a batch without a batching window.
const BATCH_WITHOUT_WINDOW: u32 = 10;

/// How a mapping works; a new one replaces it when it changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The function's name.
    pub function: String,
    /// Messages of a batch at the most.
    pub batch_size: u32,
    /// How long a batch may gather, in simulated time.
    pub window: Duration,
    /// Whether the function names the messages that failed.
    pub reports_failures: bool,
    /// Batches at once; `None` where nothing was said.
    pub concurrency: Option<u32>,
    /// Whether it works at all.
    pub enabled: bool,
    /// When it was changed last.
    pub modified: Timestamp,
}

/// A mapping.
#[derive(Debug)]
pub struct Mapping {
    /// Its id.
    pub uuid: String,
    /// The queue.
    pub queue: Arn,
    /// The queue's URL.
    pub queue_url: String,
    plan: RwLock<Arc<Plan>>,
    /// What the last batch came to.
    pub last_result: RwLock<String>,
    stop: RwLock<CancellationToken>,
}

/// A mapping as it is written down.
#[derive(Debug, Serialize, Deserialize)]
pub struct MappingRow {
    queue: String,
    plan: Arc<Plan>,
}

impl MappingRow {
    /// The mapping that was written down, which does not work yet; `None` when its queue is none.
    pub fn mapping(self, uuid: String, url: impl FnOnce(&Arn) -> String) -> Option<Mapping> {
        let queue: Arn = self.queue.parse().ok()?;
        let queue_url = url(&queue);
        Some(Mapping::new(uuid, queue, queue_url, self.plan))
    }
}

/// The members that can be changed.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PlanInput {
    #[serde(default, deserialize_with = "number")]
    batch_size: Option<u32>,
    #[serde(default, deserialize_with = "number")]
    maximum_batching_window_in_seconds: Option<u32>,
    function_response_types: Option<Vec<String>>,
    scaling_config: Option<Value>,
    #[serde(default, deserialize_with = "flag")]
    enabled: Option<bool>,
    filter_criteria: Option<Value>,
    provisioned_poller_config: Option<Value>,
    destination_config: Option<Value>,
    metrics_config: Option<Value>,
    #[serde(rename = "KMSKeyArn")]
    kms_key_arn: Option<String>,
}

/// The input of CreateEventSourceMapping.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateMappingInput {
    function_name: String,
    event_source_arn: Option<String>,
    #[serde(flatten)]
    plan: PlanInput,
}

/// The input of UpdateEventSourceMapping.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateMappingInput {
    #[serde(rename = "UUID")]
    uuid: String,
    function_name: Option<String>,
    #[serde(flatten)]
    plan: PlanInput,
}

/// The input of operations that name a mapping.
#[derive(Debug, Deserialize)]
pub struct MappingInput {
    #[serde(rename = "UUID")]
    uuid: String,
}

/// The input of ListEventSourceMappings.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListMappingsInput {
    function_name: Option<String>,
    event_source_arn: Option<String>,
    marker: Option<String>,
    #[serde(default, deserialize_with = "number")]
    max_items: Option<u32>,
}

impl Plan {
    fn new(function: &str) -> Self {
        Self {
            function: function.to_owned(),
            batch_size: BATCH_WITHOUT_WINDOW,
            window: Duration::ZERO,
            reports_failures: false,
            concurrency: None,
            enabled: true,
            modified: Timestamp::default(),
        }
    }

    fn apply(&mut self, input: PlanInput) -> Result<(), LambdaError> {
        let invalid = |problem: &str| LambdaError::InvalidParameter(problem.to_owned());
        let said = |value: &Option<Value>| value.as_ref().is_some_and(|value| *value != json!({}) && !value.is_null());
        let unsupported = [
            ("FilterCriteria", said(&input.filter_criteria)),
            ("ProvisionedPollerConfig", said(&input.provisioned_poller_config)),
            ("DestinationConfig", said(&input.destination_config)),
            ("MetricsConfig", said(&input.metrics_config)),
            ("KMSKeyArn", input.kms_key_arn.is_some_and(|arn| !arn.is_empty())),
        ];
        if let Some((name, _)) = unsupported.iter().find(|(_, named)| *named) {
            return Err(LambdaError::unsupported(&format!("{name} of an event source mapping")));
        }
        self.batch_size = input.batch_size.unwrap_or(self.batch_size);
        if !(1..=10_000).contains(&self.batch_size) {
            return Err(invalid("BatchSize must be between 1 and 10000"));
        }
        if let Some(seconds) = input.maximum_batching_window_in_seconds {
            if seconds > 300 {
                return Err(invalid("MaximumBatchingWindowInSeconds must be between 0 and 300"));
            }
            self.window = Duration::from_secs(u64::from(seconds));
        }
        if self.batch_size > BATCH_WITHOUT_WINDOW && self.window.is_zero() {
            return Err(invalid(
                "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
            ));
        }
        if let Some(types) = input.function_response_types {
            if let Some(other) = types.iter().find(|kind| *kind != "ReportBatchItemFailures") {
                return Err(invalid(&format!("{other:?} is no function response type: use ReportBatchItemFailures")));
            }
            self.reports_failures = !types.is_empty();
        }
        if let Some(scaling) = input.scaling_config {
            let most = scaling.get("MaximumConcurrency");
            let most = most.and_then(|most| most.as_u64().or_else(|| most.as_str().and_then(|text| text.parse().ok())));
            self.concurrency = match most {
                None => None,
                Some(most @ 2..=1_000) => u32::try_from(most).ok(),
                Some(_) => return Err(invalid("MaximumConcurrency must be between 2 and 1000")),
            };
        }
        self.enabled = input.enabled.unwrap_or(self.enabled);
        Ok(())
    }
}

impl Mapping {
    fn new(uuid: String, queue: Arn, queue_url: String, plan: Arc<Plan>) -> Self {
        Self {
            uuid,
            queue,
            queue_url,
            plan: RwLock::new(plan),
            last_result: RwLock::new("No records processed".to_owned()),
            stop: RwLock::new(CancellationToken::new()),
        }
    }

    /// The mapping as it is written down.
    pub fn row(&self) -> MappingRow {
        MappingRow { queue: self.queue.to_string(), plan: self.plan() }
    }

    /// How it works now.
    pub fn plan(&self) -> Arc<Plan> {
        Arc::clone(&self.plan.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Says what the last batch came to.
    pub fn result(&self, text: &str) {
        let mut last = self.last_result.write().unwrap_or_else(PoisonError::into_inner);
        if *last != text {
            text.clone_into(&mut last);
        }
    }

    fn shown(&self, function_arn: &str, state: &str) -> Value {
        let plan = self.plan();
        let mut shown = json!({
            "UUID": self.uuid,
            "EventSourceMappingArn": function_arn.replacen(
                &format!("function:{}", plan.function),
                &format!("event-source-mapping:{}", self.uuid),
                1,
            ),
            "BatchSize": plan.batch_size,
            "MaximumBatchingWindowInSeconds": plan.window.as_secs(),
            "EventSourceArn": self.queue.to_string(),
            "FunctionArn": function_arn,
            "LastModified": plan.modified.epoch_seconds(),
            "LastProcessingResult": *self.last_result.read().unwrap_or_else(PoisonError::into_inner),
            "State": state,
            "StateTransitionReason": "USER_INITIATED",
            "FunctionResponseTypes": if plan.reports_failures { vec!["ReportBatchItemFailures"] } else { vec![] },
        });
        if let Some(most) = plan.concurrency {
            shown["ScalingConfig"] = json!({ "MaximumConcurrency": most });
        }
        shown
    }

    fn steady_state(&self) -> &'static str {
        if self.plan().enabled { "Enabled" } else { "Disabled" }
    }

    /// Ends its poller; batches that run end as they began.
    pub fn stop(&self) {
        self.stop.read().unwrap_or_else(PoisonError::into_inner).cancel();
    }
}

impl Lambda {
    /// CreateEventSourceMapping.
    pub(super) async fn create_event_source_mapping(
        &self,
        input: CreateMappingInput,
        _: &Context,
    ) -> Result<Value, LambdaError> {
        let Some(source) = input.event_source_arn else {
            return Err(LambdaError::InvalidParameter("EventSourceArn is required".to_owned()));
        };
        let queue: Arn =
            source.parse().map_err(|error: crate::model::ArnError| LambdaError::InvalidParameter(error.to_string()))?;
        if queue.service != "sqs" {
            return Err(LambdaError::unsupported(&format!("an event source of the service {:?}", queue.service)));
        }
        let function = self.registry.function(&input.function_name)?;
        let mut plan = Plan::new(&function.name);
        plan.apply(input.plan)?;
        plan.modified = self.registry.fabric.clock().now();
        let queue_url = self.queue_url(&queue).await?;
        self.expect_visibility(&queue_url, function.config().timeout).await?;
        let mapping = Arc::new(Mapping::new(self.registry.fabric.uuid(), queue, queue_url, Arc::new(plan)));
        {
            let mut mappings = self.registry.mappings.write().unwrap_or_else(PoisonError::into_inner);
            let same = |other: &Arc<Mapping>| other.queue == mapping.queue && other.plan().function == *function.name;
            if let Some(other) = mappings.values().find(|other| same(other)) {
                return Err(LambdaError::Conflict(format!(
                    "An event source mapping with SQS arn (\" {source} \") and function (\" {} \") already exists. \
                     Please update or delete the existing mapping with UUID {}",
                    function.name, other.uuid
                )));
            }
            kept::keep_mapping(&self.registry.shelf, &mapping);
            mappings.insert(mapping.uuid.clone(), Arc::clone(&mapping));
        }
        self.start(&mapping);
        Ok(mapping.shown(&function.arn, "Creating"))
    }

    /// GetEventSourceMapping.
    pub(super) async fn get_event_source_mapping(
        &self,
        input: MappingInput,
        _: &Context,
    ) -> Result<Value, LambdaError> {
        let mapping = self.mapping(&input.uuid)?;
        Ok(mapping.shown(&self.arn_of(&mapping), mapping.steady_state()))
    }

    /// ListEventSourceMappings.
    pub(super) async fn list_event_source_mappings(
        &self,
        input: ListMappingsInput,
        _: &Context,
    ) -> Result<Value, LambdaError> {
        let name = input.function_name.as_deref().map(function_name).transpose()?;
        let mut found: Vec<Arc<Mapping>> = {
            let mappings = self.registry.mappings.read().unwrap_or_else(PoisonError::into_inner);
            let wanted = |mapping: &Arc<Mapping>| {
                name.is_none_or(|name| mapping.plan().function == name)
                    && input.event_source_arn.as_ref().is_none_or(|arn| mapping.queue.to_string() == *arn)
                    && input.marker.as_ref().is_none_or(|marker| mapping.uuid > *marker)
            };
            mappings.values().filter(|mapping| wanted(mapping)).cloned().collect()
        };
        found.sort_by(|one, other| one.uuid.cmp(&other.uuid));
        let page = input.max_items.map_or(100, |items| (items as usize).clamp(1, 100));
        let more = found.len() > page;
        found.truncate(page);
        let shown: Vec<Value> =
            found.iter().map(|mapping| mapping.shown(&self.arn_of(mapping), mapping.steady_state())).collect();
        let mut answer = json!({ "EventSourceMappings": shown });
        if more && let Some(last) = found.last() {
            answer["NextMarker"] = Value::from(last.uuid.as_str());
        }
        Ok(answer)
    }

    /// UpdateEventSourceMapping.
    pub(super) async fn update_event_source_mapping(
        &self,
        input: UpdateMappingInput,
        _: &Context,
    ) -> Result<Value, LambdaError> {
        let mapping = self.mapping(&input.uuid)?;
        let mut plan = Plan::clone(&mapping.plan());
        if let Some(reference) = input.function_name {
            plan.function = self.registry.function(&reference)?.name.to_string();
        }
        plan.apply(input.plan)?;
        plan.modified = self.registry.fabric.clock().now();
        mapping.stop();
        {
            let mappings = self.registry.mappings.write().unwrap_or_else(PoisonError::into_inner);
            *mapping.plan.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(plan);
            if mappings.contains_key(&mapping.uuid) {
                kept::keep_mapping(&self.registry.shelf, &mapping);
            }
        }
        *mapping.stop.write().unwrap_or_else(PoisonError::into_inner) = CancellationToken::new();
        self.start(&mapping);
        Ok(mapping.shown(&self.arn_of(&mapping), "Updating"))
    }

    /// DeleteEventSourceMapping.
    pub(super) async fn delete_event_source_mapping(
        &self,
        input: MappingInput,
        _: &Context,
    ) -> Result<Value, LambdaError> {
        let mapping = self.mapping(&input.uuid)?;
        {
            let mut mappings = self.registry.mappings.write().unwrap_or_else(PoisonError::into_inner);
            mappings.shift_remove(&mapping.uuid);
            kept::forget_mapping(&self.registry.shelf, &mapping.uuid);
        }
        mapping.stop();
        Ok(mapping.shown(&self.arn_of(&mapping), "Deleting"))
    }

    fn mapping(&self, uuid: &str) -> Result<Arc<Mapping>, LambdaError> {
        let mappings = self.registry.mappings.read().unwrap_or_else(PoisonError::into_inner);
        mappings
            .get(uuid)
            .cloned()
            .ok_or_else(|| LambdaError::NotFound("The resource you requested does not exist.".to_owned()))
    }

    fn arn_of(&self, mapping: &Mapping) -> String {
        self.registry.function_arn(&mapping.plan().function)
    }

    pub(super) fn start(&self, mapping: &Arc<Mapping>) {
        if mapping.plan().enabled {
            let stop = mapping.stop.read().unwrap_or_else(PoisonError::into_inner).clone();
            tokio::spawn(poller::run(Arc::clone(&self.registry), Arc::clone(mapping), stop));
        }
    }

    async fn queue_url(&self, queue: &Arn) -> Result<String, LambdaError> {
        let input = json!({ "QueueName": queue.resource, "QueueOwnerAWSAccountId": queue.account });
        let answer = self.registry.fabric.call(PRINCIPAL, "sqs", "GetQueueUrl", input).await.map_err(|error| {
            LambdaError::InvalidParameter(format!(
                "Error occurred while ReceiveMessage. SQS Error Code: {}. SQS Error Message: {}",
                error.code, error.message
            ))
        })?;
        Ok(answer.get("QueueUrl").and_then(Value::as_str).unwrap_or_default().to_owned())
    }

    /// A message must stay invisible for as long as the function may work on it.
    async fn expect_visibility(&self, queue_url: &str, timeout: u32) -> Result<(), LambdaError> {
        let input = json!({ "QueueUrl": queue_url, "AttributeNames": ["VisibilityTimeout"] });
        let answer = self.registry.fabric.call(PRINCIPAL, "sqs", "GetQueueAttributes", input).await?;
        let visibility = answer.pointer("/Attributes/VisibilityTimeout").and_then(Value::as_str);
        match visibility.and_then(|seconds| seconds.parse::<u32>().ok()) {
            Some(visibility) if visibility < timeout => Err(LambdaError::InvalidParameter(format!(
                "Queue visibility timeout: {visibility} seconds is less than Function timeout: {timeout} seconds"
            ))),
            _ => Ok(()),
        }
    }
}
