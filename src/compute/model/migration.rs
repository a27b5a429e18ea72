//! A move of a server between hosts: what it is, how far it is, and what was expected of it.
//!
//! [`Forecast::of`] says beforehand how long a live migration will take. Memory is sent in rounds: what the guest wrote
//! during a round is sent in the next one. With a link of `b` bytes per second and a guest that writes `d` of them, each
//! round is `d/b` times the one before; it ends when what is left fits into the pause that is allowed. Where `d` is not
//! below `b` that never happens, and the guest has to be slowed down, or the migration ended by force.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::{MigrationId, OperationId, ProjectId, ServerId, Time, UserId};

/// Why a server moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MigrationKind {
    /// While it runs.
    Live,
    /// While it is off, with the same flavor.
    Cold,
    /// While it is off, for another flavor.
    Resize,
    /// Made anew elsewhere, because its host is dead.
    Evacuation,
}

impl MigrationKind {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Live, Self::Cold, Self::Resize, Self::Evacuation];

    /// Nova's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live-migration",
            Self::Cold => "migration",
            Self::Resize => "resize",
            Self::Evacuation => "evacuation",
        }
    }
}

/// How far a move is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MigrationStatus {
    /// It was asked for.
    Accepted,
    /// The destination makes ready.
    Preparing,
    /// Memory and disks are sent.
    Running,
    /// The guest is there; what is left here is cleared away.
    PostMigrating,
    /// It is done.
    Completed,
    /// It was broken off on request; the guest stayed.
    Cancelled,
    /// It did not succeed; the guest stayed.
    Failed,
    /// It waits for its owner to confirm or revert it.
    Finished,
    /// Its owner confirmed it.
    Confirmed,
    /// Its owner reverted it.
    Reverted,
}

impl MigrationStatus {
    /// All there are.
    pub const ALL: [Self; 10] = [
        Self::Accepted,
        Self::Preparing,
        Self::Running,
        Self::PostMigrating,
        Self::Completed,
        Self::Cancelled,
        Self::Failed,
        Self::Finished,
        Self::Confirmed,
        Self::Reverted,
    ];

    /// Nova's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Preparing => "preparing",
            Self::Running => "running",
            Self::PostMigrating => "post-migrating",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::Finished => "finished",
            Self::Confirmed => "confirmed",
            Self::Reverted => "reverted",
        }
    }

    /// Whether the server is being moved.
    pub fn is_under_way(self) -> bool {
        matches!(
            self,
            Self::Accepted | Self::Preparing | Self::Running | Self::PostMigrating
        )
    }
}

/// What was asked of a move that is under way. The later one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MigrationWish {
    /// Break it off.
    Abort,
    /// End it soon.
    ForceComplete,
}

impl MigrationWish {
    /// As it is stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Abort => "abort",
            Self::ForceComplete => "force_complete",
        }
    }
}

macro_rules! by_name {
    ($type:ty, $all:expr) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl FromStr for $type {
            type Err = ();

            fn from_str(text: &str) -> Result<Self, ()> {
                $all.into_iter().find(|one| one.name() == text).ok_or(())
            }
        }
    };
}

by_name!(MigrationKind, Self::ALL);
by_name!(MigrationStatus, Self::ALL);
by_name!(MigrationWish, [Self::Abort, Self::ForceComplete]);

/// How far a migration is. Bytes, bytes per second and milliseconds; what is not known is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MigrationProgress {
    /// Since its beginning.
    pub elapsed_ms: u64,
    /// All memory.
    pub memory_total: u64,
    /// Memory sent.
    pub memory_processed: u64,
    /// Memory to be sent, as far as known now.
    pub memory_remaining: u64,
    /// Memory sent per second.
    pub memory_bps: u64,
    /// Memory that the guest writes per second.
    pub dirty_bps: u64,
    /// How often all memory was gone through.
    pub iteration: u64,
    /// All of the disks that are copied.
    pub disk_total: u64,
    /// Disk sent.
    pub disk_processed: u64,
    /// Disk to be sent.
    pub disk_remaining: u64,
    /// Disk sent per second.
    pub disk_bps: u64,
    /// How long the guest will pause, or did.
    pub downtime_ms: u64,
    /// By how many percent the guest is slowed down.
    pub throttle_percent: u64,
    /// Whether the guest executes at the destination already and fetches the rest.
    pub post_copy: bool,
}

impl MigrationProgress {
    /// Bytes sent and bytes in all.
    pub fn bytes(&self) -> (u64, u64) {
        let total = self.memory_total.saturating_add(self.disk_total);
        let left = self.memory_remaining.saturating_add(self.disk_remaining);
        (total.saturating_sub(left), total)
    }
}

