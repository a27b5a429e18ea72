//! Counters of all running guests, in one call.

use std::sync::Arc;

use virt::connect::Connect;
use virt::sys as v;

use super::guest::Owners;
use super::sys::{self, Values, number, text};
use crate::hypervisor::{DiskStats, GuestStats, HvResult, NicStats};
use crate::ids::{ServerId, Time};

/// The groups of statistics that samples are made of.
const GROUPS: u32 = v::VIR_DOMAIN_STATS_STATE
    | v::VIR_DOMAIN_STATS_CPU_TOTAL
    | v::VIR_DOMAIN_STATS_BALLOON
    | v::VIR_DOMAIN_STATS_VCPU
    | v::VIR_DOMAIN_STATS_INTERFACE
    | v::VIR_DOMAIN_STATS_BLOCK;
/// Running domains; of one that is busy with a job only what needs no waiting.
const FLAGS: u32 =
    v::VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE | v::VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT;

/// Samples all running guests (blocking).
pub(super) fn sample(connection: &Connect, owners: &Arc<Owners>) -> HvResult<Vec<GuestStats>> {
    let records = match sys::all_stats(connection, GROUPS, FLAGS) {
        // A driver that does not know the flag does not wait either.
        Err(crate::hypervisor::HvError::Refused(_)) => sys::all_stats(
            connection,
            GROUPS,
            v::VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE,
        )?,
        records => records?,
    };
    let at = Time::now();
    let mut samples = Vec::with_capacity(records.len());
    for (domain, values) in records {
        // A domain that is gone by now is of no interest.
        if let Ok(uuid) = domain.uuid()
            && owners.ours(&domain).unwrap_or(false)
        {
            samples.push(read(ServerId::from_uuid(uuid), at, &values));
        }
    }
    Ok(samples)
}

/// One guest's counters from libvirt's names.
fn read(id: ServerId, at: Time, values: &Values) -> GuestStats {
    let get = |name: &str| number(values, name).unwrap_or(0);
    GuestStats {
        id,
        at,
        cpu_ns: get("cpu.time"),
        vcpus: get("vcpu.current") as u32,
        memory_actual_kib: get("balloon.current"),
        memory_usable_kib: number(values, "balloon.usable")
            .or_else(|| number(values, "balloon.unused")),
        memory_rss_kib: number(values, "balloon.rss"),
        disks: (0..get("block.count"))
            .map(|index| disk(&format!("block.{index}."), values))
            .collect(),
        nics: (0..get("net.count"))
            .map(|index| nic(&format!("net.{index}."), values))
            .collect(),
    }
}

fn disk(prefix: &str, values: &Values) -> DiskStats {
    let get = |name: &str| number(values, &format!("{prefix}{name}")).unwrap_or(0);
    let name = text(values, &format!("{prefix}name"));
    DiskStats {
        device: name.unwrap_or_default().to_owned(),
        read_bytes: get("rd.bytes"),
        read_requests: get("rd.reqs"),
        write_bytes: get("wr.bytes"),
        write_requests: get("wr.reqs"),
        capacity: get("capacity"),
        allocation: get("allocation"),
    }
}

/// libvirt counts at the tap as the guest sees it: `rx` is what the guest received.
fn nic(prefix: &str, values: &Values) -> NicStats {
    let get = |name: &str| number(values, &format!("{prefix}{name}")).unwrap_or(0);
    let name = text(values, &format!("{prefix}name"));
    NicStats {
        device: name.unwrap_or_default().to_owned(),
        rx_bytes: get("rx.bytes"),
        rx_packets: get("rx.pkts"),
        rx_errors: get("rx.errs"),
        rx_drop: get("rx.drop"),
        tx_bytes: get("tx.bytes"),
        tx_packets: get("tx.pkts"),
        tx_errors: get("tx.errs"),
        tx_drop: get("tx.drop"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_read_by_name_and_what_is_missing_is_zero() {
        let values: Values = [
            ("cpu.time", 5),
            ("vcpu.current", 2),
            ("balloon.current", 1024),
            ("balloon.unused", 300),
            ("block.count", 1),
            ("block.0.wr.bytes", 9),
            ("net.count", 2),
            ("net.1.rx.pkts", 4),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), sys::Value::Number(value)))
        .chain([("block.0.name".to_owned(), sys::Value::Text("vda".into()))])
        .collect();
        let id = ServerId::new();
        let stats = read(id, Time(7), &values);
        let expected = GuestStats {
            id,
            at: Time(7),
            cpu_ns: 5,
            vcpus: 2,
            memory_actual_kib: 1024,
            memory_usable_kib: Some(300),
            memory_rss_kib: None,
            disks: vec![DiskStats {
                device: "vda".into(),
                write_bytes: 9,
                ..DiskStats::default()
            }],
            nics: vec![
                NicStats::default(),
                NicStats {
                    rx_packets: 4,
                    ..NicStats::default()
                },
            ],
        };
        assert_eq!(stats, expected);
    }
}
