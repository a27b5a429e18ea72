//! A private machine for one test: namespaces (network, mounts, processes, host name) with a libvirtd of its own.
//!
//! Inside, everything is as on a real machine: `qemu:///system` is its libvirtd, `127.0.0.1` its loopback, bridges and
//! nftables rules its own, whatever the tests beside it do. Files are shared with the outside, except libvirt's places,
//! `/run`, and `/var/lib/skydeck` where the outside has one. [`Machine::dir`] is a place both sides see under one name.
//!
//! Invariant: nothing outlives the machine, see [`Keeper`]. A machine of a [`super::rack::Rack`] is kept by the rack.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use portable_pty::CommandBuilder;

use super::keeper::{Keeper, pid_in};
use super::process::Running;

/// The script that makes the namespaces.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/lab/machine.sh");

/// A machine in namespaces; removed when dropped, unless it is one of a rack.
pub struct Machine {
    dir: PathBuf,
    pid: u32,
    _keeper: Option<Keeper>,
}

impl Machine {
    /// Brings a new machine up: libvirtd answers, loopback is up, nothing else is there. Takes about a second.
    pub fn start() -> Self {
        let keeper = Keeper::start(SCRIPT, &[]);
        let dir = keeper.dir().to_owned();
        Self {
            pid: pid_in(&dir),
            dir,
            _keeper: Some(keeper),
        }
    }

    /// The machine of a rack that has this directory. It is this one until its power fails.
    pub(super) fn of_rack(dir: PathBuf) -> Self {
        Self {
            pid: pid_in(&dir),
            dir,
            _keeper: None,
        }
    }

    /// A directory of the machine, the same path inside and outside; removed with it. Logs (`*.log`) in it are shown
    /// when a test fails.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The machine's libvirtd; valid inside and outside.
    pub fn libvirt_uri(&self) -> String {
        format!(
            "qemu+unix:///system?socket={}/run/libvirt-sock",
            self.dir.display()
        )
    }

    /// A command that runs inside, with no input.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let [first, rest @ ..] = self.enter();
        let mut command = Command::new(first);
        command.args(rest).arg(program).stdin(Stdio::null());
        command
    }

    /// The same for a [`super::terminal::Terminal`].
    pub fn terminal_command(&self, program: impl AsRef<OsStr>) -> CommandBuilder {
        let [first, rest @ ..] = self.enter();
        let mut command = CommandBuilder::new(first);
        command.args(rest);
        command.arg(program);
        command
    }

    /// Runs a program inside and returns what it prints; panics when it fails.
    #[track_caller]
    pub fn run(&self, line: &[&str]) -> String {
        self.try_run(line)
            .unwrap_or_else(|error| panic!("{}: {error}", line.join(" ")))
    }

    /// Runs a program inside; what it prints, or as an error its exit status and what it complains of.
    pub fn try_run(&self, line: &[&str]) -> Result<String, String> {
        let output = self.command(line[0]).args(&line[1..]).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        if output.status.success() {
            Ok(text(&output.stdout))
        } else {
            Err(format!(
                "{}: {} {}",
                output.status,
                text(&output.stderr),
                text(&output.stdout)
            ))
        }
    }

    /// Runs `work` on a thread of this process whose network is the machine's; what it starts is on it as well.
    pub fn within_network<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let network = File::open(format!("/proc/{}/ns/net", self.pid)).unwrap();
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                nix::sched::setns(network, nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
                work()
            });
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Starts a program that stays; its output goes to `NAME.log` in the machine's directory, appended.
    pub fn spawn(&self, name: &str, command: Command) -> Running {
        Running::start(name, command, &self.dir.join(format!("{name}.log")))
    }

    /// Stops libvirtd; guests go on, and the machine's socket refuses.
    pub fn stop_libvirtd(&self) {
        self.run(&[SCRIPT, "libvirtd", "stop"]);
    }

    /// Starts libvirtd after [`Self::stop_libvirtd`], until it answers.
    pub fn start_libvirtd(&self) {
        self.run(&[SCRIPT, "libvirtd", "start"]);
    }

    /// Stops and starts libvirtd; guests go on.
    pub fn restart_libvirtd(&self) {
        self.stop_libvirtd();
        self.start_libvirtd();
    }

    /// Makes libvirtd hang: it keeps its connections and answers nothing.
    pub fn freeze_libvirtd(&self) {
        self.signal_libvirtd("-STOP");
    }

    /// Ends [`Self::freeze_libvirtd`].
    pub fn thaw_libvirtd(&self) {
        self.signal_libvirtd("-CONT");
    }

    fn signal_libvirtd(&self, signal: &str) {
        let pid = fs::read_to_string(self.dir.join("run/libvirtd.pid")).unwrap();
        self.run(&["kill", signal, pid.trim()]);
    }

    fn enter(&self) -> [String; 9] {
        [
            "nsenter",
            "-t",
            &self.pid.to_string(),
            "-n",
            "-u",
            "-i",
            "-m",
            "-p",
            "--",
        ]
        .map(str::to_owned)
    }
}
