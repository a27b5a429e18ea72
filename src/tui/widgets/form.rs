//! Fields in order, one of them with the keyboard. Checked as one types; a mistake is shown beside its field.

use crate::tui::command::Command;
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
                self.focus = wrong;
                false
            }
            None => true,
        }
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
        self.focus = if forward {
            (self.focus + 1) % count
        } else {
            (self.focus + count - 1) % count
        };
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
