//! One field of a form: what it takes, what is in it, what is wrong with it.

use std::collections::BTreeSet;

use tui_input::Input;

use crate::tui::fuzzy;
use crate::tui::keys::{Code, Key};

use super::area::Area;
use super::line;

/// Options ranked at most.
const OPTIONS: usize = 1_000;

/// Something to choose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// What is sent.
    pub id: String,
    /// What is shown.
    pub label: String,
    /// What helps to choose: sizes, states.
    pub note: String,
}

impl Choice {
    /// One whose label says it all.
    pub fn plain(text: &str) -> Self {
        Self::new(text, text, "")
    }

    /// A choice.
    pub fn new(id: &str, label: &str, note: impl Into<String>) -> Self {
        Self {
            id: id.to_owned(),
            label: label.to_owned(),
            note: note.into(),
        }
    }
}

/// Options to choose from, narrowed by what is typed.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    options: Vec<Choice>,
    /// Indices of the options that match what was typed.
    ranked: Vec<usize>,
    /// Place in `ranked`.
    pub cursor: usize,
    /// What was typed.
    pub typed: Input,
    /// What was typed and left though it matches none, or several.
    missed: Option<String>,
    /// Ids chosen.
    pub chosen: BTreeSet<String>,
    /// Whether several may be chosen.
    pub many: bool,
    /// Whether the options have arrived.
    pub known: bool,
    /// What was typed and left before they had, and whether the best match was to be taken. It stays if it matches
    /// nothing.
    awaited: Option<(String, bool)>,
}

impl Choices {
    /// Replaces the options; cursor and choice follow their ids.
    pub fn set(&mut self, options: Vec<Choice>) {
        self.known = true;
        if options == self.options {
            return;
        }
        let at_cursor = self.current().map(|choice| choice.id.clone());
        self.options = options;
        self.chosen
            .retain(|id| self.options.iter().any(|option| option.id == *id));
        self.rank();
        if let Some(id) = at_cursor {
            let place = |at: &usize| self.options[*at].id == id;
            self.cursor = self.ranked.iter().position(place).unwrap_or(0);
        }
        self.take_awaited();
    }

    /// Chooses what was typed before there was anything to choose.
    fn take_awaited(&mut self) {
        let Some((typed, best)) = &self.awaited else {
            return;
        };
        let labels = self.options.iter().map(|option| option.label.as_str());
        let ranked = fuzzy::rank(typed, labels, OPTIONS);
        if let Some(at) = ranked.first().filter(|_| *best || ranked.len() == 1) {
            let id = self.options[*at].id.clone();
            self.awaited = None;
            self.choose(&id);
            self.typed.reset();
            self.rank();
        }
    }

    /// What was typed before the options came and is not taken yet.
    pub fn awaited(&self) -> Option<&str> {
        self.awaited.as_ref().map(|(typed, _)| typed.as_str())
    }

    /// Notes what was typed if there is nothing to match it with yet.
    fn await_options(&mut self, best: bool) {
        let typed = self.typed.value();
        if !self.known && !typed.is_empty() {
            self.awaited.get_or_insert_with(|| (typed.to_owned(), best));
        }
    }

    /// Takes what was typed, or its only match, in place of what was chosen. What matches none or several is a mistake, not
    /// a reason to go on with something else.
    fn settle_typed(&mut self) {
        let typed = self.typed.value();
        if typed.is_empty() || !self.known || self.many {
            return;
        }
        let exact = self.matching().position(|option| option.label == typed);
        match exact.or((self.count() == 1).then_some(0)) {
            Some(at) => {
                self.cursor = at;
                self.pick();
            }
            None => self.missed = Some(typed.to_owned()),
        }
    }

    fn enter(&mut self) {
        // While there is nothing to choose, coming back takes nothing back: only an edit does.
        let awaited = if self.known {
            self.awaited.take()
        } else {
            self.awaited.clone()
        };
        let awaited = awaited.map(|(typed, _)| typed);
        if let Some(typed) = awaited.or_else(|| self.missed.clone()) {
            self.typed = Input::new(typed);
            self.rank();
        }
    }

