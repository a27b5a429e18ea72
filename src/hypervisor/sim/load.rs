//! The load of simulated guests: counters as functions of time and seed, without any state that ticks.
//!
//! A rate is a constant, a few sines (minutes to a day), short bursts and noise that changes every second. Each of these
//! has an integral that can be written down, so a counter at any moment costs a few dozen multiplications, however long
//! the guest has run, and is the same in every run. The constant outweighs everything that may be negative: counters
//! never fall.

use crate::ids::Time;

/// What a guest has used since it was started, in the units of [`crate::hypervisor::GuestStats`].
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Totals {
    /// Seconds executed.
    pub ran: f64,
    /// Nanoseconds of processor time.
    pub cpu_ns: f64,
    /// Bytes read from disks.
    pub read: f64,
    /// Bytes written to disks.
    pub write: f64,
    /// Bytes received.
    pub rx: f64,
    /// Bytes sent.
    pub tx: f64,
}

/// The load of one guest. Cheap to make: made anew for each use.
pub(super) struct Load {
    seed: u64,
    vcpus: f64,
    /// How busy it is in the long run: part of its processors, 0 to 1.
    level: f64,
}

impl Load {
    /// The load of the guest whose id has these bits.
    pub fn new(seed: u64, guest: u128, vcpus: u32) -> Self {
        let seed = mix(seed ^ (guest as u64) ^ ((guest >> 64) as u64).rotate_left(17));
        // Most guests idle, some serve, few are busy: as in any real cloud.
        let place = unit(seed, 1);
        let level = match unit(seed, 0) {
            kind if kind < 0.55 => 0.01 + 0.05 * place,
            kind if kind < 0.88 => 0.08 + 0.25 * place,
            _ => 0.32 + 0.18 * place,
        };
        Self {
            seed,
            vcpus: f64::from(vcpus),
            level,
        }
    }

    /// What is used by executing from `from` until `until`, when `ran` seconds were executed before.
    pub fn used(&self, from: Time, until: Time, ran: f64) -> Totals {
        let seconds = (until.0.saturating_sub(from.0)).max(0) as f64 / 1e6;
        let boot = |at: f64| 1.0 - (-at / 3.0).exp();
        let booted = boot(ran + seconds) - boot(ran);
        let span = Span {
            from: from.0 as f64 / 1e6,
            seconds,
        };
        let busy = |channel| self.curve(channel).over(&span);
        let io = self.level * 24e6;
        Totals {
            ran: seconds,
            cpu_ns: (self.level * busy(1) * self.vcpus + self.boot_cpu() * booted) * 1e9,
            read: io * 0.3 * busy(2) + 96e6 * booted,
            write: io * 0.7 * busy(3) + 4e6 * booted,
            rx: io * 0.5 * busy(4) + 2e5 * booted,
            tx: io * busy(5) + 1e5 * booted,
        }
    }

    /// Seconds of one processor that booting takes: what the load leaves of it, for about three seconds.
    fn boot_cpu(&self) -> f64 {
        3.0 * (1.0 - MOST * self.level).clamp(0.0, 0.9)
    }

    /// The part of its memory that the guest has in use at `now`, after executing for `ran` seconds.
    pub fn memory_used(&self, now: Time, ran: f64) -> f64 {
        let t = now.0 as f64 / 1e6;
        let rest = 0.30 + 0.35 * unit(self.seed, 7);
        let wave = 0.06 * (t / 1700.0 + 9.0 * unit(self.seed, 8)).sin()
            + 0.02 * (t / 97.0 + 9.0 * unit(self.seed, 9)).sin();
        let warm = 1.0 - 0.6 * (-ran / 60.0).exp();
        ((rest + wave) * warm).clamp(0.02, 0.98)
    }

    fn curve(&self, channel: u64) -> Curve {
        let part = |n: u64| unit(self.seed, channel * 32 + n);
        let wave = |n: u64, height: f64, period: f64| Wave {
            height: height * (0.4 + 0.6 * part(n)),
            speed: std::f64::consts::TAU / (period * (0.7 + 0.6 * part(n + 1))),
            phase: std::f64::consts::TAU * part(n + 2),
        };
        Curve {
            waves: [
                wave(0, 0.22, 86_400.0),
                wave(3, 0.12, 1_900.0),
                wave(6, 0.10, 210.0),
                wave(9, 0.08, 31.0),
            ],
            burst_every: 140.0 + 900.0 * part(12),
            burst_for: 4.0 + 20.0 * part(13),
            burst_shift: 1000.0 * part(14),
            noise: 0.15,
            seed: mix(self.seed ^ channel),
        }
    }
}

