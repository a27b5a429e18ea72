//! Whether a host has room.

use super::Judgement;
use crate::compute::scheduler::host::HostState;
use crate::compute::scheduler::refusal::{Quantity, Refusal};
use crate::compute::scheduler::request::Request;
use crate::compute::scheduler::rules::Rules;

/// `wanted` is the whole server's, `needed` what it needs in addition to what it holds there.
fn enough<'a>(what: Quantity, wanted: u64, total: u64, needed: u64, free: u64) -> Judgement<'a> {
    if wanted > total {
        return Err(Refusal::TooLarge {
            what,
            wanted,
            total,
        });
    }
    if needed > free {
        return Err(Refusal::Short {
            what,
            wanted: needed,
            available: free,
        });
    }
    Ok(Some((needed, free, what.unit())))
}

/// Enough processors are left.
pub fn cores<'a>(_: &'a Rules, request: &'a Request, host: &'a HostState) -> Judgement<'a> {
    enough(
        Quantity::Vcpus,
        request.resources.vcpus,
        host.total.vcpus,
        request.needed_on(&host.name).vcpus,
        host.free().vcpus,
    )
}

/// Enough memory is left.
pub fn ram<'a>(_: &'a Rules, request: &'a Request, host: &'a HostState) -> Judgement<'a> {
    enough(
        Quantity::Memory,
        request.resources.memory_mb,
        host.total.memory_mb,
        request.needed_on(&host.name).memory_mb,
        host.free().memory_mb,
    )
}

/// Enough disk is left.
pub fn disk<'a>(_: &'a Rules, request: &'a Request, host: &'a HostState) -> Judgement<'a> {
    enough(
        Quantity::Disk,
        request.resources.disk_gb,
        host.total.disk_gb,
        request.needed_on(&host.name).disk_gb,
        host.free().disk_gb,
    )
}

/// The host has fewer servers than it may have.
pub fn instances<'a>(rules: &'a Rules, request: &'a Request, host: &'a HostState) -> Judgement<'a> {
    if host.servers >= rules.max_instances && !request.is_held_on(&host.name) {
        return Err(Refusal::Full {
            servers: host.servers,
            max: rules.max_instances,
        });
    }
    let left = rules.max_instances.saturating_sub(host.servers);
    Ok(Some((1, left.into(), "servers")))
}

/// The host has less under way than it may have.
pub fn io_ops<'a>(rules: &'a Rules, _: &'a Request, host: &'a HostState) -> Judgement<'a> {
    if host.io_ops >= rules.max_io_ops {
        return Err(Refusal::Busy {
            io_ops: host.io_ops,
            max: rules.max_io_ops,
        });
    }
    let left = rules.max_io_ops - host.io_ops;
    Ok(Some((1, left.into(), "operations")))
}
