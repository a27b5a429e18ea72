//! An image that the cloud fetches from a web server by itself.

use skydeck::image::wire::ImageCreate;

use super::cloud::{Cloud, PATIENCE};
use crate::lab::guest;
use crate::lab::wait::wait_until;

#[tokio::test(flavor = "multi_thread")]
async fn an_image_comes_from_the_web_and_what_is_not_there_is_told() {
    let cloud = Cloud::start();
    let mut server = cloud.machine.command("/usr/bin/python3");
    server
        .args(["-m", "http.server", "8000", "--bind", "127.0.0.1"])
        .arg("--directory")
        .arg(guest::raw().parent().unwrap());
    let server = cloud.machine.spawn("web", server);
    wait_until("the web server", PATIENCE, || {
        cloud
            .machine
            .try_run(&["curl", "-sf", "-o", "/dev/null", "http://127.0.0.1:8000/"])
            .is_ok()
    });
    let client = cloud.client();
    let create = |name: &str| ImageCreate {
        name: Some(name.to_owned()),
        disk_format: Some("raw".to_owned()),
        container_format: Some("bare".to_owned()),
        ..ImageCreate::default()
    };
    let image = client.image_create(&create("web")).await.unwrap();
    client
        .image_import(&image.id, "http://127.0.0.1:8000/guest.raw")
        .await
        .unwrap();
    let image = cloud.wait_image(&image.id).await;
    let file = std::fs::metadata(guest::raw()).unwrap();
    assert_eq!(image.size, Some(file.len()));

    // Nothing is there: the image waits for another try, and the operation says why.
    let missing = client.image_create(&create("missing")).await.unwrap();
    client
        .image_import(&missing.id, "http://127.0.0.1:8000/nothing.raw")
        .await
        .unwrap();
    cloud.settled().await;
    let shown = client.image_show(&missing.id).await.unwrap();
    assert_eq!(shown.status, "queued", "{shown:?}");
    let query = skydeck::client::ListQuery::new().filter("resource_id", &missing.id);
    let operations: Vec<skydeck::api::wire::Operation> =
        client.operation_list(&query).await.unwrap();
    let error = operations[0].error.as_ref().expect("a reason");
    assert!(error.message.contains("404"), "{error:?}");

    client.image_delete(&image.id).await.unwrap();
    client.image_delete(&missing.id).await.unwrap();
    server.kill();
    cloud.assert_clean();
}
