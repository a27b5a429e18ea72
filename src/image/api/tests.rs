//! Glance's API against real files, request by request.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use futures::FutureExt;
use futures::future::BoxFuture;
use md5::Md5;
use serde_json::{Value, json};
use sha2::{Digest, Sha512};
use tower::ServiceExt;
use uuid::Uuid;

use crate::api::app;
use crate::api::wire::TOKEN_HEADER;
use crate::context::{Actor, Cloud, Context, Rank, Scope};
use crate::depot::ops::{IMAGE_READ, SNAPSHOT_WRITE, depot_pass};
use crate::depot::rpc::TICKET_HEADER;
use crate::error::{Error, Result};
use crate::ids::{DomainId, ProjectId};
use crate::image::ops::{image_await, image_await_end};

/// A project by number.
fn project(number: u128) -> ProjectId {
    ProjectId::from_uuid(Uuid::from_u128(number))
}

/// Tokens are `<rank>-<project>`: `member-1`.
fn authenticate(_: Arc<Cloud>, token: String) -> BoxFuture<'static, Result<Actor>> {
    async move {
        let wrong = || Error::Unauthorized("the token is not known".into());
        let (rank, number) = token.split_once('-').ok_or_else(wrong)?;
        Ok(Actor {
            user: None,
            user_name: token.clone(),
            project: Some(Scope {
                id: project(number.parse().map_err(|_| wrong())?),
                name: number.to_owned(),
                domain_id: DomainId::DEFAULT,
            }),
            rank: Some(match rank {
                "admin" => Rank::Admin,
                "member" => Rank::Member,
                _ => Rank::Reader,
            }),
        })
    }
    .boxed()
}

struct Lab {
    dir: tempfile::TempDir,
    app: Router,
    cx: Context,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Lab {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut crate::config::Config)) -> Self {
        let (dir, mut cloud, _kicks) = crate::context::testing::cloud().await;
        change(&mut Arc::get_mut(&mut cloud).unwrap().config);
        let services = vec![super::routes(), super::skydeck_routes()];
        let app = app(&cloud, services, authenticate);
        let cx = Context::system(cloud);
        Self { dir, app, cx }
    }

    async fn ask(
        &self,
        token: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header(TOKEN_HEADER, token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self
            .app
            .clone()
            .oneshot(request.body(body).unwrap())
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 64 << 20).await.unwrap();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: body.to_vec(),
        }
    }

    async fn get(&self, token: &str, path: &str) -> Answer {
        self.ask(token, "GET", path, &[], Body::empty()).await
    }

    async fn send(&self, token: &str, method: &str, path: &str, body: Value) -> Answer {
        self.ask(
            token,
            method,
            path,
            &[("content-type", "application/json")],
            Body::from(body.to_string()),
        )
        .await
    }

    async fn create(&self, token: &str, body: Value) -> String {
        let answer = self.send(token, "POST", "/image/v2/images", body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    async fn upload(&self, token: &str, id: &str, bytes: &[u8]) -> Answer {
        self.put(token, id, &[], bytes).await
    }

    async fn put(&self, token: &str, id: &str, headers: &[(&str, &str)], bytes: &[u8]) -> Answer {
        let length = bytes.len().to_string();
        let mut all = vec![
            ("content-type", "application/octet-stream"),
            ("content-length", length.as_str()),
        ];
        all.extend_from_slice(headers);
        let path = format!("/image/v2/images/{id}/file");
        self.ask(token, "PUT", &path, &all, Body::from(bytes.to_vec()))
            .await
    }

    fn files(&self, place: &str) -> Vec<String> {
        std::fs::read_dir(self.dir.path().join(place)).map_or(vec![], |entries| {
            entries
                .map(|entry| entry.unwrap())
                .filter(|entry| entry.file_type().unwrap().is_file())
                .map(|entry| entry.file_name().into_string().unwrap())
                .collect()
        })
    }
}

/// A raw disk: a boot sector and noise.
fn disk(length: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..length).map(|at| (at * 31 % 251) as u8).collect();
    bytes[510..512].copy_from_slice(b"\x55\xaa");
    bytes
}

