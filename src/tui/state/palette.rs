//! The command palette: the commands of a page and those of every page, by how well they fit what was typed.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::super::cmd::Cmd;
use super::super::keymap::Binding;
use super::State;

/// A command that fits.
pub(crate) struct Entry<'a> {
    pub(crate) binding: &'a Binding,
    /// What it does.
    pub(crate) text: String,
    /// Its name in the configuration file.
    pub(crate) name: String,
    /// The characters of `text`, then those of ` name`, that fit.
    pub(crate) hits: Vec<usize>,
}

/// The commands that hold what was typed, the best first; all of them, in the order of the help, where nothing was.
pub(crate) fn entries<'a>(state: &'a State, typed: &str) -> Vec<Entry<'a>> {
    let all = state.keymap.on(state.page).filter(|binding| binding.cmd != Cmd::Palette).map(|binding| {
        let text = match binding.cmd {
            Cmd::Show(page) => format!("to the page {}", page.name()),
            _ => binding.long.to_owned(),
        };
        Entry { binding, text, name: binding.cmd.name(), hits: Vec::new() }
    });
    let pattern = Pattern::parse(typed, CaseMatching::Smart, Normalization::Smart);
    if pattern.atoms.is_empty() {
        return all.collect();
    }
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    let mut fitting: Vec<(u32, Entry)> = all
        .filter_map(|mut entry| {
            let whole = format!("{} {}", entry.text, entry.name);
            let mut hits = Vec::new();
            let score = pattern.indices(Utf32Str::new(&whole, &mut buffer), &mut matcher, &mut hits)?;
            entry.hits = hits.into_iter().filter_map(|hit| usize::try_from(hit).ok()).collect();
            Some((score, entry))
        })
        .collect();
    fitting.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    fitting.into_iter().map(|(_, entry)| entry).collect()
}
