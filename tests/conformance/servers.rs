//! The servers, what each of them can do, and one test for each: a server that gains an ability fails its test.

use std::io::{self, Write};

use super::flow::{in_process, whole};
use super::ministack::Ministack;
use super::support::Alone;

/// What the flow needs of a server and not every server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// Its event bus delivers to log groups.
    pub fills_log_groups: bool,
    /// The way that notifications take by themselves.
    pub way: &'static str,
    /// Its time can be scaled.
    pub scales_time: bool,
}

/// Server by server.
pub const EMBEDDED: Abilities = Abilities { fills_log_groups: true, way: "gateway", scales_time: true };
pub const EMULATOR: Abilities = Abilities { fills_log_groups: true, way: "own", scales_time: true };
pub const MINISTACK: Abilities = Abilities { fills_log_groups: false, way: "own", scales_time: false };
pub const LOCALSTACK: Abilities = Abilities { fills_log_groups: true, way: "aws", scales_time: false };

#[test]
fn the_embedded_endpoint() {
    in_process(EMBEDDED);
}

#[test]
fn the_emulator() {
    let alone = Alone::start(&[]);
    whole(&alone.url, EMULATOR);
}

#[test]
fn ministack() {
    let server = Ministack::start();
    whole(&server.url, MINISTACK);
    server.end();
}

#[test]
fn localstack() {
    match std::env::var("VAULTSCOPE_LOCALSTACK_URL") {
        Ok(url) if !url.is_empty() => whole(&url, LOCALSTACK),
        _ => say("!!! SKIPPED: LocalStack: VAULTSCOPE_LOCALSTACK_URL names no server; .ci/run starts one and sets it"),
    }
}

/// Says something past the harness, which keeps to itself what tests print that pass.
pub fn say(text: &str) {
    // Nobody is left to be told when standard error is closed.
    let _ = writeln!(io::stderr().lock(), "{text}");
}
