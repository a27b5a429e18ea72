//! The loop of the console: wait for events, update, carry out effects, draw if something changed.
//!
//! Everything arrives on one bounded channel. All that has arrived is taken in before the next drawing, so a flood of
//! events costs one drawing and not many; keys are drawn at once, other changes at most [`FRAMES`] times a second. If the
//! terminal takes its time, drawing waits and events are coalesced meanwhile.

use std::io;
use std::time::Duration;

use crossterm::event::{Event as TerminalEvent, EventStream};
use futures::StreamExt;
use ratatui::buffer::Buffer;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use crate::client::Client;
use crate::ids::Time;

use super::backend::Backend;
use super::draw;
use super::effect::Effect;
use super::event::Event;
use super::keys::Key;
use super::paint::Painter;
use super::state::State;
use super::terminal::{Terminal, copy_sequence, in_console};

/// Events that wait at most.
const QUEUE: usize = 1_024;
/// Events taken in before a drawing at most.
const BATCH: usize = 256;
/// Drawings a second that are not the answer to a key.
const FRAMES: u32 = 30;

/// Runs the console until it is left.
pub async fn run(client: Client, mut state: State) -> io::Result<()> {
    let (events, mut queue) = mpsc::channel(QUEUE);
    let mut terminal = Terminal::take()?;
    let painter = Painter::new(state.manner.themes[0].depth());
    let tasks = [
        tokio::spawn(read_terminal(events.clone())),
        tokio::spawn(tick(events.clone())),
        tokio::spawn(watch_signals(events.clone())),
    ];
    let mut console = Console {
        backend: Backend::new(client, events),
        painter,
        buffer: Buffer::default(),
        away: None,
    };
    console.backend.greet();
    let ended = console.turn(&mut state, &mut queue, &mut terminal).await;
    for task in tasks {
        task.abort();
    }
    ended
}

struct Console {
    backend: Backend,
    painter: Painter,
    buffer: Buffer,
    /// Suspended, with the ticks seen since: the terminal is the shell's.
    away: Option<u8>,
}

impl Console {
    async fn turn(
        &mut self,
        state: &mut State,
        queue: &mut mpsc::Receiver<Event>,
        terminal: &mut Terminal,
    ) -> io::Result<()> {
        let effects = in_console(|| state.on(Event::Tick(Time::now())));
        self.carry_out(effects, terminal)?;
        self.draw(state, terminal)?;
        let mut next_frame = Instant::now();
        let mut dirty = false;
        loop {
            let first = tokio::select! {
                event = queue.recv() => event,
                () = tokio::time::sleep_until(next_frame), if dirty => {
                    self.draw(state, terminal)?;
                    next_frame = Instant::now() + Duration::from_secs(1) / FRAMES;
                    dirty = false;
                    continue;
                }
            };
            let Some(mut event) = first else {
                return Ok(());
            };
            let mut hurry = false;
            for _ in 0..BATCH {
                hurry |= matches!(
                    event,
                    Event::Key(_) | Event::Paste(_) | Event::Resize(..) | Event::Continued
                );
                let taken = self.unless_away(event);
                let effects = in_console(|| state.on(taken));
                if self.carry_out(effects, terminal)? {
                    return Ok(());
                }
                match queue.try_recv() {
                    Ok(next) => event = next,
                    Err(_) => break,
                }
            }
            dirty = true;
            if hurry {
                self.draw(state, terminal)?;
                next_frame = Instant::now() + Duration::from_secs(1) / FRAMES;
                dirty = false;
            }
        }
    }

    /// A process that was to be stopped and still sees seconds pass was not stopped (its group has no shell), or the
    /// signal that continued it was missed.
    fn unless_away(&mut self, event: Event) -> Event {
        match (&event, self.away) {
            (Event::Tick(_), Some(0)) => {
                self.away = Some(1);
                event
            }
            (Event::Tick(_), Some(_)) => Event::Continued,
            _ => event,
        }
    }

    fn draw(&mut self, state: &mut State, terminal: &mut Terminal) -> io::Result<()> {
        if self.away.is_some() {
            return Ok(());
        }
        let bytes = in_console(|| {
            state.settle();
            let area = state.screen();
            if self.buffer.area == area {
                self.buffer.reset();
            } else {
                self.buffer = Buffer::empty(area);
            }
            let cursor = draw::draw(state, &mut self.buffer);
            self.painter.paint(&self.buffer, cursor)
        });
        terminal.write(bytes)
    }

    /// Carries out effects; `true` if the console is to end.
    fn carry_out(&mut self, effects: Vec<Effect>, terminal: &mut Terminal) -> io::Result<bool> {
        for effect in effects {
            match effect {
                Effect::Load(load) => self.backend.load(load),
                Effect::Request(ticket, request) => self.backend.request(ticket, request),
                Effect::Stop(ticket) => self.backend.stop(ticket),
                Effect::Console(effect) => self.backend.console(effect),
                Effect::Reconnect => self.backend.greet(),
                Effect::Copy(text) => {
                    let in_tmux = std::env::var_os("TMUX").is_some();
                    if let Some(sequence) = copy_sequence(&text, in_tmux) {
                        terminal.write(&sequence)?;
                    }
                }
                Effect::Redraw => self.painter.forget(),
                Effect::Suspend => {
                    terminal.suspend()?;
                    self.away = Some(0);
                }
                Effect::Retake => {
                    terminal.retake()?;
                    self.painter.forget();
                    self.away = None;
                }
                Effect::Leave => return Ok(true),
            }
        }
        Ok(false)
    }
}

/// Turns what the terminal sends into events; its end is ours.
async fn read_terminal(events: mpsc::Sender<Event>) {
    let mut stream = EventStream::new();
    while let Some(Ok(event)) = stream.next().await {
        let event = match event {
            TerminalEvent::Key(key) => Key::from_event(key).map(Event::Key),
            TerminalEvent::Paste(text) => Some(Event::Paste(text)),
            TerminalEvent::Resize(width, height) => Some(Event::Resize(width, height)),
            TerminalEvent::Mouse(_) | TerminalEvent::FocusGained | TerminalEvent::FocusLost => None,
        };
        if let Some(event) = event
            && events.send(event).await.is_err()
        {
            return;
        }
    }
    let _ = events.send(Event::Terminate).await;
}

/// A second has passed, again and again.
async fn tick(events: mpsc::Sender<Event>) {
    let mut interval = tokio::time::interval(Duration::from_secs(1));
    interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        interval.tick().await;
        if events.send(Event::Tick(Time::now())).await.is_err() {
            return;
        }
    }
}

/// Turns signals into events.
async fn watch_signals(events: mpsc::Sender<Event>) {
    let (Ok(mut terminate), Ok(mut hang_up), Ok(mut interrupt), Ok(mut proceed)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::hangup()),
        signal(SignalKind::interrupt()),
        signal(SignalKind::from_raw(nix::libc::SIGCONT)),
    ) else {
        tracing::warn!("signals can not be watched; the terminal is restored on quitting only");
        return;
    };
    loop {
        let event = tokio::select! {
            _ = terminate.recv() => Event::Terminate,
            _ = hang_up.recv() => Event::Terminate,
            _ = interrupt.recv() => Event::Terminate,
            _ = proceed.recv() => Event::Continued,
        };
        if events.send(event).await.is_err() {
            return;
        }
    }
}
