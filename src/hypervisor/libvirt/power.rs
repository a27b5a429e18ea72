//! Definitions, and changes of execution. All block; each may be repeated.

use virt::error::{Error, ErrorNumber};
use virt::sys as v;

use super::guest::{Guest, Owners, is};
use super::link::Seat;
use crate::hypervisor::{HvError, HvResult, PowerState};
use crate::ids::ServerId;

/// Everything libvirt keeps of a domain besides its definition.
const EVERYTHING: u32 = v::VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | v::VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | v::VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
    | v::VIR_DOMAIN_UNDEFINE_NVRAM;
/// What older libvirt and the test driver know of that.
const MOST: u32 = v::VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | v::VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA;

/// Defines or redefines. A domain of others that has the guest's UUID is left alone.
pub(super) fn define(seat: &Seat<'_>, owners: &Owners, id: ServerId, xml: &str) -> HvResult<()> {
    let connection = seat.connection;
    match Guest::find(seat, owners, id) {
        Ok(_) => {}
        Err(HvError::NotFound(_)) => {
            if connection.lookup_domain_by_uuid(id.uuid()).is_ok() {
                return Err(HvError::Refused(format!(
                    "a domain with the UUID {id} exists on this host and is not Skydeck's"
                )));
            }
        }
        Err(error) => return Err(error),
    }
    connection.define_domain_xml(xml)?;
    owners.learn(id.uuid(), true);
    Ok(())
}

pub(super) fn start(guest: &Guest) -> HvResult<()> {
    if guest.is_on()? {
        return Ok(());
    }
    match guest.domain.create() {
        // Somebody was faster.
        Err(error) if is(&error, ErrorNumber::OperationInvalid) && guest.is_on()? => Ok(()),
        done => Ok(done?),
    }
}

pub(super) fn shutdown(guest: &Guest) -> HvResult<()> {
    guest.must_be_on("shutting down")?;
    let asked = guest
        .domain
        .shutdown_flags(v::VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN);
    match asked {
        Err(error) if lacks(&error) => Ok(guest.domain.shutdown()?),
        asked => Ok(asked?),
    }
}

pub(super) fn destroy(guest: &Guest) -> HvResult<()> {
    if !guest.is_on()? {
        return Ok(());
    }
    match guest.domain.destroy() {
        Err(error) if is(&error, ErrorNumber::OperationInvalid) && !guest.is_on()? => Ok(()),
        done => Ok(done?),
    }
}

pub(super) fn undefine(guest: &Guest) -> HvResult<()> {
    destroy(guest)?;
    let mut undefined = Ok(());
    for flags in [EVERYTHING, MOST, 0] {
        undefined = guest.domain.undefine_flags(flags);
        match &undefined {
            Err(error) if lacks(error) => {}
            _ => break,
        }
    }
    match undefined {
        Err(error) if is(&error, ErrorNumber::NoDomain) => Ok(()),
        done => Ok(done?),
    }
}

pub(super) fn reboot(guest: &Guest) -> HvResult<()> {
    guest.must_be_on("rebooting")?;
    let asked = guest.domain.reboot(v::VIR_DOMAIN_REBOOT_ACPI_POWER_BTN);
    match asked {
        Err(error) if lacks(&error) => Ok(guest.domain.reboot(v::VIR_DOMAIN_REBOOT_DEFAULT)?),
        asked => Ok(asked?),
    }
}

pub(super) fn reset(guest: &Guest) -> HvResult<()> {
    guest.must_be_on("resetting")?;
    Ok(guest.domain.reset()?)
}

pub(super) fn pause(guest: &Guest) -> HvResult<()> {
    match guest.power()? {
        PowerState::Paused => Ok(()),
        PowerState::Running => Ok(guest.domain.suspend()?),
        _ => Err(guest.wrong("pausing")?),
    }
}

pub(super) fn resume(guest: &Guest) -> HvResult<()> {
    match guest.power()? {
        PowerState::Running => Ok(()),
        PowerState::Paused => Ok(guest.domain.resume()?),
        _ => Err(guest.wrong("resuming")?),
    }
}

pub(super) fn suspend(guest: &Guest) -> HvResult<()> {
    if guest.power()? == PowerState::Suspended {
        return Ok(());
    }
    guest.must_be_on("suspending")?;
    // Whatever it did before: restored, it runs.
    Ok(guest.domain.managed_save(v::VIR_DOMAIN_SAVE_RUNNING)?)
}

/// Whether the driver does not know the function or one of its flags.
fn lacks(error: &Error) -> bool {
    [
        ErrorNumber::NoSupport,
        ErrorNumber::InvalidArg,
        ErrorNumber::ArgumentUnsupported,
    ]
    .into_iter()
    .any(|number| is(error, number))
}
