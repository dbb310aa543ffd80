//! What came of a scenario, read afresh from the target where it can be.

use std::collections::{HashMap, HashSet};

use aws_sdk_sfn::types::HistoryEventType;
use aws_sdk_sqs::types::QueueAttributeName;

use crate::aws::{Clients, Problem};
use crate::observe::Verdict;
use crate::sim::Dataset;
use crate::sim::scenario::{Course, Found, FoundSet};

use super::super::session::Session;
use super::super::stage::Landed;

/// The state that begins each comparison.
const ITERATOR: &str = "iteratorState";

/// Reads what the verdicts do not say.
///
/// # Errors
/// When a call fails.
pub async fn find(
    session: &Session,
    landed: &Landed,
    verdicts: Vec<Verdict>,
    course: &Course,
    faults_struck: u64,
) -> anyhow::Result<Found> {
    let clients = &session.clients;
    let mut found = Found {
        notifications: course.notified(),
        repeated: course.repeated(),
        dead_letters: dead_letters(clients, landed.pipeline.watched.dead_letter_queue.as_deref()).await?,
        faults_struck,
        tally: landed.vaulted.tally,
        ..Found::default()
    };
    let bucket = landed.pipeline.bucket()?;
    for (dataset, verdict) in landed.vaulted.datasets.iter().zip(verdicts) {
        let (objects, partial) = objects(clients, bucket, dataset).await?;
        found.objects += objects;
        found.partial_objects += partial;
        let execution = landed.execution(&dataset.set_id);
        let iterations = match &execution {
            Some(arn) => iterations(clients, arn).await?,
            None => 0,
        };
        let kept_back: HashSet<&str> =
            dataset.entries.iter().filter(|entry| entry.is_kept_back()).map(|entry| &*entry.key).collect();
        found.sets.push(FoundSet {
            set_id: dataset.set_id.clone(),
            outcome: verdict.outcome.map(|(outcome, _)| outcome).or(verdict.event_put),
            expected: verdict.expected as u64,
            present: verdict.present as u64,
            lost: verdict.missing.iter().filter(|key| !kept_back.contains(key.as_str())).count() as u64,
            missing: verdict.missing,
            unexpected: verdict.unexpected,
            iterations,
            is_in_order: course.is_in_order(&dataset.set_id),
            manifest: course.manifest(dataset),
        });
    }
    Ok(found)
}

/// Objects below the dataset's root, and those of them that are smaller than what was written.
async fn objects(clients: &Clients, bucket: &str, dataset: &Dataset) -> Result<(u64, u64), Problem> {
    let sizes: HashMap<String, u64> =
        dataset.entries.iter().map(|entry| (entry.object_key(), entry.content.size())).collect();
    let root = dataset.entries.first().map(crate::sim::Entry::object_key).unwrap_or_default();
    let request = clients.s3.list_objects_v2().bucket(bucket).prefix(root);
    let mut pages = request.into_paginator().send();
    let (mut objects, mut partial) = (0, 0);
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| Problem::of("s3 ListObjectsV2", &error))?;
        for object in page.contents.unwrap_or_default() {
            objects += 1;
            let whole = object.key.as_ref().and_then(|key| sizes.get(key));
            let size = object.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
            partial += u64::from(whole.is_some_and(|whole| size < *whole));
        }
    }
    Ok((objects, partial))
}

async fn iterations(clients: &Clients, arn: &str) -> Result<u64, Problem> {
    let request = clients.states.get_execution_history().execution_arn(arn).include_execution_data(false);
    let mut events = request.max_results(1_000).into_paginator().items().send();
    let mut begun = 0;
    while let Some(event) = events.next().await {
        let event = event.map_err(|error| Problem::of("states GetExecutionHistory", &error))?;
        let entered = event.state_entered_event_details.filter(|_| event.r#type == HistoryEventType::TaskStateEntered);
        begun += u64::from(entered.is_some_and(|entered| entered.name == ITERATOR));
    }
    Ok(begun)
}

async fn dead_letters(clients: &Clients, queue: Option<&str>) -> Result<u64, Problem> {
    let Some(url) = queue else { return Ok(0) };
    let wanted = QueueAttributeName::ApproximateNumberOfMessages;
    let answer = clients.sqs.get_queue_attributes().queue_url(url).attribute_names(wanted.clone()).send().await;
    let answer = answer.map_err(|error| Problem::of("sqs GetQueueAttributes", &error))?;
    let count = answer.attributes.as_ref().and_then(|all| all.get(&wanted)?.parse().ok());
    Ok(count.unwrap_or_default())
}
