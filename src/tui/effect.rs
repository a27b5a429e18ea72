//! What an update asks the outside to do. Update itself does nothing but change the state, so that a test can press keys
//! and read here what would have happened.

use std::fmt::Debug;
use std::future::Future;

use futures::future::BoxFuture;
use tokio::sync::mpsc;

use crate::client::{Client, ClientError};

use super::event::Event;
use super::failure::Failure;
use super::state::activity::{Progress, Ticket};
use super::state::load::Load;

/// Something to be done outside.
#[derive(Debug)]
pub enum Effect {
    /// Fetch something.
    Load(Load),
    /// Ask the cloud for a change, or write a file; answered under the ticket.
    Request(Ticket, Box<dyn Request>),
    /// Give up a request that runs.
    Stop(Ticket),
    /// Put text into the operator's clipboard, through the terminal.
    Copy(String),
    /// Do something with the serial console.
    Console(ConsoleEffect),
    /// Try to reach the cloud now.
    Reconnect,
    /// Draw the whole screen anew.
    Redraw,
    /// Take the terminal again.
    Retake,
    /// Give the terminal back to the shell until continued.
    Suspend,
    /// End.
    Leave,
}

/// What can be done with the one serial console that may be open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsoleEffect {
    /// Open that of the server with this id; another one is closed.
    Open(String),
    /// Send bytes to the guest.
    Send(Vec<u8>),
    /// Close it.
    Close,
}

/// A change to be asked for. Its `Debug` form names it in tests.
pub trait Request: Debug + Send + 'static {
    /// Asks, and waits for the answer.
    fn run(
        self: Box<Self>,
        client: Client,
        report: Reporter,
    ) -> BoxFuture<'static, Result<Done, Failure>>;
}

/// A request that is a call or two of the client. `name` names it in tests: the thing, its id, what is asked.
pub fn call<F, A>(name: impl Into<String>, call: F) -> Box<dyn Request>
where
    F: FnOnce(Client) -> A + Send + 'static,
    A: Future<Output = Result<Done, ClientError>> + Send + 'static,
{
    Box::new(Call {
        name: name.into(),
        call,
    })
}

struct Call<F> {
    name: String,
    call: F,
}

impl<F> Debug for Call<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

impl<F, A> Request for Call<F>
where
    F: FnOnce(Client) -> A + Send + 'static,
    A: Future<Output = Result<Done, ClientError>> + Send + 'static,
{
    fn run(
        self: Box<Self>,
        client: Client,
        _report: Reporter,
    ) -> BoxFuture<'static, Result<Done, Failure>> {
        Box::pin(async move { (self.call)(client).await.map_err(Failure::from) })
    }
}

/// The answer to a request that was accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// What it said, where that is more than `done`.
    pub text: String,
    /// Something that is shown this once only, like a private key.
    pub once: Option<Once>,
    /// Id of what was made, of the kind that the request is about.
    pub made: Option<String>,
    /// Kind and id of what the form that asked is followed by: the thing that shows how it goes on.
    pub follows: Option<(&'static str, String)>,
}

impl Done {
    /// Accepted, with something to say.
    pub fn saying(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// Something goes on that has a view of its own, by its kind and id.
    pub fn followed(kind: &'static str, id: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            follows: Some((kind, id.into())),
            ..Self::saying(text)
        }
    }

    /// Something with this id was made.
    pub fn made(id: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            made: Some(id.into()),
            ..Self::saying(text)
        }
    }
}

/// Something that can not be shown again.
#[derive(Clone, PartialEq, Eq)]
pub struct Once {
    /// What it is: `Private key of admin`.
    pub title: String,
    /// The secret itself.
    pub text: String,
    /// What was done with it: where it was saved.
    pub note: String,
}

impl Debug for Once {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Once")
            .field("title", &self.title)
            .finish_non_exhaustive()
    }
}

/// Tells the console how far a request has come. What the console has no time for is dropped.
#[derive(Clone, Debug)]
pub struct Reporter {
    /// The request.
    pub ticket: Ticket,
    /// The console's events.
    pub events: mpsc::Sender<Event>,
}

impl Reporter {
    /// Tells it.
    pub fn progress(&self, progress: Progress) {
        // A full queue means that newer progress will follow.
        let _ = self.events.try_send(Event::Progress(self.ticket, progress));
    }
}
