//! The colours of each scheme, by what they are for. A scheme that cannot know its background brings one of its own.

use ratatui::style::Color;

/// Colours by what they are for.
pub(super) struct Colours {
    /// What everything stands on; `Reset` for the terminal's own.
    pub(super) ground: Color,
    pub(super) text: Color,
    pub(super) dim: Color,
    pub(super) accent: Color,
    pub(super) good: Color,
    pub(super) active: Color,
    pub(super) warn: Color,
    pub(super) bad: Color,
    pub(super) selected: Color,
    pub(super) on_badge: Color,
}

pub(super) const DARK: Colours = Colours {
    ground: Color::Reset,
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

pub(super) const LIGHT: Colours = Colours {
    ground: Color::Reset,
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

pub(super) const HIGH_CONTRAST: Colours = Colours {
    ground: Color::Rgb(0, 0, 0),
    text: Color::Rgb(255, 255, 255),
    dim: Color::Rgb(196, 196, 196),
    accent: Color::Rgb(120, 200, 255),
    good: Color::Rgb(80, 255, 120),
    active: Color::Rgb(90, 255, 255),
    warn: Color::Rgb(255, 235, 60),
    bad: Color::Rgb(255, 140, 140),
    selected: Color::Rgb(0, 40, 120),
    on_badge: Color::Rgb(0, 0, 0),
};

/// After Okabe and Ito: told apart by lightness and by blue against yellow, never by red against green.
pub(super) const COLOUR_BLIND: Colours = Colours {
    ground: Color::Rgb(14, 16, 20),
    text: Color::Rgb(228, 228, 228),
    dim: Color::Rgb(146, 150, 158),
    accent: Color::Rgb(204, 170, 220),
    good: Color::Rgb(60, 150, 230),
    active: Color::Rgb(150, 220, 255),
    warn: Color::Rgb(240, 228, 66),
    bad: Color::Rgb(230, 120, 20),
    selected: Color::Rgb(52, 56, 72),
    on_badge: Color::Rgb(10, 12, 16),
};

pub(super) const ANSI: Colours = Colours {
    ground: Color::Reset,
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

#[cfg(test)]
mod tests {
    use super::*;

    type Linear = [f64; 3];

    fn linear(colour: Color) -> Linear {
        let Color::Rgb(red, green, blue) = colour else { panic!("{colour:?} is not of 24 bits") };
        [red, green, blue].map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        })
    }

    fn luminance([red, green, blue]: Linear) -> f64 {
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// WCAG's contrast ratio.
    fn contrast(one: Color, other: Color) -> f64 {
        let (one, other) = (luminance(linear(one)) + 0.05, luminance(linear(other)) + 0.05);
        one.max(other) / one.min(other)
    }

    #[test]
    fn everything_can_be_read_on_its_ground() {
        let dark = Color::Rgb(30, 30, 30);
        let light = Color::Rgb(255, 255, 255);
        for (name, colours, ground, least) in [
            ("dark", &DARK, dark, 4.5),
            ("light", &LIGHT, light, 4.5),
            ("high contrast", &HIGH_CONTRAST, HIGH_CONTRAST.ground, 7.0),
            ("colour-blind", &COLOUR_BLIND, COLOUR_BLIND.ground, 4.5),
        ] {
            let Colours { text, dim, accent, good, active, warn, bad, .. } = *colours;
            for colour in [text, dim, accent, good, active, warn, bad] {
                let found = contrast(colour, ground);
                assert!(found >= least, "{name}: {colour:?} has {found:.2} on {ground:?}");
            }
            for badge in [accent, good, warn, bad] {
                let found = contrast(colours.on_badge, badge);
                assert!(found >= 4.5, "{name}: a badge of {badge:?} has {found:.2}");
            }
            for colour in [text, good, active, warn, bad] {
                let found = contrast(colour, colours.selected);
                assert!(found >= 3.0, "{name}: {colour:?} has {found:.2} on the selected row");
            }
        }
    }

    /// What somebody sees who lacks the cones for long (protanopia) or medium (deuteranopia) waves, after Viénot, Brettel
    /// and Mollon (1999).
    fn seen(colour: Color, lacks_long: bool) -> Linear {
        let [red, green, blue] = linear(colour);
        let part = if lacks_long { [0.11238, 0.88762] } else { [0.29275, 0.70725] };
        let both = part[0] * red + part[1] * green;
        let shift = if lacks_long { 0.00401 } else { -0.02234 };
        [both, both, blue + shift * (red - green)]
    }

    /// CIE 1976: a just noticeable difference is about 2.3.
    fn difference(one: Linear, other: Linear) -> f64 {
        let lab = |[red, green, blue]: Linear| {
            let xyz = [
                (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505,
                0.2126 * red + 0.7152 * green + 0.0722 * blue,
                (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089,
            ];
            let [x, y, z] =
                xyz.map(|part| if part > 0.008_856 { part.cbrt() } else { 7.787 * part.max(0.0) + 16.0 / 116.0 });
            [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
        };
        let (one, other) = (lab(one), lab(other));
        one.iter().zip(other).map(|(one, other)| (one - other).powi(2)).sum::<f64>().sqrt()
    }

    #[test]
    fn outcomes_differ_for_whoever_does_not_tell_red_from_green() {
        let Colours { good, active, warn, bad, .. } = COLOUR_BLIND;
        let all = [("good", good), ("active", active), ("warn", warn), ("bad", bad)];
        for lacks_long in [true, false] {
            for (at, (name, colour)) in all.into_iter().enumerate() {
                for (other_name, other) in all.into_iter().skip(at + 1) {
                    let found = difference(seen(colour, lacks_long), seen(other, lacks_long));
                    assert!(found >= 20.0, "{name} and {other_name} differ by {found:.1}");
                }
            }
        }
        // The check tells: the usual green and red come out alike.
        let usual = difference(seen(Color::Rgb(120, 170, 60), false), seen(Color::Rgb(235, 110, 60), false));
        assert!(usual < 20.0, "{usual:.1}");
    }
}
