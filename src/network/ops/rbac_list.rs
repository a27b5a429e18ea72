//! What is shared: policies that are stored, and those that a network says by itself.
//!
//! That every project may use a network, or go outside by it, is a flag of the network, set with it or by a policy for all.
//! Neutron shows such a policy, so one is shown here; its id is made from the network's, the same each time. There is one
//! truth: the flag.

use uuid::Uuid;

use crate::context::Context;
use crate::db::Conn;
use crate::error::Result;
use crate::ids::{NetworkId, RbacPolicyId};
use crate::network::model::{Network, NetworkQuery, RbacAction, RbacKind, RbacPolicy, RbacTarget};
use crate::network::{refusal, store};

/// Policies about things of one's own.
pub async fn rbac_list(cx: &Context) -> Result<Vec<RbacPolicy>> {
    let own = cx.visible_project()?;
    let mut conn = cx.db.read().await?;
    let mut policies = store::rbac::list(&mut conn, own).await?;
    let query = NetworkQuery {
        visible_to: own,
        ..NetworkQuery::default()
    };
    for network in store::network::list(&mut conn, &query).await? {
        if own.is_none_or(|own| own == network.project) {
            policies.extend(flags(&network));
        }
    }
    Ok(policies)
}

/// One policy.
pub async fn rbac_show(cx: &Context, id: RbacPolicyId) -> Result<RbacPolicy> {
    let mut conn = cx.db.read().await?;
    rbac_show_on_conn(&mut conn, cx, id).await
}

pub(super) async fn rbac_show_on_conn(
    conn: &mut Conn,
    cx: &Context,
    id: RbacPolicyId,
) -> Result<RbacPolicy> {
    let own = cx.visible_project()?;
    let stored = store::rbac::list(conn, own).await?;
    if let Some(found) = stored.into_iter().find(|policy| policy.id == id) {
        return Ok(found);
    }
    let query = NetworkQuery {
        visible_to: own,
        ..NetworkQuery::default()
    };
    let networks = store::network::list(conn, &query).await?;
    networks
        .iter()
        .filter(|network| own.is_none_or(|own| own == network.project))
        .flat_map(flags)
        .find(|policy| policy.id == id)
        .ok_or_else(|| refusal::no_policy(id))
}

/// The policies that a network's own flags are.
pub(super) fn flags(network: &Network) -> Vec<RbacPolicy> {
    let flags = [
        (RbacAction::Shared, network.shared),
        (RbacAction::External, network.external),
    ];
    let policy = |action| RbacPolicy {
        id: flag_id(network.id, action),
        project: network.project,
        kind: RbacKind::Network,
        object: network.id.to_string(),
        action,
        target: RbacTarget::All,
    };
    flags
        .into_iter()
        .filter(|(_, set)| *set)
        .map(|(action, _)| policy(action))
        .collect()
}

/// The id of a network's flag as a policy.
pub(super) fn flag_id(network: NetworkId, action: RbacAction) -> RbacPolicyId {
    let name = format!("{network} {}", action.name());
    RbacPolicyId::from_uuid(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()))
}
