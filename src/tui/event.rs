//! Everything that can happen to the console, on one bounded channel: keys, the clock, answers, the cloud's events.

use crate::api::wire::{Event as CloudEvent, WhoAmI};
use crate::ids::Time;

use super::effect::Done;
use super::failure::Failure;
use super::keys::Key;
use super::state::activity::{Progress, Ticket};
use super::state::data::{Loaded, Source};

/// Something happened.
pub enum Event {
    /// A key was pressed.
    Key(Key),
    /// Text was pasted.
    Paste(String),
    /// The terminal has this many columns and rows now.
    Resize(u16, u16),
    /// A second has passed; it is this late now.
    Tick(Time),
    /// An answer to a load. For one row, the source is that of the list.
    Loaded {
        /// What was asked for.
        source: Source,
        /// Whether it was one row of it only.
        one: bool,
        /// What came.
        result: Result<Box<dyn Loaded>, Failure>,
    },
    /// A request goes on.
    Progress(Ticket, Progress),
    /// A request ended.
    Finished(Ticket, Result<Done, Failure>),
    /// The cloud told who the operator is, and whether it is a Skydeck.
    Greeted {
        /// Who.
        who: Box<WhoAmI>,
        /// Whether operations, events and samples are there.
        extended: bool,
    },
    /// The cloud could not be asked who the operator is.
    Unreached(Failure),
    /// The cloud's stream told something.
    Cloud(Box<CloudEvent>),
    /// The cloud's stream opened, or ended with this reason.
    Stream(Result<(), String>),
    /// The serial console said something.
    Console(ConsoleEvent),
    /// The terminal is ours again after a suspend.
    Continued,
    /// Something inside failed that should not have; the log has the rest.
    Trouble(String),
    /// Someone asked the process to end.
    Terminate,
}

/// News of the serial console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsoleEvent {
    /// It is open.
    Opened,
    /// The guest wrote this.
    Output(Vec<u8>),
    /// It ended, with this reason.
    Closed(String),
}
