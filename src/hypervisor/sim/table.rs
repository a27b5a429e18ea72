//! The guests of a simulated host, in memory and, if wanted, in one file each.
//!
//! Invariant: a change is in the file before the call that made it returns, as a real host's guests outlive the process
//! that manages them. Guests go on executing while nobody looks: their counters are functions of time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::guest::Guest;
use crate::hypervisor::{HvError, HvResult};
use crate::ids::ServerId;

pub(super) struct Table {
    guests: Mutex<BTreeMap<ServerId, Guest>>,
    dir: Option<PathBuf>,
}

impl Table {
    /// Opens the table kept in `dir`, which is made if missing.
    pub fn open(dir: Option<&Path>) -> HvResult<Self> {
        let mut guests = BTreeMap::new();
        if let Some(dir) = dir {
            let trouble = |error: &dyn std::fmt::Display| {
                HvError::Unavailable(format!(
                    "the simulated host's directory {}: {error}",
                    dir.display()
                ))
            };
            std::fs::create_dir_all(dir).map_err(|error| trouble(&error))?;
            for entry in std::fs::read_dir(dir).map_err(|error| trouble(&error))? {
                let path = entry.map_err(|error| trouble(&error))?.path();
                if path.extension().is_some_and(|ext| ext == "json") {
                    let text = std::fs::read(&path).map_err(|error| trouble(&error))?;
                    let guest: Guest =
                        serde_json::from_slice(&text).map_err(|error| trouble(&error))?;
                    guests.insert(guest.defined.id, guest);
                }
            }
        }
        Ok(Self {
            guests: Mutex::new(guests),
            dir: dir.map(Path::to_owned),
        })
    }

    /// Looks at one guest.
    pub fn read<T>(&self, id: ServerId, look: impl FnOnce(&Guest) -> T) -> HvResult<T> {
        let guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
        guests.get(&id).map(look).ok_or_else(|| missing(id))
    }

    /// Looks at all guests in order of their ids.
    pub fn read_all<T>(&self, look: impl FnMut(&Guest) -> Option<T>) -> Vec<T> {
        let guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
        guests.values().filter_map(look).collect()
    }

    /// Changes one guest and keeps it. Nothing is kept when `change` fails.
    pub fn change<T>(
        &self,
        id: ServerId,
        change: impl FnOnce(&mut Guest) -> HvResult<T>,
    ) -> HvResult<T> {
        let mut guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
        let guest = guests.get_mut(&id).ok_or_else(|| missing(id))?;
        let mut changed = guest.clone();
        let result = change(&mut changed)?;
        self.keep(&changed)?;
        *guest = changed;
        Ok(result)
    }

    /// Makes the guest, or lets `change` change the one that is there.
    pub fn make_or_change(
        &self,
        id: ServerId,
        make: impl FnOnce() -> Guest,
        change: impl FnOnce(&mut Guest),
    ) -> HvResult<()> {
        let mut guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
        let guest = match guests.get(&id) {
            None => make(),
            Some(guest) => {
                let mut guest = guest.clone();
                change(&mut guest);
                guest
            }
        };
        self.keep(&guest)?;
        guests.insert(id, guest);
        Ok(())
    }

    /// Takes in a guest that was elsewhere.
    pub fn take_in(&self, guest: Guest) -> HvResult<()> {
        let mut guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
        self.keep(&guest)?;
        guests.insert(guest.defined.id, guest);
        Ok(())
    }

    /// Forgets the guest; answers with what it was.
    pub fn remove(&self, id: ServerId) -> HvResult<Option<Guest>> {
        let mut guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dir) = &self.dir
            && let Err(error) = std::fs::remove_file(dir.join(format!("{id}.json")))
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(HvError::Unavailable(format!(
                "removing guest {id}: {error}"
            )));
        }
        Ok(guests.remove(&id))
    }

    fn keep(&self, guest: &Guest) -> HvResult<()> {
        let Some(dir) = &self.dir else {
            return Ok(());
        };
        let id = guest.defined.id;
        let write = || -> std::io::Result<()> {
            let temporary = dir.join(format!("{id}.new"));
            std::fs::write(&temporary, serde_json::to_vec(guest)?)?;
            std::fs::rename(temporary, dir.join(format!("{id}.json")))
        };
        write().map_err(|error| HvError::Unavailable(format!("keeping guest {id}: {error}")))
    }
}

fn missing(id: ServerId) -> HvError {
    HvError::NotFound(format!("guest {id}"))
}