#[tokio::test]
async fn an_image_is_made_filled_read_changed_and_deleted() {
    let lab = Lab::new().await;
    let bytes = disk(3_000_000);
    let create = json!({"name": "d", "disk_format": "raw", "container_format": "bare", "tags": ["b", "a"], "hw_disk_bus": "scsi"});
    let answer = lab
        .send("member-1", "POST", "/image/v2/images", create)
        .await;
    assert_eq!(
        answer.header("openstack-image-import-methods"),
        "glance-direct,web-download"
    );
    let image = answer.json();
    assert_eq!(
        (image["status"].as_str(), image["visibility"].as_str()),
        (Some("queued"), Some("shared"))
    );
    assert_eq!(
        (image["tags"].clone(), image["hw_disk_bus"].as_str()),
        (json!(["a", "b"]), Some("scsi"))
    );
    let id = image["id"].as_str().unwrap();
    assert!(
        answer
            .header("location")
            .ends_with(&format!("/image/v2/images/{id}"))
    );
    let file = format!("/image/v2/images/{id}/file");
    assert_eq!(lab.get("member-1", &file).await.status, 204);
    assert_eq!(lab.upload("member-1", id, &bytes).await.status, 204);
    let show = format!("/image/v2/images/{id}");
    let image = lab.get("member-1", &show).await.json();
    assert_eq!(image["status"], "active");
    assert_eq!(
        (image["size"].as_u64(), image["virtual_size"].as_u64()),
        (Some(3_000_000), Some(3_000_000))
    );
    assert_eq!(image["os_hash_value"], hex::encode(Sha512::digest(&bytes)));
    assert_eq!(
        (image["checksum"].as_str().unwrap(), image["self"].as_str()),
        (
            hex::encode(Md5::digest(&bytes)).as_str(),
            Some(format!("/v2/images/{id}").as_str())
        )
    );
    let whole = lab.get("member-1", &file).await;
    assert!(whole.status == 200 && whole.body == bytes);
    assert_eq!(
        whole.header("content-md5"),
        image["checksum"].as_str().unwrap()
    );
    let part = lab
        .ask(
            "member-1",
            "GET",
            &file,
            &[("range", "bytes=100-199")],
            Body::empty(),
        )
        .await;
    assert_eq!(
        (part.status, part.header("content-range")),
        (206, "bytes 100-199/3000000")
    );
    assert_eq!(part.body, bytes[100..200]);
    let stale = [("range", "bytes=100-199"), ("if-range", "\"other\"")];
    assert_eq!(
        lab.ask("member-1", "GET", &file, &stale, Body::empty())
            .await
            .status,
        200
    );
    assert_eq!(
        lab.ask(
            "member-1",
            "GET",
            &file,
            &[("range", "bytes=3000000-")],
            Body::empty()
        )
        .await
        .status,
        416
    );
    assert_eq!(lab.upload("member-1", id, &bytes).await.status, 409);
    let patch = json!([{"op": "replace", "path": "/name", "value": "e"}, {"op": "remove", "path": "/hw_disk_bus"}, {"op": "add", "path": "/protected", "value": true}]);
    let kind = [(
        "content-type",
        "application/openstack-images-v2.1-json-patch",
    )];
    let answer = lab
        .ask(
            "member-1",
            "PATCH",
            &show,
            &kind,
            Body::from(patch.to_string()),
        )
        .await;
    assert_eq!(
        (answer.status, answer.json()["name"].as_str()),
        (200, Some("e"))
    );
    assert_eq!(answer.json().get("hw_disk_bus"), None);
    assert_eq!(
        lab.send("member-1", "PATCH", &show, patch).await.status,
        415
    );
    let late = json!([{"op": "replace", "path": "/disk_format", "value": "iso"}]);
    assert_eq!(
        lab.ask(
            "member-1",
            "PATCH",
            &show,
            &kind,
            Body::from(late.to_string())
        )
        .await
        .status,
        403
    );
    let refused = lab
        .ask("member-1", "DELETE", &show, &[], Body::empty())
        .await;
    assert!(
        refused.status == 403
            && refused.json()["message"]
                .as_str()
                .unwrap()
                .contains("protected")
    );
    let free = json!([{"op": "replace", "path": "/protected", "value": false}]);
    lab.ask(
        "member-1",
        "PATCH",
        &show,
        &kind,
        Body::from(free.to_string()),
    )
    .await;
    assert_eq!(
        lab.ask("member-1", "DELETE", &show, &[], Body::empty())
            .await
            .status,
        204
    );
    assert_eq!(lab.get("member-1", &show).await.status, 404);
    assert_eq!(lab.files("images"), Vec::<String>::new());
}

