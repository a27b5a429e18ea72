//! What handlers take from a request. Every failure names the field and what is wrong with it.

use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::State;
use super::wire::{ErrorStyle, Microversion};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::Id;

impl FromRequestParts<State> for Context {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self> {
        parts
            .extensions
            .get()
            .cloned()
            .ok_or_else(|| Error::Internal("the route has no rule".into()))
    }
}

/// The microversion of the request.
#[derive(Clone, Copy, Debug)]
pub struct Version(pub Microversion);

impl FromRequestParts<State> for Version {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self> {
        parts
            .extensions
            .get()
            .copied()
            .ok_or_else(|| Error::Internal("the service has no microversions".into()))
    }
}

/// A JSON body. An error names the path of the value that is wrong (`server.networks[0].uuid`).
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<State> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, cloud: &State) -> Result<Self> {
        check_media_type(&request)?;
        let RawBody(bytes) = RawBody::from_request(request, cloud).await?;
        if bytes.is_empty() {
            return Err(Error::BadRequest(
                "the request has no body; a JSON body is needed".into(),
            ));
        }
        let mut json = serde_json::Deserializer::from_slice(&bytes);
        let parsed: T = serde_path_to_error::deserialize(&mut json)
            .map_err(|error| refusal(&error.path().to_string(), &error.inner().to_string()))?;
        json.end().map_err(|_| {
            Error::BadRequest("there is something after the end of the JSON body".into())
        })?;
        Ok(Self(parsed))
    }
}

/// Fails unless the body is said to be JSON, or nothing is said of it. Glance and Neutron never look.
fn check_media_type(request: &Request) -> Result<()> {
    let style = request.extensions().get::<ErrorStyle>();
    if matches!(style, Some(ErrorStyle::Image | ErrorStyle::Network)) {
        return Ok(());
    }
    let Some(value) = request.headers().get("content-type") else {
        return Ok(());
    };
    let value = value.to_str().unwrap_or_default();
    let kind = value.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") || kind.ends_with("+json") {
        return Ok(());
    }
    let text = format!("Unsupported Content-Type {kind:?}; application/json is needed");
    Err(if style == Some(&ErrorStyle::Identity) {
        Error::BadRequest(text)
    } else {
        Error::Unsupported(text)
    })
}

/// What is wrong with the value at `path`, in words that a user knows.
fn refusal(path: &str, reason: &str) -> Error {
    // serde lists everything that it knows; the name alone says enough.
    let unknown = reason
        .strip_prefix("unknown field `")
        .and_then(|rest| rest.split('`').next());
    if let Some(name) = unknown {
        let parent = path
            .strip_suffix(name)
            .unwrap_or(path)
            .trim_end_matches(['.', '?']);
        let field = if parent.is_empty() {
            name.to_owned()
        } else {
            format!("{parent}.{name}")
        };
        return Error::invalid(
            field,
            format!("Additional properties are not allowed ('{name}' was unexpected)"),
        );
    }
    if path == "." {
        Error::BadRequest(format!("the body is not as expected: {reason}"))
    } else {
        Error::invalid(path, reason)
    }
}

/// A body of bounded length (`api.max_body`), whole.
pub struct RawBody(pub Bytes);

impl FromRequest<State> for RawBody {
    type Rejection = Error;

    async fn from_request(request: Request, cloud: &State) -> Result<Self> {
        let limit = cloud.config.api.max_body;
        axum::body::to_bytes(request.into_body(), limit)
            .await
            .map(Self)
            .map_err(|_| {
                Error::TooLarge(format!(
                    "the body is longer than {limit} bytes, or broke off"
                ))
            })
    }
}

/// Query parameters as a structure; unknown ones are ignored, as OpenStack does.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<State> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self> {
        axum::extract::Query::try_from_uri(&parts.uri)
            .map(|axum::extract::Query(query)| Self(query))
            .map_err(|error| {
                Error::BadRequest(format!(
                    "the query is not as expected: {}",
                    error.body_text()
                ))
            })
    }
}

/// Query parameters in order, for filters that may repeat.
#[derive(Clone, Debug, Default)]
pub struct Params(pub Vec<(String, String)>);

impl Params {
    /// The first value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A parameter as a value of its own type; an error names it.
    pub fn parse<T: FromStr>(&self, name: &str) -> Result<Option<T>> {
        self.get(name)
            .map(|text| {
                text.parse()
                    .map_err(|_| Error::invalid(name, format!("{text:?} is not understood")))
            })
            .transpose()
    }
}

impl FromRequestParts<State> for Params {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, cloud: &State) -> Result<Self> {
        let Query(pairs) = Query::from_request_parts(parts, cloud).await?;
        Ok(Self(pairs))
    }
}

/// An id from a path. What is no UUID names nothing: not found, as OpenStack answers.
pub fn parse_id<T>(kind: &'static str, text: &str) -> Result<Id<T>> {
    text.parse().map_err(|_| Error::not_found(kind, text))
}

/// An id in a body or query: what is no UUID is a wrong value of that field.
pub fn parse_field<T>(field: &str, text: &str) -> Result<Id<T>> {
    text.parse()
        .map_err(|_| Error::invalid(field, format!("'{text}' is not a valid UUID")))
}

/// Scheme, host and port under which the client reached the API, for links; the configured public address when there
/// is one, and `http://localhost` over a Unix socket.
pub fn request_base(cloud: &State, headers: &axum::http::HeaderMap) -> String {
    if !cloud.config.api.public_url.is_empty() {
        return cloud.config.api.public_url.trim_end_matches('/').to_owned();
    }
    let host = headers
        .get("host")
        .and_then(|host| host.to_str().ok())
        .filter(|host| !host.is_empty())
        .unwrap_or("localhost");
    let scheme = headers
        .get("x-forwarded-proto")
        .and_then(|proto| proto.to_str().ok())
        .filter(|proto| *proto == "https")
        .unwrap_or("http");
    format!("{scheme}://{host}")
}
