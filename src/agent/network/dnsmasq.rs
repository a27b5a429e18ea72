//! The dnsmasq processes of a node, one per network that has DHCP.
//!
//! They are daemons: they outlive the agent, so that guests keep their names and addresses while it restarts. The agent
//! knows them by their command line, which names a configuration file whose name holds the digest of its content. So
//! what runs, and whether it runs with what is wanted, can be seen without any memory; a process whose files were
//! deleted, or a second one for the same bridge, is found as well.
//!
//! Files of one server, in a directory named like its bridge: `dnsmasq-DIGEST.conf`, `reservations`, `names`, `leases`,
//! `pid`, `log`, and `loaded`, which says what the process has read.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::net::Ipv6Addr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use nix::unistd::{Gid, Group, Pid, User};

use super::daemon::{Daemon, Kind, is_alive, wait_for};
use super::dhcp::{RunAs, ServerFiles, digest};
use super::error::HostError;
use super::files::{directory, write_for_group, write_private};
use super::namespace::within;
use super::plan::{Lease, SeenServer};
use super::program::Program;
use super::release;
use crate::network::names::BRIDGE_PREFIX;

const DNSMASQ: Program = Program {
    name: "dnsmasq",
    package: "dnsmasq-base",
};
const DAEMON: Kind = Kind {
    program: DNSMASQ.name,
    argument: "--conf-file=",
};

/// All DHCP servers of the node.
pub struct Servers {
    dir: PathBuf,
    group: Gid,
    run_as: RunAs,
}

impl Servers {
    /// Keeps its files in `dhcp` below `state`; both are made. Who dnsmasq runs as depends on who can get there.
    pub fn prepare(state: &Path) -> Result<Self, HostError> {
        let user = ["dnsmasq", "nobody"]
            .into_iter()
            .find_map(|name| User::from_name(name).ok()?);
        let parent = state.parent().unwrap_or(state);
        let servant = user.and_then(|user| {
            let group = Group::from_gid(group_that_passes(parent, user.gid)?).ok()??;
            Some((user, group))
        });
        let (group, run_as) = match servant {
            Some((user, group)) => {
                let run_as = RunAs {
                    user: user.name,
                    group: group.name,
                };
                (group.gid, run_as)
            }
            None => {
                tracing::warn!(dir = %parent.display(), "no user but root can pass through this directory, so DHCP servers run as root; chmod o+x changes that");
                let run_as = RunAs {
                    user: "root".into(),
                    group: "root".into(),
                };
                (Gid::from_raw(0), run_as)
            }
        };
        let dir = state.join("dhcp");
        directory(state, 0o710, group.as_raw())?;
        directory(&dir, 0o710, group.as_raw())?;
        Ok(Self { dir, group, run_as })
    }

    /// Where each server has a directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Who servers run as.
    pub fn run_as(&self) -> &RunAs {
        &self.run_as
    }

    /// What is there: servers that run, and files of those that do not.
    pub fn observe(&self) -> Result<BTreeMap<String, SeenServer>, HostError> {
        let processes = self.processes()?;
        let mut seen: BTreeMap<String, SeenServer> = processes
            .iter()
            .map(|process| (process.place.clone(), SeenServer::default()))
            .collect();
        for entry in fs::read_dir(&self.dir)
            .map_err(HostError::file(&self.dir))?
            .flatten()
        {
            if let Ok(name) = entry.file_name().into_string()
                && name.starts_with(BRIDGE_PREFIX)
            {
                seen.entry(name).or_default();
            }
        }
        for (bridge, server) in &mut seen {
            let mut own = processes.iter().filter(|process| process.place == *bridge);
            // Of two for one bridge nobody knows which one a guest asks.
            if let (Some(process), None) = (own.next(), own.next())
                && self.stands(process)
            {
                server.configuration = Some(process.configuration.clone());
                server.loaded = self.loaded(bridge, process.pid);
            }
            let leases = fs::read_to_string(self.file(bridge, "leases")).unwrap_or_default();
            server.leases = leases.lines().filter_map(parse_lease).collect();
        }
        Ok(seen)
    }

