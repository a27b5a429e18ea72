//! Making ports.

use super::address_give::{Gateways, address_give_on_conn};
use super::check::{self, is_owner};
use super::desired::port_changed_on_conn;
use super::port_list::port_announce;
use super::port_security::{checked_pairs, groups_of_new_on_conn, member_changed_on_conn};
use super::quota::{Bounded, room_on_conn};
use crate::context::{Change, Context};
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::Time;
use crate::network::model::{
    Network, NewPort, Port, PortStatus, RbacAction, is_service_owner, mac_parse, mac_random,
};
use crate::network::refusal;
use crate::network::store;

/// Ethernet addresses that are tried until one is free.
const TRIES: usize = 32;

/// Makes a port.
pub async fn port_create(cx: &Context, new: &NewPort) -> Result<Port> {
    let mut tx = cx.db.begin().await?;
    let port = port_create_on_conn(&mut tx, cx, new).await?;
    tx.commit().await?;
    port_announce(cx, &port, Change::Created);
    Ok(port)
}

/// Makes a port with its addresses, on a connection. A port with this id that is there already is given back as it is:
/// safe to repeat. After the commit the caller calls [`port_announce`].
pub async fn port_create_on_conn(conn: &mut Conn, cx: &Context, new: &NewPort) -> Result<Port> {
    if let Some(found) = store::port::find(conn, new.id).await? {
        cx.check_owner(found.project, "port", new.id)?;
        return Ok(found);
    }
    let network = super::network_show_on_conn(conn, cx, new.network).await?;
    check_new(cx, &network, new)?;
    check_usable(conn, cx, &network).await?;
    check::project_for(cx, Some(new.project))?;
    room_on_conn(conn, cx, new.project, Bounded::Ports).await?;
    // From here on nobody deletes the network.
    if !store::network::lock(conn, network.id).await? {
        return Err(Error::not_found("network", network.id));
    }
    let mut port = insert(conn, &network, new).await?;
    port.groups = groups_of_new_on_conn(conn, cx, new, port.port_security).await?;
    store::security_group::set_of_port(conn, port.id, &port.groups).await?;
    port.addresses =
        address_give_on_conn(conn, &port, &new.addresses, &[], Gateways::AreKept).await?;
    member_changed_on_conn(conn, &port).await?;
    port_changed_on_conn(conn, &port).await?;
    Ok(port)
}

/// Who only sees a network, because it leads outside for them, has no ports on it.
async fn check_usable(conn: &mut Conn, cx: &Context, network: &Network) -> Result<()> {
    if network.shared || is_owner(cx, network.project) {
        return Ok(());
    }
    let own = cx.project()?.id;
    let grants = store::rbac::grants(conn, network.id, own).await?;
    if grants.contains(&RbacAction::Shared) {
        return Ok(());
    }
    Err(refusal::not_usable(network.id))
}

fn check_new(cx: &Context, network: &Network, new: &NewPort) -> Result<()> {
    check::text("name", &new.name)?;
    check::text("description", &new.description)?;
    check::text("device_id", &new.device_id)?;
    check::text("device_owner", &new.device_owner)?;
    if let Some(hostname) = &new.hostname {
        check::label("dns_name", hostname)?;
    }
    if is_service_owner(&new.device_owner) {
        return Err(refusal::service_owner(&new.device_owner));
    }
    if !is_owner(cx, network.project) {
        let loosened = new.port_security == Some(false) && network.port_security;
        for (field, set) in [
            ("mac_address", new.mac.is_some()),
            ("allowed_address_pairs", !new.pairs.is_empty()),
            ("port_security_enabled", loosened),
            ("device_owner", new.device_owner.starts_with("network:")),
        ] {
            if set {
                return Err(refusal::not_owner(field, network.id));
            }
        }
    }
    Ok(())
}

/// Writes the row under an Ethernet address that is free.
pub(super) async fn insert(conn: &mut Conn, network: &Network, new: &NewPort) -> Result<Port> {
    let now = Time::now();
    let mut port = Port {
        id: new.id,
        network: network.id,
        project: new.project,
        name: new.name.clone(),
        description: new.description.clone(),
        mac: String::new(),
        device_id: new.device_id.clone(),
        device_owner: new.device_owner.clone(),
        host: None,
        migrating_to: None,
        status: PortStatus::Down,
        admin_state_up: new.admin_state_up,
        port_security: new.port_security.unwrap_or(network.port_security),
        hostname: new.hostname.clone(),
        tags: Vec::new(),
        revision: 1,
        created_at: now,
        updated_at: now,
        addresses: Vec::new(),
        pairs: Vec::new(),
        groups: Vec::new(),
    };
    port.pairs = checked_pairs(&new.pairs, port.port_security)?;
    if let Some(wanted) = &new.mac {
        port.mac = mac_parse(wanted).ok_or_else(|| {
            Error::invalid(
                "mac_address",
                format!("{wanted:?} is not the address of an interface, like fa:16:3e:01:02:03"),
            )
        })?;
        return if store::port::insert(conn, &port).await? {
            Ok(port)
        } else {
            Err(refusal::mac_in_use(network.id, &port.mac))
        };
    }
    for _ in 0..TRIES {
        port.mac = mac_random(rand::random());
        if store::port::insert(conn, &port).await? {
            return Ok(port);
        }
    }
    Err(Error::Named {
        kind: "MacAddressGenerationFailure",
        status: 503,
        message: format!(
            "Unable to generate unique mac on network {}: nearly all of them are taken; make another network.",
            network.id
        ),
    })
}
