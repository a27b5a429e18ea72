//! A whole cloud for one test.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::world::World;
use crate::agent::{Agent, Node, Pace, Places};
use crate::bus::{Bus, Serving};
use crate::compute::conductor::Conductor;
use crate::compute::model::{NewFlavor, Server, ServerQuery, VmState};
use crate::compute::ops as compute;
use crate::compute::ops::{NetworkChoice, NewServer, NicRequest};
use crate::compute::rpc::CONDUCTOR;
use crate::context::{Actor, Cloud, Context, Rank, Scope};
use crate::db::{Db, sql};
use crate::hypervisor::sim::{SimConfig, SimHost};
use crate::ids::{
    DomainId, ImageId, NetworkId, OperationId, ProjectId, ServerId, UserId, VolumeId,
};
use crate::image::model::{ImageFormat, ImageQuery};
use crate::image::ops as image;
use crate::image::ops::{Announced, NewImage, Purpose};
use crate::network::model::{NewNetwork, NewSubnet, PortQuery};
use crate::network::ops as network;
use crate::reconcile::Reconcilers;
use crate::roles::services;
use crate::saga::{Engine, Operation, Phase, Status, Verdict, operation_show};
use crate::volume::model::{SnapshotQuery, VolumeQuery, VolumeStatus};
use crate::volume::ops as volume;
use crate::volume::ops::{NewVolume, VolumeDeletion, VolumeSource};

/// The node's name.
pub const HOST: &str = "n1";
/// The name of the second node, if there is one: it is smaller, so that servers are launched on the first.
pub const SECOND: &str = "n2";
/// 1 processor, 512 MiB, 1 GiB.
pub const SMALL: &str = "small";
/// 2 processors, 1024 MiB, 3 GiB.
pub const LARGE: &str = "large";

/// What is to happen to a step, by kind, name, phase and how often it was begun before.
pub type Script = dyn Fn(&str, &str, Phase, usize) -> Verdict + Send + Sync;

/// The script in force, and how often each step was begun under it.
#[derive(Default)]
struct Stage {
    script: Option<Box<Script>>,
    begun: HashMap<(String, String, Phase), usize>,
}

/// A cloud.
pub struct Lab {
    pub dir: tempfile::TempDir,
    pub cloud: Arc<Cloud>,
    /// A member of a project.
    pub cx: Context,
    pub sim: SimHost,
    /// The second node.
    pub second: Option<SimHost>,
    pub image: ImageId,
    pub network: NetworkId,
    agent: Mutex<Option<Agent>>,
    second_agent: Mutex<Option<Agent>>,
    plane: Plane,
    companion: Mutex<Option<Companion>>,
}

/// A control process.
struct Plane {
    cloud: Arc<Cloud>,
    stage: Arc<Mutex<Stage>>,
    _engine: Engine,
    _reconcilers: Reconcilers,
    _conductor: Serving,
}

/// A further control process, on a runtime of its own: when this is dropped, it dies in the middle of whatever it is at.
struct Companion {
    plane: Plane,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Companion {
    async fn start(dir: &Path, bus: Bus) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let dir = dir.to_owned();
        let plane = runtime.spawn(async move {
            let db = Db::open(&crate::db::testing::url(&dir)).await.unwrap();
            Plane::start("c2", &dir, db, bus, SHARED).await
        });
        Self {
            plane: plane.await.unwrap(),
            runtime: Some(runtime),
        }
    }
}

impl Drop for Companion {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Settings of a control process that has a companion. Each is told that its database is one for several, whatever it is.
const SHARED: &[(&str, &str)] = &[
    ("database.url", "mysql://for-several/"),
    ("operations.lease_seconds", "2"),
];

impl Plane {
    /// Starts one of this name with its files in this directory.
    async fn start(name: &str, dir: &Path, db: Db, bus: Bus, settings: &[(&str, &str)]) -> Self {
        // Any host is made dead by doing nothing.
        // Worlds are compared: their networks have one number.
        let usual = [
            ("compute.fencing_command", "/bin/true"),
            ("network.vni_range", "1000:1000"),
        ];
        let settings = [&usual, settings].concat();
        let (cloud, kicks) = crate::context::testing::on_bus(bus, dir, db, &settings);
        let mut table = Conductor::new(cloud.clone());
        services::conduct(&mut table);
        let conductor = cloud.bus.serve(CONDUCTOR, name, Arc::new(table));
        let stage: Arc<Mutex<Stage>> = Arc::default();
        let played = stage.clone();
        let chaos = Arc::new(move |kind: &str, step: &str, phase: Phase| {
            let mut stage = played.lock().unwrap();
            let key = (kind.to_owned(), step.to_owned(), phase);
            let Stage { script, begun } = &mut *stage;
            let Some(script) = script else {
                return Verdict::Normal;
            };
            let count = begun.entry(key).or_default();
            *count += 1;
            script(kind, step, phase, *count - 1)
        });
        let engine = Engine::start(cloud.clone(), services::sagas(), kicks, Some(chaos))
            .await
            .unwrap();
        let reconcilers = Reconcilers::start(&cloud, services::periodic(), services::own());
        Self {
            cloud,
            stage,
            _engine: engine,
            _reconcilers: reconcilers,
            _conductor: conductor,
        }
    }
}

impl Lab {
    pub async fn new() -> Self {
        Self::made(false, &[]).await
    }

