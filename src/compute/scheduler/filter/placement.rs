//! Which hosts a request names, in whatever way.

use super::Judgement;
use crate::compute::model::Affinity;
use crate::compute::scheduler::host::HostState;
use crate::compute::scheduler::refusal::Refusal;
use crate::compute::scheduler::request::Request;
use crate::compute::scheduler::rules::Rules;

/// Every host.
pub fn all_hosts<'a>(_: &'a Rules, _: &'a Request, _: &'a HostState) -> Judgement<'a> {
    Ok(None)
}

/// The host that was asked for by name, if one was.
pub fn requested<'a>(_: &'a Rules, request: &'a Request, host: &'a HostState) -> Judgement<'a> {
    match &request.host {
        Some(wanted) if *wanted != host.name => Err(Refusal::NotRequested(wanted)),
        _ => Ok(None),
    }
}

/// A host that is plugged into every physical network that the server's ports are on.
pub fn plugged<'a>(_: &'a Rules, request: &'a Request, host: &'a HostState) -> Judgement<'a> {
    let wanted = &request.physical_networks;
    let missing = wanted
        .iter()
        .find(|name| !host.physical_networks.contains(name));
    missing.map_or(Ok(None), |name| Err(Refusal::NotPlugged(name)))
}

/// A host of the servers named in the hint `same_host`.
pub fn same_host<'a>(_: &'a Rules, request: &'a Request, host: &'a HostState) -> Judgement<'a> {
    match &request.same_host {
        Some(hosts) if !hosts.contains(&host.name) => Err(Refusal::NotSameHost),
        _ => Ok(None),
    }
}

/// No host of the servers named in the hint `different_host`.
pub fn different_host<'a>(
    _: &'a Rules,
    request: &'a Request,
    host: &'a HostState,
) -> Judgement<'a> {
    if request.different_host.contains(&host.name) {
        return Err(Refusal::NotDifferentHost);
    }
    Ok(None)
}

/// The host of the group's other members, where the group asks for one host.
pub fn affinity<'a>(_: &'a Rules, request: &'a Request, host: &'a HostState) -> Judgement<'a> {
    match &request.group {
        Some(group) if group.affinity == Affinity::Together && !group.allows(&host.name) => {
            Err(Refusal::GroupElsewhere)
        }
        _ => Ok(None),
    }
}

/// A host with fewer members of the group than may share one, where the group asks for different hosts.
pub fn anti_affinity<'a>(_: &'a Rules, request: &'a Request, host: &'a HostState) -> Judgement<'a> {
    let Some(group) = &request.group else {
        return Ok(None);
    };
    if group.affinity == Affinity::Apart && !group.allows(&host.name) {
        return Err(Refusal::GroupHere {
            members: group.members_on(&host.name),
            max: group.max_per_host,
        });
    }
    Ok(None)
}

/// A host with an address in the network of the hints `build_near_host_ip` and `cidr`.
pub fn near<'a>(_: &'a Rules, request: &'a Request, host: &'a HostState) -> Judgement<'a> {
    match &request.near {
        Some(network)
            if !host
                .address
                .is_some_and(|address| network.contains(&address)) =>
        {
            Err(Refusal::NotNear(network))
        }
        _ => Ok(None),
    }
}
