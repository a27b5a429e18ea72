//! One run: how it stands as a whole, and each of its servers, those that move first.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::api::wire::OperationStatus;
use crate::compute::wire::Server;
use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::effect::Effect;
use crate::tui::format::{fit, percent, wrap};
use crate::tui::glyph::Mood;
use crate::tui::keys::Key;
use crate::tui::overlays::reader::Reader;
use crate::tui::screens::action::{self, Performed};
use crate::tui::screens::filter::FilterLine;
use crate::tui::screens::migrations::Move;
use crate::tui::screens::{self, Offer, Screen};
use crate::tui::state::data::Source;
use crate::tui::state::load::{Need, Row};
use crate::tui::state::notice::Tone;
use crate::tui::value::Value;
use crate::tui::view::{Facts, View};
use crate::tui::widgets::table::{Column, Table};
use crate::tui::widgets::{frame, gauge, table_draw};

use super::{ACTIONS, Item, Run, SPEC, mood, standing};

/// Lines above the table: how it stands, and what that means.
const ABOVE: u16 = 2;
/// Lines below it, for the reason of the selected server.
const BELOW: u16 = 3;
/// Cells of the bar of the whole.
const BAR: u16 = 12;

/// What a server's state means, with its words.
fn state<'a>(row: &'a Item, facts: &Facts<'a>) -> Value<'a> {
    let (mood, word) = match row.planned.state.as_str() {
        "waiting" => (Mood::Off, "waiting"),
        "moving" => (Mood::Busy, "moving"),
        "moved" => (Mood::Good, "moved"),
        "stays" => (Mood::Warn, "stays"),
        "failed" => (Mood::Bad, "failed"),
        other => (Mood::Unknown, other),
    };
    match moving(row, facts).and_then(Move::part) {
        Some(part) => Value::State(mood, format!("{word} {}", percent(part * 100.0)).into()),
        None => Value::State(mood, word.into()),
    }
}

/// The migration of a server that moves now.
fn moving<'a>(row: &Item, facts: &Facts<'a>) -> Option<&'a Move> {
    row.migration(facts).filter(|_| row.is("moving"))
}

static COLUMNS: [Column<Item>; 9] = [
    Column::new("nr", (3, 4), 3, |row, _| Value::Number(row.number as f64)),
    Column::new("server", (12, 26), 0, |row, _| Value::text(row.name())),
    Column::new("from", (7, 14), 0, |row, _| Value::text(&row.planned.from)),
    // A drain does not say where to until the server is there; its migration does.
    Column::new("to", (7, 14), 0, |row, facts| {
        let now = moving(row, facts).and_then(|row| row.detail.destination.as_deref());
        Value::maybe(now.or(row.planned.to.as_deref()), Value::text)
    }),
    Column::new("state", (13, 14), 0, state),
    Column::new("done", (6, 12), 4, |row, facts| {
        Value::maybe(moving(row, facts).and_then(Move::part), Value::Progress)
    }),
    Column::new("left", (5, 7), 2, |row, facts| {
        let left = moving(row, facts).and_then(|row| row.left(facts.clock.now));
        Value::maybe(left, Value::Span)
    }),
    Column::new("rate", (10, 10), 5, |row, facts| {
        Value::maybe(moving(row, facts).and_then(Move::rate), Value::Rate)
    }),
    Column::new("why", (16, 60), 1, |row, _| {
        Value::maybe(row.planned.reason.as_deref(), Value::text)
    }),
];

/// A run on the screen.
pub struct Servers {
    id: String,
    table: Table,
    filter: FilterLine,
    generation: u64,
    /// Whether the operator did something here; until then what moves is selected.
    touched: bool,
}

