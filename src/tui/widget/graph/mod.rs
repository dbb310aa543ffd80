//! A state machine in boxes and arrows: laid out once, then drawn as far as it is on the screen.

mod canvas;
mod channels;
mod columns;
mod drawing;
mod layers;
mod layout;
mod paint;

pub(crate) use drawing::{Direction, Drawing, Level};
pub(crate) use paint::{Live, Look};

/// A state's name without the word that each of them ends in.
pub(crate) fn short(name: &str) -> &str {
    name.strip_suffix("State").filter(|rest| !rest.is_empty()).unwrap_or(name)
}