    /// Starts a server; one that runs is ended first. Leases are kept, but those of IPv6 whose address is another port's now:
    /// such a lease bears no Ethernet address, so nobody could tell later.
    pub async fn start(&self, bridge: &str, files: &ServerFiles) -> Result<(), HostError> {
        self.stop(bridge).await?;
        if self.has_stale6(bridge, files) {
            let leases = self.file(bridge, "leases");
            let text = fs::read_to_string(&leases).unwrap_or_default();
            let before = self.reservations6(bridge);
            let after = holders6(&files.reservations);
            let kept: String = text
                .split_inclusive('\n')
                .filter(|line| !is_stale6(line, &before, &after))
                .collect();
            fs::write(&leases, kept).map_err(HostError::file(leases))?;
        }
        let dir = self.dir.join(bridge);
        directory(&dir, 0o750, self.group.as_raw())?;
        for entry in fs::read_dir(&dir).map_err(HostError::file(&dir))?.flatten() {
            let path = entry.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "conf")
            {
                fs::remove_file(&path).map_err(HostError::file(path))?;
            }
        }
        self.write_ports(bridge, files)?;
        let configuration = dir.join(DAEMON.file(&digest(&files.configuration)));
        write_private(&configuration, files.configuration.as_bytes())?;
        let argument = format!("{}{}", DAEMON.argument, configuration.display());
        // It returns once it listens, or says why it can not.
        let started = match &files.namespace {
            Some(name) => {
                within(
                    name,
                    move || async move { DNSMASQ.run(&[&argument], b"").await },
                )
                .await
            }
            None => DNSMASQ.run(&[&argument], b"").await,
        };
        started.map_err(|error| explain(error, bridge))?;
        let pid = self
            .processes()?
            .into_iter()
            .find(|process| process.place == bridge);
        let pid = pid.ok_or_else(|| HostError::Program {
            program: DNSMASQ.name,
            complaint: format!(
                "it ended at once; see {}",
                self.file(bridge, "log").display()
            ),
        })?;
        self.remember_loaded(bridge, pid.pid, files)
    }

    /// Has a server read reservations and names again.
    pub async fn reload(&self, bridge: &str, files: &ServerFiles) -> Result<(), HostError> {
        if self.has_stale6(bridge, files) {
            return self.start(bridge, files).await;
        }
        self.write_ports(bridge, files)?;
        for process in self
            .processes()?
            .iter()
            .filter(|process| process.place == bridge)
        {
            DAEMON.signal(process.pid, Signal::SIGHUP)?;
            self.remember_loaded(bridge, process.pid, files)?;
        }
        Ok(())
    }

    /// Ends a server and removes its files.
    pub async fn remove(&self, bridge: &str) -> Result<(), HostError> {
        self.stop(bridge).await?;
        let dir = self.dir.join(bridge);
        match fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(HostError::file(dir)(error)),
            _ => Ok(()),
        }
    }

    /// Ends a lease, and waits until the server has written that down.
    pub async fn release(
        &self,
        bridge: &str,
        files: &ServerFiles,
        lease: &Lease,
    ) -> Result<(), HostError> {
        let Some(server) = files.server_for(lease.address) else {
            return Ok(());
        };
        match &files.namespace {
            Some(name) => {
                let (interface, lease) = (files.interface.clone(), lease.clone());
                within(name, move || async move {
                    release::send(&interface, server, &lease)
                })
                .await?;
            }
            None => release::send(bridge, server, lease)?,
        }
        let leases = self.file(bridge, "leases");
        let gone = || {
            let text = fs::read_to_string(&leases).unwrap_or_default();
            !text
                .lines()
                .filter_map(parse_lease)
                .any(|other| other == *lease)
        };
        wait_for(gone, || {
            format!("ending the lease of {} on {bridge}", lease.address)
        })
        .await
    }

    async fn stop(&self, bridge: &str) -> Result<(), HostError> {
        for process in self
            .processes()?
            .iter()
            .filter(|process| process.place == bridge)
        {
            let gone = || !is_alive(process.pid);
            DAEMON.signal(process.pid, Signal::SIGTERM)?;
            if wait_for(gone, String::new).await.is_err() {
                DAEMON.signal(process.pid, Signal::SIGKILL)?;
                wait_for(gone, || format!("ending the DHCP server of {bridge}")).await?;
            }
        }
        Ok(())
    }

    /// All running servers of ours; the place of each is its bridge.
    fn processes(&self) -> Result<Vec<Daemon>, HostError> {
        DAEMON.running(&self.dir)
    }

    /// Whether the files it can not do without are still where it wants them.
    fn stands(&self, process: &Daemon) -> bool {
        let configuration = DAEMON.file(&process.configuration);
        ["leases", configuration.as_str()]
            .iter()
            .all(|name| self.file(&process.place, name).exists())
    }

    /// Whether somebody holds an address of IPv6 that is not theirs any more.
    fn has_stale6(&self, bridge: &str, files: &ServerFiles) -> bool {
        let text = fs::read_to_string(self.file(bridge, "leases")).unwrap_or_default();
        let before = self.reservations6(bridge);
        let after = holders6(&files.reservations);
        text.lines().any(|line| is_stale6(line, &before, &after))
    }

    /// Who has which address of IPv6 by what the server has read.
    fn reservations6(&self, bridge: &str) -> BTreeMap<Ipv6Addr, String> {
        let text = fs::read_to_string(self.file(bridge, "reservations"));
        holders6(&text.unwrap_or_default())
    }

    fn write_ports(&self, bridge: &str, files: &ServerFiles) -> Result<(), HostError> {
        let group = self.group.as_raw();
        write_for_group(
            &self.file(bridge, "reservations"),
            files.reservations.as_bytes(),
            group,
        )?;
        write_for_group(&self.file(bridge, "names"), files.names.as_bytes(), group)
    }

    fn remember_loaded(
        &self,
        bridge: &str,
        pid: Pid,
        files: &ServerFiles,
    ) -> Result<(), HostError> {
        let text = format!("{pid} {}", files.ports_digest());
        write_private(&self.file(bridge, "loaded"), text.as_bytes())
    }

    /// Digest of what the process has read, if that still stands in its files.
    fn loaded(&self, bridge: &str, pid: Pid) -> Option<String> {
        let text = fs::read_to_string(self.file(bridge, "loaded")).ok()?;
        let (reader, read) = text.split_once(' ')?;
        let stands = ServerFiles {
            configuration: String::new(),
            reservations: fs::read_to_string(self.file(bridge, "reservations")).ok()?,
            names: fs::read_to_string(self.file(bridge, "names")).ok()?,
            holders: BTreeMap::new(),
            served: BTreeMap::new(),
            namespace: None,
            interface: String::new(),
        };
        (reader == pid.to_string() && stands.ports_digest() == read).then(|| read.to_owned())
    }

    fn file(&self, bridge: &str, name: &str) -> PathBuf {
        self.dir.join(bridge).join(name)
    }
}

