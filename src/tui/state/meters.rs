//! The newest rates of servers and hosts, and the short history that sparklines are drawn from.
//!
//! A sample goes into the history at most once a step of [`STEP`] seconds (the mean of what came in it), so that
//! sparklines move rarely enough for a slow line and still cover some minutes. Long histories are the cloud's; the
//! screens that chart them ask for a series.

use std::collections::HashMap;

use crate::ids::Time;
use crate::telemetry::wire::{Meter, Rates, SampleBatch};

/// Steps of history kept.
pub const STEPS: usize = 24;
/// Seconds of a step.
pub const STEP: i64 = 5;
/// Steps kept of all hosts together: a quarter of an hour.
pub const CLOUD_STEPS: usize = 180;
/// Meters with a history, in the order in which it is kept.
const KEPT: [Meter; 4] = [
    Meter::CpuUtil,
    Meter::MemoryUsage,
    Meter::NetIn,
    Meter::DiskWrite,
];

/// Rates of one server or host.
#[derive(Clone, Debug, Default)]
pub struct Gauge {
    /// The newest.
    pub rates: Rates,
    /// When they were measured.
    pub at: Time,
    step: i64,
    history: [Vec<f32>; KEPT.len()],
    /// GiB used and there, of a host's disk under the guests.
    pub disk_gb: Option<(f32, f32)>,
}

impl Gauge {
    /// The last steps of a meter, oldest first; empty for meters without a history.
    pub fn history(&self, meter: Meter) -> &[f32] {
        KEPT.iter()
            .position(|kept| *kept == meter)
            .map_or(&[], |at| &self.history[at])
    }

    fn take(&mut self, rates: Rates, at: Time) {
        if at < self.at {
            return;
        }
        let step = at.0 / (STEP * 1_000_000);
        for (meter, history) in KEPT.into_iter().zip(&mut self.history) {
            let value = rates.get(meter).unwrap_or(f32::NAN);
            match history.last_mut() {
                Some(last) if step == self.step => {
                    *last = if last.is_nan() {
                        value
                    } else {
                        (*last + value) / 2.0
                    };
                }
                _ => {
                    let missed = if history.is_empty() {
                        0
                    } else {
                        step - self.step - 1
                    };
                    let gaps = usize::try_from(missed).unwrap_or(0).min(STEPS);
                    history.extend(std::iter::repeat_n(f32::NAN, gaps));
                    history.push(value);
                    let surplus = history.len().saturating_sub(STEPS);
                    history.drain(..surplus);
                }
            }
        }
        self.step = step;
        self.rates = rates;
        self.at = at;
    }
}

/// Rates of all hosts together over the last minutes.
#[derive(Debug, Default)]
pub struct Cloud {
    cpu: Vec<f32>,
    net_in: Vec<f32>,
    net_out: Vec<f32>,
    step: i64,
}

impl Cloud {
    /// Mean processor use in per cent by step, oldest first.
    pub fn cpu(&self) -> &[f32] {
        &self.cpu
    }

    /// Bytes per second received by step.
    pub fn net_in(&self) -> &[f32] {
        &self.net_in
    }

    /// Bytes per second sent by step.
    pub fn net_out(&self) -> &[f32] {
        &self.net_out
    }

    /// Number of the last step since 1970.
    pub fn last_step(&self) -> i64 {
        self.step
    }

    fn take(&mut self, hosts: &HashMap<String, Gauge>, at: Time) {
        let step = at.0 / (STEP * 1_000_000);
        if step < self.step {
            return;
        }
        let sum = |meter: Meter| {
            hosts
                .values()
                .filter_map(|gauge| gauge.rates.get(meter))
                .sum::<f32>()
        };
        let measured = hosts
            .values()
            .filter(|gauge| gauge.rates.cpu_util.is_some())
            .count();
        let cpu = if measured == 0 {
            f32::NAN
        } else {
            sum(Meter::CpuUtil) / measured as f32
        };
        let lines = [
            (&mut self.cpu, cpu),
            (&mut self.net_in, sum(Meter::NetIn)),
            (&mut self.net_out, sum(Meter::NetOut)),
        ];
        for (line, value) in lines {
            let missed = if line.is_empty() {
                0
            } else {
                step - self.step - 1
            };
            let gaps = usize::try_from(missed).unwrap_or(0).min(CLOUD_STEPS);
            line.extend(std::iter::repeat_n(f32::NAN, gaps));
            match line.last_mut() {
                Some(last) if step == self.step => *last = value,
                _ => line.push(value),
            }
            let surplus = line.len().saturating_sub(CLOUD_STEPS);
            line.drain(..surplus);
        }
        self.step = step;
    }
}

