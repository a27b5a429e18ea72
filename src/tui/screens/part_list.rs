//! A list of what belongs to one thing and is loaded with it: the actions of a server, the guests of a host.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::overlays::reader::Reader;
use crate::tui::state::data::Source;
use crate::tui::state::load::{Need, Part, Row};
use crate::tui::view::{Facts, View};
use crate::tui::widgets::table::{Column, Table};
use crate::tui::widgets::{frame, table_draw};

use super::{Offer, Screen};

/// A part that is a list.
pub trait Shown: Part {
    /// What it is a list of.
    type Row: Row;

    /// The rows.
    fn rows(&self) -> &[Self::Row];
}

/// The list on the screen.
pub struct PartList<P: Shown> {
    of: String,
    title: &'static str,
    columns: &'static [Column<P::Row>],
    table: Table,
    empty: &'static str,
    generation: u64,
}

impl<P: Shown> PartList<P> {
    /// The list that belongs to `of`.
    pub fn new(
        of: &str,
        title: &'static str,
        columns: &'static [Column<P::Row>],
        sort: (usize, bool),
        empty: &'static str,
    ) -> Self {
        Self {
            of: of.to_owned(),
            title,
            columns,
            table: Table::new(sort.0, sort.1),
            empty,
            generation: u64::MAX,
        }
    }

    fn rows<'a>(&self, facts: &Facts<'a>) -> &'a [P::Row] {
        facts.data.part::<P>(&self.of).map_or(&[], Shown::rows)
    }
}

impl<P: Shown> Screen for PartList<P> {
    fn path(&self, _facts: &Facts<'_>) -> Vec<String> {
        vec![self.title.to_lowercase()]
    }

    fn contexts(&self) -> Vec<&'static str> {
        vec!["list"]
    }

    fn needs(&self) -> Vec<Need> {
        vec![Need::part::<P>(&self.of)]
    }

    /// These lists are short and belong to their thing: nothing is done to many of them, and none is looked for.
    fn offer(&self, command: &Command, _facts: &Facts<'_>) -> Offer {
        match command.name {
            "filter" | "export" | "menu" | "copy-id" => Offer::Hidden,
            name if name.starts_with("mark") => Offer::Hidden,
            _ => Offer::Yes,
        }
    }

    fn on(&mut self, command: &'static Command, cx: &mut Cx<'_>) -> bool {
        let facts = cx.facts;
        let rows = self.rows(&facts);
        if self.table.on(command.name, rows, self.columns.len()) {
            return true;
        }
        match (command.name, self.table.targets(rows).first()) {
            ("enter" | "yaml", Some(row)) => {
                let value = serde_json::to_value(*row).unwrap_or_default();
                cx.open(Box::new(Reader::data(row.name(), value)));
            }
            ("out", _) => return self.table.let_go(),
            _ => return false,
        }
        true
    }

    fn settle(&mut self, area: Rect, facts: &Facts<'_>) {
        self.table
            .set_height(usize::from(area.height.saturating_sub(2)));
        if self.generation != facts.data.generation() || self.table.is_dirty() {
            self.generation = facts.data.generation();
            self.table
                .refresh(self.rows(facts), self.columns, |_| true, |_| false, facts);
        }
    }

    fn draw(&self, area: Rect, buf: &mut Buffer, view: &View<'_>) -> Option<Position> {
        let inside = frame::pane(area, buf, view, self.title, &self.table.position());
        let rows = self.rows(&view.facts);
        if rows.is_empty() {
            frame::emptiness(inside, buf, view, &Source::part::<P>(&self.of), self.empty);
        } else {
            table_draw::draw(inside, buf, view, &self.table, rows, self.columns);
        }
        None
    }
}
