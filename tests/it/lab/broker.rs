//! A RabbitMQ of one test's own, as Debian packages it, on free ports of the loopback.
//!
//! It has a user, a few virtual hosts, and a second listener with TLS by a private CA that wants a certificate of its
//! clients. Its data survives [`Broker::kill`]. It runs in a namespace of processes whose first one waits on a pipe that
//! this process holds: when the pipe closes, by `Drop` or because the process died, everything of it ends, Erlang's own
//! daemon included. Starting takes seconds: one per test at most.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use sha2::{Digest, Sha256};

use super::wait::wait_until;

/// The program, past Debian's wrapper, which would change to another user.
const PROGRAM: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";
/// How long a start may take on a machine that compiles meanwhile.
const START: Duration = Duration::from_secs(180);
/// Its user's password; nothing else may be called so, for it is looked for in logs.
pub const PASSWORD: &str = "qxr7-of-the-bus";
/// Virtual hosts that it has.
const VHOSTS: [&str; 4] = ["/", "suite", "restart", "tls"];

/// A broker; ends when dropped.
pub struct Broker {
    dir: tempfile::TempDir,
    /// Plain, TLS, Erlang's own, and that of its port mapper.
    ports: [u16; 4],
    running: Option<Child>,
}

impl Broker {
    /// A new one, which answers.
    pub fn start() -> Self {
        assert!(
            Path::new(PROGRAM).exists(),
            "there is no RabbitMQ: `make setup-test` installs it"
        );
        let free = [(); 4].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let mut broker = Self {
            dir: tempfile::tempdir().unwrap(),
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
        format!("{scheme}://sky:{password}@127.0.0.1:{port}/{vhost}")
    }

    /// A file of the private CA: `ca.pem`, `client.pem`, `client.key`; `other.pem` is another CA.
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Starts it, or starts it again, and waits until it answers.
    pub fn boot(&mut self) {
        let dir = self.dir.path();
        let out = fs::File::create(self.file("out.log")).unwrap();
        let mut command = Command::new("unshare");
        command
            .args(["--pid", "--fork", "--kill-child=KILL", "--mount-proc"])
            .args(["sh", "-c", &format!("{PROGRAM} </dev/null & read _ignored")])
            .stdin(Stdio::piped())
            .stdout(out.try_clone().unwrap())
            .stderr(out)
            .env("HOME", dir)
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("ERL_EPMD_PORT", self.ports[3].to_string())
            .env("RABBITMQ_NODENAME", "skydeck@localhost")
            .env("RABBITMQ_DIST_PORT", self.ports[2].to_string())
            // One thread that sleeps when there is nothing to do: tests run side by side.
            .env(
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                "+S 1:1 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}",
            );
        for (name, file) in [
            ("CONF_ENV_FILE", "none"),
            ("CONFIG_FILE", "rabbitmq.conf"),
            ("ENABLED_PLUGINS_FILE", "plugins"),
            ("LOG_BASE", "log"),
            ("MNESIA_BASE", "data"),
            ("PID_FILE", "pid"),
        ] {
            command.env(format!("RABBITMQ_{name}"), dir.join(file));
        }
        self.running = Some(command.spawn().expect("util-linux"));
        let place = ("127.0.0.1", self.ports[0]);
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
        let settings = format!(
            "listeners.tcp.1 = 127.0.0.1:{plain}\n\
             listeners.ssl.1 = 127.0.0.1:{tls}\n\
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
            ("plugins", "[].".into()),
        ] {
            fs::write(self.file(name), text).unwrap();
        }
        let (ca, _) = authority("other");
        fs::write(self.file("other.pem"), ca).unwrap();
        let (ca, issuer) = authority("private");
        fs::write(self.file("ca.pem"), ca).unwrap();
        for name in ["server", "client"] {
            let key = KeyPair::generate().unwrap();
            let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
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