    /// A cloud with a second node.
    pub async fn with_second() -> Self {
        Self::made(true, &[]).await
    }

    /// The same with a second control process, too.
    pub async fn with_companion() -> Self {
        let lab = Self::made(true, SHARED).await;
        lab.companion_start().await;
        lab
    }

    /// The second control process, if there is one, dies as by `kill -9`, and another one takes its place.
    pub async fn companion_restart(&self) {
        if self.companion.lock().unwrap().take().is_some() {
            self.companion_start().await;
        }
    }

    async fn companion_start(&self) {
        let started = Companion::start(self.dir.path(), self.cloud.bus.clone()).await;
        *self.companion.lock().unwrap() = Some(started);
    }

    /// The member of the project and the control plane itself, through the second control process if there is one.
    pub fn through_companion(&self) -> (Context, Context) {
        let companion = self.companion.lock().unwrap();
        let cloud = companion
            .as_ref()
            .map_or(&self.cloud, |other| &other.plane.cloud);
        let actor = Actor::clone(&self.cx.actor);
        let cx = Context::new(cloud.clone(), actor, "req-member");
        (cx, Context::system(cloud.clone()))
    }

    async fn made(second: bool, settings: &[(&str, &str)]) -> Self {
        let (dir, db) = crate::db::testing::fresh().await;
        let plane = Plane::start("c1", dir.path(), db, Bus::local(), settings).await;
        let cloud = plane.cloud.clone();
        let config = SimConfig {
            deadline: Duration::from_millis(200),
            name: HOST.into(),
            ..SimConfig::default()
        };
        let smaller = SimConfig {
            name: SECOND.into(),
            memory_mb: config.memory_mb / 8,
            ..config.clone()
        };
        let cx = Context::new(cloud.clone(), actor("member", Rank::Member), "req-member");
        let admin = Context::new(cloud.clone(), actor("admin", Rank::Admin), "req-admin");
        flavors(&admin).await;
        // Made when a project first needs it, and never gone again: worlds are compared with it.
        network::security_group_list(&cx).await.unwrap();
        let lab = Self {
            image: upload(&cx, "tiny", bytes()).await,
            network: network(&cx).await,
            dir,
            cx,
            sim: SimHost::open(config).unwrap(),
            second: second.then(|| SimHost::open(smaller).unwrap()),
            agent: Mutex::default(),
            second_agent: Mutex::default(),
            plane,
            companion: Mutex::default(),
            cloud,
        };
        lab.nodes_start().await;
        lab
    }

    /// Starts the nodes and waits for their reports.
    async fn nodes_start(&self) {
        self.agent_start();
        self.second_start();
        let nodes = if self.second.is_some() { 2 } else { 1 };
        self.until("the nodes report", async || {
            let hosts =
                self.count("host", "1 = 1").await + self.count("volume_host", "1 = 1").await;
            (hosts == 2 * nodes).then_some(())
        })
        .await;
    }

    /// The same cloud on a copy of its database, as `skydeck db copy` makes it: another control process, the same nodes.
    pub async fn on_a_copy(self, to: &str) -> Self {
        self.agent_stop();
        self.second_stop();
        compute::control_leave(&self.system()).await.unwrap();
        let from = crate::db::testing::url(self.dir.path());
        drop(self.plane);
        self.cloud.db.close().await;
        crate::db::copy(&from, to, |_| ()).await.unwrap();
        let db = Db::open(to).await.unwrap();
        let plane = Plane::start("c1", self.dir.path(), db, Bus::local(), &[]).await;
        let cloud = plane.cloud.clone();
        let lab = Self {
            cx: Context::new(cloud.clone(), Actor::clone(&self.cx.actor), "req-member"),
            plane,
            companion: Mutex::default(),
            cloud,
            dir: self.dir,
            sim: self.sim,
            second: self.second,
            image: self.image,
            network: self.network,
            agent: Mutex::default(),
            second_agent: Mutex::default(),
        };
        lab.nodes_start().await;
        lab
    }

