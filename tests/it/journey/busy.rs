//! A guest that writes its memory faster than the link carries: it is slowed down until it can go, paused or finished at
//! the destination when its time is over, or left where it is; whatever the settings say.

use serde_json::Value;

use super::guest::wait_said;
use super::rack::RackCloud;
use super::stock::OpenStack;
use crate::lab::rack::Rack;
use crate::lab::wait::wait_for_async;

/// Writes 16 MiB with random bytes over and over, and says a number and which boot it is of a few times a second, for as
/// long as it runs.
///
/// One process writes, in place: QEMU's translator loses a store now and then that is made in the moment in which the
/// pages to be sent are counted, and what is lost should be such a byte and nothing of the guest's kernel.
const WRITER: &str = "#!/bin/sh\n\
    dd if=/dev/urandom of=/tmp/a bs=1M count=16 2>/dev/null\n\
    shred -n 1000000000 /tmp/a &\n\
    read boot </proc/sys/kernel/random/boot_id\n\
    (i=0; while :; do i=$((i+1)); echo COUNT $i $boot. >/dev/console; usleep 300000; done) &\n";

/// MiB per second that the link carries; a pause of 300 ms is 3 MiB.
const BANDWIDTH: &str = "[compute]\nlive_migration_bandwidth = 10\n";
const SHARED: &str =
    "report_interval = 1\ninstances_dir = \"/shared/instances\"\nvolumes_dir = \"/shared/volumes\"";

const CONVERGE: (&str, &str) = (
    "SKYDECK_COMPUTE_LIVE_MIGRATION_PERMIT_AUTO_CONVERGE",
    "true",
);
const ALOOF: (&str, &str) = (
    "SKYDECK_COMPUTE_LIVE_MIGRATION_PERMIT_AUTO_CONVERGE",
    "false",
);
const POST_COPY: (&str, &str) = ("SKYDECK_COMPUTE_LIVE_MIGRATION_PERMIT_POST_COPY", "true");
const FORCE: (&str, &str) = (
    "SKYDECK_COMPUTE_LIVE_MIGRATION_TIMEOUT_ACTION",
    "force_complete",
);
const ABORT: (&str, &str) = ("SKYDECK_COMPUTE_LIVE_MIGRATION_TIMEOUT_ACTION", "abort");
/// Seconds, in which it would be there twice if it wrote nothing.
const SOON: (&str, &str) = ("SKYDECK_COMPUTE_LIVE_MIGRATION_COMPLETION_TIMEOUT", "10");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_writes_faster_than_the_link_carries_goes_or_stays_as_the_settings_say() {
    let mut cloud = RackCloud::start_with(2, SHARED, BANDWIDTH).await;
    let id = cloud.scripted("writer", 160, WRITER).await;
    let (mut number, boot) = count(&cloud, &id, 3).await;
    for (settings, to, how) in [
        (
            &[ALOOF, SOON, ABORT][..],
            1,
            "left alone, until its time is over",
        ),
        (&[CONVERGE], 2, "slowed down until it can go"),
        (&[ALOOF, SOON, FORCE], 1, "paused when its time is over"),
        (
            &[ALOOF, POST_COPY, SOON, FORCE],
            2,
            "finished at the destination when its time is over",
        ),
    ] {
        let from = cloud.place();
        cloud.stop();
        cloud.boot(settings);
        let stock = OpenStack::new(&cloud);
        stock.ok(&format!(
            "--os-compute-api-version 2.88 server migrate --live-migration --host h{} {id}",
            3 - from
        ));
        cloud.settled().await;
        let moved = newest(&stock);
        let wanted = if from == to { "failed" } else { "completed" };
        assert_eq!(moved["Status"], wanted, "{how}: {moved}");
        let server = cloud.wait_status(&id, "ACTIVE").await;
        assert_eq!(server.host, Some(Rack::name(to)), "{how}");
        assert_eq!(cloud.place(), to, "{how}");
        wait_for_async("nothing to be left", super::cloud::PATIENCE, async || {
            cloud.guests_on(3 - to).is_empty().then_some(())
        })
        .await;
        let (now, still) = count(&cloud, &id, number + 3).await;
        assert_eq!(still, boot, "{how}: the guest booted");
        number = now;
    }
    cloud.delete(&id).await;
}

/// The last number said and the boot that it is of, once it is above `above`.
async fn count(cloud: &RackCloud, id: &str, above: u64) -> (u64, String) {
    let what = format!("a number above {above}");
    wait_said(&cloud.client(), id, &what, |line| {
        let (number, boot) = line.split_once("COUNT ")?.1.trim().split_once(' ')?;
        let number = number.parse().ok()?;
        // The dot says that the line is whole.
        (number > above).then_some((number, boot.strip_suffix('.')?.to_owned()))
    })
    .await
}

/// The record of the newest move.
fn newest(stock: &OpenStack) -> Value {
    let list = stock.json("--os-compute-api-version 2.80 server migration list");
    let moves = list.as_array().expect("a list");
    let newest = moves.iter().max_by_key(|one| one["Id"].as_i64());
    newest.expect("a move").clone()
}
