//! Which key means what, as data: the footer and the help screen are made from the same table that keys are looked up in.

use crossterm::event::{KeyCode, KeyEvent};
use serde::{Deserialize, Serialize};

use super::chord::Chord;
use super::cmd::{Cmd, Page};

/// A meaning and the keys that have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// What is meant.
    pub cmd: Cmd,
    /// Keys that mean it, the one to show first.
    pub keys: Vec<Chord>,
    /// Pages where they do; none for everywhere.
    pub pages: &'static [Page],
    /// A word or two for the footer; empty to leave it out.
    pub short: &'static str,
    /// What it does, for the help screen.
    pub long: &'static str,
}

impl Binding {
    /// Whether it holds on `page`.
    #[must_use]
    pub fn is_on(&self, page: Page) -> bool {
        self.pages.is_empty() || self.pages.contains(&page)
    }

    /// Its keys as they are written on a screen: `j ↓`.
    #[must_use]
    pub fn names(&self) -> String {
        self.keys.iter().map(Chord::to_string).collect::<Vec<_>>().join(" ")
    }
}

/// The bindings, those of single pages first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    bindings: Vec<Binding>,
}

impl Keymap {
    /// What a key means on a page.
    #[must_use]
    pub fn cmd(&self, page: Page, key: KeyEvent) -> Option<Cmd> {
        let chord = Chord::from(key);
        self.on(page).find(|binding| binding.keys.contains(&chord)).map(|binding| binding.cmd)
    }

    /// The bindings of a page: its own, then those of every page.
    pub fn on(&self, page: Page) -> impl Iterator<Item = &Binding> {
        self.bindings.iter().filter(move |binding| binding.is_on(page))
    }

    /// The key to show for a command on a page.
    #[must_use]
    pub fn key_of(&self, page: Page, cmd: Cmd) -> Option<Chord> {
        self.on(page).find(|binding| binding.cmd == cmd).and_then(|binding| binding.keys.first().copied())
    }

    /// Every command once, with the keys that it has where it is first named.
    pub fn actions(&self) -> impl Iterator<Item = &Binding> {
        let is_first = |at: usize| !self.bindings[..at].iter().any(|earlier| earlier.cmd == self.bindings[at].cmd);
        self.bindings.iter().enumerate().filter(move |(at, _)| is_first(*at)).map(|(_, binding)| binding)
    }

    /// The same commands under other keys.
    ///
    /// # Errors
    /// The first of `changes` that cannot be, and why.
    pub fn rebound(mut self, changes: &[Rebinding]) -> Result<Self, Refused> {
        for (at, change) in changes.iter().enumerate() {
            let mut is_known = false;
            for binding in self.bindings.iter_mut().filter(|binding| binding.cmd.name() == change.action) {
                binding.keys.clone_from(&change.keys);
                is_known = true;
            }
            if !is_known {
                return Err(Refused { at, why: self.unknown(&change.action) });
            }
            if change.keys.contains(&Chord::control('c')) && change.action != Cmd::Quit.name() {
                return Err(Refused { at, why: RebindingError::AlwaysLeaves { action: change.action.clone() } });
            }
        }
        match self.conflict(changes) {
            Some(refused) => Err(refused),
            None => Ok(self),
        }
    }

    fn unknown(&self, action: &str) -> RebindingError {
        let names = self.actions().map(|binding| binding.cmd.name());
        let alike = names.map(|name| (strsim::jaro_winkler(action, &name), name));
        let nearest = alike.max_by(|one, other| one.0.total_cmp(&other.0));
        let nearest = nearest.map(|(_, name)| name).unwrap_or_default();
        RebindingError::Unknown { action: action.to_owned(), nearest }
    }