    fn rank(&mut self) {
        let labels = self.options.iter().map(|option| option.label.as_str());
        self.ranked = fuzzy::rank(self.typed.value(), labels, OPTIONS);
        // Enter on the way through keeps what is chosen, until something is looked for.
        let chosen = |at: &usize| self.chosen.contains(&self.options[*at].id);
        let kept = self.ranked.iter().position(chosen);
        self.cursor = kept.filter(|_| self.typed.value().is_empty()).unwrap_or(0);
    }

    /// Options that match what was typed, best first.
    pub fn matching(&self) -> impl Iterator<Item = &Choice> {
        self.ranked.iter().map(|at| &self.options[*at])
    }

    /// How many match.
    pub fn count(&self) -> usize {
        self.ranked.len()
    }

    /// Whether there is nothing to choose.
    pub fn is_empty(&self) -> bool {
        self.options.is_empty()
    }

    /// The option at the cursor.
    pub fn current(&self) -> Option<&Choice> {
        self.ranked.get(self.cursor).map(|at| &self.options[*at])
    }

    /// Labels of what is chosen.
    pub fn labels(&self) -> Vec<&str> {
        let chosen = self
            .options
            .iter()
            .filter(|option| self.chosen.contains(&option.id));
        chosen.map(|option| option.label.as_str()).collect()
    }

    /// The note of the one that is chosen.
    pub fn note(&self) -> &str {
        self.options
            .iter()
            .find(|option| self.chosen.contains(&option.id))
            .map_or("", |option| &option.note)
    }

    /// Chooses an option by its id.
    pub fn choose(&mut self, id: &str) {
        if !self.many {
            self.chosen.clear();
        }
        self.chosen.insert(id.to_owned());
    }

    fn pick(&mut self) {
        let Some(id) = self.current().map(|choice| choice.id.clone()) else {
            return;
        };
        if self.many && self.chosen.contains(&id) {
            self.chosen.remove(&id);
        } else {
            self.choose(&id);
        }
        self.missed = None;
        if !self.many {
            self.typed.reset();
            self.rank();
        }
    }

    fn step(&mut self, down: bool) -> bool {
        if down && self.cursor + 1 < self.ranked.len() {
            self.cursor += 1;
        } else if !down && self.cursor > 0 {
            self.cursor -= 1;
        } else {
            return false;
        }
        true
    }

    fn key(&mut self, key: Key) -> bool {
        self.missed = None;
        self.awaited = None;
        if self.many && key.typed() == Some(' ') {
            self.pick();
            return true;
        }
        let taken_out = key == Key::plain(Code::Named("backspace"))
            && self.typed.value().is_empty()
            && !self.chosen.is_empty();
        if taken_out {
            self.chosen.clear();
            return true;
        }
        if line::edit(&mut self.typed, key) {
            self.rank();
            return true;
        }
        false
    }
}

/// What a field takes.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A line of text.
    Text(Input),
    /// A line that is not shown.
    Secret(Input),
    /// A whole number within bounds, with its unit.
    Number {
        /// What is typed.
        input: Input,
        /// Least and most.
        bounds: (u64, u64),
        /// `GiB`.
        unit: &'static str,
    },
    /// On or off.
    Toggle(bool),
    /// One or several of a list.
    Choice(Choices),
    /// Several lines.
    Area(Area),
}

/// A field.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name, as checks and requests use it.
    pub name: &'static str,
    /// What it is called.
    pub label: &'static str,
    /// What it is for, in one line.
    pub help: &'static str,
    /// Whether it must be filled in.
    pub required: bool,
    /// What it takes, and holds.
    pub kind: Kind,
    /// What is wrong with what it holds.
    pub error: Option<String>,
    /// Whether it was left or changed, so that mistakes may be shown.
    pub touched: bool,
    /// Whether it was just gone to: the first digit takes the place of the number.
    fresh: bool,
    /// What the cloud refused to take, and why.
    refused: Option<(String, String)>,
}

