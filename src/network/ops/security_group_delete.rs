//! Deleting security groups.

use super::check::is_owner;
use super::security_group_create::security_group_announce;
use super::security_group_list::security_group_show_on_conn;
use crate::context::{Change, Context};
use crate::error::Result;
use crate::ids::SecurityGroupId;
use crate::network::model::RbacKind;
use crate::network::{refusal, store};

/// Deletes a security group that no port has. Rules of other groups that name it go with it, as in Neutron: they would
/// allow nothing any more.
pub async fn security_group_delete(cx: &Context, id: SecurityGroupId) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let group = security_group_show_on_conn(&mut tx, cx, id).await?;
    if !is_owner(cx, group.project) {
        return Err(refusal::not_group_owner(id));
    }
    if group.is_default {
        return Err(refusal::default_group_deleted(id));
    }
    // From here on no port gets it.
    store::security_group::lock(&mut tx, &[id]).await?;
    let ports = store::security_group::ports(&mut tx, id).await?;
    if !ports.is_empty() {
        return Err(refusal::group_in_use(id, &ports));
    }
    store::host_groups::named_changed(&mut tx, id).await?;
    store::security_group::delete(&mut tx, id).await?;
    store::rbac::delete_of(&mut tx, RbacKind::SecurityGroup, &id.to_string()).await?;
    tx.commit().await?;
    security_group_announce(cx, &group, Change::Deleted);
    Ok(())
}
