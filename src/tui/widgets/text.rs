//! Lines of text to read: logs, YAML, long messages. Scrolls, wraps, searches, and follows what is added.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::tui::command::Command;
use crate::tui::format::{fit, width, wrap};
use crate::tui::view::View;

const TEXT: &[&str] = &["text"];

/// Commands of text.
pub const COMMANDS: &[Command] = &[
    Command::new("text.wrap", "wrap", "Break long lines, or cut them", TEXT).hint(21),
    Command::new(
        "text.follow",
        "follow",
        "Stay at the end as text is added",
        TEXT,
    )
    .hint(22),
    Command::new("text.next", "next", "Go to the next place found", TEXT).hint(23),
    Command::new(
        "text.previous",
        "previous",
        "Go to the place found before",
        TEXT,
    ),
    Command::new(
        "left",
        "left",
        "Go left",
        &["text", "pulse", "hosts", "tabs", "topology"],
    ),
    Command::new(
        "right",
        "right",
        "Go right",
        &["text", "pulse", "hosts", "tabs", "topology"],
    ),
];

/// Lines of a text kept at most; the oldest go first.
const LINES: usize = 50_000;

/// What is read and where one is.
#[derive(Clone, Debug, Default)]
pub struct Text {
    lines: Vec<String>,
    /// First line (of `lines`, or of `wrapped` if it wraps) in view.
    offset: usize,
    /// First column in view, if it does not wrap.
    column: usize,
    /// Wrapped lines with the number of the line they are of.
    wrapped: Option<Vec<(usize, String)>>,
    wraps: bool,
    follows: bool,
    height: usize,
    width: usize,
    /// What is searched for, in lower case.
    search: String,
    /// Line of the last place found.
    found: Option<usize>,
}

impl Text {
    /// A text read from its beginning.
    pub fn new(text: &str) -> Self {
        let mut new = Self::default();
        new.set(text);
        new
    }

    /// A text read from its end, which follows what is added.
    pub fn following() -> Self {
        Self {
            follows: true,
            ..Self::default()
        }
    }

    /// Breaks lines that are longer than there is room.
    pub fn wrap(&mut self) {
        self.wraps = true;
        self.rewrap();
    }

    /// Replaces the text; the place in it stays, or its end if it follows.
    pub fn set(&mut self, text: &str) {
        self.lines = text.lines().map(clean).collect();
        let surplus = self.lines.len().saturating_sub(LINES);
        self.lines.drain(..surplus);
        self.rewrap();
    }

    /// The whole text.
    pub fn content(&self) -> String {
        self.lines.join("\n")
    }

    /// Whether there is nothing to read.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Says how much room it has.
    pub fn set_size(&mut self, area: Rect) {
        let (height, width) = (usize::from(area.height), usize::from(area.width));
        if (height, width) != (self.height, self.width) {
            self.height = height;
            self.width = width;
            self.rewrap();
        }
    }

    fn rewrap(&mut self) {
        let width = self.width;
        self.wrapped = self.wraps.then(|| {
            let lines = self.lines.iter().enumerate();
            lines
                .flat_map(|(at, line)| {
                    let mut parts = wrap(line, width);
                    if parts.is_empty() {
                        parts.push(String::new());
                    }
                    parts.into_iter().map(move |part| (at, part))
                })
                .collect()
        });
        if self.follows {
            self.offset = self.last();
        }
        self.offset = self.offset.min(self.last());
    }

    fn count(&self) -> usize {
        self.wrapped.as_ref().map_or(self.lines.len(), Vec::len)
    }

    fn last(&self) -> usize {
        self.count().saturating_sub(self.height)
    }

    /// Carries out a command; whether it was one of text.
    pub fn on(&mut self, command: &str) -> bool {
        let page = self.height.max(1);
        let to = match command {
            "up" => self.offset.saturating_sub(1),
            "down" => self.offset + 1,
            "top" => 0,
            "bottom" => self.last(),
            "half-up" => self.offset.saturating_sub((page / 2).max(1)),
            "half-down" => self.offset + (page / 2).max(1),
            "page-up" => self.offset.saturating_sub(page),
            "page-down" => self.offset + page,
            "left" => {
                self.column = self.column.saturating_sub(8);
                self.offset
            }
            "right" => {
                let longest = self.lines.iter().map(|line| width(line)).max().unwrap_or(0);
                self.column = (self.column + 8).min(longest.saturating_sub(1));
                self.offset
            }
            "text.wrap" => {
                self.wraps = !self.wraps;
                self.column = 0;
                self.rewrap();
                self.offset
            }
            "text.follow" => {
                self.follows = !self.follows;
                return self.jump_if_following();
            }
            "text.next" => return self.seek(true),
            "text.previous" => return self.seek(false),
            _ => return false,
        };
        self.offset = to.min(self.last());
        // Scrolling away from the end is a wish to stay there.
        self.follows = self.follows && self.offset == self.last();
        true
    }

    fn jump_if_following(&mut self) -> bool {
        if self.follows {
            self.offset = self.last();
        }
        true
    }

    /// Searches for `text` from the place in view.
    pub fn search(&mut self, text: &str) {
        self.search = text.to_lowercase();
        self.found = None;
        if !self.search.is_empty() {
            self.seek(true);
        }
    }