#[tokio::test]
async fn a_broken_upload_goes_on_where_it_was() {
    let lab = Lab::new().await;
    let bytes = disk(2_500_000);
    let id = lab.create("member-1", json!({"name": "d"})).await;
    let status = format!("/skydeck/v1/images/{id}/upload");
    let broken = futures::stream::iter([
        Ok(bytes[..1_000_000].to_vec()),
        Err(std::io::Error::other("cut")),
    ]);
    let headers = [
        ("content-type", "application/octet-stream"),
        ("content-length", "2500000"),
    ];
    let path = format!("/image/v2/images/{id}/file");
    let answer = lab
        .ask(
            "member-1",
            "PUT",
            &path,
            &headers,
            Body::from_stream(broken),
        )
        .await;
    assert!(
        answer.status == 400 && answer.text().contains("1000000"),
        "{}",
        answer.text()
    );
    let state = lab.get("member-1", &status).await.json();
    assert_eq!(
        state,
        json!({"image_id": id, "received": 1_000_000, "total": 2_500_000, "active": false})
    );
    assert_eq!(
        lab.get("member-1", &format!("/image/v2/images/{id}"))
            .await
            .json()["status"],
        "queued"
    );
    let ahead = lab
        .put(
            "member-1",
            &id,
            &[("content-range", "bytes 1500000-2499999/2500000")],
            &bytes[1_500_000..],
        )
        .await;
    assert!(
        ahead.status == 409 && ahead.text().contains("1000000"),
        "{}",
        ahead.text()
    );
    let part = lab
        .put(
            "member-1",
            &id,
            &[("content-range", "bytes 1000000-1999999/2500000")],
            &bytes[1_000_000..2_000_000],
        )
        .await;
    assert_eq!(
        (part.status, part.json()["received"].as_u64()),
        (202, Some(2_000_000))
    );
    let rest = lab
        .put(
            "member-1",
            &id,
            &[("content-range", "bytes 2000000-2499999/2500000")],
            &bytes[2_000_000..],
        )
        .await;
    assert_eq!(rest.status, 204, "{}", rest.text());
    let image = lab
        .get("member-1", &format!("/image/v2/images/{id}"))
        .await
        .json();
    assert_eq!(
        (image["status"].as_str(), image["disk_format"].as_str()),
        (Some("active"), Some("raw"))
    );
    assert_eq!(image["os_hash_value"], hex::encode(Sha512::digest(&bytes)));
    // All of it is there, but the answer was lost; or the control process died before the end.
    let id = lab.create("member-1", json!({"name": "e"})).await;
    std::fs::write(
        lab.dir.path().join(format!("images/uploads/{id}.part")),
        &bytes,
    )
    .unwrap();
    let end = lab
        .put(
            "member-1",
            &id,
            &[("content-range", "bytes */2500000")],
            &[],
        )
        .await;
    assert_eq!(end.status, 204, "{}", end.text());
    // What is not wanted any more is thrown away.
    let id = lab.create("member-1", json!({})).await;
    lab.put(
        "member-1",
        &id,
        &[("content-range", "bytes 0-99/200")],
        &bytes[..100],
    )
    .await;
    assert_eq!(lab.files("images/uploads").len(), 1);
    let path = format!("/skydeck/v1/images/{id}/upload");
    assert_eq!(
        lab.ask("member-1", "DELETE", &path, &[], Body::empty())
            .await
            .status,
        204
    );
    assert_eq!(lab.files("images/uploads").len(), 0);
}

