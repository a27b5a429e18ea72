//! A live migration beside `virsh migrate` of a guest that has the same memory, devices and disks: both idle on a host of
//! a rack, and by turns one of them goes to the other host, over a shared directory.

use std::fmt::Write;
use std::time::{Duration, Instant};

use skydeck::api::wire::Nothing;
use skydeck::client::Client;
use skydeck::compute::wire::{MigrateLive, Networks, NetworksWord, ServerAction, ServerCreate};

use super::journey::rack::RackCloud;
use super::lab::guest as disk;
use super::lab::rack::Rack;
use super::lab::wait::wait_for_async;
use super::report::{heading, line, median, ratio, timed};

const ROUNDS: usize = 7;
const SHARED: &str =
    "report_interval = 1\ninstances_dir = \"/shared/instances\"\nvolumes_dir = \"/shared/volumes\"";
/// How long a guest may take to boot.
const PATIENCE: Duration = Duration::from_secs(120);

/// Measures there and back, several times.
pub async fn run() {
    heading("Live migration, two hosts, a guest of 128 MiB (translated)");
    let cloud = RackCloud::start(2, SHARED).await;
    let (id, name) = server(&cloud).await;
    twin(&cloud, &id, &name).await;
    let client = cloud.client();
    let (mut ours, mut virsh) = (Rounds::default(), Rounds::default());
    for round in 0..=ROUNDS {
        let (from, to) = if round % 2 == 0 { (1, 2) } else { (2, 1) };
        let took = move_server(&cloud, &client, &id, to).await;
        let paused = pause(&cloud, to, &name);
        let took_virsh = move_twin(&cloud, from, to);
        let paused_virsh = pause(&cloud, to, TWIN);
        // The first one opens connections that stay.
        if round > 0 {
            ours.add(took, paused);
            virsh.add(took_virsh, paused_virsh);
        }
    }
    ratio(
        "live migration, from request to end",
        median(ours.took.clone()),
        median(virsh.took.clone()),
        "virsh migrate",
        "<= x 1.3 + 300 ms",
    );
    ratio(
        "pause of the guest meanwhile",
        median(ours.paused.clone()),
        median(virsh.paused.clone()),
        "virsh migrate",
        "the same",
    );
    line("each pause", &ours.pauses(), &virsh.pauses(), "");
}

const TWIN: &str = "twin";

/// What several rounds took.
#[derive(Default)]
struct Rounds {
    took: Vec<Duration>,
    paused: Vec<Duration>,
}

impl Rounds {
    fn add(&mut self, took: Duration, paused: Duration) {
        self.took.push(took);
        self.paused.push(paused);
    }

    fn pauses(&self) -> String {
        let mut all = String::new();
        for paused in &self.paused {
            let _ = write!(all, "{} ", paused.as_millis());
        }
        all + "ms"
    }
}

/// A server that has booted on the first host; its id and its guest's name.
async fn server(cloud: &RackCloud) -> (String, String) {
    let image = cloud.image("guest", &disk::qcow2(), "qcow2").await.id;
    let flavor = cloud.flavor("guest", 128, 1).await;
    let id = cloud
        .launch(ServerCreate {
            name: "measured".into(),
            flavor_ref: flavor,
            image_ref: Some(image),
            availability_zone: Some(format!("nova:{}", Rack::name(1))),
            networks: Some(Networks::Word(NetworksWord::None)),
            ..ServerCreate::default()
        })
        .await;
    cloud.wait_status(&id, "ACTIVE").await;
    let name = cloud.running_on(1).pop().expect("a guest");
    (id, name)
}

/// Starts a guest with the same definition and a copy of the same files, as nobody's, and waits until both have booted.
async fn twin(cloud: &RackCloud, id: &str, name: &str) {
    cloud.act(id, &ServerAction::Stop(Nothing), "SHUTOFF").await;
    let host = cloud.rack.host(1);
    let xml = host.run(&["virsh", "dumpxml", "--inactive", name]);
    let place = format!("/shared/instances/{id}");
    host.run(&["cp", "-a", &place, "/shared/twin"]);
    let (mut text, mut skipping) = (String::new(), false);
    for line in xml.lines() {
        let word = line.trim_start();
        skipping |= word.starts_with("<metadata");
        if !skipping && !word.starts_with("<uuid>") {
            text += line;
            text.push('\n');
        }
        skipping &= !word.starts_with("</metadata");
    }
    let text = text
        .replace(&format!("<name>{name}</name>"), "<name>twin</name>")
        .replace(&place, "/shared/twin")
        .replace(id, "twin");
    let file = host.dir().join("twin.xml");
    std::fs::write(&file, text).unwrap();
    cloud.act(id, &ServerAction::Start(Nothing), "ACTIVE").await;
    host.run(&["virsh", "define", &file.display().to_string()]);
    host.run(&["virsh", "start", TWIN]);
    for place in [place.as_str(), "/shared/twin"] {
        wait_for_async("a guest to boot", PATIENCE, async || {
            let said = host.run(&["sh", "-c", &format!("cat {place}/console*")]);
            said.contains("GUEST-READY").then_some(())
        })
        .await;
    }
}

/// Moves the server, and waits until the operation has ended.
async fn move_server(cloud: &RackCloud, client: &Client, id: &str, to: usize) -> Duration {
    let begun = Instant::now();
    let action = ServerAction::MigrateLive(MigrateLive {
        host: Some(Rack::name(to)),
        ..MigrateLive::default()
    });
    client.server_action(id, &action).await.expect("a move");
    cloud.settled().await;
    let took = begun.elapsed();
    let server = client.server_show(id).await.expect("the server");
    assert_eq!(server.host, Some(Rack::name(to)), "{:?}", server.fault);
    took
}

fn move_twin(cloud: &RackCloud, from: usize, to: usize) -> Duration {
    let host = cloud.rack.host(from);
    let address = format!("tcp://{}", Rack::name(to));
    let uri = Rack::libvirt_uri(to);
    let migrate = [
        "virsh",
        "migrate",
        "--live",
        "--p2p",
        "--persistent",
        "--undefinesource",
        "--unsafe",
        TWIN,
        &uri,
        "--migrateuri",
        &address,
    ];
    timed(|| host.run(&migrate)).1
}

/// How long the guest stood still, as libvirt at the destination counts it.
fn pause(cloud: &RackCloud, at: usize, guest: &str) -> Duration {
    let keep = [
        "virsh",
        "domjobinfo",
        guest,
        "--completed",
        "--keep-completed",
    ];
    let said = cloud.rack.host(at).run(&keep);
    let pause = said.lines().find_map(|line| {
        let words = line.strip_prefix("Total downtime:")?;
        words.split_whitespace().next()?.parse().ok()
    });
    Duration::from_millis(pause.unwrap_or_else(|| panic!("no pause in: {said}")))
}
