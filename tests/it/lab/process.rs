//! A process inside a [`super::machine::Machine`].

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::wait::wait_for;

/// How long a process may take to end once it was killed.
const END: Duration = Duration::from_secs(20);

/// A running process; killed when dropped.
pub struct Running {
    name: String,
    child: Child,
    /// The program's, as seen from outside the machine; none when it ended before anyone looked.
    pid: Option<Pid>,
    log: PathBuf,
}

impl Running {
    /// Starts `command`, which enters the machine by `nsenter`; output is appended to `log`.
    pub(super) fn start(name: &str, mut command: Command, log: &Path) -> Self {
        let file = File::options().create(true).append(true).open(log).unwrap();
        let mut child = command
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let pid = wait_for("the process to start", END, || {
            match inner_pid(child.id()) {
                Some(pid) => Some(Some(pid)),
                None => child.try_wait().unwrap().map(|_| None),
            }
        });
        Self {
            name: name.to_owned(),
            child,
            pid,
            log: log.to_owned(),
        }
    }

    /// Sends a signal to the program.
    pub fn signal(&self, signal: Signal) {
        let pid = self
            .pid
            .unwrap_or_else(|| panic!("{} has ended", self.name));
        kill(pid, signal).unwrap_or_else(|error| panic!("{}: {signal}: {error}", self.name));
    }

    /// Whether it has stopped itself, as by SIGSTOP.
    pub fn is_stopped(&self) -> bool {
        let pid = self.pid.expect("it runs");
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(')')
            .is_some_and(|(_, rest)| rest.starts_with(" T"))
    }

    /// Lets it go on after that.
    pub fn go_on(&self) {
        self.signal(Signal::SIGCONT);
        self.wake_nsenter();
    }

    /// `nsenter` stops with what it has started, and does not see its end then.
    fn wake_nsenter(&self) {
        if let Ok(pid) = i32::try_from(self.child.id()) {
            // It may have ended.
            let _ = kill(Pid::from_raw(pid), Signal::SIGCONT);
        }
    }

    /// `kill -9`: ends it on the spot and waits until it is gone.
    pub fn kill(mut self) {
        self.signal(Signal::SIGKILL);
        self.child.wait().unwrap();
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    pub fn stop(mut self, deadline: Duration) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.wait(deadline)
    }

    /// Waits until it has ended.
    pub fn wait(&mut self, deadline: Duration) -> ExitStatus {
        wait_for(&format!("{} to end", self.name), deadline, || {
            self.child.try_wait().unwrap()
        })
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Everything it has printed.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let (Ok(None), Some(pid)) = (self.child.try_wait(), self.pid) {
            // It may end by itself meanwhile.
            let _ = kill(pid, Signal::SIGKILL);
            self.wake_nsenter();
            let _ = self.child.wait();
        }
    }
}

/// The program that `nsenter` runs: a signal to `nsenter` itself would not reach it. As seen from outside the machine.
pub(super) fn inner_pid(nsenter: u32) -> Option<Pid> {
    let children = fs::read_to_string(format!("/proc/{nsenter}/task/{nsenter}/children")).ok()?;
    children
        .split_whitespace()
        .next()?
        .parse()
        .ok()
        .map(Pid::from_raw)
}
