//! Networks as the actor may see them: those of their project, those that are shared with it, and those that lead outside.

use super::check::is_owner;
use crate::context::Context;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::NetworkId;
use crate::network::model::{Network, NetworkQuery};
use crate::network::store;

/// Networks, oldest first.
pub async fn network_list(cx: &Context, mut query: NetworkQuery) -> Result<Vec<Network>> {
    if let Some(own) = cx.visible_project()? {
        query.visible_to = Some(own);
    }
    let mut conn = cx.db.read().await?;
    Ok(store::network::list(&mut conn, &query).await?)
}

/// One network.
pub async fn network_show(cx: &Context, id: NetworkId) -> Result<Network> {
    let mut conn = cx.db.read().await?;
    network_show_on_conn(&mut conn, cx, id).await
}

/// One network, on a connection.
pub async fn network_show_on_conn(conn: &mut Conn, cx: &Context, id: NetworkId) -> Result<Network> {
    match store::network::find(conn, id).await? {
        Some(network) if network.shared || network.external || is_owner(cx, network.project) => {
            Ok(network)
        }
        Some(network) => match cx.actor.project.as_ref() {
            Some(own) if !store::rbac::grants(conn, id, own.id).await?.is_empty() => Ok(network),
            _ => Err(Error::not_found("network", id)),
        },
        None => Err(Error::not_found("network", id)),
    }
}

/// The network that a server gets when its owner names none: the only one that their project may use. `None` if there is
/// none; a conflict if there are several, as Nova has it.
pub async fn network_for_launch(cx: &Context) -> Result<Option<Network>> {
    let query = NetworkQuery {
        usable_by: Some(cx.project()?.id),
        ..NetworkQuery::default()
    };
    let mut conn = cx.db.read().await?;
    let networks: Vec<Network> = store::network::list(&mut conn, &query)
        .await?
        .into_iter()
        .filter(|network| network.admin_state_up)
        .collect();
    match networks.len() {
        0 => Ok(None),
        1 => Ok(networks.into_iter().next()),
        _ => {
            let names: Vec<&str> = networks
                .iter()
                .take(5)
                .map(|network| network.name.as_str())
                .collect();
            Err(Error::conflict(format!(
                "Multiple possible networks found, use a Network ID to be more specific: {}",
                names.join(", ")
            )))
        }
    }
}
