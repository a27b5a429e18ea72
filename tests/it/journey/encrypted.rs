//! What a live migration sends, encrypted by the engines: with certificates of one authority on both hosts it goes, and
//! where a host has none nothing is sent in the clear instead.

use std::path::Path;
use std::process::Command;

use super::guest::wait_ready;
use super::rack::RackCloud;
use super::stock::OpenStack;
use crate::lab::rack::Rack;

/// Where QEMU looks for certificates on each host.
const PKI: &str = "/var/lib/skydeck/pki";

fn openssl(place: &Path, line: &str) {
    let done = Command::new("openssl")
        .args(line.split_whitespace())
        .current_dir(place)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "openssl {line}: {said}");
}

/// Gives a host certificates of the authority in `place`, which is made with the first, and has its libvirt use them.
fn certify(cloud: &RackCloud, place: &Path, number: usize) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    if !place.join("ca.pem").exists() {
        openssl(
            place,
            &format!("req -x509 {key} -subj /CN=rack -keyout ca.key -out ca.pem"),
        );
    }
    let (name, host) = (Rack::name(number), cloud.rack.host(number));
    let address = format!("10.77.0.{}", 10 + number);
    openssl(
        place,
        &format!(
            "req -x509 -CA ca.pem -CAkey ca.key {key} -subj /CN={name} -addext subjectAltName=DNS:{name},IP:{address} \
             -addext basicConstraints=critical,CA:FALSE -keyout {name}.key -out {name}.pem"
        ),
    );
    let pki = host.dir().join("skydeck/pki");
    for (from, to) in [
        ("ca.pem".to_owned(), "ca-cert.pem"),
        (format!("{name}.pem"), "server-cert.pem"),
        (format!("{name}.key"), "server-key.pem"),
        (format!("{name}.pem"), "client-cert.pem"),
        (format!("{name}.key"), "client-key.pem"),
    ] {
        std::fs::copy(place.join(from), pki.join(to)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_is_encrypted_or_is_not_made() {
    let rack = Rack::start(2);
    for number in rack.numbers() {
        let host = rack.host(number);
        let file = host.dir().join("etc/qemu.conf");
        let text = std::fs::read_to_string(&file).unwrap();
        let own = format!("migrate_tls_x509_cert_dir = \"{PKI}\"\nmigrate_tls_x509_verify = 1\n");
        std::fs::write(&file, text + &own).unwrap();
        // libvirt insists on the directory, not on what is in it.
        std::fs::create_dir(host.dir().join("skydeck/pki")).unwrap();
        host.restart_libvirtd();
    }
    let settings = "[compute]\nlive_migration_with_native_tls = true\n";
    let none = |_| String::new();
    let cloud = RackCloud::start_on(rack, "report_interval = 1", settings, none).await;
    let stock = OpenStack::new(&cloud);
    let authority = tempfile::tempdir().unwrap();
    certify(&cloud, authority.path(), 1);
    let id = cloud.scripted("secret", 128, "#!/bin/sh\n").await;
    wait_ready(&cloud, &id, 1).await;

    // The other host has none.
    let migrate =
        format!("--os-compute-api-version 2.88 server migrate --live-migration --host h2 {id}");
    let list = "--os-compute-api-version 2.80 server migration list";
    stock.ok(&migrate);
    cloud.settled().await;
    assert_eq!(stock.json(list)[0]["Status"], "failed");
    assert_eq!(
        (cloud.running_on(1).len(), cloud.guests_on(2).len()),
        (1, 0)
    );
    let shown = stock.json(&format!("server show {id}"));
    assert_eq!(shown["status"], "ACTIVE", "{shown}");

    certify(&cloud, authority.path(), 2);
    stock.ok(&migrate);
    cloud.settled().await;
    assert_eq!(stock.json(list)[0]["Status"], "completed");
    assert_eq!(
        (cloud.guests_on(1).len(), cloud.running_on(2).len()),
        (0, 1)
    );
    cloud.delete(&id).await;
}
