//! Fields in order, one of them with the keyboard. Checked as one types; a mistake is shown beside its field.

use crate::tui::command::Command;
use crate::tui::failure::Failure;
use crate::tui::keys::Key;

use super::field::{Choice, Field, Kind};

const FORM: &[&str] = &["form"];

/// Commands of forms.
pub const COMMANDS: &[Command] = &[
    Command::new("form.next", "next field", "Go to the next field", FORM).hint(2),
    Command::new(
        "form.previous",
        "field before",
        "Go to the field before",
        FORM,
    ),
    Command::new(
        "form.up",
        "up",
        "Go up, in a list or to the field before",
        FORM,
    ),
    Command::new(
        "form.down",
        "down",
        "Go down, in a list or to the next field",
        FORM,
    ),
    Command::new(
        "form.accept",
        "take it",
        "Take what is chosen and go on; at the end, finish",
        FORM,
    )
    .hint(1),
    Command::new("form.submit", "finish", "Finish the form", FORM).hint(3),
    Command::new(
        "cancel",
        "cancel",
        "Close this and change nothing",
        &["form", "confirm", "menu", "palette"],
    )
    .hint(70),
];

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It moved or changed something.
    Taken,
    /// It is none of a form's.
    Unknown,
    /// The form is to be sent.
    Submit,
}

/// A form.
#[derive(Clone, Debug, Default)]
pub struct Form {
    fields: Vec<Field>,
    focus: usize,
}

impl Form {
    /// A form with these fields, the first one focused.
    pub fn new(fields: Vec<Field>) -> Self {
        Self { fields, focus: 0 }
    }

    /// The fields.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Index of the focused field.
    pub fn focus(&self) -> usize {
        self.focus
    }

    fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// What the field `name` holds, as text.
    pub fn value(&self, name: &str) -> String {
        self.field(name).map(Field::value).unwrap_or_default()
    }

    /// The same, if there is anything.
    pub fn filled(&self, name: &str) -> Option<String> {
        Some(self.value(name)).filter(|value| !value.is_empty())
    }

