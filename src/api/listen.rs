//! Where the API listens: Unix sockets for this machine, TCP for others.
//!
//! Everything is bound before anything is served, so that a port that is taken stops the start with a clear message and
//! not half of it.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, UnixListener};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Listen;

/// Why the API can not listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address or path can not be bound.
    #[error("the API can not listen on {place}: {reason}; {advice}")]
    Bind {
        /// Where.
        place: String,
        /// The system's reason.
        reason: std::io::Error,
        /// What to do.
        advice: &'static str,
    },
}

enum Bound {
    Unix(UnixListener, PathBuf),
    Tcp(TcpListener),
}

/// Bound sockets that are not served yet.
pub struct Listeners {
    bound: Vec<Bound>,
}

impl Listeners {
    /// Binds all of them. A socket file that nobody serves any more is replaced; whoever calls this holds the data
    /// directory, so that nobody can serve it.
    pub async fn bind(places: &[Listen]) -> Result<Self, ListenError> {
        let mut bound = Vec::new();
        for place in places {
            bound.push(match place {
                Listen::Unix(path) => {
                    let fail = |reason| ListenError::Bind {
                        place: path.display().to_string(),
                        reason,
                        advice: "see that its directory exists and can be written, and that the path is shorter than 108 bytes",
                    };
                    if path.exists() {
                        std::fs::remove_file(path).map_err(fail)?;
                    }
                    let listener = UnixListener::bind(path).map_err(fail)?;
                    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(fail)?;
                    Bound::Unix(listener, path.clone())
                }
                Listen::Tcp(address) => Bound::Tcp(TcpListener::bind(address).await.map_err(|reason| ListenError::Bind {
                    place: address.to_string(),
                    reason,
                    advice: "another program may have the port: choose another one in api.listen",
                })?),
            });
        }
        Ok(Self { bound })
    }

    /// Serves until `stop`, then lets running requests end for at most `patience`.
    pub fn serve(self, app: &Router, stop: &CancellationToken, patience: Duration) -> TaskTracker {
        let tasks = TaskTracker::new();
        for bound in self.bound {
            let (app, stop) = (app.clone(), stop.clone());
            tasks.spawn(async move {
                let ended = stop.clone().cancelled_owned();
                let served = async {
                    match bound {
                        Bound::Unix(listener, path) => {
                            let served = axum::serve(listener, app)
                                .with_graceful_shutdown(ended)
                                .await;
                            let _ = std::fs::remove_file(path);
                            served
                        }
                        Bound::Tcp(listener) => {
                            axum::serve(listener, app)
                                .with_graceful_shutdown(ended)
                                .await
                        }
                    }
                };
                let deadline = async {
                    stop.cancelled().await;
                    tokio::time::sleep(patience).await;
                };
                tokio::select! {
                    served = served => if let Err(error) = served {
                        tracing::error!(%error, "the API stopped listening");
                    },
                    () = deadline => {}
                }
            });
        }
        tasks.close();
        tasks
    }
}
