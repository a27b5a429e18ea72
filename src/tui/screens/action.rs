//! What can be done to things of one kind, as data: when, how risky, and what is asked for.
//!
//! Reversible acts run at once. Disruptive ones ask, with Cancel as the default. Irreversible ones show what goes with
//! the thing and want its name typed, or the count in bulk. With several marked, each that allows it gets its own
//! request; the others are named with their reason.

use crate::tui::command::Command;
use crate::tui::cx::{Cx, Prepared};
use crate::tui::effect::Request;
use crate::tui::format::{count, fit};
use crate::tui::overlays::Overlay;
use crate::tui::overlays::confirm::{Ask, Confirm};
use crate::tui::state::activity::Target;
use crate::tui::state::load::Row;
use crate::tui::state::notice::Tone;
use crate::tui::view::Facts;

use super::{Offer, Screen};

/// Cells of a name in the status line, so that what is said of it is seen too.
const NAME: usize = 32;

/// Things that have actions.
const ACTED: &[&str] = &["list", "tabs", "detail", "placement"];
/// Things that can be shown whole.
const WHOLE: &[&str] = &["list", "tabs", "detail", "placement", "trace"];

/// Commands that every thing has.
pub const COMMANDS: &[Command] = &[
    Command::new(
        "menu",
        "actions",
        "Choose among the actions of this thing",
        ACTED,
    )
    .hint(10),
    Command::new(
        "yaml",
        "yaml",
        "Show all there is to know, as YAML or JSON",
        WHOLE,
    ),
    Command::new(
        "copy-id",
        "copy id",
        "Copy the id to the clipboard of your terminal",
        ACTED,
    ),
];