#[tokio::test]
async fn what_is_no_image_is_refused_and_nothing_stays() {
    let lab = Lab::with(|config| {
        config.image.max_bytes = 1 << 20;
        config.quota.insert("image_bytes".into(), 1_000_000);
    })
    .await;
    let mut overlay = crate::image::model::qcow2_empty(
        1 << 30,
        Some(("/etc/shadow", crate::image::model::ImageFormat::Raw)),
    )
    .unwrap();
    overlay.resize(300_000, 0);
    let page = [b"<!DOCTYPE html><html>404".to_vec(), vec![b' '; 100_000]].concat();
    let cases: Vec<(Value, Vec<u8>, u16, &str)> = vec![
        (json!({"disk_format": "qcow2"}), overlay, 415, "/etc/shadow"),
        (
            json!({"disk_format": "qcow2"}),
            disk(100_000),
            415,
            "content is raw",
        ),
        (
            json!({"disk_format": "raw"}),
            [b"QFI\xfb\0\0\0\x03".to_vec(), vec![0; 500]].concat(),
            415,
            "content is qcow2",
        ),
        (json!({}), page, 415, "web page"),
        (json!({}), vec![b'x'; 70_000], 415, "no known format"),
        (
            json!({}),
            [b"KDMV".to_vec(), vec![0; 90_000]].concat(),
            415,
            "qemu-img convert",
        ),
        (json!({}), vec![], 415, "empty"),
        (json!({}), disk((1 << 20) + 1), 413, "image.max_bytes"),
        (json!({}), disk(1_000_001), 413, "image_bytes"),
    ];
    for (create, bytes, status, part) in cases {
        let id = lab.create("member-1", create).await;
        let answer = lab.upload("member-1", &id, &bytes).await;
        assert!(
            answer.status == status && answer.text().contains(part),
            "{part}: {} {}",
            answer.status,
            answer.text()
        );
        assert_eq!(
            lab.get("member-1", &format!("/image/v2/images/{id}"))
                .await
                .json()["status"],
            "queued",
            "{part}"
        );
        assert_eq!(lab.files("images/uploads"), Vec::<String>::new(), "{part}");
    }
    // The length was not announced, and it is found out on the way.
    let id = lab.create("member-1", json!({})).await;
    let stream = futures::stream::iter(
        disk(1_100_000)
            .chunks(9_999)
            .map(|piece| Ok::<_, std::io::Error>(piece.to_vec()))
            .collect::<Vec<_>>(),
    );
    let path = format!("/image/v2/images/{id}/file");
    let answer = lab
        .ask(
            "member-1",
            "PUT",
            &path,
            &[("content-type", "application/octet-stream")],
            Body::from_stream(stream),
        )
        .await;
    assert_eq!(answer.status, 413, "{}", answer.text());
    assert_eq!(lab.files("images/uploads"), Vec::<String>::new());
    let wrong = lab
        .ask(
            "member-1",
            "PUT",
            &path,
            &[("content-type", "text/plain")],
            Body::empty(),
        )
        .await;
    assert_eq!(wrong.status, 415);
}

