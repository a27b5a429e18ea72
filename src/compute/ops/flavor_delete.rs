//! Deleting flavors.

use crate::compute::store;
use crate::context::{Change, Context};
use crate::error::{Error, Result};

/// Deletes a flavor. Servers made with it keep their copy.
pub async fn flavor_delete(cx: &Context, id: &str) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    if !store::flavor::delete(&mut tx, id).await? {
        return Err(Error::not_found("flavor", id));
    }
    tx.commit().await?;
    cx.events.changed("flavor", id, None, Change::Deleted);
    Ok(())
}
