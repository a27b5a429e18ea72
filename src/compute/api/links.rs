//! Addresses of things, as Nova puts them into its answers, and pages of lists.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::api::wire::Link;
use crate::api::{Params, State, request_base};
use crate::error::{Error, Result};

/// Entries of a page at most.
const PAGE: u64 = 1000;

/// Where the client reached this API, and what it asked for there.
pub(super) struct Links {
    base: String,
    path: String,
    query: Vec<(String, String)>,
}

impl FromRequestParts<State> for Links {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, cloud: &State) -> Result<Self> {
        let Params(query) = Params::from_request_parts(parts, cloud).await?;
        Ok(Self {
            base: request_base(cloud, &parts.headers),
            path: parts.uri.path().to_owned(),
            query,
        })
    }
}

impl Links {
    /// The address of something below `/compute/v2.1/`.
    pub fn at(&self, path: &str) -> String {
        format!("{}/compute/v2.1/{path}", self.base)
    }

    /// `self` and `bookmark` of one resource.
    pub fn item(&self, collection: &str, id: &str) -> Vec<Link> {
        vec![
            Link::new("self", self.at(&format!("{collection}/{id}"))),
            Link::new(
                "bookmark",
                format!("{}/compute/{collection}/{id}", self.base),
            ),
        ]
    }

    /// The link to the page after the one that ends with `last`, if that page is full.
    pub fn next(&self, length: usize, limit: u64, last: Option<&str>) -> Vec<Link> {
        let Some(last) = last.filter(|_| length as u64 >= limit) else {
            return Vec::new();
        };
        let kept = self.query.iter().filter(|(name, _)| name != "marker");
        let mut pairs: Vec<String> = kept
            .map(|(name, value)| format!("{}={}", escape(name), escape(value)))
            .collect();
        pairs.push(format!("marker={}", escape(last)));
        let href = format!("{}{}?{}", self.base, self.path, pairs.join("&"));
        vec![Link::new("next", href)]
    }
}

/// The length of a page that the client wants, within bounds.
pub(super) fn page(params: &Params) -> Result<u64> {
    Ok(match params.parse::<u64>("limit")? {
        None | Some(0) => PAGE,
        Some(limit) => limit.min(PAGE),
    })
}

/// Text as it may stand in a query.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}
