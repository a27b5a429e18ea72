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
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User};

use super::dhcp::digest;
use super::error::HostError;
use super::files::{directory, write_private};
use super::namespace::{NAMED, within};
use super::program::Program;

const RADVD: Program = Program {
    name: "radvd",
    package: "radvd",
};
/// The argument by which our processes are known.
const ARGUMENT: &str = "--config=";
/// The user that comes with the package.
const SERVANT: &str = "radvd";
/// How long a process may take to end.
const PATIENCE: Duration = Duration::from_secs(5);
const STEP: Duration = Duration::from_millis(10);

/// All that announce something on the node.
pub struct Advertisers {
    dir: PathBuf,
}

/// One running radvd of ours; it is two processes, with the same command line.
struct Process {
    pid: Pid,
    room: String,
    configuration: String,
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
            let stands = is_inside(process.pid, &process.room)
                && self.file(&process.room, &process.configuration).exists();
            let entry = seen.entry(process.room).or_default();
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
            format!("{ARGUMENT}{}", configuration.display()),
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
        for process in self.processes()?.iter().filter(|have| have.room == room) {
            end(process.pid).await?;
        }
        let dir = self.dir.join(room);
        match fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(HostError::file(dir)(error)),
            _ => Ok(()),
        }
    }

    fn file(&self, room: &str, configuration: &str) -> PathBuf {
        let name = format!("radvd-{configuration}.conf");
        self.dir.join(room).join(name)
    }

    fn processes(&self) -> Result<Vec<Process>, HostError> {
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc")
            .map_err(HostError::file("/proc"))?
            .flatten()
        {
            let name = entry.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            // It may end while we look.
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            if let Some((room, configuration)) = self.parse_command_line(&line) {
                found.push(Process {
                    pid: Pid::from_raw(pid),
                    room,
                    configuration,
                });
            }
        }
        Ok(found)
    }

    /// Namespace and digest of the configuration, if this is the command line of one of ours.
    fn parse_command_line(&self, line: &[u8]) -> Option<(String, String)> {
        let mut words = line.split(|byte| *byte == 0);
        if !words.next()?.ends_with(RADVD.name.as_bytes()) {
            return None;
        }
        let path = std::str::from_utf8(words.next()?)
            .ok()?
            .strip_prefix(ARGUMENT)?;
        let inside = Path::new(path).strip_prefix(&self.dir).ok()?;
        let name = inside.file_name()?.to_str()?;
        let configuration = name.strip_prefix("radvd-")?.strip_suffix(".conf")?;
        let room = inside.parent()?.to_str()?;
        Some((room.to_owned(), configuration.to_owned()))
    }
}

/// Whether a process is in the namespace that has this name.
fn is_inside(pid: Pid, room: &str) -> bool {
    let inode = |path: PathBuf| fs::metadata(path).map(|found| found.ino()).ok();
    let own = inode(PathBuf::from(format!("/proc/{pid}/ns/net")));
    own.is_some() && own == inode(Path::new(NAMED).join(room))
}

async fn end(pid: Pid) -> Result<(), HostError> {
    match kill(pid, Signal::SIGKILL) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(errno) => {
            return Err(HostError::Kernel {
                what: format!("ending radvd {pid}"),
                reason: errno.to_string(),
            });
        }
    }
    // One that has ended and waits for its parent has no command line.
    let gone = async {
        while fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty()) {
            tokio::time::sleep(STEP).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone)
        .await
        .map_err(|_| HostError::Slow {
            what: format!("ending radvd {pid}"),
            after: PATIENCE,
        })
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
            advertisers.parse_command_line(line),
            Some(("qrouter-1".into(), "abc".into()))
        );
        assert_eq!(
            advertisers.parse_command_line(b"radvd\0--config=/etc/radvd.conf\0"),
            None
        );
    }
}
