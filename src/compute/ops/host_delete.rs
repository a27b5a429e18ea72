//! Forgetting hosts and control processes that are gone for good.

use super::host_list::down_us;
use super::host_report::tell;
use crate::compute::store;
use crate::context::{Change, Context};
use crate::error::{Error, Result};

/// Forgets a host that is down and has no servers. One that still reports would be known again at once.
pub async fn host_delete(cx: &Context, name: &str) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let host = store::host::by_name(&mut tx, name, down_us(cx))
        .await?
        .ok_or_else(|| Error::not_found("host", name))?;
    store::claim::lock(&mut tx, name).await?;
    let claims = store::claim::of_host(&mut tx, name).await?;
    if let Some(claim) = claims.first() {
        return Err(Error::conflict(format!(
            "host {name} has {} servers, {} for one; move or delete them first",
            claims.len(),
            claim.server
        )));
    }
    if host.up {
        return Err(Error::conflict(format!(
            "host {name} is up and would come back with its next report; stop its agent first"
        )));
    }
    store::aggregate::host_forget(&mut tx, name).await?;
    store::host::delete(&mut tx, name).await?;
    tx.commit().await?;
    tell(cx, name, Change::Deleted, None);
    Ok(())
}

/// Forgets a control process that does not report any more.
pub async fn control_delete(cx: &Context, place: &str) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let known = store::host::control_list(&mut tx, down_us(cx)).await?;
    let process = known
        .iter()
        .find(|process| process.place == place)
        .ok_or_else(|| Error::not_found("service", place))?;
    if process.up {
        return Err(Error::conflict(format!(
            "the control process on {} is up and would come back at once; stop it first",
            process.host
        )));
    }
    store::host::control_delete(&mut tx, place).await?;
    tx.commit().await?;
    Ok(())
}
