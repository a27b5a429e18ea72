//! What every request passes, from the outside in.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use futures::future::BoxFuture;
use tower_http::catch_panic::CatchPanicLayer;

use super::errors::dress;
use super::wire::{
    API_VERSION_HEADER, ErrorStyle, NOVA_VERSION_HEADER, REQUEST_ID_HEADER, TOKEN_HEADER,
    VersionError, VersionRange, version_error_body,
};
use super::{Routes, State, Version};
use crate::context::{Actor, Cloud, Context, Need, new_request_id};
use crate::depot::ops::depot_admit;
use crate::depot::rpc::TICKET_HEADER;
use crate::error::{Error, Result};

/// Longest token that is looked at.
const LONGEST_TOKEN: usize = 4096;

/// Finds out whose token this is. Identity's, in a running cloud; a test may know its actors by other means.
pub type Authenticate = fn(Arc<Cloud>, String) -> BoxFuture<'static, Result<Actor>>;

/// What is known of a request before its route is.
#[derive(Clone)]
struct Caller {
    cloud: State,
    actor: Option<Actor>,
    request_id: Arc<str>,
}

/// All services on one port.
pub fn app(cloud: &State, services: Vec<Routes>, authenticate: Authenticate) -> Router {
    let mut app = Router::new();
    let mut styles = Vec::new();
    for service in services {
        let (style, versions) = (service.style, service.versions);
        styles.push((service.prefix, style));
        let mut router = service.router;
        if let Some(range) = versions {
            router = router.layer(from_fn(move |request, next| {
                negotiate(range, request, next)
            }));
        }
        let calm = CatchPanicLayer::custom(|_| {
            Error::Internal("the request met a defect; see the log".into()).into_response()
        });
        app = app.merge(
            router
                .layer(calm)
                .layer(from_fn(move |request, next| shape(style, request, next))),
        );
    }
    let for_callers = cloud.clone();
    app.fallback(|uri: axum::http::Uri| async move { Error::not_found("path", uri.path()) })
        .layer(from_fn(move |request: Request, next| {
            // What no route takes is answered in the words of the service whose path it begins like.
            let path = request.uri().path();
            let known = styles.iter().find(|(prefix, _)| path.starts_with(prefix));
            let style = known.map_or(ErrorStyle::Skydeck, |(_, style)| *style);
            shape(style, request, next)
        }))
        .layer(from_fn(move |request, next| {
            identify(for_callers.clone(), authenticate, request, next)
        }))
        .with_state(cloud.clone())
}

/// Gives the request an id and finds out who asks.
async fn identify(
    cloud: State,
    authenticate: Authenticate,
    mut request: Request,
    next: Next,
) -> Response {
    let request_id: Arc<str> = new_request_id().into();
    let begun = std::time::Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let actor = match header(request.headers(), TOKEN_HEADER) {
        Some(token) if token.len() <= LONGEST_TOKEN => {
            match authenticate(cloud.clone(), token.to_owned()).await {
                Ok(actor) => Ok(Some(actor)),
                // Whoever asks for a token may send an old one along.
                Err(Error::Unauthorized(_))
                    if path.ends_with("/auth/tokens") && method == "POST" =>
                {
                    Ok(None)
                }
                Err(error) => Err(error),
            }
        }
        Some(_) => Err(Error::Unauthorized("the token is too long".into())),
        None => Ok(None),
    };
    let mut response = match actor {
        Ok(actor) => {
            request.extensions_mut().insert(Caller {
                cloud: cloud.clone(),
                actor,
                request_id: request_id.clone(),
            });
            next.run(request).await
        }
        Err(error) => dress(ErrorStyle::Identity, &request_id, error.into_response()),
    };
    let status = response.status();
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(
            "www-authenticate",
            HeaderValue::from_static("Keystone uri=\"/identity/v3\""),
        );
    }
    for name in [REQUEST_ID_HEADER, "x-compute-request-id"] {
        if let Ok(value) = HeaderValue::from_str(&request_id) {
            response.headers_mut().insert(name, value);
        }
    }
    tracing::debug!(%method, path, status = status.as_u16(), request_id = &*request_id, us = begun.elapsed().as_micros(), "request");
    response
}

