//! What a simulated host does to its guests, whoever asks for it: a call, a typed command, or time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::config::SimConfig;
use super::console::Facts;
use super::faults::Faults;
use super::migrate::Leaving;
use super::table::Table;
use crate::hypervisor::spec::GuestSpec;
use crate::hypervisor::{HvError, HvEvent, HvResult, PowerState};
use crate::ids::{ServerId, Time};

pub(super) struct Inner {
    pub config: SimConfig,
    pub guests: Table,
    pub faults: Faults,
    pub events: broadcast::Sender<HvEvent>,
    /// Who holds the console of a guest.
    pub consoles: Mutex<HashMap<ServerId, CancellationToken>>,
    /// Guests that are being moved away.
    pub leaving: Mutex<HashMap<ServerId, Leaving>>,
}

impl Inner {
    pub fn tell(&self, event: HvEvent) {
        // Nobody listening is no error.
        let _ = self.events.send(event);
    }

    pub fn tell_power(&self, id: ServerId, power: PowerState) {
        self.tell(HvEvent::Power { id, power });
    }

    pub fn stop(&self, id: ServerId, power: PowerState) -> HvResult<()> {
        let changed = self.guests.change(id, |guest| {
            Ok(guest.is_on() && guest.stop(Time::now(), power))
        })?;
        if changed {
            self.close_console(id);
            self.tell_power(id, power);
        }
        Ok(())
    }

    pub fn close_console(&self, id: ServerId) {
        let mut consoles = self.consoles.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(holder) = consoles.remove(&id) {
            holder.cancel();
        }
    }

    pub fn take_console(&self, id: ServerId) -> CancellationToken {
        let token = CancellationToken::new();
        let mut consoles = self.consoles.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = consoles.insert(id, token.clone()) {
            before.cancel();
        }
        token
    }

    /// Appends the boot log to the guest's console log. A log that can not be written is the guest's loss, not an error.
    pub fn write_boot_log(&self, id: ServerId) {
        use std::io::Write;
        let log = self.guests.read(id, |guest| {
            let lines = Facts::of(guest).boot_log();
            let text: String = lines
                .iter()
                .map(|(_, line)| format!("{line}\r\n"))
                .collect();
            (guest.spec().console_log.clone(), text)
        });
        if let Ok((path, text)) = log {
            let opened = std::fs::OpenOptions::new()
                .append(true)
                .create(true)
                .open(&path);
            if let Err(error) = opened.and_then(|mut file| file.write_all(text.as_bytes())) {
                tracing::debug!(path = %path.display(), %error, "no console log for a simulated guest");
            }
        }
    }

    /// Lets `act` happen after `delay`, or now when that is zero.
    pub fn later(
        self: &Arc<Self>,
        delay: std::time::Duration,
        act: impl FnOnce(&Self) + Send + 'static,
    ) {
        if delay.is_zero() {
            act(self);
            return;
        }
        let inner = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            act(&inner);
        });
    }

    pub fn must_be_on(&self, id: ServerId, what: &str) -> HvResult<()> {
        self.guests.read(id, |guest| {
            if guest.is_on() {
                Ok(())
            } else {
                Err(guest.wrong(what))
            }
        })?
    }

    /// Removes a device from the definition and from the guest, which may cling to it.
    pub fn detach(
        &self,
        id: ServerId,
        device: String,
        has: impl Fn(&GuestSpec) -> bool,
        remove: impl FnMut(&mut GuestSpec),
    ) -> HvResult<()> {
        let clings = self.faults.detach_ignored();
        let removed = self.guests.change(id, |guest| {
            let live = guest.live.as_ref().is_some_and(&has);
            if live && guest.is_on() && clings {
                return Err(HvError::Refused(format!(
                    "the guest does not give up {device}: it may use it still"
                )));
            }
            guest.change(remove);
            Ok(live)
        })?;
        if removed {
            self.tell(HvEvent::DeviceRemoved { id, device });
        }
        Ok(())
    }

    /// The guest restarts by itself. It may have been switched off meanwhile: then it stays off.
    pub fn restart(&self, id: ServerId) {
        if self
            .guests
            .change(id, |guest| guest.reset(Time::now()))
            .is_ok()
        {
            self.write_boot_log(id);
        }
    }
}
