//! `make lab`, as its script does it: a cloud of hosts with the console open on it, and nothing once that is left.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use portable_pty::CommandBuilder;

use super::cloud::{PATIENCE, SKYDECK};
use crate::lab::guest as disk;
use crate::lab::terminal::Terminal;
use crate::lab::wait::wait_until;

/// The script.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/lab/lab.sh");
/// How long a start may take: RabbitMQ needs seconds of a whole processor.
const START: Duration = Duration::from_secs(180);

/// A lab of two hosts in this directory.
fn lab(directory: &Path) -> Terminal {
    lab_with(directory, "bridge")
}

/// The same with this engine for its networks.
fn lab_with(directory: &Path, engine: &str) -> Terminal {
    let mut command = CommandBuilder::new(SCRIPT);
    command.args([SKYDECK, "2"]);
    command.arg(disk::qcow2());
    command.arg(engine);
    command.env("LAB_DIRECTORY", directory);
    command.env("SKYDECK_AGENT_VIRT_TYPE", "qemu");
    Terminal::start(command, 120, 36)
}

/// Processes that have this directory in their arguments.
fn processes(directory: &Path) -> Vec<Pid> {
    let named = |entry: &PathBuf| {
        let line = std::fs::read(entry.join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(&*directory.to_string_lossy())
    };
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let paths = entries.map(|entry| entry.path());
    let number = |path: PathBuf| path.file_name()?.to_str()?.parse().ok();
    paths
        .filter(named)
        .filter_map(number)
        .map(Pid::from_raw)
        .collect()
}

#[test]
fn a_lab_opens_the_console_on_a_cloud_of_hosts_and_leaves_nothing() {
    let place = tempfile::Builder::new()
        .prefix("skydeck-")
        .tempdir_in("/tmp")
        .unwrap();
    let directory = place.path().join("lab");
    let mut terminal = lab(&directory);
    terminal.wait_until("the console", START, |screen| {
        screen.contents().contains("pulse")
    });
    terminal.send_keys(":hosts<enter>");
    terminal.wait_until("both hosts", PATIENCE, |screen| {
        let text = screen.contents();
        text.contains("2 up") && text.contains("h1") && text.contains("h2")
    });

    // Launched by keys, on the image that is there.
    terminal.send_keys(":images<enter>");
    terminal.wait_until("the image", PATIENCE, |screen| {
        screen.contents().contains("● active")
    });
    terminal.send_keys(":servers<enter>n");
    terminal.wait_for_text("Launch servers");
    terminal.send_keys("first<enter>");
    terminal.wait_for_text("qcow2");
    terminal.send_keys("guest<enter>");
    terminal.wait_for_text("96.0 MiB");
    terminal.send_keys("m1.nano<enter><c-s>");
    terminal.wait_for_text("Launch: the plan");
    terminal.send_keys("<enter>");
    terminal.wait_until("the server to be active", PATIENCE, |screen| {
        screen.contents().contains("● active")
    });

    // There is one lab at a time, and another does it no harm.
    let mut other = lab(&directory);
    other.wait_until("the reason", PATIENCE, |screen| {
        screen.contents().contains("a lab runs already")
    });
    assert!(!other.wait_exit(PATIENCE).success());
    assert!(directory.join("pid").exists());

    terminal.send_keys(":q<enter>");
    assert!(terminal.wait_exit(PATIENCE).success());
    assert!(!directory.exists(), "{} is left", directory.display());
    assert_eq!(processes(&directory), []);

    // What stays of one that was killed is the directory, and the next one starts all the same.
    let terminal = lab(&directory);
    terminal.wait_for_text("RabbitMQ");
    assert!(!processes(&directory).is_empty());
    drop(terminal);
    wait_until("the killed lab to end", PATIENCE, || {
        for process in processes(&directory) {
            // It may end by itself meanwhile.
            let _ = kill(process, Signal::SIGKILL);
        }
        processes(&directory).is_empty()
    });
    std::fs::create_dir_all(directory.join("h1")).unwrap();
    let mut terminal = lab(&directory);
    terminal.wait_until("the console", START, |screen| {
        screen.contents().contains("pulse")
    });
    terminal.send_keys(":q<enter>");
    assert!(terminal.wait_exit(PATIENCE).success());
    assert!(!directory.exists(), "{} is left", directory.display());
}

#[test]
fn a_lab_can_have_ovn() {
    let place = tempfile::Builder::new()
        .prefix("skydeck-")
        .tempdir_in("/tmp")
        .unwrap();
    let directory = place.path().join("lab");
    let mut terminal = lab_with(&directory, "ovn");
    terminal.wait_until("the console", START, |screen| {
        screen.contents().contains("pulse")
    });
    let rack = concat!(env!("CARGO_MANIFEST_DIR"), "/config/lab/rack.sh");
    wait_until("OVN to be told what it shall have", PATIENCE, || {
        let mut command = Command::new(rack);
        command.arg("exec").arg(&directory);
        command.args([
            "control",
            "ovn-nbctl",
            "get",
            "nb_global",
            ".",
            "external_ids",
        ]);
        let told = command.output().unwrap().stdout;
        String::from_utf8_lossy(&told).contains("skydeck-generation")
    });
    terminal.send_keys(":q<enter>");
    assert!(terminal.wait_exit(PATIENCE).success());
    assert!(!directory.exists(), "{} is left", directory.display());
    assert_eq!(processes(&directory), []);
}
