//! The view that all lists share: a table of one kind of row with its actions, from a [`Spec`].

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::effect::Effect;
use crate::tui::format::count;
use crate::tui::glyph::Mood;
use crate::tui::keys::Key;
use crate::tui::overlays::export::Export;
use crate::tui::overlays::form::FormOverlay;
use crate::tui::overlays::reader::Reader;
use crate::tui::state::data::Source;
use crate::tui::state::load::{Need, Row};
use crate::tui::state::notice::Tone;
use crate::tui::view::{Facts, View};
use crate::tui::widgets::doc::Doc;
use crate::tui::widgets::table::{Column, Table};
use crate::tui::widgets::{frame, table_draw};

use super::action::{self, Action, Performed};
use super::filter::FilterLine;
use super::{Offer, Screen};

const LIST: &[&str] = &["list"];

/// Commands of lists beyond moving and marking.
pub const COMMANDS: &[Command] = &[
    Command::new(
        "enter",
        "open",
        "Go into the selected thing",
        &[
            "list",
            "menu",
            "palette",
            "hosts",
            "pulse",
            "detail",
            "results",
            "closed",
            "placement",
            "trace",
            "topology",
        ],
    )
    .hint(5),
    Command::new(
        "filter",
        "filter",
        "Filter: text, /expression/, column:value, column:>5, !not",
        &["list", "text"],
    )
    .hint(40),
    Command::new(
        "filter.accept",
        "keep",
        "Keep the filter and go back to the list",
        &["filter"],
    )
    .hint(1),
    Command::new(
        "filter.cancel",
        "clear",
        "Take the filter away",
        &["filter"],
    )
    .hint(2),
    Command::new(
        "export",
        "export",
        "Write the rows shown to a file, as CSV, JSON or YAML",
        LIST,
    ),
];

/// Describes a thing in detail.
pub type Describe<R> = for<'a> fn(&'a R, &Facts<'a>) -> Doc<'a>;

/// What a row means at a glance, with a word for it.
pub type Judge<R> = fn(&R) -> (Mood, &str);

/// What a list shows and offers.
pub struct Spec<R: Row> {
    /// Name of the view.
    pub view: &'static str,
    /// Title of the pane.
    pub title: &'static str,
    /// One of them: `server`.
    pub noun: &'static str,
    /// Columns.
    pub columns: &'static [Column<R>],
    /// Column and direction of the order at first.
    pub sort: (usize, bool),
    /// What can be done.
    pub actions: &'static [Action<R>],
    /// The thing in detail, where that has a view of its own.
    pub doc: Option<Describe<R>>,
    /// What is needed fresh: the rows, and what columns look up.
    pub needs: fn() -> Vec<Need>,
    /// Where enter leads.
    pub enter: fn(&R, &Facts<'_>) -> Option<Box<dyn Screen>>,
    /// What rows mean at a glance.
    pub mood: Option<Judge<R>>,
    /// What to say, and to do, where there is none.
    pub empty: &'static str,
}

/// Which of the rows belong to the view.
pub struct Scope<R: Row> {
    /// In words, as part of the path: `cmp-03`.
    pub title: String,
    /// Whether a row belongs.
    pub keeps: Box<dyn Fn(&R) -> bool>,
}

/// A list on the screen.
pub struct List<R: Row> {
    spec: &'static Spec<R>,
    scope: Option<Scope<R>>,
    /// Rows that come before the others, however they are sorted.
    first: Option<fn(&R) -> bool>,
    table: Table,
    filter: FilterLine,
    generation: u64,
    tally: Vec<(Mood, String, usize)>,
}

impl<R: Row> List<R> {
    /// All rows.
    pub fn new(spec: &'static Spec<R>) -> Self {
        Self {
            spec,
            scope: None,
            first: None,
            table: Table::new(spec.sort.0, spec.sort.1),
            filter: FilterLine::default(),
            generation: u64::MAX,
            tally: Vec::new(),
        }
    }

    /// Rows of a scope only.
    pub fn scoped(spec: &'static Spec<R>, scope: Scope<R>) -> Self {
        Self {
            scope: Some(scope),
            ..Self::new(spec)
        }
    }

    /// With rows that come before the others, however they are sorted.
    #[must_use]
    pub fn beginning_with(mut self, first: fn(&R) -> bool) -> Self {
        self.first = Some(first);
        self
    }

    /// With this row selected when it comes.
    #[must_use]
    pub fn selecting(mut self, id: &str) -> Self {
        self.table.select(id);
        self
    }

    /// Selects this row, as soon as it is there.
    pub fn select(&mut self, id: &str) {
        self.table.select(id);
    }

    /// The table, for views that lay something beside it.
    pub fn table(&self) -> &Table {
        &self.table
    }

