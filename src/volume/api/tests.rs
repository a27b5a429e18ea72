//! Cinder's API with real operations and a real node behind it.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

use crate::api::app;
use crate::api::wire::{API_VERSION_HEADER, TOKEN_HEADER};
use crate::context::{Actor, Cloud, Rank};
use crate::error::{Error, Result};
use crate::volume::sagas::tests::{Lab, actor, lab, settled};

/// Tokens are ranks; `other` is a member of another project.
fn authenticate(_: Arc<Cloud>, token: String) -> BoxFuture<'static, Result<Actor>> {
    async move {
        let mut actor = actor();
        actor.rank = Some(match token.as_str() {
            "admin" => Rank::Admin,
            "member" | "other" => Rank::Member,
            "reader" => Rank::Reader,
            _ => return Err(Error::Unauthorized("the token is not known".into())),
        });
        if token == "other" {
            let scope = actor.project.as_mut().expect("it has a project");
            scope.id = crate::ids::Id::from_uuid(Uuid::from_u128(2));
        }
        Ok(actor)
    }
    .boxed()
}

struct Api {
    lab: Lab,
    app: Router,
}

impl Api {
    async fn new() -> Self {
        let lab = lab(None).await;
        let app = app(lab.cx.cloud(), vec![super::routes()], authenticate);
        Self { lab, app }
    }

    async fn ask(&self, token: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.ask_by("3.60", token, method, path, body).await
    }

    async fn ask_by(
        &self,
        version: &str,
        token: &str,
        method: &str,
        path: &str,
        body: Value,
    ) -> (u16, Value) {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/volume{path}"));
        request = request.header(API_VERSION_HEADER, format!("volume {version}"));
        if !token.is_empty() {
            request = request.header(TOKEN_HEADER, token);
        }
        let body = if body.is_null() {
            Body::empty()
        } else {
            Body::from(body.to_string())
        };
        let response = self
            .app
            .clone()
            .oneshot(request.body(body).unwrap())
            .await
            .unwrap();
        let status = response.status().as_u16();
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20)
            .await
            .unwrap();
        (
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        )
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask("member", "GET", path, Value::Null).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    async fn make(&self, body: Value) -> String {
        let (status, made) = self
            .ask("member", "POST", "/v3/volumes", json!({"volume": body}))
            .await;
        assert_eq!(status, 202, "{made}");
        let id = made["volume"]["id"].as_str().unwrap().to_owned();
        settled(&self.lab.cx, &id).await;
        id
    }
}

