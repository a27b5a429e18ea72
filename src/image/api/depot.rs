//! `/skydeck/v1/depot/images/{id}` and `/snapshots/{id}`: an image's bytes for a node, and a snapshot's from one. A ticket
//! opens them; see [`crate::depot`].

use axum::Json;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, header};
use axum::response::Response;

use super::data;
use crate::api::skydeck::PREFIX;
use crate::api::wire::ErrorStyle;
use crate::api::{Routes, parse_id};
use crate::context::Context;
use crate::depot::ops::{IMAGE_READ, SNAPSHOT_WRITE};
use crate::depot::rpc::Arrival;
use crate::error::{Error, Result};
use crate::image::ops::{image_arrival, image_arrive};

pub(super) fn routes() -> Routes {
    Routes::new(PREFIX, ErrorStyle::Skydeck)
        .get("/depot/images/{id}", IMAGE_READ, read)
        .get("/depot/snapshots/{id}", SNAPSHOT_WRITE, show)
        .patch("/depot/snapshots/{id}", SNAPSHOT_WRITE, append)
}

async fn read(cx: Context, Path(id): Path<String>, headers: HeaderMap) -> Result<Response> {
    data::send_asked(&cx, &id, &headers).await
}

async fn show(cx: Context, Path(id): Path<String>) -> Result<Json<Arrival>> {
    Ok(Json(image_arrival(&cx, parse_id("image", &id)?).await?))
}

async fn append(
    cx: Context,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Arrival>> {
    let announced = data::announced(&headers)?;
    let (true, Some(total)) = (announced.rest || announced.start.is_some(), announced.total) else {
        return Err(Error::invalid(
            header::CONTENT_RANGE.as_str(),
            "it is needed, with the length of the whole",
        ));
    };
    let id = parse_id("image", &id)?;
    let arrived = image_arrive(&cx, id, announced.start, total, body.into_data_stream()).await?;
    Ok(Json(arrived))
}
