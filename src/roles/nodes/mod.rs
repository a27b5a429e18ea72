//! `skydeck node …`: machines that become nodes, are looked at, and leave.
//!
//! | command | where | what it does |
//! |---|---|---|
//! | `add`, `list`, `remove` | beside a control process | asks it over its socket, as the administrator |
//! | `join` | on the new machine | looks at the machine, redeems the token, writes the settings, starts the agent ([`join`]) |
//! | `leave` | on a node | ends the agent and takes its settings away; guests are not touched ([`leave`]) |
//!
//! What a machine gets by joining is one file of settings, perhaps one of certificates beside it, and a unit of systemd
//! ([`place`]). Whatever fails leaves none of them.

mod ask;
mod join;
mod leave;
mod machine;
mod place;

use std::path::PathBuf;

use super::RoleError;
use crate::config::Config;

/// What may be done about nodes.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum NodeCommand {
    /// Invite a machine: prints the command that makes it a node of this cloud.
    Add {
        /// The new node's name.
        name: String,
        /// How long the invitation is good.
        #[arg(long, default_value_t = 60)]
        minutes: i64,
    },
    /// Show control processes and nodes.
    List,
    /// Forget a node that has no servers and volumes.
    Remove {
        /// Its name.
        name: String,
    },
    /// Make this machine a node: as `skydeck node add` printed it, with the token on standard input.
    Join {
        /// Address of a control process.
        url: String,
        /// Fingerprint of its certificate (sha256:…).
        #[arg(long)]
        fingerprint: Option<String>,
    },
    /// End this machine's being a node; guests go on.
    Leave {
        /// Also while there are guests or volumes.
        #[arg(long)]
        force: bool,
    },
}

impl NodeCommand {
    /// Whether `--config` names a file that this command writes, and that therefore may not exist.
    pub fn writes_config(&self) -> bool {
        matches!(self, Self::Join { .. })
    }
}

/// Why nothing was done. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum NodesError {
    /// No control process serves here.
    #[error(
        "no control process answers at {socket}: run this beside one that runs, with the same --config or --data-dir"
    )]
    NoControl {
        /// Its socket.
        socket: String,
    },
    /// Something of this machine is not as it has to be.
    #[error("this machine can not be a node yet, and nothing was changed: {0}")]
    Machine(String),
    /// The token did not come.
    #[error(
        "the token is wanted on standard input: echo TOKEN | skydeck node join …, as `skydeck node add` printed it"
    )]
    NoToken,
    /// The control process did not let it in.
    #[error("nothing was changed: {0}")]
    Refused(crate::client::ClientError),
    /// A file can not be written or removed.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// The agent did not start.
    #[error(
        "the agent did not start, and its settings were taken away again: {0}; the token is used up: `skydeck node add` makes another"
    )]
    Agent(String),
    /// The machine is not to be left yet.
    #[error("{0}")]
    Stay(String),
}

/// Runs the command; `file` is what `--config` says.
pub async fn run(
    config: Config,
    command: &NodeCommand,
    file: Option<PathBuf>,
    log: Option<PathBuf>,
) -> Result<(), RoleError> {
    match command {
        NodeCommand::Add { name, minutes } => ask::add(&config, name, *minutes).await,
        NodeCommand::List => ask::list(&config).await,
        NodeCommand::Remove { name } => ask::remove(&config, name).await,
        NodeCommand::Join { url, fingerprint } => {
            let place = place::Place::new(file)?;
            join::run(config, &place, url, fingerprint.as_deref(), log).await
        }
        NodeCommand::Leave { force } => {
            leave::run(&config, &place::Place::new(file)?, *force).await
        }
    }
}
