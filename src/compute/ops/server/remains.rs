//! What hosts have of servers that are not, or not there.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::compute::model::{Server, VmState};
use crate::compute::sagas::{Removal, remove as remove_guest};
use crate::compute::store;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::ServerId;
use crate::saga::{operation_of_on_conn, turn_now};

/// What a server is to a host that has something of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerStanding {
    /// It is there.
    Here,
    /// An operation works on it, or its resize waits for a decision: it may come there yet.
    Moving,
    /// It is on another host.
    Elsewhere {
        /// Its name.
        name: String,
        /// That host.
        host: String,
    },
    /// It is on no host.
    Nowhere {
        /// Its name.
        name: String,
    },
    /// It was deleted.
    Deleted {
        /// The name it had.
        name: String,
    },
    /// There is none with this id, and none was remembered.
    Unknown,
}

/// What these servers are to a host.
pub async fn server_standings(
    cx: &Context,
    host: &str,
    ids: &[ServerId],
) -> Result<BTreeMap<ServerId, ServerStanding>> {
    let mut conn = cx.db.read().await?;
    let mut standings: BTreeMap<ServerId, ServerStanding> = BTreeMap::new();
    for server in store::server::briefs_on_host(&mut conn, host).await? {
        standings.insert(server.id, ServerStanding::Here);
    }
    drop(conn);
    for &id in ids {
        if let Entry::Vacant(place) = standings.entry(id) {
            place.insert(standing(cx, host, id).await?);
        }
    }
    Ok(standings)
}

async fn standing(cx: &Context, host: &str, id: ServerId) -> Result<ServerStanding> {
    let mut conn = cx.db.read().await?;
    let found = store::server::show(&mut conn, id).await?;
    // Also when it is deleted: files may be on their way out.
    let works = operation_of_on_conn(&mut conn, &id.to_string()).await?;
    let Some(Server {
        name,
        host: place,
        deleted_at,
        vm_state,
        ..
    }) = found
    else {
        return Ok(match works {
            Some(_) => ServerStanding::Moving,
            None => ServerStanding::Unknown,
        });
    };
    // One that was resized may go back to where it was.
    if works.is_some() || vm_state == VmState::Resized {
        return Ok(ServerStanding::Moving);
    }
    Ok(match place {
        _ if deleted_at.is_some() => ServerStanding::Deleted { name },
        Some(place) if place == host => ServerStanding::Here,
        Some(host) => ServerStanding::Elsewhere { name, host },
        None => ServerStanding::Nowhere { name },
    })
}

/// Removes what a host has of a server that is not there and that nobody works on.
pub async fn server_remains_remove(cx: &Context, host: &str, id: ServerId) -> Result<()> {
    // Not in the turn of any operation: whatever begins after this may put the server there again.
    let turn = turn_now(cx, &id.to_string()).await?;
    match standing(cx, host, id).await? {
        ServerStanding::Here => {
            return Err(Error::conflict(format!("server {id} is on {host} now")));
        }
        ServerStanding::Moving => {
            return Err(Error::conflict(format!(
                "an operation works on server {id}; wait for its end"
            )));
        }
        _ => {}
    }
    match remove_guest(cx, &turn, id, host).await {
        Removal::Done => Ok(()),
        Removal::NoAnswer(reason) => Err(Error::Unavailable(format!(
            "{host} did not remove it: {reason}; try again"
        ))),
    }
}
