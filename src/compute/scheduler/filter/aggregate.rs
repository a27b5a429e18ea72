//! What an operator says by groups of hosts (Nova's host aggregates): which flavors, images and projects belong on which.
//!
//! A host has the metadata of all its aggregates together; where two say different things, either is enough.

use super::Judgement;
use crate::compute::scheduler::capability::holds;
use crate::compute::scheduler::host::HostState;
use crate::compute::scheduler::refusal::Refusal;
use crate::compute::scheduler::request::Request;
use crate::compute::scheduler::rules::Rules;

/// Extra specs of this scope are about aggregates. Those without a scope are ComputeCapabilitiesFilter's.
const SCOPE: &str = "aggregate_instance_extra_specs:";
/// Keys that begin so name projects; several, because a value is short.
const TENANTS: &str = "filter_tenant_id";
/// The key that names flavors.
const FLAVORS: &str = "instance_type";

/// One of the host's aggregates has what the flavor's extra specs ask for.
pub fn extra_specs<'a>(_: &'a Rules, request: &'a Request, host: &'a HostState) -> Judgement<'a> {
    for (key, wanted) in &request.extra_specs {
        let Some(name) = key.strip_prefix(SCOPE) else {
            continue;
        };
        let met = host
            .aggregate_metadata
            .get(name)
            .is_some_and(|values| values.iter().any(|has| holds(wanted, has)));
        if !met {
            return Err(Refusal::Aggregate { key, wanted });
        }
    }
    Ok(None)
}

/// The host is kept for no projects, or for this one.
pub fn tenants<'a>(_: &'a Rules, request: &'a Request, host: &'a HostState) -> Judgement<'a> {
    let mut kept_for = host
        .aggregate_metadata
        .iter()
        .filter(|(key, _)| key.starts_with(TENANTS))
        .flat_map(|(_, values)| values)
        .peekable();
    if kept_for.peek().is_none() {
        return Ok(None);
    }
    let own = request.project.map(|project| project.to_string());
    if own.is_some_and(|own| kept_for.any(|project| *project == own)) {
        return Ok(None);
    }
    Err(Refusal::OtherTenants)
}

/// The host is kept for no flavors, or for this one.
pub fn flavors<'a>(_: &'a Rules, request: &'a Request, host: &'a HostState) -> Judgement<'a> {
    match host.aggregate_metadata.get(FLAVORS) {
        Some(names) if !names.contains(&request.flavor) => Err(Refusal::OtherFlavors),
        _ => Ok(None),
    }
}

/// Properties of the image that an aggregate speaks of, too, have one of the aggregates' values.
pub fn image_properties<'a>(
    _: &'a Rules,
    request: &'a Request,
    host: &'a HostState,
) -> Judgement<'a> {
    for (property, wanted) in &request.image_properties {
        if host
            .aggregate_metadata
            .get(property)
            .is_some_and(|values| !values.contains(wanted))
        {
            return Err(Refusal::AggregateImage { property, wanted });
        }
    }
    Ok(None)
}

/// Images that are set apart run on hosts that are set apart, and others do not.
pub fn isolated<'a>(rules: &'a Rules, request: &'a Request, host: &'a HostState) -> Judgement<'a> {
    let apart = &rules.isolation;
    if host.isolation_waived {
        return Ok(None);
    }
    let image = request
        .image
        .is_some_and(|image| apart.images.contains(&image));
    match (image, apart.hosts.contains(&host.name)) {
        (true, false) => Err(Refusal::ImageIsolated),
        (false, true) if apart.hosts_for_images_only => Err(Refusal::HostIsolated),
        _ => Ok(None),
    }
}

/// Every condition that the operator has set holds.
pub fn conditions<'a>(
    rules: &'a Rules,
    request: &'a Request,
    host: &'a HostState,
) -> Judgement<'a> {
    match rules
        .conditions
        .iter()
        .find(|condition| !condition.holds(request, host))
    {
        Some(condition) => Err(Refusal::Condition(&condition.name)),
        None => Ok(None),
    }
}
