//! The real binary, as a user runs it: exit codes, standard output, and the one sentence on standard error.

mod dashboard;
mod deploy;
mod endpoints;
mod interrupt;
mod keeping;
mod outage;
mod readme;
mod run;
mod standalone;
mod support;
mod targets;
mod terminal;
mod unavailable;
mod vaulting;
