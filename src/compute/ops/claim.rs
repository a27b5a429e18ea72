//! The ledger: claims of hosts' resources, never more than a host has.
//!
//! Inventory is what a host reports, times the allocation ratios, without the reserves; usage is the sum of claims and is
//! kept nowhere else. A claim locks the host's row, sums what is claimed, and is written only if it fits. That order is
//! right on every engine: whoever waited for the row sees the claims of whoever had it. One transaction claims of one
//! host at a time, so no two can wait for each other.

use super::host_list::allocation_ratios;
use crate::compute::model::{Claim, Consumer, ResourceClass, Resources};
use crate::compute::store;
use crate::context::Context;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{OperationId, ProjectId, ServerId, Time, UserId};

/// What became of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// It is made.
    Made,
    /// The consumer has this very claim already: a step that runs again.
    Kept,
    /// It does not fit. Nothing was changed.
    Short {
        /// The resource that falls short.
        class: ResourceClass,
        /// How much was wanted.
        wanted: u64,
        /// How much is left.
        available: u64,
    },
}

/// Claims `wanted` of a host for a consumer, if all of it fits. A consumer that has another claim gets a conflict: it must
/// release that one first.
pub async fn claim_on_conn(
    conn: &mut Conn,
    cx: &Context,
    consumer: Consumer,
    server: ServerId,
    host: &str,
    wanted: Resources,
) -> Result<ClaimOutcome> {
    if !store::claim::lock(conn, host).await? {
        return Err(Error::not_found("host", host));
    }
    if let Some(found) = store::claim::find(conn, consumer).await? {
        if found.host == host && found.resources == wanted {
            return Ok(ClaimOutcome::Kept);
        }
        return Err(Error::conflict(format!(
            "{consumer} has a claim on host {} already",
            found.host
        )));
    }
    let total = store::host::by_name(conn, host, 0)
        .await?
        .map(|found| found.total)
        .unwrap_or_default();
    let free = allocation_ratios(cx)
        .capacity(total)
        .minus(store::claim::used(conn, host).await?);
    for class in ResourceClass::ALL {
        let (wanted, available) = (class.of(wanted), class.of(free));
        if wanted > available {
            return Ok(ClaimOutcome::Short {
                class,
                wanted,
                available,
            });
        }
    }
    let claim = Claim {
        consumer,
        server,
        host: host.to_owned(),
        resources: wanted,
        created_at: Time::now(),
    };
    if store::claim::insert(conn, &claim).await? {
        Ok(ClaimOutcome::Made)
    } else {
        Err(Error::conflict(format!(
            "{consumer} claimed something else at the same time"
        )))
    }
}

/// A consumer's claim, if it has one.
pub async fn claim_find_on_conn(conn: &mut Conn, consumer: Consumer) -> Result<Option<Claim>> {
    Ok(store::claim::find(conn, consumer).await?)
}

/// Gives a consumer's claim back; says whether there was one.
pub async fn claim_release_on_conn(conn: &mut Conn, consumer: Consumer) -> Result<bool> {
    let Some(claim) = store::claim::find(conn, consumer).await? else {
        return Ok(false);
    };
    store::claim::lock(conn, &claim.host).await?;
    Ok(store::claim::delete(conn, consumer).await?)
}

/// Gives back everything that is claimed for a server, whoever claimed it.
pub async fn claim_release_server_on_conn(conn: &mut Conn, server: ServerId) -> Result<u64> {
    Ok(store::claim::delete_of_server(conn, server).await?)
}

/// Ends a confirmed resize or migration: what the operation claimed and what the server had become one claim of the
/// server, for `resources` on `host`. Needs no room: on that host both together were at least that. Safe to repeat.
pub async fn claim_settle_on_conn(
    conn: &mut Conn,
    operation: OperationId,
    server: ServerId,
    host: &str,
    resources: Resources,
) -> Result<()> {
    if !store::claim::lock(conn, host).await? {
        return Err(Error::not_found("host", host));
    }
    store::claim::delete(conn, Consumer::Operation(operation)).await?;
    store::claim::delete(conn, Consumer::Server(server)).await?;
    store::claim::insert(
        conn,
        &Claim {
            consumer: Consumer::Server(server),
            server,
            host: host.to_owned(),
            resources,
            created_at: Time::now(),
        },
    )
    .await?;
    Ok(())
}

/// All claims for a server: its own, and those of operations on it.
pub async fn claims_of_server(cx: &Context, server: ServerId) -> Result<Vec<Claim>> {
    let mut conn = cx.db.read().await?;
    Ok(store::claim::of_servers(&mut conn, &[server]).await?)
}

/// What is claimed for the servers of a project, those of one user only if one is given.
pub async fn claimed_of_project(
    cx: &Context,
    project: ProjectId,
    user: Option<UserId>,
) -> Result<Resources> {
    let mut conn = cx.db.read().await?;
    Ok(store::claim::used_of_project(&mut conn, project, user).await?)
}

/// All claims on a host.
pub async fn claims_of_host(cx: &Context, host: &str) -> Result<Vec<Claim>> {
    let mut conn = cx.db.read().await?;
    Ok(store::claim::of_host(&mut conn, host).await?)
}
