//! From keys to commands, and the commands that belong to the console as a whole.

use crate::tui::command::{self, Command};
use crate::tui::cx::Cx;
use crate::tui::effect::Effect;
use crate::tui::keymap::Found;
use crate::tui::keys::{Code, Key};
use crate::tui::overlays::help::{Help, Line};
use crate::tui::overlays::menu::{Item, Menu};
use crate::tui::overlays::palette::Palette;
use crate::tui::overlays::results::Results;
use crate::tui::screens::{self, Object, Offer};

use super::State;
use super::notice::Tone;

/// Things offered by name in the palette at most.
const OBJECTS: usize = 20_000;
/// Global commands that also work while something is open.
const ALWAYS: [&str; 3] = ["redraw", "suspend", "quit"];

impl State {
    pub(super) fn on_key(&mut self, key: Key) {
        if self.is_typing() && self.pending.is_empty() && key.typed().is_some() {
            return self.give_key(key);
        }
        self.pending.push(key);
        match self.manner.keymap.find(&self.contexts(), &self.pending) {
            Found::Prefix => {}
            Found::Command(command) => {
                self.pending.clear();
                self.run(command);
            }
            Found::Nothing => {
                let keys = std::mem::take(&mut self.pending);
                if let [only] = keys.as_slice() {
                    self.give_key(*only);
                } else if keys.last() != Some(&Key::plain(Code::Named("esc"))) {
                    let keys = crate::tui::keys::show_sequence(&keys);
                    self.tell(
                        Tone::Info,
                        format!("{keys} does nothing here; ? shows what does."),
                    );
                }
            }
        }
    }

    /// Whether plain keys are text now.
    fn is_typing(&self) -> bool {
        match self.overlays.last() {
            Some(overlay) => overlay.is_typing(),
            None => self.screens.current().is_typing(),
        }
    }

    fn give_key(&mut self, key: Key) {
        let mut cx = Cx::new(self.world.facts(), &self.manner.keymap);
        match self.overlays.last_mut() {
            Some(overlay) => overlay.key(key, &mut cx),
            None => self.screens.current_mut().key(key, &mut cx),
        }
        let turns = cx.into_turns();
        self.take(turns);
    }

    pub(super) fn on_paste(&mut self, text: &str) {
        let mut cx = Cx::new(self.world.facts(), &self.manner.keymap);
        match self.overlays.last_mut() {
            Some(overlay) => overlay.paste(text, &mut cx),
            None => self.screens.current_mut().paste(text, &mut cx),
        }
        let turns = cx.into_turns();
        self.take(turns);
    }

    /// Runs a command where the keyboard is.
    pub(super) fn run(&mut self, command: &'static Command) {
        if let Some(why) = self.world.session.refuses(command) {
            self.tell(Tone::Warn, why.to_owned());
            return;
        }
        let mut cx = Cx::new(self.world.facts(), &self.manner.keymap);
        let open = self.overlays.last_mut();
        let has_overlay = open.is_some();
        let handled = match open {
            Some(overlay) => overlay.on(command, &mut cx),
            None => self.screens.current_mut().on(command, &mut cx),
        };
        let turns = cx.into_turns();
        self.take(turns);
        if handled {
            return;
        }
        match command.name {
            "out" | "back" | "cancel" if has_overlay => drop(self.overlays.pop()),
            name if has_overlay && !ALWAYS.contains(&name) => {}
            _ => self.run_global(command),
        }
    }

    fn run_global(&mut self, command: &'static Command) {
        match command.name {
            "palette" => self.open_palette(),
            "help" => self.open_help(),
            "menu" => self.open_menu(),
            "results" => self.overlays.push(Box::new(Results::default())),
            "out" | "backward" => self.back(),
            "back" => self.back_or_leave(),
            "forward" => self.forth(),
            "quit" => self.effects.push(Effect::Leave),
            "suspend" => self.effects.push(Effect::Suspend),
            "redraw" => {
                self.world.data.spoil_all();
                self.effects.push(Effect::Redraw);
            }
            "freeze" => self.freeze(),
            "theme" => {
                self.manner.themes.rotate_left(1);
                let name = self.manner.themes[0].name().to_owned();
                self.tell(Tone::Info, format!("Theme {name}"));
            }
            "reconnect" => {
                self.world.link.retry_at = None;
                self.world.data.spoil_all();
                self.effects.push(Effect::Reconnect);
            }
            name => {
                let view = name.strip_prefix("view.").and_then(screens::find);
                if let Some(entry) = view {
                    let screen = (entry.open)(&self.world.facts());
                    self.go(screen);
                }
            }
        }
    }