#[tokio::test]
async fn a_volume_as_the_stock_client_makes_changes_and_deletes_it() {
    let api = Api::new().await;
    let project = Uuid::from_u128(1);
    let body = json!({"volume": {"size": 1, "name": "v", "description": null, "volume_type": null, "availability_zone": null,
        "metadata": {"a": "b"}, "imageRef": null, "source_volid": null, "snapshot_id": null, "consistencygroup_id": null, "backup_id": null}});
    let (status, made) = api
        .ask("member", "POST", &format!("/v3/{project}/volumes"), body)
        .await;
    assert_eq!(
        (status, made["volume"]["status"].as_str()),
        (202, Some("creating"))
    );
    let id = made["volume"]["id"].as_str().unwrap();
    settled(&api.lab.cx, id).await;
    let path = format!("/v3/{project}/volumes/{id}");
    let volume = api.get(&path).await["volume"].clone();
    for (field, wanted) in [
        ("status", json!("available")),
        ("size", json!(1)),
        ("bootable", json!("false")),
        ("volume_type", json!("file")),
        ("availability_zone", json!("nova")),
        ("metadata", json!({"a": "b"})),
        ("attachments", json!([])),
    ] {
        assert_eq!(volume[field], wanted, "{field}");
    }
    assert!(volume.get("os-vol-host-attr:host").is_none());
    let (_, seen) = api.ask("admin", "GET", &path, Value::Null).await;
    assert_eq!(seen["volume"]["os-vol-host-attr:host"], "n1@file#file");
    let (_, changed) = api
        .ask(
            "member",
            "PUT",
            &path,
            json!({"volume": {"display_name": "w"}}),
        )
        .await;
    assert_eq!(changed["volume"]["name"], "w");
    let (_, pairs) = api
        .ask(
            "member",
            "POST",
            &format!("{path}/metadata"),
            json!({"metadata": {"c": "d"}}),
        )
        .await;
    assert_eq!(pairs["metadata"], json!({"a": "b", "c": "d"}));
    assert_eq!(
        api.ask(
            "member",
            "DELETE",
            &format!("{path}/metadata/a"),
            Value::Null
        )
        .await
        .0,
        200
    );
    let action = format!("{path}/action");
    for (body, status) in [
        (json!({"os-set_bootable": {"bootable": true}}), 200),
        (json!({"os-update_readonly_flag": {"readonly": true}}), 202),
        (
            json!({"os-set_image_metadata": {"metadata": {"os_distro": "debian"}}}),
            200,
        ),
        (json!({"os-reserve": null}), 202),
        (json!({"os-unreserve": null}), 202),
        (json!({"os-unreserve": null}), 400),
        (json!({"os-extend": {"new_size": 1}}), 400),
        (json!({"os-reset_status": {"status": "error"}}), 403),
        (json!({"os-force_delete": {}}), 403),
        (json!({"os-force_detach": {}}), 403),
        (json!({"os-explode": {}}), 400),
    ] {
        let (got, answer) = api.ask("member", "POST", &action, body.clone()).await;
        assert_eq!(got, status, "{body}: {answer}");
    }
    let volume = api.get(&path).await["volume"].clone();
    assert_eq!(
        (
            volume["bootable"].as_str(),
            volume["metadata"]["readonly"].as_str()
        ),
        (Some("true"), Some("True"))
    );
    assert_eq!(
        volume["volume_image_metadata"],
        json!({"os_distro": "debian"})
    );
    assert_eq!(
        api.ask(
            "member",
            "POST",
            &action,
            json!({"os-extend": {"new_size": 2}})
        )
        .await
        .0,
        202
    );
    settled(&api.lab.cx, id).await;
    assert_eq!(api.get(&path).await["volume"]["size"], 2);
    assert_eq!(
        api.ask(
            "admin",
            "POST",
            &action,
            json!({"os-reset_status": {"status": "error"}})
        )
        .await
        .0,
        202
    );
    assert_eq!(api.ask("member", "DELETE", &path, Value::Null).await.0, 202);
    settled(&api.lab.cx, id).await;
    assert_eq!(api.ask("member", "GET", &path, Value::Null).await.0, 404);
}

