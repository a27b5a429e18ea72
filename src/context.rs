//! Who asks, and with what the answer is made: the first argument of every operation.
//!
//! [`Cloud`] is what one control process has: database, bus, settings, events, sagas. [`Context`] is a cloud as one
//! caller sees it: [`Actor`] and request id. Operations check nothing but what depends on the thing at hand (whose it is,
//! what state it is in); whether the actor's role suffices was checked before, by the policy rule of the route.

mod events;
mod policy;
mod turns;

use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use events::{Change, Event, EventHub, Numbered};
pub use policy::{Need, Policy};
pub use turns::{Turn, Turns};

use crate::bus::Bus;
use crate::config::Config;
use crate::db::Db;
use crate::error::{Error, Result};
use crate::identity;
use crate::ids::{DomainId, ProjectId, UserId};
use crate::saga;

/// One control process.
pub struct Cloud {
    /// The database.
    pub db: Db,
    /// The bus.
    pub bus: Bus,
    /// The settings.
    pub config: Config,
    /// Who may do what.
    pub policy: Policy,
    /// The newest samples.
    pub meters: crate::telemetry::Meters,
    /// Changes as they happen.
    pub events: EventHub,
    /// What identity keeps in memory.
    pub identity: identity::Memory,
    /// Wakes the engine that runs operations.
    pub sagas: saga::Waker,
    /// Hosts that were chosen for servers and are not claimed yet.
    pub picks: crate::compute::Picks,
    /// Who in this process does what could be done once for several.
    pub turns: Turns,
    /// OVN's northbound database, where OVN carries networks.
    pub northbound: Option<crate::network::ovn::Northbound>,
    /// Where nodes get bytes.
    pub depot: crate::depot::Desk,
    /// This process among all control processes; new at each start.
    pub process: Uuid,
    /// When it started.
    pub started: crate::ids::Time,
    /// Whether its hosts are simulated: marked on every screen.
    pub simulated: bool,
}

/// A project as scope of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Its id.
    pub id: ProjectId,
    /// Its name.
    pub name: String,
    /// Its domain.
    pub domain_id: DomainId,
}

/// A role. Each includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rank {
    /// May look.
    Reader,
    /// May use.
    Member,
    /// May administer the cloud.
    Admin,
}

/// Whoever asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The user; `None` for the control plane itself.
    pub user: Option<UserId>,
    /// The user's name.
    pub user_name: String,
    /// The project of the token, if it is scoped to one.
    pub project: Option<Scope>,
    /// The highest of the actor's roles there.
    pub rank: Option<Rank>,
}

impl Actor {
    /// The control plane itself, which may do everything.
    pub fn system() -> Self {
        Self {
            user: None,
            user_name: "skydeck".into(),
            project: None,
            rank: Some(Rank::Admin),
        }
    }

    /// Whether the role admin is held.
    pub fn is_admin(&self) -> bool {
        self.rank == Some(Rank::Admin)
    }
}

/// A cloud as one caller sees it. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    cloud: Arc<Cloud>,
    /// Whoever asks.
    pub actor: Arc<Actor>,
    /// Id of the request, `req-<uuid>`; goes with everything that is done for it.
    pub request_id: Arc<str>,
}

impl Deref for Context {
    type Target = Cloud;

    fn deref(&self) -> &Cloud {
        &self.cloud
    }
}

impl Context {
    /// A context for this actor and request.
    pub fn new(cloud: Arc<Cloud>, actor: Actor, request_id: &str) -> Self {
        Self {
            cloud,
            actor: Arc::new(actor),
            request_id: request_id.into(),
        }
    }

    /// A context for work that the control plane does by itself.
    pub fn system(cloud: Arc<Cloud>) -> Self {
        Self::new(cloud, Actor::system(), &new_request_id())
    }

    /// The control process.
    pub fn cloud(&self) -> &Arc<Cloud> {
        &self.cloud
    }

