//! A machine with a network agent, guests and a world outside.
//!
//! Guests are network namespaces whose interface has the name of a port's tap at the machine's end: to bridges, DHCP and
//! the packet filter there is no difference, and they start in no time.

use std::fs;
use std::future::Future;
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use skydeck::agent::network::{MetadataDoor, NetworkAgent, NodePlace};
use skydeck::bus::{Bus, Fault};
use skydeck::ids::{NetworkId, PortId, SubnetId};
use skydeck::network::names::{bridge_name, port_bridge_name, tap_name};
use skydeck::network::rpc::{
    NetworkApplied, NetworkDesired, NetworkSpec, PortSpec, Segment, SubnetSpec,
};

use crate::lab::machine::Machine;
use crate::lab::process::Running;
use crate::lab::wait::wait_until;

/// How long a guest may wait for an address.
const PATIENCE: Duration = Duration::from_secs(30);

/// The machine. Dropping it removes what the agent made: its daemons live outside the machine's process namespace.
pub struct Site {
    pub machine: Machine,
    place: NodePlace,
}

impl Site {
    pub fn start() -> Self {
        Self::on(Machine::start(), NodePlace::default())
    }

    /// On this machine, which is there among others.
    pub fn on(machine: Machine, place: NodePlace) -> Self {
        let site = Self { machine, place };
        // As on a real node, where the group of guests passes through, and nobody else.
        let data = site.state().parent().unwrap().display().to_string();
        site.shell(&format!("install -d -m 0710 -g kvm {data}"));
        site
    }

    /// Where the node is among others.
    pub fn place(&self) -> &NodePlace {
        &self.place
    }

    pub fn state(&self) -> PathBuf {
        self.machine.dir().join("data/network")
    }

    /// Tells an agent that has just started; each call is also a restart.
    pub fn apply(&self, desired: &NetworkDesired) -> Result<NetworkApplied, Fault> {
        self.with_agent(async |agent| agent.apply(desired).await)
    }

    /// Applies and expects that it works without problems; what it changed.
    pub fn must_apply(&self, desired: &NetworkDesired) -> Vec<String> {
        let applied = self.apply(desired).unwrap();
        assert!(applied.problems.is_empty(), "{:?}", applied.problems);
        applied.changes
    }

    /// Tells one agent one after the other, between which `meanwhile` happens; what it changed each time, after which
    /// nothing differs from what it was told.
    pub fn apply_all(
        &self,
        all: &[NetworkDesired],
        meanwhile: impl Fn(usize) + Send + Sync,
    ) -> Vec<Vec<String>> {
        self.with_agent(async |agent| {
            let mut changes = Vec::new();
            for (at, desired) in all.iter().enumerate() {
                meanwhile(at);
                let applied = agent.apply(desired).await.unwrap();
                assert_eq!(applied.problems, Vec::<String>::new());
                let examined = agent.examine().await.unwrap();
                assert_eq!(examined.differences, Vec::<String>::new(), "after {at}");
                changes.push(applied.changes);
            }
            changes
        })
    }

    pub fn repair(&self) -> Vec<String> {
        self.with_agent(NetworkAgent::repair).unwrap().changes
    }

    pub fn clean_up(&self) -> Vec<String> {
        self.with_agent(NetworkAgent::clean_up).unwrap().changes
    }

    /// Lets one agent, which has just started, do something.
    pub fn with_agent<T: Send>(&self, work: impl AsyncFnOnce(&NetworkAgent) -> T + Send) -> T {
        let agent = NetworkAgent::new(self.state()).at(self.place.clone());
        self.machine.within_network(move || {
            // One thread: another one would be on the outer machine's network.
            block_on(async { work(&agent).await })
        })
    }

