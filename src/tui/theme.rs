//! Roles, not colours: what a thing means decides how it looks, and each scheme says how a meaning looks. No meaning is
//! carried by colour alone; glyphs and words stand beside it.

use ratatui::style::{Color, Modifier, Style};
use serde::{Deserialize, Serialize};

use crate::model::execution::Progress;

/// A colour scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Theme {
    /// For a dark background, in 24-bit colour.
    Dark,
    /// For a light background, in 24-bit colour.
    Light,
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
        }
    }
}

impl Theme {
    /// The scheme that fits the terminal: 24-bit where it says so and its background is known or dark by custom,
    /// sixteen colours elsewhere.
    #[must_use]
    pub fn for_terminal(surroundings: &Surroundings) -> Self {
        if surroundings.no_color || matches!(surroundings.term.as_str(), "dumb" | "vt100" | "vt220") {
            return Self::Mono;
        }
        let background = surroundings.colorfgbg.rsplit(';').next().and_then(|colour| colour.parse::<u8>().ok());
        let light = matches!(background, Some(7 | 9..=15));
        match (surroundings.colorterm.as_str(), light) {
            ("truecolor" | "24bit", true) => Self::Light,
            ("truecolor" | "24bit", false) => Self::Dark,
            _ => Self::Ansi,
        }
    }

    /// How a meaning looks.
    #[must_use]
    pub fn style(self, role: Role) -> Style {
        match self {
            Self::Dark => coloured(role, &DARK),
            Self::Light => coloured(role, &LIGHT),
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

struct Palette {
    text: Color,
    dim: Color,
    accent: Color,
    good: Color,
    active: Color,
    warn: Color,
    bad: Color,
    selected: Color,
    on_badge: Color,
}

const DARK: Palette = Palette {
    text: Color::Rgb(220, 223, 228),
    dim: Color::Rgb(128, 136, 150),
    accent: Color::Rgb(122, 178, 255),
    good: Color::Rgb(126, 211, 133),
    active: Color::Rgb(96, 205, 224),
    warn: Color::Rgb(240, 190, 90),
    bad: Color::Rgb(255, 120, 120),
    selected: Color::Rgb(50, 60, 80),
    on_badge: Color::Rgb(16, 18, 24),
};

const LIGHT: Palette = Palette {
    text: Color::Rgb(36, 41, 47),
    dim: Color::Rgb(101, 109, 118),
    accent: Color::Rgb(9, 90, 200),
    good: Color::Rgb(20, 115, 50),
    active: Color::Rgb(0, 105, 130),
    warn: Color::Rgb(140, 90, 0),
    bad: Color::Rgb(190, 30, 40),
    selected: Color::Rgb(210, 226, 247),
    on_badge: Color::Rgb(255, 255, 255),
};

const ANSI: Palette = Palette {
    text: Color::Reset,
    dim: Color::DarkGray,
    accent: Color::Blue,
    good: Color::Green,
    active: Color::Cyan,
    warn: Color::Yellow,
    bad: Color::Red,
    selected: Color::Reset,
    on_badge: Color::Black,
};

fn coloured(role: Role, palette: &Palette) -> Style {
    let fore = |colour| Style::new().fg(colour);
    let badge = |colour| Style::new().fg(palette.on_badge).bg(colour).add_modifier(Modifier::BOLD);
    match role {
        Role::Text => fore(palette.text),
        Role::Dim | Role::Border => fore(palette.dim),
        Role::Title => fore(palette.text).add_modifier(Modifier::BOLD),
        Role::Focus => fore(palette.accent),
        Role::Selected if palette.selected == Color::Reset => Style::new().add_modifier(Modifier::REVERSED),
        Role::Selected => Style::new().bg(palette.selected).add_modifier(Modifier::BOLD),
        Role::Key => fore(palette.accent).add_modifier(Modifier::BOLD),
        Role::Good => fore(palette.good),
        Role::Active => fore(palette.active).add_modifier(Modifier::BOLD),
        Role::Warn => fore(palette.warn),
        Role::Bad => fore(palette.bad).add_modifier(Modifier::BOLD),
        Role::New => fore(palette.good).add_modifier(Modifier::BOLD),
        Role::Embedded => badge(palette.good),
        Role::Found | Role::Endpoint => badge(palette.warn),
        Role::Aws => badge(palette.bad),
        Role::Tab => badge(palette.accent),
    }
}

fn mono(role: Role) -> Style {
    match role {
        Role::Text | Role::Good => Style::new(),
        Role::Dim | Role::Border => Style::new().add_modifier(Modifier::DIM),
        Role::Title | Role::Focus | Role::Key | Role::Active | Role::Warn | Role::Bad | Role::New => {
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

    #[test]
    fn the_scheme_fits_what_the_terminal_says() {
        let theme = |colorterm: &str, colorfgbg: &str, no_color| {
            Theme::for_terminal(&Surroundings {
                no_color,
                colorterm: colorterm.to_owned(),
                colorfgbg: colorfgbg.to_owned(),
                term: "xterm-256color".to_owned(),
            })
        };
        assert_eq!(theme("truecolor", "15;0", false), Theme::Dark);
        assert_eq!(theme("truecolor", "0;15", false), Theme::Light);
        assert_eq!(theme("", "0;15", false), Theme::Ansi);
        assert_eq!(theme("truecolor", "15;0", true), Theme::Mono);
    }

    #[test]
    fn without_colour_no_role_has_one() {
        for role in [Role::Text, Role::Good, Role::Bad, Role::Warn, Role::Selected, Role::Aws, Role::Tab, Role::Found] {
            let style = Theme::Mono.style(role);
            assert_eq!((style.fg, style.bg), (None, None), "{role:?}");
        }
    }
}
