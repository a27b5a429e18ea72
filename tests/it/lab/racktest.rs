//! The rack itself works: hosts reach each other, guests move between them, power fails and comes back.

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use super::guest;
use super::machine::Machine;
use super::rack::Rack;
use super::wait::wait_until;

const BOOT: Duration = Duration::from_secs(90);

/// Defines and starts the test guest on a machine, with this disk and its serial port in a file that all hosts see.
fn start_guest(rack: &Rack, machine: &Machine, name: &str, disk: &Path) {
    let xml = format!(
        "<domain type='qemu'><name>{name}</name><memory unit='MiB'>128</memory><vcpu>1</vcpu>
        <os><type arch='x86_64' machine='pc'>hvm</type></os><features><acpi/></features>
        <devices>
          <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{}'/><target dev='vda' bus='virtio'/></disk>
          <serial type='file'><source path='/shared/{name}.serial' append='on'/></serial>
        </devices></domain>",
        disk.display()
    );
    fs::write(rack.shared().join("guest.xml"), xml).unwrap();
    machine.run(&["virsh", "define", "/shared/guest.xml"]);
    machine.run(&["virsh", "start", name]);
    wait_until("the guest to boot", BOOT, || {
        let said = fs::read(rack.shared().join(format!("{name}.serial"))).unwrap_or_default();
        String::from_utf8_lossy(&said).contains("GUEST-READY")
    });
}

fn state(machine: &Machine, guest: &str) -> Option<String> {
    machine.try_run(&["virsh", "domstate", guest]).ok()
}

#[test]
fn hosts_of_a_rack_reach_each_other_until_a_cable_is_cut() {
    let (rack, other) = (Rack::start(3), Rack::start(1));
    for from in rack.numbers() {
        for to in rack.numbers() {
            let uri = Rack::libvirt_uri(to);
            let named = rack.host(from).run(&["virsh", "-c", &uri, "hostname"]);
            assert_eq!(named, Rack::name(to));
        }
    }
    assert_eq!(rack.control().run(&["hostname"]), "control");
    other
        .host(1)
        .run(&["sh", "-c", "! ping -c 1 -W 1 10.77.0.12"]);

    // Files: one's own, everybody's, and the outside's.
    rack.host(1).run(&[
        "sh",
        "-c",
        "echo mine >/var/lib/skydeck/f; echo ours >/shared/f",
    ]);
    assert!(
        rack.host(2)
            .try_run(&["cat", "/var/lib/skydeck/f"])
            .is_err()
    );
    assert_eq!(rack.host(2).run(&["cat", "/shared/f"]), "ours");
    assert_eq!(
        fs::read_to_string(rack.host(1).dir().join("skydeck/f")).unwrap(),
        "mine\n"
    );

    let ping = ["ping", "-c", "1", "-W", "1", "h2"];
    rack.cut(2);
    assert!(rack.host(1).try_run(&ping).is_err());
    rack.crash(2);
    rack.boot(2);
    assert!(
        rack.host(1).try_run(&ping).is_err(),
        "the cable mended itself"
    );
    rack.host(2).run(&["virsh", "list"]);
    rack.mend(2);
    rack.host(1).run(&ping);

    // A megabyte takes two seconds at 4 Mbit/s, and no time without a limit.
    let listener = rack
        .host(2)
        .within_network(|| TcpListener::bind("10.77.0.12:7000").unwrap());
    let took = || {
        let start = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| listener.accept().unwrap().0.write_all(&[0; 1 << 20]));
            let connect = || TcpStream::connect("10.77.0.12:7000").unwrap();
            let mut stream = rack.host(1).within_network(connect);
            assert_eq!(
                std::io::copy(&mut stream, &mut std::io::sink()).unwrap(),
                1 << 20
            );
        });
        start.elapsed()
    };
    rack.limit(2, "4mbit");
    assert!(took() > Duration::from_secs(1));
    rack.unlimit(2);
    assert!(took() < Duration::from_secs(1));

    let dir = rack.shared();
    drop(rack);
    assert!(!dir.exists(), "{} is left behind", dir.display());
}

#[test]
fn guests_move_between_hosts_and_die_with_their_power() {
    let rack = Rack::start(2);
    let move_to = |from: &Machine, to: usize, name: &str, how: &[&str]| {
        let uri = Rack::libvirt_uri(to);
        let line = [
            "virsh",
            "migrate",
            name,
            &uri,
            "--live",
            "--persistent",
            "--undefinesource",
        ];
        from.run(&[&line, how].concat());
        assert_eq!(state(from, name), None);
        assert_eq!(state(&rack.host(to), name).as_deref(), Some("running"));
    };
    let (one, two) = (rack.host(1), rack.host(2));

    // A disk that both see.
    fs::copy(guest::qcow2(), rack.shared().join("disk.qcow2")).unwrap();
    start_guest(&rack, &one, "seen", Path::new("/shared/disk.qcow2"));
    move_to(&one, 2, "seen", &["--unsafe"]);

    // A disk that goes along.
    let disk = Path::new("/var/lib/skydeck/disk.qcow2");
    fs::copy(guest::qcow2(), one.dir().join("skydeck/disk.qcow2")).unwrap();
    let empty = [
        "qemu-img",
        "create",
        "-q",
        "-f",
        "qcow2",
        "/var/lib/skydeck/disk.qcow2",
        "41M",
    ];
    two.run(&empty);
    start_guest(&rack, &one, "carried", disk);
    move_to(&one, 2, "carried", &["--copy-storage-all"]);

    rack.crash(2);
    assert!(
        one.try_run(&["timeout", "5", "virsh", "-c", &Rack::libvirt_uri(2), "list"])
            .is_err()
    );
    rack.boot(2);
    let two = rack.host(2);
    for guest in ["seen", "carried"] {
        assert_eq!(state(&two, guest).as_deref(), Some("shut off"));
    }
    assert!(
        two.try_run(&["pgrep", "qemu-system"]).is_err(),
        "a guest outlived its host"
    );
    two.run(&["virsh", "start", "carried"]);
}