#[tokio::test]
async fn lists_limits_quotas_types_and_snapshots() {
    let api = Api::new().await;
    let mut ids = Vec::new();
    for name in ["c", "a", "b"] {
        ids.push(api.make(json!({"size": 1, "name": name})).await);
    }
    let mut path = "/v3/volumes/detail?sort=name:asc&limit=2".to_owned();
    let mut names = Vec::new();
    loop {
        let page = api.get(&path).await;
        names.extend(
            page["volumes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["name"].as_str().unwrap().to_owned()),
        );
        match page["volumes_links"][0]["href"].as_str() {
            Some(next) => path = next.split_once("/volume").unwrap().1.to_owned(),
            None => break,
        }
    }
    assert_eq!(names, ["a", "b", "c"]);
    for (query, count) in [
        ("name=a", 1),
        ("status=available", 3),
        ("status=error", 0),
        ("bootable=true", 0),
        ("limit=0", 0),
        ("all_tenants=1", 3),
    ] {
        assert_eq!(
            api.get(&format!("/v3/volumes?{query}")).await["volumes"]
                .as_array()
                .unwrap()
                .len(),
            count,
            "{query}"
        );
    }
    let (_, others) = api
        .ask(
            "other",
            "GET",
            "/v3/volumes/detail?all_tenants=1",
            Value::Null,
        )
        .await;
    assert_eq!(others["volumes"], json!([]));
    assert_eq!(
        api.ask(
            "other",
            "GET",
            &format!("/v3/volumes/{}", ids[0]),
            Value::Null
        )
        .await
        .0,
        404
    );
    let foreign = format!("/v3/{}/volumes", Uuid::from_u128(1));
    assert_eq!(api.ask("other", "GET", &foreign, Value::Null).await.0, 400);
    let (status, body) = api.ask("member", "POST", "/v3/snapshots", json!({"snapshot": {"volume_id": ids[0], "name": "s", "force": false, "description": null, "metadata": {}}})).await;
    assert_eq!(
        (status, body["snapshot"]["status"].as_str()),
        (202, Some("creating"))
    );
    settled(&api.lab.cx, &ids[0]).await;
    let snapshot = format!("/v3/snapshots/{}", body["snapshot"]["id"].as_str().unwrap());
    assert_eq!(api.get(&snapshot).await["snapshot"]["status"], "available");
    assert_eq!(
        api.get("/v3/snapshots/detail").await["snapshots"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let limits = api.get("/v3/limits").await["limits"]["absolute"].clone();
    assert_eq!(
        (
            limits["totalVolumesUsed"].as_i64(),
            limits["totalGigabytesUsed"].as_i64(),
            limits["totalSnapshotsUsed"].as_i64()
        ),
        (Some(3), Some(4), Some(1))
    );
    let project = Uuid::from_u128(1);
    let quota = api
        .get(&format!("/v3/os-quota-sets/{project}?usage=true"))
        .await["quota_set"]
        .clone();
    assert_eq!(
        (
            quota["volumes"]["in_use"].as_i64(),
            quota["volumes"]["limit"].as_i64()
        ),
        (Some(3), Some(100))
    );
    assert_eq!(
        api.get(&format!("/v3/os-quota-sets/{project}/defaults"))
            .await["quota_set"]["gigabytes"],
        10000
    );
    assert_eq!(
        api.get("/v3/types").await["volume_types"][0]["name"],
        "file"
    );
    assert_eq!(
        api.get("/v3/types/default").await["volume_type"]["is_public"],
        true
    );
    assert_eq!(
        api.get("/v3/os-availability-zone").await["availabilityZoneInfo"][0]["zoneName"],
        "nova"
    );
    let (_, services) = api
        .ask("admin", "GET", "/v3/os-services", Value::Null)
        .await;
    assert_eq!(
        (
            services["services"][0]["host"].as_str(),
            services["services"][0]["state"].as_str()
        ),
        (Some("n1@file"), Some("up"))
    );
    assert_eq!(api.get("/v3/attachments").await["attachments"], json!([]));
    assert_eq!(
        api.ask("member", "DELETE", &snapshot, Value::Null).await.0,
        202
    );
    settled(&api.lab.cx, &ids[0]).await;
    assert_eq!(
        api.ask("member", "GET", &snapshot, Value::Null).await.0,
        404
    );
}

#[tokio::test]
async fn wrong_bodies_say_what_is_wrong_with_which_field() {
    let api = Api::new().await;
    for (body, status, part) in [
        (json!({"size": 0}), 400, "size"),
        (json!({"size": 70_000}), 400, "size"),
        (json!({}), 400, "size"),
        (json!({"size": "x"}), 400, "volume.size"),
        (json!({"size": 1, "name": "x".repeat(256)}), 400, "name"),
        (
            json!({"size": 1, "availability_zone": "mars"}),
            400,
            "availability_zone",
        ),
        (json!({"size": 1, "volume_type": "gold"}), 404, "gold"),
        (json!({"size": 1, "multiattach": true}), 400, "multiattach"),
        (json!({"size": 1, "imageRef": "x"}), 400, "imageRef"),
        (json!({"size": 1, "imageRef": Uuid::nil()}), 404, "image"),
        (
            json!({"size": 1, "imageRef": Uuid::nil(), "source_volid": Uuid::nil()}),
            400,
            "one source",
        ),
        (
            json!({"size": 1, "source_volid": Uuid::nil()}),
            404,
            "volume",
        ),
        (json!({"size": 20_000}), 403, "gigabytes"),
    ] {
        let (got, answer) = api
            .ask("member", "POST", "/v3/volumes", json!({"volume": body}))
            .await;
        assert!(
            got == status && answer.to_string().contains(part),
            "{part}: {got} {answer}"
        );
    }
    let id = api.make(json!({"size": 1})).await;
    assert_eq!(
        api.ask_by(
            "3.99",
            "member",
            "GET",
            &format!("/v3/volumes/{id}"),
            Value::Null
        )
        .await
        .0,
        406
    );
    let bare = json!({"os-reset_status": {}});
    assert_eq!(
        api.ask("admin", "POST", &format!("/v3/volumes/{id}/action"), bare)
            .await
            .0,
        400
    );
    let attached = json!({"os-reset_status": {"attach_status": "attached"}});
    assert_eq!(
        api.ask(
            "admin",
            "POST",
            &format!("/v3/volumes/{id}/action"),
            attached
        )
        .await
        .0,
        400
    );
}
