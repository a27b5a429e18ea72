//! Trouble on order: what a test or a demonstration tells a simulated host to do wrong.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::hypervisor::{HvError, HvResult};

/// The calls that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// `host`
    Host,
    /// `guests`
    Guests,
    /// `define`
    Define,
    /// `start`
    Start,
    /// `shutdown`
    Shutdown,
    /// `destroy`
    Destroy,
    /// `undefine`
    Undefine,
    /// `reboot`
    Reboot,
    /// `reset`
    Reset,
    /// `pause`
    Pause,
    /// `resume`
    Resume,
    /// `suspend`
    Suspend,
    /// `attach_disk`
    AttachDisk,
    /// `detach_disk`
    DetachDisk,
    /// `resize_disk`
    ResizeDisk,
    /// `attach_nic`
    AttachNic,
    /// `detach_nic`
    DetachNic,
    /// `copy_root_disk`
    CopyRootDisk,
    /// `migrate`
    Migrate,
    /// `stats`
    Stats,
    /// `console`
    Console,
}

/// How a call goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The engine refuses, with this text.
    Refused(String),
    /// The engine is not reachable, with this text; nothing was done.
    Unavailable(String),
    /// The call hangs until its deadline; nothing was done.
    Hang,
}

/// Trouble ordered so far. Shared by a host and whoever plays with it.
#[derive(Default)]
pub struct Faults {
    next: Mutex<HashMap<Op, VecDeque<Fault>>>,
    dying_starts: AtomicUsize,
    deaf: AtomicBool,
    clinging: AtomicBool,
    cut: AtomicBool,
}

impl Faults {
    /// The next `count` calls of `op` go wrong in this way, after those ordered before.
    pub fn fail_next(&self, op: Op, count: usize, fault: &Fault) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        next.entry(op)
            .or_default()
            .extend(std::iter::repeat_n(fault.clone(), count));
    }

    /// The next `count` guests that start succeed in it and crash at once.
    pub fn next_starts_die(&self, count: usize) {
        self.dying_starts.store(count, Ordering::SeqCst);
    }

    /// Guests take no notice of requests to shut down or reboot.
    pub fn ignore_shutdown(&self, yes: bool) {
        self.deaf.store(yes, Ordering::SeqCst);
    }

    /// Running guests do not give up devices.
    pub fn ignore_detach(&self, yes: bool) {
        self.clinging.store(yes, Ordering::SeqCst);
    }

    pub(super) fn shutdown_ignored(&self) -> bool {
        self.deaf.load(Ordering::SeqCst)
    }

    pub(super) fn detach_ignored(&self) -> bool {
        self.clinging.load(Ordering::SeqCst)
    }

    pub(super) fn set_cut(&self, yes: bool) -> bool {
        self.cut.swap(yes, Ordering::SeqCst)
    }

    /// Takes one of the ordered deaths at start, if there is one.
    pub(super) fn start_dies(&self) -> bool {
        self.dying_starts
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            })
            .is_ok()
    }

    /// What every call does first: takes its time, and goes wrong if it was ordered to.
    pub(super) async fn enter(
        &self,
        op: Op,
        latency: Duration,
        deadline: Duration,
    ) -> HvResult<()> {
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        if self.cut.load(Ordering::SeqCst) {
            return Err(HvError::Unavailable("the connection is cut".into()));
        }
        let fault = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            next.get_mut(&op).and_then(VecDeque::pop_front)
        };
        match fault {
            None => Ok(()),
            Some(Fault::Refused(text)) => Err(HvError::Refused(text)),
            Some(Fault::Unavailable(text)) => Err(HvError::Unavailable(text)),
            Some(Fault::Hang) => {
                tokio::time::sleep(deadline).await;
                Err(HvError::Unavailable(format!(
                    "no answer to {op:?} within {} ms",
                    deadline.as_millis()
                )))
            }
        }
    }
}
