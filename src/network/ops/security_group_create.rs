//! Making security groups.

use super::check;
use super::quota::{Bounded, room_on_conn};
use super::security_group_default::security_group_default_on_conn;
use crate::context::{Change, Context, Event};
use crate::db::Conn;
use crate::error::Result;
use crate::ids::{ProjectId, SecurityGroupId, Time};
use crate::network::model::{
    DEFAULT_GROUP, Direction, Ethertype, NewSecurityGroup, NewSecurityRule, SecurityGroup,
    SecurityRule,
};
use crate::network::{refusal, store};

/// Makes a security group: what its ports send is allowed, nothing of what they get.
pub async fn security_group_create(cx: &Context, new: NewSecurityGroup) -> Result<SecurityGroup> {
    check::text("name", &new.name)?;
    check::text("description", &new.description)?;
    let project = check::project_for(cx, new.project)?;
    let mut tx = cx.db.begin().await?;
    room_on_conn(&mut tx, cx, project, Bounded::SecurityGroups).await?;
    security_group_default_on_conn(&mut tx, project).await?;
    if new.name == DEFAULT_GROUP {
        return Err(refusal::default_group_exists());
    }
    let group = made(project, new);
    store::security_group::insert(&mut tx, &group).await?;
    insert_rules_on_conn(&mut tx, &group).await?;
    tx.commit().await?;
    security_group_announce(cx, &group, Change::Created);
    Ok(group)
}

/// Tells watchers that a group changed, after the commit.
pub(super) fn security_group_announce(cx: &Context, group: &SecurityGroup, change: Change) {
    let event = Event::new("security_group", group.id, Some(group.project), change);
    cx.events.publish(event.named(&group.name));
}

/// A group with the rules that all begin with.
pub(super) fn made(project: ProjectId, new: NewSecurityGroup) -> SecurityGroup {
    let now = Time::now();
    let id = SecurityGroupId::new();
    let rules = [Ethertype::Ipv4, Ethertype::Ipv6]
        .into_iter()
        .filter_map(|ethertype| SecurityRule::checked(allow_all(id, ethertype), project).ok());
    SecurityGroup {
        id,
        project,
        name: new.name,
        description: new.description,
        is_default: false,
        tags: Vec::new(),
        revision: 1,
        created_at: now,
        updated_at: now,
        rules: rules.collect(),
    }
}

/// That all may be sent.
pub(super) fn allow_all(group: SecurityGroupId, ethertype: Ethertype) -> NewSecurityRule {
    NewSecurityRule {
        group,
        description: String::new(),
        direction: Direction::Egress,
        ethertype: Some(ethertype),
        protocol: None,
        min: None,
        max: None,
        remote_prefix: None,
        remote_group: None,
    }
}

pub(super) async fn insert_rules_on_conn(conn: &mut Conn, group: &SecurityGroup) -> Result<()> {
    for rule in &group.rules {
        store::security_rule::insert(conn, rule).await?;
    }
    Ok(())
}
