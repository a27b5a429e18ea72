//! What a call costs; told, not judged: debug builds on busy machines are no yardstick.

use std::time::Instant;

use super::semantics::{Ask, Ends};
use crate::bus::Bus;

/// Calls measured one after the other, and in all with a hundred under way.
const ONE_BY_ONE: usize = 1000;
const TOGETHER: usize = 5000;

/// Measures and prints.
pub(super) async fn measure(name: &str, ends: &Ends) {
    let (_, _serving) = ends.serve("s1").await;
    let mut times = Vec::with_capacity(ONE_BY_ONE);
    for _ in 0..ONE_BY_ONE {
        let begun = Instant::now();
        ends.ask("s1", Ask::Count).await.unwrap();
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    let begun = Instant::now();
    let work = futures::stream::iter((0..TOGETHER).map(|_| ends.ask("s1", Ask::Count)));
    let answers: Vec<_> =
        futures::StreamExt::collect(futures::StreamExt::buffer_unordered(work, 100)).await;
    assert!(answers.iter().all(Result::is_ok));
    let rate = TOGETHER as f64 / begun.elapsed().as_secs_f64();
    eprintln!(
        "{name}: a call takes {:?} (half of them less), {:?} (99 of 100); {rate:.0} calls/s with 100 under way",
        times[ONE_BY_ONE / 2],
        times[ONE_BY_ONE * 99 / 100],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn local_calls_are_measured() {
    let bus = Bus::local();
    let ends = Ends {
        asker: bus.clone(),
        server: bus,
    };
    measure("local", &ends).await;
}
