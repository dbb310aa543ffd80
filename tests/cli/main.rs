//! The real binary, as a user runs it: exit codes, standard output, and the one sentence on standard error.

mod archiving;
mod dashboard;
mod deploy;
mod endpoints;
mod gateway;
mod guide;
mod interrupt;
mod journeys;
mod keeping;
mod manual;
mod outage;
mod readme;
mod replay;
mod run;
mod s3tar;
mod scenarios;
mod show;
mod standalone;
mod support;
mod targets;
mod terminal;
mod unavailable;
mod vaulting;
mod watch_archiving;
