//! What dies beside the control process, and what is shown then.

use std::time::Duration;

use skydeck::compute::model::PowerState;
use skydeck::compute::wire::{Server, ServerCreate};

use super::cloud::{Cloud, PATIENCE};
use crate::lab::wait::wait_for_async;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_shown_is_true_after_guests_libvirtd_and_the_process_died() {
    let mut cloud = Cloud::start();
    let image = cloud.empty_image().await.id;
    let server = |name: &str| ServerCreate {
        name: name.into(),
        flavor_ref: "42".into(),
        image_ref: Some(image.clone()),
        ..ServerCreate::default()
    };
    let id = cloud.launch(server("one")).await;
    cloud.wait_status(&id, "ACTIVE").await;
    let other = cloud.launch(server("other")).await;
    cloud.wait_status(&other, "ACTIVE").await;
    let names = cloud.machine.run(&["virsh", "list", "--name"]);
    assert_eq!(names.split_whitespace().count(), 2);

    // Guests live on when the process is stopped, killed, and started again.
    let guests = cloud.guests();
    cloud.restart();
    cloud.kill();
    cloud.boot(&[]);
    assert_eq!(cloud.guests(), guests);
    assert_eq!(wait_shown(&cloud, &id, "ACTIVE").await.power_state, 1);

    // A guest loses its power while it is watched.
    cut_power(&cloud, &id);
    let crashed = PowerState::Crashed.number();
    assert_eq!(
        wait_shown(&cloud, &id, "SHUTOFF").await.power_state,
        crashed
    );

    // libvirtd is away, and a guest dies meanwhile.
    cloud
        .act(
            &id,
            &skydeck::compute::wire::ServerAction::Start(skydeck::api::wire::Nothing),
            "ACTIVE",
        )
        .await;
    cloud.machine.stop_libvirtd();
    cut_power(&cloud, &id);
    assert_eq!(
        cloud
            .client()
            .server_list(&Default::default())
            .await
            .expect("a list without libvirtd")
            .len(),
        2
    );
    cloud.machine.start_libvirtd();
    wait_shown(&cloud, &id, "SHUTOFF").await;
    wait_shown(&cloud, &other, "ACTIVE").await;

    // The other one dies while nobody looks.
    cloud.kill();
    cut_power(&cloud, &other);
    cloud.boot(&[]);
    wait_shown(&cloud, &other, "SHUTOFF").await;

    cloud.delete(&id).await;
    cloud.delete(&other).await;
    cloud.assert_clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_libvirtd_that_hangs_makes_a_launch_late_and_nothing_else() {
    let cloud = Cloud::start();
    let image = cloud.empty_image().await.id;
    cloud.machine.freeze_libvirtd();
    let server = ServerCreate {
        name: "late".into(),
        flavor_ref: "42".into(),
        image_ref: Some(image.clone()),
        ..ServerCreate::default()
    };
    let id = cloud.launch(server).await;
    let answer =
        tokio::time::timeout(Duration::from_secs(20), cloud.client().server_show(&id)).await;
    assert_eq!(
        answer
            .expect("an answer while libvirtd hangs")
            .expect("the server")
            .status,
        "BUILD"
    );
    cloud.machine.thaw_libvirtd();
    cloud.wait_status(&id, "ACTIVE").await;
    cloud.delete(&id).await;
    cloud.assert_clean();
}

/// Kills the QEMU of a server.
fn cut_power(cloud: &Cloud, id: &str) {
    let line = "for file in /run/libvirt/qemu/*.pid; do pid=$(cat $file); \
                if tr '\\0' ' ' </proc/$pid/cmdline | grep -q $0; then kill -9 $pid; exit; fi; done; exit 1";
    cloud.machine.run(&["sh", "-c", line, id]);
}

/// Waits until a server is shown so, without having been asked for anything.
async fn wait_shown(cloud: &Cloud, id: &str, status: &str) -> Server {
    let client = cloud.client();
    wait_for_async(
        &format!("the server to be shown as {status}"),
        PATIENCE,
        async || {
            let server = client.server_show(id).await.expect("the server");
            (server.status == status && server.task_state.is_none()).then_some(server)
        },
    )
    .await
}
