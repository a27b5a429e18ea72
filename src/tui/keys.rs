//! Keys by name: `j`, `G`, `ctrl-d`, `alt-enter`, `shift-tab`, `f5`, `space`. What files and help write, and what
//! the terminal sends, meet in [`Key`].
//!
//! A letter carries its own case, so `G` is never written `shift-g`. Terminals that report more than others (key
//! releases, shift beside a capital) are brought to the same form.

use std::fmt;
use std::str::FromStr;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// One key press.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Which key.
    pub code: Code,
    /// With control held.
    pub ctrl: bool,
    /// With alt (or a preceding escape).
    pub alt: bool,
    /// With shift; only for keys that have no case of their own.
    pub shift: bool,
}

/// Which key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    /// One that types this character.
    Char(char),
    /// One with a name.
    Named(&'static str),
    /// A function key.
    Function(u8),
}

const NAMED: [(&str, KeyCode); 14] = [
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("insert", KeyCode::Insert),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pageup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
];

impl Key {
    /// A key without modifiers.
    pub const fn plain(code: Code) -> Self {
        Self {
            code,
            ctrl: false,
            alt: false,
            shift: false,
        }
    }

    /// The key of a terminal's event; `None` for releases and keys that mean nothing here.
    pub fn from_event(event: KeyEvent) -> Option<Self> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        let alt = event.modifiers.contains(KeyModifiers::ALT);
        let shift = event.modifiers.contains(KeyModifiers::SHIFT);
        let (code, shift) = match event.code {
            KeyCode::Char(c) if ctrl => (Code::Char(c.to_ascii_lowercase()), false),
            KeyCode::Char(c) => (Code::Char(c), false),
            KeyCode::BackTab => (Code::Named("tab"), true),
            KeyCode::F(number) => (Code::Function(number), shift),
            other => {
                let (name, _) = NAMED.iter().find(|(_, code)| *code == other)?;
                (Code::Named(name), shift)
            }
        };
        // Terminals without the newer protocol send control bytes: ctrl-5 is ctrl-], and so on.
        let code = match code {
            Code::Char('4') if ctrl => Code::Char('\\'),
            Code::Char('5') if ctrl => Code::Char(']'),
            Code::Char('6') if ctrl => Code::Char('^'),
            Code::Char('7') if ctrl => Code::Char('_'),
            code => code,
        };
        Some(Self {
            code,
            ctrl,
            alt,
            shift,
        })
    }

    /// The character it types, if it is a plain one.
    pub fn typed(self) -> Option<char> {
        match self.code {
            Code::Char(c) if !self.ctrl && !self.alt => Some(c),
            _ => None,
        }
    }

    /// The bytes a terminal sends for it, as a VT100 or xterm does. `application` is the cursor keys' mode.
    pub fn to_bytes(self, application: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        if self.alt {
            bytes.push(0x1b);
        }
        match self.code {
            Code::Char(c) if self.ctrl => bytes.push(control_byte(c)),
            Code::Char(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Code::Named("tab") if self.shift => bytes.extend_from_slice(b"\x1b[Z"),
            Code::Named(name) => bytes.extend_from_slice(named_bytes(name, application)),
            Code::Function(number) => bytes.extend_from_slice(function_bytes(number)),
        }
        bytes
    }
}

fn control_byte(c: char) -> u8 {
    match c {
        ' ' | '@' | '2' => 0,
        '?' | '8' => 0x7f,
        c if c.is_ascii() => (c.to_ascii_uppercase() as u8) & 0x1f,
        _ => b'?',
    }
}

fn named_bytes(name: &str, application: bool) -> &'static [u8] {
    match (name, application) {
        ("enter", _) => b"\r",
        ("esc", _) => b"\x1b",
        ("tab", _) => b"\t",
        ("backspace", _) => b"\x7f",
        ("up", false) => b"\x1b[A",
        ("down", false) => b"\x1b[B",
        ("right", false) => b"\x1b[C",
        ("left", false) => b"\x1b[D",
        ("home", false) => b"\x1b[H",
        ("end", false) => b"\x1b[F",
        ("up", true) => b"\x1bOA",
        ("down", true) => b"\x1bOB",
        ("right", true) => b"\x1bOC",
        ("left", true) => b"\x1bOD",
        ("home", true) => b"\x1bOH",
        ("end", true) => b"\x1bOF",
        ("insert", _) => b"\x1b[2~",
        ("delete", _) => b"\x1b[3~",
        ("pageup", _) => b"\x1b[5~",
        ("pagedown", _) => b"\x1b[6~",
        _ => b"",
    }
}

