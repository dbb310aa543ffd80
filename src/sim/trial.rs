//! Carries a course out: its first way is tried with one call, what is refused for its source goes the other way with
//! everything after it. Nothing is lost by it, and nothing that was accepted is sent again.

use std::future::Future;
use std::sync::{PoisonError, RwLock};

use super::port::PortError;
use super::route::{Course, RouteError};
use crate::model::{Notification, Route, RouteTaken};

/// What became of one notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receipt {
    /// It was taken.
    Accepted,
    /// It may be sent again.
    Again,
    /// Its source is not ours to use.
    NotAuthorized,
    /// It is refused for good, with this code.
    Refused(String),
}

/// The ways as calls.
pub trait Sender: Sync {
    /// Sends up to ten notifications over a way and says what became of each, in their order.
    fn send(&self, way: Route, batch: &[Notification]) -> impl Future<Output = Result<Vec<Receipt>, PortError>> + Send;
}

/// A course on its way.
#[derive(Debug)]
pub struct Trial {
    course: Course,
    /// `None` while the first way is on trial.
    taken: RwLock<Option<RouteTaken>>,
    /// Held by the one call that is made meanwhile.
    one: tokio::sync::Mutex<()>,
}

impl Trial {
    /// Begins a course.
    #[must_use]
    pub fn of(course: Course) -> Self {
        let is_certain = course.first.way != Route::Aws;
        let taken = RwLock::new(is_certain.then(|| course.first.clone()));
        Self { course, taken, one: tokio::sync::Mutex::default() }
    }

