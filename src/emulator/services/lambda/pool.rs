//! The environments of one version of a function: made on demand, used again, ended when they stay idle.
//!
//! How many there may be at once is the function's reserved concurrency. Without one it is [`BUSY_ENVIRONMENTS`] as long
//! as invocations are short, which means that they compute and more processes would only take memory and turns from
//! each other; and [`WAITING_ENVIRONMENTS`] once they take long, which means that they wait for something.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::environment::{Environment, Outcome, Setting};
use super::error::LambdaError;
use crate::clock::real_now;

/// Environments of a function whose invocations are short.
pub const BUSY_ENVIRONMENTS: usize = 3;

/// Environments of a function whose invocations take long on average.
pub const WAITING_ENVIRONMENTS: usize = 32;

/// From here on an invocation counts as long: longer than one that computes takes on a machine with too much to do.
const LONG_INVOCATION: Duration = Duration::from_secs(1);

/// An environment that nobody has used for so long is ended. Real time: it is about this machine's memory, which a
/// scaled clock does not give back sooner.
pub const IDLE_LIMIT: Duration = Duration::from_secs(120);

/// The value of a function without reserved concurrency.
pub const UNRESERVED: u32 = u32::MAX;

/// What an invocation may use.
enum Turn {
    /// An environment that is there.
    Use(Box<Environment>),
    /// The right to start one.
    Start,
}

#[derive(Default)]
struct State {
    /// The one used last is at the end, and is used next: the others can grow old.
    #[expect(clippy::vec_box, reason = "they come boxed and go on boxed: the whole is never moved")]
    idle: Vec<Box<Environment>>,
    /// Environments and rights to start one, idle or in use.
    count: usize,
    waiting: VecDeque<oneshot::Sender<Turn>>,
    average: Duration,
    completed: u64,
    retired: bool,
}

/// The environments of one version of a function.
pub struct Pool {
    setting: Setting,
    reserved: Arc<AtomicU32>,
    state: Mutex<State>,
}

impl Pool {
    /// A pool without environments.
    pub fn new(setting: Setting, reserved: Arc<AtomicU32>) -> Arc<Self> {
        Arc::new(Self { setting, reserved, state: Mutex::default() })
    }

    /// How many invocations may run at once now.
    pub fn limit(&self) -> usize {
        limit(self.reserved.load(Ordering::Relaxed), self.lock().average)
    }

    /// Carries out one invocation. With `wait` it waits for its turn, else it is refused when the reserved concurrency
    /// is used up.
    ///
    /// # Errors
    /// When it is throttled.
    pub async fn invoke(
        self: &Arc<Self>,
        request_id: &Arc<str>,
        payload: Bytes,
        wait: bool,
    ) -> Result<Outcome, LambdaError> {
        let turn = self.turn(wait).await?;
        // Declared before the environment, so that one whose invocation is given up has ended when its place is free.
        let mut lease = Lease { pool: self, environment: None };
        let mut used = match turn {
            Turn::Use(environment) => Some(environment),
            Turn::Start => None,
        };
        loop {
            let mut environment = match used.take() {
                Some(environment) => environment,
                None => match Environment::start(&self.setting, request_id).await {
                    Ok(environment) => Box::new(environment),
                    Err(outcome) => return Ok(outcome),
                },
            };
            let began = real_now();
            let invoked = environment.invoke(&self.setting, request_id, payload.clone()).await;
            // One that ended between two invocations makes room for a new one, which has none before it.
            let Some(outcome) = invoked else { continue };
            self.measured(began.elapsed());
            lease.environment = Some(environment);
            return Ok(outcome);
        }
    }

    /// Ends every idle environment, and the others as soon as they are given back.
    pub fn retire(&self) {
        let idle = {
            let mut state = self.lock();
            state.retired = true;
            state.count -= state.idle.len();
            std::mem::take(&mut state.idle)
        };
        drop(idle);
    }

    /// Ends environments that have been idle for longer than [`IDLE_LIMIT`].
    pub fn end_idle(&self) {
        let now = real_now();
        let old: Vec<_> = {
            let mut state = self.lock();
            let young = |environment: &Environment| now.duration_since(environment.idle_since) < IDLE_LIMIT;
            let keep = state.idle.iter().position(|environment| young(environment)).unwrap_or(state.idle.len());
            state.count -= keep;
            state.idle.drain(..keep).collect()
        };
        drop(old);
    }

