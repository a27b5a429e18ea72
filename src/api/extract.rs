//! What handlers take from a request. Every failure names the field and what is wrong with it.

use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::State;
use super::wire::Microversion;
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
        let RawBody(bytes) = RawBody::from_request(request, cloud).await?;
        let mut json = serde_json::Deserializer::from_slice(&bytes);
        let parsed: T = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let path = error.path().to_string();
            let reason = error.inner().to_string();
            if path == "." {
                Error::BadRequest(format!("the body is not as expected: {reason}"))
            } else {
                Error::invalid(path, reason)
            }
        })?;
        json.end().map_err(|_| {
            Error::BadRequest("there is something after the end of the JSON body".into())
        })?;
        Ok(Self(parsed))
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
