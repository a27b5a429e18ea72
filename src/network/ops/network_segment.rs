//! What the frames of a new network travel on.
//!
//! Two networks with one number would be one network to the nodes, so the table keeps numbers apart. A number is looked for
//! from a random place on, not from the lowest: one that was just given back rests, because a node that was not heard of
//! may still have it.

use crate::config::MOST_VNI;
use crate::context::Context;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::network::model::{Network, NetworkKind, NewNetwork, Provider};
use crate::network::refusal;
use crate::network::store;

/// Longest name of a physical network.
const LONGEST_NAME: usize = 255;

/// What a network's frames shall travel on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SegmentWish {
    /// A bridge of each node alone.
    Local,
    /// Tunnels with this number, or any.
    Vxlan(Option<u32>),
    /// This network that is there already.
    Flat(String),
}

impl SegmentWish {
    /// What a network has already.
    pub(super) fn of(kind: &NetworkKind) -> Self {
        match kind {
            NetworkKind::Local => Self::Local,
            NetworkKind::Vxlan { vni } => Self::Vxlan(Some(*vni)),
            NetworkKind::Flat { physical } => Self::Flat(physical.clone()),
        }
    }

    /// Largest packet there can be, and whether that is the one of networks that say nothing.
    pub(super) fn largest_packet(&self, cx: &Context) -> Option<u32> {
        let underlay = cx.config.network.underlay_mtu;
        match self {
            Self::Local => None,
            Self::Vxlan(_) => Some(underlay - cx.config.network.engine.overhead()),
            Self::Flat(_) => Some(underlay),
        }
    }
}

/// What a new network asks for. Only administrators may say; what nobody says is a network of tunnels, unless it leads
/// outside, which it does through each node by itself then.
pub(super) fn wished(cx: &Context, new: &NewNetwork) -> Result<SegmentWish> {
    let Provider {
        network_type,
        physical_network,
        segmentation_id,
    } = &new.provider;
    if new.provider.is_empty() {
        return Ok(if new.external {
            SegmentWish::Local
        } else {
            SegmentWish::Vxlan(None)
        });
    }
    if !cx.actor.is_admin() {
        return Err(refusal::not_admin("provider:network_type"));
    }
    let kind = network_type.as_deref().ok_or_else(|| {
        refusal::invalid_input(
            "provider:network_type: it is needed with the other provider attributes",
        )
    })?;
    let surplus = |field: &str| {
        Err(refusal::invalid_input(format!(
            "{field} specified for {kind} network: leave it out"
        )))
    };
    let tunnelled = cx.config.network.engine.tunnel_type();
    match kind {
        "local" if physical_network.is_some() => surplus("provider:physical_network"),
        "local" | "flat" if segmentation_id.is_some() => surplus("provider:segmentation_id"),
        "local" => Ok(SegmentWish::Local),
        _ if kind == tunnelled && physical_network.is_some() => {
            surplus("provider:physical_network")
        }
        _ if kind == tunnelled => match segmentation_id {
            Some(vni) if !(1..=MOST_VNI).contains(vni) => Err(refusal::invalid_input(format!(
                "provider:segmentation_id: 1 to {MOST_VNI} is allowed"
            ))),
            vni => Ok(SegmentWish::Vxlan(*vni)),
        },
        "flat" => match physical_network {
            Some(name) if (1..=LONGEST_NAME).contains(&name.len()) => {
                Ok(SegmentWish::Flat(name.clone()))
            }
            _ => Err(refusal::invalid_input(
                "provider:physical_network: it is needed for flat network, as the nodes' agent.physical_networks have it",
            )),
        },
        other => Err(refusal::invalid_input(format!(
            "provider:network_type: {other:?} is not to be had here; local, {tunnelled} and flat are"
        ))),
    }
}

/// The network's largest packet, checked against what its kind carries.
pub(super) fn check_mtu(cx: &Context, wish: &SegmentWish, mtu: u32) -> Result<()> {
    match wish.largest_packet(cx) {
        Some(most) if mtu > most => Err(refusal::invalid_input(format!(
            "Requested MTU is too big, maximum is {most}: the network between nodes carries packets of {} bytes (network.underlay_mtu), of which a tunnel takes {}",
            cx.config.network.underlay_mtu,
            cx.config.network.engine.overhead(),
        ))),
        _ => Ok(()),
    }
}

/// Writes a new network on what it wishes, and says what that is.
pub(super) async fn insert_on_conn(
    conn: &mut Conn,
    cx: &Context,
    network: &mut Network,
    wish: SegmentWish,
) -> Result<()> {
    network.kind = match wish {
        SegmentWish::Local => NetworkKind::Local,
        SegmentWish::Flat(physical) => NetworkKind::Flat { physical },
        SegmentWish::Vxlan(Some(vni)) => NetworkKind::Vxlan { vni },
        SegmentWish::Vxlan(None) => NetworkKind::Vxlan {
            vni: free_vni(conn, cx).await?,
        },
    };
    if store::network::insert(conn, network).await? {
        return Ok(());
    }
    Err(match &network.kind {
        NetworkKind::Vxlan { vni } => refusal::vni_in_use(*vni),
        NetworkKind::Flat { physical } => refusal::physical_in_use(physical),
        NetworkKind::Local => Error::Internal(format!("network {} is there already", network.id)),
    })
}

async fn free_vni(conn: &mut Conn, cx: &Context) -> Result<u32> {
    let range = cx.config.network.vni_range;
    // Others who look for one wait until this transaction ends.
    conn.take_turn("network:vni").await?;
    let from = rand::random_range(range.first..=range.last);
    match store::network::free_vni(conn, from, range.last).await? {
        Some(vni) => Ok(vni),
        None => store::network::free_vni(conn, range.first, range.last)
            .await?
            .ok_or_else(|| refusal::no_network_available(range.first, range.last)),
    }
}
