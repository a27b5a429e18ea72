//! What a simulated host is like, and the `sim:` address that says it.
//!
//! `sim:` alone is a host of 64 processors, 256 GiB of memory and 8 TiB of disk. Further wishes follow as in an address of the web:
//! `sim:?vcpus=16&memory_mb=65536&seed=7&state=/var/lib/x&latency_ms=20`. An unknown key is an error that names the
//! nearest known one.

use std::path::PathBuf;
use std::time::Duration;

use super::fleet::Fleet;
use crate::hypervisor::{HvError, HvResult};

/// A simulated host.
#[derive(Clone, Debug)]
pub struct SimConfig {
    /// Logical processors.
    pub vcpus: u32,
    /// Memory in MiB.
    pub memory_mb: u64,
    /// Disk in GiB.
    pub disk_gb: u64,
    /// Decides the load of every guest, together with the guest's id.
    pub seed: u64,
    /// Directory where guests are kept between runs, one file each; in memory only when absent.
    pub state: Option<PathBuf>,
    /// Hosts between which guests can be moved; one that is alone in its fleet has none.
    pub fleet: Fleet,
    /// Its name in the fleet: `sim:NAME` is its address for others.
    pub name: String,
    /// How long things take.
    pub latency: Latency,
    /// After how long a call that hangs (see [`super::Fault::Hang`]) is given up as unavailable.
    pub deadline: Duration,
}

/// How long a simulated host takes for its work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// Any call.
    pub call: Duration,
    /// Starting a guest, besides.
    pub start: Duration,
    /// From the request to shut down until the guest is off.
    pub shutdown: Duration,
    /// Copying a root disk, besides.
    pub copy: Duration,
    /// Moving a guest to another host, besides.
    pub migrate: Duration,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            vcpus: 64,
            memory_mb: 256 * 1024,
            disk_gb: 8 * 1024,
            seed: 1,
            state: None,
            fleet: Fleet::default(),
            name: String::new(),
            latency: Latency::default(),
            deadline: Duration::from_secs(30),
        }
    }
}

const KEYS: [&str; 10] = [
    "vcpus",
    "memory_mb",
    "disk_gb",
    "seed",
    "state",
    "latency_ms",
    "start_ms",
    "shutdown_ms",
    "migrate_ms",
    "deadline_ms",
];

impl SimConfig {
    /// Reads a `sim:` address.
    pub fn from_uri(uri: &str) -> HvResult<Self> {
        let rest = uri
            .strip_prefix("sim:")
            .ok_or_else(|| refused(uri, "it does not begin with sim:"))?;
        let mut config = Self::default();
        let query = match rest.trim_start_matches('/') {
            "" => return Ok(config),
            rest => rest
                .strip_prefix('?')
                .ok_or_else(|| refused(uri, "expected sim:?key=value&key=value"))?,
        };
        for pair in query.split('&') {
            let (key, value) = pair
                .split_once('=')
                .ok_or_else(|| refused(uri, &format!("{pair:?} is not key=value")))?;
            config
                .set(key, value)
                .map_err(|reason| refused(uri, &reason))?;
        }
        Ok(config)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let millis = || number(key, value, 3_600_000).map(Duration::from_millis);
        match key {
            "vcpus" => self.vcpus = number(key, value, 65_536)? as u32,
            "memory_mb" => self.memory_mb = number(key, value, 1 << 40)?,
            "disk_gb" => self.disk_gb = number(key, value, 1 << 30)?,
            "seed" => self.seed = number(key, value, u64::MAX)?,
            "state" => self.state = Some(PathBuf::from(value)),
            "latency_ms" => self.latency.call = millis()?,
            "start_ms" => self.latency.start = millis()?,
            "shutdown_ms" => self.latency.shutdown = millis()?,
            "migrate_ms" => self.latency.migrate = millis()?,
            "deadline_ms" => self.deadline = millis()?,
            _ => {
                let nearest = KEYS
                    .iter()
                    .min_by_key(|known| strsim::levenshtein(known, key))
                    .unwrap_or(&KEYS[0]);
                return Err(format!("unknown key {key:?}; did you mean {nearest:?}?"));
            }
        }
        Ok(())
    }
}

fn number(key: &str, value: &str, most: u64) -> Result<u64, String> {
    match value.parse::<u64>() {
        Ok(number) if number <= most => Ok(number),
        _ => Err(format!(
            "{key} must be a number from 0 to {most}, not {value:?}"
        )),
    }
}

fn refused(uri: &str, reason: &str) -> HvError {
    HvError::Refused(format!("hypervisor address {uri:?}: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_say_what_the_host_is_like() {
        assert_eq!(SimConfig::from_uri("sim:").unwrap().vcpus, 64);
        assert_eq!(SimConfig::from_uri("sim:///").unwrap().vcpus, 64);
        let config = SimConfig::from_uri("sim:?vcpus=4&memory_mb=8192&seed=9&state=/x&start_ms=5");
        let config = config.unwrap();
        assert_eq!((config.vcpus, config.memory_mb, config.seed), (4, 8192, 9));
        assert_eq!(config.state, Some(PathBuf::from("/x")));
        assert_eq!(config.latency.start, Duration::from_millis(5));
    }

    #[rstest::rstest]
    #[case("sim:?vcpu=4", "did you mean \"vcpus\"")]
    #[case("sim:?vcpus=many", "vcpus must be a number")]
    #[case("sim:vcpus=4", "expected sim:?key=value")]
    #[case("sim:?vcpus", "is not key=value")]
    fn a_wrong_address_says_what_is_wrong(#[case] uri: &str, #[case] says: &str) {
        let message = SimConfig::from_uri(uri).unwrap_err().to_string();
        assert!(message.contains(says), "{message}");
    }
}
