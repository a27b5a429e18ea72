//! The journey by the API, with real guests. One guest serves for many checks, for each boot takes seconds.

use sha2::{Digest, Sha512};
use skydeck::api::wire::Nothing;
use skydeck::client::ListQuery;
use skydeck::compute::wire::{
    CreateImage, KeypairCreate, LockReason, Rebuild, Resize, ServerAction, ServerCreate,
    ServerFields, VolumeAttach,
};
use skydeck::volume::wire::{Volume, VolumeCreate};

use super::cloud::{Cloud, PATIENCE};
use super::guest::{Key, Ready, type_in, wait_ready, wait_said};
use crate::lab::{guest as disk, wait::wait_for_async};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_launched_reached_watched_and_acted_upon() {
    let cloud = Cloud::start();
    let client = cloud.client();

    let bytes = std::fs::read(disk::qcow2()).unwrap();
    let image = cloud.image("guest", &disk::qcow2(), "qcow2").await;
    assert_eq!(image.size, Some(bytes.len() as u64));
    assert_eq!(
        image.os_hash_value.as_deref(),
        Some(&*hex::encode(Sha512::digest(&bytes)))
    );

    let pair = client.keypair_create(KeypairCreate {
        name: "key".into(),
        ..KeypairCreate::default()
    });
    let private = pair
        .await
        .expect("a key pair")
        .private_key
        .expect("its private key");
    let key = Key::new(&cloud, private.expose());
    let flavor = cloud.flavor("guest", 128, 1).await;
    let server = ServerCreate {
        name: "first".into(),
        flavor_ref: flavor.clone(),
        image_ref: Some(image.id.clone()),
        key_name: Some("key".into()),
        config_drive: Some(true),
        ..ServerCreate::default()
    };
    let id = cloud.launch(server).await;
    let shown = cloud.wait_status(&id, "ACTIVE").await;
    let address = shown.all_addresses().next().expect("an address").to_owned();
    let ready = wait_ready(&cloud, &id, 1).await;
    assert_eq!(
        (ready.name.as_str(), ready.source.as_str()),
        ("first", "configdrive")
    );
    assert_eq!(ready.address, address, "DHCP gave what the API shows");
    assert_eq!(ready.sectors, 2_097_152);
    assert_eq!(key.ssh(&cloud, &address, "hostname"), "first");
    type_in(&client, &id, "echo $((6 * 7))-$(hostname)", "42-first").await;

    // It is watched.
    let busy = wait_for_async("samples of a running server", PATIENCE, async || {
        let batch = client.sample_latest(true).await.expect("samples");
        let rates = batch
            .servers
            .into_iter()
            .find(|server| server.id == id)?
            .rates;
        (rates.cpu_util? > 0.0 && rates.memory_mb? > 0.0).then_some(rates)
    });
    busy.await;

    // Power.
    cloud
        .act(&id, &ServerAction::Stop(Nothing), "SHUTOFF")
        .await;
    wait_said(&client, &id, "that the button was pressed", |line| {
        line.contains("GUEST-POWERBUTTON").then_some(())
    })
    .await;
    cloud
        .act(&id, &ServerAction::Start(Nothing), "ACTIVE")
        .await;
    wait_ready(&cloud, &id, 2).await;
    cloud.act(&id, &ServerAction::soft_reboot(), "ACTIVE").await;
    wait_ready(&cloud, &id, 3).await;
    cloud.act(&id, &ServerAction::hard_reboot(), "ACTIVE").await;
    wait_ready(&cloud, &id, 4).await;
    cloud
        .act(&id, &ServerAction::Pause(Nothing), "PAUSED")
        .await;
    cloud
        .act(&id, &ServerAction::Unpause(Nothing), "ACTIVE")
        .await;
    cloud
        .act(&id, &ServerAction::Suspend(Nothing), "SUSPENDED")
        .await;
    assert!(cloud.guests().is_empty());
    cloud
        .act(&id, &ServerAction::Resume(Nothing), "ACTIVE")
        .await;
    assert_eq!(
        key.ssh(&cloud, &address, "cat /data/boots"),
        "4",
        "it went on where it was"
    );

    // Lock, rename.
    let reason = LockReason {
        locked_reason: Some("a test".into()),
    };
    assert!(
        cloud
            .act(&id, &ServerAction::Lock(Some(reason)), "ACTIVE")
            .await
            .is_locked()
    );
    assert!(
        !cloud
            .act(&id, &ServerAction::Unlock(Nothing), "ACTIVE")
            .await
            .is_locked()
    );
    let fields = ServerFields {
        name: Some("renamed".into()),
        ..ServerFields::default()
    };
    assert_eq!(
        client
            .server_update(&id, fields)
            .await
            .expect("a new name")
            .name,
        "renamed"
    );

    // What was done is on record.
    let events = client
        .server_event_list(&id, &ListQuery::new())
        .await
        .expect("its events");
    for action in [
        "create", "stop", "start", "reboot", "pause", "unpause", "suspend", "resume",
    ] {
        assert!(
            events.iter().any(|event| event.action == action),
            "{action} is not on record"
        );
    }

    // Snapshot, and a launch from it.
    let wish = CreateImage {
        name: "snapshot".into(),
        ..CreateImage::default()
    };
    let snapshot = client
        .server_image_create(&id, wish)
        .await
        .expect("a snapshot");
    cloud.wait_image(&snapshot).await;
    cloud.settled().await;
    let copy = ServerCreate {
        name: "copy".into(),
        flavor_ref: flavor,
        image_ref: Some(snapshot.clone()),
        ..ServerCreate::default()
    };
    let copy = cloud.launch(copy).await;
    cloud.wait_status(&copy, "ACTIVE").await;
    assert_eq!(
        wait_ready(&cloud, &copy, 5).await.name,
        "copy",
        "the fifth boot of this disk, as another server"
    );
    cloud.delete(&copy).await;
    client
        .image_delete(&snapshot)
        .await
        .expect("the snapshot to be deleted");

    // Rebuild: the same server on a new disk.
    let rebuild = Rebuild {
        image_ref: image.id.clone(),
        ..Rebuild::default()
    };
    cloud
        .act(&id, &ServerAction::Rebuild(Box::new(rebuild)), "ACTIVE")
        .await;
    assert_eq!(wait_ready(&cloud, &id, 1).await.address, address);

    cloud.delete(&id).await;
    cloud.assert_clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_resized_and_gets_volumes() {
    let cloud = Cloud::start();
    let client = cloud.client();
    let image = cloud.image("guest", &disk::raw(), "raw").await;
    let [small, large] = [
        cloud.flavor("small", 128, 1).await,
        cloud.flavor("large", 160, 2).await,
    ];
    let server = ServerCreate {
        name: "grown".into(),
        flavor_ref: small.clone(),
        image_ref: Some(image.id.clone()),
        ..ServerCreate::default()
    };
    let id = cloud.launch(server).await;
    cloud.wait_status(&id, "ACTIVE").await;
    wait_ready(&cloud, &id, 1).await;

    // A volume comes, is seen, and goes, while the guest runs.
    let volume = client.volume_create(VolumeCreate {
        name: Some("data".into()),
        size: Some(1),
        ..VolumeCreate::default()
    });
    let volume = volume.await.expect("a volume").id;
    wait_volume(&cloud, &volume, "available").await;
    attach(&cloud, &id, &volume, 2_097_152).await;
    type_in(
        &client,
        &id,
        "cat /sys/block/vdb/serial; echo end",
        &volume[..20],
    )
    .await;
    assert!(
        client.volume_delete(&volume).await.is_err(),
        "a volume in use was deleted"
    );
    detach(&cloud, &id, &volume).await;
    wait_said(&client, &id, "that the volume went", |line| {
        line.contains("GUEST-UNPLUG block vdb").then_some(())
    })
    .await;
    client
        .volume_extend(&volume, 2)
        .await
        .expect("a larger volume");
    cloud.settled().await;
    wait_volume(&cloud, &volume, "available").await;
    attach(&cloud, &id, &volume, 4_194_304).await;

    // A resize is taken back, and another one kept. The volume stays.
    let resize = ServerAction::Resize(Resize {
        flavor_ref: large.clone(),
        ..Resize::default()
    });
    cloud.act(&id, &resize, "VERIFY_RESIZE").await;
    assert_eq!(wait_ready(&cloud, &id, 2).await.sectors, 4_194_304);
    let shown = cloud
        .act(&id, &ServerAction::RevertResize(Nothing), "ACTIVE")
        .await;
    assert_eq!(shown.flavor.original_name.as_deref(), Some("small"));
    // The old disk, booted for the second time; the larger one said that before.
    wait_said(&client, &id, "that the old disk is back", |line| {
        Ready::parse(line).filter(|ready| (ready.boots, ready.sectors) == (2, 2_097_152))
    })
    .await;
    cloud.act(&id, &resize, "VERIFY_RESIZE").await;
    let shown = cloud
        .act(&id, &ServerAction::ConfirmResize(Nothing), "ACTIVE")
        .await;
    assert_eq!(shown.flavor.original_name.as_deref(), Some("large"));
    assert_eq!(wait_ready(&cloud, &id, 3).await.sectors, 4_194_304);
    assert_eq!(shown.volumes_attached.len(), 1);

    detach(&cloud, &id, &volume).await;
    client
        .volume_delete(&volume)
        .await
        .expect("the volume to be deleted");
    wait_for_async("the volume to be gone", PATIENCE, async || {
        client
            .volume_show(&volume)
            .await
            .is_err_and(|error| error.is_not_found())
            .then_some(())
    })
    .await;
    cloud.delete(&id).await;
    cloud.assert_clean();
}

async fn attach(cloud: &Cloud, id: &str, volume: &str, sectors: u64) {
    let client = cloud.client();
    let wish = VolumeAttach {
        volume_id: volume.to_owned(),
        ..VolumeAttach::default()
    };
    client
        .server_volume_add(id, wish)
        .await
        .expect("the volume to be attached");
    cloud.settled().await;
    wait_volume(cloud, volume, "in-use").await;
    let line = format!("GUEST-HOTPLUG block vdb {sectors} {}", &volume[..20]);
    wait_said(&client, id, &line, |said| {
        said.contains(&line).then_some(())
    })
    .await;
}

async fn detach(cloud: &Cloud, id: &str, volume: &str) {
    cloud
        .client()
        .server_volume_remove(id, volume)
        .await
        .expect("the volume to be detached");
    cloud.settled().await;
    wait_volume(cloud, volume, "available").await;
}

/// Waits until a volume has this status.
pub async fn wait_volume(cloud: &Cloud, id: &str, status: &str) -> Volume {
    let client = cloud.client();
    wait_for_async(
        &format!("the volume to be {status}"),
        PATIENCE,
        async || {
            let volume = client.volume_show(id).await.expect("the volume");
            assert!(
                !volume.status.starts_with("error"),
                "the volume is {}",
                volume.status
            );
            (volume.status == status).then_some(volume)
        },
    )
    .await
}