/// What a live migration is expected to take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    /// From the first byte to the last.
    pub total_ms: u64,
    /// How long the guest will pause.
    pub downtime_ms: u64,
    /// Memory and disk to be sent, without what is sent twice.
    pub bytes: u64,
    /// Memory that the guest wrote per second when it was looked at.
    pub dirty_bps: u64,
    /// What the link carries per second.
    pub link_bps: u64,
    /// Whether it ends without force.
    pub converges: bool,
}

impl Forecast {
    /// For a guest with so much memory in use and disk to copy, which writes `dirty_bps` of its memory, over a link of
    /// `link_bps`, when it may pause for `downtime_ms`.
    pub fn of(memory: u64, disk: u64, dirty_bps: u64, link_bps: u64, downtime_ms: u64) -> Self {
        let link = u128::from(link_bps.max(1));
        let dirty = u128::from(dirty_bps);
        let fits = link * u128::from(downtime_ms) / 1000;
        let mut sent = u128::from(disk);
        let mut left = u128::from(memory);
        let mut converges = true;
        while left > fits {
            let next = (left * dirty / link).min(u128::from(memory));
            sent += left;
            if next >= left {
                // Slowed down, or by force: what is left then is sent in the pause.
                converges = false;
                left = next;
                break;
            }
            left = next;
        }
        let ms = |bytes: u128| u64::try_from(bytes * 1000 / link).unwrap_or(u64::MAX);
        Self {
            total_ms: ms(sent + left),
            downtime_ms: ms(left),
            bytes: memory.saturating_add(disk),
            dirty_bps,
            link_bps,
            converges,
        }
    }
}

/// A move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Nova's number, which rises.
    pub id: i64,
    /// Its id.
    pub uuid: MigrationId,
    /// The server.
    pub server: ServerId,
    /// The operation that does it.
    pub operation: OperationId,
    /// The server's project.
    pub project: ProjectId,
    /// Who asked for it.
    pub user: Option<UserId>,
    /// Why.
    pub kind: MigrationKind,
    /// How far it is.
    pub status: MigrationStatus,
    /// From this host.
    pub source: String,
    /// To this one, once it was chosen.
    pub destination: Option<String>,
    /// Id of the flavor before.
    pub old_flavor: String,
    /// Id of the flavor after.
    pub new_flavor: String,
    /// What was asked of it meanwhile.
    pub wish: Option<MigrationWish>,
    /// How far the transfer is, or was at its end.
    pub progress: MigrationProgress,
    /// What was expected.
    pub forecast: Option<Forecast>,
    /// Why it did not succeed.
    pub message: Option<String>,
    /// When it was asked for.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

/// Which moves are wanted.
#[derive(Clone, Debug, Default)]
pub struct MigrationQuery {
    /// With this id.
    pub uuid: Option<MigrationId>,
    /// Of this server.
    pub server: Option<ServerId>,
    /// From or to this host.
    pub host: Option<String>,
    /// From this host.
    pub source: Option<String>,
    /// With this status.
    pub status: Option<MigrationStatus>,
    /// Of this kind.
    pub kind: Option<MigrationKind>,
    /// Of servers of this project.
    pub project: Option<ProjectId>,
    /// Asked for by this user.
    pub user: Option<UserId>,
    /// Changed since then.
    pub since: Option<Time>,
    /// Changed before then.
    pub before: Option<Time>,
    /// Older than the one with this id.
    pub marker: Option<MigrationId>,
    /// So many at most.
    pub limit: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[rstest::rstest]
    // Nothing is written: one round, and nothing is left for the pause.
    #[case(0, 0, 10_000, 0, true)]
    // A tenth of the link: 10 s, then 1 s, then 0.1 s, which fits into the pause.
    #[case(0, 10, 11_100, 100, true)]
    // The disk goes first.
    #[case(500, 0, 15_000, 0, true)]
    // As much as the link: force, with all of it in the pause.
    #[case(0, 100, 20_000, 10_000, false)]
    fn a_forecast_adds_up_the_rounds(
        #[case] disk: u64,
        #[case] dirty: u64,
        #[case] total_ms: u64,
        #[case] downtime_ms: u64,
        #[case] converges: bool,
    ) {
        let forecast = Forecast::of(1000 * MIB, disk * MIB, dirty * MIB, 100 * MIB, 300);
        assert_eq!(
            (forecast.total_ms, forecast.downtime_ms, forecast.converges),
            (total_ms, downtime_ms, converges)
        );
    }

    #[test]
    fn a_forecast_ends_for_any_numbers() {
        for dirty in [0, 1, u64::MAX] {
            for link in [0, 1, u64::MAX] {
                Forecast::of(u64::MAX, u64::MAX, dirty, link, 0);
            }
        }
    }

    #[test]
    fn names_lead_back() {
        for status in MigrationStatus::ALL {
            assert_eq!(status.name().parse(), Ok(status));
        }
        for kind in MigrationKind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
    }
}
