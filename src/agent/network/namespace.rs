//! Network namespaces: made by `ip`, as `ip netns` shows them, and worked in by a thread that enters one for a moment.
//!
//! Ours are those noted in the state directory, before they are made; a machine's other ones are never touched.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::future::Future;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use nix::sched::{CloneFlags, setns};
use nix::sys::statfs::{NSFS_MAGIC, statfs};

use super::error::HostError;
use super::files::{directory, write_private};
use super::links::{self, Links};
use super::nft::{Nft, Place};
use super::program::Program;
use super::room::{Room, RoomChange, SeenInner, SeenRoom};
use crate::network::names::METADATA6;

const IP: Program = Program {
    name: "ip",
    package: "iproute2",
};
pub(super) const ETHTOOL: Program = Program {
    name: "ethtool",
    package: "ethtool",
};
/// Where namespaces have names.
pub const NAMED: &str = "/run/netns";

/// The namespaces of the node that are ours.
pub struct Namespaces {
    dir: PathBuf,
}

impl Namespaces {
    /// Notes them below `state`.
    pub fn new(state: &Path) -> Self {
        Self {
            dir: state.join("namespaces"),
        }
    }

    /// Those that are ours, as they are; one that is noted and not there is none.
    pub async fn observe(&self) -> Result<BTreeMap<String, Option<SeenRoom>>, HostError> {
        let mut seen = BTreeMap::new();
        for name in self.noted()? {
            // One that can not be looked at is not one that is gone: it is left alone, with all that goes through it.
            let room = if is_there(&name) {
                let filter = self.filter(&name);
                Some(within(&name, move || look(filter)).await?)
            } else {
                None
            };
            seen.insert(name, room);
        }
        Ok(seen)
    }

    /// Carries out one change of a namespace that shall be `room`.
    pub async fn change(
        &self,
        name: &str,
        room: &Room,
        change: &RoomChange,
    ) -> Result<(), HostError> {
        match change.clone() {
            RoomChange::Remove => self.remove(name).await,
            RoomChange::Make => self.make(name).await,
            RoomChange::WireRemove(outer) => Links::open()?.remove(&outer).await,
            RoomChange::WireMake(outer) => {
                let wire = &room.wires[&outer];
                let target = open(name)?;
                let links = Links::open()?;
                links.wire_make(&outer, wire, &target).await?;
                self.mend(name, &outer, room).await
            }
            RoomChange::WireMend(outer) => self.mend(name, &outer, room).await,
            RoomChange::AddressRemove(inner, address) => {
                within(name, move || async move {
                    Links::open()?.inner_address(&inner, address, false).await
                })
                .await
            }
            RoomChange::AddressAdd(inner, address) => {
                within(name, move || async move {
                    Links::open()?.inner_address(&inner, address, true).await
                })
                .await
            }
            RoomChange::RouteRemove(to, by) => {
                within(name, move || async move {
                    Links::open()?.route(to, by, false).await
                })
                .await
            }
            RoomChange::RouteAdd(to, by) => {
                within(name, move || async move {
                    Links::open()?.route(to, by, true).await
                })
                .await
            }
            RoomChange::Switch => {
                let forwards = room.forwards;
                within(name, move || async move {
                    Links::open()?.up("lo").await?;
                    links::switch_inside(forwards)
                })
                .await
            }
            RoomChange::Filter => {
                let (filter, wanted) = (self.filter(name), room.filter.clone());
                within(name, move || async move {
                    match wanted {
                        Some(wanted) => filter.replace(&wanted).await,
                        None => filter.remove().await,
                    }
                })
                .await
            }
        }
    }

    async fn mend(&self, name: &str, outer: &str, room: &Room) -> Result<(), HostError> {
        let wire = room.wires[outer].clone();
        Links::open()?.wire_mend(outer, &wire).await?;
        within(name, move || async move {
            Links::open()?.inner_mend(&wire).await?;
            if wire.checksums {
                ETHTOOL.run(&["-K", &wire.inner, "tx", "off"], b"").await?;
            }
            Ok(())
        })
        .await
    }