/// Writes errors in the service's shape.
async fn shape(style: ErrorStyle, mut request: Request, next: Next) -> Response {
    // Known to what reads the request, too.
    request.extensions_mut().insert(style);
    let request_id = request
        .extensions()
        .get::<Caller>()
        .map(|caller| caller.request_id.clone())
        .unwrap_or_default();
    dress(style, &request_id, next.run(request).await)
}

/// Agrees on the microversion and says in the answer which one it was.
async fn negotiate(range: VersionRange, mut request: Request, next: Next) -> Response {
    let headers = request.headers();
    let legacy = (range.service == "compute")
        .then(|| header(headers, NOVA_VERSION_HEADER))
        .flatten();
    let version = match range.negotiate(header(headers, API_VERSION_HEADER), legacy) {
        Ok(version) => version,
        Err(VersionError::Malformed(error)) => {
            return Error::BadRequest(error.to_string()).into_response();
        }
        Err(error @ VersionError::Unsupported { min, max, .. }) => {
            let request_id = request
                .extensions()
                .get::<Caller>()
                .map(|caller| caller.request_id.clone())
                .unwrap_or_default();
            let body = version_error_body(range.service, &error.to_string(), min, max, &request_id);
            return (StatusCode::NOT_ACCEPTABLE, Json(body)).into_response();
        }
    };
    request.extensions_mut().insert(Version(version));
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&range.header(version)) {
        headers.insert(API_VERSION_HEADER, value);
    }
    if range.service == "compute"
        && let Ok(value) = HeaderValue::from_str(&version.to_string())
    {
        headers.insert(NOVA_VERSION_HEADER, value);
    }
    headers.insert(
        "vary",
        HeaderValue::from_static("OpenStack-API-Version, X-OpenStack-Nova-API-Version"),
    );
    response
}

/// Checks the route's rule and gives the handler its context.
pub(super) async fn guard(rule: &'static str, mut request: Request, next: Next) -> Response {
    let Some(caller) = request.extensions().get::<Caller>().cloned() else {
        return Error::Internal("the request was not identified".into()).into_response();
    };
    if caller.cloud.policy.need(rule) == Some(Need::Ticket) {
        return admit(rule, caller, request, next).await;
    }
    if let Err(error) = caller.cloud.policy.check(rule, caller.actor.as_ref()) {
        return error.into_response();
    }
    let actor = caller.actor.unwrap_or_else(|| Actor {
        user: None,
        user_name: "anonymous".into(),
        project: None,
        rank: None,
    });
    request
        .extensions_mut()
        .insert(Context::new(caller.cloud, actor, &caller.request_id));
    next.run(request).await
}

