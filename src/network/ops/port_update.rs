//! Changing ports.

use std::net::IpAddr;

use ipnet::IpNet;

use super::address_give::{Gateways, address_give_on_conn};
use super::check::{self, is_owner};
use super::desired::port_changed_on_conn;
use super::floating_target::targets_drop_on_conn;
use super::port_list::{port_announce, port_show_on_conn};
use super::port_security::{checked_pairs, groups_of_changed_on_conn, member_changed_on_conn};
use crate::context::{Change, Context};
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{PortId, SubnetId, Time};
use crate::network::ipam::{self, AUTO_PREFIX};
use crate::network::model::{
    AddressWish, Addresses, Port, PortAddress, PortChanges, Subnet, is_service_owner, mac_parse,
};
use crate::network::refusal;
use crate::network::store;

/// Changes a port. The node that has it follows; its guest learns of other addresses when it renews its lease.
pub async fn port_update(cx: &Context, id: PortId, changes: PortChanges) -> Result<Port> {
    let mut tx = cx.db.begin().await?;
    let before = port_show_on_conn(&mut tx, cx, id).await?;
    check_kind(&before, &changes)?;
    check_rights(&mut tx, cx, &before, &changes).await?;
    let mut after = changed(&before, &changes)?;
    let groups = groups_of_changed_on_conn(&mut tx, cx, &before, &after, &changes).await?;
    // Who is a member, and with which addresses: nodes learn what goes and what comes.
    let wishes = wishes(&before, &after, &changes);
    let moved = groups.is_some() || wishes.is_some() || after.pairs != before.pairs;
    if moved {
        member_changed_on_conn(&mut tx, &before).await?;
    }
    if !store::port::update(&mut tx, &after).await? {
        return Err(Error::conflict(format!(
            "port {id} can not be changed so: somebody else changed it at the same time; try again"
        )));
    }
    if let Some(wishes) = wishes {
        after.addresses = readdress(&mut tx, &after, wishes).await?;
        targets_drop_on_conn(&mut tx, id, &after.addresses).await?;
    }
    if let Some(groups) = groups {
        store::security_group::set_of_port(&mut tx, id, &groups).await?;
        after.groups = groups;
    }
    if moved {
        member_changed_on_conn(&mut tx, &after).await?;
    }
    port_changed_on_conn(&mut tx, &after).await?;
    tx.commit().await?;
    port_announce(cx, &after, Change::Updated);
    Ok(after)
}

/// What the cloud made for itself keeps what it is for, and nothing else becomes such a port.
fn check_kind(port: &Port, changes: &PortChanges) -> Result<()> {
    if let Some(owner) = changes
        .device_owner
        .as_deref()
        .filter(|owner| is_service_owner(owner) && *owner != port.device_owner)
    {
        return Err(refusal::service_owner(owner));
    }
    let changed = changes.mac.is_some()
        || changes.addresses.is_some()
        || changes
            .device_id
            .as_ref()
            .is_some_and(|id| *id != port.device_id)
        || changes
            .device_owner
            .as_ref()
            .is_some_and(|owner| *owner != port.device_owner)
        || changes.port_security == Some(true);
    if port.is_service() && changed {
        return Err(refusal::service_port(port));
    }
    Ok(())
}

/// Whoever shares a network may not weaken what protects the others on it.
async fn check_rights(
    conn: &mut Conn,
    cx: &Context,
    port: &Port,
    changes: &PortChanges,
) -> Result<()> {
    let network = super::network_show_on_conn(conn, cx, port.network).await?;
    if let Some(mac) = &changes.mac {
        let parsed = mac_parse(mac)
            .ok_or_else(|| Error::invalid("mac_address", "an address of an interface is needed"))?;
        if parsed != port.mac {
            let taken = crate::network::model::PortQuery {
                network: Some(port.network),
                mac: Some(parsed.clone()),
                ..Default::default()
            };
            if !store::port::list(conn, &taken).await?.is_empty() {
                return Err(refusal::mac_in_use(port.network, &parsed));
            }
        }
    }
    if is_owner(cx, network.project) {
        return Ok(());
    }
    for (field, set) in [
        ("mac_address", changes.mac.is_some()),
        (
            "allowed_address_pairs",
            changes
                .pairs
                .as_ref()
                .is_some_and(|pairs| *pairs != port.pairs),
        ),
        (
            "port_security_enabled",
            changes.port_security == Some(false) && port.port_security,
        ),
        (
            "device_owner",
            changes
                .device_owner
                .as_ref()
                .is_some_and(|owner| owner.starts_with("network:")),
        ),
    ] {
        if set {
            return Err(refusal::not_owner(field, network.id));
        }
    }
    Ok(())
}

