//! The network that is there from the beginning, and security groups for ports that were there before these.

use super::network_create;
use super::network_segment;
use super::northbound::northbound_start_on_conn;
use super::security_group_adopt::security_group_adopt_on_conn;
use super::subnet_create;
use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::ids::ProjectId;
use crate::network::model::{NewNetwork, NewSubnet, Provider};
use crate::network::store;

/// To be called at the start of a control process. At the first start of a cloud it makes the network of
/// `network.default_cidr` (none if that is empty): shared with every project, owned by `owner`, its addresses translated
/// to the node's on the way out. One that an operator deleted does not come back.
pub async fn network_start(cx: &Context, owner: ProjectId) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    security_group_adopt_on_conn(&mut tx).await?;
    northbound_start_on_conn(&mut tx, cx).await?;
    tx.commit().await?;
    let settings = &cx.config.network;
    if settings.default_cidr.is_empty() {
        return Ok(());
    }
    let cidr = settings.default_cidr.parse().map_err(|_| {
        Error::BadRequest(format!(
            "network.default_cidr is {:?}; a range like 10.20.0.0/24 is needed, or nothing for no network",
            settings.default_cidr
        ))
    })?;
    let (mut network, wish) = network_create::checked(
        cx,
        NewNetwork {
            project: Some(owner),
            name: settings.default_name.clone(),
            description: "Made at the first start; every project may use it.".into(),
            shared: true,
            provider: Provider {
                network_type: Some("local".into()),
                ..Provider::default()
            },
            ..NewNetwork::default()
        },
    )?;
    network.nat = true;
    let subnet = subnet_create::checked(
        &network,
        NewSubnet {
            network: network.id,
            name: settings.default_name.clone(),
            description: String::new(),
            cidr,
            gateway: None,
            dhcp: true,
            address_mode: None,
            ra_mode: None,
            dns: Vec::new(),
            pools: None,
            routes: Vec::new(),
        },
    )?;
    let mut tx = cx.db.begin().await?;
    if !store::network::seed(&mut tx, "default").await? {
        return Ok(());
    }
    network_segment::insert_on_conn(&mut tx, cx, &mut network, wish).await?;
    subnet_create::insert_on_conn(&mut tx, &network, &subnet).await?;
    tx.commit().await?;
    cx.events
        .changed("network", network.id, Some(owner), Change::Created);
    cx.events
        .changed("subnet", subnet.id, Some(owner), Change::Created);
    Ok(())
}
