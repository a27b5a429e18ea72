//! What hangs on what: routers, networks, subnets and ports as a tree that folds by network.

mod tree;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::compute::wire::Server;
use crate::network::wire::{Network, Port, Router, Subnet};
use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::format::{fit, width};
use crate::tui::overlays::{offset, step};
use crate::tui::state::data::Source;
use crate::tui::state::load::{Need, Row};
use crate::tui::view::{Facts, View};
use crate::tui::widgets::frame;

use super::{Entry, Offer, Screen, trace};
use tree::{Folds, Line, lines};

/// Cells of the pointer, and of a step to the right.
const POINTER: u16 = 2;
const INDENT: u16 = 2;
/// Cells of a state.
const STATE: usize = 11;

/// The view.
pub struct Topology {
    folds: Folds,
    lines: Vec<Line>,
    /// Key of the line with the cursor, and its place.
    selected: Option<String>,
    at: usize,
    height: usize,
    generation: Option<u64>,
}

impl Topology {
    fn new() -> Self {
        Self {
            folds: Folds::default(),
            lines: Vec::new(),
            selected: None,
            at: 0,
            height: 1,
            generation: None,
        }
    }

    fn current(&self) -> Option<&Line> {
        self.lines.get(self.at)
    }

    fn go_to(&mut self, at: usize) {
        self.at = at;
        self.selected = self.lines.get(at).map(|line| line.key.clone());
    }

    /// Folds what is open, or opens what is folded; what can not be folded goes to what it hangs on.
    fn fold(&mut self, open: Option<bool>) {
        let Some(line) = self.current() else { return };
        match (line.is_open, open) {
            (Some(is), Some(wanted)) if is == wanted => {}
            (Some(_), _) => {
                let key = line.key.clone();
                self.folds.turn(&key);
                self.generation = None;
            }
            (None, Some(false)) => {
                let above = line.key.rsplit_once('/').map(|(above, _)| above.to_owned());
                let place = self
                    .lines
                    .iter()
                    .position(|line| Some(&line.key) == above.as_ref());
                if let Some(at) = place {
                    self.go_to(at);
                }
            }
            (None, _) => {}
        }
    }
}

impl Screen for Topology {
    fn path(&self, _facts: &Facts<'_>) -> Vec<String> {
        vec!["topology".to_owned()]
    }

    fn contexts(&self) -> Vec<&'static str> {
        vec!["topology"]
    }

    fn needs(&self) -> Vec<Need> {
        vec![
            Need::list::<Router>(),
            Need::list::<Network>(),
            Need::list::<Subnet>(),
            Need::list::<Port>(),
            Need::list::<Server>(),
        ]
    }

    fn offer(&self, command: &Command, _facts: &Facts<'_>) -> Offer {
        let line = self.current();
        let kind = line
            .and_then(|line| line.thing.as_ref())
            .map(|(kind, _)| *kind);
        match command.name {
            "enter" if kind.is_none() => Offer::Hidden,
            "topology.trace" if kind != Some(Port::KIND) => {
                Offer::No("a way is traced from a port".to_owned())
            }
            "topology.fold" if line.is_none_or(|line| line.is_open.is_none()) => {
                Offer::No("nothing hangs on it".to_owned())
            }
            _ => Offer::Yes,
        }
    }

    fn on(&mut self, command: &'static Command, cx: &mut Cx<'_>) -> bool {
        let facts = cx.facts;
        let thing = self.current().and_then(|line| line.thing.clone());
        match (command.name, thing) {
            ("enter", Some((kind, id))) => {
                if let Some(screen) = super::show(kind, &id, &facts) {
                    cx.go(screen);
                }
            }
            ("topology.trace", Some((Port::KIND, id))) => cx.open(trace::from(&id, &facts)),
            ("topology.fold", _) => self.fold(None),
            ("right", _) => self.fold(Some(true)),
            ("left", _) => self.fold(Some(false)),
            (name, _) => match step(name, self.at, self.lines.len(), self.height) {
                Some(at) => self.go_to(at),
                None => return false,
            },
        }
        true
    }

    fn settle(&mut self, area: Rect, facts: &Facts<'_>) {
        self.height = usize::from(area.height.saturating_sub(1)).max(1);
        let generation = Some(facts.data.generation());
        if self.generation == generation {
            return;
        }
        self.generation = generation;
        self.lines = lines(facts, &self.folds);
        let place = |key: &String| self.lines.iter().position(|line| line.key == *key);
        let last = self.lines.len().saturating_sub(1);
        let at = self.selected.as_ref().and_then(place);
        self.go_to(at.unwrap_or(self.at.min(last)));
    }

    fn draw(&self, area: Rect, buf: &mut Buffer, view: &View<'_>) -> Option<Position> {
        let note = match self.lines.is_empty() {
            true => String::new(),
            false => format!("{}/{}", self.at + 1, self.lines.len()),
        };
        let inside = frame::pane(area, buf, view, "Topology", &note);
        if self.lines.is_empty() {
            let source = Source::list::<Network>();
            let text = "There are no networks yet. :networks makes some.";
            frame::emptiness(inside, buf, view, &source, text);
            return None;
        }
        // As wide as the names are, so that states stand below each other.
        let indent = |line: &Line| usize::from(line.depth * INDENT) + 2;
        let longest = self
            .lines
            .iter()
            .map(|line| indent(line) + width(&line.name))
            .max();
        let most = (usize::from(inside.width) / 2).max(12);
        let names = longest.unwrap_or(0).min(most);
        let first = offset(self.at, usize::from(inside.height));
        let shown = self.lines.iter().enumerate().skip(first);
        for ((place, line), y) in shown.zip(inside.y..inside.bottom()) {
            draw_line(
                Rect::new(inside.x, y, inside.width, 1),
                buf,
                view,
                line,
                names,
            );
            if place == self.at {
                let row = Rect::new(inside.x, y, inside.width, 1);
                buf.set_style(row, view.style("ui.selection"));
                buf.set_string(
                    inside.x,
                    y,
                    view.glyphs.pointer(),
                    view.style("ui.selection"),
                );
            }
        }
        None
    }
}