fn changed(before: &Port, changes: &PortChanges) -> Result<Port> {
    let mut after = before.clone();
    for (field, value, target) in [
        ("name", &changes.name, &mut after.name),
        ("description", &changes.description, &mut after.description),
        (
            "device_owner",
            &changes.device_owner,
            &mut after.device_owner,
        ),
    ] {
        if let Some(value) = value {
            check::text(field, value)?;
            target.clone_from(value);
        }
    }
    if let Some(device) = &changes.device_id {
        check::text("device_id", device)?;
        let taken = !before.device_id.is_empty() && !device.is_empty();
        if taken && *device != before.device_id {
            return Err(refusal::port_in_use(before));
        }
        if let Some(host) = before.host.as_ref().filter(|_| *device != before.device_id) {
            return Err(refusal::port_bound(before.id, host));
        }
        after.device_id.clone_from(device);
    }
    if let Some(mac) = changes.mac.as_deref().and_then(mac_parse)
        && mac != before.mac
    {
        if let Some(host) = &before.host {
            return Err(refusal::port_bound(before.id, host));
        }
        after.mac = mac;
    }
    if let Some(hostname) = &changes.hostname {
        after.hostname = if hostname.is_empty() {
            None
        } else {
            check::label("dns_name", hostname)?;
            Some(hostname.clone())
        };
    }
    if let Some(tags) = &changes.tags {
        check::tags(tags)?;
        after.tags.clone_from(tags);
    }
    after.admin_state_up = changes.admin_state_up.unwrap_or(before.admin_state_up);
    after.port_security = changes.port_security.unwrap_or(before.port_security);
    after.pairs = match &changes.pairs {
        Some(pairs) => checked_pairs(pairs, after.port_security)?,
        None if !after.port_security && !before.pairs.is_empty() => {
            return Err(refusal::pairs_need_security());
        }
        None => before.pairs.clone(),
    };
    after.revision += 1;
    after.updated_at = Time::now();
    Ok(after)
}

/// Addresses that are wished for, if any may change. With another Ethernet address those change that are made of it.
fn wishes(before: &Port, after: &Port, changes: &PortChanges) -> Option<Vec<AddressWish>> {
    if changes.addresses.is_some() || after.mac == before.mac {
        return changes.addresses.clone();
    }
    let keeps = |at: &PortAddress| AddressWish {
        subnet: Some(at.subnet),
        address: Some(at.address).filter(|address| !is_made(before, *address)),
    };
    Some(before.addresses.iter().map(keeps).collect())
}

/// Whether an address is the one that the port makes of its Ethernet address.
fn is_made(port: &Port, address: IpAddr) -> bool {
    IpNet::new(address, AUTO_PREFIX)
        .is_ok_and(|range| ipam::eui64(range.trunc(), &port.mac) == Some(address))
}

/// Gives back what is not wished for, keeps what is, and gives the rest. `port` has its new Ethernet address and its old other
/// ones.
async fn readdress(
    conn: &mut Conn,
    port: &Port,
    mut wishes: Vec<AddressWish>,
) -> Result<Vec<PortAddress>> {
    let none = wishes.is_empty();
    let subnets = store::subnet::of_networks(conn, &[port.network]).await?;
    let is_auto = |id: SubnetId| {
        let of = subnets.iter().find(|subnet| subnet.id == id);
        of.is_some_and(Subnet::is_auto)
    };
    let stays = |have: &PortAddress| !is_auto(have.subnet) || is_made(port, have.address);
    let mut kept: Vec<PortAddress> = Vec::new();
    // Certain addresses choose first; a wish for any address of a subnet keeps one that is left there.
    wishes.sort_by_key(|wish| wish.address.is_none());
    wishes.retain(|wish| {
        let found = port.addresses.iter().find(|have| {
            !kept.contains(have)
                && stays(have)
                && wish.address.is_none_or(|address| address == have.address)
                && wish.subnet.is_none_or(|subnet| subnet == have.subnet)
        });
        kept.extend(found.copied());
        found.is_none()
    });
    // What it makes itself it has without a wish.
    let made = port.addresses.iter().filter(|have| {
        !none && !kept.contains(have) && is_auto(have.subnet) && is_made(port, have.address)
    });
    kept.extend(made.copied().collect::<Vec<_>>());
    for gone in port.addresses.iter().filter(|have| !kept.contains(have)) {
        store::address::delete(conn, port.id, gone.subnet, gone.address).await?;
    }
    let wishes = Addresses::These(wishes);
    let given = address_give_on_conn(conn, port, &wishes, &kept, Gateways::AreKept).await?;
    kept.extend(given);
    Ok(kept)
}