    /// The project that things are made in; an error tells how to choose one.
    pub fn project(&self) -> Result<&Scope> {
        self.actor.project.as_ref().ok_or_else(|| {
            Error::Forbidden("this needs a token for a project; choose one (--os-project-name, or project_name in clouds.yaml)".into())
        })
    }

    /// The only project whose things the actor may see; `None` when all projects are visible.
    pub fn visible_project(&self) -> Result<Option<ProjectId>> {
        if self.actor.is_admin() {
            Ok(None)
        } else {
            self.project().map(|scope| Some(scope.id))
        }
    }

    /// The only project whose things are listed or counted: the token's own; `None`, all of them, for an administrator who
    /// asks for all.
    pub fn listed_project(&self, all_projects: bool) -> Result<Option<ProjectId>> {
        if all_projects && self.actor.is_admin() {
            Ok(None)
        } else {
            self.project().map(|scope| Some(scope.id))
        }
    }

    /// Succeeds if a thing of `owner` may be seen and changed; otherwise it does not exist for this actor.
    pub fn check_owner(
        &self,
        owner: ProjectId,
        kind: &'static str,
        id: impl ToString,
    ) -> Result<()> {
        match self.visible_project()? {
            Some(own) if own != owner => Err(Error::not_found(kind, id)),
            _ => Ok(()),
        }
    }

    /// Succeeds if the actor may do what the rule names.
    pub fn require(&self, rule: &str) -> Result<()> {
        self.policy.check(rule, Some(&self.actor))
    }
}

/// A fresh request id.
pub fn new_request_id() -> String {
    format!("req-{}", Uuid::new_v4())
}

#[cfg(test)]
pub(crate) mod testing {
    //! A control process for one test: a fresh database, a local bus, nothing that listens.

    use std::path::Path;
    use std::sync::Arc;

    use tokio::sync::mpsc;
    use uuid::Uuid;

    use super::{Cloud, EventHub, Policy, Turns};
    use crate::bus::Bus;
    use crate::config::{Config, Sources};
    use crate::db::Db;
    use crate::ids::{OperationId, Time};
    use crate::saga::Waker;

    /// The process, its directory, and the kicks that an engine would listen to.
    pub async fn cloud() -> (tempfile::TempDir, Arc<Cloud>, mpsc::Receiver<OperationId>) {
        let (dir, db) = crate::db::testing::fresh().await;
        let (cloud, kicks) = another(dir.path(), db, &[]);
        (dir, cloud, kicks)
    }

    /// A further process on the database of this directory, with these settings.
    pub fn another(
        dir: &Path,
        db: Db,
        settings: &[(&str, &str)],
    ) -> (Arc<Cloud>, mpsc::Receiver<OperationId>) {
        on_bus(Bus::local(), dir, db, settings)
    }

    /// The same on this bus.
    pub fn on_bus(
        bus: Bus,
        dir: &Path,
        db: Db,
        settings: &[(&str, &str)],
    ) -> (Arc<Cloud>, mpsc::Receiver<OperationId>) {
        let database = crate::db::testing::url(dir);
        let data_dir = dir.display().to_string();
        let flags = [("data_dir", &*data_dir), ("database.url", &*database)]
            .iter()
            .chain(settings)
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let config = Config::load(&Sources {
            flags,
            ..Sources::default()
        })
        .expect("the settings are valid");
        let northbound = crate::network::ovn::Northbound::configured(&config.network)
            .expect("the files of OVN can be read");
        let (sagas, kicks) = Waker::new();
        let cloud = Cloud {
            db,
            bus,
            depot: crate::depot::Desk::new(&config, None),
            config,
            policy: Policy::built_in().expect("the built-in policy is valid"),
            events: EventHub::default(),
            meters: crate::telemetry::Meters::default(),
            identity: crate::identity::Memory::default(),
            sagas,
            picks: crate::compute::Picks::default(),
            turns: Turns::default(),
            process: Uuid::new_v4(),
            // Long enough ago that every host would have reported.
            started: Time::now().plus_seconds(-3600),
            simulated: true,
            northbound,
        };
        (Arc::new(cloud), kicks)
    }
}
