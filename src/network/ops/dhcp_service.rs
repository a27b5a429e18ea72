//! Where DHCP of a network is answered: a port of the network with an address of each subnet that has DHCP, on one host.
//!
//! Local networks have none: each node answers its own. Others have one from the moment a guest is bound to a host, which is
//! that host, so that the guest finds it when it starts; later it moves only when it must, see
//! [`placement`](crate::network::placement). Where OVN is the engine, it answers DHCP by itself; the port is on no host, but on
//! each that has the network, for metadata.

use uuid::Uuid;

use super::address_give::{Gateways, address_give_on_conn};
use super::port_delete::port_delete_on_conn;
use super::service_port::{service_bind_on_conn, service_port_on_conn};
use crate::db::Conn;
use crate::error::Result;
use crate::ids::{NetworkId, SubnetId};
use crate::network::model::{
    AddressWish, Addresses, AgentKind, DHCP_OWNER, NetworkKind, Port, PortQuery,
};
use crate::network::store;

/// Makes the network's port for DHCP fit its subnets: makes it at `host` if there is none yet, removes it with the last
/// subnet that has DHCP, gives and takes addresses. Safe to repeat.
pub(super) async fn dhcp_fit_on_conn(
    conn: &mut Conn,
    id: NetworkId,
    host: Option<&str>,
) -> Result<()> {
    let Some(network) = store::network::find(conn, id).await? else {
        return Ok(());
    };
    if network.kind == NetworkKind::Local {
        return Ok(());
    }
    store::network::lock(conn, id).await?;
    let wanted: Vec<SubnetId> = store::subnet::of_networks(conn, &[id])
        .await?
        .into_iter()
        .filter(|subnet| subnet.dhcp)
        .map(|subnet| subnet.id)
        .collect();
    match dhcp_port_on_conn(conn, id).await? {
        Some(port) if wanted.is_empty() => {
            port_delete_on_conn(conn, port.id).await?;
        }
        Some(port) => readdress(conn, port, &wanted).await?,
        None => {
            if wanted.is_empty() {
                return Ok(());
            }
            let everywhere = store::host::has_northbound(conn).await?;
            let (device, host) = match host {
                _ if everywhere => (format!("ovnmeta-{id}"), None),
                Some(host) if store::agent::is_enabled(conn, host, AgentKind::Dhcp).await? => {
                    (device(host, id), Some(host))
                }
                _ => return Ok(()),
            };
            service_port_on_conn(
                conn,
                &network,
                network.project,
                DHCP_OWNER,
                device,
                &of_each(&wanted),
                host,
            )
            .await?;
        }
    }
    Ok(())
}

/// The network's port for DHCP.
pub(super) async fn dhcp_port_on_conn(conn: &mut Conn, network: NetworkId) -> Result<Option<Port>> {
    let query = PortQuery {
        network: Some(network),
        device_owner: Some(DHCP_OWNER.to_owned()),
        ..PortQuery::default()
    };
    Ok(store::port::list(conn, &query).await?.pop())
}

/// Moves where a network's DHCP is answered, or begins it there.
pub(super) async fn dhcp_move_on_conn(conn: &mut Conn, id: NetworkId, host: &str) -> Result<()> {
    store::network::lock(conn, id).await?;
    match dhcp_port_on_conn(conn, id).await? {
        Some(port) if port.host.as_deref() == Some(host) => {}
        Some(mut port) => {
            port.device_id = device(host, id);
            service_bind_on_conn(conn, port, Some(host)).await?;
        }
        None => dhcp_fit_on_conn(conn, id, Some(host)).await?,
    }
    Ok(())
}

/// As Neutron names what answers DHCP on a host.
fn device(host: &str, network: NetworkId) -> String {
    format!(
        "dhcp{}-{network}",
        Uuid::new_v5(&Uuid::NAMESPACE_DNS, host.as_bytes())
    )
}

fn of_each(subnets: &[SubnetId]) -> Addresses {
    let wish = |subnet: &SubnetId| AddressWish {
        subnet: Some(*subnet),
        address: None,
    };
    Addresses::These(subnets.iter().map(wish).collect())
}

async fn readdress(conn: &mut Conn, port: Port, wanted: &[SubnetId]) -> Result<()> {
    let surplus: Vec<_> = port
        .addresses
        .iter()
        .filter(|at| !wanted.contains(&at.subnet))
        .collect();
    let missing: Vec<SubnetId> = wanted
        .iter()
        .filter(|subnet| !port.addresses.iter().any(|at| at.subnet == **subnet))
        .copied()
        .collect();
    if surplus.is_empty() && missing.is_empty() {
        return Ok(());
    }
    for at in &surplus {
        store::address::delete(conn, port.id, at.subnet, at.address).await?;
    }
    let missing = of_each(&missing);
    address_give_on_conn(conn, &port, &missing, &[], Gateways::AreKept).await?;
    let host = port.host.clone();
    service_bind_on_conn(conn, port, host.as_deref()).await?;
    Ok(())
}
