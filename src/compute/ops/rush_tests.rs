//! More launches than places, by several control processes at once: as many succeed as there are places, the others say
//! why not, and the ledger is exact.

use futures::future::join_all;

use super::place_tests::{order, report};
use super::*;
use crate::compute::store;
use crate::context::Context;
use crate::context::testing::{another, cloud};
use crate::error::Error;
use crate::ids::ServerId;

/// Places that are left.
const PLACES: usize = 10;
/// Who wants one.
const MANY: usize = 100;
/// MiB of each.
const MEMORY_MB: u64 = 256;

/// As the launch does it: who is told to come again comes again.
async fn placed(cx: &Context) -> Placement {
    let id = ServerId::new();
    loop {
        match place(cx, &order(id, 1, MEMORY_MB)).await {
            Err(Error::Unavailable(_)) => tokio::task::yield_now().await,
            found => return found.unwrap(),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_launches_of_two_processes_fill_the_last_ten_places_exactly() {
    let (dir, first, _kicks) = cloud().await;
    let (second, _kicks) = another(dir.path(), first.db.clone(), &[]);
    let first = Context::system(first);
    let second = Context::system(second);
    for (name, places) in [("a", 7), ("b", 2), ("c", 1)] {
        let reserved = first.config.compute.reserved_host_memory_mb;
        let report = report(name, 64, places * MEMORY_MB + reserved);
        host_report(&first, &report).await.unwrap();
    }
    let launches = (0..MANY).map(|number| placed([&first, &second][number % 2]));
    let found = join_all(launches).await;
    let (won, lost): (Vec<_>, Vec<_>) = found.iter().partition(|found| found.host.is_some());
    assert_eq!((won.len(), lost.len()), (PLACES, MANY - PLACES));
    for found in lost {
        let said = found.decision.failure();
        assert!(said.contains("256 MiB"), "{said}");
    }
    let mut conn = first.db.read().await.unwrap();
    for (name, places) in [("a", 7), ("b", 2), ("c", 1)] {
        let used = store::claim::used(&mut conn, name).await.unwrap();
        assert_eq!(used.memory_mb, places * MEMORY_MB, "{name}");
    }
}

#[tokio::test]
async fn launches_that_are_asked_for_together_spread() {
    let (_dir, cloud, _kicks) = cloud().await;
    let cx = Context::system(cloud);
    for (number, name) in ["a", "b", "c"].into_iter().enumerate() {
        // One is a little better than the others, as one always is.
        let report = report(name, 64, 65_536 + number as u64);
        host_report(&cx, &report).await.unwrap();
    }
    join_all((0..3).map(|_| placed(&cx))).await;
    let mut conn = cx.db.read().await.unwrap();
    for name in ["a", "b", "c"] {
        let used = store::claim::used(&mut conn, name).await.unwrap();
        assert_eq!(used.memory_mb, MEMORY_MB, "{name}");
    }
}
