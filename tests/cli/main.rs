//! The real binary, as a user runs it: exit codes, standard output, and the one sentence on standard error.

mod endpoints;
mod interrupt;
mod run;
mod standalone;
mod support;
mod terminal;
