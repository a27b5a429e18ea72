//! Everything the console is at one moment, and how an event changes it.
//!
//! [`State::on`] is the whole of update: an event in, effects out, nothing done. Drawing reads the state and changes
//! nothing. So a bug is a sequence of events, a test is one too, and no screen waits for the network.
//!
//! A key goes to the top overlay, or else to the view; what they do not know is looked up among the global commands.
//! After each event what the visible parts need and is not fresh is asked for. They settle (order their rows, keep their
//! cursor) before they are drawn and before they get a key, not with every event: hundreds of hosts tell their samples
//! each second, and ordering ten thousand rows for each of them would leave no time for keys.

pub mod activity;
mod cloud;
pub mod data;
pub mod history;
pub mod link;
pub mod load;
pub mod meters;
pub mod notice;
mod route;
mod schedule;
pub mod session;

use ratatui::layout::Rect;

use super::command::Command;
use super::cx::{Cx, Prepared, Turn};
use super::draw;
use super::effect::{Effect, Once};
use super::event::{ConsoleEvent, Event};
use super::failure::Failure;
use super::glyph::Glyphs;
use super::keymap::Keymap;
use super::keys::Key;
use super::overlays::Overlay;
use super::overlays::once::OnceOverlay;
use super::overlays::sent::Refusal;
use super::screens::Screen;
use super::theme::Theme;
use super::view::{Clock, Facts, View};
use activity::{Activities, Progress, Stage, Ticket};
use data::Data;
use history::History;
use link::Link;
use notice::{Notice, Tone};
use session::Session;

/// What the console knows, as views see it.
pub struct World {
    /// What is known of the cloud.
    pub data: Data,
    /// The time.
    pub clock: Clock,
    /// Who is here.
    pub session: Session,
    /// What was asked for.
    pub activities: Activities,
    /// Whether the cloud answers.
    pub link: Link,
}

impl World {
    /// The same by reference.
    pub fn facts(&self) -> Facts<'_> {
        Facts {
            data: &self.data,
            clock: &self.clock,
            session: &self.session,
            activities: &self.activities,
            link: &self.link,
        }
    }
}

/// How the console looks and which keys it has; fixed at start, but for the theme.
pub struct Manner {
    /// Key map.
    pub keymap: Keymap,
    /// Themes there are; the first is in use.
    pub themes: Vec<Theme>,
    /// Signs.
    pub glyphs: Glyphs,
}

/// The console at one moment.
pub struct State {
    /// What is known.
    pub world: World,
    /// How it looks.
    pub manner: Manner,
    /// Views, with the way back.
    pub screens: History,
    /// What lies over the view, the top one last.
    pub overlays: Vec<Box<dyn Overlay>>,
    /// Keys of a sequence that is not complete.
    pub pending: Vec<Key>,
    /// What just happened.
    pub notice: Option<Notice>,
    /// Whether the picture is held still.
    pub frozen: bool,
    size: (u16, u16),
    /// Whether something happened since the visible parts settled.
    unsettled: bool,
    effects: Vec<Effect>,
    schedule: schedule::Schedule,
}

impl State {
    /// The console as it starts, on its first view.
    pub fn new(world: World, manner: Manner, home: Box<dyn Screen>, size: (u16, u16)) -> Self {
        let mut state = Self {
            world,
            manner,
            screens: History::new(home),
            overlays: Vec::new(),
            pending: Vec::new(),
            notice: None,
            frozen: false,
            size,
            unsettled: true,
            effects: Vec::new(),
            schedule: schedule::Schedule::default(),
        };
        state.settle();
        state
    }

    /// Takes in an event; returns what is to be done outside.
    pub fn on(&mut self, event: Event) -> Vec<Effect> {
        if matches!(event, Event::Key(_) | Event::Paste(_)) {
            self.settle();
        }
        self.unsettled = true;
        match event {
            Event::Key(key) => self.on_key(key),
            Event::Paste(text) => self.on_paste(&text),
            Event::Resize(width, height) => self.size = (width, height),
            Event::Tick(now) => self.on_tick(now),
            Event::Loaded {
                source,
                one,
                result,
            } => self.on_loaded(&source, one, result),
            Event::Progress(ticket, progress) => self.on_progress(ticket, progress),
            Event::Finished(ticket, result) => self.on_finished(ticket, result),
            Event::Greeted { who, extended } => self.on_greeted(*who, extended),
            Event::Unreached(failure) => self.is_down(&failure.line()),
            Event::Cloud(event) => self.on_cloud(*event),
            Event::Stream(result) => self.on_stream(result),
            Event::Console(event) => self.on_console(&event),
            Event::Continued => self.effects.push(Effect::Retake),
            Event::Trouble(text) => self.tell(Tone::Bad, text),
            Event::Terminate => self.effects.push(Effect::Leave),
        }
        self.ask_for_needs();
        std::mem::take(&mut self.effects)
    }

