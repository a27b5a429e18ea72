//! Many machines: simulated hosts by the dozen on one RabbitMQ, and control processes on one MariaDB. `make bench` does the
//! same with a thousand and prints what it takes.

mod cloud;
mod launches;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use cloud::{Fleet, Wish};

use crate::lab::wait::wait_for_async;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_hosts_are_up_and_stay_up_and_no_message_is_left_lying() {
    let mut fleet = Fleet::start(Wish {
        controls: 1,
        hosts: 60,
        interval: 1,
        down_after: 15,
    })
    .await;
    let begun = Instant::now();
    wait_for_async(
        "some intervals to pass",
        Duration::from_secs(30),
        async || {
            assert_eq!(fleet.hosts_up().await, 60, "after {:?}", begun.elapsed());
            (begun.elapsed() > Duration::from_secs(5)).then_some(())
        },
    )
    .await;
    let told = "SELECT COUNT(*) FROM host WHERE shown_up = 1 AND failures = 0 AND trouble IS NULL";
    assert_eq!(fleet.number(told).await, 60);
    // Messages come all the time: each queue has to be seen empty, not all at one moment.
    let mut full: Option<BTreeSet<String>> = None;
    wait_for_async(
        "each queue to be empty",
        Duration::from_secs(30),
        async || {
            let waiting = fleet.waiting().await;
            let full = full.get_or_insert_with(|| waiting.keys().cloned().collect());
            full.retain(|queue| waiting.contains_key(queue));
            full.is_empty().then_some(())
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_launches_through_two_control_processes_all_end_well_and_none_happens_twice() {
    let mut fleet = Fleet::start(Wish {
        controls: 2,
        hosts: 20,
        interval: 2,
        down_after: 10,
    })
    .await;
    let image = fleet.furnish().await.id;
    launches::launch(&mut fleet, &image, 200, Duration::from_secs(120)).await;
    launches::check(&mut fleet, 200).await;
}
