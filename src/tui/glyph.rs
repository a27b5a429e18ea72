//! Signs: what a state looks like without its colour, and what replaces box drawing where a terminal has only ASCII.
//!
//! Invariant: colour never carries meaning alone. Whatever has a state is drawn as glyph and word; the colour comes on
//! top, from the theme's scope of the same name.

use ratatui::symbols::border;

/// What a state means to an operator, whatever the resource calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mood {
    /// Broken; someone should act.
    Bad,
    /// Degraded, or about to need attention.
    Warn,
    /// On its way from one state to another.
    Busy,
    /// As it should be.
    Good,
    /// Off, on purpose.
    Off,
    /// Not known, or not told.
    Unknown,
}

impl Mood {
    /// The theme's scope for it.
    pub fn scope(self) -> &'static str {
        match self {
            Self::Bad => "state.bad",
            Self::Warn => "state.warn",
            Self::Busy => "state.busy",
            Self::Good => "state.good",
            Self::Off => "state.off",
            Self::Unknown => "state.unknown",
        }
    }
}

/// The set of signs in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glyphs {
    /// Only characters below 128.
    pub ascii: bool,
}

impl Glyphs {
    /// One cell for a state.
    pub fn mood(self, mood: Mood) -> &'static str {
        match (mood, self.ascii) {
            (Mood::Bad, false) => "✗",
            (Mood::Bad, true) => "X",
            (Mood::Warn, false) => "▲",
            (Mood::Warn, true) => "!",
            (Mood::Busy, false) => "◐",
            (Mood::Busy, true) => "~",
            (Mood::Good, false) => "●",
            (Mood::Good, true) => "*",
            (Mood::Off, false) => "○",
            (Mood::Off, true) => "o",
            (Mood::Unknown, _) => "?",
        }
    }

    /// One cell of a sparkline for `level` 0–8, 0 being nothing.
    pub fn spark(self, level: usize) -> &'static str {
        const BLOCKS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
        const MARKS: [&str; 9] = [" ", "_", ".", ":", "-", "=", "+", "*", "#"];
        let set = if self.ascii { &MARKS } else { &BLOCKS };
        set[level.min(8)]
    }

    /// A full and an empty cell of a bar.
    pub fn bar(self) -> (&'static str, &'static str) {
        if self.ascii {
            ("#", "-")
        } else {
            ("█", "░")
        }
    }

    /// Marks the selected row.
    pub fn pointer(self) -> &'static str {
        if self.ascii { ">" } else { "▌" }
    }

    /// Marks a marked row.
    pub fn mark(self) -> &'static str {
        if self.ascii { "+" } else { "◆" }
    }

    /// Sorted upwards or downwards.
    pub fn sorted(self, descending: bool) -> &'static str {
        match (descending, self.ascii) {
            (false, false) => "↑",
            (true, false) => "↓",
            (false, true) => "^",
            (true, true) => "v",
        }
    }

    /// Between the parts of a path.
    pub fn step(self) -> &'static str {
        if self.ascii { ">" } else { "›" }
    }

    /// Between things beside each other.
    pub fn dot(self) -> &'static str {
        if self.ascii { "-" } else { "·" }
    }

    /// A horizontal rule.
    pub fn rule(self) -> &'static str {
        if self.ascii { "-" } else { "─" }
    }

    /// Done, as in a list of steps.
    pub fn done(self) -> &'static str {
        if self.ascii { "+" } else { "✓" }
    }

    /// Choices of a toggle: on and off.
    pub fn toggle(self, on: bool) -> &'static str {
        match (on, self.ascii) {
            (true, false) => "◉",
            (false, false) => "○",
            (true, true) => "[x]",
            (false, true) => "[ ]",
        }
    }

    /// How a line of a chart is drawn, for its legend.
    pub fn stroke(self, dashed: bool) -> &'static str {
        match (dashed, self.ascii) {
            (false, false) => "━",
            (true, false) => "╍",
            (false, true) => ".",
            (true, true) => "x",
        }
    }

    /// Borders of panes and overlays.
    pub fn border(self) -> border::Set<'static> {
        if self.ascii {
            border::Set {
                top_left: "+",
                top_right: "+",
                bottom_left: "+",
                bottom_right: "+",
                vertical_left: "|",
                vertical_right: "|",
                horizontal_top: "-",
                horizontal_bottom: "-",
            }
        } else {
            border::ROUNDED
        }
    }
}
