//! Whether a host is there, wanted, and in the right zone.

use super::Judgement;
use crate::compute::scheduler::host::HostState;
use crate::compute::scheduler::refusal::Refusal;
use crate::compute::scheduler::request::Request;
use crate::compute::scheduler::rules::Rules;

/// The host is in the zone asked for.
pub fn zone<'a>(_: &'a Rules, request: &'a Request, host: &'a HostState) -> Judgement<'a> {
    match &request.availability_zone {
        Some(zone) if *zone != host.zone => Err(Refusal::Zone(zone)),
        _ => Ok(None),
    }
}

/// The host reports, its hypervisor answers, and it takes new servers.
pub fn compute<'a>(_: &'a Rules, _: &'a Request, host: &'a HostState) -> Judgement<'a> {
    if host.forced_down {
        return Err(Refusal::ForcedDown);
    }
    if !host.up {
        return Err(Refusal::Down);
    }
    if let Some(trouble) = &host.trouble {
        return Err(Refusal::Trouble(trouble));
    }
    if !host.enabled {
        return Err(Refusal::Disabled(host.disabled_reason.as_deref()));
    }
    Ok(None)
}

/// A host that measures everything that is weighed (`compute.metrics`).
pub fn metrics<'a>(rules: &'a Rules, _: &'a Request, host: &'a HostState) -> Judgement<'a> {
    let missing = rules
        .metrics
        .keys()
        .find(|name| !host.metrics.contains_key(*name));
    missing.map_or(Ok(None), |name| Err(Refusal::NotMeasured(name)))
}
