//! The control process dies at each step of each operation, as by a power cut right after what the step does and before
//! that is written down. The next one finishes or undoes it; nothing is lost, and after a delete nothing is left.
//!
//! The steps are asked for, not listed here: an operation runs once undisturbed, and then once for each of its steps.

use skydeck::api::wire::{Nothing, OperationStatus};
use skydeck::client::ListQuery;
use skydeck::compute::wire::{
    CreateImage, Resize, Server, ServerAction, ServerCreate, VolumeAttach,
};
use skydeck::volume::wire::VolumeCreate;

use super::api::wait_volume;
use super::cloud::{Cloud, PATIENCE, Settings};
use super::guest::wait_ready;
use crate::lab::{guest as disk, wait::wait_for_async};

/// Guests that boot nothing do not obey a shutdown either.
const IMPATIENT: &str = "[compute]\nshutdown_timeout = 1\n[operations]\nlease_seconds = 2\n";

impl Cloud {
    /// Waits until the control process has died by itself.
    pub fn wait_dead(&mut self) {
        self.server
            .take()
            .expect("a control process")
            .wait(PATIENCE);
    }
}

fn cloud() -> Cloud {
    Cloud::with(Settings {
        extra: IMPATIENT.into(),
        ..Settings::default()
    })
}

/// The names of an operation's steps, from one that has ended well.
async fn steps(cloud: &Cloud, kind: &str) -> Vec<String> {
    let operation = cloud.operation(kind).await;
    assert_eq!(operation.status, OperationStatus::Done, "{operation:?}");
    operation.steps.into_iter().map(|step| step.name).collect()
}

/// Lets the control process die after `step` of what `ask` asks for, and the next one settle it. What `ask` is answered
/// does not count: the process may die before it answers.
async fn die_at(cloud: &mut Cloud, kind: &str, step: &str, ask: impl AsyncFnOnce(&Cloud)) {
    cloud.kill();
    cloud.boot(&[("SKYDECK_TEST_CRASH_AT", &format!("{kind}.{step}.run.after"))]);
    ask(cloud).await;
    eprintln!("waiting for the end at {kind}.{step}");
    cloud.wait_dead();
    cloud.boot(&[]);
    cloud.settled().await;
    let status = cloud.operation(kind).await.status;
    assert!(
        matches!(status, OperationStatus::Done | OperationStatus::Failed)
            || kind == "server_resize",
        "{kind} ended {status:?} after a death at {step}"
    );
}

fn wish(name: &str, image: &str) -> ServerCreate {
    ServerCreate {
        name: name.into(),
        flavor_ref: "42".into(),
        image_ref: Some(image.into()),
        ..ServerCreate::default()
    }
}

