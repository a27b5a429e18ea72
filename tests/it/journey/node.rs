//! A compute node by itself: `skydeck agent` over RabbitMQ, and a control process that has no node.

use skydeck::compute::wire::ServerCreate;

use super::cloud::{Cloud, PATIENCE, SKYDECK, Settings};
use crate::lab::broker::{Broker, PASSWORD};
use crate::lab::process::Running;
use crate::lab::wait::wait_for_async;

/// The node's name.
const NODE: &str = "cmp-1";

/// Starts the node; what it knows is where the bus is.
fn agent(cloud: &Cloud, url: &str) -> Running {
    let dir = cloud.machine.dir();
    let config = dir.join("node.toml");
    // Its guests outlive it, as real ones do.
    let sim = format!("sim:?state={}", dir.join("sim.json").display());
    let text = format!(
        "data_dir = {:?}\n[bus]\nurl = {url:?}\n[agent]\nhost = {NODE:?}\nhypervisor = {sim:?}\nreport_interval = 1\n",
        dir.join("node"),
    );
    std::fs::write(&config, text).unwrap();
    let mut command = cloud.machine.command(SKYDECK);
    command.arg("agent").arg("--config").arg(config);
    command.env("XDG_CONFIG_HOME", dir);
    cloud.machine.spawn("agent", command)
}

/// Waits until the node is up, or down.
async fn node_is(cloud: &Cloud, state: &str) {
    let client = cloud.client();
    wait_for_async(&format!("the node to be {state}"), PATIENCE, async || {
        let services = client.compute_service_list().await.expect("services");
        services
            .iter()
            .any(|service| {
                service.binary == "nova-compute" && service.host == NODE && service.state == state
            })
            .then_some(())
    })
    .await;
}

async fn launch(cloud: &Cloud, name: &str, image: &str) {
    let id = cloud
        .launch(ServerCreate {
            name: name.into(),
            flavor_ref: "1".into(),
            image_ref: Some(image.into()),
            ..ServerCreate::default()
        })
        .await;
    cloud.wait_status(&id, "ACTIVE").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_by_itself_serves_dies_and_comes_back_and_so_does_the_broker() {
    let mut cloud = Cloud::with(Settings {
        agent: "enabled = false\ndown_after = 3".into(),
        started: false,
        ..Settings::default()
    });
    let mut broker = cloud.machine.within_network(Broker::start);
    let url = broker.url("/");
    let bus = ("SKYDECK_BUS_URL", url.as_str());
    cloud.boot(&[bus]);
    let node = agent(&cloud, &url);
    node_is(&cloud, "up").await;
    let image = cloud.empty_image().await.id;
    launch(&cloud, "first", &image).await;

    node.kill();
    node_is(&cloud, "down").await;
    let node = agent(&cloud, &url);
    node_is(&cloud, "up").await;
    launch(&cloud, "second", &image).await;

    // Power cut of the broker; whoever starts meanwhile waits for it.
    broker.settle("/", "compute.cmp-1");
    cloud.machine.within_network(|| broker.kill());
    let client = cloud.client();
    wait_for_async("the control process to notice", PATIENCE, async || {
        let bus = client.bus_show().await.expect("the bus");
        (!bus.connected && bus.trouble.is_some()).then_some(())
    })
    .await;
    cloud.stop();
    cloud.boot(&[bus]);
    cloud.machine.within_network(|| broker.boot());
    node_is(&cloud, "up").await;
    launch(&cloud, "third", &image).await;
    let seen = cloud.client().bus_show().await.expect("the bus");
    let queue = |name: &str| seen.queues.iter().find(|queue| queue.name == name);
    assert!(seen.connected, "{seen:?}");
    assert_eq!(queue("conductor").map(|queue| queue.consumers), Some(1));
    assert_eq!(
        queue("compute.cmp-1").map(|queue| queue.served),
        Some(false)
    );

    let status = node.stop(PATIENCE);
    assert!(status.success(), "the node ended with {status}");
    for log in ["agent.log", "server.log"] {
        let said = std::fs::read_to_string(cloud.machine.dir().join(log)).unwrap();
        assert!(!said.contains(PASSWORD), "{log} has the bus's password");
    }
}

#[test]
fn a_node_by_itself_refuses_a_bus_that_serves_one_process() {
    let dir = tempfile::tempdir().unwrap();
    let output = std::process::Command::new(SKYDECK)
        .args(["agent", "--data-dir"])
        .arg(dir.path().join("data"))
        .env("XDG_CONFIG_HOME", dir.path())
        .env("SKYDECK_BUS_URL", "local:")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        said.contains("bus.url") && said.contains("amqp://"),
        "{said}"
    );
}