    async fn turn(self: &Arc<Self>, wait: bool) -> Result<Turn, LambdaError> {
        let ticket = {
            let mut state = self.lock();
            while let Some(mut environment) = state.idle.pop() {
                if environment.usable() {
                    return Ok(Turn::Use(environment));
                }
                state.count -= 1;
            }
            let reserved = self.reserved.load(Ordering::Relaxed);
            if state.count < limit(reserved, state.average) {
                state.count += 1;
                return Ok(Turn::Start);
            }
            if reserved == 0 || !wait && reserved != UNRESERVED {
                return Err(LambdaError::Throttled { reason: "ReservedFunctionConcurrentInvocationLimitExceeded" });
            }
            let (sender, ticket) = oneshot::channel();
            state.waiting.push_back(sender);
            Ticket { pool: self, turn: ticket, completed: state.completed }
        };
        ticket.take().await
    }

    /// Lets more environments start when nothing has ended for a while: the ones there are wait for something.
    fn grow_if_stuck(&self, completed: u64) {
        let mut state = self.lock();
        if state.completed == completed {
            state.average = state.average.max(LONG_INVOCATION);
            self.start_more(&mut state);
        }
    }

    fn start_more(&self, state: &mut State) {
        while state.count < limit(self.reserved.load(Ordering::Relaxed), state.average)
            && let Some(next) = state.waiting.pop_front()
        {
            // A receiver that is gone needs no environment.
            if next.send(Turn::Start).is_ok() {
                state.count += 1;
            }
        }
    }

    fn measured(&self, took: Duration) {
        let mut state = self.lock();
        state.average = (state.average * 7 + took) / 8;
        state.completed += 1;
    }

    /// Takes back an environment, or the right to one, and gives it to who waits longest.
    fn give_back(&self, environment: Option<Box<Environment>>) {
        let usable = environment.and_then(|mut environment| environment.usable().then_some(environment));
        let mut state = self.lock();
        let mut turn = match usable {
            Some(mut environment) if !state.retired => {
                environment.idle_since = real_now();
                Turn::Use(environment)
            }
            _ => Turn::Start,
        };
        // Fewer may be allowed than there are, after a change of the reserved concurrency.
        let allowed = state.count <= limit(self.reserved.load(Ordering::Relaxed), state.average).max(1);
        while allowed && let Some(next) = state.waiting.pop_front() {
            match next.send(turn) {
                Ok(()) => return self.start_more(&mut state),
                Err(back) => turn = back,
            }
        }
        match turn {
            Turn::Use(environment) => state.idle.push(environment),
            Turn::Start => state.count -= 1,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn limit(reserved: u32, average: Duration) -> usize {
    match reserved {
        UNRESERVED if average >= LONG_INVOCATION => WAITING_ENVIRONMENTS,
        UNRESERVED => BUSY_ENVIRONMENTS,
        reserved => reserved as usize,
    }
}

/// Gives an environment's place back however the invocation ends.
struct Lease<'a> {
    pool: &'a Pool,
    environment: Option<Box<Environment>>,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.pool.give_back(self.environment.take());
    }
}

/// A place in the line; what was given to one that has left goes on to the next.
struct Ticket<'a> {
    pool: &'a Pool,
    turn: oneshot::Receiver<Turn>,
    completed: u64,
}

impl Ticket<'_> {
    async fn take(mut self) -> Result<Turn, LambdaError> {
        tokio::select! {
            biased;
            turn = &mut self.turn => return turn.map_err(|_| LambdaError::ShuttingDown),
            () = tokio::time::sleep(LONG_INVOCATION) => self.pool.grow_if_stuck(self.completed),
        }
        (&mut self.turn).await.map_err(|_| LambdaError::ShuttingDown)
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        match self.turn.try_recv() {
            Ok(Turn::Use(environment)) => self.pool.give_back(Some(environment)),
            Ok(Turn::Start) => self.pool.give_back(None),
            Err(_) => {}
        }
    }
}