/// Lets in whoever has a ticket for the rule and the last id of the path; the handler acts as the control plane itself.
async fn admit(rule: &'static str, caller: Caller, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let id = match RawPathParams::from_request_parts(&mut parts, &()).await {
        Ok(params) => params.iter().last().map(|(_, id)| id.to_owned()),
        Err(error) => return error.into_response(),
    };
    let ticket = header(&parts.headers, TICKET_HEADER);
    let id = id.unwrap_or_default();
    if let Err(error) = depot_admit(&caller.cloud, rule, &id, ticket).await {
        return error.into_response();
    }
    let cx = Context::new(caller.cloud, Actor::system(), &caller.request_id);
    parts.extensions.insert(cx);
    next.run(Request::from_parts(parts, body)).await
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use axum::body::Body as HttpBody;
    use futures::FutureExt;
    use serde_json::{Value, json};
    use tower::ServiceExt;

    use super::super::wire::COMPUTE_VERSIONS;
    use super::super::{Body, Routes};
    use super::*;
    use crate::context::Rank;

    fn authenticate(_: Arc<Cloud>, token: String) -> BoxFuture<'static, Result<Actor>> {
        async move {
            let rank = match token.as_str() {
                "reader" => Some(Rank::Reader),
                "admin" => Some(Rank::Admin),
                _ => return Err(Error::Unauthorized("the token is not known".into())),
            };
            Ok(Actor {
                rank,
                ..Actor::system()
            })
        }
        .boxed()
    }

    async fn request(
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, HeaderMap, Value) {
        #[derive(serde::Deserialize)]
        struct Thing {
            size: u8,
        }
        let (_dir, cloud, _kicks) = crate::context::testing::cloud().await;
        let routes = Routes::new("/compute/v2.1", ErrorStyle::Compute)
            .versions(COMPUTE_VERSIONS)
            .get(
                "/public",
                "api:version:show",
                |version: Version| async move { version.0.to_string() },
            )
            .get(
                "/list",
                "skydeck:operation:list",
                |cx: Context| async move { cx.actor.user_name.clone() },
            )
            .post(
                "/things",
                "skydeck:audit:list",
                |Body(thing): Body<Thing>| async move { Json(json!({"size": thing.size})) },
            )
            .get("/unruly", "no:such:rule", || async { "" })
            .get("/broken", "api:version:show", || async {
                panic!("a defect") as String
            });
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = app(&cloud, vec![routes], authenticate)
            .oneshot(request.body(HttpBody::from(body.to_owned())).unwrap())
            .await
            .unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20)
            .await
            .unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        (
            status,
            headers,
            serde_json::from_slice(&bytes).unwrap_or(Value::String(text)),
        )
    }

    #[tokio::test]
    async fn a_request_is_let_through_by_its_rule_alone() {
        for (path, token, status) in [
            ("/compute/v2.1/public", None, 200),
            ("/compute/v2.1/list", None, 401),
            ("/compute/v2.1/list", Some("stranger"), 401),
            ("/compute/v2.1/list", Some("reader"), 200),
            ("/compute/v2.1/unruly", Some("admin"), 403),
            ("/compute/v2.1/nothing", Some("admin"), 404),
            ("/elsewhere", None, 404),
            ("/compute/v2.1/broken", None, 500),
        ] {
            let headers: Vec<_> = token
                .map(|token| (TOKEN_HEADER, token))
                .into_iter()
                .collect();
            let (got, headers, body) = request("GET", path, &headers, "").await;
            assert_eq!(got, status, "{path} {token:?}: {body}");
            assert!(headers.get(REQUEST_ID_HEADER).is_some(), "{path}");
        }
        let (status, _, body) = request(
            "POST",
            "/compute/v2.1/things",
            &[(TOKEN_HEADER, "reader")],
            "{}",
        )
        .await;
        assert_eq!(status, 403);
        assert!(
            body["forbidden"]["message"]
                .as_str()
                .unwrap()
                .contains("admin"),
            "{body}"
        );
    }

    #[tokio::test]
    async fn a_wrong_body_names_the_field_and_versions_are_agreed_on() {
        let (status, _, body) = request(
            "POST",
            "/compute/v2.1/things",
            &[(TOKEN_HEADER, "admin")],
            r#"{"size": 300}"#,
        )
        .await;
        assert_eq!(status, 400);
        assert!(
            body["badRequest"]["message"]
                .as_str()
                .unwrap()
                .starts_with("size: "),
            "{body}"
        );
        let (_, headers, body) = request(
            "GET",
            "/compute/v2.1/public",
            &[(API_VERSION_HEADER, "compute 2.79")],
            "",
        )
        .await;
        assert_eq!(
            (
                body,
                headers.get(NOVA_VERSION_HEADER).unwrap().to_str().unwrap()
            ),
            (json!(2.79), "2.79")
        );
        let (status, _, body) = request(
            "GET",
            "/compute/v2.1/public",
            &[(API_VERSION_HEADER, "compute 9.1")],
            "",
        )
        .await;
        assert_eq!(
            (status, body["errors"][0]["max_version"].as_str()),
            (406, Some("2.90"))
        );
    }
}
