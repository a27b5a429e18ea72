//! Daemons of the node that outlive the agent: how they are found again, and ended.
//!
//! One is known by its command line, whose first argument names a configuration in a directory of ours: `DIR/PLACE/PROGRAM-DIGEST.conf`,
//! where the place is what it serves, and the digest that of the configuration. So what runs, and with what, is seen
//! without any memory.

use std::fs;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::error::HostError;

/// How long a process may take to do what it was told.
const PATIENCE: Duration = Duration::from_secs(5);
const STEP: Duration = Duration::from_millis(10);

/// A kind of daemon of ours.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The program.
    pub program: &'static str,
    /// The argument that names the configuration: `--conf-file=`.
    pub argument: &'static str,
}

/// A daemon that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Daemon {
    /// The process.
    pub pid: Pid,
    /// What it serves.
    pub place: String,
    /// Digest of its configuration.
    pub configuration: String,
}

impl Kind {
    /// Name of the file of a configuration with this digest.
    pub fn file(self, configuration: &str) -> String {
        format!("{}-{configuration}.conf", self.program)
    }

    /// Those of this kind that run with a configuration below `dir`.
    pub fn running(self, dir: &Path) -> Result<Vec<Daemon>, HostError> {
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
            if let Some((place, configuration)) = self.parse_command_line(dir, &line) {
                found.push(Daemon {
                    pid: Pid::from_raw(pid),
                    place,
                    configuration,
                });
            }
        }
        Ok(found)
    }

    /// Place and digest of the configuration, if this is the command line of one of ours.
    pub fn parse_command_line(self, dir: &Path, line: &[u8]) -> Option<(String, String)> {
        let mut words = line.split(|byte| *byte == 0);
        if !words.next()?.ends_with(self.program.as_bytes()) {
            return None;
        }
        let path = std::str::from_utf8(words.next()?)
            .ok()?
            .strip_prefix(self.argument)?;
        let inside = Path::new(path).strip_prefix(dir).ok()?;
        let name = inside.file_name()?.to_str()?;
        let name = name.strip_prefix(self.program)?.strip_prefix('-')?;
        let configuration = name.strip_suffix(".conf")?;
        let place = inside.parent()?.to_str()?;
        Some((place.to_owned(), configuration.to_owned()))
    }

    /// Sends a signal; one that has ended needs none.
    pub fn signal(self, pid: Pid, signal: Signal) -> Result<(), HostError> {
        match kill(pid, signal) {
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(errno) => Err(HostError::Kernel {
                what: format!("sending {signal} to {} {pid}", self.program),
                reason: errno.to_string(),
            }),
        }
    }
}

/// Whether a process holds anything, such as its sockets. One that ends has no command line from early on, but is gone, or
/// a zombie, only when its files are closed.
pub fn is_alive(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name, in parentheses, may have any letters (proc(5)).
    let state = stat.rsplit_once(')').map(|(_, rest)| rest.trim_start());
    state.is_some_and(|rest| !rest.starts_with(['Z', 'X']))
}

/// Waits until it is so; `what` says what took too long.
pub async fn wait_for(
    condition: impl Fn() -> bool,
    what: impl Fn() -> String,
) -> Result<(), HostError> {
    let wait = async {
        while !condition() {
            tokio::time::sleep(STEP).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .map_err(|_| HostError::Slow {
            what: what(),
            after: PATIENCE,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_process_is_alive_until_it_is_a_zombie() {
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
        assert!(is_alive(pid));
        drop(child.stdin.take());
        wait_for(|| !is_alive(pid), || "the end of cat".into())
            .await
            .unwrap();
        assert!(
            child
                .try_wait()
                .unwrap()
                .is_some_and(|status| status.success())
        );
        assert!(!is_alive(pid));
    }
}
