//! What a part of the console may see and ask for while it handles a key: the facts, and a list of turns to take.
//!
//! Parts never reach into each other. They return turns (open this, go there, ask the cloud for that) and the state
//! carries them out after the part is done, in order.

use super::command::Command;
use super::effect::{Effect, Request};
use super::keymap::Keymap;
use super::overlays::Overlay;
use super::screens::Screen;
use super::state::activity::{Target, Ticket};
use super::state::notice::Tone;
use super::view::Facts;

/// A request ready to be sent, with what it is about.
pub type Prepared = (Target, Box<dyn Request>);

/// Something a part wants to happen next.
pub enum Turn {
    /// Show this screen; `out` leads back.
    Go(Box<dyn Screen>),
    /// Go back to the screen before.
    Back,
    /// Lay this over what is there.
    Open(Box<dyn Overlay>),
    /// Take away what lies on top.
    Close,
    /// Ask the cloud for changes, as one act.
    Act(&'static str, Vec<Prepared>),
    /// Give up a request.
    Stop(Ticket),
    /// Say something.
    Tell(Tone, String),
    /// Run a command as if its key had been pressed.
    Run(&'static Command),
    /// Do something outside.
    Effect(Effect),
    /// Ask anew for everything of this kind.
    Spoil(&'static str),
}

/// What a part sees and asks for.
pub struct Cx<'a> {
    /// What is known.
    pub facts: Facts<'a>,
    /// Which keys do what.
    pub keymap: &'a Keymap,
    turns: Vec<Turn>,
}

impl<'a> Cx<'a> {
    /// Nothing asked for yet.
    pub fn new(facts: Facts<'a>, keymap: &'a Keymap) -> Self {
        Self {
            facts,
            keymap,
            turns: Vec::new(),
        }
    }

    /// What was asked for.
    pub fn into_turns(self) -> Vec<Turn> {
        self.turns
    }

    /// Shows a screen.
    pub fn go(&mut self, screen: Box<dyn Screen>) {
        self.turns.push(Turn::Go(screen));
    }

    /// Goes back.
    pub fn back(&mut self) {
        self.turns.push(Turn::Back);
    }

    /// Opens an overlay.
    pub fn open(&mut self, overlay: Box<dyn Overlay>) {
        self.turns.push(Turn::Open(overlay));
    }

    /// Closes the top overlay.
    pub fn close(&mut self) {
        self.turns.push(Turn::Close);
    }

    /// Asks the cloud for changes.
    pub fn act(&mut self, act: &'static str, requests: Vec<Prepared>) {
        self.turns.push(Turn::Act(act, requests));
    }

    /// Gives up a request.
    pub fn stop(&mut self, ticket: Ticket) {
        self.turns.push(Turn::Stop(ticket));
    }

    /// Says something.
    pub fn tell(&mut self, tone: Tone, text: impl Into<String>) {
        self.turns.push(Turn::Tell(tone, text.into()));
    }

    /// Runs a command after this.
    pub fn run(&mut self, command: &'static Command) {
        self.turns.push(Turn::Run(command));
    }

    /// Does something outside.
    pub fn effect(&mut self, effect: Effect) {
        self.turns.push(Turn::Effect(effect));
    }

    /// Asks anew for everything of a kind.
    pub fn spoil(&mut self, kind: &'static str) {
        self.turns.push(Turn::Spoil(kind));
    }
}
