//! From libvirt's notices to events of our guests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{broadcast, mpsc};
use uuid::Uuid;
use virt::sys as v;

use super::callbacks::{Notice, What};
use super::found::device_of_alias;
use super::guest::{Guest, Owners};
use super::link::{Lane, WeakLink};
use crate::hypervisor::{HvEvent, PowerState};
use crate::ids::ServerId;

/// Turns notices into events until the connection is given up.
pub(super) async fn translate(
    link: WeakLink,
    owners: Arc<Owners>,
    mut notices: mpsc::Receiver<Notice>,
    lost: Arc<AtomicBool>,
    tell: broadcast::Sender<HvEvent>,
    deadline: Duration,
) {
    let say = |event| {
        // Nobody listening is no error.
        let _ = tell.send(event);
    };
    while let Some(notice) = notices.recv().await {
        let ended = matches!(notice.what, What::Life { event, .. } if event == v::VIR_DOMAIN_EVENT_UNDEFINED);
        let defined =
            matches!(notice.what, What::Life { event, .. } if event == v::VIR_DOMAIN_EVENT_DEFINED);
        if defined && owners.known(notice.domain) == Some(false) {
            // Another domain of this UUID: whose it is must be asked anew.
            owners.forget(notice.domain);
        } else if ended {
            if owners.forget(notice.domain) == Some(true) {
                say(HvEvent::Gone {
                    id: ServerId::from_uuid(notice.domain),
                });
            }
        } else if let Some(event) = event(&notice)
            && ours(&link, &owners, notice.domain, deadline).await
        {
            say(event);
        }
        if lost.swap(false, Ordering::SeqCst) {
            tracing::warn!("more events of libvirt than could be taken; everything is listed anew");
            say(HvEvent::Connection(true));
        }
    }
}

/// Whether the domain is a guest of ours; asks libvirt if that is not known.
async fn ours(link: &WeakLink, owners: &Arc<Owners>, domain: Uuid, deadline: Duration) -> bool {
    if let Some(known) = owners.known(domain) {
        return known;
    }
    let Some(link) = link.upgrade() else {
        return false;
    };
    let owners = Arc::clone(owners);
    let found = link
        .call(Lane::Ask, "whose a domain is", deadline, move |seat| {
            Guest::find(seat, &owners, ServerId::from_uuid(domain)).map(drop)
        })
        .await;
    found.is_ok()
}

/// What a notice means for a guest; `None` if nothing.
fn event(notice: &Notice) -> Option<HvEvent> {
    let id = ServerId::from_uuid(notice.domain);
    match &notice.what {
        What::DeviceRemoved(alias) => Some(HvEvent::DeviceRemoved {
            id,
            device: device_of_alias(alias)?.to_owned(),
        }),
        What::Life { event, detail } => Some(HvEvent::Power {
            id,
            power: power(*event, *detail)?,
        }),
    }
}

fn power(event: u32, detail: u32) -> Option<PowerState> {
    match event {
        v::VIR_DOMAIN_EVENT_STARTED | v::VIR_DOMAIN_EVENT_RESUMED => Some(PowerState::Running),
        v::VIR_DOMAIN_EVENT_SUSPENDED | v::VIR_DOMAIN_EVENT_PMSUSPENDED => Some(PowerState::Paused),
        v::VIR_DOMAIN_EVENT_CRASHED => Some(PowerState::Crashed),
        v::VIR_DOMAIN_EVENT_STOPPED => Some(match detail {
            v::VIR_DOMAIN_EVENT_STOPPED_SAVED => PowerState::Suspended,
            v::VIR_DOMAIN_EVENT_STOPPED_CRASHED | v::VIR_DOMAIN_EVENT_STOPPED_FAILED => {
                PowerState::Crashed
            }
            _ => PowerState::Shutdown,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(v::VIR_DOMAIN_EVENT_STARTED, 0, Some(PowerState::Running))]
    #[case(v::VIR_DOMAIN_EVENT_SUSPENDED, 0, Some(PowerState::Paused))]
    #[case(v::VIR_DOMAIN_EVENT_STOPPED, 0, Some(PowerState::Shutdown))]
    #[case(
        v::VIR_DOMAIN_EVENT_STOPPED,
        v::VIR_DOMAIN_EVENT_STOPPED_SAVED,
        Some(PowerState::Suspended)
    )]
    #[case(
        v::VIR_DOMAIN_EVENT_STOPPED,
        v::VIR_DOMAIN_EVENT_STOPPED_FAILED,
        Some(PowerState::Crashed)
    )]
    #[case(v::VIR_DOMAIN_EVENT_DEFINED, 0, None)]
    #[case(v::VIR_DOMAIN_EVENT_SHUTDOWN, 0, None)]
    fn events_of_life_are_power_states(
        #[case] event: u32,
        #[case] detail: u32,
        #[case] expected: Option<PowerState>,
    ) {
        assert_eq!(power(event, detail), expected);
    }
}
