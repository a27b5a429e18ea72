//! The one way to a cloud, ours or another's: OpenStack's REST API, over a unix socket or TCP.
//!
//! **Theory.** [`Client`] is cheap to clone and holds connections, token, catalog and negotiated microversions of one cloud,
//! as one user for one project. Methods are named as the stock commands are, resource first: `server_list`,
//! `server_create`. Lists are [`Pages`]: awaited they give everything, or they are read as a stream, page by page. What
//! only Skydeck offers is in [`skydeck`], and [`Client::supports_skydeck`] says whether it is there.
//!
//! **Invariants.** A request is repeated by itself only where that is harmless: after a token was refused (nothing was done
//! then) and when a page or a part of a file is read again. Tokens, passwords and console tickets are never printed,
//! and go to no address but the catalog's.
//!
//! Rejected: an SDK crate (none covers these services with microversions over a unix socket), and one method per HTTP verb
//! (callers would know paths).

pub mod catalog;
pub mod clouds;
pub mod console;
pub mod events;
pub mod image;
pub mod skydeck;

mod auth;
mod compute;
mod discovery;
mod doctor;
mod entry;
mod error;
pub mod identity;
mod migration;
mod moves;
mod network;
mod node;
mod page;
mod request;
mod router;
mod security_group;
pub mod server;
mod transport;
mod volume;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::sync::OnceCell;

pub use auth::Session;
pub use catalog::{Catalog, Service};
pub use clouds::{CloudConfig, Clouds, Endpoint};
pub use error::{ClientError, Result};
pub use node::node_join;
pub use page::{Direction, ListQuery, Page, Pages};
pub use request::Accepted;

use crate::api::wire::Microversion;
use auth::Authenticator;
use transport::Transport;

/// A cloud, as one user for one project.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    config: CloudConfig,
    transport: Transport,
    auth: Authenticator,
    compute_version: OnceCell<Option<Microversion>>,
    volume_version: OnceCell<Option<Microversion>>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("cloud", &self.inner.config.name)
            .field("endpoint", &self.inner.config.endpoint)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Prepares a client; nothing is sent yet. Fails if certificates named in the configuration can not be used.
    pub fn new(config: CloudConfig) -> Result<Self> {
        let transport = Transport::new(&config)?;
        let auth = Authenticator::new(&config);
        Ok(Self {
            inner: Arc::new(Inner {
                config,
                transport,
                auth,
                compute_version: OnceCell::new(),
                volume_version: OnceCell::new(),
            }),
        })
    }

    /// The configuration it was made from.
    pub fn config(&self) -> &CloudConfig {
        &self.inner.config
    }

    /// The session in use: logs in if there is none or it is about to end.
    pub async fn session(&self) -> Result<Arc<Session>> {
        self.inner.auth.session(&self.inner.transport).await
    }

    /// Whether the cloud is a Skydeck: operations, events, samples, explanations, plans and audit are there.
    pub async fn supports_skydeck(&self) -> Result<bool> {
        let overridden = self.inner.config.overrides.contains_key("skydeck");
        Ok(overridden || self.session().await?.catalog.has(Service::Skydeck))
    }
}
