//! A rule of a security group, and which rules make sense. Pure.
//!
//! Invariant: what [`SecurityRule::checked`] lets through a node can apply as it is: range, protocol and addresses fit each
//! other. Two rules that mean the same have the same [`SecurityRule::meaning`], however their protocol is written.

use std::fmt;
use std::str::FromStr;

use ipnet::IpNet;

use super::protocol::{self, Protocol};
use crate::ids::{ProjectId, SecurityGroupId, SecurityGroupRuleId, Time};

/// For what a guest sends or gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// For what comes to a guest.
    Ingress,
    /// For what a guest sends.
    Egress,
}

impl Direction {
    /// Neutron's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }
}

impl FromStr for Direction {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.to_ascii_lowercase().as_str() {
            "ingress" => Ok(Self::Ingress),
            "egress" => Ok(Self::Egress),
            _ => Err(()),
        }
    }
}

/// Which Internet protocol a rule is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ethertype {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

impl Ethertype {
    /// Neutron's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
        }
    }

    /// That of these addresses.
    pub fn of(prefix: &IpNet) -> Self {
        match prefix {
            IpNet::V4(_) => Self::Ipv4,
            IpNet::V6(_) => Self::Ipv6,
        }
    }
}

impl FromStr for Ethertype {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.to_ascii_lowercase().as_str() {
            "ipv4" => Ok(Self::Ipv4),
            "ipv6" => Ok(Self::Ipv6),
            _ => Err(()),
        }
    }
}

/// The other end of what a rule allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Remote {
    /// Anybody.
    #[default]
    Any,
    /// These addresses.
    Prefix(IpNet),
    /// Ports that have this group.
    Group(SecurityGroupId),
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityRule {
    /// Its id.
    pub id: SecurityGroupRuleId,
    /// Its group.
    pub group: SecurityGroupId,
    /// Its project, the group's.
    pub project: ProjectId,
    /// For people.
    pub description: String,
    /// For what a guest sends or gets.
    pub direction: Direction,
    /// Which Internet protocol it is for.
    pub ethertype: Ethertype,
    /// The protocol above it; any when absent.
    pub protocol: Option<Protocol>,
    /// First destination port, or ICMP type.
    pub min: Option<u16>,
    /// Last destination port, or ICMP code.
    pub max: Option<u16>,
    /// The other end.
    pub remote: Remote,
    /// When it was made.
    pub created_at: Time,
}

/// A rule to make, as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSecurityRule {
    /// Its group.
    pub group: SecurityGroupId,
    /// For people.
    pub description: String,
    /// For what a guest sends or gets.
    pub direction: Direction,
    /// Which Internet protocol it is for; as the addresses say when absent, else IPv4.
    pub ethertype: Option<Ethertype>,
    /// Name or number of a protocol; any when absent.
    pub protocol: Option<String>,
    /// First port, or ICMP type.
    pub min: Option<i64>,
    /// Last port, or ICMP code.
    pub max: Option<i64>,
    /// Addresses of the other end.
    pub remote_prefix: Option<IpNet>,
    /// Group of the other end.
    pub remote_group: Option<SecurityGroupId>,
}

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Both ends of a kind.
    #[error("Only remote_ip_prefix or remote_group_id may be provided.")]
    GroupAndPrefix,
    /// Addresses of the other Internet protocol.
    #[error("Conflicting value ethertype {} for CIDR {prefix}", ethertype.name())]
    Family {
        /// That of the rule.
        ethertype: Ethertype,
        /// The addresses.
        prefix: IpNet,
    },
    /// No protocol.
    #[error(
        "Security group rule protocol {protocol} not supported. Only protocol values {} and integer representations [0 to 255] are supported.",
        protocol::names()
    )]
    Protocol {
        /// As it was written.
        protocol: String,
    },
    /// A protocol of the other Internet protocol.
    #[error("Invalid ethertype {} for protocol {protocol}.", ethertype.name())]
    Ethertype {
        /// That of the rule.
        ethertype: Ethertype,
        /// As it was written.
        protocol: String,
    },
    /// Ports of any protocol.
    #[error("Must also specify protocol if port range is given.")]
    NoProtocol,
    /// Ports of a protocol that has none.
    #[error(
        "Invalid protocol {protocol} for port range, only supported for TCP, UDP, UDPLITE, SCTP and DCCP."
    )]
    Portless {
        /// As it was written.
        protocol: String,
    },
    /// Half a range, or one that ends before it begins.
    #[error("For TCP/UDP protocols, port_range_min must be <= port_range_max, and both are needed")]
    Range,
    /// No port.
    #[error("Invalid value for port {port}: 1 to 65535 is allowed")]
    Port {
        /// As it was given.
        port: i64,
    },
    /// No type or code of ICMP.
    #[error("Invalid value for ICMP {field} ({attribute}) {value}. It must be 0 to 255.")]
    Icmp {
        /// `type` or `code`.
        field: &'static str,
        /// Where it was given.
        attribute: &'static str,
        /// What was given.
        value: i64,
    },
    /// A code of no type.
    #[error(
        "ICMP code (port-range-max) {code} is provided but ICMP type (port-range-min) is missing."
    )]
    CodeWithoutType {
        /// The code.
        code: i64,
    },
}

