//! The machine itself, from `/proc`.

use crate::telemetry::rpc::{ServerSample, Values};

use super::rates::{mib, per_second};
use crate::agent::monitor::cpu_line;
use crate::ids::Time;

/// Counters of the machine at one moment. What can not be read is absent.
#[derive(Debug, Default)]
pub(super) struct HostReading {
    at: Time,
    /// Ticks of all processors: busy, and all.
    cpu: Option<(u64, u64)>,
    /// KiB in use.
    memory_used: Option<u64>,
    /// Sectors read and written, requests read and written.
    disk: Option<[u64; 4]>,
    /// Bytes received and sent.
    net: Option<[u64; 2]>,
}

impl HostReading {
    pub(super) async fn read() -> Self {
        let (stat, memory, disks, net) = tokio::join!(
            tokio::fs::read_to_string("/proc/stat"),
            tokio::fs::read_to_string("/proc/meminfo"),
            tokio::fs::read_to_string("/proc/diskstats"),
            tokio::fs::read_to_string("/proc/net/dev"),
        );
        Self {
            at: Time::now(),
            cpu: stat.ok().and_then(|text| cpu(&text)),
            memory_used: memory.ok().and_then(|text| memory_used(&text)),
            disk: disks.ok().map(|text| disk(&text)),
            net: net.ok().map(|text| traffic(&text)),
        }
    }
}

/// What the machine does per second, in the order of the meters.
pub(super) fn rates(before: Option<&HostReading>, now: &HostReading) -> Values {
    #[expect(clippy::cast_precision_loss, reason = "an interval of some seconds")]
    let seconds = before
        .map(|before| (now.at.0 - before.at.0) as f64 / 1e6)
        .filter(|seconds| *seconds > 0.0);
    let disk = |index: usize, unit: u64| {
        let (old, new) = (before?.disk?[index], now.disk?[index]);
        per_second(old.saturating_mul(unit), new.saturating_mul(unit), seconds?)
    };
    let net = |index: usize| per_second(before?.net?[index], now.net?[index], seconds?);
    let cpu = || {
        let ((old_busy, old_all), (busy, all)) = (before?.cpu?, now.cpu?);
        #[expect(clippy::cast_precision_loss, reason = "ticks between two readings")]
        let all = all.checked_sub(old_all).filter(|ticks| *ticks > 0)? as f64;
        per_second(old_busy, busy, all).map(|share| share * 100.0)
    };
    // Sectors of /proc/diskstats have 512 bytes on every device.
    [
        cpu(),
        now.memory_used.map(mib),
        disk(0, 512),
        disk(1, 512),
        disk(2, 1),
        disk(3, 1),
        net(0),
        net(1),
    ]
}

/// A simulated host does what its guests do.
pub(super) fn of_guests(guests: &[ServerSample], vcpus: u32) -> Values {
    let mut sum: Values = [Some(0.0); 8];
    for guest in guests {
        for (total, value) in sum.iter_mut().zip(guest.values) {
            *total = total.map(|total| total + value.unwrap_or(0.0));
        }
    }
    let processors = f32::from(u16::try_from(vcpus.max(1)).unwrap_or(u16::MAX));
    // Each guest's share is of its own processors; as a whole they count for one each at least.
    sum[0] = sum[0].map(|all| (all / processors).min(100.0));
    sum
}

fn cpu(text: &str) -> Option<(u64, u64)> {
    let ticks = cpu_line(text)?;
    let all: u64 = ticks.iter().sum();
    let [_, _, _, idle, iowait, ..] = ticks;
    Some((all - idle - iowait, all))
}

fn memory_used(text: &str) -> Option<u64> {
    let field = |name: &str| -> Option<u64> {
        text.lines().find_map(|line| {
            line.strip_prefix(name)?
                .split_whitespace()
                .next()?
                .parse()
                .ok()
        })
    };
    field("MemTotal:")?.checked_sub(field("MemAvailable:")?)
}

/// Whole disks only: partitions and what is stacked on disks would count twice.
fn disk(text: &str) -> [u64; 4] {
    let mut sum = [0; 4];
    for words in text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
    {
        let Some(name) = words.get(2) else { continue };
        let whole = match name.as_bytes() {
            [b's' | b'v' | b'h', b'd', b'a'..=b'z'] | [b'x', b'v', b'd', b'a'..=b'z'] => true,
            _ => name.starts_with("nvme") && !name.contains('p'),
        };
        if whole {
            for (total, column) in sum.iter_mut().zip([5, 9, 3, 7]) {
                *total += words
                    .get(column)
                    .and_then(|word| word.parse::<u64>().ok())
                    .unwrap_or(0);
            }
        }
    }
    sum
}

/// Interfaces of the machine: not loopback, and nothing that carries another one's traffic again.
fn traffic(text: &str) -> [u64; 2] {
    let mut sum = [0; 2];
    for (name, rest) in text.lines().filter_map(|line| line.split_once(':')) {
        let name = name.trim();
        if name == "lo"
            || [
                "sdb-", "sdt-", "br", "docker", "veth", "virbr", "vnet", "tap",
            ]
            .iter()
            .any(|prefix| name.starts_with(prefix))
        {
            continue;
        }
        let words: Vec<u64> = rest
            .split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect();
        for (total, column) in sum.iter_mut().zip([0, 8]) {
            *total += words.get(column).copied().unwrap_or(0);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_read_from_what_the_kernel_writes() {
        assert_eq!(
            cpu("cpu  10 0 10 70 10 0 0 0 0 0\ncpu0 1 1 1 1\n"),
            Some((20, 100))
        );
        assert_eq!(
            memory_used("MemTotal: 100 kB\nMemFree: 1 kB\nMemAvailable: 40 kB\n"),
            Some(60)
        );
        let disks = " 254 0 vda 5 0 100 0 7 0 200 0 0 0 0\n 254 1 vda1 5 0 100 0 7 0 200 0\n 7 0 loop0 1 0 1 0 1 0 1 0\n";
        assert_eq!(disk(disks), [100, 200, 5, 7]);
        let net = "Inter-|\n face |\n    lo: 9 1 0 0 0 0 0 0 9 1 0\n  eth0: 10 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0\nsdb-1: 5 0 0 0 0 0 0 0 5\n";
        assert_eq!(traffic(net), [10, 20]);
    }
}
