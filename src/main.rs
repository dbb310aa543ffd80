//! The vaultscope command.
fn main() {}
