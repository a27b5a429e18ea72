//! How many networks, subnets, ports, security groups, routers and the like a project may have. Counted when asked, never
//! kept.

use crate::context::Context;
use crate::db::Conn;
use crate::error::Result;
use crate::identity::ops::{quota_check, quota_limit_on_conn, quota_limits};
use crate::ids::ProjectId;
use crate::network::store;

/// Something that a project may have a bounded number of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bounded {
    /// Networks.
    Networks,
    /// Subnets.
    Subnets,
    /// Ports.
    Ports,
    /// Security groups.
    SecurityGroups,
    /// Rules of all its security groups together.
    SecurityGroupRules,
    /// Policies that share something.
    RbacPolicies,
    /// Routers.
    Routers,
    /// Floating addresses.
    FloatingIps,
}

impl Bounded {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Networks,
        Self::Subnets,
        Self::Ports,
        Self::SecurityGroups,
        Self::SecurityGroupRules,
        Self::RbacPolicies,
        Self::Routers,
        Self::FloatingIps,
    ];

    /// The quota's name in the settings.
    pub fn setting(self) -> &'static str {
        match self {
            Self::Networks => "networks",
            Self::Subnets => "subnets",
            Self::Ports => "ports",
            Self::SecurityGroups => "security_groups",
            Self::SecurityGroupRules => "security_group_rules",
            Self::RbacPolicies => "rbac_policies",
            Self::Routers => "routers",
            Self::FloatingIps => "floatingips",
        }
    }
}

/// A bound and what is used of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaUse {
    /// The bound; -1 is none.
    pub limit: i64,
    /// How many there are.
    pub used: i64,
}

/// Bound and use of each kind, in the order of [`Bounded::ALL`].
pub async fn network_quota(
    cx: &Context,
    project: ProjectId,
) -> Result<[QuotaUse; Bounded::ALL.len()]> {
    let limits = quota_limits(cx, project).await?;
    let mut conn = cx.db.read().await?;
    let mut uses = [QuotaUse { limit: -1, used: 0 }; Bounded::ALL.len()];
    for (slot, kind) in uses.iter_mut().zip(Bounded::ALL) {
        slot.limit = limits.get(kind.setting()).copied().unwrap_or(-1);
        slot.used = count(&mut conn, project, kind).await?;
    }
    Ok(uses)
}

/// How many networks and ports the project has, or all together.
pub async fn network_counts(cx: &Context, all_projects: bool) -> Result<(i64, i64)> {
    let mut conn = cx.db.read().await?;
    Ok(match cx.listed_project(all_projects)? {
        Some(own) => (
            store::network::count(&mut conn, own).await?,
            store::port::count(&mut conn, own).await?,
        ),
        None => (
            store::network::count_all(&mut conn).await?,
            store::port::count_all(&mut conn).await?,
        ),
    })
}

/// Fails unless the project may have one more; others who ask so wait until this transaction ends.
pub(super) async fn room_on_conn(
    conn: &mut Conn,
    cx: &Context,
    project: ProjectId,
    kind: Bounded,
) -> Result<()> {
    conn.take_turn(&format!("network:{project}")).await?;
    let limit = quota_limit_on_conn(conn, cx, project, kind.setting()).await?;
    let used = count(conn, project, kind).await?;
    quota_check(kind.setting(), 1, used, limit)
}

async fn count(conn: &mut Conn, project: ProjectId, kind: Bounded) -> Result<i64> {
    Ok(match kind {
        Bounded::Networks => store::network::count(conn, project).await?,
        Bounded::Subnets => store::subnet::count(conn, project).await?,
        Bounded::Ports => store::port::count(conn, project).await?,
        Bounded::SecurityGroups => store::security_group::count(conn, project).await?,
        Bounded::SecurityGroupRules => store::security_rule::count(conn, project).await?,
        Bounded::RbacPolicies => store::rbac::count(conn, project).await?,
        Bounded::Routers => store::router::count(conn, project).await?,
        Bounded::FloatingIps => store::floating::count(conn, project).await?,
    })
}
