//! The state of a list: which rows, in which order, where the cursor is, what is marked.
//!
//! Invariants: the selection follows the id, never the row number, whatever is loaded, filtered or sorted; if the
//! selected row goes, the one that took its place is selected. Marks are ids too and survive filters. Only indices are
//! kept, never copies of rows; drawing touches the rows in view and no others.

use std::collections::HashSet;

use crate::tui::command::Command;
use crate::tui::state::load::Row;
use crate::tui::value::{SortKey, Value, natural};
use crate::tui::view::Facts;

use super::filter::Filter;

const LIST: &[&str] = &["list"];

/// Commands of lists.
pub const COMMANDS: &[Command] = &[
    Command::new("up", "up", "Go one row up", MOVES),
    Command::new("down", "down", "Go one row down", MOVES),
    Command::new("top", "top", "Go to the first row", MOVES),
    Command::new("bottom", "bottom", "Go to the last row", MOVES),
    Command::new("half-up", "half up", "Go half a page up", MOVES),
    Command::new("half-down", "half down", "Go half a page down", MOVES),
    Command::new("page-up", "page up", "Go a page up", MOVES),
    Command::new("page-down", "page down", "Go a page down", MOVES),
    Command::new(
        "mark",
        "mark",
        "Mark or unmark this row and go on to the next",
        LIST,
    )
    .hint(60),
    Command::new(
        "mark-range",
        "range",
        "Begin a range of marks here, or end it",
        LIST,
    ),
    Command::new(
        "mark-all",
        "mark all",
        "Mark all rows that the filter shows, or unmark them",
        LIST,
    ),
    Command::new(
        "sort-left",
        "sort left",
        "Sort by the column to the left",
        LIST,
    ),
    Command::new(
        "sort-right",
        "sort right",
        "Sort by the column to the right",
        LIST,
    ),
    Command::new(
        "sort-flip",
        "flip sort",
        "Turn the order of rows round",
        LIST,
    ),
];

/// Contexts in which something scrolls or has a cursor.
pub const MOVES: &[&str] = &[
    "list",
    "text",
    "detail",
    "menu",
    "help",
    "palette",
    "plan",
    "results",
    "filter",
    "hosts",
    "pulse",
    "placement",
    "trace",
    "topology",
];

/// A typed column. The name is lower-case and without spaces; filters use it.
pub struct Column<R: 'static> {
    /// Name.
    pub name: &'static str,
    /// Cells it needs at least.
    pub min: u16,
    /// Cells it takes at most.
    pub max: u16,
    /// Order in which columns go when room is short: the highest first; 0 never goes.
    pub drop: u8,
    /// The value of a row.
    pub value: for<'a> fn(&'a R, &Facts<'a>) -> Value<'a>,
}

impl<R> Column<R> {
    /// A column of `min` to `max` cells that goes at `drop`; 0 never goes.
    pub const fn new(
        name: &'static str,
        (min, max): (u16, u16),
        drop: u8,
        value: for<'a> fn(&'a R, &Facts<'a>) -> Value<'a>,
    ) -> Self {
        Self {
            name,
            min,
            max,
            drop,
            value,
        }
    }
}

/// The state of a list.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Indices of the rows that are shown, in order.
    order: Vec<usize>,
    /// Where the selected row is in `order`.
    cursor: usize,
    /// Id of the selected row.
    selected: Option<String>,
    /// Id of the row that is to be selected once it comes, unless the operator goes elsewhere meanwhile.
    wanted: Option<String>,
    marks: HashSet<String>,
    /// Where a range of marks began.
    anchor: Option<String>,
    /// Position of the anchor in `order`, if it is shown.
    anchor_at: Option<usize>,
    /// First row in view.
    offset: usize,
    /// Rows in view.
    height: usize,
    /// Column and direction.
    sort: (usize, bool),
    filter_text: String,
    filter: Filter,
    filter_error: Option<String>,
    /// Rows before filtering.
    total: usize,
    dirty: bool,
}

impl Table {
    /// An empty list, sorted by a column.
    pub fn new(sort: usize, descending: bool) -> Self {
        Self {
            sort: (sort, descending),
            dirty: true,
            ..Self::default()
        }
    }

    /// Brings order, cursor and marks up to date with the rows. Those that are `first` stay before the others, however
    /// rows are sorted.
    pub fn refresh<R: Row>(
        &mut self,
        rows: &[R],
        columns: &[Column<R>],
        keep: impl Fn(&R) -> bool,
        first: impl Fn(&R) -> bool,
        facts: &Facts<'_>,
    ) {
        let now = facts.clock.now;
        self.dirty = false;
        self.total = 0;
        let mut order = std::mem::take(&mut self.order);
        order.clear();
        for (at, row) in rows.iter().enumerate() {
            if !keep(row) {
                continue;
            }
            self.total += 1;
            let shown = self.filter.is_empty()
                || self.filter.keeps(row.id(), columns.len(), now, |column| {
                    (columns[column].value)(row, facts)
                });
            if shown {
                order.push(at);
            }
        }
        self.order = self.sorted(order, rows, columns, first, facts);
        self.relocate(rows);
    }

