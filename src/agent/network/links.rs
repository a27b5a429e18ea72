//! Interfaces, bridges and addresses in the kernel, by netlink; tunnels and wires have files of their own.
//!
//! One connection per use: a request that went wrong leaves nothing behind that the next could trip over. Works in the
//! network namespace of the thread it is used on.

use std::collections::BTreeMap;
use std::fs;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use futures::TryStreamExt;
use ipnet::{IpNet, Ipv4Net};
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage};
use rtnetlink::packet_route::link::{
    InfoBridgePort, InfoData, InfoKind, InfoPortData, InfoVxlan, LinkAttribute, LinkFlags,
    LinkInfo, LinkMessage,
};
use rtnetlink::{AddressMessageBuilder, Handle, LinkBridge, LinkUnspec};
use tokio::task::JoinHandle;

use super::blueprint::{Bridge, Ipv6, NodeAddress};
use super::error::HostError;

/// How long the kernel may take for one request.
const DEADLINE: Duration = Duration::from_secs(10);

/// A connection to the kernel's network configuration.
pub struct Links {
    pub(super) handle: Handle,
    task: JoinHandle<()>,
}

/// An interface.
pub struct Link {
    /// Its number.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Largest packet in bytes.
    pub mtu: u32,
    /// Ethernet address; zeros when it has none.
    pub mac: [u8; 6],
    /// Whether it is up.
    pub up: bool,
    /// Number of the bridge it is on.
    pub controller: Option<u32>,
    /// Whether it is a bridge itself.
    pub is_bridge: bool,
    /// VXLAN network identifier and this node's end, if it is a tunnel.
    pub tunnel: Option<(u32, Option<IpAddr>)>,
    /// How the bridge treats it, if it is on one.
    pub port: PortFlags,
}

/// How a bridge treats one of its ports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortFlags {
    /// Whether stations are learned from what arrives.
    pub learning: bool,
    /// Whether it gets frames for unknown stations.
    pub flood: bool,
    /// Whether the bridge answers ARP for those behind it.
    pub suppress: bool,
}

impl Links {
    /// Connects.
    pub fn open() -> Result<Self, HostError> {
        let (connection, handle, _) =
            rtnetlink::new_connection().map_err(|reason| HostError::Kernel {
                what: "opening a netlink socket".into(),
                reason: reason.to_string(),
            })?;
        Ok(Self {
            handle,
            task: tokio::spawn(connection),
        })
    }

    /// All interfaces.
    pub async fn list(&self) -> Result<Vec<Link>, HostError> {
        let found = self.handle.link().get().execute().try_collect::<Vec<_>>();
        Ok(ask("listing interfaces", found)
            .await?
            .into_iter()
            .map(Link::from)
            .collect())
    }

    /// All addresses with the lengths of their prefixes and the numbers of their interfaces.
    pub async fn all_addresses(&self) -> Result<Vec<(u32, IpNet)>, HostError> {
        let found = self
            .handle
            .address()
            .get()
            .execute()
            .try_collect::<Vec<_>>();
        let found = ask("listing addresses", found).await?;
        let one = |message: &AddressMessage| {
            let address = message
                .attributes
                .iter()
                .find_map(|attribute| match attribute {
                    AddressAttribute::Address(address) => Some(*address),
                    _ => None,
                })?;
            let net = IpNet::new(address, message.header.prefix_len).ok()?;
            Some((message.header.index, net))
        };
        Ok(found.iter().filter_map(one).collect())
    }

    /// All IPv4 addresses with the numbers of their interfaces.
    pub async fn addresses(&self) -> Result<Vec<(u32, NodeAddress)>, HostError> {
        let found = self
            .handle
            .address()
            .get()
            .execute()
            .try_collect::<Vec<_>>();
        Ok(ask("listing addresses", found)
            .await?
            .iter()
            .filter_map(ipv4)
            .collect())
    }

