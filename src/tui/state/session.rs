//! Who is at the console, on which cloud, and what they may do here.

use std::path::PathBuf;

use crate::api::wire::WhoAmI;
use crate::tui::command::Command;
use crate::tui::screens;

/// The operator and the cloud.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// Name of the cloud.
    pub cloud: String,
    /// Started with `--read-only`.
    pub read_only: bool,
    /// Shown on every screen.
    pub simulated: bool,
    /// What the cloud said; `None` as long as it did not answer, or where it is not a Skydeck.
    pub who: Option<WhoAmI>,
    /// Directory that has `exports/` and `keys/`, where files go unless the operator names another place.
    pub files: PathBuf,
    /// Whether the cloud has `/skydeck/v1`: operations, events, samples.
    pub extended: bool,
}

impl Session {
    /// Whether anything may be changed: not with `--read-only`, nor where every role is `reader`.
    pub fn may_change(&self) -> bool {
        let reader_only = self.who.as_ref().is_some_and(|who| {
            !who.roles.is_empty() && who.roles.iter().all(|role| role == "reader")
        });
        let frozen = self.who.as_ref().is_some_and(|who| who.read_only);
        !self.read_only && !frozen && !reader_only
    }

    /// Whether the operator administers the cloud, as far as is known.
    pub fn is_admin(&self) -> bool {
        self.who
            .as_ref()
            .is_none_or(|who| who.roles.iter().any(|role| role == "admin"))
    }

    /// Why this operator does not have a command, if that is so. Keys, hints, menus and the palette ask here and nowhere
    /// else; the cloud decides all the same.
    pub fn refuses(&self, command: &Command) -> Option<&'static str> {
        if command.mutates && !self.may_change() {
            return Some("This console may only read.");
        }
        if command.administers && !self.is_admin() {
            return Some("That is for administrators of the cloud.");
        }
        let view = command.name.strip_prefix("view.").unwrap_or(command.view);
        match screens::find(view) {
            Some(entry) if !(entry.offered)(self) => {
                Some("There is no such view for you on this cloud.")
            }
            _ => None,
        }
    }

    /// Whether to mark the screen as simulated.
    pub fn is_simulated(&self) -> bool {
        self.simulated || self.who.as_ref().is_some_and(|who| who.simulated)
    }

    /// `admin@demo`, or nothing as long as it is not known.
    pub fn identity(&self) -> String {
        let Some(who) = &self.who else {
            return String::new();
        };
        match &who.project_name {
            Some(project) => format!("{}@{project}", who.user_name),
            None => who.user_name.clone(),
        }
    }
}
