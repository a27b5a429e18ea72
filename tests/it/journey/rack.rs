//! A cloud of several hosts: `skydeck server` on the control machine of a rack, `skydeck agent` on each host, RabbitMQ
//! between them. Hosts are known by the names of their machines.
//!
//! The control process keeps its data in a directory that the hosts see at the same path, where nodes look for images; a
//! node's own is `/var/lib/skydeck`, the same path on each and a directory of its own.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

use base64::Engine;
use skydeck::compute::wire::ServerCreate;

use super::cloud::{Cloud, PATIENCE, SKYDECK, Settings};
use crate::lab::broker::Broker;
use crate::lab::guest as disk;
use crate::lab::process::Running;
use crate::lab::rack::{CONTROL, OUTSIDE, Rack};
use crate::lab::wait::wait_for_async;

/// A rack with a cloud on it; what is asked of the cloud itself is asked of the [`Cloud`] in it.
pub struct RackCloud {
    cloud: Cloud,
    agents: BTreeMap<usize, Running>,
    /// The bus between them.
    pub broker: Broker,
    /// Where it runs.
    pub rack: Rack,
}

impl Deref for RackCloud {
    type Target = Cloud;

    fn deref(&self) -> &Cloud {
        &self.cloud
    }
}

impl DerefMut for RackCloud {
    fn deref_mut(&mut self) -> &mut Cloud {
        &mut self.cloud
    }
}

impl RackCloud {
    /// A cloud of this many hosts, all of which are up, with these settings in the `agent` table of all processes.
    pub async fn start(hosts: usize, agent: &str) -> Self {
        Self::start_with(hosts, agent, "").await
    }

    /// The same with further tables of settings for the control process.
    pub async fn start_with(hosts: usize, agent: &str, control_settings: &str) -> Self {
        Self::start_on(Rack::start(hosts), agent, control_settings, |_| {
            String::new()
        })
        .await
    }

    /// The same with OVN for what reaches from host to host. Hosts are plugged into the physical network `physnet1`.
    pub async fn start_with_ovn(hosts: usize, agent: &str, control_settings: &str) -> Self {
        let rack = Rack::start_with_ovn(hosts);
        let settings = format!(
            "{control_settings}\n[network]\nengine = \"ovn\"\novn_northbound = \"tcp:{CONTROL}:6641\"\novn_southbound = \"tcp:{CONTROL}:6642\"\n"
        );
        let own = |number| {
            let tunnel = Rack::tunnel_address(number);
            format!("tunnel_ip = \"{tunnel}\"\nphysical_networks = [\"physnet1:{OUTSIDE}\"]\n")
        };
        Self::start_on(rack, agent, &settings, own).await
    }

    /// On this rack, with settings of each host's own.
    pub async fn start_on(
        rack: Rack,
        agent: &str,
        control_settings: &str,
        own: impl Fn(usize) -> String,
    ) -> Self {
        let control = rack.control();
        let broker = control.within_network(|| Broker::start_on(CONTROL));
        let bus = format!("[bus]\nurl = {:?}\n", broker.url("/"));
        for number in rack.numbers() {
            let text = format!(
                "data_dir = \"/var/lib/skydeck\"\n{bus}[agent]\nhost = {:?}\nmigration_uri = {:?}\nvirt_type = \"qemu\"\n{}{agent}\n",
                Rack::name(number),
                Rack::libvirt_uri(number),
                own(number),
            );
            std::fs::write(rack.host(number).dir().join("agent.toml"), text).unwrap();
        }
        let cloud = Cloud::on(
            control,
            Settings {
                agent: format!("enabled = false\n{agent}"),
                listen: format!(", \"tls:{CONTROL}:8775\""),
                extra: format!("{bus}{control_settings}"),
                ..Settings::default()
            },
        );
        let mut this = Self {
            cloud,
            agents: BTreeMap::new(),
            broker,
            rack,
        };
        for number in this.rack.numbers() {
            this.start_agent(number);
        }
        for number in this.rack.numbers() {
            this.host_is(number, "up").await;
        }
        this
    }

