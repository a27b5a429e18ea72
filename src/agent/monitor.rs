//! What a node says of itself for the scheduler: its address, and how busy its processors were since the last report, by Nova's
//! names (`cpu.percent`, …), as shares of one.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{Mutex, PoisonError};

/// Remembers the last reading.
#[derive(Default)]
pub struct Monitor {
    last: Mutex<Option<Ticks>>,
}

/// Ticks of all processors since the machine started, by what they were spent for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ticks {
    user: u64,
    kernel: u64,
    idle: u64,
    iowait: u64,
}

impl Monitor {
    /// What was measured since the last call; nothing at the first one, or where `/proc/stat` can not be read.
    pub fn read(&self) -> BTreeMap<String, f64> {
        let now = std::fs::read_to_string("/proc/stat")
            .ok()
            .and_then(|text| ticks(&text));
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *last, now);
        match (before, now) {
            (Some(before), Some(now)) => shares(before, now),
            _ => BTreeMap::new(),
        }
    }
}

/// Ticks of all processors by the first line of `/proc/stat` (proc_stat(5)): user, nice, system, idle, iowait, irq, softirq,
/// steal.
pub fn cpu_line(text: &str) -> Option<[u64; 8]> {
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    let mut words = line.split_whitespace();
    let mut ticks = [0; 8];
    for tick in &mut ticks {
        *tick = words.next()?.parse().ok()?;
    }
    Some(ticks)
}

fn ticks(text: &str) -> Option<Ticks> {
    let [user, nice, system, idle, iowait, irq, softirq, _] = cpu_line(text)?;
    Some(Ticks {
        user: user + nice,
        kernel: system + irq + softirq,
        idle,
        iowait,
    })
}

#[expect(clippy::cast_precision_loss, reason = "ticks between two reports")]
fn shares(before: Ticks, now: Ticks) -> BTreeMap<String, f64> {
    let spent = |part: fn(&Ticks) -> u64| part(&now).saturating_sub(part(&before));
    let parts = [
        ("cpu.user.percent", spent(|ticks| ticks.user)),
        ("cpu.kernel.percent", spent(|ticks| ticks.kernel)),
        ("cpu.idle.percent", spent(|ticks| ticks.idle)),
        ("cpu.iowait.percent", spent(|ticks| ticks.iowait)),
    ];
    let all: u64 = parts.iter().map(|(_, ticks)| ticks).sum();
    if all == 0 {
        return BTreeMap::new();
    }
    let share = |ticks: u64| ticks as f64 / all as f64;
    let busy = spent(|ticks| ticks.user) + spent(|ticks| ticks.kernel);
    parts
        .iter()
        .map(|&(name, ticks)| (name.to_owned(), share(ticks)))
        .chain([("cpu.percent".to_owned(), share(busy))])
        .collect()
}

/// By which address this machine is known to others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whereabouts {
    /// The address that somebody set.
    pub set: Option<IpAddr>,
    /// Host and port of the broker, which every node reaches.
    pub broker: Option<String>,
}

impl Whereabouts {
    /// The address that was set; or else the one by which it speaks to the world; or else, where there is no world, the
    /// one by which it speaks to the broker. Nothing is sent to find it, but to the name service for the broker's name.
    pub async fn address(&self) -> Option<IpAddr> {
        if self.set.is_some() {
            return self.set;
        }
        // Of TEST-NET-1 (RFC 5737): the default route is what counts.
        let world = own_address_to((Ipv4Addr::new(192, 0, 2, 1), 9).into());
        if world.is_some() {
            return world;
        }
        let mut broker = tokio::net::lookup_host(self.broker.as_ref()?).await.ok()?;
        broker.find_map(own_address_to)
    }
}

/// The address by which this machine would speak to that one.
fn own_address_to(other: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = match other {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(other).ok()?;
    let found = socket.local_addr().ok()?.ip();
    (!found.is_unspecified() && !found.is_loopback()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_become_shares_of_what_was_spent_between_two_readings() {
        let before = ticks("cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 1 1 1\n").unwrap();
        let now = ticks("cpu  120 10 100 760 100 5 5 0 0 0\n").unwrap();
        let shares = shares(before, now);
        let share = |name: &str| (shares[name] * 100.0).round();
        assert_eq!(share("cpu.percent"), 40.0);
        assert_eq!(share("cpu.user.percent"), 30.0);
        assert_eq!(share("cpu.kernel.percent"), 10.0);
        assert_eq!(share("cpu.idle.percent"), 60.0);
        assert!(super::shares(now, now).is_empty());
        assert_eq!(ticks("intr 1"), None);
        assert_eq!(ticks("cpu 1 2 3"), None);
    }

    #[test]
    fn the_first_reading_says_nothing() {
        assert!(Monitor::default().read().is_empty());
    }
}
