//! Live migration between simulated hosts of one fleet.
//!
//! The move is a task of its own, which goes on when whoever asked for it goes away, as libvirt's does. Invariant: the guest
//! is paused here before it is taken in there, so that it executes on one host at most.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::inner::Inner;
use super::{Op, SimHost};
use crate::hypervisor::migration::{
    Arrival, Migration, MigrationEnd, MigrationOrder, MigrationProgress,
};
use crate::hypervisor::{GuestStats, HvError, HvEvent, HvResult, Hypervisor, PowerState};
use crate::ids::{ServerId, Time};

/// In how many pieces memory is sent.
const PIECES: u32 = 10;

/// A guest on its way to another host.
#[derive(Clone)]
pub(super) struct Leaving {
    abort: CancellationToken,
    force: CancellationToken,
    state: watch::Receiver<State>,
}

#[derive(Clone, Default)]
struct State {
    progress: MigrationProgress,
    end: Option<MigrationEnd>,
}

#[async_trait]
impl Migration for SimHost {
    async fn migrate(
        &self,
        id: ServerId,
        order: &MigrationOrder,
        begin: bool,
        progress: &(dyn Fn(MigrationProgress) + Send + Sync),
    ) -> HvResult<MigrationEnd> {
        match self.enter(Op::Migrate).await {
            Err(HvError::Refused(reason)) => return Ok(MigrationEnd::Stayed { reason }),
            entered => entered?,
        }
        let Some(mut state) = self.inner.begin(id, order, begin)? else {
            return Ok(match self.inner.guests.read(id, |_| ()) {
                Err(_) => MigrationEnd::Left,
                Ok(()) => MigrationEnd::Stayed {
                    reason: "the migration was broken off".into(),
                },
            });
        };
        loop {
            let now = state.borrow_and_update().clone();
            progress(now.progress);
            if let Some(end) = now.end {
                return Ok(end);
            }
            if state.changed().await.is_err() {
                return Err(HvError::Unavailable("the simulated host ended".into()));
            }
        }
    }

    async fn migration_abort(&self, id: ServerId) -> HvResult<bool> {
        Ok(self
            .inner
            .leaving(id)
            .map(|move_| move_.abort.cancel())
            .is_some())
    }

    async fn migration_force(&self, id: ServerId) -> HvResult<bool> {
        Ok(self
            .inner
            .leaving(id)
            .map(|move_| move_.force.cancel())
            .is_some())
    }

    async fn arrival(&self, id: ServerId) -> HvResult<Arrival> {
        self.enter(Op::Guests).await?;
        let on = self.inner.guests.read(id, super::Guest::is_on);
        Ok(match on {
            Ok(true) => Arrival::Arrived,
            _ => Arrival::Absent,
        })
    }

    async fn migration_result(&self, _: ServerId) -> HvResult<Option<MigrationProgress>> {
        Ok(None)
    }

    async fn dirty_rate(&self, id: ServerId) -> HvResult<Option<u64>> {
        self.enter(Op::Stats).await?;
        let memory = self
            .inner
            .guests
            .read(id, |guest| guest.spec().memory_mb << 20)?;
        Ok(Some(memory / 100))
    }

    async fn resident_memory(&self, id: ServerId) -> HvResult<u64> {
        let guests = Hypervisor::stats(self).await?;
        let stats = guests.iter().find(|stats| stats.id == id);
        let held = |stats: &GuestStats| {
            stats
                .memory_rss_kib
                .map(|kib| kib.min(stats.memory_actual_kib))
        };
        Ok(stats.and_then(held).unwrap_or(0) << 10)
    }

    async fn guest_cpu(&self, _: ServerId) -> HvResult<Option<String>> {
        Ok(None)
    }

    async fn accepts_cpu(&self, _: &str) -> HvResult<Result<(), String>> {
        Ok(Ok(()))
    }
}

