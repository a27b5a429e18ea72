//! What nodes shall have, computed from the database after one port was bound, in a cloud of a thousand hosts and twenty
//! thousand ports: for the host itself, for every host that the port concerns, and the whole of it as OVN is told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures::TryStreamExt;
use futures::stream::{self, StreamExt};
use skydeck::compute::ops::host_report;
use skydeck::compute::rpc::HostReport;
use skydeck::config::{Config, Sources};
use skydeck::context::{Actor, Context, Rank, Scope};
use skydeck::db::sql;
use skydeck::error::Result;
use skydeck::ids::{DomainId, NetworkId, PortId, ProjectId, Time, UserId};
use skydeck::network::model::{NewNetwork, NewPort, NewSubnet};
use skydeck::network::ops::{self, DesiredRows};
use skydeck::roles::Control;
use skydeck::roles::lock::Front;

use super::report::{heading, line, median, time};

const HOSTS: usize = 1000;
/// Projects, networks of each, and ports of each network: each on a host of its own.
const PROJECTS: usize = 100;
const NETWORKS: usize = 10;
const PORTS: usize = 20;
const ROUNDS: usize = 5;

/// Measures all of it.
pub async fn run() {
    heading("Desired state, 1,000 hosts, 20,000 ports");
    let dir = tempfile::tempdir().unwrap();
    let settings = [
        ("data_dir", dir.path().display().to_string()),
        ("api.listen", "127.0.0.1:0".to_owned()),
        // Nobody is there to be told.
        ("compute.down_after", "1".to_owned()),
    ];
    let flags = settings.map(|(key, value)| (key.to_owned(), value)).into();
    let config = Config::load(&Sources {
        flags,
        ..Sources::default()
    })
    .unwrap();
    let control = Control::start(config, Front::Server).await.unwrap();
    let networks = filled(&control).await.unwrap();
    changed(&control, &networks).await.unwrap();
    control.shut_down().await;
}

fn host(number: usize) -> String {
    format!("node-{number:04}")
}

fn owner(control: &Control) -> Context {
    let actor = Actor {
        user: Some(UserId::new()),
        user_name: "owner".to_owned(),
        project: Some(Scope {
            id: ProjectId::new(),
            name: "project".to_owned(),
            domain_id: DomainId::new(),
        }),
        rank: Some(Rank::Admin),
    };
    Context::new(control.cloud().clone(), actor, "req-bench")
}

/// A network of a project.
struct Place {
    cx: Context,
    network: NetworkId,
}

impl Place {
    fn port(&self) -> NewPort {
        let project = self.cx.project().unwrap().id;
        NewPort {
            device_owner: "compute:nova".to_owned(),
            ..NewPort::new(PortId::new(), self.network, project)
        }
    }

    async fn bound(&self, host: &str) -> Result<()> {
        let mut tx = self.cx.db.begin().await?;
        let port = ops::port_create_on_conn(&mut tx, &self.cx, &self.port()).await?;
        ops::port_bind_on_conn(&mut tx, &[port.id], host).await?;
        Ok(tx.commit().await?)
    }
}

/// Hosts, networks and bound ports.
async fn filled(control: &Control) -> Result<Vec<Place>> {
    let system = Context::system(control.cloud().clone());
    for number in 0..HOSTS {
        host_report(&system, &report(number)).await?;
    }
    let mut places = Vec::new();
    for _ in 0..PROJECTS {
        let cx = owner(control);
        for number in 0..NETWORKS {
            let network = ops::network_create(
                &cx,
                NewNetwork {
                    name: "net".into(),
                    ..NewNetwork::default()
                },
            )
            .await?;
            let subnet = NewSubnet {
                network: network.id,
                name: String::new(),
                description: String::new(),
                cidr: format!("10.0.{number}.0/24").parse().unwrap(),
                gateway: None,
                dhcp: true,
                address_mode: None,
                ra_mode: None,
                dns: Vec::new(),
                pools: None,
                routes: Vec::new(),
            };
            ops::subnet_create(&cx, subnet).await?;
            places.push(Place {
                cx: cx.clone(),
                network: network.id,
            });
        }
    }
    stream::iter(places.iter().enumerate())
        .map(Ok)
        .try_for_each(async |(at, place)| {
            let mut tx = place.cx.db.begin().await?;
            for number in 0..PORTS {
                let port = ops::port_create_on_conn(&mut tx, &place.cx, &place.port()).await?;
                // Guests of one network are all over the cloud.
                let host = host((at * 7 + number * 53) % HOSTS);
                ops::port_bind_on_conn(&mut tx, &[port.id], &host).await?;
            }
            Result::Ok(tx.commit().await?)
        })
        .await?;
    Ok(places)
}

fn report(number: usize) -> HostReport {
    let [high, low] = u16::try_from(number).unwrap().to_be_bytes();
    HostReport {
        host: host(number),
        version: String::new(),
        started: Time::now(),
        sent: Time::now(),
        seen: Time::now(),
        info: None,
        trouble: None,
        disk_gb: (100, 100),
        uptime: None,
        address: Some([10, 77, high, low].into()),
        physical_networks: Vec::new(),
        metrics: BTreeMap::new(),
        guests: None,
    }
}

/// What one more port costs, by both engines.
async fn changed(control: &Control, places: &[Place]) -> Result<()> {
    let system = Context::system(control.cloud().clone());
    let wanted = async || -> Result<BTreeMap<String, i64>> {
        let mut conn = system.db.read().await?;
        let list = sql("SELECT host, wanted FROM network_host")
            .all(&mut conn, |row| Ok((row.take()?, row.take()?)));
        Ok(list.await?.into_iter().collect())
    };
    let mut one = Vec::new();
    let mut everything = Vec::new();
    let mut all = Vec::new();
    let mut concerned = 0;
    let mut read = Vec::new();
    let mut computed = Vec::new();
    for round in 0..ROUNDS {
        let place = &places[round * 89];
        let before = wanted().await?;
        let at = host(round * 31);
        place.bound(&at).await?;
        let after = wanted().await?;
        let hosts: BTreeSet<&String> = after
            .iter()
            .filter(|(host, wanted)| before.get(*host) != Some(wanted))
            .map(|(host, _)| host)
            .collect();
        let begun = Instant::now();
        ops::network_desired(&system, &at).await?;
        one.push(begun.elapsed());
        let begun = Instant::now();
        let rows = DesiredRows::of_all(&system).await?;
        everything.push(begun.elapsed());
        let begun = Instant::now();
        for host in &hosts {
            std::hint::black_box(rows.desired(host));
        }
        all.push(begun.elapsed());
        concerned += hosts.len();
        let begun = Instant::now();
        let rows = ops::northbound_rows(&system).await?;
        read.push(begun.elapsed());
        let begun = Instant::now();
        std::hint::black_box(rows.want());
        computed.push(begun.elapsed());
    }
    let say = |what: &str, times: Vec<Duration>, beside: &str| {
        line(what, &time(median(times)), beside, "<= 10 ms");
    };
    say("the host of a port that was bound", one, "");
    say("the rows of all hosts, read once", everything, "");
    let hosts = format!("{} hosts", concerned / ROUNDS);
    say(
        "all hosts that it concerns, computed from them",
        all,
        &hosts,
    );
    say("OVN: rows read", read, "");
    say("OVN: everything computed from them", computed, "");
    Ok(())
}
