//! Pieces of the screen that know nothing of the state.

pub(crate) mod graph;
pub(crate) mod json;
pub(crate) mod list;
pub(crate) mod text;
