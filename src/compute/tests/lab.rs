//! A small cloud for one test: nodes, an engine, an image, a network, a flavor, and a member of a project.

use std::sync::Arc;
use std::time::Duration;

use super::node::TestNode;
use crate::bus::Serving;
use crate::compute::model::{NewFlavor, Server, ServerQuery, VmState};
use crate::compute::ops::{self, NetworkChoice, NewServer, NicRequest};
use crate::compute::{reconcile, sagas, store};
use crate::context::{Actor, Cloud, Context, Rank, Scope};
use crate::db::sql;
use crate::ids::{DomainId, ImageId, NetworkId, OperationId, ProjectId, ServerId, UserId};
use crate::image::model::ImageFormat;
use crate::image::ops::{Announced, NewImage, Purpose, image_create, image_upload};
use crate::network::model::{NewNetwork, NewSubnet};
use crate::network::ops::{network_create, subnet_create};
use crate::saga::{Chaos, Engine, Operation, Registry, Status, operation_show};

pub struct Lab {
    _dir: tempfile::TempDir,
    pub cloud: Arc<Cloud>,
    pub cx: Context,
    pub admin: Context,
    pub nodes: Vec<Arc<TestNode>>,
    pub serving: Vec<Serving>,
    pub image: ImageId,
    pub network: NetworkId,
    _engine: Engine,
}

/// The flavor that tests use: 1 processor, 512 MiB, 1 GiB.
pub const SMALL: &str = "small";
/// 2 processors, 1024 MiB, 3 GiB.
pub const LARGE: &str = "large";

/// 1 processor, 512 MiB, 20 GiB.
pub const ROOMY: &str = "roomy";

impl Lab {
    pub async fn new(chaos: Option<Chaos>) -> Self {
        Self::with_hosts(&["n1"], chaos).await
    }

    pub async fn with_hosts(hosts: &[&str], chaos: Option<Chaos>) -> Self {
        let (dir, cloud, kicks) = crate::context::testing::cloud().await;
        let mut registry = Registry::default();
        sagas::register(&mut registry);
        crate::volume::sagas::register(&mut registry);
        let engine = Engine::start(cloud.clone(), registry, kicks, chaos)
            .await
            .unwrap();
        let cx = Context::new(cloud.clone(), actor("member", Rank::Member), "req-member");
        let admin = Context::new(cloud.clone(), actor("admin", Rank::Admin), "req-admin");
        for (id, vcpus, memory_mb, disk_gb) in
            [(SMALL, 1, 512, 1), (LARGE, 2, 1024, 3), (ROOMY, 1, 512, 20)]
        {
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
            ops::flavor_create(&admin, flavor).await.unwrap();
        }
        let nodes: Vec<_> = hosts
            .iter()
            .map(|host| TestNode::new(host, 64, 256 * 1024))
            .collect();
        let serving = nodes
            .iter()
            .flat_map(|node| node.serve(&cloud.bus))
            .collect();
        let lab = Self {
            _dir: dir,
            image: image(&cx).await,
            network: network(&cx).await,
            cloud,
            cx,
            admin,
            nodes,
            serving,
            _engine: engine,
        };
        lab.report().await;
        lab
    }

    pub fn node(&self) -> &TestNode {
        &self.nodes[0]
    }

