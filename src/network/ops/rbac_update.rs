//! Sharing things with somebody else.

use super::rbac_create::rbac_announce;
use super::rbac_delete::unused_on_conn;
use super::rbac_list::rbac_show_on_conn;
use crate::context::Context;
use crate::error::Result;
use crate::ids::RbacPolicyId;
use crate::network::model::{RbacKind, RbacPolicy, RbacTarget};
use crate::network::{refusal, store};

/// Says with whom a policy shares, unless something exists by it as it was. What is a network's own flag is changed by
/// deleting it.
pub async fn rbac_update(cx: &Context, id: RbacPolicyId, target: RbacTarget) -> Result<RbacPolicy> {
    if target == RbacTarget::All && !cx.actor.is_admin() {
        return Err(refusal::not_admin("target_tenant"));
    }
    let mut tx = cx.db.begin().await?;
    let before = rbac_show_on_conn(&mut tx, cx, id).await?;
    if before.target == target {
        return Ok(before);
    }
    if before.kind == RbacKind::Network
        && (before.target == RbacTarget::All || target == RbacTarget::All)
    {
        return Err(refusal::invalid_input(
            "target_tenant: a policy for all projects is the network's own; delete this one and make another",
        ));
    }
    let after = RbacPolicy {
        target,
        ..before.clone()
    };
    let all = store::rbac::list(&mut tx, Some(before.project)).await?;
    if let Some(same) = all.iter().find(|known| {
        (&known.object, known.action, known.target) == (&after.object, after.action, target)
    }) {
        return Err(refusal::policy_exists(Some(same.id)));
    }
    if !store::rbac::retarget(&mut tx, id, &target.to_string()).await? {
        return Err(refusal::no_policy(id));
    }
    unused_on_conn(&mut tx, &before).await?;
    tx.commit().await?;
    rbac_announce(cx, &after);
    Ok(after)
}
