//! A cloud of many simulated hosts: an agent for each in this process, with a connection to the broker of its own as it
//! would have on a machine of its own, and control processes beside it, whose use of the machine is theirs alone.
//!
//! All share one directory, one RabbitMQ and one MariaDB. Nothing listens but the broker and the database, on free ports
//! of the loopback; control processes are reached by their sockets. Everything ends with this process.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use skydeck::agent::Agent;
use skydeck::bus::Bus;
use skydeck::client::{Client, Clouds};
use skydeck::compute::wire::QuotaFields;
use skydeck::config::{Config, Sources};
use skydeck::hypervisor::Hypervisor;
use skydeck::hypervisor::sim::{SimConfig, SimHost};
use skydeck::image::wire::{Image, ImageCreate};
use skydeck::roles::node;
use sqlx::{AnyConnection, Row};

use crate::lab::broker::Broker;
use crate::lab::database::{self, Server};
use crate::lab::wait::{wait_for_async, wait_until};

/// The program under test.
const SKYDECK: &str = env!("CARGO_BIN_EXE_skydeck");
/// How long a start may take on a machine that compiles meanwhile.
const START: Duration = Duration::from_secs(60);

/// What a fleet is to be like.
pub struct Wish {
    /// Control processes.
    pub controls: usize,
    /// Hosts.
    pub hosts: usize,
    /// Seconds between a host's reports, and between its samples.
    pub interval: u64,
    /// Seconds without a report after which a host is down.
    pub down_after: u64,
}

/// A control process.
pub struct Control {
    /// Its process.
    pub child: Child,
    dir: PathBuf,
}

/// One host.
pub struct SimNode {
    /// Its name.
    pub name: String,
    /// What it drives.
    pub sim: Arc<SimHost>,
    /// Its connection.
    pub bus: Bus,
    _agent: Agent,
}

/// The cloud. Fields are dropped in order: agents before what they speak to.
pub struct Fleet {
    /// Its hosts.
    pub nodes: Vec<SimNode>,
    /// Its control processes.
    pub controls: Vec<Control>,
    /// For questions that the cloud is not to be asked.
    pub sql: AnyConnection,
    broker: Broker,
    _database: Server,
    url: String,
    wish: Wish,
    dir: tempfile::TempDir,
}

