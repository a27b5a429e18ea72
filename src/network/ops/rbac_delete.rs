//! Sharing things no more.

use super::rbac_create::{flag, rbac_announce};
use super::rbac_list::{flag_id, rbac_show_on_conn};
use crate::context::Context;
use crate::db::Conn;
use crate::error::Result;
use crate::ids::{NetworkId, PortId, RbacPolicyId, SecurityGroupId};
use crate::network::model::{RbacAction, RbacKind, RbacPolicy, RbacTarget};
use crate::network::{refusal, store};

/// Deletes a policy, unless something exists by it. One that a network says of itself is the network's change.
pub async fn rbac_delete(cx: &Context, id: RbacPolicyId) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let policy = rbac_show_on_conn(&mut tx, cx, id).await?;
    if let Ok(network) = policy.object.parse::<NetworkId>()
        && flag_id(network, policy.action) == id
    {
        drop(tx);
        if policy.target == RbacTarget::All && !cx.actor.is_admin() {
            return Err(refusal::not_admin("target_tenant"));
        }
        flag(cx, network, policy.action, false).await?;
        return Ok(());
    }
    if !store::rbac::delete(&mut tx, id).await? {
        return Err(refusal::no_policy(id));
    }
    unused_on_conn(&mut tx, &policy).await?;
    tx.commit().await?;
    rbac_announce(cx, &policy);
    Ok(())
}

/// Fails if a port is there by the policy, which is deleted already; the transaction brings it back then.
pub(super) async fn unused_on_conn(conn: &mut Conn, policy: &RbacPolicy) -> Result<()> {
    let ports = match (policy.kind, policy.action) {
        (_, RbacAction::External) => Vec::new(),
        (RbacKind::Network, RbacAction::Shared) => on_network(conn, policy).await?,
        (RbacKind::SecurityGroup, RbacAction::Shared) => with_group(conn, policy).await?,
    };
    if ports.is_empty() {
        return Ok(());
    }
    Err(refusal::policy_in_use(&policy.object, &ports))
}

async fn on_network(conn: &mut Conn, policy: &RbacPolicy) -> Result<Vec<PortId>> {
    let (Ok(id), RbacTarget::Project(target)) = (policy.object.parse::<NetworkId>(), policy.target)
    else {
        return Ok(Vec::new());
    };
    // Who adds a port has the network's row, too.
    store::network::lock(conn, id).await?;
    let network = store::network::find(conn, id).await?;
    match network {
        Some(network) if !network.shared && network.project != target => {
            Ok(store::rbac::ports_on_network(conn, id, target).await?)
        }
        _ => Ok(Vec::new()),
    }
}

async fn with_group(conn: &mut Conn, policy: &RbacPolicy) -> Result<Vec<PortId>> {
    let Ok(id) = policy.object.parse::<SecurityGroupId>() else {
        return Ok(Vec::new());
    };
    store::security_group::lock(conn, &[id]).await?;
    Ok(store::rbac::ports_with_group(conn, id, policy.project).await?)
}