impl Servers {
    /// The run that this operation is.
    pub fn of(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            table: Table::new(0, false),
            filter: FilterLine::default(),
            generation: u64::MAX,
            touched: false,
        }
    }

    fn run<'a>(&self, facts: &Facts<'a>) -> Option<&'a Run> {
        facts.data.get::<Run>(&self.id)
    }

    fn rows<'a>(&self, facts: &Facts<'a>) -> &'a [Item] {
        self.run(facts).map_or(&[], |run| &run.moves)
    }

    fn selected<'a>(&self, facts: &Facts<'a>) -> Option<&'a Item> {
        let id = self.table.selected()?;
        self.rows(facts).iter().find(|row| row.id() == id)
    }

    /// Lines for the reason of the selected server; none where no server has one.
    fn below(&self, facts: &Facts<'_>, area: Rect) -> u16 {
        let reasons = self
            .rows(facts)
            .iter()
            .any(|row| row.planned.reason.is_some());
        match reasons && area.height > 12 {
            true => BELOW,
            false => 0,
        }
    }

    fn names() -> Vec<&'static str> {
        COLUMNS.iter().map(|column| column.name).collect()
    }

    /// The migration of the selected server, or the server itself.
    fn go_in(&self, cx: &mut Cx<'_>) {
        let facts = cx.facts;
        let Some(row) = self.selected(&facts) else {
            return;
        };
        let screen = match row.migration(&facts) {
            Some(found) => screens::show(Move::KIND, found.id(), &facts),
            None => screens::show(Server::KIND, row.id(), &facts),
        };
        if let Some(screen) = screen {
            cx.go(screen);
        }
    }

    fn own_command(&mut self, command: &'static Command, cx: &mut Cx<'_>) -> bool {
        let facts = cx.facts;
        if self.filter.on(command.name, &mut self.table) {
            return true;
        }
        match command.name {
            "out" if self.table.let_go() => {}
            "enter" => self.go_in(cx),
            "moves.server" => {
                let server = self.selected(&facts);
                let screen = server.and_then(|row| screens::show(Server::KIND, row.id(), &facts));
                if let Some(screen) = screen {
                    cx.go(screen);
                }
            }
            "yaml" => {
                if let Some(run) = self.run(&facts) {
                    let value = serde_json::to_value(run).unwrap_or_default();
                    cx.open(Box::new(Reader::data(run.name(), value)));
                }
            }
            "copy-id" => {
                if let Some(id) = self.table.selected() {
                    cx.tell(Tone::Info, format!("Copied {id}"));
                    cx.effect(Effect::Copy(id.to_owned()));
                }
            }
            _ => return false,
        }
        true
    }

    fn draw_standing(area: Rect, buf: &mut Buffer, view: &View<'_>, run: &Run) {
        let (mood, word) = mood(run);
        let text = format!("{} {word}", view.glyphs.mood(mood));
        let x = area.x + 2;
        let room = usize::from(area.right().saturating_sub(x));
        let (mut x, _) = buf.set_stringn(x, area.y, text, room, view.style(mood.scope()));
        let part = run.part(&view.facts);
        if let Some(part) = part.filter(|_| run.finished_at.is_none()) {
            let bar = Rect::new(
                x + 2,
                area.y,
                BAR.min(area.right().saturating_sub(x + 2)),
                1,
            );
            gauge::bar(bar, buf, view, part);
            x = bar.right();
        }
        let room = usize::from(area.right().saturating_sub(x + 2));
        let text = standing(run);
        let text = fit(&text, room, view.glyphs.ascii);
        buf.set_string(x + 2, area.y, text, view.style("ui.text"));
    }
}

/// Begins with a capital letter.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// What its state means for the operator, where that is not plain.
fn meaning(run: &Run) -> &'static str {
    match run.status {
        OperationStatus::Running | OperationStatus::Waiting if run.paused => {
            "Nothing new is begun until it is resumed; what moves goes on."
        }
        OperationStatus::Undoing => "What moves is broken off.",
        OperationStatus::Failed => "Servers that had moved are where they went.",
        OperationStatus::Done if run.moves.is_empty() => "There was nothing to move.",
        _ => "",
    }
}

impl Screen for Servers {
    fn path(&self, facts: &Facts<'_>) -> Vec<String> {
        let name = self.run(facts).map(|run| run.name().to_owned());
        vec![
            SPEC.view.to_owned(),
            name.unwrap_or_else(|| self.id.clone()),
        ]
    }

