//! Why a host may not have a server: what a filter answers. Borrows; text is made only when somebody wants to read it.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::host::HostState;
use super::suggest::Change;
use crate::compute::model::Resources;

/// A resource that can fall short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Processors.
    Vcpus,
    /// MiB of memory.
    Memory,
    /// GiB of disk.
    Disk,
}

impl Quantity {
    /// Its unit.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Vcpus => "vcpus",
            Self::Memory => "MiB",
            Self::Disk => "GiB",
        }
    }

    /// What it is an amount of, after `less`: `512 MiB less memory`.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Vcpus => "",
            Self::Memory => " memory",
            Self::Disk => " disk",
        }
    }

    /// What it is an amount of, after its unit: `512 MiB of memory`.
    pub fn noun_of(self) -> &'static str {
        match self {
            Self::Vcpus => "",
            Self::Memory => " of memory",
            Self::Disk => " of disk",
        }
    }

    /// This part of `resources`.
    pub fn of(self, resources: Resources) -> u64 {
        match self {
            Self::Vcpus => resources.vcpus,
            Self::Memory => resources.memory_mb,
            Self::Disk => resources.disk_gb,
        }
    }

    /// This part of `resources`, to change.
    pub fn of_mut(self, resources: &mut Resources) -> &mut u64 {
        match self {
            Self::Vcpus => &mut resources.vcpus,
            Self::Memory => &mut resources.memory_mb,
            Self::Disk => &mut resources.disk_gb,
        }
    }
}

