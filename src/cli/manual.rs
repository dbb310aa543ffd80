//! `vaultscope completions` and `vaultscope man`: made from the arguments themselves, so that they say what is there.

use std::fs;
use std::io::Write;

use anyhow::Context;
use clap::CommandFactory;

use super::args::{Args, CompletionsArgs, ManArgs};
use super::{Exit, output};

const NAME: &str = "vaultscope";

/// Prints the completions of a shell.
pub fn completions(args: &CompletionsArgs) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), NAME, &mut script);
    std::io::stdout().lock().write_all(&script)?;
    Ok(Exit::Done)
}

/// Prints the manual page of the program, or writes those of all commands into a folder.
pub fn man(args: &ManArgs) -> anyhow::Result<Exit> {
    let Some(folder) = &args.to else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Args::command()).render(&mut page)?;
        std::io::stdout().lock().write_all(&page)?;
        return Ok(Exit::Done);
    };
    let cannot = || format!("cannot write manual pages into {}", folder.display());
    fs::create_dir_all(folder).with_context(cannot)?;
    clap_mangen::generate_to(Args::command(), folder).with_context(cannot)?;
    output::remark(&format!(
        "manual pages are in {}: read one with `man {}/{NAME}.1`",
        folder.display(),
        folder.display()
    ));
    Ok(Exit::Done)
}