    fn sorted<R: Row>(
        &self,
        order: Vec<usize>,
        rows: &[R],
        columns: &[Column<R>],
        first: impl Fn(&R) -> bool,
        facts: &Facts<'_>,
    ) -> Vec<usize> {
        let (column, descending) = self.sort;
        let Some(column) = columns.get(column) else {
            return order;
        };
        let mut keyed: Vec<(bool, SortKey<'_>, usize)> = order
            .into_iter()
            .map(|at| {
                let key = (column.value)(&rows[at], facts).sort_key();
                (!first(&rows[at]), key, at)
            })
            .collect();
        keyed.sort_by(|(after, one, a), (later, other, b)| {
            after
                .cmp(later)
                .then_with(|| one.compare(other, descending))
                .then_with(|| natural(rows[*a].name(), rows[*b].name()))
                .then_with(|| rows[*a].id().cmp(rows[*b].id()))
        });
        keyed.into_iter().map(|(.., at)| at).collect()
    }

    fn relocate<R: Row>(&mut self, rows: &[R]) {
        if !self.marks.is_empty() {
            let there: HashSet<&str> = rows.iter().map(Row::id).collect();
            self.marks.retain(|id| there.contains(id.as_str()));
        }
        let place = |id: &Option<String>| {
            let id = id.as_deref()?;
            self.order.iter().position(|at| rows[*at].id() == id)
        };
        self.anchor_at = place(&self.anchor);
        let wanted = place(&self.wanted);
        if wanted.is_some()
            || rows
                .iter()
                .any(|row| Some(row.id()) == self.wanted.as_deref())
        {
            // It is there, or the filter does not let it be seen; either way the waiting is over.
            self.wanted = None;
        }
        let cursor = wanted.or_else(|| place(&self.selected));
        if self.anchor_at.is_none() {
            self.anchor = None;
        }
        self.cursor = cursor.unwrap_or(self.cursor);
        self.clamp();
        self.selected = self
            .order
            .get(self.cursor)
            .map(|at| rows[*at].id().to_owned());
    }

    fn clamp(&mut self) {
        self.cursor = self.cursor.min(self.order.len().saturating_sub(1));
        let last = self.order.len().saturating_sub(self.height);
        self.offset = self.offset.min(last);
        if self.cursor < self.offset {
            self.offset = self.cursor;
        } else if self.height > 0 && self.cursor >= self.offset + self.height {
            self.offset = self.cursor + 1 - self.height;
        }
    }

    /// Says how many rows are in view.
    pub fn set_height(&mut self, height: usize) {
        if self.height != height {
            self.height = height;
            self.clamp();
        }
    }

    /// Whether order or filter changed since the last [`Self::refresh`].
    pub fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// Carries out a movement or marking command; `rows` are those of the last refresh.
    pub fn on<R: Row>(&mut self, command: &str, rows: &[R], columns: usize) -> bool {
        let page = self.height.max(1);
        let last = self.order.len().saturating_sub(1);
        let to = match command {
            "up" => self.cursor.saturating_sub(1),
            "down" => (self.cursor + 1).min(last),
            "top" => 0,
            "bottom" => last,
            "half-up" => self.cursor.saturating_sub((page / 2).max(1)),
            "half-down" => (self.cursor + (page / 2).max(1)).min(last),
            "page-up" => self.cursor.saturating_sub(page),
            "page-down" => (self.cursor + page).min(last),
            "mark" => {
                self.toggle_mark();
                (self.cursor + 1).min(last)
            }
            "mark-range" => {
                self.range(rows);
                self.cursor
            }
            "mark-all" => {
                self.mark_all(rows);
                self.cursor
            }
            "sort-left" => {
                self.set_sort((self.sort.0 + columns - 1) % columns.max(1), self.sort.1);
                self.cursor
            }
            "sort-right" => {
                self.set_sort((self.sort.0 + 1) % columns.max(1), self.sort.1);
                self.cursor
            }
            "sort-flip" => {
                self.set_sort(self.sort.0, !self.sort.1);
                self.cursor
            }
            _ => return false,
        };
        self.select_at(to, rows);
        true
    }

    fn select_at<R: Row>(&mut self, cursor: usize, rows: &[R]) {
        if cursor != self.cursor {
            self.wanted = None;
        }
        self.cursor = cursor;
        self.clamp();
        if let Some(row) = self.order.get(self.cursor).and_then(|at| rows.get(*at)) {
            self.selected = Some(row.id().to_owned());
        }
    }

    /// Selects the row with this id, as soon as it is there.
    pub fn select(&mut self, id: &str) {
        self.wanted = Some(id.to_owned());
        self.dirty = true;
    }

    fn toggle_mark(&mut self) {
        let Some(id) = &self.selected else { return };
        if self.order.is_empty() {
            return;
        }
        if !self.marks.remove(id) {
            self.marks.insert(id.clone());
        }
    }

    fn range<R: Row>(&mut self, rows: &[R]) {
        match self.anchor_at.take() {
            None => {
                self.anchor = self.selected.clone();
                self.anchor_at = self.anchor.as_ref().map(|_| self.cursor);
            }
            Some(from) => {
                self.anchor = None;
                let (low, high) = (from.min(self.cursor), from.max(self.cursor));
                for at in self.order.iter().take(high + 1).skip(low) {
                    self.marks.insert(rows[*at].id().to_owned());
                }
            }
        }
    }

    fn mark_all<R: Row>(&mut self, rows: &[R]) {
        let shown = || self.order.iter().map(|at| rows[*at].id());
        if shown().all(|id| self.marks.contains(id)) {
            let shown: Vec<String> = shown().map(str::to_owned).collect();
            for id in shown {
                self.marks.remove(&id);
            }
        } else {
            let shown: Vec<String> = shown().map(str::to_owned).collect();
            self.marks.extend(shown);
        }
    }

    /// Takes the range, or else the marks, or else the filter away. Whether there was any.
    pub fn let_go(&mut self) -> bool {
        if self.anchor.take().is_some() {
            self.anchor_at = None;
            return true;
        }
        if !self.marks.is_empty() {
            self.marks.clear();
            return true;
        }
        let filtered = !self.filter_text.is_empty();
        if filtered {
            self.set_filter("", &[]);
        }
        filtered
    }

    /// Forgets the marks.
    pub fn unmark(&mut self) {
        self.marks.clear();
    }

    /// Filters by `text`. A mistake in it is kept to be shown, and the filter before stays.
    pub fn set_filter(&mut self, text: &str, columns: &[&str]) {
        self.filter_text = text.to_owned();
        match Filter::parse(text, columns) {
            Ok(filter) => {
                self.filter = filter;
                self.filter_error = None;
            }
            Err(error) => self.filter_error = Some(error),
        }
        self.dirty = true;
    }

    /// Sorts by a column.
    pub fn set_sort(&mut self, column: usize, descending: bool) {
        self.sort = (column, descending);
        self.dirty = true;
    }

    /// Column and direction of the order.
    pub fn sort(&self) -> (usize, bool) {
        self.sort
    }

    /// What it is filtered by, as typed.
    pub fn filter_text(&self) -> &str {
        &self.filter_text
    }

    /// What is wrong with the filter.
    pub fn filter_error(&self) -> Option<&str> {
        self.filter_error.as_deref()
    }

    /// Id of the selected row.
    pub fn selected(&self) -> Option<&str> {
        self.selected.as_deref().filter(|_| !self.order.is_empty())
    }

    /// Ids an action applies to: the marked rows in the order shown, then marked ones that are hidden; else the
    /// selected row.
    pub fn targets<'a, R: Row>(&self, rows: &'a [R]) -> Vec<&'a R> {
        if self.marks.is_empty() {
            let selected = self.order.get(self.cursor).and_then(|at| rows.get(*at));
            return selected.into_iter().collect();
        }
        let marked = |row: &&R| self.marks.contains(row.id());
        let shown: HashSet<usize> = self.order.iter().copied().collect();
        let hidden = rows
            .iter()
            .enumerate()
            .filter(|(at, _)| !shown.contains(at))
            .map(|(_, row)| row);
        let visible = self.order.iter().filter_map(|at| rows.get(*at));
        visible
            .filter(marked)
            .chain(hidden.filter(marked))
            .collect()
    }

    /// Indices of all rows shown, in order.
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// Indices of the rows in view, with their place in the order.
    pub fn in_view(&self) -> impl Iterator<Item = (usize, usize)> {
        let end = (self.offset + self.height).min(self.order.len());
        let from = self.offset.min(end);
        self.order[from..end]
            .iter()
            .enumerate()
            .map(move |(at, row)| (from + at, *row))
    }

    /// Whether the row at this place of the order has the cursor.
    pub fn is_cursor(&self, place: usize) -> bool {
        place == self.cursor
    }

    /// Whether the row with this id, at this place of the order, is marked or in the open range.
    pub fn is_marked(&self, place: usize, id: &str) -> bool {
        let in_range = self
            .anchor_at
            .is_some_and(|from| (from.min(self.cursor)..=from.max(self.cursor)).contains(&place));
        in_range || self.marks.contains(id)
    }

    /// Whether anything is marked or a range is open.
    pub fn has_marks(&self) -> bool {
        !self.marks.is_empty() || self.anchor.is_some()
    }

    /// `12/840`, `12/40 of 840`, `3 marked`: where one is.
    pub fn position(&self) -> String {
        let shown = self.order.len();
        let at = if shown == 0 { 0 } else { self.cursor + 1 };
        let mut text = if shown == self.total {
            format!("{at}/{shown}")
        } else {
            format!("{at}/{shown} of {}", self.total)
        };
        if !self.marks.is_empty() {
            text = format!("{} marked  {text}", self.marks.len());
        }
        text
    }
}
