//! The machine itself: looks at what is there of ours, and carries out one change of a plan at a time.

use std::path::Path;

use super::blueprint::{Blueprint, Site};
use super::dnsmasq::Servers;
use super::error::HostError;
use super::links::{self, Links};
use super::names::{BRIDGE_PREFIX, TAP_PREFIX};
use super::nft::Nft;
use super::plan::{Change, Observed, SeenBridge};

/// The machine, for one look and one plan.
pub struct Host {
    links: Links,
    servers: Servers,
    nft: Nft,
}

impl Host {
    /// Keeps state in `dir`, which is made.
    pub fn open(dir: &Path) -> Result<Self, HostError> {
        Ok(Self {
            links: Links::open()?,
            servers: Servers::prepare(dir)?,
            nft: Nft::new(dir),
        })
    }

    /// What of the machine matters for a blueprint.
    pub async fn site(&self) -> Result<Site, HostError> {
        let links = self.links.list().await?;
        let names = links::names(&links);
        let foreign = self
            .links
            .addresses()
            .await?
            .into_iter()
            .filter_map(|(index, address)| {
                let name = *names.get(&index)?;
                (!name.starts_with(BRIDGE_PREFIX)).then(|| (name.to_owned(), address.on_link))
            });
        Ok(Site {
            servers: self.servers.dir().to_owned(),
            run_as: self.servers.run_as().clone(),
            foreign: foreign.collect(),
        })
    }

    /// What is there of ours.
    pub async fn observe(&self) -> Result<Observed, HostError> {
        let links = self.links.list().await?;
        let names = links::names(&links);
        let mut observed = Observed {
            servers: self.servers.observe()?,
            filter: self.nft.observe().await?,
            forwarding: links::forwards(),
            ..Observed::default()
        };
        for link in &links {
            if link.name.starts_with(TAP_PREFIX) {
                let on = link.controller.and_then(|index| names.get(&index));
                observed
                    .taps
                    .insert(link.name.clone(), on.map(|name| (*name).to_owned()));
            } else if link.is_bridge && link.name.starts_with(BRIDGE_PREFIX) {
                let seen = SeenBridge {
                    mtu: link.mtu,
                    mac: link.mac,
                    up: link.up,
                    ipv6: links::speaks_ipv6(&link.name),
                    addresses: Default::default(),
                };
                observed.bridges.insert(link.name.clone(), seen);
            }
        }
        for (index, address) in self.links.addresses().await? {
            let bridge = names
                .get(&index)
                .and_then(|name| observed.bridges.get_mut(*name));
            if let Some(bridge) = bridge {
                bridge.addresses.insert(address);
            }
        }
        Ok(observed)
    }

    /// Carries out one change.
    pub async fn change(&self, blueprint: &Blueprint, change: &Change) -> Result<(), HostError> {
        match change {
            Change::ServerRemove(bridge) => self.servers.remove(bridge).await,
            Change::BridgeRemove(bridge) => self.links.remove(bridge).await,
            Change::FilterReplace => self.nft.replace(&blueprint.filter).await,
            Change::FilterRemove => self.nft.remove().await,
            Change::BridgeMake(name) => {
                self.links.bridge_make(name, &blueprint.bridges[name]).await
            }
            Change::BridgeMend(name) => {
                self.links.bridge_mend(name, &blueprint.bridges[name]).await
            }
            Change::AddressRemove(bridge, address) => {
                self.links.address_remove(bridge, *address).await
            }
            Change::AddressAdd(bridge, address) => self.links.address_add(bridge, *address).await,
            Change::TapAttach(tap, bridge) => self.links.attach(tap, bridge).await,
            Change::ForwardingOn => links::switch_forwarding_on(),
            Change::ServerStart(bridge) => {
                self.servers.start(bridge, &blueprint.servers[bridge]).await
            }
            Change::ServerReload(bridge) => {
                self.servers
                    .reload(bridge, &blueprint.servers[bridge])
                    .await
            }
            Change::LeaseRelease(bridge, lease) => {
                self.servers
                    .release(bridge, &blueprint.servers[bridge], lease)
                    .await
            }
        }
    }
}