    /// A key that means two things on a page, told of the change that brought it about.
    fn conflict(&self, changes: &[Rebinding]) -> Option<Refused> {
        for page in Page::ALL {
            let on_page: Vec<&Binding> = self.on(page).collect();
            for (at, one) in on_page.iter().enumerate() {
                for other in &on_page[at + 1..] {
                    let Some(key) = one.keys.iter().find(|key| other.keys.contains(key)) else { continue };
                    let changed =
                        |cmd: Cmd| changes.iter().rposition(|change| change.action == cmd.name()).map(|at| (at, cmd));
                    let (at, by) = [one.cmd, other.cmd].into_iter().filter_map(changed).max_by_key(|(at, _)| *at)?;
                    let taken = if by == one.cmd { other.cmd } else { one.cmd };
                    let (action, taken) = (by.name(), taken.name());
                    return Some(Refused { at, why: RebindingError::Taken { action, key: *key, taken, page } });
                }
            }
        }
        None
    }
}

/// A command that is given other keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rebinding {
    /// [`Cmd::name`].
    pub action: String,
    /// Its keys, the one to show first; none leaves it to the palette.
    pub keys: Vec<Chord>,
}

/// Which change of the keys cannot be, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Refused {
    /// Its place among the changes.
    pub at: usize,
    /// Why.
    pub why: RebindingError,
}

/// Why keys cannot be changed so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RebindingError {
    /// There is no such command.
    #[error("there is no command {action:?}: did you mean {nearest:?}? The palette (:) shows the names of all of them")]
    Unknown {
        /// As it was written.
        action: String,
        /// The command whose name is most alike.
        nearest: String,
    },
    /// The key means something else.
    #[error(
        "{key} cannot be the key of {action}: on the page {page:?} it is that of {taken}; choose another one, or give {taken} one \
         too"
    )]
    Taken {
        /// Whose key it was to be.
        action: String,
        /// The key.
        key: Chord,
        /// Whose key it is.
        taken: String,
        /// Where.
        page: Page,
    },
    /// Ctrl+C.
    #[error("Ctrl+C cannot be the key of {action}: it always leaves; choose another one")]
    AlwaysLeaves {
        /// Whose key it was to be.
        action: String,
    },
}

/// The digit of each page. The tabs and the help screen read the bindings made of this.
const PAGES: [(Page, char); Page::COUNT] = [
    (Page::Flow, '1'),
    (Page::Stacks, '2'),
    (Page::Logs, '3'),
    (Page::Table, '4'),
    (Page::Executions, '5'),
    (Page::Objects, '6'),
    (Page::Gateway, '7'),
    (Page::Guide, '8'),
    (Page::Activity, '9'),
];

