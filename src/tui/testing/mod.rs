//! For tests: a console without a terminal, driven by keys and looked at as text.

use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;

use crate::ids::Time;

use super::colour::Depth;
use super::draw;
use super::effect::Effect;
use super::event::Event;
use super::keys::parse_sequence;
use super::start::{Options, manner, put_together};
use super::state::State;
use super::view::Clock;

/// The moment at which tests happen: 2026-01-02 03:04:05 UTC.
pub const NOW: Time = Time(1_767_323_045_000_000);

/// A console of this size, in the dark theme, as nobody yet knows anything.
pub fn console(width: u16, height: u16) -> State {
    console_with(width, height, &Options::default())
}

/// The same with options.
pub fn console_with(width: u16, height: u16, options: &Options) -> State {
    let options = Options {
        cloud: "lab".to_owned(),
        theme: Some("dark".to_owned()),
        data_dir: "/data".into(),
        ..options.clone()
    };
    let manner = manner(&options, Depth::True, false).unwrap();
    let clock = Clock {
        now: NOW,
        zone: TimeZone::UTC,
    };
    put_together(&options, manner, clock, (width, height))
}

/// Presses keys, written as key maps do; text in quotes is typed. Returns what would have been done outside.
pub fn press(state: &mut State, keys: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    for (at, part) in keys.split('"').enumerate() {
        if at % 2 == 1 {
            for c in part.chars() {
                let key = super::keys::Key::plain(super::keys::Code::Char(c));
                effects.extend(state.on(Event::Key(key)));
            }
        } else if !part.trim().is_empty() {
            for key in parse_sequence(part).unwrap() {
                effects.extend(state.on(Event::Key(key)));
            }
        }
    }
    effects
}

/// What is on the screen, as lines without trailing blanks.
pub fn picture(state: &State) -> String {
    let mut buffer = Buffer::empty(state.screen());
    draw::draw(state, &mut buffer);
    let wide = usize::from(buffer.area.width);
    let lines = buffer.content.chunks(wide.max(1)).map(|cells| {
        let line: String = cells.iter().map(ratatui::buffer::Cell::symbol).collect();
        line.trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Requests among the effects, as their `Debug` form.
pub fn requests(effects: &[Effect]) -> Vec<String> {
    let request = |effect: &Effect| match effect {
        Effect::Request(_, request) => Some(format!("{request:?}")),
        _ => None,
    };
    effects.iter().filter_map(request).collect()
}