    fn freeze(&mut self) {
        self.frozen = !self.frozen;
        if self.frozen {
            self.tell(
                Tone::Info,
                "Held still: nothing on the screen changes by itself.".to_owned(),
            );
        } else {
            self.notice = None;
            self.world.data.spoil_all();
        }
    }

    pub(super) fn back(&mut self) {
        self.with_screen(|screen, cx| screen.leave(cx));
        self.screens.back();
        self.with_screen(|screen, cx| screen.enter(cx));
    }

    fn back_or_leave(&mut self) {
        self.with_screen(|screen, cx| screen.leave(cx));
        if !self.screens.back() {
            self.effects.push(Effect::Leave);
        }
        self.with_screen(|screen, cx| screen.enter(cx));
    }

    fn forth(&mut self) {
        self.with_screen(|screen, cx| screen.leave(cx));
        self.screens.forth();
        self.with_screen(|screen, cx| screen.enter(cx));
    }

    /// What the visible view says of a command of its contexts.
    pub(super) fn offer(&self, command: &Command) -> Offer {
        if !self.permits(command) {
            return Offer::Hidden;
        }
        let nowhere = match command.name {
            "out" | "backward" => !self.screens.has_before(),
            "forward" => !self.screens.has_after(),
            _ => false,
        };
        if nowhere {
            return Offer::Hidden;
        }
        if command.name.starts_with("view.") {
            return Offer::Yes;
        }
        self.screens.current().offer(command, &self.world.facts())
    }

    /// Commands that work in the visible view, each with the first of its keys; those that can not be had now are left
    /// out.
    pub fn commands_here(&self) -> Vec<(&'static Command, Option<String>)> {
        let contexts = self.contexts();
        let has_overlay = !self.overlays.is_empty();
        let typing = self.is_typing();
        command::all()
            .filter(|command| {
                command
                    .contexts
                    .iter()
                    .any(|context| contexts.contains(context))
            })
            .filter(|command| has_overlay || self.offer(command) == Offer::Yes)
            .filter(|command| self.permits(command))
            .map(|command| {
                (
                    command,
                    self.manner.keymap.key_of(&contexts, command, typing),
                )
            })
            .collect()
    }

    fn open_palette(&mut self) {
        let commands = self
            .commands_here()
            .into_iter()
            .filter(|(command, _)| !matches!(command.name, "palette" | "out"))
            .collect();
        let mut objects: Vec<Object> = Vec::new();
        for entry in screens::REGISTRY {
            (entry.objects)(&self.world.data, &mut objects);
            if objects.len() > OBJECTS {
                objects.truncate(OBJECTS);
                break;
            }
        }
        self.overlays
            .push(Box::new(Palette::new(commands, objects)));
    }

    fn open_help(&mut self) {
        let contexts = self.contexts();
        let mut lines = Vec::new();
        for context in &contexts {
            let commands = command::all().filter(|command| command.contexts.contains(context));
            for command in commands.filter(|command| self.offer(command) != Offer::Hidden) {
                let nearest = contexts.iter().find(|near| command.contexts.contains(near));
                let keys = self.manner.keymap.keys_of(&contexts, command);
                if nearest == Some(context) && !keys.is_empty() {
                    lines.push(Line {
                        context,
                        keys: keys.join(", "),
                        doc: command.doc,
                    });
                }
            }
        }
        let title = self.screens.current().path(&self.world.facts()).join(" ");
        self.overlays.push(Box::new(Help::new(title, lines)));
    }

    fn open_menu(&mut self) {
        let contexts = self.screens.current().contexts();
        let is_view = |context: &&&str| screens::find(context).is_some();
        let Some(own) = contexts.iter().find(is_view) else {
            return;
        };
        let items: Vec<Item> = command::all()
            .filter(|command| command.contexts.contains(own))
            .filter(|command| !command.is_move() && !command.name.starts_with("view."))
            .filter_map(|command| {
                let offer = self.offer(command);
                let keys = self
                    .manner
                    .keymap
                    .key_of(&contexts, command, false)
                    .unwrap_or_default();
                (offer != Offer::Hidden).then_some(Item {
                    command,
                    keys,
                    offer,
                })
            })
            .collect();
        if items.is_empty() {
            self.tell(
                Tone::Info,
                "There is nothing to do to these here.".to_owned(),
            );
            return;
        }
        let subject = self.screens.current().subject(&self.world.facts());
        self.overlays
            .push(Box::new(Menu::new(format!("Actions: {subject}"), items)));
    }
}
