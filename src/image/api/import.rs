//! `/v2/images/{id}/import` and `/v2/info`: imports, and what is offered.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;

use crate::api::{Body, Routes, parse_id};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::image::ops::{ImportMethod, image_import};
use crate::image::wire::{ImageImport, ImportInfo, ImportMethods, StoreInfo};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .post("/v2/images/{id}/import", "image:image:import", import)
        .get("/v2/info/import", "image:info:show", methods)
        .get("/v2/info/stores", "image:info:show", stores)
}

async fn import(
    cx: Context,
    Path(id): Path<String>,
    Body(body): Body<ImageImport>,
) -> Result<StatusCode> {
    let method = match (body.method.name.as_str(), body.method.uri) {
        ("glance-direct", _) => ImportMethod::Staged,
        ("web-download", Some(uri)) => ImportMethod::Web(uri),
        ("web-download", None) => {
            return Err(Error::invalid("method.uri", "is missing"));
        }
        (other, _) => {
            return Err(Error::invalid(
                "method.name",
                format!("{other:?} is none of glance-direct, web-download"),
            ));
        }
    };
    image_import(&cx, parse_id("image", &id)?, method).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn methods() -> Json<ImportInfo> {
    Json(ImportInfo {
        import_methods: ImportMethods {
            description: "Import methods available.".into(),
            kind: "array".into(),
            value: vec!["glance-direct".into(), "web-download".into()],
        },
    })
}

/// There is one store, which needs no name.
async fn stores() -> Json<StoreInfo> {
    Json(StoreInfo::default())
}
