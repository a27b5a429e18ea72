//! What a live migration has to send, and over what. Pure, but for the memory of earlier migrations.

use crate::compute::model::{MigrationKind, MigrationQuery, MigrationStatus};
use crate::compute::rpc::migration::{DestinationFacts, SourceFacts};
use crate::compute::store;
use crate::context::Context;
use crate::error::Result;
use crate::hypervisor::migration::DiskCopy;
use crate::saga::Failure;

/// Bytes per second that are assumed between hosts before anything was sent: a link of 1 Gbit/s.
const FIRST_LINK_BPS: u64 = 110 << 20;
/// Earlier migrations that are looked at.
const REMEMBERED: i64 = 8;

/// Which disks have to be copied to this destination. `block` is what was asked for, if anything was; `image` says whether
/// the destination can fetch the base of the root disk.
pub(in crate::compute) fn disk_copy(
    source: &str,
    host: &str,
    facts: &SourceFacts,
    door: &DestinationFacts,
    block: Option<bool>,
    image: bool,
) -> std::result::Result<DiskCopy, Failure> {
    if let Some(problem) = door.problems.first() {
        return Err(Failure::new(format!("{host}: {problem}")));
    }
    if let Some(volume) = door.missing_volumes.first() {
        return Err(Failure::new(format!(
            "volume {volume} is a file of {source} that {host} does not see"
        ))
        .hint("detach it, or let the nodes share a directory of volumes (agent.volumes_dir)"));
    }
    let Some(root) = &facts.root else {
        return Ok(DiskCopy::Shared);
    };
    match (door.is_shared, block) {
        (true, Some(true)) => {
            return Err(Failure::new(format!(
                "{source} and {host} share the disk, so that it can not be copied"
            ))
            .hint("migrate without block migration"));
        }
        (true, _) => return Ok(DiskCopy::Shared),
        (false, Some(false)) => {
            return Err(
                Failure::new(format!("{source} and {host} do not share the disk"))
                    .hint("migrate with block migration, or let the service choose"),
            );
        }
        (false, _) => {}
    }
    let disks = if root.is_plain && image {
        DiskCopy::Top
    } else {
        DiskCopy::Whole
    };
    let needed = disk_bytes(facts, disks);
    if needed > door.free_bytes {
        return Err(Failure::new(format!(
            "{host} has {} MiB free for disks and the server's takes {} MiB",
            door.free_bytes >> 20,
            needed >> 20
        )));
    }
    Ok(disks)
}

/// Bytes of disks to be sent.
pub(in crate::compute) fn disk_bytes(facts: &SourceFacts, disks: DiskCopy) -> u64 {
    let root = facts.root.as_ref();
    match disks {
        DiskCopy::Shared => 0,
        DiskCopy::Top => root.map_or(0, |root| root.top_bytes),
        DiskCopy::Whole => root.map_or(0, |root| root.whole_bytes),
    }
}

/// Bytes per second that this host sent lately when it moved a guest: what a forecast counts with.
pub(in crate::compute) async fn link_bps(cx: &Context, source: &str) -> Result<u64> {
    let mut conn = cx.db.read().await?;
    let query = MigrationQuery {
        source: Some(source.to_owned()),
        kind: Some(MigrationKind::Live),
        status: Some(MigrationStatus::Completed),
        limit: REMEMBERED,
        ..MigrationQuery::default()
    };
    let earlier = store::migration::list(&mut conn, &query).await?;
    let rates = earlier
        .iter()
        .map(|migration| migration.progress.memory_bps)
        .filter(|bps| *bps > 0);
    // The best it has shown: a small guest is sent before the link is warm.
    Ok(rates.max().unwrap_or(FIRST_LINK_BPS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::rpc::migration::RootFacts;
    use crate::hypervisor::PowerState;

    fn facts(plain: bool) -> SourceFacts {
        SourceFacts {
            power: PowerState::Running,
            memory_bytes: 0,
            dirty_bps: None,
            cpu: None,
            root: Some(RootFacts {
                virtual_bytes: 8 << 30,
                top_bytes: 1 << 30,
                whole_bytes: 2 << 30,
                base: None,
                is_plain: plain,
            }),
        }
    }

    fn door(is_shared: bool) -> DestinationFacts {
        DestinationFacts {
            uri: String::new(),
            address: None,
            is_shared,
            missing_volumes: Vec::new(),
            free_bytes: 4 << 30,
            problems: Vec::new(),
        }
    }

    #[rstest::rstest]
    #[case(true, true, None, true, Ok(DiskCopy::Shared))]
    #[case(true, true, Some(false), true, Ok(DiskCopy::Shared))]
    #[case(true, true, Some(true), true, Err("share the disk"))]
    #[case(true, false, None, true, Ok(DiskCopy::Top))]
    #[case(true, false, None, false, Ok(DiskCopy::Whole))]
    #[case(false, false, Some(true), true, Ok(DiskCopy::Whole))]
    #[case(true, false, Some(false), true, Err("do not share"))]
    fn what_is_copied(
        #[case] plain: bool,
        #[case] shared: bool,
        #[case] block: Option<bool>,
        #[case] image: bool,
        #[case] expected: std::result::Result<DiskCopy, &str>,
    ) {
        let found = disk_copy("h1", "h2", &facts(plain), &door(shared), block, image);
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(failure), Err(text)) => assert!(failure.message.contains(text), "{failure}"),
            (found, expected) => panic!("{found:?}, not {expected:?}"),
        }
    }

    #[test]
    fn a_full_disk_and_a_volume_out_of_sight_are_told_beforehand() {
        let full = DestinationFacts {
            free_bytes: 1 << 20,
            ..door(false)
        };
        let failure = disk_copy("h1", "h2", &facts(true), &full, None, true).unwrap_err();
        assert_eq!(
            failure.message,
            "h2 has 1 MiB free for disks and the server's takes 1024 MiB"
        );
        let blind = DestinationFacts {
            missing_volumes: vec![crate::ids::VolumeId::new()],
            ..door(true)
        };
        let failure = disk_copy("h1", "h2", &facts(true), &blind, None, true).unwrap_err();
        assert!(
            failure.message.contains("that h2 does not see"),
            "{failure}"
        );
    }
}
