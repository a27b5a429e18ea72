//! `skydeck demo`: the console on a fleet that does not exist.
//!
//! Everything is real but the hosts: the same control process, the same agents on the bus, the same API; only what the
//! agents drive is simulated, and each of them says so. It lives in a directory that is thrown away, under a socket of its
//! own, and every screen is marked. The fleet is launched like any other, through the API, while one watches: each purpose
//! has a network, so that there is traffic (of the first thousand servers), and hosts are as large as makes the fleet fill about two thirds of them.

use std::sync::Arc;

use crate::client::{Client, ListQuery};
use crate::compute::wire::{
    FlavorCreate, NetworkRequested, Networks, NetworksWord, QuotaFields, ServerCreate,
    ServerCreateRequest,
};
use crate::config::{Config, Listen};
use crate::context::Cloud;
use crate::hypervisor::Hypervisor;
use crate::hypervisor::sim::{Fleet as SimFleet, Latency, SimConfig, SimHost};
use crate::image::wire::ImageCreate;
use crate::network::wire::{NetworkFields, NetworkQuotaFields, SubnetFields};

use super::console::{options, own_client, show};
use super::lock::Front;
use super::{Control, RoleError, logging, node};

/// Servers asked for in one request.
const AT_ONCE: u32 = 50;
/// Servers that have networks: each node is told all ports of its networks whenever one of them changes, which would be
/// most of the work of a fleet of thousands.
const NETWORKED: u32 = 1_000;
/// How long a guest takes to another host: long enough to be watched and broken off.
const MIGRATION: std::time::Duration = std::time::Duration::from_secs(12);
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

impl Fleet {
    /// What one host is like. The mean server has a processor and a third of it, of which it uses a tenth in the long run,
    /// 2.2 GiB of memory and 20 GiB of disk.
    fn host(&self) -> SimConfig {
        let each = u64::from((self.servers / self.hosts).max(8));
        let vcpus = u32::try_from(each * 2 / 5).unwrap_or(u32::MAX);
        SimConfig {
            vcpus: vcpus.next_multiple_of(4),
            memory_mb: (each * 3_400).next_multiple_of(16 * 1024),
            disk_gb: (each * 32).next_multiple_of(256),
            ..SimConfig::default()
        }
    }
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
    let agents = hosts(cloud, fleet)?;
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
    config.image.dir = place.join("images");
    config.database.url = format!("sqlite://{}", place.join("skydeck.db").display());
    config.api.listen = vec![Listen::Unix(place.join("api.sock"))];
    config.identity.bootstrap_password_file = place.join("admin-password");
    config.agent.enabled = false;
    config.bus.url = "local:".into();
    // A fleet of thousands is sampled less often, as a real one would be.
    config
}

fn hosts(cloud: &Cloud, fleet: &Fleet) -> Result<Vec<crate::agent::Agent>, RoleError> {
    let config = &cloud.config;
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
        migrate: MIGRATION,
        ..Latency::default()
    };
    let together = SimFleet::default();
    (1..=fleet.hosts)
        .map(|number| {
            let name = format!("cmp-{number:03}");
            let sim = SimConfig {
                fleet: together.clone(),
                name: name.clone(),
                seed: fleet.seed.wrapping_add(number.into()),
                latency,
                ..fleet.host()
            };
            let hypervisor: Arc<dyn Hypervisor> =
                Arc::new(SimHost::open(sim).map_err(node::NodeStartError::from)?);
            let place = config.data_dir.join(&name);
            super::private_directory(&place)?;
            let control = (&cloud.bus, cloud.process);
            Ok(node::start_simulated(
                &name, &place, &config, control, hypervisor,
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
    let quota = NetworkQuotaFields {
        network: Some(-1),
        subnet: Some(-1),
        port: Some(-1),
        router: Some(-1),
        floatingip: Some(-1),
        ..NetworkQuotaFields::default()
    };
    client.network_quota_set(&project, quota).await?;
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
    let mut networks: Vec<String> = Vec::new();
    let mut left = fleet.servers;
    let mut turn = 0;
    while left > 0 {
        let count = left.min(AT_ONCE);
        let purpose = turn % PURPOSES.len();
        if networks.len() <= purpose {
            networks.push(network(client, purpose).await?);
        }
        let wanted = if fleet.servers - left < NETWORKED {
            Networks::List(vec![NetworkRequested {
                uuid: networks.get(purpose).cloned(),
                ..NetworkRequested::default()
            }])
        } else {
            Networks::Word(NetworksWord::None)
        };
        let server = ServerCreate {
            name: PURPOSES[purpose].to_owned(),
            flavor_ref: sizes[turn % sizes.len()].clone(),
            image_ref: Some(image.id.clone()),
            networks: Some(wanted),
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

/// Makes the network of a purpose; answers its id.
async fn network(client: &Client, purpose: usize) -> crate::client::Result<String> {
    let name = PURPOSES[purpose];
    let network = NetworkFields {
        name: Some(name.to_owned()),
        ..NetworkFields::default()
    };
    let made = client.network_create(network).await?;
    let subnet = SubnetFields {
        network_id: Some(made.id.clone()),
        name: Some(format!("{name}-subnet")),
        ip_version: Some(4),
        cidr: Some(format!("10.{}.0.0/19", purpose + 1)),
        ..SubnetFields::default()
    };
    client.subnet_create(subnet).await?;
    Ok(made.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fleet_fits_on_its_hosts_with_room_to_spare() {
        for (hosts, servers) in [(1, 0), (12, 240), (12, 10_000), (500, 10_000), (3, 100)] {
            let fleet = Fleet {
                hosts,
                servers,
                seed: 1,
            };
            let host = fleet.host();
            let all = |each: u64| each * u64::from(hosts);
            let servers = u64::from(servers);
            assert!(servers * 2_220 < all(host.memory_mb) * 8 / 10, "{host:?}");
            assert!(servers * 21 < all(host.disk_gb) * 8 / 10, "{host:?}");
            // Four of a server's processors may share one.
            assert!(servers * 4 / 3 < all(host.vcpus.into()) * 4, "{host:?}");
        }
    }
}