    /// Starts the agent of a host.
    pub fn start_agent(&mut self, number: usize) {
        self.start_agent_with(number, &[]);
    }

    /// Starts the agent of a host with these variables set.
    pub fn start_agent_with(&mut self, number: usize, variables: &[(&str, &str)]) {
        let host = self.rack.host(number);
        let mut command = host.command(SKYDECK);
        command
            .arg("agent")
            .arg("--config")
            .arg(host.dir().join("agent.toml"))
            .env("XDG_CONFIG_HOME", host.dir())
            .envs(variables.iter().copied());
        let running = host.spawn("agent", command);
        self.agents.insert(number, running);
    }

    /// The agent of a host.
    pub fn agent(&self, number: usize) -> &Running {
        &self.agents[&number]
    }

    /// The broker dies and comes back.
    pub fn lose_broker(&mut self) {
        self.broker.kill();
        let control = self.rack.control();
        control.within_network(|| self.broker.boot());
    }

    /// Kills the agent of a host; its guests go on.
    pub fn kill_agent(&mut self, number: usize) {
        self.agents.remove(&number).expect("an agent").kill();
    }

    /// Waits until the agent of a host has died by itself.
    pub fn wait_agent_dead(&mut self, number: usize) {
        self.agents
            .remove(&number)
            .expect("an agent")
            .wait(PATIENCE);
    }

    /// Power failure of a host: agent, libvirtd and guests are gone.
    pub fn crash(&mut self, number: usize) {
        self.rack.crash(number);
        self.agents.remove(&number);
    }

    /// Power on again, agent included.
    pub fn power_on(&mut self, number: usize) {
        self.rack.boot(number);
        self.start_agent(number);
    }

    /// Waits until the control process holds a host for `up` or `down`.
    pub async fn host_is(&self, number: usize, state: &str) {
        let (client, name) = (self.client(), Rack::name(number));
        wait_for_async(&format!("{name} to be {state}"), PATIENCE, async || {
            let services = client.compute_service_list().await.expect("services");
            services
                .iter()
                .any(|service| {
                    service.binary == "nova-compute"
                        && service.host == name
                        && service.state == state
                })
                .then_some(())
        })
        .await;
    }

    /// Guests that a host has, running or not, as its libvirtd has them.
    pub fn guests_on(&self, number: usize) -> Vec<String> {
        let names = self
            .rack
            .host(number)
            .run(&["virsh", "list", "--name", "--all"]);
        names.split_whitespace().map(str::to_owned).collect()
    }

    /// Guests that run on a host, as its libvirtd has them.
    pub fn running_on(&self, number: usize) -> Vec<String> {
        let list = ["virsh", "list", "--name", "--state-running"];
        let names = self.rack.host(number).run(&list);
        names.split_whitespace().map(str::to_owned).collect()
    }

    /// A server of this many MiB on the first host, whose guest runs this script when it boots.
    pub async fn scripted(&self, name: &str, memory: u64, script: &str) -> String {
        let image = self.image("guest", &disk::qcow2(), "qcow2").await.id;
        let flavor = self.flavor("guest", memory, 1).await;
        let wish = ServerCreate {
            name: name.into(),
            flavor_ref: flavor,
            image_ref: Some(image),
            ..Self::on_host(1, script)
        };
        let id = self.launch(wish).await;
        self.wait_status(&id, "ACTIVE").await;
        id
    }

    /// A server on this host, whose guest runs this script when it boots.
    pub fn on_host(number: usize, script: &str) -> ServerCreate {
        ServerCreate {
            availability_zone: Some(format!("nova:{}", Rack::name(number))),
            config_drive: Some(true),
            user_data: Some(base64::engine::general_purpose::STANDARD.encode(script)),
            ..ServerCreate::default()
        }
    }

    /// Where the only guest of two hosts runs; it has to be one host.
    pub fn place(&self) -> usize {
        let running: Vec<usize> = [1, 2]
            .into_iter()
            .filter(|number| !self.running_on(*number).is_empty())
            .collect();
        assert_eq!(running.len(), 1, "the guest runs on {running:?}");
        running[0]
    }
}
