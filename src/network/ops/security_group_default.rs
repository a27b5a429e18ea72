//! The group that every project has, made when it is first needed.
//!
//! The key of its row is what keeps a project from having two: whoever comes second finds the first one's.

use super::security_group_create::{insert_rules_on_conn, made};
use crate::context::Context;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{ProjectId, SecurityGroupId};
use crate::network::model::{
    DEFAULT_GROUP, Direction, Ethertype, NewSecurityGroup, NewSecurityRule, SecurityRule,
};
use crate::network::{refusal, store};

/// The default group of a project. What guests send is allowed, and what they get from each other.
pub(super) async fn security_group_default_on_conn(
    conn: &mut Conn,
    project: ProjectId,
) -> Result<SecurityGroupId> {
    if let Some(found) = store::security_group::default_of(conn, project).await? {
        return Ok(found);
    }
    let new = NewSecurityGroup {
        project: Some(project),
        name: DEFAULT_GROUP.to_owned(),
        description: "Default security group".to_owned(),
    };
    let mut group = made(project, new);
    group.is_default = true;
    for ethertype in [Ethertype::Ipv4, Ethertype::Ipv6] {
        let rule = NewSecurityRule {
            direction: Direction::Ingress,
            remote_group: Some(group.id),
            ..super::security_group_create::allow_all(group.id, ethertype)
        };
        let rule = SecurityRule::checked(rule, project).map_err(refusal::rule)?;
        group.rules.push(rule);
    }
    if store::security_group::insert(conn, &group).await? {
        insert_rules_on_conn(conn, &group).await?;
        return Ok(group.id);
    }
    let found = store::security_group::default_of(conn, project).await?;
    found.ok_or_else(|| {
        Error::Unavailable(format!(
            "the default security group of project {project} was made by somebody else at the same time; try again"
        ))
    })
}

/// Makes the default group of the actor's project if it is missing; for lists, which read only.
pub(super) async fn security_group_default_ensure(cx: &Context) -> Result<()> {
    match cx.actor.project.as_ref().map(|scope| scope.id) {
        Some(project) => security_group_default_make(cx, project).await,
        None => Ok(()),
    }
}

/// Makes the default group of a project if it is missing.
pub(super) async fn security_group_default_make(cx: &Context, project: ProjectId) -> Result<()> {
    let mut conn = cx.db.read().await?;
    let found = store::security_group::default_of(&mut conn, project).await?;
    drop(conn);
    if found.is_none() {
        let mut tx = cx.db.begin().await?;
        security_group_default_on_conn(&mut tx, project).await?;
        tx.commit().await?;
    }
    Ok(())
}