    async fn make(&self, name: &str) -> Result<(), HostError> {
        directory(&self.dir, 0o700, 0)?;
        write_private(&self.dir.join(name), b"")?;
        // A name without a namespace is what a reboot or a half-done removal leaves.
        if Path::new(NAMED).join(name).exists() {
            IP.run(&["netns", "delete", name], b"").await?;
        }
        IP.run(&["netns", "add", name], b"").await.map(|_| ())
    }

    async fn remove(&self, name: &str) -> Result<(), HostError> {
        if Path::new(NAMED).join(name).exists() {
            IP.run(&["netns", "delete", name], b"").await?;
        }
        self.filter(name).forget()?;
        let note = self.dir.join(name);
        fs::remove_file(&note).map_err(HostError::file(&note))
    }

    /// Names of those that are ours, also of those that are not there.
    pub fn noted(&self) -> Result<BTreeSet<String>, HostError> {
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeSet::new()),
            Err(error) => return Err(HostError::file(&self.dir)(error)),
        };
        let names = entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok());
        Ok(names.filter(|name| !name.contains('.')).collect())
    }

    fn filter(&self, name: &str) -> Nft {
        Nft::new(self.dir.join(format!("{name}.json")), Place::Router)
    }
}

/// Whether there is a namespace behind a name; the name alone is what a reboot leaves.
pub fn is_there(name: &str) -> bool {
    statfs(&Path::new(NAMED).join(name)).is_ok_and(|found| found.filesystem_type() == NSFS_MAGIC)
}

fn open(name: &str) -> Result<File, HostError> {
    let path = Path::new(NAMED).join(name);
    File::open(&path).map_err(HostError::file(path))
}

/// What is in the namespace of the thread.
async fn look(filter: Nft) -> Result<SeenRoom, HostError> {
    let links = Links::open()?;
    let mut room = SeenRoom {
        forwards: [true, false]
            .into_iter()
            .find(|forwards| links::is_switched_inside(*forwards)),
        routes: links.routes().await?,
        filter: filter.observe().await?.made_from(),
        ..SeenRoom::default()
    };
    let list = links.list().await?;
    for link in &list {
        if link.name == "lo" {
            room.loopback = link.up;
            continue;
        }
        let seen = SeenInner {
            mac: link.mac,
            mtu: link.mtu,
            up: link.up,
            addresses: BTreeSet::new(),
        };
        room.inner.insert(link.name.clone(), seen);
    }
    let names = links::names(&list);
    for (index, address) in links.all_addresses().await? {
        let inner = names.get(&index).and_then(|name| room.inner.get_mut(*name));
        if let Some(inner) = inner
            && !is_made_up(address)
        {
            inner.addresses.insert(address);
        }
    }
    Ok(room)
}

/// Whether the kernel made it up for the link alone.
fn is_made_up(address: IpNet) -> bool {
    matches!(address, IpNet::V6(address) if address.addr().is_unicast_link_local() && address.addr() != METADATA6)
}

/// Does `work` in a namespace: on a thread of its own, since a thread that enters one can not be used for anything else.
pub async fn within<T, F, W>(name: &str, work: F) -> Result<T, HostError>
where
    T: Send + 'static,
    F: FnOnce() -> W + Send + 'static,
    W: Future<Output = Result<T, HostError>>,
{
    let target = open(name)?;
    let failed = {
        let name = name.to_owned();
        move |reason: String| HostError::Kernel {
            what: format!("entering the namespace {name}"),
            reason,
        }
    };
    let (told, answer) = tokio::sync::oneshot::channel();
    let enter = move || {
        setns(&target, CloneFlags::CLONE_NEWNET).map_err(|errno| failed(errno.to_string()))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| failed(error.to_string()))?;
        runtime.block_on(work())
    };
    std::thread::Builder::new()
        .name("namespace".into())
        .spawn(move || {
            // Nobody waits any more: there is nobody to tell.
            let _ = told.send(enter());
        })
        .map_err(|error| HostError::Kernel {
            what: "starting a thread".into(),
            reason: error.to_string(),
        })?;
    answer.await.unwrap_or_else(|_| {
        Err(HostError::Kernel {
            what: format!("working in the namespace {name}"),
            reason: "it was given up".into(),
        })
    })
}
