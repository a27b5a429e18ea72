//! Ports of servers, where compute and network meet: what sagas do with them, and what is shown.
//!
//! The network says what a port is and which addresses it has; the server's row of it says its place among the server's
//! interfaces and whether it outlives the server. Every function may be repeated.

use std::collections::HashMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::prepare::found;
use super::request::{NetworkChoice, NicRequest};
use crate::compute::model::{Server, ServerAddress, ServerNic};
use crate::compute::store;
use crate::context::{Change, Context};
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{NetworkId, PortId, SecurityGroupId, ServerId};
use crate::network::model::{AddressWish, Addresses, NewPort, Port};
use crate::network::ops::{
    network_for_launch, network_show, port_announce, port_bind_on_conn, port_create_on_conn,
    port_delete_on_conn, port_release_on_conn, port_show, port_take_on_conn, port_unbind_on_conn,
    server_addresses_on_conn,
};

/// One interface as a request settled it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NicPlan {
    /// The port, if it exists.
    pub port: Option<PortId>,
    /// Its network.
    pub network: NetworkId,
    /// Name of the network.
    pub network_name: String,
    /// Address of one's own choice.
    pub fixed_ip: Option<IpAddr>,
    /// Whether its ports can have security groups.
    pub secured: bool,
    /// Label told to the guest.
    pub tag: Option<String>,
}

/// One interface of a server to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NicWish {
    /// The port; its id is chosen beforehand if it is to be made.
    pub port: PortId,
    /// Its network.
    pub network: NetworkId,
    /// Whether it was there before.
    pub exists: bool,
    /// Address of one's own choice.
    pub fixed_ip: Option<IpAddr>,
    /// Security groups of a port that is made; what a port gets by itself when absent.
    #[serde(default)]
    pub groups: Option<Vec<SecurityGroupId>>,
}

/// What the choice of networks means for whoever asks.
pub async fn nics_plan(cx: &Context, choice: &NetworkChoice) -> Result<Vec<NicPlan>> {
    let default = match choice {
        NetworkChoice::Nothing => return Ok(Vec::new()),
        NetworkChoice::These(nics) => {
            let mut plans = Vec::with_capacity(nics.len());
            for (at, nic) in nics.iter().enumerate() {
                plans.push(nic_plan(cx, at, nic).await?);
            }
            return Ok(plans);
        }
        NetworkChoice::Any | NetworkChoice::Auto => network_for_launch(cx).await?,
    };
    match default {
        Some(network) => Ok(vec![NicPlan {
            port: None,
            network: network.id,
            network_name: network.name,
            fixed_ip: None,
            secured: network.port_security,
            tag: None,
        }]),
        None if *choice == NetworkChoice::Any => Ok(Vec::new()),
        None => Err(Error::invalid(
            "networks",
            "there is no network to choose automatically: make one, or say none",
        )),
    }
}

async fn nic_plan(cx: &Context, at: usize, nic: &NicRequest) -> Result<NicPlan> {
    let field = |name: &str| format!("networks[{at}].{name}");
    let network = match (nic.port, nic.network) {
        (Some(port), _) => {
            let port = found(&field("port"), port_show(cx, port).await)?;
            if !port.device_id.is_empty() {
                return Err(Error::conflict(format!(
                    "Port {} is still in use by {}.",
                    port.id, port.device_id
                )));
            }
            port.network
        }
        (None, Some(network)) => network,
        (None, None) => {
            return Err(Error::invalid(
                field("uuid"),
                "say a network (uuid) or a port (port)",
            ));
        }
    };
    let network = found(&field("uuid"), network_show(cx, network).await)?;
    Ok(NicPlan {
        port: nic.port,
        network: network.id,
        network_name: network.name,
        fixed_ip: nic.fixed_ip,
        secured: network.port_security,
        tag: nic.tag.clone(),
    })
}

/// Gives a port that exists to the server, when the server is asked for; one that is to be made is made later.
pub async fn nic_take_on_conn(
    conn: &mut Conn,
    cx: &Context,
    server: &Server,
    wish: &NicWish,
) -> Result<()> {
    if wish.exists {
        let hostname = label(server);
        port_take_on_conn(conn, cx, wish.port, server.id, hostname.as_deref()).await?;
    }
    Ok(())
}

