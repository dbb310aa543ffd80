//! Roles, not colours: what a thing means decides how it looks, and each scheme says how a meaning looks. No meaning is
//! carried by colour alone; glyphs and words stand beside it.

use anstyle::RgbColor;
use ratatui::style::{Color, Modifier, Style};
use serde::{Deserialize, Serialize};

use super::colours::{ANSI, COLOUR_BLIND, Colours, DARK, HIGH_CONTRAST, LIGHT};
use crate::model::execution::Progress;

/// A colour scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Theme {
    /// For a dark background, in 24-bit colour.
    Dark,
    /// For a light background, in 24-bit colour.
    Light,
    /// White on black, and bright colours, for whoever or whatever shows little contrast.
    HighContrast,
    /// Colours that nobody has to tell red from green for.
    ColourBlind,
    /// The terminal's own sixteen colours, on whatever background.
    #[default]
    Ansi,
    /// No colour: bold, dim and reversed only.
    Mono,
}

/// What a piece of the screen means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Ordinary text.
    Text,
    /// Text that helps and is not looked for.
    Dim,
    /// Titles and names.
    Title,
    /// The frame of a pane.
    Border,
    /// The frame of the pane that takes the keys.
    Focus,
    /// The row that the keys act on.
    Selected,
    /// A key that can be pressed.
    Key,
    /// Went well.
    Good,
    /// Goes on.
    Active,
    /// Wants to be looked at.
    Warn,
    /// Went wrong.
    Bad,
    /// Just arrived.
    New,
    /// What was searched for.
    Found,
    /// A name in structured text.
    Member,
    /// A type in structured text.
    Type,
    /// A value in structured text.
    Literal,
    /// The embedded endpoint's badge.
    Embedded,
    /// A named endpoint's badge.
    Endpoint,
    /// The badge of AWS itself.
    Aws,
    /// The tab of the page that is shown.
    Tab,
}

/// What the environment says of the terminal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// `NO_COLOR`, where it is set and not empty.
    pub no_color: bool,
    /// `COLORTERM`.
    pub colorterm: String,
    /// `COLORFGBG`: `15;0` is light on dark.
    pub colorfgbg: String,
    /// `TERM`.
    pub term: String,
    /// Whether `TMUX` is set.
    pub is_tmux: bool,
}

impl Surroundings {
    /// What the environment of this process says.
    #[must_use]
    pub fn read() -> Self {
        let var = |name| std::env::var(name).unwrap_or_default();
        Self {
            no_color: !var("NO_COLOR").is_empty(),
            colorterm: var("COLORTERM"),
            colorfgbg: var("COLORFGBG"),
            term: var("TERM"),
            is_tmux: !var("TMUX").is_empty(),
        }
    }

    fn is_plain(&self) -> bool {
        self.no_color || matches!(self.term.as_str(), "dumb" | "vt100" | "vt220")
    }

    fn has_all_colours(&self) -> bool {
        matches!(self.colorterm.as_str(), "truecolor" | "24bit") || self.term.ends_with("-direct")
    }

    /// Whether the background is light, where the environment says so.
    fn is_light(&self) -> Option<bool> {
        let background = self.colorfgbg.rsplit(';').next().and_then(|colour| colour.parse::<u8>().ok());
        background.map(|colour| matches!(colour, 7 | 9..=15))
    }

    /// Whether the scheme depends on a background that only the terminal knows.
    pub(super) fn has_to_ask(&self) -> bool {
        !self.is_plain() && self.has_all_colours() && self.is_light().is_none()
    }
}

/// How many colours the terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    /// 24 bits each.
    #[default]
    All,
    /// The 256 of xterm.
    Indexed,
    /// Its own sixteen.
    Sixteen,
}

impl Depth {
    /// What the environment says of the terminal.
    #[must_use]
    pub fn of(surroundings: &Surroundings) -> Self {
        match surroundings.term.as_str() {
            _ if surroundings.has_all_colours() => Self::All,
            term if term.contains("256color") => Self::Indexed,
            _ => Self::Sixteen,
        }
    }

