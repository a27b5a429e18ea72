//! For tests: a console without a terminal, driven by keys and looked at as text, alone or on a cloud that answers from a
//! fixture.

mod cloud;
pub mod fixture;
mod groups;
mod hosts;
mod trace;

use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;

use crate::api::wire::Event as CloudEvent;
use crate::client::Client;
use crate::ids::Time;

use super::colour::Depth;
use super::draw;
use super::effect::Effect;
use super::event::Event;
use super::failure::Failure;
use super::format::width;
use super::keys::{Code, Key, parse_sequence};
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

/// A console on a cloud: what it asks for is answered before the next key.
pub struct Lab {
    runtime: tokio::runtime::Runtime,
    client: Client,
    /// The console.
    pub state: State,
    _directory: tempfile::TempDir,
}

impl Lab {
    /// On the cloud at work.
    pub fn busy(size: (u16, u16)) -> Self {
        Self::on(fixture::busy(), size, &Options::default())
    }

    /// On a cloud with these answers, and a little of its past.
    pub fn on(answers: cloud::Answers, size: (u16, u16), options: &Options) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let directory = tempfile::tempdir().unwrap();
        let client = runtime.block_on(async { cloud::serve(directory.path(), answers) });
        let mut lab = Self {
            runtime,
            client,
            state: console_with(size.0, size.1, options),
            _directory: directory,
        };
        let who = lab.runtime.block_on(lab.client.whoami()).unwrap();
        lab.on_event(Event::Greeted {
            who: Box::new(who),
            extended: true,
        });
        lab.on_event(Event::Stream(Ok(())));
        lab
    }

    /// Lets minutes of samples and some happenings pass, as the events stream tells them.
    #[must_use]
    pub fn with_past(mut self) -> Self {
        for steps_ago in (0..fixture::PAST).rev() {
            let batch = serde_json::from_value(fixture::samples(steps_ago)).unwrap();
            self.on_event(Event::Cloud(Box::new(CloudEvent::Sample(batch))));
        }
        for event in fixture::happenings() {
            let event = serde_json::from_value(event).unwrap();
            self.on_event(Event::Cloud(Box::new(event)));
        }
        self
    }

    /// Lets something happen and answers what is asked for then; returns what else was to be done.
    pub fn on_event(&mut self, event: Event) -> Vec<Effect> {
        let mut effects = self.state.on(event);
        let mut rest = Vec::new();
        while !effects.is_empty() {
            let mut next = Vec::new();
            for effect in effects {
                let Effect::Load(load) = effect else {
                    rest.push(effect);
                    continue;
                };
                let result = self.runtime.block_on(load.run(self.client.clone()));
                next.extend(self.state.on(Event::Loaded {
                    source: load.source.clone(),
                    one: load.one.is_some(),
                    result: result.map_err(Failure::from),
                }));
            }
            effects = next;
        }
        self.state.settle();
        rest
    }

    /// Presses keys, as [`press`] does.
    pub fn press(&mut self, keys: &str) -> Vec<Effect> {
        let mut effects = Vec::new();
        for key in keys_of(keys) {
            effects.extend(self.on_event(Event::Key(key)));
        }
        effects
    }

    /// What is on the screen.
    pub fn picture(&self) -> String {
        picture(&self.state)
    }
}

/// Presses keys, written as key maps do; text in quotes is typed. Returns what would have been done outside.
pub fn press(state: &mut State, keys: &str) -> Vec<Effect> {
    let keys = keys_of(keys).into_iter();
    let effects = keys.flat_map(|key| state.on(Event::Key(key))).collect();
    state.settle();
    effects
}

fn keys_of(keys: &str) -> Vec<Key> {
    let mut all = Vec::new();
    for (at, part) in keys.split('"').enumerate() {
        if at % 2 == 1 {
            all.extend(part.chars().map(|c| Key::plain(Code::Char(c))));
        } else if !part.trim().is_empty() {
            all.extend(parse_sequence(part).unwrap());
        }
    }
    all
}

/// What is on the screen, as lines without trailing blanks.
pub fn picture(state: &State) -> String {
    let mut buffer = Buffer::empty(state.screen());
    draw::draw(state, &mut buffer);
    let wide = usize::from(buffer.area.width);
    let lines = buffer.content.chunks(wide.max(1)).map(|cells| {
        let mut line = String::new();
        let mut at = 0;
        while let Some(cell) = cells.get(at) {
            line.push_str(cell.symbol());
            at += width(cell.symbol()).max(1);
        }
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