    fn seek(&mut self, forward: bool) -> bool {
        let count = self.lines.len();
        if self.search.is_empty() || count == 0 {
            return true;
        }
        let start = match (self.found, forward) {
            (Some(at), true) => at + 1,
            (Some(at), false) => at + count - 1,
            (None, _) => self.line_at(self.offset),
        };
        let places = (0..count).map(|step| {
            let at = if forward {
                start + step
            } else {
                start + count - step
            };
            at % count
        });
        let found = places
            .into_iter()
            .find(|at| self.lines[*at].to_lowercase().contains(&self.search));
        if let Some(at) = found {
            self.found = Some(at);
            self.follows = false;
            let row = self.row_of(at);
            if row < self.offset || row >= self.offset + self.height {
                self.offset = row.saturating_sub(self.height / 3).min(self.last());
            }
        }
        true
    }

    fn line_at(&self, row: usize) -> usize {
        match &self.wrapped {
            Some(wrapped) => wrapped.get(row).map_or(0, |(line, _)| *line),
            None => row,
        }
    }

    fn row_of(&self, line: usize) -> usize {
        match &self.wrapped {
            Some(wrapped) => wrapped.iter().position(|(of, _)| *of == line).unwrap_or(0),
            None => line,
        }
    }

    /// `120-150/900  follow`: where one is.
    pub fn position(&self) -> String {
        let count = self.count();
        let end = (self.offset + self.height).min(count);
        let mut text = format!("{}-{end}/{count}", (self.offset + 1).min(count));
        if !self.search.is_empty() {
            let found = if self.found.is_some() {
                ""
            } else {
                " not found"
            };
            text = format!("/{}{found}  {text}", self.search);
        }
        if self.follows {
            text.push_str("  following");
        }
        text
    }

    /// Draws the lines in view.
    pub fn draw(&self, area: Rect, buf: &mut Buffer, view: &View<'_>) {
        for (row, y) in (self.offset..self.count()).zip(area.y..area.bottom()) {
            let line = self.line_at(row);
            let text = match &self.wrapped {
                Some(wrapped) => wrapped[row].1.as_str(),
                None => skip(&self.lines[row], self.column),
            };
            let style = if self.found == Some(line) {
                view.style("ui.match")
            } else {
                Style::default()
            };
            let text = fit(text, usize::from(area.width), view.glyphs.ascii);
            buf.set_string(area.x, y, text, style);
        }
    }
}

/// `text` without its first `cells`.
fn skip(text: &str, cells: usize) -> &str {
    let mut used = 0;
    for (at, character) in text.char_indices() {
        if used >= cells {
            return &text[at..];
        }
        used += unicode_width::UnicodeWidthChar::width(character).unwrap_or(0);
    }
    if used >= cells && cells == 0 {
        text
    } else {
        ""
    }
}

/// A line without escape sequences and control characters; tabs as spaces.
fn clean(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\t' => out.push_str(&" ".repeat(8 - out.len() % 8)),
            '\u{1b}' => skip_escape(&mut characters),
            character if character.is_control() => {}
            character => out.push(character),
        }
    }
    out
}

fn skip_escape(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match characters.next() {
        Some('[') => {
            for character in characters.by_ref() {
                if ('@'..='~').contains(&character) {
                    break;
                }
            }
        }
        Some(']') => {
            while let Some(character) = characters.next() {
                if character == '\u{7}' {
                    break;
                }
                if character == '\u{1b}' {
                    characters.next();
                    break;
                }
            }
        }
        Some('(' | ')' | '#') => {
            characters.next();
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> Text {
        let lines: Vec<String> = (0..100).map(|at| format!("line {at}")).collect();
        let mut text = Text::new(&lines.join("\n"));
        text.set_size(Rect::new(0, 0, 20, 10));
        text
    }

    #[test]
    fn it_scrolls_within_bounds_and_follows_the_end() {
        let mut text = text();
        text.on("bottom");
        assert_eq!(text.offset, 90);
        text.on("down");
        assert_eq!(text.offset, 90);
        text.on("text.follow");
        text.set(&"x\n".repeat(200));
        assert_eq!(text.offset, 190);
        text.on("up");
        assert!(!text.follows);
    }

    #[test]
    fn searching_goes_round() {
        let mut text = text();
        text.search("LINE 9");
        assert_eq!(text.found, Some(9));
        text.on("text.next");
        assert_eq!(text.found, Some(90));
        text.on("text.previous");
        assert_eq!(text.found, Some(9));
        text.on("text.previous");
        assert_eq!(text.found, Some(99));
    }

    #[test]
    fn escape_sequences_are_not_shown() {
        assert_eq!(clean("\u{1b}[1;32mok\u{1b}[0m\tdone\u{7}"), "ok      done");
        assert_eq!(clean("\u{1b}]0;title\u{7}x"), "x");
    }

    #[test]
    fn wrapped_lines_are_found_by_their_line() {
        let mut text = Text::new("aaaa bbbb cccc\nneedle");
        text.set_size(Rect::new(0, 0, 5, 2));
        text.on("text.wrap");
        text.search("needle");
        assert_eq!(text.found, Some(1));
        assert_eq!(text.offset, 3);
    }
}
