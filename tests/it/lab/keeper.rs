//! What keeps a private machine, or a rack of them: a script that takes all of it away when its standard input ends.
//!
//! Invariant: nothing outlives it. The pipe is held by this process alone; when it closes, by `Drop` or because the process
//! died, the kernel ends every process inside, and the script removes the directory. When a test fails, `Drop` prints the
//! ends of the logs first. `SKYDECK_TEST_KEEP=1` keeps the directory.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::wait::{wait_for, wait_until};

/// How long bringing up may take on a machine that compiles meanwhile.
const START: Duration = Duration::from_secs(60);
/// Lines of each log shown when a test fails.
const TAIL: usize = 25;

/// A running script with its directory.
pub struct Keeper {
    dir: PathBuf,
    script: Child,
}

impl Keeper {
    /// Runs `SCRIPT run DIRECTORY ARGUMENTS…` in a new directory and waits until everything is up.
    pub fn start(script: &str, arguments: &[&str]) -> Self {
        assert!(
            nix::unistd::geteuid().is_root(),
            "this test needs root, for namespaces and guests: run `make test`, which uses sudo"
        );
        let dir = tempfile::Builder::new()
            .prefix("skydeck-")
            .tempdir_in("/tmp")
            .expect("a directory under /tmp")
            .keep();
        // Guests run as another user and pass through to their disks.
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o711)).unwrap();
        let log = File::create(dir.join("machine.log")).unwrap();
        let script = Command::new(script)
            .arg("run")
            .arg(&dir)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            // A group of its own: a signal to the test's group must not keep it from cleaning up.
            .process_group(0)
            .spawn()
            .expect("bash and util-linux; `make setup-test` installs what is missing");
        let mut keeper = Self { dir, script };
        wait_until("what is private to come up", START, || {
            if let Some(status) = keeper.script.try_wait().unwrap() {
                panic!(
                    "what is private did not come up: {status}; is libvirt installed (`make setup-test`)?"
                );
            }
            keeper.dir.join("pid").exists()
        });
        keeper
    }

    /// The directory, removed in the end.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Prints the end of every log.
    fn print_logs(&self) {
        let entries = |dir: PathBuf| {
            let entries = fs::read_dir(dir).into_iter().flatten().flatten();
            entries.map(|entry| entry.path())
        };
        // A rack's machines have directories of their own.
        let mut logs: Vec<PathBuf> = entries(self.dir.clone())
            .filter(|path| path.join("machine-id").exists())
            .chain([self.dir.clone()])
            .flat_map(|machine| {
                let guests = ["data/instances", "skydeck/instances", "shared/instances"]
                    .map(|dir| machine.join(dir));
                [machine.clone(), machine.join("log")]
                    .into_iter()
                    .chain(guests.into_iter().flat_map(entries))
            })
            .flat_map(entries)
            .filter(|path| path.extension() == Some(OsStr::new("log")))
            .collect();
        logs.sort();
        for log in logs {
            let bytes = fs::read(&log).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            let lines: Vec<&str> = text.lines().collect();
            if !lines.is_empty() {
                let tail = &lines[lines.len().saturating_sub(TAIL)..];
                eprintln!("--- end of {}\n{}", log.display(), tail.join("\n"));
            }
        }
    }
}

/// The pid that a machine's script has left in its directory: that of its pid 1, as seen from outside.
pub(super) fn pid_in(dir: &Path) -> u32 {
    wait_for("the pid of a machine", START, || {
        let text = fs::read_to_string(dir.join("pid")).ok()?;
        text.trim().parse().ok()
    })
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.print_logs();
        }
        drop(self.script.stdin.take());
        if std::thread::panicking() {
            // A second panic would hide the first; the script cleans up by itself.
            return;
        }
        wait_until("what is private to be removed", START, || {
            matches!(self.script.try_wait(), Ok(Some(_)) | Err(_))
        });
    }
}
