//! Live migration by libvirt, peer to peer: this host's libvirtd connects to the other's and both drive their QEMUs.
//!
//! Peer to peer because then the call that waits may be lost without harm: when this process dies, libvirtd goes on, and
//! whoever asks next finds the job and joins it. When the source's libvirtd or the way between the hosts is lost before the
//! destination has everything, both end the migration by themselves, and the guest goes on at the source; libvirt decides
//! that by its own handshake, in which the source is started again only if the destination surely did not start.
//!
//! libvirt takes files for unsafe to migrate unless it knows their file system to be shared. It knows few, so the check is
//! left to the caller, who made sure by looking from both sides.

use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use tokio::time::{MissedTickBehavior, interval};
use virt::sys as v;

use super::guest::Guest;
use super::link::Lane;
use super::{Libvirt, found, sys};
use crate::hypervisor::migration::{
    Arrival, DiskCopy, Migration, MigrationEnd, MigrationOrder, MigrationProgress,
};
use crate::hypervisor::{HvError, HvResult, PowerState};
use crate::ids::ServerId;

/// How often a job is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// A call that waits for a migration waits as long as it takes; whoever asked bounds it.
const WITHOUT_END: Duration = Duration::from_secs(30 * 86_400);
/// For how many seconds written memory is counted.
const SAMPLE_SECONDS: i32 = 1;
/// How long that may take altogether.
const SAMPLED: Duration = Duration::from_secs(8);