fn function_bytes(number: u8) -> &'static [u8] {
    const ALL: [&[u8]; 12] = [
        b"\x1bOP",
        b"\x1bOQ",
        b"\x1bOR",
        b"\x1bOS",
        b"\x1b[15~",
        b"\x1b[17~",
        b"\x1b[18~",
        b"\x1b[19~",
        b"\x1b[20~",
        b"\x1b[21~",
        b"\x1b[23~",
        b"\x1b[24~",
    ];
    ALL.get(usize::from(number).wrapping_sub(1))
        .copied()
        .unwrap_or_default()
}

/// Text that names no key.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a key; keys are written like j, G, ctrl-d, alt-x, shift-tab, f5, space, enter"
)]
pub struct NoSuchKey(pub String);

impl FromStr for Key {
    type Err = NoSuchKey;

    fn from_str(text: &str) -> Result<Self, NoSuchKey> {
        let wrong = || NoSuchKey(text.to_owned());
        let mut key = Self::plain(Code::Char(' '));
        let mut rest = text;
        loop {
            if let Some(after) = strip(rest, "ctrl-") {
                key.ctrl = true;
                rest = after;
            } else if let Some(after) = strip(rest, "alt-") {
                key.alt = true;
                rest = after;
            } else if let Some(after) = strip(rest, "shift-") {
                key.shift = true;
                rest = after;
            } else {
                break;
            }
        }
        let mut characters = rest.chars();
        key.code = match (characters.next(), characters.next()) {
            (Some(c), None) => Code::Char(c),
            _ if rest == "space" => Code::Char(' '),
            _ => match NAMED.iter().find(|(name, _)| *name == rest) {
                Some((name, _)) => Code::Named(name),
                None => Code::Function(function_number(rest).ok_or_else(wrong)?),
            },
        };
        match key.code {
            Code::Char(c) if key.shift || (key.ctrl && c.is_ascii_uppercase()) => Err(wrong()),
            _ => Ok(key),
        }
    }
}

/// What follows `prefix`, unless nothing does (`ctrl--` is control and minus).
fn strip<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    text.strip_prefix(prefix).filter(|rest| !rest.is_empty())
}

fn function_number(text: &str) -> Option<u8> {
    text.strip_prefix('f')?
        .parse()
        .ok()
        .filter(|number| (1..=12).contains(number))
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (on, prefix) in [
            (self.ctrl, "ctrl-"),
            (self.alt, "alt-"),
            (self.shift, "shift-"),
        ] {
            if on {
                f.write_str(prefix)?;
            }
        }
        match self.code {
            Code::Char(' ') => f.write_str("space"),
            Code::Char(c) => write!(f, "{c}"),
            Code::Named(name) => f.write_str(name),
            Code::Function(number) => write!(f, "f{number}"),
        }
    }
}

/// A sequence of keys as files write it: keys with spaces between.
pub fn parse_sequence(text: &str) -> Result<Vec<Key>, NoSuchKey> {
    let keys: Vec<Key> = text
        .split_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    if keys.is_empty() {
        return Err(NoSuchKey(text.to_owned()));
    }
    Ok(keys)
}

/// The sequence as files write it.
pub fn show_sequence(keys: &[Key]) -> String {
    let names: Vec<String> = keys.iter().map(Key::to_string).collect();
    names.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_names() {
        for name in [
            "j",
            "G",
            "ctrl-d",
            "alt-x",
            "shift-tab",
            "f5",
            "space",
            "ctrl-]",
            "?",
            ":",
            "-",
            "ctrl--",
            "pageup",
        ] {
            assert_eq!(name.parse::<Key>().unwrap().to_string(), name);
        }
        for name in ["", "shift-a", "ctrl-D", "f13", "hyper-x", "entr"] {
            assert!(name.parse::<Key>().is_err(), "{name}");
        }
    }

    #[test]
    fn events_come_to_one_form() {
        let event = |code, modifiers| Key::from_event(KeyEvent::new(code, modifiers)).unwrap();
        assert_eq!(
            event(KeyCode::Char('G'), KeyModifiers::SHIFT),
            "G".parse().unwrap()
        );
        assert_eq!(
            event(KeyCode::BackTab, KeyModifiers::SHIFT),
            "shift-tab".parse().unwrap()
        );
        assert_eq!(
            event(KeyCode::Char('5'), KeyModifiers::CONTROL),
            "ctrl-]".parse().unwrap()
        );
    }

    #[test]
    fn a_guest_receives_what_a_terminal_sends() {
        let bytes = |name: &str| name.parse::<Key>().unwrap().to_bytes(false);
        assert_eq!(bytes("ctrl-c"), [3]);
        assert_eq!(bytes("ctrl-]"), [0x1d]);
        assert_eq!(bytes("alt-b"), b"\x1bb");
        assert_eq!(bytes("up"), b"\x1b[A");
        assert_eq!(bytes("enter"), b"\r");
        assert_eq!(bytes("é"), "é".as_bytes());
        assert_eq!("up".parse::<Key>().unwrap().to_bytes(true), b"\x1bOA");
    }
}
