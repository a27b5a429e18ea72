//! Where the API listens: Unix sockets for this machine, TCP and TLS for others.
//!
//! Everything is bound before anything is served, so that a port that is taken stops the start with a clear message and
//! not half of it.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderValue;
use tokio::net::{TcpListener, UnixListener};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::tls::{Identity, TlsListener};
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
    Tls(TlsListener),
}

/// Bound sockets that are not served yet.
pub struct Listeners {
    bound: Vec<Bound>,
}

impl Listeners {
    /// Binds all of them. A socket file that nobody serves any more is replaced; whoever calls this holds the data
    /// directory, so that nobody can serve it.
    pub async fn bind(places: &[Listen], tls: Option<&Identity>) -> Result<Self, ListenError> {
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
                Listen::Tcp(address) => Bound::Tcp(tcp(*address).await?),
                Listen::Tls(address) => {
                    let listener = tcp(*address).await?;
                    let missing = || Err(std::io::Error::other("there is no certificate"));
                    let begun = tls.map_or_else(missing, |tls| TlsListener::new(listener, tls));
                    Bound::Tls(begun.map_err(|reason| taken(*address, reason))?)
                }
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
                        Bound::Tls(listener) => {
                            // For links: no handler sees how a request came.
                            let app = app.layer(axum::middleware::map_request(by_tls));
                            axum::serve(listener, app)
                                .with_graceful_shutdown(ended)
                                .await
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

async fn by_tls(mut request: Request) -> Request {
    let https = HeaderValue::from_static("https");
    request.headers_mut().insert("x-forwarded-proto", https);
    request
}

async fn tcp(address: SocketAddr) -> Result<TcpListener, ListenError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|reason| taken(address, reason))
}

fn taken(address: SocketAddr, reason: std::io::Error) -> ListenError {
    ListenError::Bind {
        place: address.to_string(),
        reason,
        advice: "another program may have the port: choose another one in api.listen",
    }
}
