//! From two readings of a guest's counters to what it does per second. Pure.

use crate::hypervisor::GuestStats;
use crate::telemetry::rpc::Values;

/// Values in the order of the meters. Memory needs one reading, the rest two of the same life.
pub fn guest(before: Option<&GuestStats>, now: &GuestStats) -> Values {
    let memory = match now.memory_usable_kib {
        Some(usable) if usable <= now.memory_actual_kib => Some(now.memory_actual_kib - usable),
        // The guest does not tell; what the host holds for it is the next best.
        _ => (now.memory_rss_kib).map(|held| held.min(now.memory_actual_kib)),
    };
    let seconds = before
        .map(|before| seconds_between(before, now))
        .filter(|seconds| *seconds > 0.0);
    let rate =
        |counter: fn(&GuestStats) -> u64| per_second(counter(before?), counter(now), seconds?);
    let cpu = rate(|stats| stats.cpu_ns).map(|ns| {
        (ns / 1e7 / f32::from(u16::try_from(now.vcpus.max(1)).unwrap_or(u16::MAX))).min(100.0)
    });
    [
        cpu,
        memory.map(mib),
        rate(|stats| stats.disks.iter().map(|disk| disk.read_bytes).sum()),
        rate(|stats| stats.disks.iter().map(|disk| disk.write_bytes).sum()),
        rate(|stats| stats.disks.iter().map(|disk| disk.read_requests).sum()),
        rate(|stats| stats.disks.iter().map(|disk| disk.write_requests).sum()),
        rate(|stats| stats.nics.iter().map(|nic| nic.rx_bytes).sum()),
        rate(|stats| stats.nics.iter().map(|nic| nic.tx_bytes).sum()),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "an interval of some seconds")]
fn seconds_between(before: &GuestStats, now: &GuestStats) -> f64 {
    (now.at.0 - before.at.0) as f64 / 1e6
}

/// Change per second; nothing if the counter went back.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "rates are for people and charts"
)]
pub fn per_second(before: u64, now: u64, seconds: f64) -> Option<f32> {
    Some((now.checked_sub(before)? as f64 / seconds) as f32)
}

/// KiB as MiB.
#[expect(
    clippy::cast_precision_loss,
    reason = "single precision holds MiB of any machine well enough"
)]
pub fn mib(kib: u64) -> f32 {
    kib as f32 / 1024.0
}

/// A whole number as single precision.
#[expect(
    clippy::cast_precision_loss,
    reason = "single precision holds MiB of any machine well enough"
)]
pub fn whole(number: u64) -> f32 {
    number as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Time;

    #[test]
    fn memory_is_what_the_guest_uses_or_else_what_is_held_for_it_or_else_not_known() {
        let of = |usable: Option<u64>, held: Option<u64>| {
            let stats = GuestStats {
                memory_actual_kib: 4096,
                memory_usable_kib: usable,
                memory_rss_kib: held,
                ..GuestStats::default()
            };
            guest(None, &stats)[1]
        };
        assert_eq!(of(Some(1024), Some(2048)), Some(3.0));
        assert_eq!(of(None, Some(2048)), Some(2.0));
        assert_eq!(of(Some(9999), Some(9999)), Some(4.0));
        // The engine was busy with it; no memory at all would be a lie.
        assert_eq!(of(None, None), None);
    }

    #[test]
    fn rates_need_two_readings_of_one_life() {
        let first = GuestStats {
            at: Time(0),
            vcpus: 2,
            cpu_ns: 1_000_000_000,
            memory_actual_kib: 2048,
            memory_usable_kib: Some(1024),
            ..GuestStats::default()
        };
        let second = GuestStats {
            at: Time(1_000_000),
            cpu_ns: 2_000_000_000,
            ..first.clone()
        };
        let values = guest(Some(&first), &second);
        assert_eq!(
            (values[0], values[1], values[2]),
            (Some(50.0), Some(1.0), Some(0.0))
        );
        assert_eq!(guest(None, &second)[0], None);
        assert_eq!(
            guest(
                Some(&second),
                &GuestStats {
                    at: Time(2_000_000),
                    ..first
                }
            )[0],
            None
        );
    }
}
