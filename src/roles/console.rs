//! `skydeck`: the console, on this machine's cloud or on another.

use std::path::Path;

use tokio::net::UnixStream;

use super::{Control, RoleError, logging, node};
use crate::client::{Client, Clouds};
use crate::config::Config;
use crate::tui;

/// Name of this machine's cloud in `clouds.yaml`.
pub const OWN_CLOUD: &str = "skydeck";

/// Attaches to the control process that serves this machine's socket; is one itself if there is none.
pub async fn local(config: Config, log: &Path, read_only: bool) -> Result<(), RoleError> {
    let options = options(&config, OWN_CLOUD, read_only, false);
    let clouds = config.data_dir.join("clouds.yaml");
    if let Some(socket) = config.socket()
        && UnixStream::connect(socket).await.is_ok()
    {
        return show(own_client(&clouds, socket)?, options).await;
    }
    super::data_directory(&config.data_dir)?;
    let _log = logging::start(log, &config.log.level, false)?;
    let control = Control::start(config, false).await?;
    let config = &control.cloud().config;
    let agent = if config.agent.enabled {
        Some(node::start(config, &control.cloud().bus).await?)
    } else {
        None
    };
    let client = match config.socket() {
        Some(socket) => own_client(&clouds, socket)?,
        None => Client::new(Clouds::load_files(&[clouds])?.get(OWN_CLOUD)?)?,
    };
    let shown = show(client, options).await;
    drop(agent);
    control.shut_down().await;
    shown
}

/// On a cloud of `clouds.yaml`.
pub async fn remote(config: &Config, name: &str, read_only: bool) -> Result<(), RoleError> {
    let clouds = Clouds::load(&[config.data_dir.join("clouds.yaml")])?;
    show(
        Client::new(clouds.get(name)?)?,
        options(config, name, read_only, false),
    )
    .await
}

/// A client of this machine's cloud over its socket.
pub fn own_client(clouds: &Path, socket: &Path) -> Result<Client, RoleError> {
    Ok(Client::new(
        Clouds::load_files(&[clouds.to_owned()])?
            .get(OWN_CLOUD)?
            .over_socket(socket),
    )?)
}

/// What the console is told besides its client.
pub fn options(config: &Config, cloud: &str, read_only: bool, simulated: bool) -> tui::Options {
    tui::Options {
        read_only,
        ascii: config.console.ascii,
        theme: Some(config.console.theme.clone()),
        simulated,
        data_dir: config.data_dir.clone(),
        config_dir: user_directory(),
        cloud: cloud.to_owned(),
    }
}

/// Where the user's own keys and themes are.
fn user_directory() -> Option<std::path::PathBuf> {
    use etcetera::BaseStrategy;
    etcetera::choose_base_strategy()
        .ok()
        .map(|dirs| dirs.config_dir().join("skydeck"))
}

/// Runs the console until it is left.
pub async fn show(client: Client, options: tui::Options) -> Result<(), RoleError> {
    tui::run(client, options)
        .await
        .map_err(|error| RoleError::Terminal(error.to_string()))
}
