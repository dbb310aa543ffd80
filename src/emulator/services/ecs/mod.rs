//! Amazon ECS on Fargate: clusters, task definitions and tasks. A task runs its containers' commands as local processes;
//! what an image runs is looked up in a table of images.
//!
//! - `cluster`, `definitions`, `run`, `tasks`, `tags`: the operations; `definition`, `task`: what they work on.
//! - `lifecycle`, `process`, `log`, `network`, `image`: how a task lives.
//! - `http`: the table of images and the metadata endpoint.
//!
//! Services, container instances and task sets are not here. Stopped tasks are forgotten after an hour, as on AWS.

mod cluster;
mod container;
mod definition;
mod definitions;
mod error;
mod fargate;
mod http;
mod image;
mod kept;
mod lifecycle;
mod log;
mod network;
mod page;
mod process;
mod run;
mod tags;
mod task;
mod tasks;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use indexmap::IndexMap;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use self::cluster::Cluster;
use self::definition::Definition;
use self::image::Images;
use self::kept::{Kept, Locked};
use self::task::Task;
use crate::emulator::keep::KeepError;
use crate::emulator::service::{ReplyBody, RequestBody};
use crate::emulator::{Call, Context, Fabric, Interface, Origin, Protocol, Service};
use crate::model::Timestamp;

static INTERFACE: Interface = Interface {
    id: "ecs",
    title: "Amazon ECS",
    target_prefix: Some("AmazonEC2ContainerServiceV20141113"),
    json_version: "1.1",
    query: None,
    rest: false,
};

/// How long a stopped task can be described.
const REMEMBERED: Duration = Duration::from_secs(3_600);

#[derive(Default)]
pub struct State {
    /// By name.
    clusters: IndexMap<String, Cluster>,
    /// Revisions by family, oldest first.
    families: BTreeMap<String, Vec<Definition>>,
    /// By id.
    tasks: IndexMap<String, Task>,
    /// What a client token of RunTask stands for: the request and its tasks.
    tokens: HashMap<String, (Value, Vec<String>)>,
}

/// What operations and tasks share.
struct Shared {
    fabric: Fabric,
    state: Mutex<(State, Kept)>,
    images: Mutex<Images>,
    /// Events on their way to the default bus, in order. A task has a handful in all, so that tasks bound it.
    events: mpsc::UnboundedSender<Value>,
    /// The lives of tasks.
    tracker: TaskTracker,
}

impl Shared {
    fn state(&self) -> Locked<'_> {
        let mut state = Locked::new(self.state.lock().unwrap_or_else(PoisonError::into_inner));
        let oldest = self.fabric.clock().now().minus(REMEMBERED);
        let is_old = |task: &Task| task.moment("stoppedAt").is_some_and(|at| at <= oldest);
        if !state.tasks.values().any(is_old) {
            return state;
        }
        let State { tasks, tokens, .. } = &mut *state;
        let before = tasks.len();
        tasks.retain(|_, task| !is_old(task));
        if tasks.len() < before {
            tokens.retain(|_, (_, ids)| ids.iter().any(|id| tasks.contains_key(id)));
        }
        state
    }

    fn images(&self) -> MutexGuard<'_, Images> {
        self.images.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves an `ECS Task State Change` to be sent.
    fn tell(&self, task: &Task, now: Timestamp) {
        let event = json!({
            "Source": "aws.ecs",
            "DetailType": "ECS Task State Change",
            "Detail": task.detail(now).to_string(),
            "Resources": [task.arn],
            "Time": now.epoch_seconds(),
        });
        // The worker ends only with the endpoint.
        let _ = self.events.send(event);
    }
}

async fn send_events(fabric: Fabric, mut waiting: mpsc::UnboundedReceiver<Value>) {
    let shutdown = fabric.shutdown_token().clone();
    loop {
        let event = tokio::select! {
            event = waiting.recv() => event,
            () = shutdown.cancelled() => return,
        };
        let (Some(event), Some(events)) = (event, fabric.service("events")) else { return };
        // The endpoint itself speaks here, as its gateway does: both may use sources that begin with `aws.`.
        let context = Context { protocol: Protocol::Internal, origin: Origin::Gateway };
        let call = Call { operation: "PutEvents".to_owned(), input: json!({ "Entries": [event] }), context };
        if let Err(error) = events.call(call).await {
            tracing::warn!(%error, "EventBridge refused an event of ECS");
        }
    }
}

/// The service.
pub struct Ecs {
    shared: Arc<Shared>,
}

impl Ecs {
    /// With what was kept.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn new(fabric: Fabric) -> Result<Arc<Self>, KeepError> {
        let (kept, state) = Kept::load(fabric.keep().shelf(INTERFACE.id))?;
        let (events, waiting) = mpsc::unbounded_channel();
        tokio::spawn(send_events(fabric.clone(), waiting));
        let shared = Shared {
            fabric,
            state: Mutex::new((state, kept)),
            images: Mutex::default(),
            events,
            tracker: TaskTracker::new(),
        };
        Ok(Arc::new(Self { shared: Arc::new(shared) }))
    }
}

impl Service for Ecs {
    fn interface(&self) -> &'static Interface {
        &INTERFACE
    }

    crate::operations! {
        CreateCluster => cluster::create_cluster,
        DeleteCluster => cluster::delete_cluster,
        DeregisterTaskDefinition => definitions::deregister,
        DescribeClusters => cluster::describe_clusters,
        DescribeTaskDefinition => definitions::describe,
        DescribeTasks => tasks::describe,
        ListClusters => cluster::list_clusters,
        ListTagsForResource => tags::list_tags_for_resource,
        ListTaskDefinitionFamilies => definitions::list_families,
        ListTaskDefinitions => definitions::list,
        ListTasks => tasks::list,
        PutClusterCapacityProviders => cluster::put_cluster_capacity_providers,
        RegisterTaskDefinition => definitions::register,
        RunTask => run::run_task,
        StopTask => tasks::stop,
        TagResource => tags::tag_resource,
        UntagResource => tags::untag_resource,
        UpdateCluster => cluster::update_cluster,
    }

    fn summary(&self) -> Vec<(&'static str, usize)> {
        let state = self.shared.state();
        let definitions = state.families.values().map(Vec::len).sum();
        vec![("clusters", state.clusters.len()), ("task definitions", definitions), ("tasks", state.tasks.len())]
    }

    /// Reached for the endpoint's own paths alone: the interface has no REST protocol.
    fn http(&self, request: ::http::Request<RequestBody>) -> BoxFuture<'_, ::http::Response<ReplyBody>> {
        Box::pin(http::answer(&self.shared, request))
    }

    fn resume(&self) -> BoxFuture<'_, ()> {
        Box::pin(kept::stop_left(&self.shared))
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            // Every process sees the shutdown; its end is waited for.
            self.shared.tracker.close();
            self.shared.tracker.wait().await;
        })
    }
}
