//! A private machine for one test: namespaces (network, mounts, processes, host name) with a libvirtd of its own.
//!
//! Inside, everything is as on a real machine: `qemu:///system` is its libvirtd, `127.0.0.1` its loopback, bridges and
//! nftables rules its own, whatever the tests beside it do. Files are shared with the outside, except libvirt's places
//! and `/run`. [`Machine::dir`] is a place both sides see under one name.
//!
//! Invariant: nothing outlives the machine. Its pid 1 waits on a pipe that this process holds; when the pipe closes, by
//! `Drop` or because the process died, the kernel ends every process inside, and the script that started it removes the
//! directory. When a test fails, `Drop` prints the ends of the logs first. `SKYDECK_TEST_KEEP=1` keeps the directory.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use portable_pty::CommandBuilder;

use super::process::Running;
use super::wait::{wait_for, wait_until};

/// The script that makes the namespaces.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/lab/machine.sh");
/// How long bringing up may take on a machine that compiles meanwhile.
const START: Duration = Duration::from_secs(60);
/// Lines of each log shown when a test fails.
const TAIL: usize = 25;

/// A machine in namespaces; removed when dropped.
pub struct Machine {
    dir: PathBuf,
    keeper: Child,
    pid: u32,
}

impl Machine {
    /// Brings a new machine up: libvirtd answers, loopback is up, nothing else is there. Takes about a second.
    pub fn start() -> Self {
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
        let keeper = Command::new(SCRIPT)
            .arg("run")
            .arg(&dir)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            // A group of its own: a signal to the test's group must not keep it from cleaning up.
            .process_group(0)
            .spawn()
            .expect("bash and util-linux; `make setup-test` installs what is missing");
        let mut machine = Self {
            dir,
            keeper,
            pid: 0,
        };
        machine.pid = wait_for("the private machine to come up", START, || {
            if let Some(status) = machine.keeper.try_wait().unwrap() {
                panic!(
                    "the private machine did not come up: {status}; is libvirt installed (`make setup-test`)?"
                );
            }
            fs::read_to_string(machine.dir.join("pid"))
                .ok()?
                .trim()
                .parse()
                .ok()
        });
        machine
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

    /// Prints the end of every log of the machine.
    fn print_logs(&self) {
        let below = fs::read_dir(self.dir.join("data/instances"));
        let guests = below.into_iter().flatten().flatten();
        let mut logs: Vec<PathBuf> = [self.dir.clone(), self.dir.join("log")]
            .into_iter()
            .chain(guests.map(|entry| entry.path()))
            .filter_map(|dir| fs::read_dir(dir).ok())
            .flatten()
            .flatten()
            .map(|entry| entry.path())
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

impl Drop for Machine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.print_logs();
        }
        drop(self.keeper.stdin.take());
        let gone = || matches!(self.keeper.try_wait(), Ok(Some(_)) | Err(_));
        if std::thread::panicking() {
            // A second panic would hide the first; the keeper cleans up by itself.
            return;
        }
        wait_until("the private machine to be removed", START, gone);
    }
}
