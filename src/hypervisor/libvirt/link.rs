//! The connection to libvirt: made, watched, made again.
//!
//! One task per engine supervises it. It connects, registers for events, and then waits for the connection's end: the
//! daemon closed it, or did not answer libvirt's keepalives (every [`KEEPALIVE_SECONDS`], [`KEEPALIVE_MISSES`] in a row:
//! a hung daemon). Then it says so to all who listen and tries again with growing pauses. While there is no connection
//! every call fails at once, with the reason. Connecting blocks, too, for as long as the daemon hangs; at most
//! [`ATTEMPTS`] such attempts hang at a time.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::{Semaphore, broadcast, mpsc, watch};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};
use virt::connect::Connect;

use super::callbacks::{self, Notice, Registered, Sink};
use super::calls::Calls;
use crate::hypervisor::{HvError, HvEvent, HvResult};

const KEEPALIVE_SECONDS: i32 = 5;
const KEEPALIVE_MISSES: u32 = 3;
/// Attempts to connect that may hang at the same time.
const ATTEMPTS: usize = 3;
/// How long an attempt may take before it is said to hang.
const CONNECT: Duration = Duration::from_secs(10);
/// Pauses between attempts: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// Notices of libvirt under way.
const NOTICES: usize = 4096;

/// A connection with its callbacks; given up when the last user drops it.
pub(super) struct Session {
    pub connection: Connect,
    registered: Option<Registered>,
    closed: CancellationToken,
}

impl Drop for Session {
    fn drop(&mut self) {
        // Taking callbacks back may block, and the last user may be anywhere.
        let connection = self.connection.clone();
        if let Some(registered) = self.registered.take() {
            let closing = std::thread::Builder::new().name("libvirt-close".to_owned());
            if let Err(error) = closing.spawn(move || registered.remove(&connection)) {
                tracing::warn!(%error, "a connection to libvirt could not be closed");
            }
        }
    }
}

#[derive(Clone)]
enum State {
    /// The first attempt is under way.
    Connecting,
    Up(Arc<Session>),
    Down(String),
}

/// The way to libvirt. Cheap to clone; supervision ends with the last clone.
#[derive(Clone)]
pub(super) struct Link {
    inner: Arc<Inner>,
}

struct Inner {
    calls: Calls,
    state: watch::Receiver<State>,
    _stop: DropGuard,
}

/// What the supervisor has.
struct Supervisor {
    uri: String,
    state: watch::Sender<State>,
    tell: broadcast::Sender<HvEvent>,
    notices: mpsc::Sender<Notice>,
    lost: Arc<AtomicBool>,
    attempts: Arc<Semaphore>,
}

/// A way to libvirt that does not keep it open.
pub(super) struct WeakLink(Weak<Inner>);

impl WeakLink {
    /// The way, while somebody keeps it open.
    pub fn upgrade(&self) -> Option<Link> {
        self.0.upgrade().map(|inner| Link { inner })
    }
}

impl Link {
    /// The same way, without keeping it open.
    pub fn downgrade(&self) -> WeakLink {
        WeakLink(Arc::downgrade(&self.inner))
    }

