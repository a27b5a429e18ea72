//! Which keys mean which command, by context, from `config/keymap.toml` and the operator's own file over it.
//!
//! A file has one section per context; in it, key sequences name commands (`"p s" = "server.start"`), and `"none"`
//! takes a key away. Mistakes are errors that name the nearest right word: an unknown context or command, a command
//! that does nothing in that context, a sequence that begins with another complete one.

use std::collections::BTreeMap;

use super::command::{self, Command};
use super::keys::{Key, parse_sequence, show_sequence};

const DEFAULT: &str = include_str!("../../config/keymap.toml");
/// Takes a key away.
const NONE: &str = "none";

/// Why a key map can not be used.
#[derive(Debug, thiserror::Error)]
pub enum KeymapError {
    /// Not TOML of sections with text values.
    #[error("{file}: {reason}")]
    Syntax {
        /// Which file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// A binding that can not be.
    #[error("{file}, [{context}], \"{keys}\": {reason}")]
    Binding {
        /// Which file.
        file: String,
        /// Section.
        context: String,
        /// The keys as written.
        keys: String,
        /// What is wrong.
        reason: String,
    },
}

/// What a sequence of keys means so far.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// A command.
    Command(&'static Command),
    /// The beginning of longer sequences.
    Prefix,
    /// Nothing.
    Nothing,
}

/// Bindings by context.
#[derive(Clone, Debug, Default)]
pub struct Keymap {
    sections: BTreeMap<String, Vec<Binding>>,
}

/// A sequence and what it does.
#[derive(Clone, Debug)]
pub struct Binding {
    /// Keys in order.
    pub keys: Vec<Key>,
    /// What they do.
    pub command: &'static Command,
}

impl Keymap {
    /// The default keys.
    pub fn built_in() -> Result<Self, KeymapError> {
        let mut keymap = Self::default();
        keymap.merge("keymap.toml", DEFAULT)?;
        Ok(keymap)
    }

    /// Lays `text`, the content of `file`, over what is there.
    pub fn merge(&mut self, file: &str, text: &str) -> Result<(), KeymapError> {
        let sections: BTreeMap<String, BTreeMap<String, String>> =
            toml::from_str(text).map_err(|error| KeymapError::Syntax {
                file: file.to_owned(),
                reason: error.to_string(),
            })?;
        for (context, bindings) in sections {
            for (keys, name) in bindings {
                let at = |reason: String| KeymapError::Binding {
                    file: file.to_owned(),
                    context: context.clone(),
                    keys: keys.clone(),
                    reason,
                };
                let sequence = parse_sequence(&keys).map_err(|error| at(error.to_string()))?;
                self.bind(&context, sequence, &name).map_err(at)?;
            }
            self.check_prefixes(file, &context)?;
        }
        Ok(())
    }

    fn bind(&mut self, context: &str, keys: Vec<Key>, name: &str) -> Result<(), String> {
        check_context(context)?;
        let section = self.sections.entry(context.to_owned()).or_default();
        section.retain(|binding| binding.keys != keys);
        if name == NONE {
            return Ok(());
        }
        let command = command::find(name).ok_or_else(|| {
            let nearest = command::nearest(name);
            format!("there is no command {name}; did you mean {nearest}?")
        })?;
        if !command.contexts.contains(&context) {
            let contexts = command.contexts.join("], [");
            return Err(format!(
                "{name} does nothing here; it belongs into [{contexts}]"
            ));
        }
        section.push(Binding { keys, command });
        Ok(())
    }

    fn check_prefixes(&self, file: &str, context: &str) -> Result<(), KeymapError> {
        let section = self.sections.get(context).map_or(&[][..], Vec::as_slice);
        for one in section {
            for other in section {
                if one.keys.len() < other.keys.len() && other.keys.starts_with(&one.keys) {
                    return Err(KeymapError::Binding {
                        file: file.to_owned(),
                        context: context.to_owned(),
                        keys: show_sequence(&other.keys),
                        reason: format!(
                            "can never be reached, because \"{}\" is {} already",
                            show_sequence(&one.keys),
                            one.command.name
                        ),
                    });
                }
            }
        }
        Ok(())
    }

    /// What `keys` mean where these contexts take keys, the nearest first. The nearest context that knows the
    /// sequence, or its beginning, decides.
    pub fn find(&self, contexts: &[&str], keys: &[Key]) -> Found {
        for context in contexts {
            let mut prefix = false;
            for binding in self.section(context) {
                if binding.keys == keys {
                    return Found::Command(binding.command);
                }
                prefix |= binding.keys.starts_with(keys);
            }
            if prefix {
                return Found::Prefix;
            }
        }
        Found::Nothing
    }