/// How much an act can break.
pub enum Risk<R: 'static> {
    /// It can be taken back.
    None,
    /// It disturbs users: says how.
    Disruptive(&'static str),
    /// It can not be taken back: says what goes with the thing, which the question names.
    Irreversible(fn(&R, &Facts<'_>) -> Vec<String>),
}

/// What an act begins with.
pub enum Begin<R: 'static> {
    /// Something new; needs no target.
    Make(fn(&Facts<'_>) -> Box<dyn Overlay>),
    /// A request for each target.
    Ask(fn(&R, &Facts<'_>) -> Box<dyn Request>),
    /// A form about the targets.
    Open(fn(&[&R], &Facts<'_>) -> Box<dyn Overlay>),
    /// A form about one target; several are refused.
    OpenOne(fn(&R, &Facts<'_>) -> Box<dyn Overlay>),
    /// Another view, about the first target.
    Go(fn(&R, &Facts<'_>) -> Option<Box<dyn Screen>>),
}

/// Something that can be done to things of a kind.
pub struct Action<R: 'static> {
    /// Name of the command that does it.
    pub command: &'static str,
    /// The verb, as buttons and results show it: `Stop`.
    pub act: &'static str,
    /// How much it can break.
    pub risk: Risk<R>,
    /// Why it can not be done to this one, if it can not.
    pub refuses: fn(&R) -> Option<&'static str>,
    /// What it begins with.
    pub begin: Begin<R>,
}

impl<R> Action<R> {
    /// One that makes something new.
    pub const fn make(command: &'static str, open: fn(&Facts<'_>) -> Box<dyn Overlay>) -> Self {
        Self {
            command,
            act: "Create",
            risk: Risk::None,
            refuses: |_| None,
            begin: Begin::Make(open),
        }
    }

    /// One that goes to another view.
    pub const fn go(
        command: &'static str,
        open: fn(&R, &Facts<'_>) -> Option<Box<dyn Screen>>,
    ) -> Self {
        Self {
            command,
            act: "Open",
            risk: Risk::None,
            refuses: |_| None,
            begin: Begin::Go(open),
        }
    }

    /// One that opens a form.
    pub const fn open(
        command: &'static str,
        refuses: fn(&R) -> Option<&'static str>,
        open: fn(&[&R], &Facts<'_>) -> Box<dyn Overlay>,
    ) -> Self {
        Self {
            command,
            act: "Open",
            risk: Risk::None,
            refuses,
            begin: Begin::Open(open),
        }
    }

    /// One that opens a form for one thing at a time.
    pub const fn open_one(
        command: &'static str,
        refuses: fn(&R) -> Option<&'static str>,
        open: fn(&R, &Facts<'_>) -> Box<dyn Overlay>,
    ) -> Self {
        Self {
            command,
            act: "Open",
            risk: Risk::None,
            refuses,
            begin: Begin::OpenOne(open),
        }
    }

    /// One that asks for a change at once.
    pub const fn ask(
        command: &'static str,
        act: &'static str,
        risk: Risk<R>,
        refuses: fn(&R) -> Option<&'static str>,
        request: fn(&R, &Facts<'_>) -> Box<dyn Request>,
    ) -> Self {
        Self {
            command,
            act,
            risk,
            refuses,
            begin: Begin::Ask(request),
        }
    }
}

/// The thing as results show it.
pub fn target<R: Row>(row: &R) -> Target {
    let name = if row.name().is_empty() {
        row.id()
    } else {
        row.name()
    };
    Target {
        kind: R::KIND,
        id: row.id().to_owned(),
        name: name.to_owned(),
    }
}

/// Whether `command` is to be had for these targets.
pub fn offer<R: Row>(actions: &[Action<R>], command: &Command, targets: &[&R]) -> Option<Offer> {
    let action = actions
        .iter()
        .find(|action| action.command == command.name)?;
    if matches!(action.begin, Begin::Make(_)) {
        return Some(Offer::Yes);
    }
    let Some(first) = targets.first() else {
        return Some(Offer::No("nothing is selected".to_owned()));
    };
    if targets.iter().any(|row| (action.refuses)(row).is_none()) {
        return Some(Offer::Yes);
    }
    let reason = (action.refuses)(first).unwrap_or("not possible");
    Some(Offer::No(reason.to_owned()))
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Performed {
    /// It is no action of this kind.
    Unknown,
    /// It was carried out, or begun; marks have served.
    Begun,
    /// It could not be.
    Refused,
}

/// Carries out the action that `command` names on the targets.
pub fn perform<R: Row>(
    actions: &[Action<R>],
    command: &Command,
    targets: &[&R],
    noun: &str,
    cx: &mut Cx<'_>,
) -> Performed {
    let Some(action) = actions.iter().find(|action| action.command == command.name) else {
        return Performed::Unknown;
    };
    if let Begin::Make(open) = action.begin {
        let overlay = open(&cx.facts);
        cx.open(overlay);
        return Performed::Begun;
    }
    let (able, unable): (Vec<&R>, Vec<&R>) = targets
        .iter()
        .copied()
        .partition(|row| (action.refuses)(row).is_none());
    let Some(first) = able.first() else {
        let text = match unable.first() {
            Some(row) => {
                let reason = (action.refuses)(row).unwrap_or("not possible");
                let name = target(*row).name;
                format!("{}: {reason}", fit(&name, NAME, false))
            }
            None => format!("There is no {noun} selected."),
        };
        cx.tell(Tone::Warn, text);
        return Performed::Refused;
    };
    match action.begin {
        Begin::Make(_) => {}
        Begin::Go(open) => {
            if let Some(screen) = open(first, &cx.facts) {
                cx.go(screen);
            }
        }
        Begin::Open(open) => {
            let overlay = open(&able, &cx.facts);
            cx.open(overlay);
        }
        Begin::OpenOne(_) if able.len() > 1 => {
            cx.tell(
                Tone::Warn,
                format!(
                    "That is done to one {noun} at a time; {} are marked.",
                    able.len()
                ),
            );
            return Performed::Refused;
        }
        Begin::OpenOne(open) => {
            let overlay = open(first, &cx.facts);
            cx.open(overlay);
        }
        Begin::Ask(request) => {
            let requests: Vec<Prepared> = able
                .iter()
                .map(|row| (target(*row), request(row, &cx.facts)))
                .collect();
            ask(action, requests, &able, &unable, noun, cx);
        }
    }
    Performed::Begun
}

fn ask<R: Row>(
    action: &Action<R>,
    requests: Vec<Prepared>,
    able: &[&R],
    unable: &[&R],
    noun: &str,
    cx: &mut Cx<'_>,
) {
    let what = match able {
        [one] => format!("{noun} {}", target(*one).name),
        many => count(many.len(), noun),
    };
    let mut along = Vec::new();
    let needs = match action.risk {
        Risk::None => {
            if !unable.is_empty() {
                cx.tell(
                    Tone::Warn,
                    format!(
                        "{} left out: {}",
                        count(unable.len(), noun),
                        reasons(action, unable)
                    ),
                );
            }
            cx.act(action.act, requests);
            return;
        }
        Risk::Disruptive(how) => {
            along.push(how.to_owned());
            Ask::Agree
        }
        Risk::Irreversible(goes) => {
            along.extend(names(able));
            along.extend(counted(able.iter().flat_map(|row| goes(row, &cx.facts))));
            match able {
                [one] => Ask::Name(target(*one).name),
                many => Ask::Count(many.len()),
            }
        }
    };
    if !unable.is_empty() {
        along.push(format!(
            "Left out: {}: {}",
            count(unable.len(), noun),
            reasons(action, unable)
        ));
    }
    cx.open(Box::new(Confirm::new(
        action.act, what, along, needs, requests,
    )));
}

/// Which they are, where the question has their number only.
fn names<R: Row>(rows: &[&R]) -> Option<String> {
    const NAMED: usize = 12;
    if rows.len() < 2 {
        return None;
    }
    let mut names: Vec<String> = rows.iter().map(|row| target(*row).name).collect();
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let names = names.join(", ");
    Some(match more {
        0 => names,
        more => format!("{names} and {more} more"),
    })
}

/// Each line once, with how often it was there.
fn counted(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut all: Vec<(String, usize)> = Vec::new();
    for line in lines {
        match all.iter_mut().find(|(known, _)| *known == line) {
            Some((_, times)) => *times += 1,
            None => all.push((line, 1)),
        }
    }
    let words = |(line, times)| match times {
        1 => line,
        times => format!("{times} times: {line}"),
    };
    all.into_iter().map(words).collect()
}

/// Why some are left out, each reason once.
fn reasons<R: Row>(action: &Action<R>, unable: &[&R]) -> String {
    let mut reasons: Vec<&str> = unable
        .iter()
        .filter_map(|row| (action.refuses)(row))
        .collect();
    reasons.sort_unstable();
    reasons.dedup();
    reasons.join("; ")
}