    /// A supervised connection to `uri`, and what libvirt says over it. Returns at once; needs a runtime.
    pub fn new(
        uri: &str,
        tell: broadcast::Sender<HvEvent>,
        lost: Arc<AtomicBool>,
    ) -> HvResult<(Self, mpsc::Receiver<Notice>)> {
        callbacks::prepare()?;
        let (state, watched) = watch::channel(State::Connecting);
        let (notices, noticed) = mpsc::channel(NOTICES);
        let stop = CancellationToken::new();
        let supervisor = Supervisor {
            uri: uri.to_owned(),
            state,
            tell,
            notices,
            lost,
            attempts: Arc::new(Semaphore::new(ATTEMPTS)),
        };
        let stopped = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                () = supervisor.run() => {}
            }
        });
        let inner = Inner {
            calls: Calls::new(),
            state: watched,
            _stop: stop.drop_guard(),
        };
        let inner = Arc::new(inner);
        Ok((Self { inner }, noticed))
    }

    /// The threads for blocking calls.
    pub fn calls(&self) -> &Calls {
        &self.inner.calls
    }

    /// Runs a blocking call on the connection there is, until `deadline` from now.
    pub async fn call<T: Send + 'static>(
        &self,
        what: &'static str,
        deadline: Duration,
        work: impl FnOnce(&Connect) -> HvResult<T> + Send + 'static,
    ) -> HvResult<T> {
        let until = Instant::now() + deadline;
        let session = self.session(until).await?;
        let left = until.saturating_duration_since(Instant::now());
        self.calls()
            .run(what, left, move || work(&session.connection))
            .await
    }

    /// The connection; waits only for the very first attempt.
    async fn session(&self, until: Instant) -> HvResult<Arc<Session>> {
        let mut state = self.inner.state.clone();
        let settled = state.wait_for(|state| !matches!(state, State::Connecting));
        match timeout_at(until, settled).await {
            Ok(Ok(state)) => match &*state {
                State::Up(session) => Ok(Arc::clone(session)),
                State::Down(reason) => Err(HvError::Unavailable(reason.clone())),
                State::Connecting => Err(HvError::Unavailable("it is being connected to".into())),
            },
            Ok(Err(_)) => Err(HvError::Unavailable("the connection was given up".into())),
            Err(_) => Err(HvError::Unavailable("it is being connected to".into())),
        }
    }
}

impl Supervisor {
    async fn run(self) {
        loop {
            let session = Arc::new(self.connect().await);
            let closed = session.closed.clone();
            tracing::info!(uri = self.uri, "connected to libvirt");
            self.state.send_replace(State::Up(session));
            self.say(true);
            closed.cancelled().await;
            self.down("the connection to libvirt was lost; it is being made again".into());
            self.say(false);
        }
    }

    fn say(&self, connected: bool) {
        // Nobody listening is no error.
        let _ = self.tell.send(HvEvent::Connection(connected));
    }

    fn down(&self, reason: String) {
        tracing::warn!(uri = self.uri, reason, "libvirt does not answer");
        self.state.send_replace(State::Down(reason));
    }

    /// Tries until it has a connection.
    async fn connect(&self) -> Session {
        let (sender, mut attempts) = mpsc::channel::<HvResult<Session>>(ATTEMPTS);
        let mut pause = PAUSES.0;
        loop {
            if let Ok(permit) = Arc::clone(&self.attempts).try_acquire_owned() {
                let (uri, sink, sender) = (self.uri.clone(), self.sink(), sender.clone());
                let started = std::thread::Builder::new()
                    .name("libvirt-connect".to_owned())
                    .spawn(move || {
                        let session = open(&uri, &Arc::new(sink));
                        drop(permit);
                        // Late, and nobody wants it: the session is dropped, which closes it.
                        let _ = sender.blocking_send(session);
                    });
                if let Err(error) = started {
                    self.down(format!("no thread to connect with: {error}"));
                }
            }
            match timeout(CONNECT, attempts.recv()).await {
                Ok(Some(Ok(session))) => return session,
                Ok(Some(Err(error))) => {
                    self.down(format!("connecting to {}: {error}", self.uri));
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSES.1);
                }
                Ok(None) | Err(_) => self.down(format!(
                    "{} accepts connections and says nothing; is libvirtd hung?",
                    self.uri
                )),
            }
        }
    }

    fn sink(&self) -> Sink {
        Sink {
            notices: self.notices.clone(),
            lost: Arc::clone(&self.lost),
            closed: CancellationToken::new(),
        }
    }
}

/// Connects and registers (blocking).
fn open(uri: &str, sink: &Arc<Sink>) -> HvResult<Session> {
    let connection = Connect::open(Some(uri))?;
    // Drivers inside this process have no daemon to be kept alive, and say so by an error.
    if let Err(error) = connection.set_keep_alive(KEEPALIVE_SECONDS, KEEPALIVE_MISSES) {
        tracing::debug!(%error, "no keepalive on this connection");
    }
    let registered = callbacks::register(&connection, sink)?;
    Ok(Session {
        connection,
        registered: Some(registered),
        closed: sink.closed.clone(),
    })
}
