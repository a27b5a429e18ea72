//! The client against a small cloud of its own: logins, pages, errors, streams, transfers, consoles.

mod fake;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;

use super::events::StreamItem;
use super::*;
use crate::api::wire::{Event, EventQuery};
use crate::compute::wire::{KeypairCreate, ServerAction, ServerCreateRequest};
use fake::{Fake, PASSWORD, config, lab, router};

#[tokio::test]
async fn pages_are_followed_through_the_socket_whatever_hosts_are_named() {
    let lab = lab().await;
    let all = lab.client.server_list(&ListQuery::new()).await.unwrap();
    assert_eq!(all.len(), 7);
    let sizes: Vec<usize> = lab
        .client
        .server_list(&ListQuery::new())
        .pages()
        .map(|page| page.unwrap().len())
        .collect()
        .await;
    assert_eq!(sizes, [3, 3, 1]);
    let some = lab
        .client
        .server_list(&ListQuery::new().limit(4))
        .await
        .unwrap();
    assert_eq!(some.last().unwrap().name, "s4");
    let error = lab.client.flavor_list(&ListQuery::new()).await.unwrap_err();
    assert!(error.to_string().contains("same one again"), "{error}");
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_for_all_who_need_it() {
    let lab = lab().await;
    lab.client.session().await.unwrap();
    lab.fake.good.store(2, Ordering::SeqCst);
    let query = ListQuery::new();
    let lists = (0..8).map(|_| async { lab.client.server_list(&query).await });
    for servers in futures::future::join_all(lists).await {
        assert_eq!(servers.unwrap().len(), 7);
    }
    assert_eq!(lab.fake.logins.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_token_that_is_refused_twice_is_an_error() {
    let lab = lab().await;
    lab.fake.good.store(99, Ordering::SeqCst);
    let error = lab.client.server_list(&ListQuery::new()).await.unwrap_err();
    assert_eq!(error.status(), Some(401));
    assert_eq!(lab.fake.logins.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_wrong_password_is_a_refused_login_and_never_shown() {
    let lab = lab().await;
    let client = Client::new(config(&lab.file("api.sock"), "wr0ng")).unwrap();
    let error = client.server_list(&ListQuery::new()).await.unwrap_err();
    assert!(matches!(error, ClientError::Login { .. }));
    let shown = format!("{error} {error:?} {client:?} {:?}", client.config());
    assert!(!shown.contains("wr0ng"));
    let session = lab.client.session().await.unwrap();
    assert!(!format!("{session:?}").contains("token-1"));
}

#[tokio::test]
async fn errors_say_what_the_service_said() {
    let lab = lab().await;
    let error = lab.client.server_show("gone").await.unwrap_err();
    assert!(error.is_not_found());
    assert_eq!(error.request_id(), Some("req-1"));
    assert_eq!(
        error.to_string(),
        "compute answered 404 to GET /servers/gone: Instance gone could not be found. (req-1)"
    );
    let error = lab.client.server_show("quota").await.unwrap_err();
    assert!(error.advice().unwrap().contains("quota"));
    let error = lab.client.network_show("x").await.unwrap_err();
    let ClientError::Refused { info, .. } = &error else {
        panic!("a refusal")
    };
    assert_eq!(info.kind, "NetworkNotFound");
    let error = lab.client.image_list(&ListQuery::new()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "image answered 404 to GET /images: Not Found"
    );
}

#[tokio::test]
async fn ids_that_would_name_something_else_are_not_sent() {
    let lab = lab().await;
    for id in ["", ".", ".."] {
        let error = lab.client.server_delete(id).await.unwrap_err();
        assert!(matches!(error, ClientError::Argument { .. }));
    }
    lab.client.server_show("a/b?c").await.unwrap_err();
    assert_eq!(lab.fake.seen("/compute/v2.1/servers/a%2Fb%3Fc").len(), 1);
}

#[tokio::test]
async fn microversions_are_the_newest_that_both_know() {
    let lab = lab().await;
    lab.client
        .server_list(&ListQuery::new().limit(1))
        .await
        .unwrap();
    let sent = &lab.fake.seen("/compute/v2.1/servers/detail")[0];
    assert_eq!(sent["openstack-api-version"], "compute 2.60");
    assert_eq!(sent["x-openstack-nova-api-version"], "2.60");
    lab.client
        .keypair_create(KeypairCreate::default())
        .await
        .unwrap();
    assert_eq!(lab.fake.seen("/compute/v2.1/").len(), 1);
    lab.client.volume_list(&ListQuery::new()).await.unwrap();
    let sent = &lab.fake.seen("/volume/v3/p1/volumes/detail")[0];
    assert_eq!(sent["openstack-api-version"], "volume 3.60");
}

#[tokio::test]
async fn an_action_answers_its_request() {
    let lab = lab().await;
    let accepted = lab
        .client
        .server_action("s", &ServerAction::soft_reboot())
        .await
        .unwrap();
    assert_eq!(accepted.request_id.as_deref(), Some("req-2"));
}

#[tokio::test]
async fn the_events_stream_goes_on_where_it_broke() {
    let lab = lab().await;
    let mut stream = lab.client.event_stream(EventQuery::default());
    let mut seen = Vec::new();
    while seen.last() != Some(&"8".to_owned()) {
        let item = tokio::time::timeout(Duration::from_secs(20), stream.next()).await;
        seen.push(match item.unwrap().unwrap() {
            StreamItem::Connected => "connected".to_owned(),
            StreamItem::Event(Event::Resource(event)) => {
                lab.fake.cut.notify_one();
                event.resource.id
            }
            StreamItem::Event(_) => panic!("an event of another topic"),
            StreamItem::Disconnected { .. } => "disconnected".to_owned(),
            StreamItem::Failed(error) => panic!("{error}"),
        });
    }
    assert_eq!(seen, ["connected", "7", "disconnected", "connected", "8"]);
    let requests = lab.fake.seen("/skydeck/v1/events");
    assert!(requests[0].get("last-event-id").is_none());
    assert_eq!(requests[1]["last-event-id"], "7");
}

#[tokio::test]
async fn a_console_carries_bytes_both_ways_and_sends_no_token() {
    let lab = lab().await;
    let mut console = lab.client.console_open("s").await.unwrap();
    for bytes in [&b"root\r"[..], &[0, 255, 27]] {
        console.send(Bytes::from_static(bytes)).await.unwrap();
        assert_eq!(console.receive().await.unwrap().unwrap(), bytes);
    }
    let (mut writer, mut reader) = console.split();
    writer.close().await.unwrap();
    assert!(reader.receive().await.is_none());
    assert!(lab.fake.seen("/serial")[0].get("x-auth-token").is_none());
}

#[tokio::test]
async fn a_broken_upload_goes_on() {
    let lab = lab().await;
    let bytes: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    std::fs::write(lab.file("disk"), &bytes).unwrap();
    let last = Arc::new(AtomicU64::new(0));
    let told = last.clone();
    let progress = Arc::new(move |done, _| told.store(done, Ordering::SeqCst));
    lab.client
        .image_upload("i", &lab.file("disk"), progress)
        .await
        .unwrap();
    assert!(*lab.fake.stored.lock().unwrap() == bytes);
    assert_eq!(last.load(Ordering::SeqCst), 3_000_000);
    let requests = lab.fake.seen("/image/v2/images/i/file");
    assert_eq!(requests.len(), 2);
    let range = requests[1]["content-range"].to_str().unwrap();
    assert!(range.ends_with("-2999999/3000000"), "{range}");
}

#[tokio::test]
async fn an_upload_that_lost_only_its_end_sends_nothing_again() {
    let lab = lab().await;
    std::fs::write(lab.file("disk"), b"bytes").unwrap();
    *lab.fake.stored.lock().unwrap() = b"bytes".to_vec();
    lab.fake.upload_total.store(5, Ordering::SeqCst);
    lab.client
        .image_upload("i", &lab.file("disk"), Arc::new(|_, _| {}))
        .await
        .unwrap();
    assert_eq!(*lab.fake.stored.lock().unwrap(), b"bytes");
    let requests = lab.fake.seen("/image/v2/images/i/file");
    assert_eq!(requests[0]["content-range"], "bytes */5");
}

#[tokio::test]
async fn a_broken_download_goes_on_and_is_verified() {
    let lab = lab().await;
    let path = lab.file("image");
    let cut = lab.fake.cut.clone();
    let progress = Arc::new(move |_, _| cut.notify_one());
    lab.client
        .image_download("good", &path, progress.clone())
        .await
        .unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), vec![b'a'; 40_000]);
    assert!(!lab.file("image.part").exists());
    let requests = lab.fake.seen("/image/v2/images/good/file");
    assert_eq!(requests.last().unwrap()["range"], "bytes=10000-");
    let error = lab
        .client
        .image_download("i", &lab.file("bad"), progress)
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::Checksum { .. }));
    assert!(!lab.file("bad").exists() && !lab.file("bad.part").exists());
}

#[tokio::test]
async fn nobody_at_the_address_is_said_so() {
    let directory = tempfile::tempdir().unwrap();
    let client = Client::new(config(&directory.path().join("none"), PASSWORD)).unwrap();
    let error = client
        .server_create(ServerCreateRequest::default())
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
    assert!(error.is_transient());
}

#[tokio::test]
async fn tcp_works_as_well() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let fake = Arc::new(Fake::default());
    let app = router(fake.clone());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let mut config = config(Path::new("/"), PASSWORD);
    config.endpoint = Endpoint::Http(format!("http://{address}/identity"));
    config.overrides = [(
        "compute".to_owned(),
        format!("http://{address}/compute/v2.1"),
    )]
    .into();
    let client = Client::new(config).unwrap();
    assert_eq!(
        client.server_list(&ListQuery::new()).await.unwrap().len(),
        7
    );
}
