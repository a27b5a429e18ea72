//! This machine's cloud: a control process and, unless told not to, a node beside it.

use super::lock::Front;
use super::node::{self, RunningNode};
use super::{Control, RoleError};
use crate::config::Config;
use crate::depot::dial::Home;

/// A running cloud of this machine.
pub struct Whole {
    control: Control,
    agent: Option<RunningNode>,
}

impl Whole {
    /// Starts it; nothing of it is left when that fails.
    pub async fn start(config: Config, front: Front) -> Result<Self, RoleError> {
        let control = Control::start(config, front).await?;
        let cloud = control.cloud();
        let home = Home::new(cloud.process, &cloud.config, control.fingerprint());
        let started = match cloud.config.agent.enabled {
            true => node::start(&cloud.config, &cloud.bus, home).await.map(Some),
            false => Ok(None),
        };
        match started {
            Ok(agent) => Ok(Self { control, agent }),
            Err(error) => {
                control.shut_down().await;
                Err(error.into())
            }
        }
    }

    /// Its settings.
    pub fn config(&self) -> &Config {
        &self.control.cloud().config
    }

    /// Ends it; guests go on.
    pub async fn shut_down(self) {
        drop(self.agent);
        self.control.shut_down().await;
    }
}