/// Rates of everything that is measured.
#[derive(Debug, Default)]
pub struct Meters {
    servers: HashMap<String, Gauge>,
    hosts: HashMap<String, Gauge>,
    cloud: Cloud,
    /// When the newest batch was measured.
    pub at: Time,
}

impl Meters {
    /// Takes in a batch.
    pub fn take(&mut self, batch: SampleBatch) {
        let at = batch.at;
        for server in batch.servers {
            self.servers
                .entry(server.id)
                .or_default()
                .take(server.rates, at);
        }
        for host in batch.hosts {
            let gauge = self.hosts.entry(host.host).or_default();
            gauge.take(host.rates, at);
            gauge.disk_gb = host.disk_used_gb.zip(host.disk_total_gb);
        }
        self.at = self.at.max(at);
        if !self.hosts.is_empty() {
            self.cloud.take(&self.hosts, at);
        }
    }

    /// All hosts together.
    pub fn cloud(&self) -> &Cloud {
        &self.cloud
    }

    /// Forgets servers that were not measured for `seconds`; they are off or gone.
    pub fn forget_older(&mut self, now: Time, seconds: i64) {
        let limit = now.plus_seconds(-seconds);
        self.servers.retain(|_, gauge| gauge.at >= limit);
        self.hosts.retain(|_, gauge| gauge.at >= limit);
    }

    /// Rates of a server by its id.
    pub fn server(&self, id: &str) -> Option<&Gauge> {
        self.servers.get(id)
    }

    /// Rates of a host by its name.
    pub fn host(&self, name: &str) -> Option<&Gauge> {
        self.hosts.get(name)
    }

    /// All measured servers.
    pub fn servers(&self) -> impl Iterator<Item = (&str, &Gauge)> {
        self.servers.iter().map(|(id, gauge)| (id.as_str(), gauge))
    }

    /// All measured hosts.
    pub fn hosts(&self) -> impl Iterator<Item = (&str, &Gauge)> {
        self.hosts.iter().map(|(id, gauge)| (id.as_str(), gauge))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::wire::ServerRates;

    fn batch(second: i64, cpu: f32) -> SampleBatch {
        SampleBatch {
            at: Time(second * 1_000_000),
            servers: vec![ServerRates {
                id: "s".into(),
                rates: Rates {
                    cpu_util: Some(cpu),
                    ..Rates::default()
                },
            }],
            hosts: Vec::new(),
        }
    }

    #[test]
    fn samples_of_one_step_are_one_point_and_gaps_stay_gaps() {
        let mut meters = Meters::default();
        for (second, cpu) in [(10, 10.0), (11, 20.0), (15, 40.0), (30, 50.0)] {
            meters.take(batch(second, cpu));
        }
        let history = meters.server("s").unwrap().history(Meter::CpuUtil);
        assert_eq!(history[..2], [15.0, 40.0]);
        assert!(history[2].is_nan() && history[3].is_nan());
        assert_eq!(history[4], 50.0);
        assert_eq!(meters.server("s").unwrap().rates.cpu_util, Some(50.0));
    }

    #[test]
    fn history_is_bounded_and_late_samples_are_dropped() {
        let mut meters = Meters::default();
        for step in 0..100 {
            meters.take(batch(step * STEP, 1.0));
        }
        meters.take(batch(3, 99.0));
        let gauge = meters.server("s").unwrap();
        assert_eq!(gauge.history(Meter::CpuUtil).len(), STEPS);
        assert_eq!(gauge.rates.cpu_util, Some(1.0));
        meters.forget_older(Time(10_000 * 1_000_000), 60);
        assert!(meters.server("s").is_none());
    }
}