impl SecurityRule {
    /// The rule as it will be, or what is wrong with it.
    pub fn checked(new: NewSecurityRule, project: ProjectId) -> Result<Self, RuleError> {
        let remote = match (new.remote_prefix, new.remote_group) {
            (Some(_), Some(_)) => return Err(RuleError::GroupAndPrefix),
            (Some(prefix), None) => Remote::Prefix(prefix.trunc()),
            (None, Some(group)) => Remote::Group(group),
            (None, None) => Remote::Any,
        };
        let ethertype = new
            .ethertype
            .or_else(|| new.remote_prefix.as_ref().map(Ethertype::of))
            .unwrap_or(Ethertype::Ipv4);
        if let Remote::Prefix(prefix) = remote
            && Ethertype::of(&prefix) != ethertype
        {
            return Err(RuleError::Family { ethertype, prefix });
        }
        let protocol = new.protocol.as_deref().map(protocol_of).transpose()?;
        // `any` is a name for none.
        let protocol = protocol.flatten();
        if let Some(protocol) = &protocol
            && !protocol.fits(ethertype == Ethertype::Ipv6)
        {
            return Err(RuleError::Ethertype {
                ethertype,
                protocol: protocol.to_string(),
            });
        }
        let (min, max) = range(protocol.as_ref(), new.min, new.max)?;
        Ok(Self {
            id: SecurityGroupRuleId::new(),
            group: new.group,
            project,
            description: new.description,
            direction: new.direction,
            ethertype,
            protocol,
            min,
            max,
            remote,
            created_at: Time::now(),
        })
    }

    /// Number of its protocol; any when absent.
    pub fn protocol_number(&self) -> Option<u8> {
        let ipv6 = self.ethertype == Ethertype::Ipv6;
        self.protocol.as_ref().map(|known| known.number(ipv6))
    }

    /// The same text for rules that allow the same in the same words.
    pub fn meaning(&self) -> String {
        let number = |value: Option<u16>| value.map_or_else(|| "*".into(), |v| v.to_string());
        let protocol = self.protocol_number().map(u16::from);
        format!(
            "{} {} {} {}-{} {}",
            self.direction.name(),
            self.ethertype.name(),
            number(protocol),
            number(self.min),
            number(self.max),
            self.remote
        )
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Prefix(prefix) => prefix.fmt(f),
            Self::Group(group) => group.fmt(f),
        }
    }
}

fn protocol_of(text: &str) -> Result<Option<Protocol>, RuleError> {
    if text.eq_ignore_ascii_case("any") {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|()| RuleError::Protocol {
        protocol: text.to_owned(),
    })
}

type Bounds = (Option<u16>, Option<u16>);

/// Ports, or type and code.
fn range(
    protocol: Option<&Protocol>,
    min: Option<i64>,
    max: Option<i64>,
) -> Result<Bounds, RuleError> {
    if min.is_none() && max.is_none() {
        return Ok((None, None));
    }
    let protocol = protocol.ok_or(RuleError::NoProtocol)?;
    if protocol.is_icmp() {
        return icmp(min, max);
    }
    if !protocol.has_ports() {
        return Err(RuleError::Portless {
            protocol: protocol.to_string(),
        });
    }
    match (min, max) {
        (Some(min), Some(max)) if min <= max => Ok((Some(port(min)?), Some(port(max)?))),
        _ => Err(RuleError::Range),
    }
}

fn port(value: i64) -> Result<u16, RuleError> {
    let port = u16::try_from(value).ok().filter(|port| *port > 0);
    port.ok_or(RuleError::Port { port: value })
}

fn icmp(kind: Option<i64>, code: Option<i64>) -> Result<Bounds, RuleError> {
    let byte = |value: Option<i64>, field, attribute| {
        value
            .map(|value| {
                u8::try_from(value)
                    .map(u16::from)
                    .map_err(|_| RuleError::Icmp {
                        field,
                        attribute,
                        value,
                    })
            })
            .transpose()
    };
    if let (None, Some(code)) = (kind, code) {
        return Err(RuleError::CodeWithoutType { code });
    }
    Ok((
        byte(kind, "type", "port-range-min")?,
        byte(code, "code", "port-range-max")?,
    ))
}

#[cfg(test)]
mod tests;
