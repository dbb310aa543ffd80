//! The dashboard: what happened comes in as [`Event`]s, what shall be done goes out as [`Effect`]s.
//!
//! [`State`] and [`update`] are pure: every key, line and second arrives as an event, so a session can be recorded,
//! replayed and tested without a terminal. Drawing reads the state and keeps only scroll offsets of its own. It must not
//! know AWS, the emulator or the clock: the composition root does the effects.

mod effect;
mod event;
mod run;
mod state;

pub use effect::{Effect, JobRequest};
pub use event::{ClockReading, EffectResult, Event, TargetInfo, TargetKind};
pub use run::{DatasetSummary, Options, StackSummary, Summary, TuiError, run};
pub use state::{Setup, StackOffer, State};
