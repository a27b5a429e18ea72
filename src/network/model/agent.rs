//! What a node does for networks, as Neutron shows it: one agent per kind.

use std::str::FromStr;

use uuid::Uuid;

use crate::ids::Time;

/// What an agent does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AgentKind {
    /// Plugs guests in.
    Bridge,
    /// Answers DHCP.
    Dhcp,
    /// Has routers.
    Router,
}

impl AgentKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Bridge, Self::Dhcp, Self::Router];

    /// Its word in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bridge => "bridge",
            Self::Dhcp => "dhcp",
            Self::Router => "router",
        }
    }

    /// Neutron's name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Bridge => "Linux bridge agent",
            Self::Dhcp => "DHCP agent",
            Self::Router => "L3 agent",
        }
    }

    /// The id of this agent on a host.
    pub fn id(self, host: &str) -> Uuid {
        let name = match self {
            Self::Bridge => host.to_owned(),
            other => format!("{}:{host}", other.name()),
        };
        Uuid::new_v5(&Uuid::NAMESPACE_DNS, name.as_bytes())
    }
}

impl FromStr for AgentKind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or(())
    }
}

/// What administrators said of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentDecision {
    /// Its host.
    pub host: String,
    /// What it does.
    pub kind: AgentKind,
    /// Whether anything may be placed there.
    pub admin_state_up: bool,
    /// For people.
    pub description: String,
}

/// An agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkAgent {
    /// What it does.
    pub kind: AgentKind,
    /// Neutron's name for that, which differs with the engine.
    pub title: &'static str,
    /// Its host.
    pub host: String,
    /// Whether its host reported lately.
    pub alive: bool,
    /// Whether anything may be placed there.
    pub admin_state_up: bool,
    /// For people.
    pub description: String,
    /// When its host first reported.
    pub created_at: Time,
    /// When its agent started.
    pub started_at: Time,
    /// When its host last reported.
    pub heartbeat_at: Time,
    /// Networks that its host is plugged into.
    pub physical_networks: Vec<String>,
    /// Whether its host has what it shall have.
    pub is_current: bool,
    /// Why not, or what it left out.
    pub trouble: Option<String>,
}
