//! The harness itself works: without this, a failing test may be the harness's fault.

use std::fs;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::guest;
use super::machine::Machine;
use super::terminal::Terminal;
use super::wait::{wait_for, wait_for_async, wait_until};

const BOOT: Duration = Duration::from_secs(90);

#[test]
fn two_machines_have_networks_processes_and_libvirtds_of_their_own() {
    let (one, two) = (Machine::start(), Machine::start());
    one.run(&["ip", "link", "add", "br-one", "type", "bridge"]);
    assert!(
        two.run(&["ip", "link"])
            .lines()
            .all(|line| !line.contains("br-one"))
    );
    assert!(!Path::new("/sys/class/net/br-one").exists());

    let mut shell = one.command("sh");
    shell.args(["-c", "echo started; exec sleep 1000"]);
    let running = one.spawn("sleeper", shell);
    wait_until("its output", BOOT, || running.log().contains("started"));
    assert!(one.run(&["ps", "ax"]).contains("sleep 1000"));
    assert!(!two.run(&["ps", "ax"]).contains("sleep 1000"));
    running.kill();
    let mut forever = one.spawn("forever", {
        let mut command = one.command("sleep");
        command.arg("1000");
        command
    });
    assert!(forever.is_running());
    assert!(!forever.stop(BOOT).success());
    let mut short = one.spawn("short", one.command("true"));
    assert!(short.wait(BOOT).success());
    assert!(!one.run(&["ps", "ax"]).contains("sleep 1000"));

    one.stop_libvirtd();
    assert!(one.try_run(&["virsh", "list"]).is_err());
    two.run(&["virsh", "-c", &two.libvirt_uri(), "list"]);
    one.start_libvirtd();
    one.run(&["virsh", "list"]);

    one.freeze_libvirtd();
    assert!(one.try_run(&["timeout", "0.5", "virsh", "list"]).is_err());
    one.thaw_libvirtd();
    one.restart_libvirtd();
    one.run(&["virsh", "list"]);

    let dir = one.dir().to_owned();
    drop(one);
    assert!(!dir.exists(), "{} is left behind", dir.display());
}