    /// Starts the node's agent; one that runs is stopped, as by `kill -9`.
    pub fn agent_start(&self) {
        let mut slot = self.agent.lock().unwrap();
        drop(slot.take());
        *slot = Some(self.agent_of(HOST, "node", &self.sim));
    }

    /// The same with the second node, if there is one.
    pub fn second_start(&self) {
        let Some(sim) = &self.second else { return };
        let mut slot = self.second_agent.lock().unwrap();
        drop(slot.take());
        *slot = Some(self.agent_of(SECOND, "second", sim));
    }

    fn agent_of(&self, name: &str, dir: &str, sim: &SimHost) -> Agent {
        let places = Places::prepare(&self.dir.path().join(dir)).unwrap();
        let node = Node::new(name, Arc::new(sim.clone()), places, self.cloud.bus.clone());
        let pace = Pace {
            report: Duration::from_millis(100),
            sample: Duration::from_secs(3600),
        };
        Agent::start(&self.cloud.bus, &Arc::new(node), pace)
    }

    /// The control plane itself.
    pub fn system(&self) -> Context {
        Context::system(self.cloud.clone())
    }

    /// Stops the node's agent.
    pub fn agent_stop(&self) {
        drop(self.agent.lock().unwrap().take());
    }

    /// The second node's agent dies.
    pub fn second_stop(&self) {
        drop(self.second_agent.lock().unwrap().take());
    }

    /// From now on steps meet what `script` says.
    pub fn play(
        &self,
        script: impl Fn(&str, &str, Phase, usize) -> Verdict + Send + Sync + 'static,
    ) {
        *self.plane.stage.lock().unwrap() = Stage {
            script: Some(Box::new(script)),
            begun: HashMap::new(),
        };
    }

    /// Steps are left alone.
    pub fn play_nothing(&self) {
        *self.plane.stage.lock().unwrap() = Stage::default();
    }

    /// Waits until there is something, looking whenever something changes.
    pub async fn until<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let mut events = self.cloud.events.watch();
        let wait = async {
            loop {
                if let Some(found) = look().await {
                    return found;
                }
                let _ = tokio::time::timeout(Duration::from_millis(20), events.recv()).await;
            }
        };
        match tokio::time::timeout(Duration::from_secs(60), wait).await {
            Ok(found) => found,
            Err(_) => panic!("not within a minute: {what}\n{}", self.open().await),
        }
    }

    /// What is under way, for messages.
    pub async fn open(&self) -> String {
        let mut conn = self.cloud.db.read().await.unwrap();
        let rows = sql(
            "SELECT kind || ' ' || status || ' at ' || step_name || ', attempt ' || attempt || ': ' || COALESCE(error, '') \
             FROM operation WHERE finished_at IS NULL",
        )
        .all(&mut conn, crate::db::Row::take::<String>)
        .await
        .unwrap();
        rows.join("\n")
    }

    /// The operation once it has ended, or is stuck.
    pub async fn ended(&self, id: OperationId) -> Operation {
        let system = Context::system(self.cloud.clone());
        self.until("the operation ends", async || {
            let operation = operation_show(&system, id).await.unwrap();
            (operation.status.is_finished() || operation.status == Status::Stuck)
                .then_some(operation)
        })
        .await
    }

    /// Waits until no operation is open.
    pub async fn quiet(&self) {
        self.until("no operation is open", async || {
            (self.count("operation_lock", "1 = 1").await == 0
                && self.count("operation", "finished_at IS NULL").await == 0)
                .then_some(())
        })
        .await;
    }

    pub async fn count(&self, table: &str, condition: &str) -> i64 {
        let mut conn = self.cloud.db.read().await.unwrap();
        sql(format!("SELECT COUNT(*) FROM {table} WHERE {condition}"))
            .scalar(&mut conn)
            .await
            .unwrap()
    }

    pub async fn world(&self) -> World {
        World::of(self).await
    }

    pub fn request(&self, name: &str) -> NewServer {
        NewServer {
            name: name.into(),
            flavor: SMALL.into(),
            image: Some(self.image),
            networks: NetworkChoice::These(vec![NicRequest {
                network: Some(self.network),
                ..NicRequest::default()
            }]),
            count: (1, 1),
            ..NewServer::default()
        }
    }

    /// A server that runs.
    pub async fn active(&self, name: &str) -> Server {
        let made = compute::server_create(&self.cx, self.request(name))
            .await
            .unwrap();
        self.quiet().await;
        let server = self.server(made[0].id).await;
        assert_eq!(server.vm_state, VmState::Active, "{:?}", server.fault);
        server
    }

    pub async fn server(&self, id: ServerId) -> Server {
        compute::server_show(&self.cx, id).await.unwrap().server
    }