    /// The number in the field `name`.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.value(name).parse().ok()
    }

    /// Whether the toggle `name` is on.
    pub fn is_on(&self, name: &str) -> bool {
        self.value(name) == "yes"
    }

    /// Ids chosen in the field `name`.
    pub fn chosen(&self, name: &str) -> Vec<String> {
        match self.field(name).map(|field| &field.kind) {
            Some(Kind::Choice(choices)) => choices.chosen.iter().cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// Labels of what is chosen in the field `name`.
    pub fn labels(&self, name: &str) -> Vec<&str> {
        match self.field(name).map(|field| &field.kind) {
            Some(Kind::Choice(choices)) => choices.labels(),
            _ => Vec::new(),
        }
    }

    /// Gives the field `name` these options.
    pub fn offer(&mut self, name: &str, options: Vec<Choice>) {
        let field = self.fields.iter_mut().find(|field| field.name == name);
        if let Some(Kind::Choice(choices)) = field.map(|field| &mut field.kind) {
            choices.set(options);
        }
    }

    /// Chooses an option in a field where nothing is chosen yet.
    pub fn suggest(&mut self, name: &str, id: &str) {
        let field = self.fields.iter_mut().find(|field| field.name == name);
        if let Some(field) = field.filter(|field| !field.touched)
            && let Kind::Choice(choices) = &mut field.kind
            && choices.chosen.is_empty()
        {
            choices.choose(id);
        }
    }

    /// Checks every field; `more` adds what only the whole form can tell, as pairs of field and message.
    pub fn check(&mut self, more: Vec<(&'static str, String)>) {
        for field in &mut self.fields {
            field.error = field.check();
        }
        for (name, message) in more {
            if let Some(field) = self.fields.iter_mut().find(|field| field.name == name)
                && field.error.is_none()
            {
                field.error = Some(message);
            }
        }
    }

    /// Whether nothing is wrong. Otherwise everything wrong is shown and the first of it focused.
    pub fn is_right(&mut self) -> bool {
        for field in &mut self.fields {
            field.touched = true;
        }
        match self.fields.iter().position(|field| field.error.is_some()) {
            Some(wrong) => {
                self.go_to(wrong);
                false
            }
            None => true,
        }
    }

    /// Shows a refusal at the field it is about, if that can be told: by the field that the cloud names, or else by the
    /// one whose text the refusal quotes.
    pub fn refuse(&mut self, failure: &Failure) {
        let named = failure
            .field
            .as_deref()
            .and_then(|name| self.place_of(name));
        let Some(at) = named.or_else(|| self.quoted_in(&failure.message)) else {
            return;
        };
        let field = &mut self.fields[at];
        let reason = failure.field.as_ref().and_then(|name| {
            let reason = failure.message.strip_prefix(name.as_str())?;
            reason.strip_prefix(": ")
        });
        field.refuse(reason.unwrap_or(&failure.message));
        self.go_to(at);
    }

    /// The field that the cloud calls `name`: `flavorRef` is `flavor`, `server.key_name` is `key`.
    fn place_of(&self, name: &str) -> Option<usize> {
        let last = name.rsplit(['.', '/']).next().unwrap_or(name);
        let of_name = |name: &str| self.fields.iter().position(|field| field.name == name);
        let of_word = |word: &str| {
            self.fields
                .iter()
                .position(|field| word.starts_with(field.name) || field.name.starts_with(word))
        };
        of_name(last).or_else(|| words(last).iter().find_map(|word| of_word(word)))
    }

    /// The only field whose text is a word of the message.
    fn quoted_in(&self, message: &str) -> Option<usize> {
        let is_word = |text: &str| {
            message.match_indices(text).any(|(at, _)| {
                let before = message[..at].chars().next_back();
                let after = message[at + text.len()..].chars().next();
                let apart = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '-');
                apart(before) && apart(after)
            })
        };
        let mut quoted = self.fields.iter().enumerate().filter(|(_, field)| {
            let Kind::Text(input) = &field.kind else {
                return false;
            };
            let text = input.value().trim();
            text.chars().count() > 1 && is_word(text)
        });
        let first = quoted.next().map(|(at, _)| at);
        first.filter(|_| quoted.next().is_none())
    }

    /// Carries out a command.
    pub fn on(&mut self, command: &str) -> Answer {
        match command {
            "form.next" => self.go(true),
            "form.previous" => self.go(false),
            "form.up" if !self.step(false) => self.go(false),
            "form.down" if !self.step(true) => self.go(true),
            "form.up" | "form.down" => {}
            "form.accept" => return self.accept(),
            "form.submit" => {
                self.leave();
                return Answer::Submit;
            }
            _ => return Answer::Unknown,
        }
        Answer::Taken
    }

    fn accept(&mut self) -> Answer {
        if self.focused().is_some_and(Field::accept) {
            return Answer::Taken;
        }
        if self.focus + 1 == self.fields.len() {
            self.leave();
            return Answer::Submit;
        }
        self.go(true);
        Answer::Taken
    }

    fn focused(&mut self) -> Option<&mut Field> {
        self.fields.get_mut(self.focus)
    }

    fn step(&mut self, down: bool) -> bool {
        self.focused().is_some_and(|field| field.step(down))
    }

    fn leave(&mut self) {
        if let Some(field) = self.focused() {
            field.leave();
        }
    }

    fn go(&mut self, forward: bool) {
        self.leave();
        let count = self.fields.len().max(1);
        self.go_to(if forward {
            (self.focus + 1) % count
        } else {
            (self.focus + count - 1) % count
        });
    }

    fn go_to(&mut self, at: usize) {
        self.focus = at;
        if let Some(field) = self.focused() {
            field.enter();
        }
    }

    /// Takes a key into the focused field.
    pub fn key(&mut self, key: Key) -> bool {
        self.focused().is_some_and(|field| field.key(key))
    }

    /// Takes pasted text into the focused field.
    pub fn paste(&mut self, text: &str) {
        if let Some(field) = self.focused() {
            field.paste(text);
        }
    }
}

/// Words of a name as APIs write them, in small letters: `flavorRef`, `key_name`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in name.chars() {
        if !c.is_alphanumeric() || c.is_uppercase() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| word.len() > 1);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> Form {
        let flavors = vec![
            Choice::plain("m1.small"),
            Choice::plain("m1.large"),
            Choice::plain("c1.tiny"),
        ];
        Form::new(vec![
            Field::text("name", "Name", "").required(),
            Field::choice("flavor", "Flavor", "").required().of(flavors),
            Field::number("count", "Count", "", (1, 10), "servers").with("1"),
        ])
    }

    fn press(form: &mut Form, keys: &str) {
        for key in keys.split(' ') {
            match key {
                "tab" => drop(form.on("form.next")),
                "enter" => drop(form.on("form.accept")),
                "down" => drop(form.on("form.down")),
                key => assert!(form.key(key.parse().unwrap()), "{key}"),
            }
        }
    }

    #[test]
    fn typing_narrows_a_choice_and_enter_takes_it() {
        let mut form = form();
        press(&mut form, "w e b enter l a r enter");
        assert_eq!(form.value("name"), "web");
        assert_eq!(form.value("flavor"), "m1.large");
        assert_eq!(form.focus(), 2);
        assert_eq!(form.on("form.accept"), Answer::Submit);
        form.check(Vec::new());
        assert!(form.is_right());
    }

    #[test]
    fn mistakes_stay_beside_their_field() {
        let mut form = form();
        press(&mut form, "tab tab 1 9");
        form.check(vec![("name", "is taken".into())]);
        assert!(!form.is_right());
        assert_eq!(form.focus(), 0);
        assert_eq!(form.fields()[0].error.as_deref(), Some("needed"));
        assert!(
            form.fields()[2]
                .error
                .as_deref()
                .is_some_and(|error| error.contains("1 to 10"))
        );
        assert!(!form.fields_mut_for_test().key("x".parse().unwrap()));
    }

    impl Form {
        fn fields_mut_for_test(&mut self) -> &mut Field {
            &mut self.fields[2]
        }
    }

    #[test]
    fn a_refusal_is_shown_at_its_field_until_that_is_changed() {
        let refusal = |field: Option<&str>, message: &str| Failure {
            field: field.map(str::to_owned),
            ..Failure::local(message)
        };
        let refused = |form: &Form| -> Vec<&str> {
            let fields = form.fields().iter();
            let of = |field: &'_ Field| field.problem().map(|_| field.name);
            fields.filter_map(of).collect()
        };
        for (named, at) in [
            (Some("server.flavorRef"), "flavor"),
            (Some("min_count"), "count"),
            (Some("display_name"), "name"),
            (None, "name"),
        ] {
            let mut form = form();
            press(&mut form, "w e b enter l a r enter");
            form.check(Vec::new());
            assert!(refused(&form).is_empty());
            form.refuse(&refusal(named, "there is a 'web' already"));
            assert_eq!(refused(&form), [at], "{named:?}");
            assert_eq!(form.fields()[form.focus()].name, at);
            // The cloud may think otherwise the next time, also of the same.
            assert!(form.is_right());
        }
        let mut form = form();
        press(&mut form, "w e b enter l a r enter");
        form.refuse(&refusal(Some("name"), "name: is taken"));
        assert_eq!(form.fields()[0].problem(), Some("is taken"));
        press(&mut form, "2");
        assert_eq!(form.fields()[0].problem(), None);
        form.refuse(&refusal(None, "the webserver of my-web is down"));
        assert!(refused(&form).is_empty());
    }

    #[test]
    fn what_is_typed_ahead_is_taken_when_the_options_come() {
        let fields = || {
            vec![
                Field::choice("flavor", "Flavor", ""),
                Field::text("name", "Name", ""),
            ]
        };
        let options = || vec![Choice::plain("m1.small"), Choice::plain("m1.large")];
        // Enter takes the best, tab the only one.
        for (keys, taken) in [
            ("l a r enter", "m1.large"),
            ("m 1 enter", "m1.small"),
            ("l a r tab", "m1.large"),
            ("m 1 tab", ""),
        ] {
            let mut form = Form::new(fields());
            press(&mut form, keys);
            form.check(Vec::new());
            assert!(form.fields()[0].error.is_some(), "{keys}");
            press(&mut form, "x");
            form.offer("flavor", options());
            form.check(Vec::new());
            assert_eq!(form.value("flavor"), taken, "{keys}");
            assert_eq!(form.fields()[0].error.is_none(), !taken.is_empty());
            assert_eq!(form.value("name"), "x");
        }
        // Finished too early the form goes back to the field, and what was typed there still counts.
        let mut form = Form::new(vec![
            Field::choice("flavor", "Flavor", "").required(),
            Field::text("name", "Name", ""),
        ]);
        press(&mut form, "l a r enter");
        assert_eq!(form.on("form.submit"), Answer::Submit);
        form.check(Vec::new());
        assert!(!form.is_right());
        assert_eq!(form.focus(), 0);
        form.offer("flavor", options());
        form.check(Vec::new());
        assert_eq!(form.value("flavor"), "m1.large");
        assert!(form.is_right());
        // Who comes back finds what was typed.
        let mut form = Form::new(fields());
        press(&mut form, "m 1 tab");
        form.offer("flavor", options());
        press(&mut form, "tab . l enter");
        form.check(Vec::new());
        assert_eq!(form.value("flavor"), "m1.large");
        assert!(form.is_right());
    }

    #[test]
    fn a_number_is_typed_anew_whenever_it_is_gone_to() {
        let mut form = form();
        press(&mut form, "tab tab 2 0");
        assert_eq!(form.value("count"), "20");
        press(&mut form, "tab tab tab 7");
        assert_eq!(form.value("count"), "7");
        press(&mut form, "tab tab tab left 1");
        assert_eq!(form.value("count"), "17");
    }

    #[test]
    fn new_options_keep_the_choice() {
        let mut form = form();
        press(&mut form, "tab down enter");
        assert_eq!(form.value("flavor"), "m1.large");
        form.offer(
            "flavor",
            vec![Choice::plain("m1.large"), Choice::plain("x")],
        );
        assert_eq!(form.value("flavor"), "m1.large");
        form.offer("flavor", vec![Choice::plain("x")]);
        assert_eq!(form.value("flavor"), "");
    }
}
