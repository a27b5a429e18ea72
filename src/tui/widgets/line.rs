//! One line of typed text: editing keys as shells have them, drawing with the cursor in view.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use tui_input::{Input, InputRequest};

use crate::tui::format::width;
use crate::tui::keys::{Code, Key};

/// Longest text that is taken, in characters.
const LONGEST: usize = 4_096;

/// Edits `input` by a key; whether the key edits anything.
pub fn edit(input: &mut Input, key: Key) -> bool {
    let request = match (key.code, key.ctrl, key.alt) {
        (Code::Char(c), false, false) => {
            if input.value().chars().count() >= LONGEST {
                return true;
            }
            InputRequest::InsertChar(c)
        }
        (Code::Named("backspace"), false, false) | (Code::Char('h'), true, false) => {
            InputRequest::DeletePrevChar
        }
        (Code::Named("delete"), ..) | (Code::Char('d'), true, false) => {
            InputRequest::DeleteNextChar
        }
        (Code::Named("left"), false, false) | (Code::Char('b'), true, false) => {
            InputRequest::GoToPrevChar
        }
        (Code::Named("right"), false, false) | (Code::Char('f'), true, false) => {
            InputRequest::GoToNextChar
        }
        (Code::Named("left"), ..) | (Code::Char('b'), false, true) => InputRequest::GoToPrevWord,
        (Code::Named("right"), ..) | (Code::Char('f'), false, true) => InputRequest::GoToNextWord,
        (Code::Named("home"), ..) | (Code::Char('a'), true, false) => InputRequest::GoToStart,
        (Code::Named("end"), ..) | (Code::Char('e'), true, false) => InputRequest::GoToEnd,
        (Code::Char('w'), true, false) | (Code::Named("backspace"), ..) => {
            InputRequest::DeletePrevWord
        }
        (Code::Char('u'), true, false) => InputRequest::DeleteLine,
        (Code::Char('k'), true, false) => InputRequest::DeleteTillEnd,
        _ => return false,
    };
    input.handle(request);
    true
}

/// Adds pasted text at the cursor, as one line.
pub fn paste(input: &mut Input, text: &str) {
    let cursor = input.cursor();
    let there = input.value().chars().count();
    let added: String = text
        .chars()
        .filter(|c| !c.is_control())
        .take(LONGEST.saturating_sub(there))
        .collect();
    let before: String = input.value().chars().take(cursor).collect();
    let after: String = input.value().chars().skip(cursor).collect();
    let end = cursor + added.chars().count();
    *input = Input::new(format!("{before}{added}{after}")).with_cursor(end);
}

/// Draws the text with its end or its cursor in view; `hidden` shows dots instead. Returns where the cursor is.
pub fn draw(area: Rect, buf: &mut Buffer, input: &Input, style: Style, hidden: bool) -> Position {
    let room = usize::from(area.width.max(1)) - 1;
    let mask;
    let text = if hidden {
        mask = "*".repeat(input.value().chars().count());
        mask.as_str()
    } else {
        input.value()
    };
    let scroll = input.visual_scroll(room);
    let mut skipped = 0;
    let visible = text
        .char_indices()
        .find(|(at, _)| {
            skipped = width(&text[..*at]);
            skipped >= scroll
        })
        .map_or("", |(at, _)| &text[at..]);
    buf.set_style(area, style);
    buf.set_stringn(area.x, area.y, visible, usize::from(area.width), style);
    let cursor = input.visual_cursor().saturating_sub(scroll).min(room);
    Position::new(area.x + u16::try_from(cursor).unwrap_or(0), area.y)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shells_keys_edit() {
        let mut input = Input::default();
        for key in [
            "a",
            "b",
            "space",
            "c",
            "ctrl-w",
            "ctrl-a",
            "x",
            "end",
            "backspace",
        ] {
            assert!(edit(&mut input, key.parse().unwrap()), "{key}");
        }
        assert_eq!(input.value(), "xab");
        assert!(!edit(&mut input, "f5".parse().unwrap()));
        paste(&mut input, "1\n2\u{1b}3");
        assert_eq!(input.value(), "xab123");
    }
}
