//! The dashboard: what happened comes in as [`Event`]s, what shall be done goes out as [`Effect`]s.
//!
//! [`State`] and [`update()`] are pure: every key, line and second arrives as an event, so a session can be recorded,
//! replayed and tested without a terminal. Drawing reads the state and keeps only scroll offsets of its own. It must not
//! know AWS, the emulator or the clock: the composition root does the effects.

mod background;
mod chord;
mod cmd;
mod colours;
mod effect;
mod event;
mod keymap;
mod recording;
mod run;
mod state;
mod terminal;
mod theme;
mod update;
mod view;
mod widget;

pub use chord::{Chord, NoKey};
pub use cmd::{Cmd, Page};
pub use effect::{Effect, GatewayWish, JobRequest};
pub use event::{ClockReading, EffectResult, Event, Spot, TargetInfo, TargetKind};
pub use keymap::{Binding, Keymap, Rebinding, RebindingError, Refused};
pub use recording::{Entry, Header, Recording, RecordingError};
pub use run::{DatasetSummary, Options, StackSummary, Summary, TuiError, run};
pub use state::{ReplayReading, ScenarioOffer, Setup, StackOffer, State};
pub use theme::{Depth, Role, Surroundings, Theme};
pub use update::update;
pub use view::{ViewState, draw};