impl Fleet {
    /// Starts it, and waits until all hosts are up.
    pub async fn start(wish: Wish) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (database, url) = database::mariadb().await;
        let broker = tokio::task::block_in_place(Broker::start);
        let mut fleet = Self {
            nodes: Vec::new(),
            controls: Vec::new(),
            sql: database::connect(&url).await,
            broker,
            _database: database,
            url,
            dir,
            wish,
        };
        for _ in 0..fleet.wish.controls {
            fleet.add_control();
        }
        for number in 1..=fleet.wish.hosts {
            let node = fleet.node(number);
            fleet.nodes.push(node);
        }
        let hosts = i64::try_from(fleet.wish.hosts).unwrap();
        wait_for_async("all hosts to be up", START * 5, async || {
            (fleet.hosts_up().await == hosts).then_some(())
        })
        .await;
        fleet
    }

    /// Starts one more control process.
    pub fn add_control(&mut self) {
        let number = self.controls.len();
        let dir = self.dir.path().join(format!("control{number}"));
        let images = self.dir.path().join("images");
        std::fs::create_dir(&dir).unwrap();
        let Wish {
            interval,
            down_after,
            ..
        } = self.wish;
        let text = format!(
            "data_dir = {:?}\n[database]\nurl = {:?}\n[bus]\nurl = {:?}\n[api]\nlisten = [\"unix:\"]\n[image]\ndir = {images:?}\n\
             [agent]\nenabled = false\nhost = \"control{number}\"\nreport_interval = {interval}\ndown_after = {down_after}\n",
            dir.join("data"),
            self.url,
            self.broker.url("/"),
        );
        let config = dir.join("config.toml");
        std::fs::write(&config, text).unwrap();
        let log = File::create(dir.join("log")).unwrap();
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", SKYDECK, "server", "--config"])
            .arg(config)
            .env("XDG_CONFIG_HOME", &dir)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("util-linux");
        let mut control = Control { child, dir };
        wait_until("a control process to serve", START, || control.serves());
        self.controls.push(control);
    }

    fn node(&self, number: usize) -> SimNode {
        let name = format!("sim-{number:04}");
        let dir = self.dir.path().join(&name);
        std::fs::create_dir(&dir).unwrap();
        let interval = self.wish.interval.to_string();
        let flags = [
            ("bus.url", self.broker.url("/")),
            ("data_dir", dir.display().to_string()),
            ("agent.host", name.clone()),
            ("agent.report_interval", interval.clone()),
            ("agent.sample_interval", interval),
        ];
        let config = Config::load(&Sources {
            flags: flags.map(|(key, value)| (key.to_owned(), value)).into(),
            ..Sources::default()
        })
        .expect("settings");
        let sim = SimHost::open(SimConfig {
            seed: number as u64,
            ..SimConfig::default()
        });
        let sim = Arc::new(sim.expect("a simulated host"));
        let bus = Bus::open(&config.bus, &name).expect("a bus");
        let (nobody, engine) = (uuid::Uuid::nil(), sim.clone());
        let agent = node::start_simulated(&name, &dir, &config, (&bus, nobody), engine);
        SimNode {
            name,
            sim,
            bus,
            _agent: agent.expect("an agent"),
        }
    }

    /// A new client of a control process with a session of its own, as the administrator.
    pub fn client(&self, control: usize) -> Client {
        let file = self.controls[0].dir.join("data/clouds.yaml");
        let clouds = Clouds::load_files(&[file]).expect("clouds.yaml");
        let config = clouds.get("skydeck").expect("the entry skydeck");
        Client::new(config.over_socket(self.controls[control].socket())).expect("a client")
    }

    /// Hosts that have reported lately.
    pub async fn hosts_up(&mut self) -> i64 {
        let down = self.wish.down_after * 1_000_000;
        self.number(&format!(
            "SELECT COUNT(*) FROM host WHERE reported_at > CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED) - {down}"
        ))
        .await
    }

    /// The one number that a query has.
    pub async fn number(&mut self, query: &str) -> i64 {
        let query = sqlx::query(sqlx::AssertSqlSafe(query.to_owned()));
        let row = query.fetch_one(&mut self.sql).await.expect("a row");
        row.get(0)
    }

    /// Messages that wait in the hosts' own queues and in those that they share with each other and with control
    /// processes, by the queue.
    pub async fn waiting(&self) -> BTreeMap<String, u64> {
        let mut waiting = BTreeMap::new();
        for node in &self.nodes {
            for queue in node.bus.health().await.queues {
                waiting.insert(queue.name, queue.messages);
            }
        }
        let shown = self.client(0).bus_show().await.expect("the bus");
        for queue in shown.queues {
            waiting.insert(queue.name, queue.messages);
        }
        waiting.retain(|_, messages| *messages > 0);
        waiting
    }

    /// Which hosts have each guest.
    pub async fn guests(&self) -> BTreeMap<String, Vec<String>> {
        let mut guests: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for node in &self.nodes {
            for guest in node.sim.guests().await.expect("a simulated host answers") {
                let hosts = guests.entry(guest.id.to_string()).or_default();
                hosts.push(node.name.clone());
            }
        }
        guests
    }

    /// No limits to the administrator's project, and an image that boots nothing.
    pub async fn furnish(&self) -> Image {
        let client = self.client(0);
        let session = client.session().await.expect("a session");
        let quota = QuotaFields {
            instances: Some(-1),
            cores: Some(-1),
            ram: Some(-1),
            ..QuotaFields::default()
        };
        let project = session.project_id().expect("a project");
        client.quota_set(project, quota).await.expect("no limits");
        let file = self.dir.path().join("empty.raw");
        std::fs::write(&file, vec![0; 1 << 20]).unwrap();
        let create = ImageCreate {
            name: Some("empty".into()),
            disk_format: Some("raw".into()),
            container_format: Some("bare".into()),
            ..ImageCreate::default()
        };
        let image = client.image_create(&create).await.expect("an image");
        client
            .image_upload(&image.id, &file, Arc::new(|_, _| {}))
            .await
            .expect("its bytes");
        wait_for_async("the image to be active", START, async || {
            let image = client.image_show(&image.id).await.expect("the image");
            (image.status == "active").then_some(image)
        })
        .await
    }
}

impl Control {
    fn socket(&self) -> PathBuf {
        self.dir.join("data/api.sock")
    }

    /// Whether it serves; panics with its last words if it has ended.
    fn serves(&mut self) -> bool {
        if let Some(status) = self.child.try_wait().unwrap() {
            let said = std::fs::read_to_string(self.dir.join("log")).unwrap_or_default();
            panic!("the control process ended with {status}: {said}");
        }
        UnixStream::connect(self.socket()).is_ok()
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.dir.join("log");
            eprintln!("{}:\n{}", log.display(), last_lines(&read(&log)));
        }
    }
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