    /// A guest on a port, plugged in as a hypervisor does it.
    pub fn guest(&self, port: &PortSpec) -> Guest<'_> {
        let guest = Guest {
            site: self,
            name: format!("g-{}", port.id.short()),
            tap: tap_name(port.id),
            mac: port.mac.clone(),
        };
        let (name, tap, mac) = (&guest.name, &guest.tap, &guest.mac);
        let bridge = match port.logical {
            true => port_bridge_name(port.id),
            false => bridge_name(port.network),
        };
        self.shell(&format!(
            "ip netns add {name}; ip -n {name} link set lo up
             ip link add {tap} type veth peer name eth0 address {mac} netns {name}
             ip link set {tap} master {bridge} up; ip -n {name} link set eth0 up"
        ));
        guest
    }

    /// The world: a namespace that answers http at 203.0.113.1 and knows no way to guests.
    pub fn world(&self) {
        self.shell(
            "ip netns add world; ip -n world link set lo up
             ip link add wan0 type veth peer name eth0 netns world
             ip addr add 203.0.113.2/24 dev wan0; ip link set wan0 up
             ip -n world addr add 203.0.113.1/24 dev eth0; ip -n world link set eth0 up",
        );
        let www = self.machine.dir().join("www");
        fs::create_dir_all(&www).unwrap();
        fs::write(www.join("index.html"), "the world").unwrap();
        let www = www.display();
        self.shell(&format!(
            "ip netns exec world busybox httpd -p 203.0.113.1:80 -h {www}"
        ));
    }

    pub fn shell(&self, script: &str) -> String {
        self.machine.run(&["sh", "-ec", script])
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let cleaned = self.with_agent(NetworkAgent::clean_up);
        assert!(cleaned.is_ok() || std::thread::panicking(), "{cleaned:?}");
    }
}

/// A guest of a [`Site`].
pub struct Guest<'a> {
    site: &'a Site,
    pub name: String,
    pub tap: String,
    pub mac: String,
}