impl Field {
    fn new(name: &'static str, label: &'static str, help: &'static str, kind: Kind) -> Self {
        Self {
            name,
            label,
            help,
            required: false,
            kind,
            error: None,
            touched: false,
            fresh: true,
            refused: None,
        }
    }

    /// A line of text.
    pub fn text(name: &'static str, label: &'static str, help: &'static str) -> Self {
        Self::new(name, label, help, Kind::Text(Input::default()))
    }

    /// A line that is not shown.
    pub fn secret(name: &'static str, label: &'static str, help: &'static str) -> Self {
        Self::new(name, label, help, Kind::Secret(Input::default()))
    }

    /// A whole number.
    pub fn number(
        name: &'static str,
        label: &'static str,
        help: &'static str,
        bounds: (u64, u64),
        unit: &'static str,
    ) -> Self {
        let input = Input::default();
        Self::new(
            name,
            label,
            help,
            Kind::Number {
                input,
                bounds,
                unit,
            },
        )
    }

    /// On or off.
    pub fn toggle(name: &'static str, label: &'static str, help: &'static str, on: bool) -> Self {
        Self::new(name, label, help, Kind::Toggle(on))
    }

    /// One of a list.
    pub fn choice(name: &'static str, label: &'static str, help: &'static str) -> Self {
        Self::new(name, label, help, Kind::Choice(Choices::default()))
    }

    /// Several of a list.
    pub fn choices(name: &'static str, label: &'static str, help: &'static str) -> Self {
        let many = Choices {
            many: true,
            ..Choices::default()
        };
        Self::new(name, label, help, Kind::Choice(many))
    }

    /// Several lines.
    pub fn area(name: &'static str, label: &'static str, help: &'static str) -> Self {
        Self::new(name, label, help, Kind::Area(Area::default()))
    }

    /// The same, to be filled in.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The same, with this in it (text and numbers: what is typed; choices: the id).
    #[must_use]
    pub fn with(mut self, value: &str) -> Self {
        match &mut self.kind {
            Kind::Text(input) | Kind::Secret(input) | Kind::Number { input, .. } => {
                *input = Input::new(value.to_owned());
            }
            Kind::Choice(choices) => {
                choices.choose(value);
                choices.rank();
            }
            Kind::Area(area) => area.set(value),
            Kind::Toggle(on) => *on = value == "yes",
        }
        self
    }

    /// The same, with these to choose from.
    #[must_use]
    pub fn of(mut self, options: Vec<Choice>) -> Self {
        if let Kind::Choice(choices) = &mut self.kind {
            let chosen = std::mem::take(&mut choices.chosen);
            choices.set(options);
            choices.chosen = chosen;
        }
        self
    }

    /// What it holds as text; the ids of a choice separated by commas.
    pub fn value(&self) -> String {
        match &self.kind {
            Kind::Text(input) | Kind::Number { input, .. } => input.value().trim().to_owned(),
            Kind::Secret(input) => input.value().to_owned(),
            Kind::Toggle(on) => if *on { "yes" } else { "no" }.to_owned(),
            Kind::Choice(choices) => {
                let ids: Vec<&str> = choices.chosen.iter().map(String::as_str).collect();
                ids.join(",")
            }
            Kind::Area(area) => area.content(),
        }
    }

    /// What is wrong with what it holds, as far as the field itself can tell.
    pub fn check(&self) -> Option<String> {
        if let Kind::Choice(choices) = &self.kind
            && let Some(missed) = &choices.missed
        {
            return Some(format!("{missed} is none of them, or several"));
        }
        let value = self.value();
        if value.is_empty() {
            let (loading, awaited) = match &self.kind {
                Kind::Choice(choices) => (!choices.known, choices.awaited()),
                _ => (false, None),
            };
            return match (self.required, loading, awaited) {
                (true, true, _) | (_, true, Some(_)) => {
                    Some("still loading what there is to choose".to_owned())
                }
                (_, false, Some(typed)) => Some(format!("{typed} is none of them, or several")),
                (true, false, None) => Some("needed".to_owned()),
                (false, _, None) => None,
            };
        }
        match &self.kind {
            Kind::Number { bounds, unit, .. } => match value.parse::<u64>() {
                Ok(number) if (bounds.0..=bounds.1).contains(&number) => None,
                _ => Some(
                    format!("a whole number from {} to {} {unit}", bounds.0, bounds.1)
                        .trim_end()
                        .to_owned(),
                ),
            },
            _ => None,
        }
    }