    fn on_tick(&mut self, now: crate::ids::Time) {
        self.world.clock.now = now;
        self.schedule.lately.clear();
        if self
            .notice
            .as_ref()
            .is_some_and(|notice| notice.is_over(now))
        {
            self.notice = None;
        }
    }

    fn on_console(&mut self, event: &ConsoleEvent) {
        self.with_screen(|screen, cx| screen.console(event, cx));
    }

    /// Lets the visible view act.
    pub(super) fn with_screen(&mut self, act: impl FnOnce(&mut dyn Screen, &mut Cx<'_>)) {
        let mut cx = Cx::new(self.world.facts(), &self.manner.keymap);
        act(self.screens.current_mut(), &mut cx);
        let turns = cx.into_turns();
        self.take(turns);
    }

    /// Carries out what a part asked for.
    pub(super) fn take(&mut self, turns: Vec<Turn>) {
        for turn in turns {
            match turn {
                Turn::Go(screen) => self.go(screen),
                Turn::Back => self.back(),
                Turn::Open(overlay) => self.overlays.push(overlay),
                Turn::Close => drop(self.overlays.pop()),
                Turn::Act(act, requests) => self.act(act, requests),
                Turn::Stop(ticket) => self.effects.push(Effect::Stop(ticket)),
                Turn::Tell(tone, text) => self.tell(tone, text),
                Turn::Run(command) => self.run(command),
                Turn::Effect(effect) => self.effects.push(effect),
                Turn::Spoil(kind) => self.world.data.spoil(kind),
            }
        }
    }

    /// Says something in the status line.
    pub(super) fn tell(&mut self, tone: Tone, text: String) {
        self.notice = Some(Notice {
            tone,
            text,
            at: self.world.clock.now,
            batch: None,
        });
    }

    /// Shows another view; the way back stays.
    pub(super) fn go(&mut self, screen: Box<dyn Screen>) {
        self.overlays.clear();
        self.with_screen(|screen, cx| screen.leave(cx));
        self.screens.go(screen);
        self.with_screen(|screen, cx| screen.enter(cx));
    }

    fn act(&mut self, act: &'static str, requests: Vec<Prepared>) {
        if !self.world.session.may_change() && act != "Export" {
            self.tell(Tone::Warn, "This console may only read.".to_owned());
            return;
        }
        let now = self.world.clock.now;
        let batch = self.world.activities.batch();
        let mut requests = requests;
        if let Some(sent) = self.overlays.last_mut().and_then(|top| top.sent()) {
            requests.retain(|(target, _)| !sent.was_accepted(target));
            sent.begin(batch, now);
        }
        let count = requests.len();
        let mut name = String::new();
        for (target, request) in requests {
            name.clone_from(&target.name);
            let ticket = self.world.activities.begin(batch, act, target, now);
            self.effects.push(Effect::Request(ticket, request));
        }
        let what = if count == 1 {
            name
        } else {
            format!("{count} of them")
        };
        self.notice = Some(Notice {
            tone: Tone::Info,
            text: format!("{act} {what}"),
            at: now,
            batch: Some(batch),
        });
    }

    fn on_finished(&mut self, ticket: Ticket, result: Result<super::effect::Done, Failure>) {
        let now = self.world.clock.now;
        let mut done = super::effect::Done::default();
        let stage = match result {
            Ok(answer) => {
                done = answer;
                Stage::Done(std::mem::take(&mut done.text))
            }
            Err(failure) if failure.is_stop() => Stage::Stopped,
            Err(failure) => Stage::Failed(failure),
        };
        let Some(activity) = self.world.activities.end(ticket, stage, now) else {
            return;
        };
        let (batch, act, target, stage) = (
            activity.batch,
            activity.act,
            activity.target.clone(),
            activity.stage.clone(),
        );
        self.world.data.spoil(target.kind);
        if let Some(id) = done.made {
            self.screens.made(target.kind, &id);
        }
        let in_form = self.answer_form(batch);
        if let Some((kind, id)) = done.follows {
            self.world.data.spoil(kind);
            // Whoever closed the form or opened something else meanwhile is left there.
            let shown = super::screens::show(kind, &id, &self.world.facts());
            if let Some(screen) = shown.filter(|_| in_form && self.overlays.is_empty()) {
                self.go(screen);
            }
        }
        let tally = self.world.activities.tally(batch);
        let accepted = tally.total - tally.running - tally.failed;
        let (tone, text) = match (stage, tally.total) {
            (Stage::Failed(_), 1) if in_form => {
                (Tone::Bad, format!("{act} {}: refused", target.name))
            }
            (Stage::Failed(failure), 1) => (
                Tone::Bad,
                format!("{act} {}: {}", target.name, failure.line()),
            ),
            (Stage::Done(said), 1) if !said.is_empty() => {
                (Tone::Good, format!("{act} {}: {said}", target.name))
            }
            (Stage::Done(_), 1) => (Tone::Good, format!("{act} {}: accepted", target.name)),
            (Stage::Stopped, 1) => (Tone::Info, format!("{act} {}: stopped", target.name)),
            _ if tally.failed > 0 => {
                let text = format!(
                    "{act}: {accepted} of {} accepted, {} refused",
                    tally.total, tally.failed
                );
                (Tone::Bad, text)
            }
            _ => (
                Tone::Good,
                format!("{act}: {accepted} of {} accepted", tally.total),
            ),
        };
        self.notice = Some(Notice {
            tone,
            text,
            at: now,
            batch: Some(batch),
        });
        if let Some(once) = done.once {
            self.show_once(once);
        }
    }

    /// What reports progress was accepted, and is shown elsewhere.
    fn on_progress(&mut self, ticket: Ticket, progress: Progress) {
        let made = progress.made.clone();
        let Some(activity) = self.world.activities.progress(ticket, progress) else {
            return;
        };
        let (batch, kind) = (activity.batch, activity.target.kind);
        if let Some(at) = self.form_of(batch) {
            self.overlays.remove(at);
        }
        if let Some(id) = made {
            self.world.data.spoil(kind);
            self.screens.made(kind, &id);
        }
    }

    /// The open form that waits for this batch.
    fn form_of(&mut self, batch: u64) -> Option<usize> {
        let of_batch = |overlay: &mut Box<dyn Overlay>| {
            let waiting = overlay.sent().and_then(|sent| sent.waiting());
            waiting.is_some_and(|(waits_for, _)| waits_for == batch)
        };
        self.overlays.iter_mut().position(of_batch)
    }

    /// Tells the form of a batch what became of it once all is answered: closed, or open with what was refused. Whether
    /// there is one.
    fn answer_form(&mut self, batch: u64) -> bool {
        let Some(at) = self.form_of(batch) else {
            return false;
        };
        if self.world.activities.tally(batch).running > 0 {
            return true;
        }
        let (mut accepted, mut refusals) = (Vec::new(), Vec::new());
        for activity in self.world.activities.of_batch(batch) {
            match &activity.stage {
                Stage::Failed(failure) => refusals.push(Refusal {
                    act: activity.act,
                    name: activity.target.name.clone(),
                    failure: failure.clone(),
                }),
                _ => accepted.push(activity.target.clone()),
            }
        }
        if refusals.is_empty() {
            self.overlays.remove(at);
        } else if let Some(sent) = self.overlays[at].sent() {
            sent.end(accepted, refusals);
        }
        true
    }

    fn show_once(&mut self, once: Once) {
        self.overlays.push(Box::new(OnceOverlay::new(once)));
    }

    /// The area of the view.
    pub fn body(&self) -> Rect {
        draw::body(self.screen(), self.world.link.down.is_some())
    }

    /// The whole screen.
    pub fn screen(&self) -> Rect {
        Rect::new(0, 0, self.size.0, self.size.1)
    }

    /// Brings the visible parts up to date, for drawing and for keys.
    pub fn settle(&mut self) {
        if !std::mem::take(&mut self.unsettled) {
            return;
        }
        let body = self.body();
        let screen = self.screen();
        let facts = self.world.facts();
        self.screens.current_mut().settle(body, &facts);
        for overlay in &mut self.overlays {
            overlay.settle(screen, &facts);
        }
    }

    /// What drawing sees.
    pub fn view(&self) -> View<'_> {
        View {
            facts: self.world.facts(),
            theme: &self.manner.themes[0],
            glyphs: self.manner.glyphs,
            keymap: &self.manner.keymap,
        }
    }

    /// Contexts that take keys now, the nearest first.
    pub fn contexts(&self) -> Vec<&'static str> {
        if let Some(overlay) = self.overlays.last() {
            let mut contexts = overlay.contexts();
            contexts.push("overlay");
            return contexts;
        }
        let screen = self.screens.current();
        let mut contexts = screen.contexts();
        if !screen.is_raw() && !screen.is_typing() {
            contexts.push("global");
        }
        contexts
    }

    /// Whether a command exists for this operator.
    pub fn permits(&self, command: &Command) -> bool {
        self.world.session.refuses(command).is_none()
    }
}
