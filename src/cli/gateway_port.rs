//! The simulated gateway's way to a bucket and into the pipeline.
//!
//! Only AWS may put events of `aws.` sources, and endpoints keep that rule or do not: what a [`Course`] says is tried,
//! one call first, and entries that are refused for their source go the other way with everything after them. Nothing is
//! lost by it, and nothing that was accepted is sent again.

mod bus;
mod queue;
mod rules;

use std::sync::{Arc, PoisonError, RwLock};

use crate::aws::{Clients, Kind, Problem};
use crate::clock::Clock;
use crate::emulator::Emulator;
use crate::model::{Route, RouteTaken};
use crate::sim::{
    Course, Entrance, GatewayPort, Notification, ObjectPut, Place, PortError, REAL_SOURCE, RouteError,
    SIMULATOR_SOURCE, Share, Wish,
};

pub use rules::read as read_rules;

/// What became of one notification.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    /// It was taken.
    Accepted,
    /// It may be sent again.
    Again,
    /// Its source is not ours to use.
    NotAuthorized,
    /// It is refused for good, with this code.
    Refused(String),
}

/// The gateway's side of S3 and of the pipeline's entrance.
pub struct Port {
    clients: Clients,
    share: Share,
    emulator: Option<Arc<Emulator>>,
    clock: Clock,
    queue_url: Option<String>,
    course: Course,
    /// `None` while the course's first way is on trial.
    taken: RwLock<Option<RouteTaken>>,
    /// Held by the one call that is made while the first way is on trial.
    trial: tokio::sync::Mutex<()>,
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
        let Parts { clients, share, emulator, clock, queue_url } = parts;
        let is_trial = course.first.way == Route::Aws;
        let taken = RwLock::new((!is_trial).then(|| course.first.clone()));
        Self { clients, share, emulator, clock, queue_url, course, taken, trial: tokio::sync::Mutex::default() }
    }

    fn taken(&self) -> Option<RouteTaken> {
        self.taken.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn take(&self, route: &RouteTaken) {
        *self.taken.write().unwrap_or_else(PoisonError::into_inner) = Some(route.clone());
    }

    async fn send(&self, way: Route, batch: &[Notification]) -> Result<Vec<Entry>, PortError> {
        let fits = |answers: Vec<Entry>| {
            if answers.len() == batch.len() {
                return Ok(answers);
            }
            let message = format!("{} notifications were answered with {} results", batch.len(), answers.len());
            Err(PortError { message, retryable: false })
        };
        match (way, &self.emulator) {
            (Route::Gateway, Some(emulator)) => fits(bus::put_as_gateway(emulator, &self.share, batch).await?),
            (Route::Gateway | Route::Aws, _) => fits(bus::put(&self.clients, &self.share, REAL_SOURCE, batch).await?),
            (Route::Own, _) => fits(bus::put(&self.clients, &self.share, SIMULATOR_SOURCE, batch).await?),
            (Route::Queue, _) => {
                let url = self.queue_url.as_deref().ok_or_else(|| no_way(&RouteError::NoQueue))?;
                fits(queue::send(&self.clients, url, &self.share, self.clock.now(), batch).await?)
            }
        }
    }

    /// Sends a batch over a way and what is refused for its source over the next one.
    async fn send_over(&self, way: Route, batch: &[Notification]) -> Result<Vec<Entry>, PortError> {
        let mut answers = self.send(way, batch).await?;
        let is_refused = |entry: &Entry| *entry == Entry::NotAuthorized;
        if way != Route::Aws || !answers.iter().any(is_refused) {
            if way == Route::Aws && answers.contains(&Entry::Accepted) {
                self.take(&self.course.first);
            }
            return Ok(answers);
        }
        let then = self.course.then.as_ref().map_err(no_way)?;
        self.take(then);
        let refused: Vec<usize> = (0..answers.len()).filter(|&at| is_refused(&answers[at])).collect();
        let again: Vec<Notification> = refused.iter().map(|&at| batch[at].clone()).collect();
        // What is accepted by now must not be sent again, whatever becomes of the others.
        let others = match self.send(then.way, &again).await {
            Ok(others) => others,
            Err(error) if error.retryable => vec![Entry::Again; again.len()],
            Err(error) => return Err(error),
        };
        for (at, answer) in refused.into_iter().zip(others) {
            answers[at] = answer;
        }
        Ok(answers)
    }
}

impl GatewayPort for Port {
    async fn put_object(&self, put: ObjectPut) -> Result<(), PortError> {
        self.clients
            .s3
            .put_object()
            .bucket(&self.share.bucket)
            .key(put.key)
            .body(put.content.whole().into())
            .send()
            .await
            .map(|_| ())
            .map_err(|error| of_problem(Problem::of("s3 PutObject", &error)))
    }

    async fn notify(&self, batch: &[Notification]) -> Result<Vec<usize>, PortError> {
        let answers = if let Some(taken) = self.taken() {
            self.send_over(taken.way, batch).await?
        } else {
            let trial = self.trial.lock().await;
            let way = self.taken().map_or(self.course.first.way, |taken| taken.way);
            if self.taken().is_some() {
                drop(trial);
            }
            self.send_over(way, batch).await?
        };
        positions(answers)
    }

    fn route(&self) -> Option<RouteTaken> {
        self.taken()
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
    rules: &[String],
) -> anyhow::Result<Course> {
    let read = read_rules(clients, share, rules, queue_url).await;
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

fn no_way(error: &RouteError) -> PortError {
    PortError { message: error.to_string(), retryable: false }
}

fn of_problem(problem: Problem) -> PortError {
    PortError { retryable: matches!(problem.kind, Kind::Throttled | Kind::Outage), message: problem.sentence }
}

/// Positions of notifications that may be sent again; one that is refused for good ends the job.
fn positions(answers: Vec<Entry>) -> Result<Vec<usize>, PortError> {
    let mut again = Vec::new();
    for (position, answer) in answers.into_iter().enumerate() {
        match answer {
            Entry::Accepted => {}
            Entry::Again => again.push(position),
            Entry::NotAuthorized => return Err(no_way(&RouteError::Refused)),
            Entry::Refused(code) => {
                return Err(PortError { message: format!("a notification was refused with {code}"), retryable: false });
            }
        }
    }
    Ok(again)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_that_failed_for_the_moment_are_sent_again_and_others_end_the_job() {
        assert_eq!(positions(vec![Entry::Accepted, Entry::Again, Entry::Accepted, Entry::Again]), Ok(vec![1, 3]));
        let error = positions(vec![Entry::Accepted, Entry::NotAuthorized]).expect_err("refused for good");
        assert!(!error.retryable && error.message.contains("--route own"), "{error}");
        let error = positions(vec![Entry::Refused("MalformedDetail".to_owned())]).expect_err("refused for good");
        assert!(!error.retryable && error.message.contains("MalformedDetail"), "{error}");
    }
}
