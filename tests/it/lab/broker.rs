//! A RabbitMQ of one test's own, as Debian packages it, on free ports of the loopback or of another address.
//!
//! It has a user, a few virtual hosts, and a second listener with TLS by a private CA that wants a certificate of its
//! clients. Its data survives [`Broker::kill`]. It runs in a namespace of processes whose first one waits on a pipe that
//! this process holds: when the pipe closes, by `Drop` or because the process died, everything of it ends, Erlang's own
//! daemon included. Starting takes seconds: one per test at most.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use sha2::{Digest, Sha256};

use super::wait::wait_until;

/// The program, as Debian has it.
const PROGRAM: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";
/// What starts it.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/lab/broker.sh");
/// How long a start may take on a machine that compiles meanwhile.
const START: Duration = Duration::from_secs(180);
/// Its user's password; nothing else may be called so, for it is looked for in logs.
pub const PASSWORD: &str = "qxr7-of-the-bus";
/// Virtual hosts that it has.
const VHOSTS: [&str; 4] = ["/", "suite", "restart", "tls"];

/// A broker; ends when dropped.
pub struct Broker {
    dir: tempfile::TempDir,
    /// Where it listens.
    address: Ipv4Addr,
    /// Plain, TLS, Erlang's own, and that of its port mapper.
    ports: [u16; 4],
    running: Option<Child>,
}

impl Broker {
    /// A new one on the loopback, which answers.
    pub fn start() -> Self {
        Self::start_on(Ipv4Addr::LOCALHOST)
    }

    /// A new one that others reach, too, on this address of the machine.
    pub fn start_on(address: Ipv4Addr) -> Self {
        assert!(
            Path::new(PROGRAM).exists(),
            "there is no RabbitMQ: `make setup-test` installs it"
        );
        let free = [(); 4].map(|()| TcpListener::bind((address, 0)).unwrap());
        let mut broker = Self {
            dir: tempfile::tempdir().unwrap(),
            address,
            ports: free
                .each_ref()
                .map(|port| port.local_addr().unwrap().port()),
            running: None,
        };
        drop(free);
        broker.write();
        broker.boot();
        broker
    }

    /// Where it is, for its user.
    pub fn url(&self, vhost: &str) -> String {
        self.url_with("amqp", PASSWORD, vhost)
    }

    /// Where it is, plain or with TLS, for its user with this password.
    pub fn url_with(&self, scheme: &str, password: &str, vhost: &str) -> String {
        let port = match scheme {
            "amqps" => self.ports[1],
            _ => self.ports[0],
        };
        let vhost = vhost.replace('/', "%2f");
        format!("{scheme}://sky:{password}@{}:{port}/{vhost}", self.address)
    }

    /// A file of the private CA: `ca.pem`, `client.pem`, `client.key`; `other.pem` is another CA.
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Starts it, or starts it again, and waits until it answers.
    pub fn boot(&mut self) {
        let out = fs::File::create(self.file("out.log")).unwrap();
        let [.., erlang, mapper] = self.ports;
        let mut command = Command::new(SCRIPT);
        command
            .arg(self.dir.path())
            .args([erlang.to_string(), mapper.to_string()])
            .stdin(Stdio::piped())
            .stdout(out.try_clone().unwrap())
            .stderr(out);
        self.running = Some(command.spawn().expect("util-linux"));
        let place = (self.address, self.ports[0]);
        wait_until("RabbitMQ to answer", START, || {
            let running = self.running.as_mut().unwrap();
            if let Some(status) = running.try_wait().unwrap() {
                let said = fs::read_to_string(self.dir.path().join("out.log"));
                panic!("RabbitMQ ended with {status}: {}", said.unwrap_or_default());
            }
            TcpStream::connect(place).is_ok()
        });
    }

    /// Waits until this queue of a virtual host would survive [`Broker::kill`]: RabbitMQ 3.10 keeps the list of its quorum
    /// queues in memory for up to three seconds, and one that is not on disk by then never gets a leader again.
    pub fn settle(&self, vhost: &str, queue: &str) {
        let list = "data/skydeck@localhost/quorum/skydeck@localhost/names.dets";
        let name = match vhost {
            "/" => format!("%2F_{queue}"),
            vhost => format!("{vhost}_{queue}"),
        };
        wait_until("the queue to be on disk", START, || {
            let bytes = fs::read(self.file(list)).unwrap_or_default();
            bytes
                .windows(name.len())
                .any(|window| window == name.as_bytes())
        });
    }

    /// Ends it at once, as by a power cut.
    pub fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            drop(running.stdin.take());
            running.wait().unwrap();
        }
    }

    fn write(&self) {
        let hash = {
            let salt = b"salt";
            let digest = Sha256::digest([&salt[..], PASSWORD.as_bytes()].concat());
            base64::prelude::BASE64_STANDARD.encode([&salt[..], &digest[..]].concat())
        };
        let all = |vhost: &str| serde_json::json!({"user": "sky", "vhost": vhost, "configure": ".*", "write": ".*", "read": ".*"});
        let definitions = serde_json::json!({
            "users": [{"name": "sky", "password_hash": hash, "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": []}],
            "vhosts": VHOSTS.map(|vhost| serde_json::json!({"name": vhost})),
            "permissions": VHOSTS.map(all),
        });
        let place = |name: &str| self.file(name).display().to_string();
        let [plain, tls, ..] = self.ports;
        let address = self.address;
        let settings = format!(
            "listeners.tcp.1 = {address}:{plain}\n\
             listeners.ssl.1 = {address}:{tls}\n\
             ssl_options.cacertfile = {}\n\
             ssl_options.certfile = {}\n\
             ssl_options.keyfile = {}\n\
             ssl_options.verify = verify_peer\n\
             ssl_options.fail_if_no_peer_cert = true\n\
             load_definitions = {}\n\
             disk_free_limit.absolute = 1MB\n\
             raft.wal_max_size_bytes = 4194304\n",
            place("ca.pem"),
            place("server.pem"),
            place("server.key"),
            place("definitions.json"),
        );
        for (name, text) in [
            ("definitions.json", definitions.to_string()),
            ("rabbitmq.conf", settings),
        ] {
            fs::write(self.file(name), text).unwrap();
        }
        let (ca, _) = authority("other");
        fs::write(self.file("other.pem"), ca).unwrap();
        let (ca, issuer) = authority("private");
        fs::write(self.file("ca.pem"), ca).unwrap();
        for name in ["server", "client"] {
            let key = KeyPair::generate().unwrap();
            let names = vec!["localhost".to_owned(), address.to_string()];
            let parameters = CertificateParams::new(names).unwrap();
            let certificate = parameters.signed_by(&key, &issuer).unwrap();
            fs::write(self.file(&format!("{name}.pem")), certificate.pem()).unwrap();
            fs::write(self.file(&format!("{name}.key")), key.serialize_pem()).unwrap();
        }
    }
}

/// A CA of its own: its certificate, and what signs with it.
fn authority(name: &str) -> (String, Issuer<'static, KeyPair>) {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    (certificate.pem(), Issuer::new(parameters, key))
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}
