//! Which key means what, as data: the footer and the help screen are made from the same table that keys are looked up in.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::cmd::{Cmd, Page};

/// A key with its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Chord {
    /// The key.
    pub code: KeyCode,
    /// Whether Ctrl is held.
    pub control: bool,
}

impl Chord {
    const fn plain(code: KeyCode) -> Self {
        Self { code, control: false }
    }

    const fn char(char: char) -> Self {
        Self::plain(KeyCode::Char(char))
    }

    const fn control(char: char) -> Self {
        Self { code: KeyCode::Char(char), control: true }
    }
}

impl From<KeyEvent> for Chord {
    fn from(key: KeyEvent) -> Self {
        Self { code: key.code, control: key.modifiers.contains(KeyModifiers::CONTROL) }
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.control, self.code) {
            (true, KeyCode::Char(char)) => write!(f, "Ctrl+{}", char.to_ascii_uppercase()),
            (_, KeyCode::Char(' ')) => f.write_str("Space"),
            (_, KeyCode::Char(char)) => write!(f, "{char}"),
            (_, KeyCode::Up) => f.write_str("↑"),
            (_, KeyCode::Down) => f.write_str("↓"),
            (_, KeyCode::Left) => f.write_str("←"),
            (_, KeyCode::Right) => f.write_str("→"),
            (_, KeyCode::PageUp) => f.write_str("PgUp"),
            (_, KeyCode::PageDown) => f.write_str("PgDn"),
            (_, KeyCode::BackTab) => f.write_str("Shift+Tab"),
            (_, code) => write!(f, "{code}"),
        }
    }
}

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
        const GUIDE: &[Page] = &[Page::Guide];
        const TEXTS: &[Page] = &[Page::Logs, Page::Table];
        const SEARCHED: &[Page] = &[Page::Logs, Page::Table, Page::Objects];
        const ERRORS: &[Page] = &[Page::Stacks, Page::Logs, Page::Executions, Page::Activity];
        const LISTS: &[Page] = &[Page::Logs, Page::Table, Page::Executions, Page::Activity];
        let (char, plain, control) = (Chord::char, Chord::plain, Chord::control);
        let mut bindings = Vec::new();
        let mut bind = |pages, cmd, keys: &[Chord], short, long| {
            bindings.push(Binding { cmd, keys: keys.to_vec(), pages, short, long });
        };
        bind(FLOW_STACKS, Cmd::Deploy, &[char('d')], "deploy", "show what deploying the stack changes, then deploy it");
        bind(STACKS, Cmd::Delete, &[char('x')], "delete", "delete the stack, after a confirmation");
        bind(SEARCHED, Cmd::Search, &[char('/')], "search", "search; every hit is marked");
        bind(TEXTS, Cmd::Filter, &[char('f')], "filter", "show only the rows that hold a text; empty for all");
        bind(SEARCHED, Cmd::NextFound, &[char('n')], "", "to the next hit of the search");
        bind(SEARCHED, Cmd::PreviousFound, &[char('N')], "", "to the hit before");
        bind(LOGS, Cmd::Group, &[char('o')], "group", "all groups by time, or one at a time");
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
        bind(GUIDE, Cmd::Enter, &[plain(Enter)], "do", "say that a step is done, or open its screen");
        bind(GUIDE, Cmd::Reset, &[char('R')], "begin anew", "begin anew; nothing on the target is changed");
        bind(GATEWAY, Cmd::Play, &[plain(Enter)], "play", "play the selected scenario to its end and judge it");
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
        bind(&[], Cmd::Zoom, &[char('z')], "zoom", "the pane on the whole page, or back");
        bind(&[], Cmd::Copy, &[char('y')], "", "copy what is selected");
        bind(&[], Cmd::Errors, &[char('!')], "errors", "the problems so far");
        bind(&[], Cmd::Mouse, &[char('m')], "", "wheel scrolls panes, or the mouse selects text");
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
}
