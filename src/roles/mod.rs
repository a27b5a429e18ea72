//! The only place where parts are put together: what a process is, by how it was started.
//!
//! | start | parts |
//! |---|---|
//! | `skydeck` | attaches to this machine's control process, or is one itself ([`whole`]), and runs the [`console`] |
//! | `skydeck server` | [`whole`] without a screen |
//! | `skydeck agent` | a [`node`] by itself ([`agent`]), over a bus that reaches control processes elsewhere |
//! | `skydeck node …` | none: a client of the control process beside it, or what makes a machine a node ([`nodes`]) |
//! | `skydeck db copy` | none: moves the database to another engine ([`copy`]) |
//! | `skydeck demo` | [`control`] over simulated nodes in a directory that is thrown away, and the console |
//!
//! A control process is: directory lock → database → cloud → services' first-start work → engine, recurring work and
//! conductor → API → (unless told not to) a [`node`] in the same process. It stops in the opposite order.

pub mod agent;
pub mod allocator;
pub mod console;
pub mod control;
pub mod copy;
pub mod demo;
pub mod lock;
pub mod logging;
pub mod node;
pub mod nodes;
mod notify;
mod relay;
pub mod server;
pub(crate) mod services;
mod signals;
pub mod whole;

use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

pub use control::{Control, StartError};

/// Why a role ended badly. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum RoleError {
    /// The control process or its node did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The bus is none that a node by itself can use.
    #[error(
        "bus.url is \"local:\", which serves one process only: give a node by itself the address of the RabbitMQ that the control processes use (bus.url = \"amqp://user:password@host:5672/vhost\"), or run skydeck server, which is a node, too"
    )]
    LocalBus,
    /// The settings of the bus are wrong.
    #[error(transparent)]
    Bus(#[from] crate::bus::SettingsError),
    /// There is no log.
    #[error(transparent)]
    Log(#[from] logging::LogError),
    /// The cloud can not be reached, or does not let us in.
    #[error(transparent)]
    Client(#[from] crate::client::ClientError),
    /// The console can not start, or go on.
    #[error(transparent)]
    Console(#[from] crate::tui::TuiError),
    /// Nothing was done about a node.
    #[error(transparent)]
    Nodes(#[from] nodes::NodesError),
    /// The database was not copied.
    #[error(transparent)]
    Copy(#[from] copy::CopyError),
    /// The system refused something that always works.
    #[error("the system refused: {0}")]
    System(#[from] std::io::Error),
}

impl From<node::NodeStartError> for RoleError {
    fn from(error: node::NodeStartError) -> Self {
        Self::Start(error.into())
    }
}

/// Makes a directory that nobody else may enter, unless it exists.
pub(crate) fn private_directory(path: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}

/// Makes the data directory ready, before anything is written into it.
pub fn data_directory(path: &Path) -> Result<(), StartError> {
    close_directory(path).map_err(|reason| StartError::Directory {
        path: path.display().to_string(),
        reason,
    })
}

/// Makes the data directory, or makes one that exists private. The group of guest processes may traverse it, which a node
/// allows them. One that is not ours, or that is open to others and holds other things, is refused: it may be anything, and
/// closing it would harm whoever uses it.
fn close_directory(path: &Path) -> std::io::Result<()> {
    let refuse = |reason: String| Err(std::io::Error::other(reason));
    private_directory(path)?;
    let found = std::fs::metadata(path)?;
    if found.uid() != nix::unistd::geteuid().as_raw() {
        return refuse(format!("it belongs to the user with id {}", found.uid()));
    }
    let open = found.mode() & 0o067;
    if open != 0 {
        let ours = lock::is_known(path);
        if !ours && std::fs::read_dir(path)?.next().is_some() {
            return refuse(format!(
                "others may enter it (mode {:o}) and it holds something else already; if it shall be used, close it with chmod 0700",
                found.mode() & 0o777
            ));
        }
        let closed = std::fs::Permissions::from_mode(found.mode() & 0o710);
        std::fs::set_permissions(path, closed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
