//! What operators decide about hosts, and what launches teach about them.

use super::host_list::{down_us, host_show};
use super::host_report::tell;
use super::host_watch::hosts_watch;
use crate::compute::model::Host;
use crate::compute::store;
use crate::context::{Change, Context};
use crate::error::{Error, Result};

/// Longest reason.
const LONGEST_REASON: usize = 255;

/// What is to change; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostDecision {
    /// Whether it takes new servers. Enabling forgets the reason.
    pub enabled: Option<bool>,
    /// Why not; only together with `enabled = false`, or while it is disabled.
    pub disabled_reason: Option<String>,
    /// Whether it counts as down whatever it reports.
    pub forced_down: Option<bool>,
}

/// Enables, disables or declares a host down.
pub async fn host_update(cx: &Context, name: &str, decision: &HostDecision) -> Result<Host> {
    let mut tx = cx.db.begin().await?;
    let host = store::host::by_name(&mut tx, name, down_us(cx))
        .await?
        .ok_or_else(|| Error::not_found("host", name))?;
    let enabled = decision.enabled.unwrap_or(host.enabled);
    if let Some(reason) = &decision.disabled_reason {
        if enabled {
            return Err(Error::invalid(
                "disabled_reason",
                "a reason belongs to a service that is or becomes disabled",
            ));
        }
        if reason.trim().is_empty() || reason.chars().count() > LONGEST_REASON {
            return Err(Error::invalid(
                "disabled_reason",
                format!("1 to {LONGEST_REASON} characters are allowed"),
            ));
        }
    }
    let reason = match (&decision.disabled_reason, enabled) {
        (_, true) => None,
        (Some(reason), false) => Some(reason.trim()),
        // Disabling without a reason forgets an earlier one; another change leaves it.
        (None, false) if decision.enabled == Some(false) => None,
        (None, false) => host.disabled_reason.as_deref(),
    };
    let forced_down = decision.forced_down.unwrap_or(host.forced_down);
    store::host::decide(&mut tx, name, enabled, reason, forced_down).await?;
    tx.commit().await?;
    let message = match decision.enabled {
        Some(true) => Some(format!("{name} was enabled")),
        Some(false) => Some(format!(
            "{name} was disabled{}",
            reason
                .map(|reason| format!(": {reason}"))
                .unwrap_or_default()
        )),
        None => None,
    };
    tell(cx, name, Change::Updated, message);
    if forced_down != host.forced_down {
        hosts_watch(cx).await?;
    }
    host_show(cx, name).await
}

/// Notes how a launch on a host ended, for the weigher of failures.
pub async fn host_build_result(cx: &Context, name: &str, succeeded: bool) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    store::host::count_failure(&mut tx, name, !succeeded).await?;
    tx.commit().await?;
    Ok(())
}
