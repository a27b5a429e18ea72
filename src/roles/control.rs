//! A control process: everything but the screen and the node.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::lock::{DirectoryLock, Front, LockError};
use super::{data_directory, notify, relay, services};
use crate::api::{self, ListenError, Listeners};
use crate::bus::Bus;
use crate::bus::Serving;
use crate::compute::conductor;
use crate::compute::rpc::CONDUCTOR;
use crate::config::Config;
use crate::context::{Cloud, Context, EventHub, Policy};
use crate::db::{Db, DbError};
use crate::error::Error;
use crate::ids::Time;
use crate::network::ovn::Northbound;
use crate::reconcile::Reconcilers;
use crate::saga::{Engine, Waker};

/// How long running requests and steps may take to end when the process stops.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a control process does not start. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory can not be made, or not be used.
    #[error(
        "the data directory {path} can not be used: {reason}; choose another one with --data-dir"
    )]
    Directory {
        /// It.
        path: String,
        /// Why.
        reason: std::io::Error,
    },
    /// Another process has it.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The database does not open.
    #[error(transparent)]
    Database(#[from] DbError),
    /// A port or socket is taken.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// There is no certificate to show.
    #[error(transparent)]
    Tls(#[from] api::TlsError),
    /// Something of a service's first start failed.
    #[error(
        "the first start could not be completed: {0}; start again when that is mended, nothing is lost"
    )]
    Bootstrap(#[from] Error),
    /// The settings name something that does not exist.
    #[error("the settings can not be used: {0}")]
    Settings(String),
    /// The settings of the bus are wrong.
    #[error(transparent)]
    Bus(#[from] crate::bus::SettingsError),
    /// The node does not start.
    #[error(transparent)]
    Node(#[from] super::node::NodeStartError),
}

/// A running control process.
pub struct Control {
    cloud: Arc<Cloud>,
    engine: Engine,
    stop: CancellationToken,
    api: TaskTracker,
    tls: Option<api::Identity>,
    reconcilers: Reconcilers,
    _conductor: Serving,
    _lock: DirectoryLock,
}

impl Control {
    /// Starts with these settings.
    pub async fn start(config: Config, front: Front) -> Result<Self, StartError> {
        data_directory(&config.data_dir)?;
        // Also where the database is shared: sockets and files in it are one process's.
        let lock = DirectoryLock::take(&config.data_dir, front)?;
        let process = Uuid::new_v4();
        // A broker that is away is waited for in the background: a start that finds it down comes up by itself.
        let bus = Bus::open(&config.bus, &format!("skydeck server {process}"))?;
        let db = Db::open(&config.database.url).await?;
        let tls = api::Identity::load(&config)?;
        let fingerprint = tls.as_ref().map(|tls| tls.fingerprint().to_owned());
        let policy = Policy::built_in().map_err(StartError::Settings)?;
        let (sagas, kicks) = Waker::new();
        let northbound = Northbound::configured(&config.network).map_err(StartError::Settings)?;
        let cloud = Arc::new(Cloud {
            northbound,
            db,
            bus,
            policy,
            events: EventHub::default(),
            meters: crate::telemetry::Meters::default(),
            identity: crate::identity::Memory::default(),
            picks: crate::compute::Picks::default(),
            turns: crate::context::Turns::default(),
            depot: crate::depot::Desk::new(&config, fingerprint),
            sagas,
            process,
            started: Time::now(),
            simulated: front == Front::Demo,
            config,
        });
        services::bootstrap(&Context::system(cloud.clone())).await?;
        // Before anything is changed by running work: a taken port stops the start here.
        let listeners = Listeners::bind(&cloud.config.api.listen, tls.as_ref()).await?;
        let mut table = conductor::Conductor::new(cloud.clone());
        services::conduct(&mut table);
        let conductor = cloud
            .bus
            .serve(CONDUCTOR, &cloud.process.to_string(), Arc::new(table));
        let engine = Engine::start(cloud.clone(), services::sagas(), kicks, None).await?;
        let reconcilers = Reconcilers::start(&cloud, services::periodic(), services::own());
        let stop = CancellationToken::new();
        tokio::spawn(
            stop.clone()
                .run_until_cancelled_owned(notify::run(cloud.clone())),
        );
        tokio::spawn(
            stop.clone()
                .run_until_cancelled_owned(relay::run(cloud.clone())),
        );
        let app = api::app(&cloud, services::routes(), crate::identity::authenticate);
        let api = listeners.serve(&app, &stop, PATIENCE);
        tracing::info!(process = %cloud.process, "control process started");
        Ok(Self {
            cloud,
            engine,
            stop,
            api,
            tls,
            reconcilers,
            _conductor: conductor,
            _lock: lock,
        })
    }

    /// Of the certificate that it shows, if it speaks TLS.
    pub fn fingerprint(&self) -> Option<&str> {
        self.tls.as_ref().map(api::Identity::fingerprint)
    }

    /// The cloud it serves.
    pub fn cloud(&self) -> &Arc<Cloud> {
        &self.cloud
    }

    /// Stops taking requests, lets running ones and steps end, and closes the database. What is open goes on at the next
    /// start.
    pub async fn shut_down(self) {
        self.stop.cancel();
        self.api.wait().await;
        self.engine.shut_down(PATIENCE).await;
        // One of them says that this process lives.
        self.reconcilers.stop().await;
        services::leave(&Context::system(self.cloud.clone())).await;
        self.cloud.db.close().await;
        tracing::info!("control process stopped");
    }
}