    /// The nearest colour that it has.
    #[must_use]
    pub fn nearest(self, colour: Color) -> Color {
        let Color::Rgb(red, green, blue) = colour else { return colour };
        let wanted = RgbColor(red, green, blue);
        match self {
            Self::All => colour,
            Self::Indexed => Color::Indexed(anstyle_lossy::rgb_to_xterm(wanted).0),
            Self::Sixteen => {
                let nearest = anstyle_lossy::rgb_to_ansi(wanted, anstyle_lossy::palette::DEFAULT);
                Color::Indexed(anstyle::Ansi256Color::from_ansi(nearest).0)
            }
        }
    }
}

impl Theme {
    /// The scheme that fits the terminal: 24-bit where it says so and its background is known or dark by custom,
    /// sixteen colours elsewhere.
    #[must_use]
    pub fn for_terminal(surroundings: &Surroundings) -> Self {
        if surroundings.is_plain() {
            Self::Mono
        } else if surroundings.has_all_colours() {
            Self::on(surroundings.is_light() == Some(true))
        } else {
            Self::Ansi
        }
    }

    /// The scheme for a light background or a dark one, in 24-bit colour.
    #[must_use]
    pub const fn on(is_light: bool) -> Self {
        if is_light { Self::Light } else { Self::Dark }
    }

    /// Every scheme, in the order of the picker.
    pub const ALL: [Self; 6] = [Self::Dark, Self::Light, Self::HighContrast, Self::ColourBlind, Self::Ansi, Self::Mono];

    /// Its name in the configuration file and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::HighContrast => "high-contrast",
            Self::ColourBlind => "colour-blind",
            Self::Ansi => "ansi",
            Self::Mono => "mono",
        }
    }

    /// What it is for, in a few words.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::Dark => "for a dark background",
            Self::Light => "for a light background",
            Self::HighContrast => "white on black, bright colours",
            Self::ColourBlind => "no red against green",
            Self::Ansi => "the terminal's own sixteen colours",
            Self::Mono => "no colours: bold, dim and reversed",
        }
    }

    /// How a meaning looks.
    #[must_use]
    pub fn style(self, role: Role) -> Style {
        match self {
            Self::Dark => coloured(role, &DARK),
            Self::Light => coloured(role, &LIGHT),
            Self::HighContrast => coloured(role, &HIGH_CONTRAST),
            Self::ColourBlind => coloured(role, &COLOUR_BLIND),
            Self::Ansi => coloured(role, &ANSI),
            Self::Mono => mono(role),
        }
    }

    /// How a state of a machine looks.
    #[must_use]
    pub fn progress(self, progress: Progress) -> Style {
        self.style(match progress {
            Progress::NotVisited | Progress::Cancelled => Role::Dim,
            Progress::Current => Role::Active,
            Progress::Done => Role::Good,
            Progress::Caught => Role::Warn,
            Progress::Failed => Role::Bad,
        })
    }
}

fn coloured(role: Role, colours: &Colours) -> Style {
    let fore = |colour| Style::new().fg(colour);
    let text = if colours.ground == Color::Reset { fore(colours.text) } else { fore(colours.text).bg(colours.ground) };
    let badge = |colour| Style::new().fg(colours.on_badge).bg(colour).add_modifier(Modifier::BOLD);
    match role {
        Role::Text => text,
        Role::Dim | Role::Border => fore(colours.dim),
        Role::Title => fore(colours.text).add_modifier(Modifier::BOLD),
        Role::Focus | Role::Member => fore(colours.accent),
        Role::Type => fore(colours.active),
        Role::Selected if colours.selected == Color::Reset => Style::new().add_modifier(Modifier::REVERSED),
        Role::Selected => Style::new().bg(colours.selected).add_modifier(Modifier::BOLD),
        Role::Key => fore(colours.accent).add_modifier(Modifier::BOLD),
        Role::Good | Role::Literal => fore(colours.good),
        Role::Active => fore(colours.active).add_modifier(Modifier::BOLD),
        Role::Warn => fore(colours.warn),
        Role::Bad => fore(colours.bad).add_modifier(Modifier::BOLD),
        Role::New => fore(colours.good).add_modifier(Modifier::BOLD),
        Role::Embedded => badge(colours.good),
        Role::Found | Role::Endpoint => badge(colours.warn),
        Role::Aws => badge(colours.bad),
        Role::Tab => badge(colours.accent),
    }
}

