//! Ports that were there before there were security groups.
//!
//! Until then whatever came to a guest was let in. A port without a group is let in nothing, so an update would cut off
//! every guest. Once, such ports get a group of their project that allows what was allowed; their owners see it, and may
//! give them others.

use super::security_group_create::{allow_all, insert_rules_on_conn, made};
use crate::db::Conn;
use crate::error::Result;
use crate::network::model::{
    Direction, Ethertype, NewSecurityGroup, NewSecurityRule, SecurityRule,
};
use crate::network::{refusal, store};

/// To be called at the start of a control process; does something at the first one that knows of groups.
pub(super) async fn security_group_adopt_on_conn(conn: &mut Conn) -> Result<()> {
    if !store::network::seed(conn, "security_groups").await? {
        return Ok(());
    }
    for project in store::security_group::projects_without(conn).await? {
        let new = NewSecurityGroup {
            project: Some(project),
            name: "open".to_owned(),
            description: "Allows everything: for ports that were there before security groups"
                .to_owned(),
        };
        let mut group = made(project, new);
        for ethertype in [Ethertype::Ipv4, Ethertype::Ipv6] {
            let rule = NewSecurityRule {
                direction: Direction::Ingress,
                ..allow_all(group.id, ethertype)
            };
            let rule = SecurityRule::checked(rule, project).map_err(refusal::rule)?;
            group.rules.push(rule);
        }
        store::security_group::insert(conn, &group).await?;
        insert_rules_on_conn(conn, &group).await?;
        store::security_group::give_to_ports_without(conn, project, group.id).await?;
        store::host_groups::rules_changed(conn, group.id).await?;
    }
    Ok(())
}
