//! `skydeck demo`: the console on a fleet that does not exist.
//!
//! Everything is real but the hosts: the same control process, the same agents on the bus, the same API; only what the
//! agents drive is simulated, and each of them says so. It lives in a directory that is thrown away, under a socket of its
//! own, and every screen is marked. The fleet is launched like any other, through the API, while one watches.

use std::sync::Arc;

use crate::bus::Bus;
use crate::client::{Client, ListQuery};
use crate::compute::wire::{
    FlavorCreate, Networks, NetworksWord, QuotaFields, ServerCreate, ServerCreateRequest,
};
use crate::config::{Config, Listen};
use crate::hypervisor::Hypervisor;
use crate::hypervisor::sim::{Latency, SimConfig, SimHost};
use crate::image::wire::ImageCreate;

use super::console::{options, own_client, show};
use super::lock::Front;
use super::{Control, RoleError, logging, node};

/// Servers asked for in one request.
const AT_ONCE: u32 = 50;
/// The fleet's purposes; names of servers are made of them.
const PURPOSES: [&str; 8] = ["web", "app", "db", "cache", "queue", "build", "mail", "log"];

/// What is simulated.
#[derive(Clone, Debug, clap::Args)]
pub struct Fleet {
    /// Hosts.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=500))]
    hosts: u32,
    /// Servers, launched while you watch.
    #[arg(long, default_value_t = 240, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    servers: u32,
    /// Decides the load of everything.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs the console on the fleet until it is left.
pub async fn run(
    config: Config,
    fleet: &Fleet,
    read_only: bool,
    log: Option<std::path::PathBuf>,
) -> Result<(), RoleError> {
    let place = tempfile_dir()?;
    // What the operator writes outlives the fleet.
    let files = config.data_dir.clone();
    let config = simulated(config, &place.path);
    let _log = logging::start(
        &log.unwrap_or_else(|| place.path.join("log")),
        &config.log.level,
        false,
    )?;
    let options = crate::tui::Options {
        data_dir: files,
        ..options(&config, "demo", read_only, true)
    };
    let socket = place.path.join("api.sock");
    let control = Control::start(config, Front::Demo).await?;
    let cloud = control.cloud();
    let agents = hosts(&cloud.config, &cloud.bus, fleet)?;
    let client = own_client(&place.path.join("clouds.yaml"), &socket)?;
    let launching = tokio::spawn(launch(client.clone(), fleet.clone()));
    let shown = show(client, options).await;
    launching.abort();
    drop(agents);
    control.shut_down().await;
    shown
}

/// A directory that goes away with the value.
struct Place {
    path: std::path::PathBuf,
}

impl Drop for Place {
    fn drop(&mut self) {
        // What stays is swept with the system's temporary files.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

fn tempfile_dir() -> Result<Place, RoleError> {
    let path = std::env::temp_dir().join(format!("skydeck-demo-{}", std::process::id()));
    super::private_directory(&path)?;
    Ok(Place { path })
}

fn simulated(mut config: Config, place: &std::path::Path) -> Config {
    config.data_dir = place.to_owned();
    config.database.url = format!("sqlite://{}", place.join("skydeck.db").display());
    config.api.listen = vec![Listen::Unix(place.join("api.sock"))];
    config.identity.bootstrap_password_file = place.join("admin-password");
    config.agent.enabled = false;
    config.bus.url = "local:".into();
    // A fleet of thousands is sampled less often, as a real one would be.
    config
}

fn hosts(config: &Config, bus: &Bus, fleet: &Fleet) -> Result<Vec<crate::agent::Agent>, RoleError> {
    let pace = if fleet.servers > 2000 { 5 } else { 1 };
    let config = Config {
        agent: crate::config::Agent {
            sample_interval: config.agent.sample_interval.max(pace),
            ..config.agent.clone()
        },
        ..config.clone()
    };
    let latency = Latency {
        start: std::time::Duration::from_millis(120),
        shutdown: std::time::Duration::from_secs(2),
        ..Latency::default()
    };
    (1..=fleet.hosts)
        .map(|number| {
            let sim = SimConfig {
                seed: fleet.seed.wrapping_add(number.into()),
                latency,
                ..SimConfig::default()
            };
            let hypervisor: Arc<dyn Hypervisor> =
                Arc::new(SimHost::open(sim).map_err(node::NodeStartError::from)?);
            let name = format!("cmp-{number:03}");
            let place = config.data_dir.join(&name);
            super::private_directory(&place)?;
            Ok(node::start_simulated(
                &name, &place, &config, bus, hypervisor,
            )?)
        })
        .collect()
}

/// Launches the fleet. What goes wrong is on the screen, as operations; the rest goes on.
async fn launch(client: Client, fleet: Fleet) {
    if let Err(error) = prepare_and_launch(&client, &fleet).await {
        tracing::warn!(%error, "the fleet could not be launched whole");
    }
}

async fn prepare_and_launch(client: &Client, fleet: &Fleet) -> crate::client::Result<()> {
    let project = client
        .session()
        .await?
        .project_id()
        .map(str::to_owned)
        .unwrap_or_default();
    let quota = QuotaFields {
        instances: Some(-1),
        cores: Some(-1),
        ram: Some(-1),
        ..QuotaFields::default()
    };
    client.quota_set(&project, quota).await?;
    let file = std::env::temp_dir()
        .join(format!("skydeck-demo-{}", std::process::id()))
        .join("demo.img");
    let image = client
        .image_create(&ImageCreate {
            name: Some("debian-12".into()),
            disk_format: Some("raw".into()),
            container_format: Some("bare".into()),
            ..ImageCreate::default()
        })
        .await?;
    let written = tokio::fs::write(&file, vec![0_u8; 1 << 20]).await;
    if let Err(error) = written {
        tracing::warn!(%error, "the fleet has no image");
        return Ok(());
    }
    client
        .image_upload(&image.id, &file, Arc::new(|_, _| {}))
        .await?;
    let flavors = client.flavor_list(&ListQuery::default()).await?;
    let mut sizes: Vec<String> = flavors
        .iter()
        .filter(|flavor| flavor.vcpus <= 2 && flavor.ram >= 512)
        .map(|flavor| flavor.id.clone())
        .collect();
    if sizes.is_empty() {
        let flavor = FlavorCreate {
            name: "demo".into(),
            vcpus: Some(1),
            ram: Some(1024),
            disk: Some(1),
            ..FlavorCreate::default()
        };
        sizes.push(client.flavor_create(flavor).await?.id);
    }
    let mut left = fleet.servers;
    let mut turn = 0;
    while left > 0 {
        let count = left.min(AT_ONCE);
        let server = ServerCreate {
            name: PURPOSES[turn % PURPOSES.len()].to_owned(),
            flavor_ref: sizes[turn % sizes.len()].clone(),
            image_ref: Some(image.id.clone()),
            networks: Some(Networks::Word(NetworksWord::None)),
            min_count: Some(count),
            max_count: Some(count),
            ..ServerCreate::default()
        };
        client
            .server_create(ServerCreateRequest {
                server,
                scheduler_hints: None,
            })
            .await?;
        left -= count;
        turn += 1;
    }
    Ok(())
}
