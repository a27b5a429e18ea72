//! Bridges, taps and addresses in the kernel, by netlink.
//!
//! One connection per use: a request that went wrong leaves nothing behind that the next could trip over. Works in the
//! network namespace of the thread it is used on.

use std::collections::BTreeMap;
use std::fs;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use futures::TryStreamExt;
use ipnet::Ipv4Net;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage};
use rtnetlink::packet_route::link::{InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkMessage};
use rtnetlink::{AddressMessageBuilder, Handle, LinkBridge, LinkUnspec};
use tokio::task::JoinHandle;

use super::blueprint::{Bridge, NodeAddress};
use super::error::HostError;

/// How long the kernel may take for one request.
const DEADLINE: Duration = Duration::from_secs(10);

/// A connection to the kernel's network configuration.
pub struct Links {
    handle: Handle,
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
        // Before it is up, so that it never has an IPv6 address.
        switch_ipv6_off(name)?;
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

    async fn index(&self, name: &str) -> Result<u32, HostError> {
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
        };
        for attribute in message.attributes {
            match attribute {
                LinkAttribute::IfName(name) => link.name = name,
                LinkAttribute::Mtu(mtu) => link.mtu = mtu,
                LinkAttribute::Address(bytes) => link.mac = bytes.try_into().unwrap_or_default(),
                LinkAttribute::Controller(index) => link.controller = Some(index),
                LinkAttribute::LinkInfo(infos) => {
                    link.is_bridge = infos.contains(&LinkInfo::Kind(InfoKind::Bridge));
                }
                _ => {}
            }
        }
        link
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

/// Whether the node speaks IPv6 on an interface.
pub fn speaks_ipv6(name: &str) -> bool {
    fs::read_to_string(ipv6_switch(name)).is_ok_and(|text| text.trim() == "0")
}

fn switch_ipv6_off(name: &str) -> Result<(), HostError> {
    let path = ipv6_switch(name);
    match fs::write(&path, "1") {
        // A kernel without IPv6 has no such file.
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(HostError::file(path)(error))
        }
        _ => Ok(()),
    }
}

fn ipv6_switch(name: &str) -> String {
    format!("/proc/sys/net/ipv6/conf/{name}/disable_ipv6")
}

/// Whether the node forwards IPv4 packets.
pub fn forwards() -> bool {
    fs::read_to_string(FORWARDING).is_ok_and(|text| text.trim() == "1")
}

/// Lets the node forward IPv4 packets.
pub fn switch_forwarding_on() -> Result<(), HostError> {
    fs::write(FORWARDING, "1").map_err(HostError::file(FORWARDING))
}

const FORWARDING: &str = "/proc/sys/net/ipv4/ip_forward";

async fn ask<T>(
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
