//! `POST /skydeck/v1/network/trace`: how a packet goes, and where it would be dropped.

use serde::{Deserialize, Serialize};

use super::SecurityGroupRuleFields;

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TraceRequest {
    /// Who sends: a server or a port by id or name, an address, or `outside`.
    pub from: String,
    /// Who shall get it, said likewise.
    pub to: String,
    /// `icmp`, `tcp`, `udp`.
    pub protocol: String,
    /// Destination port, with `tcp` and `udp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u32>,
    /// The sender's address, if not its port's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// A UUID of the caller's choice under which hosts count the packets; they go on while it is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe: Option<String>,
}

/// `{"trace": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceBody {
    /// The way.
    pub trace: Trace,
}

/// A way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Trace {
    /// What becomes of the packet: `passes`, `drops`, `unknown`.
    pub verdict: String,
    /// The port that sends, if one of the cloud does.
    pub from_port_id: Option<String>,
    /// The port that gets it, if one of the cloud does.
    pub to_port_id: Option<String>,
    /// The address that it is sent from, as far as it is known.
    pub source: Option<String>,
    /// The address that it is sent to, as far as it is known.
    pub destination: Option<String>,
    /// The places on the way, in order.
    pub steps: Vec<TraceStep>,
}

/// One place on the way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TraceStep {
    /// Whether it is on the way of the answer.
    pub is_back: bool,
    /// The host, where there is one.
    pub host: Option<String>,
    /// The network namespace of the host; its own when absent.
    pub namespace: Option<String>,
    /// The device, as `ip` and `nft` show it there.
    pub device: String,
    /// What it is: `tap`, `anti_spoofing`, `sender_groups`, `bridge`, `tunnel`, `physical`, `router`, `nat`, `route`,
    /// `receiver_groups`, `service`, `outside`.
    pub what: String,
    /// `passes`, `drops`, `unknown`.
    pub verdict: String,
    /// Why, as a word.
    pub reason: String,
    /// Why, for people.
    pub because: String,
    /// The rule of a security group that allows it.
    pub rule_id: Option<String>,
    /// Whether it was dropped before, so that this only would be.
    pub would: bool,
    /// What would let it pass.
    pub remedy: Option<TraceRemedy>,
    /// Whether packets can be counted here.
    pub is_counted: bool,
    /// Packets of the question that were seen here.
    pub request: Option<u64>,
    /// Packets of the answer that were seen here.
    pub reply: Option<u64>,
    /// Packets of whatever question that the security groups here dropped.
    pub dropped: Option<u64>,
}

/// What would let a packet pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TraceRemedy {
    /// This rule.
    SecurityGroupRule {
        /// The rule, ready to be made.
        security_group_rule: SecurityGroupRuleFields,
    },
    /// Plugging a router into a subnet.
    RouterInterface {
        /// The router.
        router_id: String,
        /// The subnet.
        subnet_id: String,
    },
    /// Leading a router out.
    RouterGateway {
        /// The router.
        router_id: String,
        /// The network that leads outside.
        network_id: String,
    },
    /// A floating address.
    FloatingIp {
        /// The port that it shall lead to.
        port_id: String,
        /// The network that leads outside.
        floating_network_id: String,
    },
    /// Putting a port up.
    PortUp {
        /// The port.
        port_id: String,
    },
    /// Putting a network up.
    NetworkUp {
        /// The network.
        network_id: String,
    },
    /// Putting a router up.
    RouterUp {
        /// The router.
        router_id: String,
    },
    /// One that this program does not know.
    #[serde(other)]
    Unknown,
}