/// Why not.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal<'a> {
    /// Less is left than wanted.
    Short {
        /// Of what.
        what: Quantity,
        /// How much is needed of this host.
        wanted: u64,
        /// How much is left.
        available: u64,
    },
    /// One server can not have more than the whole machine.
    TooLarge {
        /// Of what.
        what: Quantity,
        /// How much the server would have.
        wanted: u64,
        /// How much the machine has.
        total: u64,
    },
    /// It does not report.
    Down,
    /// An operator said that it is down.
    ForcedDown,
    /// Its hypervisor does not answer.
    Trouble(&'a str),
    /// It takes no new servers.
    Disabled(Option<&'a str>),
    /// It is in another zone.
    Zone(&'a str),
    /// Another host was asked for.
    NotRequested(&'a str),
    /// The image needs something else.
    Image {
        /// Property of the image.
        property: &'a str,
        /// What it asks for.
        wanted: &'a str,
        /// What the host has.
        has: &'a str,
    },
    /// The flavor needs something else.
    Capability {
        /// Extra spec of the flavor.
        key: &'a str,
        /// What it asks for.
        wanted: &'a str,
    },
    /// It has as many servers as it may.
    Full {
        /// Servers on it.
        servers: u32,
        /// How many there may be.
        max: u32,
    },
    /// Too much is under way on it.
    Busy {
        /// Servers being built, resized, copied or moved.
        io_ops: u32,
        /// How many there may be.
        max: u32,
    },
    /// It is not plugged into this physical network.
    NotPlugged(&'a str),
    /// The servers of the hint `same_host` are elsewhere.
    NotSameHost,
    /// A server of the hint `different_host` is there.
    NotDifferentHost,
    /// Its address is not in the network that was asked for.
    NotNear(&'a IpNet),
    /// It does not tell this of itself, which is weighed.
    NotMeasured(&'a str),
    /// The group's members are elsewhere.
    GroupElsewhere,
    /// The group has members there.
    GroupHere {
        /// Members there.
        members: u32,
        /// How many there may be.
        max: u32,
    },
    /// The condition of the hint `query` does not hold.
    Query,
    /// None of its aggregates has what the flavor asks for.
    Aggregate {
        /// The extra spec.
        key: &'a str,
        /// Its value.
        wanted: &'a str,
    },
    /// Its aggregates have other values of a property of the image.
    AggregateImage {
        /// The property.
        property: &'a str,
        /// The image's value.
        wanted: &'a str,
    },
    /// Its aggregates keep it for other projects.
    OtherTenants,
    /// Its aggregates keep it for other flavors.
    OtherFlavors,
    /// The image is for hosts that are set apart.
    ImageIsolated,
    /// It is set apart for other images.
    HostIsolated,
    /// A condition of the operator's does not hold: its name.
    Condition(&'a str),
}

impl Refusal<'_> {
    /// For people, about a host whose name stands before it.
    pub fn reason(&self) -> String {
        match self {
            Self::Short {
                what,
                wanted,
                available,
            } => format!(
                "{wanted} {unit}{noun} wanted, {available} {unit} left",
                unit = what.unit(),
                noun = what.noun_of()
            ),
            Self::TooLarge {
                what,
                wanted,
                total,
            } => format!(
                "{wanted} {unit}{noun} wanted, the whole machine has {total} {unit}",
                unit = what.unit(),
                noun = what.noun_of()
            ),
            Self::Down => "does not report: is its agent running?".into(),
            Self::ForcedDown => "was said to be down by an operator".into(),
            Self::Trouble(trouble) => format!("its hypervisor does not answer: {trouble}"),
            Self::Disabled(None) => "is disabled".into(),
            Self::Disabled(Some(reason)) => format!("is disabled: {reason}"),
            Self::Zone(wanted) => format!("is not in zone {wanted}"),
            Self::NotRequested(wanted) => format!("only {wanted} was asked for"),
            Self::Image {
                property,
                wanted,
                has,
            } => format!("the image wants {property} = {wanted}, it has {has}"),
            Self::Capability { key, wanted } => {
                format!("the flavor wants {key} {wanted}, which it does not have")
            }
            Self::Full { servers, max } => format!("has {servers} servers of at most {max}"),
            Self::Busy { io_ops, max } => {
                format!("{io_ops} servers on it are being built, copied or moved, of at most {max}")
            }
            Self::NotPlugged(physical) => {
                format!("is not plugged into the physical network {physical}")
            }
            Self::NotSameHost => "the servers of the hint same_host are elsewhere".into(),
            Self::NotDifferentHost => "has a server of the hint different_host".into(),
            Self::NotNear(network) => format!("its address is not in {network}"),
            Self::NotMeasured(metric) => format!("does not tell its {metric}"),
            Self::GroupElsewhere => "the servers of the group are elsewhere".into(),
            Self::GroupHere { members, max } => {
                format!("has {members} servers of the group, of at most {max}")
            }
            Self::Query => "does not fulfil the hint query".into(),
            Self::Aggregate { key, wanted } => {
                format!("the flavor wants {key} {wanted}, which none of its aggregates has")
            }
            Self::AggregateImage { property, wanted } => {
                format!("the image has {property} = {wanted}, its aggregates want another value")
            }
            Self::OtherTenants => "is kept for other projects by its aggregates".into(),
            Self::OtherFlavors => "is kept for other flavors by its aggregates".into(),
            Self::ImageIsolated => "the image is for isolated hosts, and it is none".into(),
            Self::HostIsolated => "is an isolated host, for other images".into(),
            Self::Condition(name) => {
                format!("does not fulfil the operator's condition {name} (compute.conditions)")
            }
        }
    }

    /// What was wanted, what was available, and the unit, where it is a quantity.
    pub fn amounts(&self) -> Option<(u64, u64, &'static str)> {
        match self {
            Self::Short {
                what,
                wanted,
                available,
            } => Some((*wanted, *available, what.unit())),
            Self::TooLarge {
                what,
                wanted,
                total,
            } => Some((*wanted, *total, what.unit())),
            Self::Full { servers, max } => {
                Some((1, max.saturating_sub(*servers).into(), "servers"))
            }
            Self::Busy { io_ops, max } => {
                Some((1, max.saturating_sub(*io_ops).into(), "operations"))
            }
            _ => None,
        }
    }

    /// What would have to change for this host to pass this filter; `None` if nobody who asks can tell.
    pub fn remedy(&self, host: &HostState) -> Option<Change> {
        let name = || host.name.clone();
        Some(match self {
            Self::Short {
                what,
                wanted,
                available,
            }
            | Self::TooLarge {
                what,
                wanted,
                total: available,
            } => Change::Less {
                what: *what,
                by: wanted.saturating_sub(*available),
            },
            Self::Down | Self::ForcedDown | Self::Trouble(_) => Change::BringUp(name()),
            Self::Disabled(_) => Change::Enable(name()),
            Self::Zone(_) => Change::OtherZone(host.zone.clone()),
            Self::NotRequested(_) => Change::AnyHost,
            Self::Image { property, .. } => Change::WithoutProperty((*property).to_owned()),
            Self::Capability { key, .. } => Change::WithoutExtraSpec((*key).to_owned()),
            Self::Full { servers, max } => Change::Vacate {
                host: name(),
                servers: servers.saturating_sub(*max).saturating_add(1),
            },
            Self::Busy { .. } => Change::WaitFor(name()),
            Self::NotPlugged(physical) => Change::Plug {
                host: name(),
                physical: (*physical).to_owned(),
            },
            Self::NotSameHost => Change::WithoutHint("same_host".into()),
            Self::NotDifferentHost => Change::WithoutHint("different_host".into()),
            Self::NotNear(_) => Change::WithoutHint("build_near_host_ip".into()),
            Self::GroupElsewhere | Self::GroupHere { .. } => Change::WithoutHint("group".into()),
            Self::Query => Change::WithoutHint("query".into()),
            Self::Aggregate { key, .. } => Change::WithoutExtraSpec((*key).to_owned()),
            Self::AggregateImage { property, .. } => {
                Change::WithoutProperty((*property).to_owned())
            }
            Self::OtherTenants | Self::OtherFlavors => Change::OtherAggregates(name()),
            Self::ImageIsolated | Self::HostIsolated => Change::OtherIsolation(name()),
            Self::Condition(_) | Self::NotMeasured(_) => return None,
        })
    }
}