#[test]
fn a_terminal_shows_what_a_program_draws_and_passes_keys_and_size() {
    let mut command = portable_pty::CommandBuilder::new("sh");
    command.args(["-c", r#"printf 'ready\033]52;c;aGVsbG8=\a'; read -r line; echo "got:$line"; stty size; read -r _; stty size; exit 3"#]);
    let mut terminal = Terminal::start(command, 60, 10);
    terminal.wait_for_text("ready");
    terminal.send_keys("a<space>b<lt>c<enter>");
    terminal.wait_for_text("got:a b<c");
    terminal.wait_for_text("10 60");
    assert_eq!(terminal.clipboard().as_deref(), Some("hello"));
    terminal.resize(80, 24);
    terminal.send_keys("<enter>");
    terminal.wait_for_text("24 80");
    assert_eq!(terminal.wait_exit(BOOT).exit_code(), 3);
    assert!(terminal.bytes_written() > 0);
}

#[tokio::test]
async fn a_terminal_reaches_a_program_inside_a_machine() {
    let machine = Machine::start();
    let mut command = machine.terminal_command("sh");
    command.args([
        "-c",
        "trap 'clear; echo ended; exit 0' TERM; hostname; while :; do sleep 0.05; done",
    ]);
    let mut terminal = Terminal::start(command, 40, 5);
    terminal.wait_for_text("testhost");
    terminal.signal(Signal::SIGTERM);
    terminal.wait_for_no_text("testhost");
    wait_for_async("the last word", BOOT, async || {
        terminal.contents().contains("ended").then_some(())
    })
    .await;
    assert!(terminal.wait_exit(BOOT).success());
}

/// The guest through everything that tests of servers rely on: metadata, DHCP, ssh, hot-plug, the power button.
#[test]
fn the_test_guest_boots_and_can_be_reached() {
    let machine = Machine::start();
    let dir = machine.dir().display().to_string();
    let file = |name: &str| format!("{dir}/{name}");

    machine.run(&["sh", "-ec", "ip link add br0 type bridge forward_delay 0; ip addr add 10.9.0.1/24 dev br0; ip link set br0 up"]);
    let mut dnsmasq = machine.command("dnsmasq");
    dnsmasq.args([
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--no-ping",
        "--port=0",
        "--bind-interfaces",
        "--interface=br0",
        "--except-interface=lo",
        "--dhcp-range=10.9.0.50,10.9.0.60",
        "--user=root",
    ]);
    dnsmasq.arg(format!("--dhcp-leasefile={dir}/leases"));
    let _dnsmasq = machine.spawn("dnsmasq", dnsmasq);

    machine.run(&[
        "ssh-keygen",
        "-q",
        "-t",
        "ed25519",
        "-N",
        "",
        "-f",
        &file("key"),
    ]);
    let key = fs::read_to_string(file("key.pub")).unwrap();
    let metadata = Path::new(&dir).join("drive/openstack/latest");
    fs::create_dir_all(&metadata).unwrap();
    fs::write(
        metadata.join("meta_data.json"),
        serde_json::json!({"hostname": "tiny", "public_keys": {"mine": key}}).to_string(),
    )
    .unwrap();
    fs::write(
        metadata.join("user_data"),
        "#!/bin/sh\ntouch /run/user-data-ran\n",
    )
    .unwrap();
    machine.run(&[
        "genisoimage",
        "-quiet",
        "-R",
        "-V",
        "config-2",
        "-o",
        &file("config.iso"),
        &file("drive"),
    ]);

    assert!(guest::raw().exists());
    let base = guest::qcow2().display().to_string();
    machine.run(&["cp", &base, &file("disk.qcow2")]);
    machine.run(&[
        "qemu-img",
        "create",
        "-q",
        "-f",
        "raw",
        &file("extra.raw"),
        "32M",
    ]);
    fs::write(file("guest.xml"), domain_xml(&dir)).unwrap();
    machine.run(&["virsh", "define", &file("guest.xml")]);
    machine.run(&["virsh", "start", "tiny"]);

    let serial =
        || String::from_utf8_lossy(&fs::read(file("serial.log")).unwrap_or_default()).into_owned();
    let said = |text: &str| {
        wait_for(text, BOOT, || {
            serial()
                .lines()
                .find(|line| line.contains(text))
                .map(str::to_owned)
        })
    };
    let ready = said("GUEST-READY");
    assert!(
        ready.contains("name=tiny")
            && ready.contains("src=configdrive")
            && ready.contains("boots=1"),
        "{ready}"
    );
    said("GUEST-USERDATA rc=0");

    let address = ready
        .split("eth0=")
        .nth(1)
        .and_then(|rest| rest.split('/').next())
        .expect("an address")
        .to_owned();
    let known = format!("-oUserKnownHostsFile={}", file("known"));
    let key = file("key");
    let target = format!("root@{address}");
    let ssh = |line: &str| {
        machine.run(&[
            "ssh",
            "-oStrictHostKeyChecking=no",
            "-oBatchMode=yes",
            &known,
            "-i",
            &key,
            &target,
            line,
        ])
    };
    assert_eq!(
        ssh("hostname; ls /run/user-data-ran"),
        "tiny\n/run/user-data-ran"
    );

    machine.run(&[
        "virsh",
        "attach-disk",
        "tiny",
        &file("extra.raw"),
        "vdb",
        "--serial",
        "extra-serial",
        "--subdriver",
        "raw",
    ]);
    assert!(said("GUEST-HOTPLUG block").ends_with("65536 extra-serial"));
    machine.run(&[
        "virsh",
        "attach-interface",
        "tiny",
        "bridge",
        "br0",
        "--model",
        "virtio",
    ]);
    said("GUEST-DHCP eth1");

    machine.run(&["virsh", "shutdown", "tiny", "--mode", "acpi"]);
    said("GUEST-POWERBUTTON");
    wait_until("the guest to be off", BOOT, || {
        machine.run(&["virsh", "domstate", "tiny"]) == "shut off"
    });
}

fn domain_xml(dir: &str) -> String {
    format!(
        "<domain type='qemu'><name>tiny</name><memory unit='MiB'>128</memory><vcpu>1</vcpu>
        <os><type arch='x86_64' machine='pc'>hvm</type></os><features><acpi/></features>
        <devices>
          <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{dir}/disk.qcow2'/><target dev='vda' bus='virtio'/></disk>
          <disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='{dir}/config.iso'/><target dev='hda' bus='ide'/></disk>
          <interface type='bridge'><source bridge='br0'/><model type='virtio'/></interface>
          <serial type='file'><source path='{dir}/serial.log'/></serial>
        </devices></domain>"
    )
}