fn mono(role: Role) -> Style {
    match role {
        Role::Text | Role::Good | Role::Literal => Style::new(),
        Role::Dim | Role::Border | Role::Type => Style::new().add_modifier(Modifier::DIM),
        Role::Title | Role::Focus | Role::Key | Role::Active | Role::Warn | Role::Bad | Role::New | Role::Member => {
            Style::new().add_modifier(Modifier::BOLD)
        }
        Role::Selected | Role::Found | Role::Embedded | Role::Endpoint | Role::Aws | Role::Tab => {
            Style::new().add_modifier(Modifier::REVERSED)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terminal(term: &str, colorterm: &str, colorfgbg: &str, no_color: bool) -> Surroundings {
        Surroundings {
            no_color,
            colorterm: colorterm.to_owned(),
            colorfgbg: colorfgbg.to_owned(),
            term: term.to_owned(),
            is_tmux: false,
        }
    }

    #[test]
    fn the_scheme_fits_what_the_terminal_says() {
        for (surroundings, theme, depth, asks) in [
            (terminal("xterm-256color", "truecolor", "15;0", false), Theme::Dark, Depth::All, false),
            (terminal("xterm-256color", "truecolor", "0;15", false), Theme::Light, Depth::All, false),
            (terminal("xterm-256color", "truecolor", "0;default;15", false), Theme::Light, Depth::All, false),
            (terminal("xterm-256color", "truecolor", "", false), Theme::Dark, Depth::All, true),
            (terminal("xterm-256color", "truecolor", "", true), Theme::Mono, Depth::All, false),
            (terminal("xterm-256color", "", "0;15", false), Theme::Ansi, Depth::Indexed, false),
            (terminal("xterm-16color", "", "", false), Theme::Ansi, Depth::Sixteen, false),
            (terminal("linux", "", "", false), Theme::Ansi, Depth::Sixteen, false),
            (terminal("xterm-direct", "", "", false), Theme::Dark, Depth::All, true),
            (terminal("dumb", "truecolor", "", false), Theme::Mono, Depth::All, false),
        ] {
            assert_eq!(Theme::for_terminal(&surroundings), theme, "{surroundings:?}");
            assert_eq!(Depth::of(&surroundings), depth, "{surroundings:?}");
            assert_eq!(surroundings.has_to_ask(), asks, "{surroundings:?}");
        }
    }

    const ROLES: [Role; 17] = [
        Role::Text,
        Role::Dim,
        Role::Title,
        Role::Border,
        Role::Focus,
        Role::Selected,
        Role::Key,
        Role::Good,
        Role::Active,
        Role::Warn,
        Role::Bad,
        Role::New,
        Role::Found,
        Role::Embedded,
        Role::Endpoint,
        Role::Aws,
        Role::Tab,
    ];

    #[test]
    fn without_colour_no_role_has_one() {
        for role in ROLES {
            let style = Theme::Mono.style(role);
            assert_eq!((style.fg, style.bg), (None, None), "{role:?}");
        }
    }

    #[test]
    fn a_terminal_of_few_colours_is_sent_no_others() {
        for theme in Theme::ALL {
            for role in ROLES {
                let style = theme.style(role);
                for colour in [style.fg, style.bg].into_iter().flatten() {
                    assert!(!matches!(Depth::Indexed.nearest(colour), Color::Rgb(..)), "{theme:?} {role:?}");
                    let nearest = Depth::Sixteen.nearest(colour);
                    let is_of_sixteen = !matches!(nearest, Color::Rgb(..) | Color::Indexed(16..));
                    assert!(is_of_sixteen, "{theme:?} {role:?}: {nearest:?}");
                }
            }
        }
    }

    #[test]
    fn the_names_are_those_of_the_configuration() {
        for theme in Theme::ALL {
            assert_eq!(serde_json::to_value(theme).expect("a name"), theme.name());
        }
    }
}
