//! Addresses of things, as Keystone puts them into every answer; and the small parsers that all resources share.

use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::api::wire::parse_bool;
use crate::api::{Params, State, request_base};
use crate::error::{Error, Result};
use crate::identity::wire::{CollectionLinks, SelfLink};
use crate::ids::DomainId;

/// Where the client reached this API.
pub(super) struct Links {
    /// Scheme, host and port.
    pub base: String,
    /// Path and query of the request.
    here: String,
}

impl FromRequestParts<State> for Links {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, cloud: &State) -> Result<Self> {
        let here = parts.uri.path_and_query().map(ToString::to_string);
        Ok(Self {
            base: request_base(cloud, &parts.headers),
            here: here.unwrap_or_default(),
        })
    }
}

impl Links {
    /// The address of something below `/identity/v3/`.
    pub fn at(&self, path: &str) -> String {
        format!("{}/identity/v3/{path}", self.base)
    }

    /// The address of one resource of a collection.
    pub fn item(&self, collection: &str, id: impl ToString) -> SelfLink {
        SelfLink {
            this: Some(self.at(&format!("{collection}/{}", id.to_string()))),
        }
    }

    /// The address of the list that was asked for.
    pub fn list(&self) -> CollectionLinks {
        CollectionLinks {
            next: None,
            this: Some(format!("{}{}", self.base, self.here)),
            previous: None,
        }
    }
}

/// Id of a domain from a path or body; what is none names nothing.
pub(super) fn domain_id(text: &str) -> Result<DomainId> {
    text.parse().map_err(|_| Error::not_found("domain", text))
}

/// An optional id of a body: what is none names nothing.
pub(super) fn optional<T: FromStr>(kind: &'static str, text: Option<&str>) -> Result<Option<T>> {
    text.map(|text| text.parse().map_err(|_| Error::not_found(kind, text)))
        .transpose()
}

/// A flag of the query: `None` if it is absent.
pub(super) fn flag(params: &Params, name: &str) -> Result<Option<bool>> {
    params
        .get(name)
        .map(|text| {
            parse_bool(text)
                .ok_or_else(|| Error::invalid(name, format!("{text:?} is neither true nor false")))
        })
        .transpose()
}

/// A switch of the query: on by its mere presence, as in Keystone, unless it says no.
pub(super) fn switch(params: &Params, name: &str) -> bool {
    params
        .get(name)
        .is_some_and(|text| text.is_empty() || parse_bool(text) != Some(false))
}

/// A field that may be given on update only as what it is already.
pub(super) fn unchanged(field: &str, wanted: Option<&str>, present: &str) -> Result<()> {
    match wanted {
        Some(wanted) if wanted != present => Err(Error::invalid(field, "can not be changed")),
        _ => Ok(()),
    }
}

/// A field that a create needs.
pub(super) fn needed(field: &str, value: Option<String>) -> Result<String> {
    value.ok_or_else(|| Error::invalid(field, "is needed"))
}