impl Default for Keymap {
    fn default() -> Self {
        use KeyCode::{BackTab, Down, End, Enter, Esc, Home, Left, PageDown, PageUp, Right, Tab, Up};
        const FLOW: &[Page] = &[Page::Flow];
        const STACKS: &[Page] = &[Page::Stacks];
        const FLOW_STACKS: &[Page] = &[Page::Flow, Page::Stacks];
        const LOGS: &[Page] = &[Page::Logs];
        const GATEWAY: &[Page] = &[Page::Gateway];
        const GRAPH: &[Page] = &[Page::Executions];
        const SIZED: &[Page] = &[Page::Executions, Page::Flow, Page::Table];
        const OBJECTS: &[Page] = &[Page::Objects];
        const TABLE: &[Page] = &[Page::Table];
        const GUIDE: &[Page] = &[Page::Guide];
        const TEXTS: &[Page] = &[Page::Logs, Page::Table];
        const SEARCHED: &[Page] = &[Page::Logs, Page::Table, Page::Objects];
        const ERRORS: &[Page] = &[Page::Stacks, Page::Logs, Page::Executions, Page::Activity];
        const ACTIVITY: &[Page] = &[Page::Activity];
        const LISTS: &[Page] = &[Page::Logs, Page::Table, Page::Executions, Page::Activity];
        let (char, plain, control) = (Chord::char, Chord::plain, Chord::control);
        let mut bindings = Vec::new();
        let mut bind = |pages, cmd, keys: &[Chord], short, long| {
            bindings.push(Binding { cmd, keys: keys.to_vec(), pages, short, long });
        };
        bind(FLOW_STACKS, Cmd::Deploy, &[char('d')], "deploy", "show what deploying the stack changes, then deploy it");
        bind(STACKS, Cmd::Delete, &[char('x')], "delete", "delete the stack, after a confirmation");
        bind(
            STACKS,
            Cmd::Parameters,
            &[char('p')],
            "parameters",
            "choose the stack's parameters, then see what changes",
        );
        bind(STACKS, Cmd::Events, &[char('v')], "events", "the stack's events in their order, or its resources again");
        bind(SEARCHED, Cmd::Search, &[char('/')], "search", "search; every hit is marked");
        bind(TEXTS, Cmd::Filter, &[char('f')], "filter", "show only the rows that hold a text; empty for all");
        bind(SEARCHED, Cmd::NextFound, &[char('n')], "", "to the next hit of the search");
        bind(SEARCHED, Cmd::PreviousFound, &[char('N')], "", "to the hit before");
        bind(LOGS, Cmd::Group, &[char('o')], "group", "all groups by time, or one at a time");
        bind(LOGS, Cmd::Context, &[char('c')], "context", "the selected line among those that are left out");
        bind(LOGS, Cmd::Save, &[char('S')], "save", "write the lines that are shown to a file in this folder");
        bind(LOGS, Cmd::Wrap, &[char('w')], "whole lines", "whole lines as they stand, folded; or one row each");
        bind(LOGS, Cmd::Timestamps, &[char('t')], "", "show or hide the time of each line");
        bind(ERRORS, Cmd::NextError, &[char('e')], "", "to the next failure or timeout");
        bind(ERRORS, Cmd::PreviousError, &[char('E')], "", "to the failure or timeout before");
        bind(
            FLOW,
            Cmd::Enter,
            &[plain(Enter)],
            "open",
            "open what is selected: a file's way, a dataset's time, a page",
        );
        bind(STACKS, Cmd::Enter, &[plain(Enter)], "observe", "observe the selected stack");
        bind(LISTS, Cmd::Enter, &[plain(Enter)], "open", "into what is selected");
        bind(
            SIZED,
            Cmd::Larger,
            &[char('+'), char('=')],
            "larger",
            "more of each state of the graph; a timeline larger",
        );
        bind(SIZED, Cmd::Smaller, &[char('-')], "smaller", "less of each state of the graph; a timeline smaller");
        bind(GRAPH, Cmd::ShiftLeft, &[char('H')], "", "the window on the graph to the left");
        bind(GRAPH, Cmd::ShiftDown, &[char('J')], "", "the window on the graph down");
        bind(GRAPH, Cmd::ShiftUp, &[char('K')], "", "the window on the graph up");
        bind(GRAPH, Cmd::ShiftRight, &[char('L')], "", "the window on the graph to the right");
        bind(OBJECTS, Cmd::Enter, &[plain(Enter)], "open", "open or fold a folder, read on, or look into an object");
        bind(OBJECTS, Cmd::Refresh, &[char('r')], "read again", "read again the folder, the uploads or the object");
        bind(TABLE, Cmd::Item, &[char('i')], "item", "read the selected item from the table, as typed JSON; one call");
        bind(GUIDE, Cmd::Enter, &[plain(Enter)], "do", "say that a step is done, or open its screen");
        bind(GUIDE, Cmd::Reset, &[char('R')], "begin anew", "begin anew; nothing on the target is changed");
        bind(GATEWAY, Cmd::Play, &[plain(Enter)], "play", "play the selected scenario to its end and judge it");
        bind(GATEWAY, Cmd::Edit, &[char('e')], "edit", "change the selected scenario's fields, and vault it unjudged");
        bind(GATEWAY, Cmd::Hold, &[char('p')], "hold", "hold the gateway, or let it go on");
        bind(GATEWAY, Cmd::NextEvent, &[char('n')], "next event", "let one thing happen at the gateway and hold it");
        bind(GATEWAY, Cmd::Connection, &[char('o')], "offline", "take the gateway's connection, or give it back");
        bind(
            GATEWAY,
            Cmd::Shuffle,
            &[char('r')],
            "order",
            "upload in the order of the writes, or in the gateway's own",
        );
        bind(GATEWAY, Cmd::UploadFaster, &[char('+')], "rate", "uploads run faster");
        bind(GATEWAY, Cmd::UploadSlower, &[char('-')], "", "uploads run slower");
        bind(GATEWAY, Cmd::Fault, &[char('i')], "fault", "choose a fault of the endpoint");
        bind(
            ACTIVITY,
            Cmd::Order,
            &[char('o')],
            "order",
            "most calls first, or what changes something, the latest first",
        );
        bind(
            ACTIVITY,
            Cmd::CopyFailed,
            &[char('Y')],
            "copy the failed",
            "copy the last call that failed as aws command",
        );
        bind(&[], Cmd::StartJob, &[char('s')], "start job", "vault a simulated dataset");
        bind(&[], Cmd::Pause, &[char(' ')], "pause", "stop or resume simulated time");
        bind(&[], Cmd::Faster, &[char(']')], "faster", "simulated time runs faster");
        bind(&[], Cmd::Slower, &[char('[')], "slower", "simulated time runs slower");
        bind(&[], Cmd::Step, &[char('.')], "step", "simulated time moves on by ten seconds");
        bind(&[], Cmd::Up, &[char('k'), plain(Up)], "", "up");
        bind(&[], Cmd::Down, &[char('j'), plain(Down)], "", "down");
        bind(&[], Cmd::Left, &[char('h'), plain(Left)], "", "left");
        bind(&[], Cmd::Right, &[char('l'), plain(Right)], "", "right");
        bind(&[], Cmd::PageUp, &[plain(PageUp)], "", "a page up");
        bind(&[], Cmd::PageDown, &[plain(PageDown)], "", "a page down");
        bind(&[], Cmd::HalfUp, &[control('u')], "", "half a page up");
        bind(&[], Cmd::HalfDown, &[control('d')], "", "half a page down");
        bind(&[], Cmd::Top, &[char('g'), plain(Home)], "", "to the start");
        bind(&[], Cmd::Bottom, &[char('G'), plain(End)], "", "to the end, and follow it");
        bind(&[], Cmd::NextPane, &[plain(Tab)], "pane", "to the next pane");
        bind(&[], Cmd::PreviousPane, &[plain(BackTab)], "", "to the pane before");
        bind(&[], Cmd::Palette, &[char(':')], "palette", "find a command by what it does, and do it");
        bind(&[], Cmd::Zoom, &[char('z')], "zoom", "the pane on the whole page, or back");
        bind(&[], Cmd::Copy, &[char('y')], "", "copy what is selected");
        bind(&[], Cmd::Errors, &[char('!')], "errors", "the problems so far");
        bind(&[], Cmd::Mouse, &[char('m')], "", "the mouse chooses pages, panes and rows, or selects text");
        bind(&[], Cmd::Themes, &[char('T')], "", "choose the colours");
        bind(&[], Cmd::Present, &[char('P')], "", "present: account numbers masked, one pane in the light, keys shown");
        bind(&[], Cmd::Freeze, &[char('F')], "", "hold the picture still while everything goes on, or let it go");
        for (page, digit) in PAGES {
            bind(&[], Cmd::Show(page), &[char(digit)], "", page.name());
        }
        bind(&[], Cmd::Help, &[char('?')], "help", "the keys of this screen");
        bind(&[], Cmd::Leave, &[char('q')], "back", "back; at the top, leave");
        bind(&[], Cmd::Back, &[plain(Esc)], "", "back");
        bind(&[], Cmd::Quit, &[control('c')], "", "leave");
        Self { bindings }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use crossterm::event::KeyModifiers;

    use super::*;

    #[test]
    fn no_key_means_two_things_on_a_page() {
        let keymap = Keymap::default();
        for page in Page::ALL {
            let mut seen = HashSet::new();
            for binding in keymap.on(page) {
                for key in &binding.keys {
                    assert!(seen.insert(*key), "{key} on {page:?}");
                }
                assert!(!binding.long.is_empty());
            }
        }
    }

    #[test]
    fn every_page_has_a_digit_of_its_own() {
        let keymap = Keymap::default();
        for (page, digit) in Page::ALL.into_iter().zip(['1', '2', '3', '4', '5', '6', '7', '8', '9']) {
            assert_eq!(keymap.key_of(Page::Flow, Cmd::Show(page)), Some(Chord::char(digit)), "{page:?}");
        }
    }

    #[test]
    fn keys_are_written_as_people_say_them() {
        let keymap = Keymap::default();
        let key = |cmd| keymap.key_of(Page::Flow, cmd).map(|key| key.to_string());
        assert_eq!(key(Cmd::Pause).as_deref(), Some("Space"));
        assert_eq!(key(Cmd::Quit).as_deref(), Some("Ctrl+C"));
        assert_eq!(key(Cmd::PreviousPane).as_deref(), Some("Shift+Tab"));
        assert_eq!(key(Cmd::Search), None, "nothing is searched on the Flow page");
    }

    fn change(action: &str, keys: &[&str]) -> Rebinding {
        let keys = keys.iter().map(|key| key.parse().expect("a key")).collect();
        Rebinding { action: action.to_owned(), keys }
    }

    #[test]
    fn a_command_has_the_keys_that_it_is_given_on_every_page() {
        let changes = [change("enter", &["Right", "Enter"]), change("right", &["l"]), change("deploy", &["Ctrl+Y"])];
        let keymap = Keymap::default().rebound(&changes).expect("no conflict");
        for page in [Page::Flow, Page::Logs] {
            assert_eq!(keymap.key_of(page, Cmd::Enter).map(|key| key.to_string()).as_deref(), Some("→"), "{page:?}");
        }
        let key = |text: &str| text.parse::<Chord>().expect("a key");
        let pressed = |chord: Chord| {
            let modifiers = if chord.control { KeyModifiers::CONTROL } else { KeyModifiers::NONE };
            keymap.cmd(Page::Flow, KeyEvent::new(chord.code, modifiers))
        };
        assert_eq!(pressed(key("Ctrl+Y")), Some(Cmd::Deploy));
        assert_eq!(pressed(key("d")), None, "its earlier key is free");
        let swapped = [change("start-job", &["d"]), change("deploy", &["s"])];
        assert!(Keymap::default().rebound(&swapped).is_ok(), "two may change places");
        assert!(Keymap::default().rebound(&[change("mouse", &[])]).is_ok(), "the palette still has it");
    }

    #[test]
    fn what_cannot_be_is_said_of_the_change_that_asks_for_it() {
        let refused = |changes: &[Rebinding]| {
            let refused = Keymap::default().rebound(changes).expect_err("refused");
            (refused.at, refused.to_string())
        };
        let (at, said) = refused(&[change("zoom", &["Z"]), change("deplyo", &["D"])]);
        assert!(at == 1 && said.contains("did you mean \"deploy\""), "{said}");
        let (at, said) = refused(&[change("zoom", &["Z"]), change("deploy", &["s"])]);
        assert!(at == 1 && said.contains("s cannot be the key of deploy"), "{said}");
        assert!(said.contains("start-job") && said.contains("Flow"), "{said}");
        let (at, said) = refused(&[change("deploy", &["s"]), change("zoom", &["Z"])]);
        assert!(at == 0 && said.contains("start-job"), "{said}");
        let (_, said) = refused(&[change("zoom", &["Ctrl+C"])]);
        assert!(said.contains("always leaves"), "{said}");
    }

    #[test]
    fn every_command_has_a_name_of_its_own() {
        let keymap = Keymap::default();
        let names: Vec<String> = keymap.actions().map(|binding| binding.cmd.name()).collect();
        let once: HashSet<&String> = names.iter().collect();
        assert_eq!(once.len(), names.len());
        assert!(names.contains(&"show-flow".to_owned()) && names.contains(&"next-pane".to_owned()), "{names:?}");
        assert!(
            names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')),
            "{names:?}"
        );
    }
}
