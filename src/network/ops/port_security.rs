//! Security groups and further addresses of ports: what may be, and who follows.
//!
//! Both need port security. A port that has it and names no group gets its project's default one; ports of the network
//! itself have none.

use ipnet::IpNet;

use super::security_group_default::security_group_default_on_conn;
use crate::context::Context;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::SecurityGroupId;
use crate::network::model::{AddressPair, NewPort, Port, PortChanges, is_service_owner, mac_parse};
use crate::network::{refusal, store};

/// Further addresses, and groups, of one port at most.
const MOST_PAIRS: usize = 10;
const MOST_GROUPS: usize = 32;

/// The groups of a new port, sorted; they stay until the transaction ends.
pub(super) async fn groups_of_new_on_conn(
    conn: &mut Conn,
    cx: &Context,
    new: &NewPort,
    port_security: bool,
) -> Result<Vec<SecurityGroupId>> {
    let groups = match &new.groups {
        Some(wanted) => wanted.clone(),
        None if !port_security || is_service_owner(&new.device_owner) => Vec::new(),
        None => vec![security_group_default_on_conn(conn, new.project).await?],
    };
    if !port_security && !groups.is_empty() {
        return Err(refusal::groups_need_security());
    }
    if is_service_owner(&new.device_owner) && !groups.is_empty() {
        return Err(Error::invalid(
            "security_groups",
            "ports of the network itself have none",
        ));
    }
    checked_on_conn(conn, cx, new.project, groups).await
}

/// The groups of a port after a change, if they change.
pub(super) async fn groups_of_changed_on_conn(
    conn: &mut Conn,
    cx: &Context,
    before: &Port,
    after: &Port,
    changes: &PortChanges,
) -> Result<Option<Vec<SecurityGroupId>>> {
    let Some(wanted) = &changes.groups else {
        if !after.port_security && !before.groups.is_empty() {
            return Err(refusal::security_has_groups());
        }
        if after.is_service() && !before.groups.is_empty() {
            return Ok(Some(Vec::new()));
        }
        return Ok(None);
    };
    if !after.port_security && !wanted.is_empty() {
        return Err(refusal::groups_need_security());
    }
    if after.is_service() && !wanted.is_empty() {
        return Err(Error::invalid(
            "security_groups",
            "ports of the network itself have none",
        ));
    }
    let groups = checked_on_conn(conn, cx, after.project, wanted.clone()).await?;
    Ok((groups != before.groups).then_some(groups))
}

/// These groups, each once and sorted, if the project may use them.
async fn checked_on_conn(
    conn: &mut Conn,
    cx: &Context,
    project: crate::ids::ProjectId,
    mut groups: Vec<SecurityGroupId>,
) -> Result<Vec<SecurityGroupId>> {
    if groups.len() > MOST_GROUPS {
        return Err(Error::invalid(
            "security_groups",
            format!("at most {MOST_GROUPS} are allowed"),
        ));
    }
    groups.sort_unstable();
    groups.dedup();
    if groups.is_empty() {
        return Ok(groups);
    }
    // From here on nobody deletes them.
    store::security_group::lock(conn, &groups).await?;
    let mut usable = store::security_group::usable(conn, project, &groups).await?;
    // An administrator who works in a project of their own may give its groups to others' ports, as in Neutron.
    if cx.actor.is_admin()
        && let Some(own) = cx.actor.project.as_ref().map(|scope| scope.id)
    {
        usable.extend(store::security_group::usable(conn, own, &groups).await?);
    }
    match groups.iter().find(|group| !usable.contains(group)) {
        Some(missing) => Err(refusal::no_group(*missing)),
        None => Ok(groups),
    }
}

/// Further addresses as they will be, sorted; an error names the one that is wrong.
pub(super) fn checked_pairs(
    pairs: &[AddressPair],
    port_security: bool,
) -> Result<Vec<AddressPair>> {
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    if !port_security {
        return Err(refusal::pairs_need_security());
    }
    if pairs.len() > MOST_PAIRS {
        return Err(refusal::too_many_pairs(MOST_PAIRS));
    }
    let mut checked: Vec<AddressPair> = Vec::new();
    for pair in pairs {
        let mac = match &pair.mac {
            Some(text) => Some(mac_parse(text).ok_or_else(|| {
                refusal::invalid_input(format!(
                    "allowed_address_pairs: {text:?} is not the address of an interface, like fa:16:3e:01:02:03"
                ))
            })?),
            None => None,
        };
        let pair = AddressPair {
            mac,
            prefix: pair.prefix.trunc(),
        };
        if checked.contains(&pair) {
            return Err(refusal::same_pair(&pair));
        }
        checked.push(pair);
    }
    checked.sort_unstable();
    Ok(checked)
}

/// Tells nodes whose rules name this port's groups that it changes. To be called while it has the groups and addresses that
/// matter: before they go, and after they came.
pub(super) async fn member_changed_on_conn(conn: &mut Conn, port: &Port) -> Result<()> {
    if !port.groups.is_empty() {
        store::host_groups::member_changed(conn, port.id).await?;
    }
    Ok(())
}

/// Whether a range is that of all addresses: who may use any is nobody in particular, and is no member of its groups by it.
pub(super) fn is_everything(prefix: &IpNet) -> bool {
    prefix.prefix_len() == 0
}