/// Makes or takes the ports and binds all of them to the host. The caller tells the network after its commit
/// ([`ports_tell`], [`host_network_ensure`](crate::network::ops::host_network_ensure)).
pub async fn ports_make_on_conn(
    conn: &mut Conn,
    cx: &Context,
    server: &Server,
    wishes: &[NicWish],
    host: &str,
) -> Result<Vec<Port>> {
    for wish in wishes {
        if wish.exists {
            nic_take_on_conn(conn, cx, server, wish).await?;
            continue;
        }
        let new = NewPort {
            addresses: addresses(wish.fixed_ip),
            groups: wish.groups.clone(),
            ..NewPort::new(wish.port, wish.network, server.project)
                .for_server(server.id, label(server))
        };
        port_create_on_conn(conn, cx, &new).await?;
    }
    let ports: Vec<PortId> = wishes.iter().map(|wish| wish.port).collect();
    port_bind_on_conn(conn, &ports, host).await
}

fn addresses(fixed_ip: Option<IpAddr>) -> Addresses {
    match fixed_ip {
        Some(_) => Addresses::These(vec![AddressWish {
            subnet: None,
            address: fixed_ip,
        }]),
        None => Addresses::Any,
    }
}

/// The server's host name as one label.
fn label(server: &Server) -> Option<String> {
    let first = server.detail.hostname.split('.').next().unwrap_or_default();
    (!first.is_empty()).then(|| first.to_owned())
}

/// Takes the ports from their host; those that the server made are deleted, the others are free again. What changed is
/// returned for [`ports_tell`].
pub async fn ports_unmake_on_conn(
    conn: &mut Conn,
    server: ServerId,
    wishes: &[NicWish],
) -> Result<Vec<(Port, Change)>> {
    let mut changed = Vec::new();
    for wish in wishes {
        changed.extend(unmake_on_conn(conn, server, wish.port, wish.exists).await?);
    }
    Ok(changed)
}

/// The same for ports that a server has.
pub async fn nics_unmake_on_conn(
    conn: &mut Conn,
    server: ServerId,
    nics: &[ServerNic],
) -> Result<Vec<(Port, Change)>> {
    let mut changed = Vec::new();
    for nic in nics {
        changed.extend(unmake_on_conn(conn, server, nic.port, nic.keep_port).await?);
    }
    Ok(changed)
}

async fn unmake_on_conn(
    conn: &mut Conn,
    server: ServerId,
    port: PortId,
    keep: bool,
) -> Result<Option<(Port, Change)>> {
    if !keep {
        let gone = port_delete_on_conn(conn, port).await?;
        return Ok(gone.map(|port| (port, Change::Deleted)));
    }
    let unbound = port_unbind_on_conn(conn, &[port]).await?.pop();
    let holder = store::server::show(conn, server).await?;
    let hostname = holder.as_ref().and_then(label);
    let released = port_release_on_conn(conn, port, server, hostname.as_deref()).await?;
    Ok(released.or(unbound).map(|port| (port, Change::Updated)))
}

/// Tells watchers about ports, after the commit.
pub fn ports_tell(cx: &Context, changed: &[(Port, Change)]) {
    for (port, change) in changed {
        port_announce(cx, port, *change);
    }
}

/// Addresses of these servers in order of their interfaces, by server.
pub async fn addresses_on_conn(
    conn: &mut Conn,
    servers: &[ServerId],
) -> Result<HashMap<ServerId, Vec<ServerAddress>>> {
    let mut by_server: HashMap<ServerId, Vec<ServerAddress>> = HashMap::new();
    for found in server_addresses_on_conn(conn, servers).await? {
        by_server
            .entry(found.server)
            .or_default()
            .push(ServerAddress {
                network: found.network,
                address: found.address,
                mac: found.mac,
                is_floating: found.is_floating,
            });
    }
    Ok(by_server)
}
