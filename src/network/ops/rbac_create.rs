//! Sharing things.

use super::check::is_owner;
use super::network_update::network_update;
use super::quota::{Bounded, room_on_conn};
use super::rbac_list::{flag_id, flags};
use super::security_group_list::security_group_show_on_conn;
use crate::context::{Change, Context};
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{Id, NetworkId, ProjectId, RbacPolicyId};
use crate::network::model::{
    NetworkChanges, NewRbacPolicy, RbacAction, RbacKind, RbacPolicy, RbacTarget,
};
use crate::network::{refusal, store};

/// Shares a thing of one's own with a project; with all projects, which is for administrators. A network that is shared
/// with all is changed itself.
pub async fn rbac_create(cx: &Context, new: NewRbacPolicy) -> Result<RbacPolicy> {
    if new.target == RbacTarget::All && !cx.actor.is_admin() {
        return Err(refusal::not_admin("target_tenant"));
    }
    if new.action == RbacAction::External && !cx.actor.is_admin() {
        return Err(refusal::not_admin("action"));
    }
    let mut tx = cx.db.begin().await?;
    let project = owner_on_conn(&mut tx, cx, &new).await?;
    if new.kind == RbacKind::Network && new.target == RbacTarget::All {
        drop(tx);
        return flag(cx, parsed(&new.object)?, new.action, true).await;
    }
    room_on_conn(&mut tx, cx, project, Bounded::RbacPolicies).await?;
    let policy = RbacPolicy {
        id: RbacPolicyId::new(),
        project,
        kind: new.kind,
        object: new.object,
        action: new.action,
        target: new.target,
    };
    if !store::rbac::insert(&mut tx, &policy).await? {
        let all = store::rbac::list(&mut tx, Some(project)).await?;
        let same = all.iter().find(|known| {
            (&known.object, known.action, known.target)
                == (&policy.object, policy.action, policy.target)
        });
        return Err(refusal::policy_exists(same.map(|known| known.id)));
    }
    tx.commit().await?;
    rbac_announce(cx, &policy);
    Ok(policy)
}

/// Tells watchers of a thing that it is shared differently.
pub(super) fn rbac_announce(cx: &Context, policy: &RbacPolicy) {
    cx.events.changed(
        policy.kind.name(),
        &policy.object,
        Some(policy.project),
        Change::Updated,
    );
}

/// The project whose a thing is, if whoever asks may share it. Its row stays until the transaction ends.
async fn owner_on_conn(conn: &mut Conn, cx: &Context, new: &NewRbacPolicy) -> Result<ProjectId> {
    match new.kind {
        RbacKind::Network => {
            let network = super::network_show_on_conn(conn, cx, parsed(&new.object)?).await?;
            if !is_owner(cx, network.project) {
                return Err(refusal::not_owner("object_id", network.id));
            }
            store::network::lock(conn, network.id).await?;
            Ok(network.project)
        }
        RbacKind::SecurityGroup => {
            if new.action != RbacAction::Shared {
                return Err(refusal::invalid_input(format!(
                    "'{}' is not a valid action for object type security_group; access_as_shared is",
                    new.action.name()
                )));
            }
            let group = security_group_show_on_conn(conn, cx, parsed(&new.object)?).await?;
            if !is_owner(cx, group.project) {
                return Err(refusal::not_group_owner(group.id));
            }
            store::security_group::lock(conn, &[group.id]).await?;
            Ok(group.project)
        }
    }
}

fn parsed<T>(object: &str) -> Result<Id<T>> {
    object
        .parse()
        .map_err(|_| Error::invalid("object_id", format!("'{object}' is not a valid UUID")))
}

/// Sets or clears what a network says of itself, as a policy for all projects.
pub(super) async fn flag(
    cx: &Context,
    id: NetworkId,
    action: RbacAction,
    set: bool,
) -> Result<RbacPolicy> {
    let before = super::network_show(cx, id).await?;
    let has = match action {
        RbacAction::Shared => before.shared,
        RbacAction::External => before.external,
    };
    if set && has {
        return Err(refusal::policy_exists(Some(flag_id(id, action))));
    }
    let changes = match action {
        RbacAction::Shared => NetworkChanges {
            shared: Some(set),
            ..NetworkChanges::default()
        },
        RbacAction::External => NetworkChanges {
            external: Some(set),
            ..NetworkChanges::default()
        },
    };
    let after = network_update(cx, id, changes).await?;
    let with = if set { after } else { before };
    flags(&with)
        .into_iter()
        .find(|policy| policy.action == action)
        .ok_or_else(|| refusal::no_policy(flag_id(id, action)))
}
