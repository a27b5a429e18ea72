//! Finding a guest and reading its state. Only domains that carry our metadata are guests: others are neither listed nor
//! touched, whatever they are called.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use virt::connect::Connect;
use virt::domain::Domain;
use virt::error::{Error, ErrorNumber};
use virt::sys as v;

use super::found::{Found, Mark};
use super::link::Seat;
use super::{domain, sys};
use crate::hypervisor::{GuestState, HvError, HvResult, PowerState};
use crate::ids::ServerId;

/// A guest, on a thread that may block.
pub(super) struct Guest {
    pub connection: Connect,
    /// Cancelled when that connection is lost.
    pub lost: CancellationToken,
    pub domain: Domain,
    pub id: ServerId,
}

/// Which domains are ours. Spares asking for the metadata of each domain for each event and sample.
#[derive(Default)]
pub(super) struct Owners {
    known: Mutex<HashMap<Uuid, bool>>,
}

impl Owners {
    /// Whether the domain carries our mark.
    pub fn ours(&self, domain: &Domain) -> HvResult<bool> {
        let uuid = domain.uuid()?;
        if let Some(known) = self.known(uuid) {
            return Ok(known);
        }
        let ours = mark(domain)?.is_some();
        self.learn(uuid, ours);
        Ok(ours)
    }

    pub fn known(&self, uuid: Uuid) -> Option<bool> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&uuid).copied()
    }

    pub fn learn(&self, uuid: Uuid, ours: bool) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(uuid, ours);
    }

    /// Forgets the domain; answers what was known. Only the event of its end comes here, so that it is told once.
    pub fn forget(&self, uuid: Uuid) -> Option<bool> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(&uuid)
    }
}

/// Our mark on a domain's definition, if it has one. The definition counts, not what runs: that may be older.
fn mark(domain: &Domain) -> HvResult<Option<Mark>> {
    let ask = |flags| {
        domain.metadata(
            v::VIR_DOMAIN_METADATA_ELEMENT as i32,
            Some(domain::NAMESPACE),
            flags,
        )
    };
    let found = match ask(v::VIR_DOMAIN_AFFECT_CONFIG) {
        // A domain without a definition, gone when it stops.
        Err(error) if is(&error, ErrorNumber::OperationInvalid) => {
            ask(v::VIR_DOMAIN_AFFECT_CURRENT)
        }
        found => found,
    };
    match found {
        Ok(xml) => Ok(Mark::read(&xml)),
        Err(error) if is(&error, ErrorNumber::NoDomainMetadata) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn is(error: &Error, number: ErrorNumber) -> bool {
    error.code().is(number)
}

impl Guest {
    /// The guest with this id.
    pub fn find(seat: &Seat<'_>, owners: &Owners, id: ServerId) -> HvResult<Self> {
        let connection = seat.connection;
        let missing = || HvError::NotFound(format!("guest {id}"));
        let domain = match connection.lookup_domain_by_uuid(id.uuid()) {
            Ok(domain) => domain,
            Err(error) if is(&error, ErrorNumber::NoDomain) => return Err(missing()),
            Err(error) => return Err(error.into()),
        };
        if !owners.ours(&domain)? {
            return Err(missing());
        }
        Ok(Self {
            connection: connection.clone(),
            lost: seat.lost.clone(),
            domain,
            id,
        })
    }

    /// What it does.
    pub fn power(&self) -> HvResult<PowerState> {
        let (state, reason) = sys::state(&self.domain)?;
        let power = power(state, reason);
        let off = matches!(power, PowerState::Shutdown | PowerState::Crashed);
        if off && self.domain.has_managed_save(0).unwrap_or(false) {
            return Ok(PowerState::Suspended);
        }
        Ok(power)
    }

    /// Whether it is switched on, executing or paused.
    pub fn is_on(&self) -> HvResult<bool> {
        Ok(self.domain.is_active()?)
    }

    pub fn must_be_on(&self, what: &str) -> HvResult<()> {
        if self.is_on()? {
            return Ok(());
        }
        Err(self.wrong(what)?)
    }

    /// The error for what its state forbids.
    pub fn wrong(&self, what: &str) -> HvResult<HvError> {
        Ok(HvError::WrongState {
            state: format!("{:?}", self.power()?).to_lowercase(),
            what: what.to_owned(),
        })
    }

    /// The error of doing `what`, with the state the guest is in where libvirt only said that it is the wrong one.
    pub fn explain(&self, error: HvError, what: &str) -> HvError {
        match error {
            HvError::WrongState {
                state,
                what: reason,
            } if state.is_empty() => self
                .wrong(&format!("{what} ({reason})"))
                .unwrap_or_else(|error| error),
            error => error,
        }
    }

    /// Its definition.
    pub fn defined(&self) -> HvResult<Found> {
        Found::read(&self.domain.xml_desc(v::VIR_DOMAIN_XML_INACTIVE)?)
    }

    /// What it is now, if it is on.
    pub fn live(&self) -> HvResult<Option<Found>> {
        if !self.is_on()? {
            return Ok(None);
        }
        Found::read(&self.domain.xml_desc(0)?).map(Some)
    }
}

/// All guests of the host.
pub(super) fn list(connection: &Connect, owners: &Arc<Owners>) -> HvResult<Vec<GuestState>> {
    let saved: HashSet<Uuid> = connection
        .list_all_domains(v::VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE)
        .unwrap_or_default() // a driver that can not save has none saved
        .iter()
        .filter_map(|domain| domain.uuid().ok())
        .collect();
    let mut guests = Vec::new();
    for (domain, values) in sys::all_stats(connection, v::VIR_DOMAIN_STATS_STATE, 0)? {
        let uuid = domain.uuid()?;
        // Foreign domains are asked once; ours each time, as their generation changes.
        if owners.known(uuid) == Some(false) {
            continue;
        }
        let found = match mark(&domain) {
            Err(HvError::NotFound(_)) => continue, // gone since the list was made
            found => found?,
        };
        owners.learn(uuid, found.is_some());
        let Some(found) = found else { continue };
        let number = |name| sys::number(&values, name).unwrap_or(0) as u32;
        let power = match power(number("state.state"), number("state.reason")) {
            PowerState::Shutdown | PowerState::Crashed if saved.contains(&uuid) => {
                PowerState::Suspended
            }
            power => power,
        };
        guests.push(GuestState {
            id: ServerId::from_uuid(uuid),
            generation: found.generation,
            power,
        });
    }
    Ok(guests)
}

/// libvirt's state and reason in our words.
fn power(state: u32, reason: u32) -> PowerState {
    match state {
        v::VIR_DOMAIN_PAUSED | v::VIR_DOMAIN_PMSUSPENDED => PowerState::Paused,
        v::VIR_DOMAIN_CRASHED => PowerState::Crashed,
        v::VIR_DOMAIN_SHUTOFF if reason == v::VIR_DOMAIN_SHUTOFF_CRASHED => PowerState::Crashed,
        v::VIR_DOMAIN_SHUTOFF => PowerState::Shutdown,
        _ => PowerState::Running,
    }
}
