//! The connections to libvirt: made, watched, made again.
//!
//! A libvirtd of usual configuration takes five calls at a time from one client. At the fifth it stops reading, also the
//! client's answers to its keepalives, and after half a minute it throws the client out. So a session is a few
//! connections: one for what is asked of the whole host and must not wait (lists, samples, consoles, events),
//! [`CHANGING`] for calls that change a guest and may take minutes, and one for migrations, which may take hours; each
//! carries at most [`PER_CONNECTION`] calls.
//!
//! One task per engine supervises it. It connects, registers for events, and then waits for the connection's end: the
//! daemon closed it, or did not answer libvirt's keepalives (every [`KEEPALIVE_SECONDS`], [`KEEPALIVE_MISSES`] in a row:
//! a hung daemon). Then it says so to all who listen and tries again with growing pauses. While there is no connection
//! every call fails at once, with the reason. Connecting blocks, too, for as long as the daemon hangs; at most
//! [`ATTEMPTS`] such attempts hang at a time.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::{Semaphore, broadcast, mpsc, watch};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};
use virt::connect::Connect;

use super::callbacks::{self, Notice, Registered, Sink};
use super::calls::Calls;
use crate::hypervisor::{HvError, HvEvent, HvResult};

/// Calls at a time on one connection.
const PER_CONNECTION: usize = 4;
/// Connections for calls that change a guest.
const CHANGING: usize = 3;
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

/// What a call is for: it decides which connection carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Asks, and is answered soon.
    Ask,
    /// Changes a guest.
    Change,
    /// Moves a guest to another host.
    Move,
}

/// Connections with their callbacks; given up when the last user drops them. When one is lost, all are made anew.
pub(super) struct Session {
    ask: Connect,
    change: Vec<Carrier>,
    leave: Option<Connect>,
    closed: CancellationToken,
    registered: Vec<Registered>,
}

impl Drop for Session {
    fn drop(&mut self) {
        // Taking callbacks back may block, and the last user may be anywhere.
        let registered = std::mem::take(&mut self.registered);
        let closing = std::thread::Builder::new().name("libvirt-close".to_owned());
        let close = move || registered.into_iter().for_each(Registered::remove);
        if let Err(error) = closing.spawn(close) {
            tracing::warn!(%error, "a connection to libvirt could not be closed");
        }
    }
}

/// A connection and the calls it carries now.
struct Carrier {
    connection: Connect,
    carries: AtomicUsize,
}

/// A place on a connection.
pub(super) struct Seat<'a> {
    /// The connection.
    pub connection: &'a Connect,
    /// Cancelled when the connection is lost.
    pub lost: &'a CancellationToken,
    carries: Option<&'a AtomicUsize>,
}

impl Session {
    /// A place for one call: of the connections for changes, on the emptiest. The limits of [`Calls`] see to it that
    /// there is one.
    fn seat(&self, lane: Lane) -> Seat<'_> {
        let emptiest = |carrier: &&Carrier| carrier.carries.load(Ordering::SeqCst);
        let carrier = match lane {
            Lane::Ask | Lane::Move => None,
            Lane::Change => self.change.iter().min_by_key(emptiest),
        };
        if let Some(carrier) = carrier {
            carrier.carries.fetch_add(1, Ordering::SeqCst);
        }
        let own = self.leave.as_ref().filter(|_| lane == Lane::Move);
        let own = own.unwrap_or(&self.ask);
        Seat {
            connection: carrier.map_or(own, |carrier| &carrier.connection),
            lost: &self.closed,
            carries: carrier.map(|carrier| &carrier.carries),
        }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        if let Some(carries) = self.carries {
            carries.fetch_sub(1, Ordering::SeqCst);
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
    asking: Calls,
    changing: Calls,
    moving: Calls,
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
            asking: Calls::new(PER_CONNECTION),
            changing: Calls::new(CHANGING * PER_CONNECTION),
            moving: Calls::new(PER_CONNECTION),
            state: watched,
            _stop: stop.drop_guard(),
        };
        let inner = Arc::new(inner);
        Ok((Self { inner }, noticed))
    }

    /// The threads for blocking calls.
    pub fn calls(&self, lane: Lane) -> &Calls {
        match lane {
            Lane::Ask => &self.inner.asking,
            Lane::Change => &self.inner.changing,
            Lane::Move => &self.inner.moving,
        }
    }

    /// Runs a blocking call on the connection there is, until `deadline` from now.
    pub async fn call<T: Send + 'static>(
        &self,
        lane: Lane,
        what: &'static str,
        deadline: Duration,
        work: impl FnOnce(&Seat<'_>) -> HvResult<T> + Send + 'static,
    ) -> HvResult<T> {
        let until = Instant::now() + deadline;
        let session = self.session(until).await?;
        let left = until.saturating_duration_since(Instant::now());
        self.calls(lane)
            .run(what, left, move || work(&session.seat(lane)))
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
    let ask = Connect::open(Some(uri))?;
    let registered = callbacks::register(&ask, sink)?;
    let mut session = Session {
        ask,
        change: Vec::new(),
        leave: None,
        closed: sink.closed.clone(),
        registered: vec![registered],
    };
    // Drivers inside this process have no daemon to be kept alive, and say so by an error; their state may belong to the
    // one connection.
    if let Err(error) = keep_alive(&session.ask) {
        tracing::debug!(%error, "no keepalive, and one connection for everything");
        return Ok(session);
    }
    for _ in 0..CHANGING {
        let connection = another(uri, sink, &mut session)?;
        session.change.push(Carrier {
            connection,
            carries: AtomicUsize::new(0),
        });
    }
    session.leave = Some(another(uri, sink, &mut session)?);
    Ok(session)
}

/// One more connection of the session.
fn another(uri: &str, sink: &Arc<Sink>, session: &mut Session) -> HvResult<Connect> {
    let connection = Connect::open(Some(uri))?;
    keep_alive(&connection)?;
    session
        .registered
        .push(callbacks::register_close(&connection, sink));
    Ok(connection)
}

fn keep_alive(connection: &Connect) -> Result<(), virt::error::Error> {
    connection.set_keep_alive(KEEPALIVE_SECONDS, KEEPALIVE_MISSES)
}
