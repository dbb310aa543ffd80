//! The simulated gateway's way to a bucket and into the pipeline.
//!
//! What is known of target and stack is read here, the [`Course`] is chosen and carried out in `sim`, and the calls that
//! each way takes are made here again.

mod bus;
mod queue;
mod rules;

use std::sync::Arc;

use crate::aws::{Clients, Kind, Problem};
use crate::clock::Clock;
use crate::emulator::Emulator;
use crate::model::{Route, RouteTaken};
use crate::sim::{
    Course, Entrance, GatewayPort, Notification, ObjectPut, Place, PortError, REAL_SOURCE, Receipt, RouteError,
    SIMULATOR_SOURCE, Sender, Share, Trial, Wish,
};

/// The gateway's side of S3 and of the pipeline's entrance.
pub struct Port {
    parts: Parts,
    trial: Trial,
}

/// What a [`Port`] is made of.
pub struct Parts {
    /// Clients of the target.
    pub clients: Clients,
    /// The share that is simulated.
    pub share: Share,
    /// The endpoint, where it is in this process.
    pub emulator: Option<Arc<Emulator>>,
    /// The target's clock.
    pub clock: Clock,
    /// The stack's queue.
    pub queue_url: Option<String>,
}

impl Port {
    /// A port to the share's bucket, whose notifications take a course.
    pub fn new(parts: Parts, course: Course) -> Self {
        Self { parts, trial: Trial::of(course) }
    }
}

impl Sender for Parts {
    async fn send(&self, way: Route, batch: &[Notification]) -> Result<Vec<Receipt>, PortError> {
        match (way, &self.emulator) {
            (Route::Gateway, Some(emulator)) => bus::put_as_gateway(emulator, &self.share, batch).await,
            (Route::Gateway | Route::Aws, _) => bus::put(&self.clients, &self.share, REAL_SOURCE, batch).await,
            (Route::Own, _) => bus::put(&self.clients, &self.share, SIMULATOR_SOURCE, batch).await,
            (Route::Queue, _) => match &self.queue_url {
                Some(url) => queue::send(&self.clients, url, &self.share, self.clock.now(), batch).await,
                None => Err(PortError { message: RouteError::NoQueue.to_string(), retryable: false }),
            },
        }
    }
}

impl GatewayPort for Port {
    async fn put_object(&self, put: ObjectPut) -> Result<(), PortError> {
        self.parts
            .clients
            .s3
            .put_object()
            .bucket(&self.parts.share.bucket)
            .key(put.key)
            .body(put.content.whole().into())
            .send()
            .await
            .map(|_| ())
            .map_err(|error| of_problem(Problem::of("s3 PutObject", &error)))
    }

    async fn notify(&self, batch: &[Notification]) -> Result<Vec<usize>, PortError> {
        self.trial.send(&self.parts, batch).await
    }

    fn route(&self) -> Option<RouteTaken> {
        self.trial.taken()
    }
}

/// Which course the notifications of a job take.
///
/// # Errors
/// One sentence: why there is no way, or not the one that was asked for.
pub async fn course(
    clients: &Clients,
    share: &Share,
    wish: Wish,
    place: Place,
    queue_url: Option<&str>,
    rule_names: &[String],
) -> anyhow::Result<Course> {
    let read = rules::read(clients, share, rule_names, queue_url).await;
    let rules = match read {
        Ok(rules) => Some(rules),
        // Whoever names a way knows the stack better than we may read it.
        Err(error) if wish != Wish::Auto => {
            tracing::debug!(%error, "the rules could not be read");
            None
        }
        Err(error) => {
            return Err(error.context("cannot tell which way notifications take into the stack: name one with --route"));
        }
    };
    let entrance = Entrance { place, rules: rules.as_deref(), has_queue: queue_url.is_some() };
    Course::choose(wish, entrance).map_err(|error| match wish {
        Wish::Auto => anyhow::Error::new(error).context("no notification can be sent into the stack"),
        Wish::Aws | Wish::Own | Wish::Queue => super::Usage(error.to_string()).into(),
    })
}

fn of_problem(problem: Problem) -> PortError {
    PortError { retryable: matches!(problem.kind, Kind::Throttled | Kind::Outage), message: problem.sentence }
}