    /// Makes a bridge that is up and forwards at once.
    pub async fn bridge_make(&self, name: &str, bridge: &Bridge) -> Result<(), HostError> {
        let message = LinkBridge::new(name)
            .forward_delay(0)
            // All guests of a network hear its announcements, whether or not somebody asks who listens.
            .mcast_snooping(false)
            // Security groups know connections, which bridges do not: what is bridged is shown to the rules for packets.
            .nf_call_iptables(bridge.is_shown)
            .nf_call_ip6tables(bridge.is_shown)
            .address(bridge.mac.to_vec())
            // Another one than it shall have: a bridge keeps only what it is changed to, and takes over the smallest of
            // its ports otherwise.
            .mtu(bridge.mtu ^ 1)
            .build();
        ask(
            &format!("making the bridge {name}"),
            self.handle.link().add(message).execute(),
        )
        .await?;
        self.bridge_mend(name, bridge).await
    }

    /// Gives a bridge its MTU, address and state.
    pub async fn bridge_mend(&self, name: &str, bridge: &Bridge) -> Result<(), HostError> {
        // Before it is up, so that it never has an IPv6 address where none is wanted, nor one that guests talked it into.
        if spoken_ipv6(name) != bridge.ipv6 {
            for (switch, on) in [
                ("disable_ipv6", true),
                ("accept_ra", false),
                ("accept_dad", false),
                // Whether it makes no address for the link.
                ("addr_gen_mode", bridge.ipv6 != Ipv6::Spoken),
                ("disable_ipv6", bridge.ipv6 == Ipv6::Off),
            ] {
                set_switch(&ipv6_switch(name, switch), on)?;
            }
        }
        let message = LinkUnspec::new_with_index(self.index(name).await?)
            .address(bridge.mac.to_vec())
            .mtu(bridge.mtu)
            .up()
            .build();
        ask(
            &format!("setting up the bridge {name}"),
            self.handle.link().set(message).execute(),
        )
        .await
    }

    /// Removes an interface.
    pub async fn remove(&self, name: &str) -> Result<(), HostError> {
        let index = self.index(name).await?;
        ask(
            &format!("removing {name}"),
            self.handle.link().del(index).execute(),
        )
        .await
    }

    /// Gives an interface an address.
    pub async fn address_add(&self, name: &str, address: NodeAddress) -> Result<(), HostError> {
        let NodeAddress { address, on_link } = address;
        let index = self.index(name).await?;
        let handle = self.handle.address();
        let mut add = handle.add(index, IpAddr::V4(address), on_link.prefix_len());
        add.message_mut().attributes = attributes(address, on_link);
        ask(&format!("adding {address} to {name}"), add.execute()).await
    }

    /// Takes an address from an interface.
    pub async fn address_remove(&self, name: &str, address: NodeAddress) -> Result<(), HostError> {
        let NodeAddress { address, on_link } = address;
        let mut message = AddressMessageBuilder::<Ipv4Addr>::new()
            .index(self.index(name).await?)
            .address(address, on_link.prefix_len())
            .build();
        message.attributes = attributes(address, on_link);
        let del = self.handle.address().del(message);
        ask(&format!("removing {address} from {name}"), del.execute()).await
    }

    /// Puts an interface on a bridge.
    pub async fn attach(&self, name: &str, bridge: &str) -> Result<(), HostError> {
        let message = LinkUnspec::new_with_index(self.index(name).await?)
            .controller(self.index(bridge).await?)
            .build();
        ask(
            &format!("putting {name} on {bridge}"),
            self.handle.link().set(message).execute(),
        )
        .await
    }

    /// Removes an interface, if it is there still.
    pub async fn remove_if_there(&self, name: &str) -> Result<(), HostError> {
        let there = self.list().await?.iter().any(|link| link.name == name);
        if !there {
            return Ok(());
        }
        match self.remove(name).await {
            // It went between the look and the removal.
            Err(_) if self.index(name).await.is_err() => Ok(()),
            other => other,
        }
    }

    /// Takes an interface from the bridge it is on.
    pub async fn release(&self, name: &str) -> Result<(), HostError> {
        let message = LinkUnspec::new_with_index(self.index(name).await?)
            .nocontroller()
            .build();
        ask(
            &format!("taking {name} from its bridge"),
            self.handle.link().set(message).execute(),
        )
        .await
    }