/// `1700000000 fa:16:3e:00:00:01 10.1.0.5 web 01:fa:16:3e:00:00:01`, where `*` stands for "none".
fn parse_lease(line: &str) -> Option<Lease> {
    let words: Vec<&str> = line.split(' ').collect();
    let [_, mac, address, _, id] = words[..] else {
        return None;
    };
    let hex = |text: &str| hex::decode(text.replace(':', "")).ok();
    Some(Lease {
        address: address.parse().ok()?,
        mac: hex(mac)?.try_into().ok()?,
        client_id: hex(id),
    })
}

/// Ethernet addresses by the addresses of IPv6 that are reserved for them.
fn holders6(reservations: &str) -> BTreeMap<Ipv6Addr, String> {
    let holder = |line: &str| {
        let mut words = line.split(',');
        let mac = words.next()?.to_owned();
        let address = words.next()?.strip_prefix('[')?.strip_suffix(']')?;
        Some((address.parse().ok()?, mac))
    };
    reservations.lines().filter_map(holder).collect()
}

/// Whether this is the lease of an address of IPv6 that had another holder before than after, as in
/// `1700000000 1 fd00::5 web 00:04:05:5d` (time, number of the interface, address, name, who holds it).
fn is_stale6(
    line: &str,
    before: &BTreeMap<Ipv6Addr, String>,
    after: &BTreeMap<Ipv6Addr, String>,
) -> bool {
    let address = line.split(' ').nth(2).and_then(|word| word.parse().ok());
    address.is_some_and(|address| before.get(&address) != after.get(&address))
}