    fn keeps(&self, row: &R) -> bool {
        self.scope.as_ref().is_none_or(|scope| (scope.keeps)(row))
    }

    fn targets<'a>(&self, facts: &Facts<'a>) -> Vec<&'a R> {
        self.table.targets(facts.data.rows::<R>())
    }

    /// The row with the cursor.
    pub fn selected<'a>(&self, facts: &Facts<'a>) -> Option<&'a R> {
        facts.data.get::<R>(self.table.selected()?)
    }

    fn names(&self) -> Vec<&'static str> {
        self.spec.columns.iter().map(|column| column.name).collect()
    }

    fn tally(&self, facts: &Facts<'_>) -> Vec<(Mood, String, usize)> {
        let mut tally: Vec<(Mood, String, usize)> = Vec::new();
        let Some(mood) = self.spec.mood else {
            return tally;
        };
        for row in facts.data.rows::<R>().iter().filter(|row| self.keeps(row)) {
            let (mood, word) = mood(row);
            match tally.iter_mut().find(|(m, w, _)| *m == mood && w == word) {
                Some((.., count)) => *count += 1,
                None => tally.push((mood, word.to_owned(), 1)),
            }
        }
        tally.sort();
        tally
    }

    fn own_command(&mut self, command: &'static Command, cx: &mut Cx<'_>) -> bool {
        if self.filter.on(command.name, &mut self.table) {
            return true;
        }
        match command.name {
            "out" if self.table.let_go() => {}
            "enter" => {
                let screen = self
                    .selected(&cx.facts)
                    .and_then(|row| (self.spec.enter)(row, &cx.facts));
                if let Some(screen) = screen {
                    cx.go(screen);
                }
            }
            "yaml" => self.open_yaml(cx),
            "copy-id" => {
                let ids: Vec<&str> = self.targets(&cx.facts).into_iter().map(Row::id).collect();
                if !ids.is_empty() {
                    cx.tell(Tone::Info, format!("Copied {}", ids.join(" ")));
                    cx.effect(Effect::Copy(ids.join("\n")));
                }
            }
            "export" => self.open_export(cx),
            _ => return false,
        }
        true
    }

    fn open_yaml(&self, cx: &mut Cx<'_>) {
        let targets = self.targets(&cx.facts);
        let value = match targets.as_slice() {
            [] => return,
            [one] => serde_json::to_value(one),
            many => serde_json::to_value(many),
        };
        let title = match targets.as_slice() {
            [one] => action::target(*one).name,
            many => count(many.len(), self.spec.noun),
        };
        cx.open(Box::new(Reader::data(&title, value.unwrap_or_default())));
    }

    fn open_export(&self, cx: &mut Cx<'_>) {
        let rows = cx.facts.data.rows::<R>();
        let shown = || self.table.order().iter().filter_map(|at| rows.get(*at));
        let header = self.names();
        let cells = shown()
            .map(|row| {
                let columns = self.spec.columns.iter();
                columns
                    .map(|column| (column.value)(row, &cx.facts).export())
                    .collect()
            })
            .collect();
        let whole = shown()
            .map(|row| serde_json::to_value(row).unwrap_or_default())
            .collect();
        let export = Export::new(self.spec.view, header, cells, whole);
        cx.open(Box::new(FormOverlay::new(Box::new(export), &cx.facts)));
    }

    /// What stands in the corner: the filter, the place of the cursor, how old what is shown is.
    pub fn note(&self, view: &View<'_>) -> String {
        let mut note = self.filter.note(&self.table);
        let freshness = view.facts.data.freshness(&Source {
            kind: R::KIND,
            of: None,
        });
        let now = view.facts.clock.now;
        if let Some(freshness) = freshness
            && freshness.failure.is_some()
            && let Some(loaded) = freshness.loaded
        {
            note = format!(
                "old: {}  {note}",
                crate::tui::format::span(now.0 - loaded.0)
            );
        }
        note
    }

    fn tally_text(&self, view: &View<'_>, room: usize) -> String {
        let mut text = String::new();
        for (mood, word, count) in &self.tally {
            let part = format!("  {} {count} {word}", view.glyphs.mood(*mood));
            if crate::tui::format::width(&text) + crate::tui::format::width(&part) > room {
                break;
            }
            text.push_str(&part);
        }
        text
    }

    fn draw_emptiness(&self, area: Rect, buf: &mut Buffer, view: &View<'_>) {
        let source = Source {
            kind: R::KIND,
            of: None,
        };
        let freshness = view.facts.data.freshness(&source);
        let failure = freshness.and_then(|freshness| freshness.failure.as_ref());
        // What is only told as it happens is never loaded.
        let told = !(self.spec.needs)().iter().any(|need| need.source == source);
        let loaded = told || view.facts.data.is_loaded::<R>();
        let (text, scope) = match failure {
            Some(failure) => (failure.line(), "state.bad"),
            None if !loaded => ("Loading".to_owned(), "ui.text.dim"),
            None if !self.table.filter_text().is_empty() => (
                format!("Nothing matches /{}", self.table.filter_text()),
                "ui.text.dim",
            ),
            None => (invitation(self.spec.empty, view).to_owned(), "ui.text.dim"),
        };
        let wide = area.width.saturating_sub(4);
        let lines = crate::tui::format::wrap(&text, usize::from(wide));
        for (text, y) in lines.iter().zip(area.y + 2..area.bottom()) {
            buf.set_string(area.x + 2, y, text, view.style(scope));
        }
    }
}

