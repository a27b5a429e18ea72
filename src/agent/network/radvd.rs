//! The `radvd` processes of a node, one per router that announces something.
//!
//! They are daemons and outlive the agent, as [`dnsmasq`](super::dnsmasq) does, and are known in the same way: by a command line
//! that names a configuration whose name holds the digest of its content. One whose namespace is not the one that has its
//! name now does not count.
//!
//! They are ended without a farewell: by that guests would forget the router, which may have just begun to announce itself
//! anew, here or on another node.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use nix::unistd::{Pid, User};

use super::daemon::{Daemon, Kind, is_alive, wait_for};
use super::dhcp::digest;
use super::error::HostError;
use super::files::{directory, write_private};
use super::namespace::{NAMED, within};
use super::program::Program;

const RADVD: Program = Program {
    name: "radvd",
    package: "radvd",
};
const DAEMON: Kind = Kind {
    program: RADVD.name,
    argument: "--config=",
};
/// The user that comes with the package.
const SERVANT: &str = "radvd";

/// All that announce something on the node.
pub struct Advertisers {
    dir: PathBuf,
}

impl Advertisers {
    /// Keeps its files in `adverts` below `state`; both are made.
    pub fn prepare(state: &Path) -> Result<Self, HostError> {
        let dir = state.join("adverts");
        directory(&dir, 0o700, 0)?;
        Ok(Self { dir })
    }

    /// Digests of what is announced, by namespace; none where files are left of one that does not run as it shall.
    pub fn observe(&self) -> Result<BTreeMap<String, Option<String>>, HostError> {
        let mut seen: BTreeMap<String, Option<String>> = BTreeMap::new();
        for entry in fs::read_dir(&self.dir)
            .map_err(HostError::file(&self.dir))?
            .flatten()
        {
            if let Ok(name) = entry.file_name().into_string() {
                seen.insert(name, None);
            }
        }
        for process in self.processes()? {
            let stands = is_inside(process.pid, &process.place)
                && self.file(&process.place, &process.configuration).exists();
            let entry = seen.entry(process.place).or_default();
            if stands {
                *entry = Some(process.configuration);
            }
        }
        Ok(seen)
    }

    /// Announces this in a namespace; what was announced there is not any more.
    pub async fn start(&self, room: &str, text: &str) -> Result<(), HostError> {
        self.remove(room).await?;
        directory(&self.dir.join(room), 0o700, 0)?;
        let configuration = self.file(room, &digest(text));
        write_private(&configuration, text.as_bytes())?;
        let mut arguments = vec![
            format!("{}{}", DAEMON.argument, configuration.display()),
            format!("--pidfile={}", self.dir.join(room).join("pid").display()),
            "--logmethod=syslog".to_owned(),
        ];
        // Once it has its socket and has read its configuration it needs no rights.
        if matches!(User::from_name(SERVANT), Ok(Some(_))) {
            arguments.push(format!("--username={SERVANT}"));
        }
        // It returns once it has read its configuration, or says what is wrong with it.
        within(room, move || async move {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            RADVD.run(&arguments, b"").await
        })
        .await
        .map(|_| ())
    }

    /// Announces nothing in a namespace any more, and removes what was for that.
    pub async fn remove(&self, room: &str) -> Result<(), HostError> {
        for process in self.processes()?.iter().filter(|have| have.place == room) {
            end(process.pid).await?;
        }
        let dir = self.dir.join(room);
        match fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(HostError::file(dir)(error)),
            _ => Ok(()),
        }
    }

    fn file(&self, room: &str, configuration: &str) -> PathBuf {
        self.dir.join(room).join(DAEMON.file(configuration))
    }

    /// Those that run; each is two processes, with the same command line. The place of each is its namespace.
    fn processes(&self) -> Result<Vec<Daemon>, HostError> {
        DAEMON.running(&self.dir)
    }
}

/// Whether a process is in the namespace that has this name.
fn is_inside(pid: Pid, room: &str) -> bool {
    let inode = |path: PathBuf| fs::metadata(path).map(|found| found.ino()).ok();
    let own = inode(PathBuf::from(format!("/proc/{pid}/ns/net")));
    own.is_some() && own == inode(Path::new(NAMED).join(room))
}

async fn end(pid: Pid) -> Result<(), HostError> {
    DAEMON.signal(pid, Signal::SIGKILL)?;
    wait_for(|| !is_alive(pid), || format!("ending radvd {pid}")).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_known_by_its_command_line() {
        let advertisers = Advertisers {
            dir: "/var/lib/skydeck/network/adverts".into(),
        };
        let line = b"radvd\0--config=/var/lib/skydeck/network/adverts/qrouter-1/radvd-abc.conf\0--pidfile=/x\0";
        assert_eq!(
            DAEMON.parse_command_line(&advertisers.dir, line),
            Some(("qrouter-1".into(), "abc".into()))
        );
        assert_eq!(
            DAEMON.parse_command_line(&advertisers.dir, b"radvd\0--config=/etc/radvd.conf\0"),
            None
        );
    }
}