async fn by_name(cloud: &Cloud, name: &str) -> Server {
    let mut found: Vec<Server> = cloud
        .client()
        .server_list(&ListQuery::new())
        .await
        .expect("servers");
    found.retain(|server| server.name == name);
    found
        .pop()
        .unwrap_or_else(|| panic!("there is no server {name}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_launch_survives_death_at_each_step() {
    let mut cloud = cloud();
    let image = cloud.empty_image().await.id;
    let first = cloud.launch(wish("first", &image)).await;
    cloud.wait_status(&first, "ACTIVE").await;
    cloud.settled().await;
    cloud.delete(&first).await;
    for step in steps(&cloud, "server_launch").await {
        let (name, request) = (
            step.replace('_', "-"),
            wish(&step.replace('_', "-"), &image),
        );
        die_at(&mut cloud, "server_launch", &step, async |cloud| {
            let request = skydeck::compute::wire::ServerCreateRequest {
                server: request,
                scheduler_hints: None,
            };
            let _ = cloud.client().server_create(request).await;
        })
        .await;
        let server = by_name(&cloud, &name).await;
        assert_eq!(
            (server.status.as_str(), server.task_state),
            ("ACTIVE", None),
            "after a death at {step}"
        );
        assert_eq!(cloud.guests().len(), 1);
        cloud.delete(&server.id).await;
        cloud.assert_clean();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delete_survives_death_at_each_step() {
    let mut cloud = cloud();
    let image = cloud.empty_image().await.id;
    let mut id = cloud.launch(wish("first", &image)).await;
    cloud.wait_status(&id, "ACTIVE").await;
    cloud.delete(&id).await;
    cloud.settled().await;
    for step in steps(&cloud, "server_delete").await {
        id = cloud.launch(wish(&step, &image)).await;
        cloud.wait_status(&id, "ACTIVE").await;
        cloud.settled().await;
        die_at(&mut cloud, "server_delete", &step, async |cloud| {
            let _ = cloud.client().server_delete(&id).await;
        })
        .await;
        let shown = cloud.client().server_show(&id).await;
        assert!(
            shown.is_err_and(|error| error.is_not_found()),
            "it is still there after a death at {step}"
        );
        cloud.assert_clean();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resize_survives_death_at_each_step() {
    let mut cloud = cloud();
    let image = cloud.empty_image().await.id;
    let flavors = [
        cloud.flavor("even", 64, 1).await,
        cloud.flavor("odd", 80, 2).await,
    ];
    let id = cloud
        .launch(ServerCreate {
            flavor_ref: flavors[0].clone(),
            ..wish("resized", &image)
        })
        .await;
    cloud.wait_status(&id, "ACTIVE").await;
    let resize = ServerAction::Resize(Resize {
        flavor_ref: flavors[1].clone(),
        ..Resize::default()
    });
    cloud.act(&id, &resize, "VERIFY_RESIZE").await;
    cloud
        .act(&id, &ServerAction::ConfirmResize(Nothing), "ACTIVE")
        .await;
    let steps = steps(&cloud, "server_resize").await;
    cloud.delete(&id).await;

    for step in steps {
        let id = cloud
            .launch(ServerCreate {
                flavor_ref: flavors[0].clone(),
                ..wish(&step.replace('_', "-"), &image)
            })
            .await;
        cloud.wait_status(&id, "ACTIVE").await;
        cloud.settled().await;
        die_at(&mut cloud, "server_resize", &step, async |cloud| {
            let client = cloud.client();
            let _ = client.server_action(&id, &resize).await;
            // If it lives to see that, it dies of the confirmation.
            wait_for_async(
                "the resize to wait, or the end",
                PATIENCE,
                async || match client.server_show(&id).await {
                    Ok(server) if server.status == "VERIFY_RESIZE" => {
                        let _ = client
                            .server_action(&id, &ServerAction::ConfirmResize(Nothing))
                            .await;
                        Some(())
                    }
                    Ok(_) => None,
                    Err(_) => Some(()),
                },
            )
            .await;
        })
        .await;
        let server = cloud.client().server_show(&id).await.expect("the server");
        if server.status == "VERIFY_RESIZE" {
            cloud
                .act(&id, &ServerAction::ConfirmResize(Nothing), "ACTIVE")
                .await;
        }
        let server = cloud.wait_status(&id, "ACTIVE").await;
        let memory = server.flavor.ram.expect("its memory") * 1024;
        let domain =
            cloud
                .machine
                .run(&["sh", "-c", "virsh dominfo $(virsh list --name | head -1)"]);
        assert!(
            domain.contains(&format!("{memory} KiB")),
            "after a death at {step} its flavor has {memory} KiB:\n{domain}"
        );
        cloud.delete(&id).await;
        cloud.assert_clean();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_survives_death_at_each_step() {
    let mut cloud = cloud();
    let image = cloud.empty_image().await.id;
    let id = cloud.launch(wish("original", &image)).await;
    cloud.wait_status(&id, "ACTIVE").await;
    let named = |name: &str| CreateImage {
        name: name.into(),
        ..CreateImage::default()
    };
    let first = cloud
        .client()
        .server_image_create(&id, named("first"))
        .await
        .expect("a snapshot");
    cloud.wait_image(&first).await;
    cloud.settled().await;
    for step in steps(&cloud, "server_snapshot").await {
        die_at(&mut cloud, "server_snapshot", &step, async |cloud| {
            let _ = cloud.client().server_image_create(&id, named(&step)).await;
        })
        .await;
        cloud.wait_status(&id, "ACTIVE").await;
        let images = cloud
            .client()
            .image_list(&ListQuery::new().filter("name", step.as_str()))
            .await
            .expect("images");
        let done = cloud.operation("server_snapshot").await.status == OperationStatus::Done;
        assert_eq!(
            images
                .iter()
                .filter(|image| image.status == "active")
                .count(),
            usize::from(done),
            "after a death at {step}"
        );
        for image in images {
            cloud
                .client()
                .image_delete(&image.id)
                .await
                .expect("the image to be deleted");
        }
    }
    cloud.delete(&id).await;
    cloud
        .client()
        .image_delete(&first)
        .await
        .expect("the image to be deleted");
    cloud.assert_clean();
}

/// With a real guest, for only that lets go of a disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attachment_survives_death_at_each_step() {
    let mut cloud = cloud();
    let image = cloud.image("guest", &disk::qcow2(), "qcow2").await.id;
    let flavor = cloud.flavor("guest", 128, 1).await;
    let id = cloud
        .launch(ServerCreate {
            flavor_ref: flavor,
            ..wish("holder", &image)
        })
        .await;
    cloud.wait_status(&id, "ACTIVE").await;
    let volume = VolumeCreate {
        name: Some("data".into()),
        size: Some(1),
        ..VolumeCreate::default()
    };
    let volume = cloud
        .client()
        .volume_create(volume)
        .await
        .expect("a volume")
        .id;
    wait_volume(&cloud, &volume, "available").await;
    wait_ready(&cloud, &id, 1).await;
    attach(&cloud, &id, &volume).await;
    cloud.settled().await;
    let attaching = steps(&cloud, "server_volume_attach").await;
    detach(&cloud, &id, &volume).await;
    cloud.settled().await;
    let detaching = steps(&cloud, "server_volume_detach").await;

    for (kind, step) in attaching
        .iter()
        .map(|step| ("server_volume_attach", step))
        .chain(detaching.iter().map(|step| ("server_volume_detach", step)))
    {
        let detaches = kind == "server_volume_detach";
        if detaches {
            attach(&cloud, &id, &volume).await;
            cloud.settled().await;
        }
        die_at(&mut cloud, kind, step, async |cloud| match detaches {
            true => detach(cloud, &id, &volume).await,
            false => attach(cloud, &id, &volume).await,
        })
        .await;
        let status = cloud
            .client()
            .volume_show(&volume)
            .await
            .expect("the volume")
            .status;
        let in_guest = cloud
            .machine
            .run(&[
                "sh",
                "-c",
                "virsh domblklist $(virsh list --name | head -1)",
            ])
            .contains("vdb");
        assert_eq!(
            in_guest,
            status == "in-use",
            "the volume is {status} after a death at {kind}.{step}"
        );
        if in_guest {
            detach(&cloud, &id, &volume).await;
            cloud.settled().await;
        }
        wait_volume(&cloud, &volume, "available").await;
    }
    cloud
        .client()
        .volume_delete(&volume)
        .await
        .expect("the volume to be deleted");
    cloud.delete(&id).await;
    cloud.assert_clean();
}

/// The process may die before it answers.
async fn attach(cloud: &Cloud, id: &str, volume: &str) {
    let wish = VolumeAttach {
        volume_id: volume.to_owned(),
        ..VolumeAttach::default()
    };
    let _ = cloud.client().server_volume_add(id, wish).await;
}

async fn detach(cloud: &Cloud, id: &str, volume: &str) {
    let _ = cloud.client().server_volume_remove(id, volume).await;
}