    /// A volume that can be used.
    pub async fn volume(&self) -> VolumeId {
        let new = NewVolume {
            size_gb: Some(1),
            source: VolumeSource::Empty,
            ..NewVolume::default()
        };
        let id = volume::volume_create(&self.cx, new).await.unwrap().id;
        self.quiet().await;
        let made = volume::volume_show(&self.cx, id).await.unwrap();
        assert_eq!(made.status, VolumeStatus::Available, "{:?}", made.error);
        id
    }

    /// An image of its own.
    pub async fn upload(&self, name: &str) -> ImageId {
        upload(&self.cx, name, bytes()).await
    }

    /// An image with these bytes.
    pub async fn upload_bytes(&self, name: &str, bytes: bytes::Bytes) -> ImageId {
        upload(&self.cx, name, bytes).await
    }

    /// Deletes all that the project has, but what the lab began with.
    pub async fn delete_all(&self) {
        let cx = &self.cx;
        let project = cx.project().unwrap().id;
        let query = ServerQuery {
            project: Some(project),
            deleted: Some(false),
            limit: 1000,
            ..ServerQuery::default()
        };
        for server in compute::server_list_brief(cx, query).await.unwrap() {
            compute::server_delete(cx, server.id).await.unwrap();
        }
        self.quiet().await;
        let query = SnapshotQuery {
            limit: 1000,
            ..SnapshotQuery::default()
        };
        for snapshot in volume::snapshot_list(cx, query).await.unwrap() {
            volume::snapshot_delete(cx, snapshot.id).await.unwrap();
            self.quiet().await;
        }
        let query = VolumeQuery {
            limit: 1000,
            ..VolumeQuery::default()
        };
        for found in volume::volume_list(cx, query).await.unwrap() {
            volume::volume_delete(cx, found.id, VolumeDeletion::default())
                .await
                .unwrap();
        }
        for found in image::image_list(
            cx,
            ImageQuery {
                limit: 1000,
                ..ImageQuery::default()
            },
        )
        .await
        .unwrap()
        {
            if found.id != self.image {
                image::image_delete(cx, found.id).await.unwrap();
            }
        }
        for port in network::port_list(cx, PortQuery::default()).await.unwrap() {
            if port.device_owner.is_empty() {
                network::port_delete(cx, port.id).await.unwrap();
            }
        }
        self.quiet().await;
    }
}

fn actor(name: &str, rank: Rank) -> Actor {
    Actor {
        user: Some(UserId::new()),
        user_name: name.into(),
        project: Some(Scope {
            id: ProjectId::new(),
            name: name.into(),
            domain_id: DomainId::new(),
        }),
        rank: Some(rank),
    }
}

async fn flavors(admin: &Context) {
    for (id, vcpus, memory_mb, disk_gb) in [(SMALL, 1, 512, 1), (LARGE, 2, 1024, 3)] {
        let flavor = NewFlavor {
            id: Some(id.into()),
            name: id.into(),
            vcpus,
            memory_mb,
            disk_gb,
            ephemeral_gb: 0,
            swap_mb: 0,
            rxtx_factor: 1.0,
            is_public: true,
            description: None,
        };
        compute::flavor_create(admin, flavor).await.unwrap();
    }
}

/// A disk image without content; its first bytes are no other format's.
pub fn bytes() -> bytes::Bytes {
    bytes::Bytes::from(vec![0x5a_u8; 4096])
}

async fn upload(cx: &Context, name: &str, bytes: bytes::Bytes) -> ImageId {
    let id = empty_image(cx, name).await;
    let body = futures::stream::iter([Ok::<_, std::io::Error>(bytes)]);
    image::image_upload(cx, id, Purpose::Data, Announced::default(), body)
        .await
        .unwrap();
    id
}

/// An image that waits for its bytes.
pub async fn empty_image(cx: &Context, name: &str) -> ImageId {
    let new = NewImage {
        name: name.into(),
        disk_format: Some(ImageFormat::Raw),
        container_format: Some("bare".into()),
        ..NewImage::default()
    };
    image::image_create(cx, new).await.unwrap().id
}

async fn network(cx: &Context) -> NetworkId {
    let new = NewNetwork {
        name: "net".into(),
        ..NewNetwork::default()
    };
    let network = network::network_create(cx, new).await.unwrap();
    let subnet = NewSubnet {
        network: network.id,
        name: String::new(),
        description: String::new(),
        cidr: "10.9.0.0/22".parse().unwrap(),
        gateway: None,
        // The port of a network's DHCP comes with its first guest and stays, which is no residue.
        dhcp: false,
        address_mode: None,
        ra_mode: None,
        dns: Vec::new(),
        pools: None,
        routes: Vec::new(),
    };
    network::subnet_create(cx, subnet).await.unwrap();
    network.id
}