    /// The way that notifications take; `None` until that is known.
    #[must_use]
    pub fn taken(&self) -> Option<RouteTaken> {
        self.taken.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends notifications; answers the positions of those that may be sent again.
    ///
    /// # Errors
    /// When a call failed, or one of them is refused for good.
    pub async fn send(&self, sender: &impl Sender, batch: &[Notification]) -> Result<Vec<usize>, PortError> {
        if let Some(taken) = self.taken() {
            return positions(self.send_over(sender, taken.way, batch).await?);
        }
        let one = self.one.lock().await;
        let way = match self.taken() {
            None => self.course.first.way,
            Some(taken) => {
                drop(one);
                taken.way
            }
        };
        positions(self.send_over(sender, way, batch).await?)
    }

    async fn send_over(
        &self,
        sender: &impl Sender,
        way: Route,
        batch: &[Notification],
    ) -> Result<Vec<Receipt>, PortError> {
        let mut answers = answered(sender.send(way, batch).await?, batch)?;
        let refused: Vec<usize> = (0..answers.len()).filter(|&at| answers[at] == Receipt::NotAuthorized).collect();
        if way != Route::Aws {
            return Ok(answers);
        }
        if refused.is_empty() {
            if answers.contains(&Receipt::Accepted) && self.taken().is_none() {
                self.take(&self.course.first);
            }
            return Ok(answers);
        }
        let then = self.course.then.as_ref().map_err(no_way)?;
        self.take(then);
        let again: Vec<Notification> = refused.iter().map(|&at| batch[at].clone()).collect();
        // Whatever becomes of these, what is accepted by now must not be sent again.
        let others = match sender.send(then.way, &again).await {
            Ok(others) => answered(others, &again)?,
            Err(error) if error.retryable => vec![Receipt::Again; again.len()],
            Err(error) => return Err(error),
        };
        for (at, answer) in refused.into_iter().zip(others) {
            answers[at] = answer;
        }
        Ok(answers)
    }

    fn take(&self, route: &RouteTaken) {
        *self.taken.write().unwrap_or_else(PoisonError::into_inner) = Some(route.clone());
    }
}

fn answered(answers: Vec<Receipt>, batch: &[Notification]) -> Result<Vec<Receipt>, PortError> {
    if answers.len() == batch.len() {
        return Ok(answers);
    }
    let message = format!("{} notifications were answered with {} results", batch.len(), answers.len());
    Err(PortError { message, retryable: false })
}

/// Positions of notifications that may be sent again; one that is refused for good ends the job.
fn positions(answers: Vec<Receipt>) -> Result<Vec<usize>, PortError> {
    let mut again = Vec::new();
    for (position, answer) in answers.into_iter().enumerate() {
        match answer {
            Receipt::Accepted => {}
            Receipt::Again => again.push(position),
            Receipt::NotAuthorized => return Err(no_way(&RouteError::Refused)),
            Receipt::Refused(code) => {
                return Err(PortError { message: format!("a notification was refused with {code}"), retryable: false });
            }
        }
    }
    Ok(again)
}

fn no_way(error: &RouteError) -> PortError {
    PortError { message: error.to_string(), retryable: false }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::model::Timestamp;

    /// Answers the first way as its script says, `a` accepted, `n` not authorized, `r` again, `!` a call that fails, and
    /// every other call with acceptance; remembers what was accepted, and how often the first way was tried.
    #[derive(Default)]
    struct Scripted {
        script: Mutex<VecDeque<&'static str>>,
        accepted: Mutex<Vec<(Route, String)>>,
        tried: AtomicUsize,
    }

    impl Scripted {
        fn of(script: &[&'static str]) -> Self {
            Self { script: Mutex::new(script.iter().copied().collect()), ..Self::default() }
        }

        fn accepted(&self) -> Vec<(Route, String)> {
            let mut accepted = self.accepted.lock().expect("no panic before").clone();
            accepted.sort_by(|a, b| a.1.cmp(&b.1));
            accepted
        }
    }

    impl Sender for Scripted {
        async fn send(&self, way: Route, batch: &[Notification]) -> Result<Vec<Receipt>, PortError> {
            self.tried.fetch_add(usize::from(way == Route::Aws), Ordering::SeqCst);
            tokio::task::yield_now().await;
            let line = self.script.lock().expect("no panic before").pop_front().unwrap_or("");
            if line == "!" {
                return Err(PortError { message: "busy".to_owned(), retryable: true });
            }
            let answer = |at: usize| match line.as_bytes().get(at) {
                Some(b'n') => Receipt::NotAuthorized,
                Some(b'r') => Receipt::Again,
                _ => Receipt::Accepted,
            };
            let answers: Vec<Receipt> = (0..batch.len()).map(answer).collect();
            let taken = batch.iter().zip(&answers).filter(|(_, answer)| **answer == Receipt::Accepted);
            let mut accepted = self.accepted.lock().expect("no panic before");
            accepted.extend(taken.map(|(sent, _)| (way, sent.object_key.clone())));
            Ok(answers)
        }
    }

    fn course(then: Result<Route, RouteError>) -> Trial {
        let taken = |way| RouteTaken { way, reason: String::new() };
        Trial::of(Course { first: taken(Route::Aws), then: then.map(taken) })
    }

    fn batch(keys: &str) -> Vec<Notification> {
        let sent =
            |key: char| Notification { object_key: key.to_string(), object_size: 1, modified: Timestamp::default() };
        keys.chars().map(sent).collect()
    }

    fn pairs(written: &[(Route, &str)]) -> Vec<(Route, String)> {
        written.iter().flat_map(|(way, keys)| keys.chars().map(|key| (*way, key.to_string()))).collect()
    }

    #[tokio::test]
    async fn a_first_way_that_is_accepted_is_kept() {
        let (trial, server) = (course(Ok(Route::Own)), Scripted::default());
        assert_eq!(trial.taken(), None);
        assert_eq!(trial.send(&server, &batch("abc")).await, Ok(vec![]));
        assert_eq!(trial.send(&server, &batch("def")).await, Ok(vec![]));
        assert_eq!(trial.taken().map(|taken| taken.way), Some(Route::Aws));
        assert_eq!(server.accepted(), pairs(&[(Route::Aws, "abcdef")]));
    }

    #[tokio::test]
    async fn what_is_refused_for_its_source_goes_the_other_way_and_everything_after_it() {
        let (trial, server) = (course(Ok(Route::Queue)), Scripted::of(&["ann"]));
        assert_eq!(trial.send(&server, &batch("abc")).await, Ok(vec![]));
        assert_eq!(trial.send(&server, &batch("def")).await, Ok(vec![]));
        assert_eq!(trial.taken().map(|taken| taken.way), Some(Route::Queue));
        let mut expected = pairs(&[(Route::Aws, "a"), (Route::Queue, "bcdef")]);
        expected.sort_by(|a, b| a.1.cmp(&b.1));
        assert_eq!(server.accepted(), expected);
    }

    #[tokio::test]
    async fn a_failure_of_the_other_way_sends_nothing_twice() {
        let (trial, server) = (course(Ok(Route::Own)), Scripted::of(&["anrn", "!"]));
        assert_eq!(trial.send(&server, &batch("abcd")).await, Ok(vec![1, 2, 3]));
        assert_eq!(trial.send(&server, &batch("bcd")).await, Ok(vec![]));
        assert_eq!(server.accepted(), pairs(&[(Route::Aws, "a"), (Route::Own, "bcd")]));
    }

    #[tokio::test]
    async fn a_call_that_fails_decides_nothing() {
        let (trial, server) = (course(Ok(Route::Own)), Scripted::of(&["!", "rrr", "nnn"]));
        assert!(trial.send(&server, &batch("abc")).await.is_err_and(|error| error.retryable));
        assert_eq!(trial.taken(), None);
        assert_eq!(trial.send(&server, &batch("abc")).await, Ok(vec![0, 1, 2]));
        assert_eq!(trial.taken(), None);
        assert_eq!(trial.send(&server, &batch("abc")).await, Ok(vec![]));
        assert_eq!(server.accepted(), pairs(&[(Route::Own, "abc")]));
    }

    #[tokio::test]
    async fn one_call_is_made_while_the_first_way_is_on_trial() {
        let (trial, server) = (course(Ok(Route::Own)), Scripted::of(&["n"]));
        let (a, b, c) = (batch("a"), batch("b"), batch("c"));
        let sent = tokio::join!(trial.send(&server, &a), trial.send(&server, &b), trial.send(&server, &c));
        assert_eq!(sent, (Ok(vec![]), Ok(vec![]), Ok(vec![])));
        assert_eq!(server.accepted(), pairs(&[(Route::Own, "abc")]));
        assert_eq!(server.tried.load(Ordering::SeqCst), 1, "the others wait for what becomes of the first");
    }

    #[tokio::test]
    async fn without_another_way_a_refusal_ends_the_job_and_so_does_any_other_code() {
        let (trial, server) = (course(Err(RouteError::Refused)), Scripted::of(&["n"]));
        let error = trial.send(&server, &batch("a")).await.expect_err("refused for good");
        assert!(!error.retryable && error.message.contains("--route own"), "{error}");
        let error = positions(vec![Receipt::Refused("MalformedDetail".to_owned())]).expect_err("refused for good");
        assert!(!error.retryable && error.message.contains("MalformedDetail"), "{error}");
        assert!(answered(vec![Receipt::Accepted], &batch("ab")).is_err(), "an answer is missing");
    }
}