impl Inner {
    fn leaving(&self, id: ServerId) -> Option<Leaving> {
        let leaving = self.leaving.lock().unwrap_or_else(PoisonError::into_inner);
        leaving.get(&id).cloned()
    }

    /// Joins the move of a guest, or begins one if wished and if the guest is on.
    fn begin(
        self: &Arc<Self>,
        id: ServerId,
        order: &MigrationOrder,
        begin: bool,
    ) -> HvResult<Option<watch::Receiver<State>>> {
        let mut leaving = self.leaving.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(move_) = leaving.get(&id) {
            return Ok(Some(move_.state.clone()));
        }
        let Ok(memory) = self.guests.read(id, |guest| guest.spec().memory_mb << 20) else {
            return Ok(None);
        };
        if !begin {
            return Ok(None);
        }
        let name = order.destination.strip_prefix("sim:").unwrap_or_default();
        let (told, state) = watch::channel(State::default());
        let move_ = Leaving {
            abort: CancellationToken::new(),
            force: CancellationToken::new(),
            state: state.clone(),
        };
        leaving.insert(id, move_.clone());
        let (inner, destination) = (Arc::clone(self), self.config.fleet.find(name));
        let from_off = order.from_off;
        tokio::spawn(async move {
            let sent = send(&inner, &move_, &told, memory).await;
            let end = match (sent, destination) {
                (false, _) => stayed("the migration was broken off"),
                (true, None) => stayed("there is no such host in the simulated fleet"),
                (true, Some(destination)) => hand_over(&inner, &destination, id, from_off)
                    .unwrap_or_else(|error| stayed(&error.to_string())),
            };
            inner
                .leaving
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&id);
            told.send_modify(|state| state.end = Some(end));
        });
        Ok(Some(state))
    }
}

fn stayed(reason: &str) -> MigrationEnd {
    MigrationEnd::Stayed {
        reason: reason.to_owned(),
    }
}

/// Pretends to send memory; `false` if it was broken off.
async fn send(inner: &Inner, move_: &Leaving, told: &watch::Sender<State>, memory: u64) -> bool {
    let took = inner.config.latency.migrate;
    for piece in 0..PIECES {
        let sent = memory / u64::from(PIECES) * u64::from(piece);
        let elapsed_ms = took.as_millis() as u64 * u64::from(piece) / u64::from(PIECES);
        told.send_modify(|state| {
            state.progress = MigrationProgress {
                elapsed_ms,
                memory_total: memory,
                memory_processed: sent,
                memory_remaining: memory - sent,
                memory_bps: (sent * 1000).checked_div(elapsed_ms).unwrap_or(0),
                dirty_bps: memory / 100,
                iteration: 1,
                downtime_ms: 1,
                ..MigrationProgress::default()
            };
        });
        if move_.force.is_cancelled() || took == Duration::ZERO {
            break;
        }
        tokio::select! {
            () = tokio::time::sleep(took / PIECES) => {}
            () = move_.force.cancelled() => break,
            () = move_.abort.cancelled() => return false,
        }
    }
    !move_.abort.is_cancelled()
}

fn hand_over(here: &Inner, there: &Inner, id: ServerId, from_off: bool) -> HvResult<MigrationEnd> {
    let now = Time::now();
    let mut guest = here.guests.read(id, |guest| guest.arrived(now))?;
    if from_off {
        guest.start(now);
        guest.pause(now)?;
    }
    if !guest.is_on() {
        return Ok(stayed("the guest was switched off meanwhile"));
    }
    let power = guest.power;
    if !from_off {
        here.guests.change(id, |guest| guest.pause(now))?;
    }
    if let Err(error) = there.guests.take_in(guest) {
        if power == PowerState::Running {
            here.guests.change(id, |guest| guest.resume(now))?;
        }
        return Err(error);
    }
    here.close_console(id);
    here.guests.remove(id)?;
    here.tell(HvEvent::Gone { id });
    there.tell_power(id, power);
    Ok(MigrationEnd::Left)
}