    /// Brings an interface up.
    pub async fn up(&self, name: &str) -> Result<(), HostError> {
        let message = LinkUnspec::new_with_index(self.index(name).await?)
            .up()
            .build();
        ask(
            &format!("bringing {name} up"),
            self.handle.link().set(message).execute(),
        )
        .await
    }

    /// The number of an interface.
    pub(super) async fn index(&self, name: &str) -> Result<u32, HostError> {
        let mut found = self
            .handle
            .link()
            .get()
            .match_name(name.to_owned())
            .execute();
        let link = ask(&format!("looking for {name}"), found.try_next()).await?;
        link.map(|link| link.header.index)
            .ok_or_else(|| HostError::Kernel {
                what: format!("looking for {name}"),
                reason: "there is no such interface".into(),
            })
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl From<LinkMessage> for Link {
    fn from(message: LinkMessage) -> Self {
        let mut link = Self {
            index: message.header.index,
            name: String::new(),
            mtu: 0,
            mac: [0; 6],
            up: message.header.flags.contains(LinkFlags::Up),
            controller: None,
            is_bridge: false,
            tunnel: None,
            port: PortFlags::default(),
        };
        for attribute in message.attributes {
            match attribute {
                LinkAttribute::IfName(name) => link.name = name,
                LinkAttribute::Mtu(mtu) => link.mtu = mtu,
                LinkAttribute::Address(bytes) => link.mac = bytes.try_into().unwrap_or_default(),
                LinkAttribute::Controller(index) => link.controller = Some(index),
                LinkAttribute::LinkInfo(infos) => {
                    link.is_bridge = infos.contains(&LinkInfo::Kind(InfoKind::Bridge));
                    for info in infos {
                        match info {
                            LinkInfo::Data(InfoData::Vxlan(data)) => link.tunnel = vxlan(&data),
                            LinkInfo::PortData(InfoPortData::BridgePort(data)) => {
                                link.port = flags(&data);
                            }
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        link
    }
}

fn vxlan(data: &[InfoVxlan]) -> Option<(u32, Option<IpAddr>)> {
    let mut vni = None;
    let mut local = None;
    for value in data {
        match value {
            InfoVxlan::Id(id) => vni = Some(*id),
            InfoVxlan::Local(address) => local = Some(IpAddr::V4(*address)),
            InfoVxlan::Local6(address) => local = Some(IpAddr::V6(*address)),
            _ => {}
        }
    }
    Some((vni?, local))
}

fn flags(data: &[InfoBridgePort]) -> PortFlags {
    PortFlags {
        learning: data.contains(&InfoBridgePort::Learning(true)),
        flood: data.contains(&InfoBridgePort::UnicastFlood(true)),
        suppress: data.contains(&InfoBridgePort::NeighSupress(true)),
    }
}

/// How the kernel is told an address. One outside of what it reaches is given that as its other side.
fn attributes(address: Ipv4Addr, on_link: Ipv4Net) -> Vec<AddressAttribute> {
    let other = if on_link.contains(&address) {
        address
    } else {
        on_link.network()
    };
    vec![
        AddressAttribute::Local(address.into()),
        AddressAttribute::Address(other.into()),
    ]
}

fn ipv4(message: &AddressMessage) -> Option<(u32, NodeAddress)> {
    let mut local = None;
    let mut other = None;
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(IpAddr::V4(address)) => local = Some(*address),
            AddressAttribute::Address(IpAddr::V4(address)) => other = Some(*address),
            _ => {}
        }
    }
    let address = local?;
    let on_link = Ipv4Net::new(other.unwrap_or(address), message.header.prefix_len).ok()?;
    let on_link = on_link.trunc();
    Some((message.header.index, NodeAddress { address, on_link }))
}

/// Names of interfaces by number.
pub fn names(links: &[Link]) -> BTreeMap<u32, &str> {
    links
        .iter()
        .map(|link| (link.index, link.name.as_str()))
        .collect()
}

/// How the node speaks IPv6 on a bridge.
pub fn spoken_ipv6(name: &str) -> Ipv6 {
    if !is_switched(&ipv6_switch(name, "disable_ipv6"), false) {
        Ipv6::Off
    } else if is_switched(&ipv6_switch(name, "addr_gen_mode"), true) {
        Ipv6::Silent
    } else {
        Ipv6::Spoken
    }
}

/// Has an interface speak no IPv6 of the node's own.
pub(super) fn silence_ipv6(name: &str) -> Result<(), HostError> {
    set_switch(&ipv6_switch(name, "disable_ipv6"), true)
}

fn ipv6_switch(name: &str, switch: &str) -> String {
    format!("/proc/sys/net/ipv6/conf/{name}/{switch}")
}

fn is_switched(path: &str, on: bool) -> bool {
    let value = if on { "1" } else { "0" };
    fs::read_to_string(path).is_ok_and(|text| text.trim() == value)
}

fn set_switch(path: &str, on: bool) -> Result<(), HostError> {
    match fs::write(path, if on { "1" } else { "0" }) {
        // A kernel without IPv6 has no such file.
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(HostError::file(path)(error))
        }
        _ => Ok(()),
    }
}

/// Whether the node forwards IPv4 packets.
pub fn forwards() -> bool {
    is_switched(FORWARDING, true)
}

/// Whether the node forwards IPv6 packets.
pub fn forwards6() -> bool {
    is_switched(FORWARDING6, true)
}

/// Whether the switches of the namespace of the thread are as [`switch_inside`] sets them for one that forwards, or not.
pub fn is_switched_inside(forwards: bool) -> bool {
    let absent = |path: &str| !Path::new(path).exists();
    self::forwards() == forwards
        && (absent(FORWARDING6) || forwards6() == forwards)
        && INSIDE6.iter().all(|(switch, on)| {
            let path = ipv6_switch("default", switch);
            absent(&path) || is_switched(&path, *on)
        })
}

/// Lets the node forward IPv4 packets.
pub fn switch_forwarding_on() -> Result<(), HostError> {
    fs::write(FORWARDING, "1").map_err(HostError::file(FORWARDING))
}

/// Sets the switches of the namespace of the thread: whether it forwards, and that interfaces announce their addresses
/// when they come, so that those who knew them elsewhere learn it.
pub fn switch_inside(forwards: bool) -> Result<(), HostError> {
    for (path, on) in [
        (FORWARDING, forwards),
        (FORWARDING6, forwards),
        ("/proc/sys/net/ipv4/conf/default/arp_notify", true),
        // Routers send what comes on an unexpected way all the same: a route back may be another.
        ("/proc/sys/net/ipv4/conf/all/rp_filter", false),
        ("/proc/sys/net/ipv4/conf/default/rp_filter", false),
    ] {
        set_switch(path, on)?;
    }
    // Those that are there already, and those that come.
    let interfaces = fs::read_dir("/proc/sys/net/ipv6/conf").into_iter();
    let names = interfaces
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    for name in names.filter(|name| name != "all") {
        for (switch, on) in INSIDE6 {
            set_switch(&ipv6_switch(&name, switch), on)?;
        }
    }
    Ok(())
}

/// How interfaces in namespaces speak IPv6: they have the addresses they are given, at once, and no others, since nobody
/// else has these; and they announce them.
const INSIDE6: [(&str, bool); 3] = [
    ("accept_ra", false),
    ("accept_dad", false),
    ("ndisc_notify", true),
];
const FORWARDING: &str = "/proc/sys/net/ipv4/ip_forward";
const FORWARDING6: &str = "/proc/sys/net/ipv6/conf/all/forwarding";

pub(super) async fn ask<T>(
    what: &str,
    request: impl Future<Output = Result<T, rtnetlink::Error>>,
) -> Result<T, HostError> {
    let answer = tokio::time::timeout(DEADLINE, request)
        .await
        .map_err(|_| HostError::Slow {
            what: what.to_owned(),
            after: DEADLINE,
        })?;
    answer.map_err(|error| HostError::Kernel {
        what: what.to_owned(),
        reason: match error {
            rtnetlink::Error::NetlinkError(message) => message.to_io().to_string(),
            other => other.to_string(),
        },
    })
}