fn draw_line(row: Rect, buf: &mut Buffer, view: &View<'_>, line: &Line, names: usize) {
    let put = |buf: &mut Buffer, at: usize, text: &str, room: usize, style| {
        let at = u16::try_from(at).unwrap_or(u16::MAX);
        let room = room.min(usize::from(row.width.saturating_sub(at)));
        let text = fit(text, room, view.glyphs.ascii);
        if room > 0 {
            buf.set_stringn(row.x.saturating_add(at), row.y, text, room, style);
        }
    };
    let left = usize::from(POINTER + line.depth * INDENT);
    let sign = match (line.is_open, view.glyphs.ascii) {
        (None, _) => " ",
        (Some(true), false) => "▾",
        (Some(false), false) => "▸",
        (Some(true), true) => "-",
        (Some(false), true) => "+",
    };
    put(buf, left, sign, 1, view.style("ui.text.dim"));
    let style = match line.depth {
        0 => view.style("ui.text.strong"),
        _ => view.style("ui.text"),
    };
    let end = usize::from(POINTER) + names;
    put(
        buf,
        left + 2,
        &line.name,
        end.saturating_sub(left + 2),
        style,
    );
    let state = end + 2;
    if let Some((mood, word)) = line.state {
        let text = format!("{} {word}", view.glyphs.mood(mood));
        put(buf, state, &text, STATE, view.style(mood.scope()));
    }
    let note = state + STATE + 1;
    put(
        buf,
        note,
        &line.note,
        usize::from(row.width),
        view.style("ui.text.dim"),
    );
}

const TOPOLOGY: &[&str] = &["topology"];

/// This view.
pub static ENTRY: Entry = Entry {
    name: "topology",
    commands: &[
        Command::new(
            "view.topology",
            "topology",
            "Go to what hangs on what: routers, networks, ports",
            &["global"],
        ),
        Command::new(
            "topology.fold",
            "fold",
            "Show what hangs on it, or hide that",
            TOPOLOGY,
        )
        .hint(1),
        Command::new(
            "topology.trace",
            "trace",
            "Find out why this port does not reach something",
            TOPOLOGY,
        )
        .leading_to("trace")
        .hint(6),
    ],
    offered: |_| true,
    open: |_| Box::new(Topology::new()),
    kind: "",
    objects: |_, _| {},
    show: |_, _| None,
};