    /// Notes that the cloud did not take what it holds now.
    pub fn refuse(&mut self, reason: &str) {
        self.refused = Some((self.value(), reason.to_owned()));
    }

    /// What is to be shown as wrong: its own mistake once it was touched, or why the cloud refused what it holds.
    pub fn problem(&self) -> Option<&str> {
        let own = self.error.as_deref().filter(|_| self.touched);
        let refused = self.refused.as_ref();
        own.or_else(|| {
            let (value, reason) = refused?;
            (*value == self.value()).then_some(reason.as_str())
        })
    }

    /// Takes a key; whether it meant anything.
    pub fn key(&mut self, key: Key) -> bool {
        let taken = match &mut self.kind {
            Kind::Text(input) | Kind::Secret(input) => line::edit(input, key),
            Kind::Number { input, .. } => match key.typed() {
                Some(c) if !c.is_ascii_digit() => false,
                typed => {
                    // The first digit takes the place of what is there; who goes into it by arrows means to edit.
                    if typed.is_some() && self.fresh {
                        input.reset();
                    }
                    let taken = line::edit(input, key);
                    self.fresh &= !taken;
                    taken
                }
            },
            Kind::Toggle(on) => match key.code {
                Code::Char(' ') | Code::Named("left" | "right") => {
                    *on = !*on;
                    true
                }
                _ => false,
            },
            Kind::Choice(choices) => choices.key(key),
            Kind::Area(area) => area.key(key),
        };
        self.touched |= taken;
        taken
    }

    /// Takes pasted text.
    pub fn paste(&mut self, text: &str) {
        match &mut self.kind {
            Kind::Text(input) | Kind::Secret(input) => line::paste(input, text),
            Kind::Number { input, .. } => {
                let digits: String = text.chars().filter(char::is_ascii_digit).collect();
                if std::mem::take(&mut self.fresh) && !digits.is_empty() {
                    input.reset();
                }
                line::paste(input, &digits);
            }
            Kind::Choice(choices) => {
                choices.missed = None;
                line::paste(&mut choices.typed, text);
                choices.rank();
            }
            Kind::Area(area) => area.paste(text),
            Kind::Toggle(_) => {}
        }
        self.touched = true;
    }

    /// Moves up or down within the field; `false` if there is nowhere to go.
    pub fn step(&mut self, down: bool) -> bool {
        match &mut self.kind {
            Kind::Choice(choices) => choices.step(down),
            Kind::Area(area) => area.step(down),
            _ => false,
        }
    }

    /// Accepts what is at the cursor (enter). `true` if the field keeps the key for itself.
    pub fn accept(&mut self) -> bool {
        self.touched = true;
        match &mut self.kind {
            Kind::Choice(choices) if !choices.many => {
                choices.await_options(true);
                choices.pick();
                false
            }
            Kind::Choice(choices)
                if choices.chosen.is_empty() && !choices.typed.value().is_empty() =>
            {
                choices.await_options(true);
                choices.pick();
                false
            }
            Kind::Area(area) => {
                area.newline();
                true
            }
            _ => false,
        }
    }

    /// The cursor comes.
    pub fn enter(&mut self) {
        self.fresh = true;
        if let Kind::Choice(choices) = &mut self.kind {
            choices.enter();
        }
    }

    /// The cursor leaves: of what was typed to narrow a choice the only match is taken, also if it comes later.
    pub fn leave(&mut self) {
        self.touched = true;
        if let Kind::Choice(choices) = &mut self.kind {
            choices.await_options(false);
            choices.settle_typed();
            choices.typed.reset();
            choices.rank();
        }
    }
}
