//! Several lines of typed text, for scripts and keys. Bounded like everything that comes from outside.

use tui_input::{Input, InputRequest};

use crate::tui::keys::{Code, Key};

use super::line;

/// Bytes taken at most; user data may have 64 KiB in base64.
const BYTES: usize = 48 * 1024;

/// Lines and the cursor in them.
#[derive(Clone, Debug)]
pub struct Area {
    lines: Vec<Input>,
    row: usize,
}

impl Default for Area {
    fn default() -> Self {
        Self {
            lines: vec![Input::default()],
            row: 0,
        }
    }
}

impl Area {
    /// Replaces everything.
    pub fn set(&mut self, text: &str) {
        self.lines = text
            .split('\n')
            .map(|line| Input::new(line.to_owned()))
            .collect();
        self.row = self.lines.len() - 1;
    }

    /// Everything, with line breaks.
    pub fn content(&self) -> String {
        let lines: Vec<&str> = self.lines.iter().map(Input::value).collect();
        lines.join("\n")
    }

    /// The lines.
    pub fn lines(&self) -> &[Input] {
        &self.lines
    }

    /// The line with the cursor.
    pub fn row(&self) -> usize {
        self.row
    }

    fn bytes(&self) -> usize {
        self.lines.iter().map(|line| line.value().len() + 1).sum()
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key) -> bool {
        let at_start = self.lines[self.row].cursor() == 0;
        if key == Key::plain(Code::Named("backspace")) && at_start {
            if self.row > 0 {
                let rest = self.lines.remove(self.row);
                self.row -= 1;
                let cursor = self.lines[self.row].value().chars().count();
                let joined = format!("{}{}", self.lines[self.row].value(), rest.value());
                self.lines[self.row] = Input::new(joined).with_cursor(cursor);
            }
            return true;
        }
        if key.typed().is_some() && self.bytes() >= BYTES {
            return true;
        }
        line::edit(&mut self.lines[self.row], key)
    }

    /// Breaks the line at the cursor.
    pub fn newline(&mut self) {
        if self.bytes() >= BYTES {
            return;
        }
        let line = &mut self.lines[self.row];
        let rest: String = line.value().chars().skip(line.cursor()).collect();
        line.handle(InputRequest::DeleteTillEnd);
        self.row += 1;
        self.lines.insert(self.row, Input::new(rest).with_cursor(0));
    }

    /// Takes pasted text with its line breaks.
    pub fn paste(&mut self, text: &str) {
        let room = BYTES.saturating_sub(self.bytes());
        let mut taken = 0;
        for (at, line) in text.split('\n').enumerate() {
            let line = line.replace('\t', "    ");
            taken += line.len() + 1;
            if taken > room {
                break;
            }
            if at > 0 {
                self.newline();
            }
            line::paste(&mut self.lines[self.row], &line);
        }
    }

    /// Goes a line up or down; `false` at the ends.
    pub fn step(&mut self, down: bool) -> bool {
        let cursor = self.lines[self.row].cursor();
        let to = if down {
            Some(self.row + 1).filter(|row| *row < self.lines.len())
        } else {
            self.row.checked_sub(1)
        };
        let Some(to) = to else { return false };
        self.row = to;
        let end = self.lines[to].value().chars().count();
        self.lines[to].handle(InputRequest::SetCursor(cursor.min(end)));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_and_join() {
        let mut area = Area::default();
        area.paste("#!/bin/sh\necho hi");
        assert_eq!(area.content(), "#!/bin/sh\necho hi");
        area.key("home".parse().unwrap());
        area.key("backspace".parse().unwrap());
        assert_eq!(area.content(), "#!/bin/shecho hi");
        area.newline();
        assert_eq!(area.content(), "#!/bin/sh\necho hi");
        assert!(area.step(false));
        assert!(!area.step(false));
    }

    #[test]
    fn it_has_an_end() {
        let mut area = Area::default();
        for _ in 0..20 {
            area.paste(&"y".repeat(4_000));
            area.newline();
        }
        assert!(area.content().len() <= BYTES + 1);
    }
}