#[async_trait]
impl Migration for Libvirt {
    async fn migrate(
        &self,
        id: ServerId,
        order: &MigrationOrder,
        begin: bool,
        progress: &(dyn Fn(MigrationProgress) + Send + Sync),
    ) -> HvResult<MigrationEnd> {
        let order = order.clone();
        let look = |guest: &Guest| {
            let job = if is_broken(guest)? {
                Job::Broken
            } else if job(guest)?.is_some() {
                Job::UnderWay
            } else {
                Job::None
            };
            Ok(job)
        };
        let under_way = self.ask(id, look).await;
        let call = match under_way {
            Err(HvError::NotFound(_)) => return Ok(MigrationEnd::Left),
            Ok(Job::None | Job::Broken) if begin => self
                .guest_in(Lane::Move, id, "migrating", WITHOUT_END, move |guest| {
                    start(guest, &order)
                })
                .boxed(),
            // Joined: its end is seen, not heard.
            Ok(_) => futures::future::pending().boxed(),
            Err(error) => return Err(error),
        };
        let mut joined = !begin || matches!(under_way, Ok(Job::UnderWay));
        let mut call = call.fuse();
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                said = &mut call => match said.err() {
                    // The way to libvirtd is lost, or that of libvirtd to the other host: it may go on without us.
                    Some(HvError::Unavailable(_)) if self.is_leaving(id).await? => joined = true,
                    said => return self.end(id, said).await,
                },
                _ = ticks.tick() => {}
            }
            if joined && gone_is(self.ask(id, is_broken).await, false)? {
                return self.end(id, None).await;
            }
            match self.ask(id, job).await {
                Ok(Some(values)) => progress(read(&values)),
                Ok(None) | Err(HvError::NotFound(_)) if joined => return self.end(id, None).await,
                // It has yet to begin, or just ended.
                Ok(None) | Err(HvError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn migration_abort(&self, id: ServerId) -> HvResult<bool> {
        let abort = |guest: &Guest| {
            if job(guest)?.is_none() {
                return Ok(false);
            }
            match sys::abort_job(&guest.domain) {
                Ok(()) => Ok(true),
                // It just ended, or the guest executes at the destination.
                Err(HvError::WrongState { .. }) => Ok(false),
                Err(error) => Err(error),
            }
        };
        gone_is(self.ask(id, abort).await, false)
    }

    async fn migration_force(&self, id: ServerId) -> HvResult<bool> {
        let force = |guest: &Guest| {
            if job(guest)?.is_none() {
                return Ok(false);
            }
            if sys::start_post_copy(&guest.domain).is_err() && guest.power()? == PowerState::Running
            {
                // Nothing is written any more, so what is left is sent once.
                guest.domain.suspend()?;
            }
            Ok(true)
        };
        gone_is(self.ask(id, force).await, false)
    }

    async fn arrival(&self, id: ServerId) -> HvResult<Arrival> {
        let look = |guest: &Guest| {
            let (state, reason) = sys::state(&guest.domain)?;
            let on_the_way = [
                v::VIR_DOMAIN_PAUSED_MIGRATION,
                v::VIR_DOMAIN_PAUSED_STARTING_UP,
            ];
            if is_split(state, reason) {
                return Ok(Arrival::Fetching);
            }
            Ok(match state {
                v::VIR_DOMAIN_PAUSED if on_the_way.contains(&reason) => Arrival::Arriving,
                v::VIR_DOMAIN_SHUTOFF | v::VIR_DOMAIN_CRASHED => Arrival::Absent,
                _ => Arrival::Arrived,
            })
        };
        gone_is(self.ask(id, look).await, Arrival::Absent)
    }

    async fn migration_result(&self, id: ServerId) -> HvResult<Option<MigrationProgress>> {
        let result = |guest: &Guest| {
            let flags = v::VIR_DOMAIN_JOB_STATS_COMPLETED | v::VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED;
            let known = match sys::job(&guest.domain, flags) {
                Ok(known) => known,
                Err(HvError::WrongState { .. } | HvError::Unsupported(_)) => return Ok(None),
                Err(error) => return Err(error),
            };
            let incoming = [v::VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN, OUT];
            let (kind, values) = known;
            let about = sys::number(&values, "operation").unwrap_or(0);
            let ours = kind == v::VIR_DOMAIN_JOB_COMPLETED
                && incoming.iter().any(|known| u64::from(*known) == about);
            Ok(ours.then(|| read(&values)))
        };
        self.ask(id, result).await
    }

    async fn dirty_rate(&self, id: ServerId) -> HvResult<Option<u64>> {
        let begun = self
            .ask(id, |guest| {
                sys::start_dirty_rate(&guest.domain, SAMPLE_SECONDS)
            })
            .await;
        match begun {
            Ok(()) => {}
            Err(HvError::Refused(_) | HvError::Unsupported(_) | HvError::WrongState { .. }) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
        let measured = async {
            loop {
                tokio::time::sleep(LOOK).await;
                let values = self
                    .ask(id, |guest| {
                        sys::domain_stats(&guest.domain, v::VIR_DOMAIN_STATS_DIRTYRATE)
                    })
                    .await?;
                let status = sys::number(&values, "dirtyrate.calc_status");
                if status == Some(u64::from(v::VIR_DOMAIN_DIRTYRATE_MEASURED)) {
                    let mib = sys::number(&values, "dirtyrate.megabytes_per_second");
                    return Ok(mib.map(|mib| mib << 20));
                }
            }
        };
        tokio::time::timeout(SAMPLED, measured)
            .await
            .unwrap_or(Ok(None))
    }

    async fn resident_memory(&self, id: ServerId) -> HvResult<u64> {
        // Without the flag not to wait: what holds the guest just now is over soon, and a guess would not be worth it.
        let values = self
            .ask(id, |guest| {
                sys::domain_stats(&guest.domain, v::VIR_DOMAIN_STATS_BALLOON)
            })
            .await?;
        let given = sys::number(&values, "balloon.current").unwrap_or(0);
        // The process holds more than the guest's memory.
        let held = sys::number(&values, "balloon.rss").map_or(given, |held| held.min(given));
        Ok(held << 10)
    }

    async fn guest_cpu(&self, id: ServerId) -> HvResult<Option<String>> {
        self.ask(id, |guest| {
            let xml = guest.domain.xml_desc(v::VIR_DOMAIN_XML_MIGRATABLE)?;
            found::hardware_cpu(&xml)
        })
        .await
    }

    async fn accepts_cpu(&self, cpu: &str) -> HvResult<Result<(), String>> {
        let cpu = cpu.to_owned();
        self.link
            .call(
                Lane::Ask,
                "comparing processors",
                self.deadline,
                move |seat| {
                    let flags = v::VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE;
                    Ok(match seat.connection.compare_cpu(&cpu, flags) {
                        Ok(_) => Ok(()),
                        Err(error) => Err(error.message().to_owned()),
                    })
                },
            )
            .await
    }
}

const OUT: u32 = v::VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT;

impl Libvirt {
    async fn ask<T: Send + 'static>(
        &self,
        id: ServerId,
        work: impl FnOnce(&Guest) -> HvResult<T> + Send + 'static,
    ) -> HvResult<T> {
        self.guest_in(Lane::Ask, id, "looking at a migration", self.deadline, work)
            .await
    }

    /// Whether a job takes the guest away at this moment.
    async fn is_leaving(&self, id: ServerId) -> HvResult<bool> {
        let leaving = |guest: &Guest| Ok(job(guest)?.is_some() && !is_broken(guest)?);
        gone_is(self.ask(id, leaving).await, false)
    }

    /// What is so, now that no migration is under way; `said` is libvirt's complaint, if it had one.
    async fn end(&self, id: ServerId, said: Option<HvError>) -> HvResult<MigrationEnd> {
        let here = self.ask(id, |guest| {
            let (state, reason) = sys::state(&guest.domain)?;
            Ok((guest.is_on()?, reason, is_split(state, reason)))
        });
        let reason = said.map(|error| error.to_string());
        match here.await {
            Err(HvError::NotFound(_)) => Ok(MigrationEnd::Left),
            Ok((true, _, true)) => Ok(MigrationEnd::Split {
                reason: reason.unwrap_or_else(|| "the way between its hosts is lost".into()),
            }),
            Ok((false, reason, _)) if reason == v::VIR_DOMAIN_SHUTOFF_MIGRATED => {
                Ok(MigrationEnd::Left)
            }
            Ok((false, ..)) => Ok(MigrationEnd::Stayed {
                reason: reason.unwrap_or_else(|| "the guest was switched off meanwhile".into()),
            }),
            Ok((true, ..)) => Ok(MigrationEnd::Stayed {
                reason: reason.unwrap_or_else(|| "the migration was broken off".into()),
            }),
            Err(error) => Err(error),
        }
    }
}

/// A guest that is gone has no migration.
fn gone_is<T>(result: HvResult<T>, gone: T) -> HvResult<T> {
    match result {
        Err(HvError::NotFound(_)) => Ok(gone),
        result => result,
    }
}

/// What was found of a migration.
enum Job {
    None,
    UnderWay,
    /// By post-copy, and the way to the destination is lost.
    Broken,
}

/// Whether the way to the destination was lost while the guest executed there with memory of it here.
fn is_broken(guest: &Guest) -> HvResult<bool> {
    let found = sys::state(&guest.domain)?;
    Ok(found == (v::VIR_DOMAIN_PAUSED, v::VIR_DOMAIN_PAUSED_POSTCOPY_FAILED))
}

/// Whether memory of a guest is on two hosts, one of which executes it, or would if the way between them were not lost.
fn is_split(state: u32, reason: u32) -> bool {
    match state {
        v::VIR_DOMAIN_RUNNING => matches!(
            reason,
            v::VIR_DOMAIN_RUNNING_POSTCOPY | v::VIR_DOMAIN_RUNNING_POSTCOPY_FAILED
        ),
        v::VIR_DOMAIN_PAUSED => matches!(
            reason,
            v::VIR_DOMAIN_PAUSED_POSTCOPY | v::VIR_DOMAIN_PAUSED_POSTCOPY_FAILED
        ),
        _ => false,
    }
}

/// The job that takes the guest away, if there is one.
fn job(guest: &Guest) -> HvResult<Option<sys::Values>> {
    if !guest.is_on()? {
        return Ok(None);
    }
    let (kind, values) = match sys::job(&guest.domain, 0) {
        // It went off in this moment.
        Err(HvError::WrongState { .. } | HvError::Unsupported(_)) => return Ok(None),
        found => found?,
    };
    let ours =
        kind != v::VIR_DOMAIN_JOB_NONE && sys::number(&values, "operation") == Some(u64::from(OUT));
    Ok(ours.then_some(values))
}

/// Begins and waits (blocking). One that was off is off again if it stays.
fn start(guest: &Guest, order: &MigrationOrder) -> HvResult<()> {
    if order.from_off && !guest.is_on()? {
        guest.domain.create_with_flags(v::VIR_DOMAIN_START_PAUSED)?;
    }
    let moved = send(guest, order);
    if moved.is_err() && order.from_off && job(guest)?.is_none() && guest.is_on()? {
        guest.domain.destroy()?;
    }
    moved
}

fn send(guest: &Guest, order: &MigrationOrder) -> HvResult<()> {
    let mut flags = v::VIR_MIGRATE_LIVE
        | v::VIR_MIGRATE_PEER2PEER
        | v::VIR_MIGRATE_PERSIST_DEST
        | v::VIR_MIGRATE_UNDEFINE_SOURCE
        | v::VIR_MIGRATE_ABORT_ON_ERROR;
    flags |= match order.disks {
        DiskCopy::Shared => v::VIR_MIGRATE_UNSAFE,
        DiskCopy::Top => v::VIR_MIGRATE_NON_SHARED_INC,
        DiskCopy::Whole => v::VIR_MIGRATE_NON_SHARED_DISK,
    };
    if order.tls {
        flags |= v::VIR_MIGRATE_TLS;
    }
    if order.auto_converge {
        flags |= v::VIR_MIGRATE_AUTO_CONVERGE;
    }
    if order.post_copy {
        flags |= v::VIR_MIGRATE_POSTCOPY;
    }
    if is_broken(guest)? {
        flags |= v::VIR_MIGRATE_POSTCOPY | v::VIR_MIGRATE_POSTCOPY_RESUME;
    }
    let mut params = sys::Params::default();
    if let Some(address) = &order.address {
        params.text(v::VIR_MIGRATE_PARAM_URI, &format!("tcp://{address}"))?;
        params.text(v::VIR_MIGRATE_PARAM_LISTEN_ADDRESS, address)?;
    }
    if let Some(mib) = order.bandwidth_mib {
        params.number(v::VIR_MIGRATE_PARAM_BANDWIDTH, mib)?;
    }
    // A wish: an engine that does not take it has its own.
    if let Err(error) = guest.domain.migrate_set_max_downtime(order.downtime_ms, 0) {
        tracing::debug!(%error, "the pause of a migration is the engine's");
    }
    sys::migrate(&guest.domain, &order.destination, &params, flags)
}

/// libvirt's numbers in ours.
fn read(values: &sys::Values) -> MigrationProgress {
    let get = |name| sys::number(values, name).unwrap_or(0);
    MigrationProgress {
        elapsed_ms: get("time_elapsed"),
        memory_total: get("memory_total"),
        memory_processed: get("memory_processed"),
        memory_remaining: get("memory_remaining"),
        memory_bps: get("memory_bps"),
        dirty_bps: get("memory_dirty_rate").saturating_mul(get("memory_page_size")),
        iteration: get("memory_iteration"),
        disk_total: get("disk_total"),
        disk_processed: get("disk_processed"),
        disk_remaining: get("disk_remaining"),
        disk_bps: get("disk_bps"),
        downtime_ms: get("downtime"),
        throttle_percent: get("auto_converge_throttle"),
        post_copy: get("memory_postcopy_requests") > 0,
    }
}