/// What to say where there is nothing; what to press is kept from those who may not.
pub fn invitation<'a>(text: &'a str, view: &View<'_>) -> &'a str {
    match text.split_once(" Press ") {
        Some((what, _)) if !view.facts.session.may_change() => what,
        _ => text,
    }
}

impl<R: Row> Screen for List<R> {
    fn path(&self, _facts: &Facts<'_>) -> Vec<String> {
        let mut path = vec![self.spec.view.to_owned()];
        path.extend(self.scope.iter().map(|scope| scope.title.clone()));
        path
    }

    fn subject(&self, facts: &Facts<'_>) -> String {
        match self.targets(facts).as_slice() {
            [] => self.spec.view.to_owned(),
            [one] => action::target(*one).name,
            many => count(many.len(), self.spec.noun),
        }
    }

    fn contexts(&self) -> Vec<&'static str> {
        if self.filter.is_typing() {
            vec!["filter"]
        } else {
            vec![self.spec.view, "list"]
        }
    }

    fn is_typing(&self) -> bool {
        self.filter.is_typing()
    }

    fn needs(&self) -> Vec<Need> {
        (self.spec.needs)()
    }

    fn offer(&self, command: &Command, facts: &Facts<'_>) -> Offer {
        let nothing = self.table.selected().is_none();
        match command.name {
            "menu" if self.spec.actions.is_empty() => return Offer::Hidden,
            "enter" | "yaml" | "copy-id" | "export" | "mark" | "mark-range" | "mark-all"
                if nothing =>
            {
                return Offer::Hidden;
            }
            _ => {}
        }
        action::offer(self.spec.actions, command, &self.targets(facts)).unwrap_or(Offer::Yes)
    }

    fn on(&mut self, command: &'static Command, cx: &mut Cx<'_>) -> bool {
        let facts = cx.facts;
        let rows = facts.data.rows::<R>();
        if self.table.on(command.name, rows, self.spec.columns.len())
            || self.own_command(command, cx)
        {
            return true;
        }
        let targets = self.targets(&facts);
        match action::perform(self.spec.actions, command, &targets, self.spec.noun, cx) {
            Performed::Unknown => false,
            Performed::Begun | Performed::Refused => true,
        }
    }

    fn key(&mut self, key: Key, _cx: &mut Cx<'_>) {
        let names = self.names();
        self.filter.key(key, &mut self.table, &names);
    }

    fn paste(&mut self, text: &str, _cx: &mut Cx<'_>) {
        let names = self.names();
        self.filter.paste(text, &mut self.table, &names);
    }

    fn made(&mut self, kind: &str, id: &str) {
        if R::KIND == kind {
            self.table.select(id);
        }
    }

    fn settle(&mut self, area: Rect, facts: &Facts<'_>) {
        self.table
            .set_height(usize::from(area.height.saturating_sub(2)));
        if self.generation != facts.data.generation() || self.table.is_dirty() {
            let fresh = self.generation != facts.data.generation();
            self.generation = facts.data.generation();
            let scope = self.scope.as_ref();
            let begins = self.first;
            let first = |row: &R| begins.is_some_and(|first| first(row));
            let rows = facts.data.rows::<R>();
            let keeps = |row: &R| scope.is_none_or(|scope| (scope.keeps)(row));
            self.table
                .refresh(rows, self.spec.columns, keeps, first, facts);
            if fresh {
                self.tally = self.tally(facts);
            }
        }
    }

    fn draw(&self, area: Rect, buf: &mut Buffer, view: &View<'_>) -> Option<Position> {
        let note = self.note(view);
        let room = usize::from(area.width).saturating_sub(note.len() + self.spec.title.len() + 8);
        let title = format!("{}{}", self.spec.title, self.tally_text(view, room));
        let inside = frame::pane(area, buf, view, &title, &note);
        table_draw::draw(
            inside,
            buf,
            view,
            &self.table,
            view.facts.data.rows::<R>(),
            self.spec.columns,
        );
        if self.table.order().is_empty() {
            self.draw_emptiness(inside, buf, view);
        }
        self.filter.draw(area, buf, view, &self.table)
    }
}