    /// The bindings of one context.
    pub fn section(&self, context: &str) -> &[Binding] {
        self.sections.get(context).map_or(&[], Vec::as_slice)
    }

    /// The ways to go on from `keys`, for showing them while a sequence is open.
    pub fn continuations(&self, contexts: &[&str], keys: &[Key]) -> Vec<&Binding> {
        contexts
            .iter()
            .map(|context| {
                self.section(context)
                    .iter()
                    .filter(|binding| {
                        binding.keys.len() > keys.len() && binding.keys.starts_with(keys)
                    })
                    .collect::<Vec<_>>()
            })
            .find(|bindings| !bindings.is_empty())
            .unwrap_or_default()
    }

    /// The key sequences of `command` where these contexts take keys, without those that a nearer context hides.
    pub fn keys_of(&self, contexts: &[&str], command: &Command) -> Vec<String> {
        let mut all = Vec::new();
        for context in contexts {
            for binding in self.section(context) {
                let reachable =
                    self.find(contexts, &binding.keys) == Found::Command(binding.command);
                if binding.command.name == command.name && reachable {
                    all.push(show_sequence(&binding.keys));
                }
            }
        }
        all.dedup();
        all
    }

    /// The first of [`Self::keys_of`]; while text is `typing`, of those that are not text themselves.
    pub fn key_of(&self, contexts: &[&str], command: &Command, typing: bool) -> Option<String> {
        let mut keys = self.keys_of(contexts, command);
        keys.retain(|keys| !typing || keys.chars().count() > 1);
        keys.sort_by_key(|keys| (is_secondary(keys), keys.len()));
        keys.into_iter().next()
    }
}

/// Keys that repeat what an arrow or letter does, and are shown last.
fn is_secondary(keys: &str) -> bool {
    [
        "pageup", "pagedown", "home", "end", "delete", "f1", "h", "l",
    ]
    .contains(&keys)
}

fn check_context(context: &str) -> Result<(), String> {
    let contexts = || command::all().flat_map(|command| command.contexts.iter().copied());
    if contexts().any(|known| known == context) {
        return Ok(());
    }
    let nearest = contexts()
        .min_by_key(|known| strsim::damerau_levenshtein(known, context))
        .unwrap_or_default();
    Err(format!(
        "there is no [{context}]; did you mean [{nearest}]?"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Vec<Key> {
        parse_sequence(text).unwrap()
    }

    fn error(text: &str) -> String {
        Keymap::default()
            .merge("mine.toml", text)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn the_built_in_keys_are_right() {
        let keymap = Keymap::built_in().unwrap();
        let Found::Command(command) = keymap.find(&["list", "global"], &keys("j")) else {
            panic!("j is bound in lists");
        };
        assert_eq!(command.name, "down");
    }

    #[test]
    fn every_command_has_a_key_or_is_in_the_palette_alone() {
        let keymap = Keymap::built_in().unwrap();
        for command in command::all().filter(|command| command.rank > 0) {
            let bound = command
                .contexts
                .iter()
                .any(|context| !keymap.keys_of(&[context], command).is_empty());
            assert!(bound, "{} is in the hint line and has no key", command.name);
        }
    }

    #[test]
    fn mistakes_name_the_nearest() {
        assert!(error("[lst]\nj = 'down'").contains("did you mean [list]?"));
        assert!(error("[list]\nj = 'dwn'").contains("did you mean down?"));
        assert!(error("[list]\nentr = 'down'").contains("is not a key"));
        assert!(error("[global]\nj = 'down'").contains("it belongs into [list"));
        assert!(error("[global]\n'x' = 'help'\n'x y' = 'quit'").contains("never be reached"));
        assert!(error("x = 1").contains("mine.toml"));
    }

    #[test]
    fn a_nearer_context_hides_a_farther_one_and_none_takes_away() {
        let mut keymap = Keymap::built_in().unwrap();
        keymap
            .merge("mine.toml", "[global]\n'?' = 'none'\n'f1' = 'help'")
            .unwrap();
        let help = command::find("help").unwrap();
        assert_eq!(keymap.keys_of(&["list", "global"], help), ["f1"]);
        assert_eq!(keymap.find(&["global"], &keys("?")), Found::Nothing);
    }

    #[test]
    fn a_sequence_is_found_key_by_key() {
        let mut keymap = Keymap::default();
        keymap
            .merge("mine.toml", "[global]\n'x y' = 'quit'")
            .unwrap();
        assert_eq!(keymap.find(&["global"], &keys("x")), Found::Prefix);
        assert!(matches!(
            keymap.find(&["global"], &keys("x y")),
            Found::Command(_)
        ));
        assert_eq!(keymap.continuations(&["global"], &keys("x")).len(), 1);
    }
}
