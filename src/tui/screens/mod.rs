//! What fills the screen: one view at a time, each in its own file, known to the rest by its entry in [`REGISTRY`].
//!
//! Adding a resource means adding a file and a line here. A view names the contexts in which it takes keys, what it
//! needs kept fresh, and what it offers; update and drawing are its own, and it sees other views through nothing but the
//! turns it asks for.

pub mod action;
pub mod audit;
pub mod clouds;
pub mod detail;
pub mod doctor;
pub mod events;
mod filter;
pub mod flavors;
pub mod floatingips;
pub mod hosts;
pub mod images;
pub mod keypairs;
pub mod list;
pub mod log;
pub mod migrations;
pub mod moves;
pub mod networks;
pub mod operations;
pub mod part_list;
pub mod ports;
pub mod projects;
pub mod pulse;
pub mod quotas;
pub mod routers;
pub mod secgroups;
pub mod servers;
pub mod services;
pub mod subnets;
pub mod tabbed;
#[cfg(test)]
mod tests;
pub mod topology;
pub mod trace;
pub mod users;
pub mod volumes;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::command::Command;
use super::cx::Cx;
use super::event::ConsoleEvent;
use super::keys::Key;
use super::state::data::Data;
use super::state::load::Need;
use super::state::session::Session;
use super::view::{Facts, View};

/// Whether a command is to be had now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    /// Yes.
    Yes,
    /// Not now, for this reason.
    No(String),
    /// Not here; it is not even shown.
    Hidden,
}

/// A view.
pub trait Screen {
    /// Where one is, from the view's name inwards: `servers`, `web-01`, `metrics`.
    fn path(&self, facts: &Facts<'_>) -> Vec<String>;
    /// What its actions are done to, in words.
    fn subject(&self, facts: &Facts<'_>) -> String {
        self.path(facts).join(" ")
    }
    /// Contexts in which it takes keys, the nearest first; `global` is added unless it is [`Self::is_raw`].
    fn contexts(&self) -> Vec<&'static str>;
    /// Whether plain keys are text now.
    fn is_typing(&self) -> bool {
        false
    }
    /// Whether every key is the view's own.
    fn is_raw(&self) -> bool {
        false
    }
    /// What is to be kept fresh while it is shown.
    fn needs(&self) -> Vec<Need>;
    /// Whether a command of its contexts is to be had now.
    fn offer(&self, _command: &Command, _facts: &Facts<'_>) -> Offer {
        Offer::Yes
    }
    /// Carries out a command; `false` if it is none of its own.
    fn on(&mut self, command: &'static Command, cx: &mut Cx<'_>) -> bool;
    /// Takes a key that means no command.
    fn key(&mut self, _key: Key, _cx: &mut Cx<'_>) {}
    /// Takes pasted text.
    fn paste(&mut self, _text: &str, _cx: &mut Cx<'_>) {}
    /// News of the serial console, for the view that opened it.
    fn console(&mut self, _event: &ConsoleEvent, _cx: &mut Cx<'_>) {}
    /// The operator made something of this kind here.
    fn made(&mut self, _kind: &str, _id: &str) {}
    /// Another view takes its place; it may come back.
    fn leave(&mut self, _cx: &mut Cx<'_>) {}
    /// It is shown, for the first time or again.
    fn enter(&mut self, _cx: &mut Cx<'_>) {}
    /// Brings it up to date with the facts and its area. Called after every event, before drawing.
    fn settle(&mut self, area: Rect, facts: &Facts<'_>);
    /// Draws it; returns where the cursor is.
    fn draw(&self, area: Rect, buf: &mut Buffer, view: &View<'_>) -> Option<Position>;
}

/// A thing the palette can jump to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its kind.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// How the rest knows a view.
pub struct Entry {
    /// Its name, in paths and in the palette; `view.NAME` is the command that goes there.
    pub name: &'static str,
    /// Its own commands, with the one that goes there.
    pub commands: &'static [Command],
    /// Whether this cloud and this operator have it.
    pub offered: fn(&Session) -> bool,
    /// Opens it.
    pub open: fn(&Facts<'_>) -> Box<dyn Screen>,
    /// Kind of the things it lists; empty if it lists none.
    pub kind: &'static str,
    /// Adds the things it lists that are known.
    pub objects: fn(&Data, &mut Vec<Object>),
    /// Opens the view of one thing.
    pub show: fn(&str, &Facts<'_>) -> Option<Box<dyn Screen>>,
}

/// Every view.
pub static REGISTRY: &[&Entry] = &[
    &pulse::ENTRY,
    &servers::ENTRY,
    &hosts::ENTRY,
    &images::ENTRY,
    &flavors::ENTRY,
    &keypairs::ENTRY,
    &networks::ENTRY,
    &subnets::ENTRY,
    &ports::ENTRY,
    &routers::ENTRY,
    &floatingips::ENTRY,
    &secgroups::ENTRY,
    &topology::ENTRY,
    &trace::ENTRY,
    &volumes::ENTRY,
    &projects::ENTRY,
    &users::ENTRY,
    &quotas::ENTRY,
    &services::ENTRY,
    &doctor::ENTRY,
    &operations::ENTRY,
    &migrations::ENTRY,
    &moves::ENTRY,
    &events::ENTRY,
    &audit::ENTRY,
    &clouds::ENTRY,
];

/// Commands of all views.
pub fn commands() -> impl Iterator<Item = &'static Command> {
    action::COMMANDS
        .iter()
        .chain(list::COMMANDS)
        .chain(detail::COMMANDS)
        .chain(REGISTRY.iter().flat_map(|entry| entry.commands))
}

/// The view a console begins with.
pub fn home(facts: &Facts<'_>) -> Box<dyn Screen> {
    (REGISTRY[0].open)(facts)
}

/// The view of this name.
pub fn find(name: &str) -> Option<&'static Entry> {
    REGISTRY.iter().find(|entry| entry.name == name).copied()
}

/// The kind as views name it; empty if no view lists such things.
pub fn kind_of(kind: &str) -> &'static str {
    let mut kinds = REGISTRY.iter().map(|entry| entry.kind);
    kinds.find(|known| *known == kind).unwrap_or_default()
}

/// Opens the view of a thing.
pub fn show(kind: &str, id: &str, facts: &Facts<'_>) -> Option<Box<dyn Screen>> {
    let mut entries = REGISTRY.iter().filter(|entry| entry.kind == kind);
    entries.find_map(|entry| (entry.show)(id, facts))
}
