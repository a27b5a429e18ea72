//! What can be found out about a move to a host before anything is begun: the same that the operation finds out first, asked
//! of both nodes, so that an operator knows it beforehand. Nothing of the guest is changed.

use std::time::Duration;

use crate::bus::{CallError, FaultKind, Rpc};
use crate::compute::model::{Forecast, Host, Server, VmState};
use crate::compute::ops::host_list::host_show;
use crate::compute::ops::{instance_spec, instance_spec_with_image};
use crate::compute::rpc::InstanceSpec;
use crate::compute::rpc::migration::{MigrationPlanDestination, MigrationPlanSource, SourceFacts};
use crate::context::Context;
use crate::error::Result;
use crate::hypervisor::migration::DiskCopy;
use crate::ids::OperationId;
use crate::saga::Failure;

use super::migration_disks::{disk_bytes, disk_copy, link_bps};

/// How long a node may take to answer; a second of it is spent with looking at the guest.
const CALL: Duration = Duration::from_secs(10);

/// What was found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// It can be done, and will take that long.
    Goes(Forecast),
    /// This stands against it.
    Refused(Failure),
    /// Nothing was asked, or a node did not answer, for this reason.
    Unknown(String),
}

/// Looks at a live migration of the server to this host. `block` is whether disks are to be copied, if that was asked for.
pub(super) async fn outlook(
    cx: &Context,
    server: &Server,
    to: &str,
    block: Option<bool>,
) -> Result<Outlook> {
    if !matches!(server.vm_state, VmState::Active | VmState::Paused) {
        return Ok(Outlook::Unknown(
            "it does not run, and is moved cold".into(),
        ));
    }
    let Some(from) = server
        .host
        .as_deref()
        .filter(|_| server.task_state.is_none())
    else {
        return Ok(Outlook::Unknown("something is done to it".into()));
    };
    // As a move of its own: what is found belongs together.
    let mark = OperationId::new();
    let source = MigrationPlanSource {
        id: server.id,
        mark,
    };
    let facts = match ask(cx, from, &source).await {
        Ok(facts) => facts,
        Err(outlook) => return Ok(outlook),
    };
    let (spec, image) = spec_for(cx, server).await?;
    let destination = MigrationPlanDestination {
        spec,
        mark,
        cpu: facts.cpu.clone(),
    };
    let door = match ask(cx, to, &destination).await {
        Ok(door) => door,
        Err(outlook) => return Ok(outlook),
    };
    let hosts = (host_show(cx, from).await?, host_show(cx, to).await?);
    let disks = check_versions(&hosts.0, &hosts.1)
        .and_then(|()| disk_copy(from, to, &facts, &door, block, image));
    Ok(match disks {
        Err(failure) => Outlook::Refused(failure),
        Ok(disks) => Outlook::Goes(forecast(cx, from, &facts, disks).await?),
    })
}

/// What the destination has to know of the guest, and whether its image can still be fetched.
pub(in crate::compute) async fn spec_for(
    cx: &Context,
    server: &Server,
) -> Result<(InstanceSpec, bool)> {
    match instance_spec_with_image(cx, server).await {
        Ok(spec) => Ok((spec, true)),
        // Deleted or switched off since.
        Err(error) if error.status() < 500 => Ok((instance_spec(cx, server).await?, false)),
        Err(error) => Err(error),
    }
}

/// How long it will take to send that from this host.
pub(in crate::compute) async fn forecast(
    cx: &Context,
    from: &str,
    facts: &SourceFacts,
    disks: DiskCopy,
) -> Result<Forecast> {
    Ok(Forecast::of(
        facts.memory_bytes,
        disk_bytes(facts, disks),
        facts.dirty_bps.unwrap_or(0),
        link_bps(cx, from).await?,
        cx.config.compute.live_migration_downtime,
    ))
}

/// Succeeds if a guest that runs on one host can go on on the other, as far as their hypervisors go: of the same kind, and
/// not older, since an older one does not know the machine that a newer one made.
pub(in crate::compute) fn check_versions(
    from: &Host,
    to: &Host,
) -> std::result::Result<(), Failure> {
    if from.hypervisor_type != to.hypervisor_type {
        return Err(Failure::new(format!(
            "{} runs guests by {} and {} by {}",
            from.name, from.hypervisor_type, to.name, to.hypervisor_type
        ))
        .hint("move it while it is off, or to a host of the same kind"));
    }
    if to.hypervisor_version < from.hypervisor_version {
        return Err(Failure::new(format!(
            "the hypervisor of {} ({}) is older than that of {} ({})",
            to.name,
            version(to.hypervisor_version),
            from.name,
            version(from.hypervisor_version)
        ))
        .hint(format!("upgrade {}, or move it while it is off", to.name)));
    }
    Ok(())
}

/// `7.2.0`, of libvirt's number.
fn version(number: i64) -> String {
    let (major, minor) = (number / 1_000_000, number / 1_000 % 1_000);
    format!("{major}.{minor}.{}", number % 1_000)
}

/// Asks a node. What it refuses is its word; what it does not answer is not known.
async fn ask<R: Rpc>(
    cx: &Context,
    host: &str,
    request: &R,
) -> std::result::Result<R::Reply, Outlook> {
    match cx.bus.call(host, None, request, CALL).await {
        Ok(reply) => Ok(reply),
        Err(CallError::Fault(fault)) if fault.kind == FaultKind::NotFound => {
            Err(Outlook::Refused(Failure::new(fault.message)))
        }
        Err(error) => Err(Outlook::Unknown(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("qemu", 7_002_000, "qemu", 7_002_000, None)]
    #[case("qemu", 7_002_000, "qemu", 8_000_001, None)]
    #[case(
        "qemu",
        8_000_001,
        "qemu",
        7_002_000,
        Some("of n2 (7.2.0) is older than that of n1 (8.0.1)")
    )]
    #[case(
        "kvm",
        7_002_000,
        "qemu",
        7_002_000,
        Some("n1 runs guests by kvm and n2 by qemu")
    )]
    fn a_guest_goes_to_no_older_hypervisor_and_to_none_of_another_kind(
        #[case] from: &str,
        #[case] old: i64,
        #[case] to: &str,
        #[case] new: i64,
        #[case] says: Option<&str>,
    ) {
        let host = |name: &str, kind: &str, version: i64| Host {
            hypervisor_type: kind.into(),
            hypervisor_version: version,
            name: name.into(),
            ..Host::default()
        };
        let checked = check_versions(&host("n1", from, old), &host("n2", to, new));
        let failure = checked.err().map(|failure| failure.message);
        match says {
            None => assert_eq!(failure, None),
            Some(part) => assert!(failure.as_ref().unwrap().contains(part), "{failure:?}"),
        }
    }
}