#[tokio::test]
async fn projects_see_what_is_theirs_public_or_shared_with_them() {
    let lab = Lab::new().await;
    let mut ids = std::collections::BTreeMap::new();
    for visibility in ["private", "shared", "community", "public"] {
        let body = json!({"name": visibility, "visibility": visibility});
        let token = if visibility == "public" {
            "admin-1"
        } else {
            "member-1"
        };
        ids.insert(visibility, lab.create(token, body).await);
    }
    let refused = lab
        .send(
            "member-1",
            "POST",
            "/image/v2/images",
            json!({"visibility": "public"}),
        )
        .await;
    assert_eq!(refused.status, 403);
    let seen = |token: &'static str, query: &'static str| {
        let lab = &lab;
        async move {
            let list = lab
                .get(token, &format!("/image/v2/images{query}"))
                .await
                .json();
            let mut names: Vec<_> = list["images"]
                .as_array()
                .unwrap()
                .iter()
                .map(|image| image["name"].as_str().unwrap().to_owned())
                .collect();
            names.sort();
            names.join(" ")
        }
    };
    assert_eq!(
        seen("member-1", "").await,
        "community private public shared"
    );
    assert_eq!(seen("member-2", "").await, "public");
    assert_eq!(seen("member-2", "?visibility=community").await, "community");
    assert_eq!(
        seen("member-2", "?visibility=all").await,
        "community public"
    );
    assert_eq!(seen("admin-2", "").await, "community private public shared");
    let path = |name: &str| format!("/image/v2/images/{}", ids[name]);
    for (name, status) in [
        ("private", 404),
        ("shared", 404),
        ("community", 200),
        ("public", 200),
    ] {
        assert_eq!(
            lab.get("member-2", &path(name)).await.status,
            status,
            "{name}"
        );
    }
    let delete = lab
        .ask("member-2", "DELETE", &path("community"), &[], Body::empty())
        .await;
    assert_eq!(delete.status, 403);
    let members = format!("{}/members", path("shared"));
    let second = project(2).to_string();
    let added = lab
        .send("member-1", "POST", &members, json!({"member": second}))
        .await;
    assert_eq!(
        (added.status, added.json()["status"].as_str()),
        (200, Some("pending"))
    );
    assert_eq!(
        lab.send("member-1", "POST", &members, json!({"member": second}))
            .await
            .status,
        409
    );
    assert_eq!(lab.get("member-2", &path("shared")).await.status, 200);
    assert_eq!(seen("member-2", "").await, "public");
    assert_eq!(
        seen("member-2", "?member_status=pending").await,
        "public shared"
    );
    let own = format!("{members}/{second}");
    assert_eq!(
        lab.send("member-1", "PUT", &own, json!({"status": "accepted"}))
            .await
            .status,
        403
    );
    assert_eq!(
        lab.send("member-2", "PUT", &own, json!({"status": "accepted"}))
            .await
            .status,
        200
    );
    assert_eq!(seen("member-2", "").await, "public shared");
    assert_eq!(
        lab.get("member-2", &members).await.json()["members"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        lab.send(
            "member-2",
            "POST",
            &members,
            json!({"member": project(3).to_string()})
        )
        .await
        .status,
        403
    );
    assert_eq!(
        lab.ask("member-1", "DELETE", &own, &[], Body::empty())
            .await
            .status,
        204
    );
    assert_eq!(lab.get("member-2", &path("shared")).await.status, 404);
}

#[tokio::test]
async fn lists_are_filtered_sorted_and_paged() {
    let lab = Lab::new().await;
    for number in 0..7 {
        let body = json!({"name": format!("i{}", number % 3), "tags": [format!("t{}", number % 2)], "os_distro": format!("d{number}")});
        lab.create("member-1", body).await;
    }
    let mut path = "/v2/images?sort=name:asc&limit=3".to_owned();
    let mut names = Vec::new();
    loop {
        let page = lab.get("member-1", &format!("/image{path}")).await.json();
        names.extend(
            page["images"]
                .as_array()
                .unwrap()
                .iter()
                .map(|image| image["name"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(names, ["i0", "i0", "i0", "i1", "i1", "i2", "i2"]);
    for (query, count) in [
        ("name=i0", 3),
        ("name=in:i0,i1", 5),
        ("tag=t1", 3),
        ("tag=t1&tag=t0", 0),
        ("os_distro=d4", 1),
        ("status=active", 0),
        ("status=in:active,queued", 7),
        ("os_hidden=true", 0),
        ("created_at=lt:2020-01-01T00:00:00Z", 0),
        ("created_at=gt:2020-01-01T00:00:00Z", 7),
        ("size_min=1", 0),
        ("limit=0", 0),
    ] {
        let list = lab
            .get("member-1", &format!("/image/v2/images?{query}"))
            .await;
        assert_eq!(
            list.json()["images"].as_array().map(Vec::len),
            Some(count),
            "{query}: {}",
            list.text()
        );
    }
    let gone = format!("/image/v2/images?marker={}", Uuid::nil());
    assert_eq!(lab.get("member-1", &gone).await.status, 400);
    assert_eq!(
        lab.get("member-1", "/image/v2/images?limit=-1")
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn wrong_bodies_say_what_is_wrong_with_which_field() {
    let lab = Lab::new().await;
    for (body, part) in [
        (json!({"name": "x".repeat(256)}), "name"),
        (json!({"disk_format": "vmdk"}), "qemu-img convert"),
        (json!({"container_format": "ova"}), "container_format"),
        (json!({"visibility": "secret"}), "visibility"),
        (json!({"min_disk": -1}), "min_disk"),
        (json!({"min_ram": 1u64 << 40}), "min_ram"),
        (json!({"id": "1"}), "id"),
        (json!({"tags": [""]}), "tags"),
        (json!({"status": "active"}), "status"),
        (json!([]), "body"),
    ] {
        let answer = lab.send("member-1", "POST", "/image/v2/images", body).await;
        assert!(
            answer.status == 400 && answer.text().contains(part),
            "{part}: {} {}",
            answer.status,
            answer.text()
        );
    }
    let id = lab.create("member-1", json!({})).await;
    let taken = lab
        .send("member-1", "POST", "/image/v2/images", json!({"id": id}))
        .await;
    assert_eq!(taken.status, 409);
    for (method, body, part) in [
        (
            "POST",
            json!({"method": {"name": "web-download", "uri": "http://127.0.0.1/x"}}),
            "administrator",
        ),
        (
            "POST",
            json!({"method": {"name": "web-download", "uri": "file:///etc/passwd"}}),
            "file:",
        ),
        (
            "POST",
            json!({"method": {"name": "web-download"}}),
            "missing",
        ),
        (
            "POST",
            json!({"method": {"name": "copy-image"}}),
            "glance-direct",
        ),
    ] {
        let answer = lab
            .send(
                "member-1",
                method,
                &format!("/image/v2/images/{id}/import"),
                body,
            )
            .await;
        assert!(
            answer.status == 400 && answer.text().contains(part),
            "{part}: {}",
            answer.text()
        );
    }
    let early = lab
        .send(
            "member-1",
            "POST",
            &format!("/image/v2/images/{id}/import"),
            json!({"method": {"name": "glance-direct"}}),
        )
        .await;
    assert_eq!(early.status, 409);
}

#[tokio::test]
async fn documents_are_served() {
    let lab = Lab::new().await;
    let versions = lab.get("", "/image").await.json();
    assert_eq!(versions["versions"][0]["status"], "CURRENT");
    for name in ["image", "images", "member", "members"] {
        let schema = lab
            .get("reader-1", &format!("/image/v2/schemas/{name}"))
            .await
            .json();
        assert_eq!(schema["name"], *name);
    }
    assert_eq!(
        lab.get("reader-1", "/image/v2/info/import").await.json()["import-methods"]["value"],
        json!(["glance-direct", "web-download"])
    );
}

/// Somebody who has images.
const MEMBER: &str = "member-1";

/// An image without bytes.
fn empty(name: &str) -> Value {
    json!({"name": name, "disk_format": "raw", "container_format": "bare"})
}

/// A pass, as the header that shows it, and where it leads.
async fn pass(lab: &Lab, rule: &str, id: &str) -> (String, String) {
    let pass = depot_pass(&lab.cx, rule, id).await.unwrap();
    (pass.path, pass.ticket)
}

#[tokio::test]
async fn a_node_reads_an_image_with_a_ticket_and_with_nothing_else() {
    let lab = Lab::new().await;
    let id = lab.create(MEMBER, empty("i")).await;
    let content = vec![7; 100_000];
    assert_eq!(lab.upload(MEMBER, &id, &content).await.status, 204);
    let (path, ticket) = pass(&lab, IMAGE_READ, &id).await;
    let shown = |ticket: &str, range: &str| {
        [
            (TICKET_HEADER, ticket.to_owned()),
            ("range", range.to_owned()),
        ]
    };
    let read = async |token: &str, ticket: &str, range: &str| {
        let headers = shown(ticket, range);
        let headers = headers
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        lab.ask(token, "GET", &path, &headers, Body::empty()).await
    };
    let rest = read("", &ticket, "bytes=60000-").await;
    assert_eq!((rest.status, rest.body.len()), (206, 40_000));
    assert_eq!(rest.header("content-range"), "bytes 60000-99999/100000");
    let (_, elsewhere) = pass(&lab, IMAGE_READ, &lab.create(MEMBER, empty("j")).await).await;
    let (_, writing) = pass(&lab, SNAPSHOT_WRITE, &id).await;
    for (token, ticket) in [
        ("", ""),
        ("admin-1", ""),
        ("admin-1", "guess"),
        ("", elsewhere.as_str()),
        ("", writing.as_str()),
    ] {
        let refused = read(token, ticket, "bytes=0-").await;
        assert_eq!(refused.status, 401, "{token} {ticket}");
        assert!(refused.text().contains("ticket"), "{}", refused.text());
    }
    // A file that is gone does not come back by asking again.
    std::fs::remove_file(lab.dir.path().join("images").join(&id)).unwrap();
    assert_eq!(read("", &ticket, "bytes=0-").await.status, 404);
}

#[tokio::test]
async fn a_nodes_file_grows_part_by_part_and_only_where_it_is_waited_for() {
    let lab = Lab::with(|config| config.image.max_bytes = 4096).await;
    let id = lab.create(MEMBER, empty("s")).await;
    let (path, ticket) = pass(&lab, SNAPSHOT_WRITE, &id).await;
    let send = async |range: &str, body: &'static [u8]| {
        let headers = [(TICKET_HEADER, ticket.as_str()), ("content-range", range)];
        let answer = lab
            .ask("", "PATCH", &path, &headers, Body::from(body))
            .await;
        (answer.status, answer.json())
    };
    let arrived = |received: u64, whole: bool| (200, json!({"received": received, "whole": whole}));
    // Nobody waits yet.
    assert_eq!(send("bytes 0-2/8", b"abc").await.0, 404);
    let image = id.parse().unwrap();
    image_await(&lab.cx, image).await.unwrap();
    assert_eq!(send("bytes 0-2/8", b"abc").await, arrived(3, false));
    for (range, body, status) in [
        ("bytes 0-2/8", &b"abc"[..], 409),
        ("bytes 4-4/8", b"e", 409),
        ("bytes 3-3/4097", b"d", 413),
        ("", b"d", 400),
    ] {
        let refused = send(range, body).await;
        assert_eq!(refused.0, status, "{range}: {}", refused.1);
    }
    // What was waited for goes on after a new start of either side.
    image_await(&lab.cx, image).await.unwrap();
    let headers = [(TICKET_HEADER, ticket.as_str())];
    let shown = lab.ask("", "GET", &path, &headers, Body::empty()).await;
    let there = shown.json()["received"].as_u64().unwrap();
    assert_eq!(there, 3);
    assert_eq!(send("bytes 3-7/8", b"defgh").await, arrived(8, true));
    assert_eq!(send("bytes */8", b"").await, arrived(8, true));
    let uploads = lab.dir.path().join("images/uploads");
    let whole = crate::image::rpc::arriving_files(&uploads, image)[0].clone();
    assert_eq!(std::fs::read(&whole).unwrap(), b"abcdefgh");
    image_await_end(&lab.cx, image).await.unwrap();
    assert!(!whole.exists());
    assert_eq!(send("bytes 0-2/8", b"abc").await.0, 404);
    // An image that has its bytes takes no more, waited for or not.
    let other = lab.create(MEMBER, empty("t")).await;
    assert_eq!(lab.upload(MEMBER, &other, &[7; 512]).await.status, 204);
    image_await(&lab.cx, other.parse().unwrap()).await.unwrap();
    let (path, ticket) = pass(&lab, SNAPSHOT_WRITE, &other).await;
    let headers = [
        (TICKET_HEADER, ticket.as_str()),
        ("content-range", "bytes 0-2/8"),
    ];
    let late = lab
        .ask("", "PATCH", &path, &headers, Body::from("abc"))
        .await;
    assert_eq!(late.status, 404);
}