impl Guest<'_> {
    /// The machine that it is on.
    pub fn site(&self) -> &Site {
        self.site
    }

    /// Asks for an address until it has one, and uses it; what DHCP said, as `key=value` lines.
    pub fn dhcp(&self) -> String {
        let dir = self.site.machine.dir();
        let (script, said) = (dir.join("dhcp-event"), dir.join(&self.name));
        fs::write(
            &script,
            "#!/bin/sh\n[ $1 = bound ] || exit 0\nset >$SAID\nip addr flush dev eth0\nip addr add $ip/$mask dev eth0\n\
             if [ -n \"$staticroutes\" ]; then set -- $staticroutes\n\
             while [ $# -ge 2 ]; do [ $2 = 0.0.0.0 ] && ip route add $1 dev eth0 || ip route add $1 via $2; shift 2; done\n\
             elif [ -n \"$router\" ]; then ip route add default via $router; fi\n",
        )
        .unwrap();
        self.site
            .machine
            .run(&["chmod", "+x", &script.display().to_string()]);
        wait_until("an address by DHCP", PATIENCE, || {
            let line = format!(
                "SAID={} busybox udhcpc -i eth0 -f -q -n -t 3 -T 1 -O mtu -O search -O staticroutes -s {}",
                said.display(),
                script.display()
            );
            let bound = self.try_run(&line);
            if let Err(error) = &bound {
                eprintln!("{}: {error}", self.name);
            }
            bound.is_ok()
        });
        fs::read_to_string(said).unwrap().replace('\'', "")
    }

    /// Its address, after [`Self::dhcp`].
    pub fn address(&self) -> Ipv4Addr {
        let said = self.dhcp();
        let line = said.lines().find_map(|line| line.strip_prefix("ip="));
        line.unwrap().parse().unwrap()
    }

    /// What it prints of a line while the agent of `site` passes on questions for metadata, which nobody answers.
    pub fn asking(&self, site: &Site, line: &str) -> String {
        let door = MetadataDoor {
            bus: Bus::local(),
            host: "n1".into(),
        };
        let agent = NetworkAgent::new(site.state())
            .at(site.place().clone())
            .with_metadata(door);
        let mut ask = self.site.machine.command("ip");
        ask.args(["netns", "exec", &self.name, "sh", "-c", line]);
        let answer = site.machine.within_network(|| {
            block_on(async {
                let applied = agent.repair().await.unwrap();
                assert_eq!(applied.problems, Vec::<String>::new());
                let mut ask = tokio::process::Command::from(ask);
                ask.output().await.unwrap()
            })
        });
        String::from_utf8_lossy(&answer.stdout).into_owned()
    }

    #[track_caller]
    pub fn run(&self, line: &str) -> String {
        self.try_run(line)
            .unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    pub fn try_run(&self, line: &str) -> Result<String, String> {
        self.site
            .machine
            .try_run(&["ip", "netns", "exec", &self.name, "sh", "-c", line])
    }

    /// Whether http to this address gets an answer.
    pub fn fetches(&self, address: &str) -> bool {
        self.try_run(&format!("timeout 2 busybox wget -q -O - http://{address}/"))
            .is_ok()
    }

    /// Whether a datagram that `from` sends to this guest's address arrives.
    pub fn hears_udp(&self, from: &Guest<'_>, address: &str, port: u16) -> bool {
        let mut listen = self.site.machine.command("ip");
        let program = "import socket, sys; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); \
             s.bind(('', int(sys.argv[1]))); print('open', flush=True); [print(s.recv(99).decode(), flush=True) for _ in range(99)]";
        let name = format!("{}-udp-{port}", self.name);
        let port = port.to_string();
        listen.args(["netns", "exec", &self.name, "python3", "-c", program, &port]);
        // Listeners before it have written to the same log.
        let log = self.site.machine.dir().join(format!("{name}.log"));
        let before = fs::read_to_string(log).unwrap_or_default().lines().count();
        let listener = self.site.machine.spawn(&name, listen);
        let heard = || {
            let log = listener.log();
            let last = log.lines().skip(before).last();
            last.unwrap_or_default().to_owned()
        };
        wait_until("the listener", PATIENCE, || heard() == "open");
        let send = format!(
            "python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b\"heard\", (\"{address}\", {port}))'"
        );
        from.run(&send);
        // A ping that comes after it, or the time one would take, is long enough.
        from.pings(address);
        let is_heard = heard() == "heard";
        listener.kill();
        is_heard
    }

    /// A connection to `address`, where a server listens in the namespace `where` of another site.
    pub fn talk(&self, address: &str, port: u16, site: &Site, namespace: &str) -> Talk {
        const SERVER: &str = "import socket, sys; s = socket.create_server(('', int(sys.argv[1]))); c = s.accept()[0]
for _ in iter(int, 1): print(c.recv(99).decode(), end='', flush=True)";
        const CLIENT: &str =
            "import os, socket, sys; s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
p = os.open(sys.argv[3], os.O_RDWR)
for _ in iter(int, 1): s.sendall(os.read(p, 99))";
        let pipe = site.machine.dir().join(format!("talk-pipe-{port}"));
        site.shell(&format!("mkfifo {}", pipe.display()));
        let number = port.to_string();
        let mut listen = site.machine.command("ip");
        listen.args(["netns", "exec", namespace, "python3", "-c", SERVER, &number]);
        let server = site.machine.spawn(&format!("talk-server-{port}"), listen);
        let open = format!("ip netns exec {namespace} busybox netstat -tln | grep -q :{port}");
        wait_until("the server", PATIENCE, || {
            site.machine.try_run(&["sh", "-c", &open]).is_ok()
        });
        let mut speak = self.site.machine.command("ip");
        speak.args(["netns", "exec", &self.name, "python3", "-c", CLIENT]);
        speak.args([address, &number]).arg(&pipe);
        let client = self
            .site
            .machine
            .spawn(&format!("talk-client-{port}"), speak);
        // Before somebody reads it, what is written to the pipe is lost.
        let open = format!(
            "ip netns exec {namespace} busybox netstat -tn | grep :{port} | grep -q ESTABLISHED"
        );
        wait_until("the connection", PATIENCE, || {
            site.machine.try_run(&["sh", "-c", &open]).is_ok()
        });
        Talk {
            pipe,
            client,
            server,
        }
    }

    /// The addresses a name server gives for a name.
    pub fn resolves(&self, name: &str, server: &str) -> String {
        self.try_run(&format!(
            "timeout 5 busybox nslookup -type=a {name} {server}"
        ))
        .unwrap_or_else(|error| error)
    }

    pub fn pings(&self, address: &str) -> bool {
        self.try_run(&format!("ping -c 1 -W 2 {address}")).is_ok()
    }
}

pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}

pub fn desired(generation: i64, networks: &[&NetworkSpec]) -> NetworkDesired {
    NetworkDesired {
        generation,
        networks: networks.iter().map(|network| (*network).clone()).collect(),
        ..NetworkDesired::default()
    }
}

/// A translated network `10.N.0.0/24` with the gateway `10.N.0.1` and DHCP.
pub fn network(number: u8) -> NetworkSpec {
    NetworkSpec {
        id: NetworkId::new(),
        mtu: 1450,
        subnets: vec![SubnetSpec {
            id: SubnetId::new(),
            cidr: format!("10.{number}.0.0/24").parse().unwrap(),
            gateway: Some(Ipv4Addr::new(10, number, 0, 1)),
            dhcp: true,
            dns: Vec::new(),
            routes: Vec::new(),
        }],
        ports: Vec::new(),
        segment: Segment::Node { nat: true },
        stations: Vec::new(),
        peers: Vec::new(),
        flood: false,
        dhcp: None,
        dns_domain: "cloud.test".into(),
        subnets6: Vec::new(),
        resolvers: Vec::new(),
    }
}

/// A new port of a network with its address `10.N.0.last`; also added to the network.
pub fn add_port(network: &mut NetworkSpec, last: u8, hostname: &str) -> PortSpec {
    let [_, number, ..] = network.subnets[0].cidr.network().octets();
    let id = PortId::new();
    let [.., a, b, c] = id.uuid().into_bytes();
    let port = PortSpec {
        id,
        network: network.id,
        mac: format!("fa:16:3e:{a:02x}:{b:02x}:{c:02x}"),
        addresses: vec![Ipv4Addr::new(10, number, 0, last).into()],
        mtu: network.mtu,
        port_security: true,
        allowed_pairs: Vec::new(),
        security_groups: None,
        logical: false,
        arriving: false,
        hostname: Some(hostname.to_owned()),
        server: None,
    };
    network.ports.push(port.clone());
    port
}

/// An open connection, from [`Guest::talk`].
pub struct Talk {
    pipe: PathBuf,
    client: Running,
    server: Running,
}

impl Talk {
    /// Says something at one end and waits until the other has heard it.
    #[track_caller]
    pub fn says(&self, text: &str) {
        // For reading as well: then it opens, whether or not somebody reads at the other end.
        let mut options = fs::OpenOptions::new();
        let mut pipe = options.read(true).write(true).open(&self.pipe).unwrap();
        writeln!(pipe, "{text}").unwrap();
        wait_until(&format!("{text:?} at the other end"), PATIENCE, || {
            self.server.log().contains(text)
        });
    }

    /// Says something at one end, in vain: `from`, who began the connection, sends it again and again.
    #[track_caller]
    pub fn says_in_vain(&self, text: &str, from: &Guest<'_>) {
        let mut options = fs::OpenOptions::new();
        let mut pipe = options.read(true).write(true).open(&self.pipe).unwrap();
        writeln!(pipe, "{text}").unwrap();
        wait_until(&format!("{text:?} to be sent in vain"), PATIENCE, || {
            from.try_run("ss -tin state established").is_ok_and(|all| {
                // What was sent twice at least and not confirmed.
                all.contains("unacked:") && all.contains("backoff:")
            })
        });
        assert!(!self.server.log().contains(text));
    }

    pub fn end(self) {
        self.client.kill();
        self.server.kill();
    }
}