    fn contexts(&self) -> Vec<&'static str> {
        match self.filter.is_typing() {
            true => vec!["filter"],
            false => vec!["moves-run", SPEC.view, "list"],
        }
    }

    fn is_typing(&self) -> bool {
        self.filter.is_typing()
    }

    fn needs(&self) -> Vec<Need> {
        (SPEC.needs)()
    }

    /// What is done is done to the run; of its servers one is looked at.
    fn offer(&self, command: &Command, facts: &Facts<'_>) -> Offer {
        let nothing = self.table.selected().is_none();
        match command.name {
            "export" => return Offer::Hidden,
            name if name.starts_with("mark") => return Offer::Hidden,
            "enter" | "copy-id" | "moves.server" if nothing => return Offer::Hidden,
            _ => {}
        }
        let run: Vec<&Run> = self.run(facts).into_iter().collect();
        action::offer(&ACTIONS, command, &run).unwrap_or(Offer::Yes)
    }

    fn on(&mut self, command: &'static Command, cx: &mut Cx<'_>) -> bool {
        if command.name.starts_with("mark") {
            return true;
        }
        self.touched = true;
        let facts = cx.facts;
        let rows = self.rows(&facts);
        if self.table.on(command.name, rows, COLUMNS.len()) || self.own_command(command, cx) {
            return true;
        }
        let run: Vec<&Run> = self.run(&facts).into_iter().collect();
        action::perform(&ACTIONS, command, &run, SPEC.noun, cx) != Performed::Unknown
    }

    fn key(&mut self, key: Key, _cx: &mut Cx<'_>) {
        self.filter.key(key, &mut self.table, &Self::names());
    }

    fn paste(&mut self, text: &str, _cx: &mut Cx<'_>) {
        self.filter.paste(text, &mut self.table, &Self::names());
    }

    /// A retry and the way back are runs of their own: they are what is looked at from now on.
    fn made(&mut self, kind: &str, id: &str) {
        if kind == Run::KIND {
            *self = Self::of(id);
        }
    }

    fn settle(&mut self, area: Rect, facts: &Facts<'_>) {
        let around = 2 + ABOVE + self.below(facts, area);
        self.table
            .set_height(usize::from(area.height.saturating_sub(around)));
        if self.generation == facts.data.generation() && !self.table.is_dirty() {
            return;
        }
        self.generation = facts.data.generation();
        let rows = self.rows(facts);
        let first = |row: &Item| row.is("moving");
        self.table.refresh(rows, &COLUMNS, |_| true, first, facts);
        let top = self.table.order().first().and_then(|at| rows.get(*at));
        if let Some(top) = top.filter(|_| !self.touched)
            && self.table.selected() != Some(top.id())
        {
            self.table.select(top.id());
            self.table.refresh(rows, &COLUMNS, |_| true, first, facts);
        }
    }

    fn draw(&self, area: Rect, buf: &mut Buffer, view: &View<'_>) -> Option<Position> {
        let Some(run) = self.run(&view.facts) else {
            let inside = frame::pane(area, buf, view, SPEC.title, "");
            let source = Source::list::<Run>();
            let gone = match view.facts.data.freshness(&source) {
                // It was begun just now, and the list is older.
                Some(freshness) if freshness.pending || freshness.stale => "Loading",
                _ => "This run is forgotten: only the newest are kept.",
            };
            frame::emptiness(inside, buf, view, &source, gone);
            return None;
        };
        let note = self.filter.note(&self.table);
        let inside = frame::pane(area, buf, view, &capital(run.name()), &note);
        Self::draw_standing(inside, buf, view, run);
        let below = self.below(&view.facts, area);
        let dim = view.style("ui.text.dim");
        let room = usize::from(inside.width.saturating_sub(4));
        let meaning = fit(meaning(run), room, view.glyphs.ascii);
        if inside.height > ABOVE {
            buf.set_string(inside.x + 2, inside.y + 1, meaning, dim);
        }
        let table = Rect {
            y: inside.y + ABOVE.min(inside.height),
            height: inside.height.saturating_sub(ABOVE + below),
            ..inside
        };
        table_draw::draw(table, buf, view, &self.table, &run.moves, &COLUMNS);
        let row = self.selected(&view.facts);
        let reason = row.and_then(|row| Some((row.name(), row.planned.reason.as_deref()?)));
        if let Some((name, reason)) = reason {
            let lines = wrap(&format!("{name}: {reason}"), room);
            for (line, y) in lines.iter().zip(table.bottom() + 1..inside.bottom()) {
                buf.set_string(inside.x + 2, y, line, view.style("ui.text"));
            }
        }
        self.filter.draw(area, buf, view, &self.table)
    }
}