struct Span {
    from: f64,
    seconds: f64,
}

struct Wave {
    height: f64,
    speed: f64,
    phase: f64,
}

/// The most a curve's rate can be.
const MOST: f64 = 0.75 + 0.52 + 0.5 + 0.15;

/// A rate of about 0.8 in the long run, never negative and never over [`MOST`].
struct Curve {
    waves: [Wave; 4],
    burst_every: f64,
    burst_for: f64,
    burst_shift: f64,
    noise: f64,
    seed: u64,
}

impl Curve {
    /// The integral of the rate over the span. Never negative: the sines take at most 0.52 of the constant 0.75, the
    /// noise 0.15 a second.
    fn over(&self, span: &Span) -> f64 {
        let (from, until) = (span.from, span.from + span.seconds);
        let waves: f64 = self
            .waves
            .iter()
            .map(|wave| {
                let at = |t: f64| (wave.speed * t + wave.phase).cos();
                wave.height / wave.speed * (at(from) - at(until))
            })
            .sum();
        let bursts = 0.5 * (self.bursting(until) - self.bursting(from));
        let noise = self.noise * (self.jitter(until) - self.jitter(from));
        (0.75 * span.seconds + waves + bursts + noise).max(0.0)
    }

    /// Seconds of burst since the beginning of time.
    fn bursting(&self, t: f64) -> f64 {
        let t = t + self.burst_shift;
        (t / self.burst_every).floor() * self.burst_for + (t % self.burst_every).min(self.burst_for)
    }

    /// A value from 0 to 1 that wanders to a new one every second.
    fn jitter(&self, t: f64) -> f64 {
        let second = t.floor();
        let here = unit(self.seed, second as u64);
        let next = unit(self.seed, second as u64 + 1);
        here + (next - here) * (t - second)
    }
}

/// A number from 0 to 1, decided by the seed and `n`.
fn unit(seed: u64, n: u64) -> f64 {
    (mix(seed.wrapping_add(n.wrapping_mul(0x9e37_79b9_7f4a_7c15))) >> 11) as f64
        / (1u64 << 53) as f64
}

/// The finisher of SplitMix64.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: i64 = 1_780_000_000_000_000;

    proptest! {
        #[test]
        fn counters_never_fall_and_processors_are_never_overdrawn(
            seed: u64, guest: u128, vcpus in 1u32..64, at in 0i64..100_000_000_000, step in 0i64..5_000_000
        ) {
            let load = Load::new(seed, guest, vcpus);
            let from = Time(START + at);
            let used = load.used(from, Time(from.0 + step), 30.0);
            for value in [used.cpu_ns, used.read, used.write, used.rx, used.tx] {
                prop_assert!(value >= 0.0);
            }
            let most = f64::from(vcpus) * step as f64 * 1e3;
            prop_assert!(used.cpu_ns <= most * 1.05 + 1e6, "{} of {}", used.cpu_ns, most);
        }

        #[test]
        fn a_span_is_the_sum_of_its_parts(seed: u64, guest: u128, cut in 1i64..600_000_000) {
            let load = Load::new(seed, guest, 2);
            let (from, until) = (Time(START), Time(START + 600_000_000));
            let middle = Time(START + cut);
            let first = load.used(from, middle, 0.0);
            let second = load.used(middle, until, first.ran);
            let whole = load.used(from, until, 0.0);
            prop_assert!((first.cpu_ns + second.cpu_ns - whole.cpu_ns).abs() < 1e4);
            prop_assert!((first.tx + second.tx - whole.tx).abs() < 1.0);
        }
    }

    #[test]
    fn rates_vary_from_second_to_second_and_among_guests() {
        let rate = |guest: u128, second: i64| {
            let from = Time(START + second * 1_000_000);
            Load::new(1, guest, 1)
                .used(from, from.plus_seconds(1), 100.0)
                .cpu_ns as i64
        };
        let distinct: std::collections::BTreeSet<i64> = (0..60).map(|s| rate(5, s)).collect();
        assert_eq!(distinct.len(), 60);
        assert_ne!(rate(5, 0), rate(6, 0));
        assert_eq!(rate(5, 0), rate(5, 0));
    }
}
