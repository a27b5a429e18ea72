//! What the path of a request says: the project, which must be the token's, and the thing.

use std::collections::BTreeMap;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use super::PREFIX;
use crate::api::wire::Link;
use crate::api::{State, parse_id, request_base};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::{Id, ProjectId};

/// The parameters of the path, and where the API was reached.
pub(super) struct Place {
    parameters: BTreeMap<String, String>,
    base: String,
}

impl FromRequestParts<State> for Place {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, cloud: &State) -> Result<Self> {
        let Path(parameters) = Path::<BTreeMap<String, String>>::from_request_parts(parts, cloud)
            .await
            .map_err(|error| Error::BadRequest(error.body_text()))?;
        let cx = Context::from_request_parts(parts, cloud).await?;
        if let Some(named) = parameters.get("project_id") {
            let own = cx.actor.project.as_ref().map(|scope| scope.id);
            let matches = named.parse::<ProjectId>().is_ok_and(|id| own == Some(id));
            if !matches && !cx.actor.is_admin() {
                return Err(Error::BadRequest(format!(
                    "Malformed request url: {named} is not the project of the token"
                )));
            }
        }
        Ok(Self {
            parameters,
            base: request_base(cloud, &parts.headers),
        })
    }
}

impl Place {
    /// A parameter as text.
    pub fn text(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    /// The thing that `{id}` names.
    pub fn id<T>(&self, kind: &'static str) -> Result<Id<T>> {
        parse_id(kind, self.text("id"))
    }

    /// The address of something below `/volume/v3/`.
    pub fn at(&self, path: &str) -> String {
        format!("{}{PREFIX}/v3/{path}", self.base)
    }

    /// Links to one thing of a project's collection.
    pub fn links(&self, project: ProjectId, collection: &str, id: impl ToString) -> Vec<Link> {
        let address = self.at(&format!("{project}/{collection}/{}", id.to_string()));
        vec![
            Link::new("self", address.clone()),
            Link::new("bookmark", address),
        ]
    }

    /// The link to the page after this thing, keeping the request's query.
    pub fn next(&self, path: &str, raw: Option<&str>, last: impl ToString) -> Link {
        let mut pairs: Vec<&str> = raw
            .unwrap_or_default()
            .split('&')
            .filter(|pair| {
                !pair.is_empty() && !pair.starts_with("marker=") && !pair.starts_with("offset=")
            })
            .collect();
        let marker = format!("marker={}", last.to_string());
        pairs.push(&marker);
        Link::new("next", format!("{}?{}", self.at(path), pairs.join("&")))
    }
}