    /// Every node that is served reports.
    pub async fn report(&self) {
        let system = Context::system(self.cloud.clone());
        for node in &self.nodes {
            reconcile::host_reported(&system, node.report().await)
                .await
                .unwrap();
        }
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

    /// Asks for a server and waits until its launch has ended.
    pub async fn launch(&self, request: NewServer) -> Server {
        let made = ops::server_create(&self.cx, request).await.unwrap();
        let id = made[0].id;
        self.settled(id).await
    }

    pub async fn active(&self, name: &str) -> Server {
        let server = self.launch(self.request(name)).await;
        assert_eq!(server.vm_state, VmState::Active, "{:?}", server.fault);
        server
    }

    /// The server as it is, deleted or not.
    pub async fn server(&self, id: ServerId) -> Server {
        let mut conn = self.cloud.db.read().await.unwrap();
        store::server::show(&mut conn, id).await.unwrap().unwrap()
    }

    /// The server once nothing is done to it any more.
    pub async fn settled(&self, id: ServerId) -> Server {
        self.until(async || {
            let server = self.server(id).await;
            let busy = self
                .count("operation_lock", &format!("resource_id = '{id}'"))
                .await;
            (server.task_state.is_none() && busy == 0).then_some(server)
        })
        .await
    }

    /// The operation once it has ended, or is stuck.
    pub async fn ended(&self, id: OperationId) -> Operation {
        let system = Context::system(self.cloud.clone());
        self.until(async || {
            let operation = operation_show(&system, id).await.unwrap();
            (operation.status.is_finished() || operation.status == Status::Stuck)
                .then_some(operation)
        })
        .await
    }

    /// Waits until there is something, looking at it whenever something changes.
    pub async fn until<T>(&self, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let mut events = self.cloud.events.watch();
        let wait = async {
            loop {
                if let Some(found) = look().await {
                    return found;
                }
                let _ = tokio::time::timeout(Duration::from_millis(50), events.recv()).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), wait)
            .await
            .expect("it comes about within a minute")
    }

    pub async fn count(&self, table: &str, condition: &str) -> i64 {
        let mut conn = self.cloud.db.read().await.unwrap();
        sql(format!("SELECT COUNT(*) FROM {table} WHERE {condition}"))
            .scalar(&mut conn)
            .await
            .unwrap()
    }

    /// Nothing is left of any server: not in the database, not on a node.
    pub async fn assert_clean(&self) {
        // Operations on what went with a server end a moment after it.
        self.until(async || (self.count("operation_lock", "1 = 1").await == 0).then_some(()))
            .await;
        for (table, condition) in [
            ("server", "deleted_at IS NULL AND vm_state <> 'error'"),
            ("claim", "1 = 1"),
            ("port", "1 = 1"),
            ("address", "1 = 1"),
            ("server_nic", "1 = 1"),
            ("server_volume", "1 = 1"),
            ("volume_attachment", "1 = 1"),
            ("operation_lock", "1 = 1"),
            ("server_residue", "1 = 1"),
        ] {
            assert_eq!(self.count(table, condition).await, 0, "rows of {table}");
        }
        for node in &self.nodes {
            assert_eq!(node.guests().await, [], "guests on {}", node.host);
            let facts = node.facts();
            assert!(facts.disks.is_empty(), "disks on {}", node.host);
        }
    }

    /// Deletes the server and waits until it is gone.
    pub async fn delete(&self, id: ServerId) {
        ops::server_delete(&self.cx, id).await.unwrap();
        self.gone(id).await;
    }

    pub async fn gone(&self, id: ServerId) {
        self.until(async || {
            let busy = self
                .count("operation_lock", &format!("resource_id = '{id}'"))
                .await;
            let server = self.server(id).await;
            (server.deleted_at.is_some() && busy == 0).then_some(())
        })
        .await;
    }

    pub fn query(&self) -> ServerQuery {
        ServerQuery {
            deleted: Some(false),
            limit: 1000,
            ..ServerQuery::default()
        }
    }
}

pub fn actor(name: &str, rank: Rank) -> Actor {
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

async fn image(cx: &Context) -> ImageId {
    let new = NewImage {
        name: "tiny".into(),
        disk_format: Some(ImageFormat::Raw),
        container_format: Some("bare".into()),
        ..NewImage::default()
    };
    let id = image_create(cx, new).await.unwrap().id;
    let bytes = bytes::Bytes::from(vec![0x5a_u8; 4096]);
    let body = futures::stream::iter([Ok::<_, std::io::Error>(bytes)]);
    let announced = Announced {
        start: Some(0),
        rest: false,
        total: Some(4096),
    };
    image_upload(cx, id, Purpose::Data, announced, body)
        .await
        .unwrap();
    id
}

async fn network(cx: &Context) -> NetworkId {
    let new = NewNetwork {
        name: "net".into(),
        ..NewNetwork::default()
    };
    let network = network_create(cx, new).await.unwrap();
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
    subnet_create(cx, subnet).await.unwrap();
    network.id
}
