//! How many colours a terminal has, and the nearest it has to one it has not.

use ratatui::style::Color;

/// Colours of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// None, or none wanted (`NO_COLOR`).
    None,
    /// The sixteen of ANSI.
    Ansi,
    /// The 256 of xterm.
    Indexed,
    /// Any.
    True,
}

impl Depth {
    /// What the environment says, by `get` (name of a variable to its value).
    pub fn detect(get: impl Fn(&str) -> Option<String>) -> Self {
        if get("NO_COLOR").is_some_and(|value| !value.is_empty()) {
            return Self::None;
        }
        let term = get("TERM").unwrap_or_default();
        if term.is_empty() || term == "dumb" || term.starts_with("vt") {
            return Self::None;
        }
        let colours = get("COLORTERM").unwrap_or_default();
        if colours == "truecolor" || colours == "24bit" || term.ends_with("-direct") {
            return Self::True;
        }
        if term.contains("256") || term.contains("kitty") || term.contains("alacritty") {
            return Self::Indexed;
        }
        Self::Ansi
    }

    /// The nearest colour to `colour` that such a terminal has.
    pub fn nearest(self, colour: Color) -> Color {
        match (self, colour) {
            (Self::None, _) => Color::Reset,
            (Self::True, colour) => colour,
            (Self::Indexed, Color::Rgb(r, g, b)) => Color::Indexed(indexed(r, g, b)),
            (Self::Indexed, colour) => colour,
            (Self::Ansi, Color::Rgb(r, g, b)) => ansi(r, g, b),
            (Self::Ansi, Color::Indexed(index)) if index >= 16 => {
                let (r, g, b) = rgb_of(index);
                ansi(r, g, b)
            }
            (Self::Ansi, colour) => colour,
        }
    }
}

const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// The index of the nearest of xterm's 240 fixed colours.
fn indexed(r: u8, g: u8, b: u8) -> u8 {
    let level = |value: u8| -> u8 {
        LEVELS
            .iter()
            .zip(0_u8..)
            .min_by_key(|(level, _)| level.abs_diff(value))
            .map_or(0, |(_, index)| index)
    };
    let (lr, lg, lb) = (level(r), level(g), level(b));
    let cube = (
        LEVELS[usize::from(lr)],
        LEVELS[usize::from(lg)],
        LEVELS[usize::from(lb)],
    );
    let mean = ((u16::from(r) + u16::from(g) + u16::from(b)) / 3).clamp(8, 238);
    let step = u8::try_from((mean - 3) / 10).unwrap_or(23).min(23);
    let grey = 8 + 10 * step;
    if distance((r, g, b), (grey, grey, grey)) < distance((r, g, b), cube) {
        232 + step
    } else {
        16 + 36 * lr + 6 * lg + lb
    }
}

fn rgb_of(index: u8) -> (u8, u8, u8) {
    if index >= 232 {
        let grey = 8 + 10 * (index - 232);
        return (grey, grey, grey);
    }
    let cube = index.saturating_sub(16);
    (
        LEVELS[usize::from(cube / 36)],
        LEVELS[usize::from(cube / 6 % 6)],
        LEVELS[usize::from(cube % 6)],
    )
}

const ANSI: [(Color, (u8, u8, u8)); 16] = [
    (Color::Black, (0, 0, 0)),
    (Color::Red, (170, 0, 0)),
    (Color::Green, (0, 170, 0)),
    (Color::Yellow, (170, 140, 0)),
    (Color::Blue, (0, 0, 170)),
    (Color::Magenta, (170, 0, 170)),
    (Color::Cyan, (0, 170, 170)),
    (Color::Gray, (190, 190, 190)),
    (Color::DarkGray, (95, 95, 95)),
    (Color::LightRed, (255, 95, 95)),
    (Color::LightGreen, (95, 255, 95)),
    (Color::LightYellow, (255, 255, 95)),
    (Color::LightBlue, (95, 135, 255)),
    (Color::LightMagenta, (255, 95, 255)),
    (Color::LightCyan, (95, 255, 255)),
    (Color::White, (255, 255, 255)),
];

fn ansi(r: u8, g: u8, b: u8) -> Color {
    ANSI.iter()
        .min_by_key(|(_, rgb)| distance((r, g, b), *rgb))
        .map_or(Color::Reset, |(colour, _)| *colour)
}

fn distance(a: (u8, u8, u8), b: (u8, u8, u8)) -> u32 {
    let square = |a: u8, b: u8| u32::from(a.abs_diff(b)).pow(2);
    2 * square(a.0, b.0) + 4 * square(a.1, b.1) + 3 * square(a.2, b.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(pairs: &[(&str, &str)]) -> Depth {
        Depth::detect(|name| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_decides() {
        assert_eq!(detect(&[("TERM", "xterm-256color")]), Depth::Indexed);
        assert_eq!(
            detect(&[("TERM", "tmux-256color"), ("COLORTERM", "truecolor")]),
            Depth::True
        );
        assert_eq!(detect(&[("TERM", "linux")]), Depth::Ansi);
        assert_eq!(
            detect(&[("TERM", "xterm-256color"), ("NO_COLOR", "1")]),
            Depth::None
        );
        assert_eq!(detect(&[]), Depth::None);
    }

    #[test]
    fn colours_fall_to_their_neighbours() {
        assert_eq!(
            Depth::Indexed.nearest(Color::Rgb(255, 0, 0)),
            Color::Indexed(196)
        );
        assert_eq!(
            Depth::Indexed.nearest(Color::Rgb(18, 18, 18)),
            Color::Indexed(233)
        );
        assert_eq!(Depth::Ansi.nearest(Color::Rgb(250, 250, 250)), Color::White);
        assert_eq!(Depth::Ansi.nearest(Color::Indexed(196)), Color::Red);
        assert_eq!(Depth::None.nearest(Color::Red), Color::Reset);
    }
}
