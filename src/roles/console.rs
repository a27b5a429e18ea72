//! `skydeck`: the console, on this machine's cloud or on another.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;

use super::lock::{self, Front};
use super::whole::Whole;
use super::{RoleError, logging};
use crate::client::{Client, Clouds};
use crate::config::Config;
use crate::tui;

/// Name of this machine's cloud in `clouds.yaml`.
pub const OWN_CLOUD: &str = "skydeck";
/// How often an attached console looks whether the cloud is still there.
const LOOK: Duration = Duration::from_secs(1);

/// Attaches to the control process that serves this machine's socket; is one itself if there is none, or once the console
/// that was is gone.
pub async fn local(config: Config, log: &Path, read_only: bool) -> Result<(), RoleError> {
    let options = options(&config, OWN_CLOUD, read_only, false);
    let clouds = config.data_dir.join("clouds.yaml");
    if let Some(socket) = config.socket()
        && UnixStream::connect(socket).await.is_ok()
    {
        let client = own_client(&clouds, socket)?;
        let stop = CancellationToken::new();
        let heir = tokio::spawn(inherit(
            config.clone(),
            socket.to_owned(),
            log.to_owned(),
            stop.clone(),
        ));
        let shown = show(client, options).await;
        stop.cancel();
        // What it may have become is shut down by then.
        let _ = heir.await;
        return shown;
    }
    super::data_directory(&config.data_dir)?;
    let _log = logging::start(log, &config.log.level, false)?;
    let whole = Whole::start(config, Front::Console).await?;
    let client = match whole.config().socket() {
        Some(socket) => own_client(&clouds, socket)?,
        None => Client::new(Clouds::load_files(&[clouds])?.get(OWN_CLOUD)?)?,
    };
    let shown = show(client, options).await;
    whole.shut_down().await;
    shown
}

/// Waits beside an attached console. When the console that was this machine's cloud is gone, this process takes its place,
/// and the socket answers again. A server's place is not taken: whoever started it starts it again.
async fn inherit(config: Config, socket: PathBuf, log: PathBuf, stop: CancellationToken) {
    let mut tick = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        if !lock::was_console(&config.data_dir) || UnixStream::connect(&socket).await.is_ok() {
            continue;
        }
        let Ok(_log) = logging::start(&log, &config.log.level, false) else {
            continue;
        };
        match Whole::start(config.clone(), Front::Console).await {
            Ok(whole) => {
                tracing::info!("the console that was the cloud is gone; this one took its place");
                stop.cancelled().await;
                return whole.shut_down().await;
            }
            // It is still ending, or another console was faster.
            Err(error) => tracing::info!(%error, "the cloud's place could not be taken yet"),
        }
    }
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
        theme: Some(config.console.theme.clone()).filter(|theme| theme != "auto"),
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
    Ok(tui::run(client, options).await?)
}
