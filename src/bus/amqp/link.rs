//! Keeps the connection, for ever: connects, attends to the session, and when it is lost connects again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::address::Broker;
use super::session::Session;
use crate::ids::Time;

/// Pause after the first failure; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause: how late this process is at most when the broker is back.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What the connection is.
#[derive(Clone)]
pub(super) struct State {
    /// The session, while there is one.
    pub(super) session: Option<Arc<Session>>,
    /// Why there is none.
    pub(super) trouble: Option<String>,
    /// Since when.
    pub(super) since: Time,
}

/// The connection of one process.
pub(super) struct Link {
    state: watch::Sender<State>,
    place: String,
    address: String,
}

impl Link {
    /// Begins to connect; until `stop`.
    pub(super) fn start(broker: Broker, stop: CancellationToken) -> Arc<Self> {
        let state = watch::Sender::new(State {
            session: None,
            trouble: Some(format!(
                "the broker {} is being connected to",
                broker.place()
            )),
            since: Time::now(),
        });
        let link = Arc::new(Self {
            state,
            place: broker.place(),
            address: broker.address(),
        });
        tokio::spawn(link.clone().keep(broker, stop));
        link
    }

    /// Where the broker is.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// The broker's host and port.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// What the connection is now.
    pub(super) fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// The session, waiting up to `patience` for one; else why there is none.
    pub(super) async fn session(&self, patience: Duration) -> Result<Arc<Session>, String> {
        if let Ok(session) = tokio::time::timeout(patience, self.connected()).await {
            return Ok(session);
        }
        let trouble = self.state().trouble;
        Err(trouble.unwrap_or_else(|| format!("the broker {} is not connected", self.place)))
    }

    /// The session once there is one.
    pub(super) async fn connected(&self) -> Arc<Session> {
        let mut states = self.state.subscribe();
        loop {
            let session = states.borrow_and_update().session.clone();
            if let Some(session) = session {
                return session;
            }
            if states.changed().await.is_err() {
                // The sender is in `self`.
                std::future::pending::<()>().await;
            }
        }
    }

    async fn keep(self: Arc<Self>, broker: Broker, stop: CancellationToken) {
        let mut pause = FIRST_PAUSE;
        loop {
            let opened = tokio::select! {
                () = stop.cancelled() => return,
                opened = Session::open(&broker) => opened,
            };
            match opened {
                Ok((session, watched)) => {
                    pause = FIRST_PAUSE;
                    tracing::info!(broker = self.place, "the bus is connected");
                    let session = Arc::new(session);
                    self.tell(Some(session.clone()), None);
                    let reason = session.attend(watched, &stop).await;
                    if stop.is_cancelled() {
                        return session.close().await;
                    }
                    self.lost(format!(
                        "the connection to the broker {} is lost: {reason}",
                        self.place
                    ));
                    // Only now, when nobody begins anything on it any more.
                    session.close().await;
                }
                Err(error) => self.lost(broker.explain(&error)),
            }
            // Not all processes at the same moment.
            let jitter = rand::random_range(0.5..1.0);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause.mul_f64(jitter)) => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Logged once per reason, however often it is tried.
    fn lost(&self, trouble: String) {
        if self.state.borrow().trouble.as_ref() != Some(&trouble) {
            tracing::warn!("{trouble}; trying again until it succeeds");
        }
        self.tell(None, Some(trouble));
    }

    fn tell(&self, session: Option<Arc<Session>>, trouble: Option<String>) {
        self.state.send_modify(|state| {
            if session.is_some() != state.session.is_some() {
                state.since = Time::now();
            }
            state.session = session;
            state.trouble = trouble;
        });
    }
}
