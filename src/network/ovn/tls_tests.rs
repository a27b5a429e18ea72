//! TLS to a real OVSDB server, with certificates that Open vSwitch's own `ovs-pki` made.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::*;
use crate::config::Remote;
use crate::network::ovn::{Northbound, Outcome, Want};

/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Two authorities that know nothing of each other, of which the first one has signed for `server`, `client` and `other`, and
/// the second one for `stranger`; and a server.
struct Deployment {
    dir: TempDir,
    server: Child,
    port: u16,
}

impl Deployment {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let pki = |line: &[&str]| {
            let own = ["--batch", "--dir=pki", "--log=pki.log"];
            run(dir.path(), "ovs-pki", &[own.as_slice(), line].concat());
        };
        pki(&["init"]);
        for (name, authority) in [
            ("server", "controller"),
            ("client", "controller"),
            ("other", "controller"),
            ("stranger", "switch"),
        ] {
            pki(&["req+sign", name, authority]);
        }
        let schema = "/usr/share/ovn/ovn-nb.ovsschema";
        run(dir.path(), "ovsdb-tool", &["create", "nb.db", schema]);
        let server = Command::new("ovsdb-server")
            .args([
                "--private-key=server-privkey.pem",
                "--certificate=server-cert.pem",
            ])
            .args(["--ca-cert=pki/controllerca/cacert.pem", "--unixctl=nb.ctl"])
            .args(["--remote=pssl:0:127.0.0.1", "--remote=punix:nb.sock"])
            .args(["--log-file=server.log", "nb.db"])
            .env("OVS_RUNDIR", dir.path())
            .current_dir(dir.path())
            .stderr(Stdio::null())
            .spawn();
        let mut deployment = Self {
            server: server.unwrap(),
            port: 0,
            dir,
        };
        deployment.port = deployment.listening();
        let socket = deployment.path("nb.sock").display().to_string();
        let database = format!("--db=unix:{socket}");
        run(deployment.dir.path(), "ovn-nbctl", &[&database, "init"]);
        deployment
    }

    /// The port that the server has chosen.
    fn listening(&self) -> u16 {
        let start = Instant::now();
        loop {
            let log = fs::read_to_string(self.path("server.log")).unwrap_or_default();
            let mut lines = log.lines();
            let said = lines.find_map(|line| line.split_once("127.0.0.1: listening on port "));
            if let Some((_, port)) = said {
                return port.trim().parse().unwrap();
            }
            assert!(start.elapsed() < PATIENCE, "it listens nowhere: {log}");
            std::thread::yield_now();
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn read(&self, authority: &str, certificate: &str, key: &str) -> Result<Identity, String> {
        let [authority, certificate, key] =
            [authority, certificate, key].map(|name| self.path(name));
        Identity::read(&authority, &certificate, &key)
    }

    /// What comes of telling the database something as this one, believing that authority.
    async fn told(&self, who: &str, authority: &str, host: &str) -> Result<Outcome, String> {
        let authority = format!("pki/{authority}ca/cacert.pem");
        let (certificate, key) = (format!("{who}-cert.pem"), format!("{who}-privkey.pem"));
        let identity = self.read(&authority, &certificate, &key)?;
        let remote = Remote::Tls(host.to_owned(), self.port);
        let northbound = Northbound::new(vec![remote], Some(identity));
        let made = northbound.make(1, &Want::default()).await;
        made.map_err(|error| error.to_string())
    }
}

fn run(directory: &Path, program: &str, arguments: &[&str]) {
    let done = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .output();
    let done = done.unwrap_or_else(|error| panic!("{program}: {error}"));
    let complaint = String::from_utf8_lossy(&done.stderr);
    assert!(
        done.status.success(),
        "{program} {arguments:?}: {complaint}"
    );
}

impl Drop for Deployment {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[tokio::test]
async fn a_server_and_we_believe_who_has_a_certificate_of_the_authority_and_nobody_else() {
    let deployment = Deployment::start();
    // Whatever the server is called.
    for host in ["127.0.0.1", "localhost"] {
        let made = deployment.told("client", "controller", host).await;
        assert_eq!(made, Ok(Outcome::Made(0)), "{host}");
    }
    let wrong = deployment.told("client", "switch", "127.0.0.1").await;
    let wrong = wrong.unwrap_err();
    assert!(
        wrong.contains("ssl:127.0.0.1") && wrong.contains("ovn_ca"),
        "{wrong}"
    );
    let refused = deployment.told("stranger", "controller", "127.0.0.1").await;
    let refused = refused.unwrap_err();
    assert!(
        refused.contains("ssl:127.0.0.1") && refused.contains("ovn_certificate"),
        "{refused}"
    );

    // Files that are none of those.
    fs::write(deployment.path("empty.pem"), "").unwrap();
    let (ca, certificate, key) = (
        "pki/controllerca/cacert.pem",
        "client-cert.pem",
        "client-privkey.pem",
    );
    for (files, said) in [
        (["missing", certificate, key], ["ovn_ca", "missing"]),
        ([ca, "missing", key], ["ovn_certificate", "missing"]),
        ([ca, certificate, "missing"], ["ovn_key", "missing"]),
        (
            ["empty.pem", certificate, key],
            ["ovn_ca", "no certificate"],
        ),
        (
            [ca, "empty.pem", key],
            ["ovn_certificate", "no certificate"],
        ),
        ([ca, certificate, certificate], ["ovn_key", certificate]),
        (
            [ca, certificate, "other-privkey.pem"],
            ["ovn_certificate", "other-privkey.pem"],
        ),
    ] {
        let [authority, certificate, key] = files;
        let Err(wrong) = deployment.read(authority, certificate, key) else {
            panic!("{files:?} are taken");
        };
        assert!(said.iter().all(|part| wrong.contains(part)), "{wrong}");
    }
}
