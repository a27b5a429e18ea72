//! A rack for one test: a control machine and compute hosts `h1`, `h2`, …, each a [`Machine`] with a libvirtd of its own,
//! on one wire.
//!
//! Names are known everywhere; control is 10.77.0.1, the host `hI` 10.77.0.(10+I), and each libvirtd also listens there.
//! Guests run as root. Each machine has a `/var/lib/skydeck` of its own, which the outside sees as `skydeck` in
//! [`Machine::dir`], and all have one `/shared` ([`Rack::shared`]). `config/lab/rack.sh` makes it and says the rest.
//!
//! Invariant: a crash is a power failure. When it returns, no process of the host is left; its files are as they were.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::keeper::Keeper;
use super::machine::Machine;

/// The script that makes it.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/lab/rack.sh");
/// The interface of all machines to a physical network, with OVN.
pub const OUTSIDE: &str = "outside0";
/// The address of the control machine.
pub const CONTROL: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

/// A rack; removed when dropped.
pub struct Rack {
    hosts: usize,
    keeper: Keeper,
}

impl Rack {
    /// Brings a new rack up: every libvirtd answers. Takes about a second.
    pub fn start(hosts: usize) -> Self {
        Self {
            keeper: Keeper::start(SCRIPT, &[&hosts.to_string()]),
            hosts,
        }
    }

    /// The same with Open vSwitch and OVN, whose databases are on the control machine. Hosts have a cable for tunnels,
    /// [`Self::tunnel_address`], and one to a physical network, [`OUTSIDE`].
    pub fn start_with_ovn(hosts: usize) -> Self {
        Self {
            keeper: Keeper::start(SCRIPT, &[&hosts.to_string(), "ovn"]),
            hosts,
        }
    }

    /// Where a host's tunnels end, with OVN.
    pub fn tunnel_address(number: usize) -> Ipv4Addr {
        Ipv4Addr::new(10, 78, 0, 10 + u8::try_from(number).unwrap())
    }

    /// Numbers of its hosts.
    pub fn numbers(&self) -> std::ops::RangeInclusive<usize> {
        1..=self.hosts
    }

    /// The name of a host.
    pub fn name(number: usize) -> String {
        format!("h{number}")
    }

    /// The control machine.
    pub fn control(&self) -> Machine {
        Machine::of_rack(self.keeper.dir().join("control"))
    }

    /// A host, from 1, which is up. Take it anew after a boot.
    pub fn host(&self, number: usize) -> Machine {
        Machine::of_rack(self.keeper.dir().join(Self::name(number)))
    }

    /// `/shared`, as the outside sees it.
    pub fn shared(&self) -> PathBuf {
        self.keeper.dir().join("shared")
    }

    /// A host's libvirtd, as the other machines of the rack reach it.
    pub fn libvirt_uri(number: usize) -> String {
        format!("qemu+tcp://{}/system", Self::name(number))
    }

    /// Power failure of a host.
    #[track_caller]
    pub fn crash(&self, number: usize) {
        self.script("crash", number, &[]);
    }

    /// Power on again, until libvirtd answers.
    #[track_caller]
    pub fn boot(&self, number: usize) {
        self.script("boot", number, &[]);
    }

    /// Pulls a host's cable. It stays so over a power failure.
    #[track_caller]
    pub fn cut(&self, number: usize) {
        self.script("cut", number, &[]);
    }

    /// Plugs it in again.
    #[track_caller]
    pub fn mend(&self, number: usize) {
        self.script("mend", number, &[]);
    }

    /// Slows a host's cable down, both ways: `100mbit`. A power failure ends it.
    #[track_caller]
    pub fn limit(&self, number: usize, rate: &str) {
        self.script("limit", number, &[rate]);
    }

    /// Ends [`Self::limit`].
    #[track_caller]
    pub fn unlimit(&self, number: usize) {
        self.script("limit", number, &[]);
    }

    #[track_caller]
    fn script(&self, verb: &str, number: usize, rest: &[&str]) {
        assert!(
            self.numbers().contains(&number),
            "there is no host {number}"
        );
        let output = Command::new(SCRIPT)
            .arg(verb)
            .arg(self.keeper.dir())
            .arg(Self::name(number))
            .args(rest)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{verb} {number}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