/// The group with which `user_group`'s owner can pass through every directory down to `dir`; none if there is none.
fn group_that_passes(dir: &Path, user_group: Gid) -> Option<Gid> {
    let mut needed = None;
    for ancestor in dir.ancestors() {
        let rights = fs::metadata(ancestor).ok()?;
        if rights.mode() & 0o001 == 0 {
            let group = Gid::from_raw(rights.gid());
            if rights.mode() & 0o010 == 0 || needed.is_some_and(|other| other != group) {
                return None;
            }
            needed = Some(group);
        }
    }
    Some(needed.unwrap_or(user_group))
}

fn explain(error: HostError, bridge: &str) -> HostError {
    match error {
        HostError::Program { program, complaint } if complaint.contains("in use") => {
            HostError::Program {
                program,
                complaint: format!(
                    "{complaint}; another DNS or DHCP server of this machine listens on every address, also on {bridge}: tell it to listen on its own interfaces only (dnsmasq: bind-interfaces)"
                ),
            }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_are_read_as_dnsmasq_writes_them() {
        let lease =
            parse_lease("1700000000 fa:16:3e:00:00:01 10.1.0.5 web 01:fa:16:3e:00:00:01").unwrap();
        assert_eq!(lease.address.to_string(), "10.1.0.5");
        assert_eq!(lease.client_id.unwrap().len(), 7);
        assert_eq!(
            parse_lease("0 fa:16:3e:00:00:01 10.1.0.5 * *")
                .unwrap()
                .client_id,
            None
        );
        assert_eq!(parse_lease("duid 00:01"), None);
    }

    #[test]
    fn leases_of_ipv6_go_with_their_ports() {
        let before = holders6(
            "fa:16:3e:00:00:01,10.1.0.5,web\nfa:16:3e:00:00:01,[fd00::5],web\nfa:16:3e:00:00:02,[fd00::6]\n",
        );
        assert_eq!(before.len(), 2);
        let after = holders6("fa:16:3e:00:00:03,[fd00::5],other\nfa:16:3e:00:00:02,[fd00::6]\n");
        for (line, stale) in [
            ("1700000000 fa:16:3e:00:00:01 10.1.0.5 web *", false),
            ("duid 00:01:00:01", false),
            ("1700000000 1 fd00::5 web 00:04:05:5d\n", true),
            ("1700000000 1 fd00::6 db 00:04:05:5e\n", false),
        ] {
            assert_eq!(is_stale6(line, &before, &after), stale, "{line}");
        }
    }

    #[test]
    fn a_server_is_known_by_its_command_line() {
        let servers = Servers {
            dir: "/var/lib/skydeck/network/dhcp".into(),
            group: Gid::from_raw(0),
            run_as: RunAs::default(),
        };
        let line = b"/usr/sbin/dnsmasq\0--conf-file=/var/lib/skydeck/network/dhcp/sdb-1/dnsmasq-abc.conf\0";
        assert_eq!(
            DAEMON.parse_command_line(&servers.dir, line),
            Some(("sdb-1".into(), "abc".into()))
        );
        assert_eq!(
            DAEMON.parse_command_line(&servers.dir, b"dnsmasq\0--conf-file=/etc/dnsmasq.conf\0"),
            None
        );
    }
}
