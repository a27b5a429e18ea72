//! `/v2/images/{id}/file` and `/stage`: bytes in both directions.

use std::io::SeekFrom;

use axum::Json;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use crate::api::wire::UploadStatus;
use crate::api::{Routes, parse_id};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::image::ops::{Announced, ImageData, Purpose, Received, image_data, image_upload};

/// Bytes read from a file at a time.
const CHUNK: usize = 512 << 10;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .put("/v2/images/{id}/file", "image:image:upload", upload)
        .put("/v2/images/{id}/stage", "image:image:upload", stage)
        .get("/v2/images/{id}/file", "image:image:download", download)
}

async fn upload(
    cx: Context,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    receive(&cx, &id, Purpose::Data, &headers, body).await
}

async fn stage(
    cx: Context,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    receive(&cx, &id, Purpose::Stage, &headers, body).await
}

async fn receive(
    cx: &Context,
    id: &str,
    purpose: Purpose,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response> {
    let id = parse_id("image", id)?;
    let kind = text(headers, &header::CONTENT_TYPE).unwrap_or_default();
    if kind != "application/octet-stream" {
        return Err(Error::Unsupported(format!(
            "{kind:?} is not understood; send the bytes as application/octet-stream"
        )));
    }
    let announced = announced(headers)?;
    match image_upload(cx, id, purpose, announced, body.into_data_stream()).await? {
        Received::Whole(_) => Ok(StatusCode::NO_CONTENT.into_response()),
        Received::Part(received) => {
            let status = UploadStatus {
                image_id: id.to_string(),
                received,
                total: announced.total,
                active: false,
            };
            Ok((StatusCode::ACCEPTED, Json(status)).into_response())
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// `Content-Range: bytes 5-9/10`, `bytes 5-9/*`, `bytes */10` (all is there), or none.
pub(super) fn announced(headers: &HeaderMap) -> Result<Announced> {
    let length: Option<u64> =
        text(headers, &header::CONTENT_LENGTH).and_then(|text| text.parse().ok());
    let Some(range) = text(headers, &header::CONTENT_RANGE) else {
        return Ok(Announced {
            total: length,
            ..Announced::default()
        });
    };
    let wrong = || {
        Error::invalid(
            "Content-Range",
            format!("{range:?} is not of the form bytes FIRST-LAST/TOTAL"),
        )
    };
    let (part, total) = range
        .strip_prefix("bytes ")
        .and_then(|rest| rest.split_once('/'))
        .ok_or_else(wrong)?;
    let total: Option<u64> = match total {
        "*" => None,
        number => Some(number.parse().map_err(|_| wrong())?),
    };
    if part == "*" {
        return Ok(Announced {
            start: None,
            rest: true,
            total: Some(total.ok_or_else(wrong)?),
        });
    }
    let (first, last) = part.split_once('-').ok_or_else(wrong)?;
    let first: u64 = first.parse().map_err(|_| wrong())?;
    let last: u64 = last.parse().map_err(|_| wrong())?;
    let fits = last >= first && total.is_none_or(|total| last < total);
    if !fits || length.is_some_and(|length| length != last - first + 1) {
        return Err(Error::invalid(
            "Content-Range",
            format!("{range:?} does not fit the length of the body, or itself"),
        ));
    }
    Ok(Announced {
        start: Some(first),
        rest: false,
        total,
    })
}

async fn download(cx: Context, Path(id): Path<String>, headers: HeaderMap) -> Result<Response> {
    send_asked(&cx, &id, &headers).await
}

/// The bytes of an image, or the range of them that is asked for.
pub(super) async fn send_asked(cx: &Context, id: &str, headers: &HeaderMap) -> Result<Response> {
    let Some(data) = image_data(cx, parse_id("image", id)?).await? else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let tag = format!("\"{}\"", data.image.checksum.as_deref().unwrap_or_default());
    let current = text(headers, &header::IF_RANGE).is_none_or(|wanted| wanted == tag);
    let wanted = text(headers, &header::RANGE).filter(|_| current);
    let (status, first, length) = match wanted.map(|range| slice(range, data.bytes)) {
        None | Some(Slice::Whole) => (StatusCode::OK, 0, data.bytes),
        Some(Slice::Part(first, length)) => (StatusCode::PARTIAL_CONTENT, first, length),
        Some(Slice::Outside) => {
            let range = format!("bytes */{}", data.bytes);
            let status = StatusCode::RANGE_NOT_SATISFIABLE;
            return Ok((status, [(header::CONTENT_RANGE, range)]).into_response());
        }
    };
    send(data, &tag, status, first, length).await
}

async fn send(
    data: ImageData,
    tag: &str,
    status: StatusCode,
    first: u64,
    length: u64,
) -> Result<Response> {
    let total = data.bytes;
    let mut file = tokio::fs::File::from_std(data.file);
    file.set_max_buf_size(CHUNK);
    file.seek(SeekFrom::Start(first))
        .await
        .map_err(|error| Error::Internal(format!("image {}: {error}", data.image.id)))?;
    let stream = ReaderStream::with_capacity(file.take(length), CHUNK);
    let mut response = (status, Body::from_stream(stream)).into_response();
    let headers = response.headers_mut();
    let mut put = |name: header::HeaderName, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    };
    put(header::CONTENT_TYPE, "application/octet-stream".into());
    put(header::CONTENT_LENGTH, length.to_string());
    put(header::ACCEPT_RANGES, "bytes".into());
    put(header::ETAG, tag.to_owned());
    if let Some(md5) = data.image.checksum {
        put(header::HeaderName::from_static("content-md5"), md5);
    }
    if status == StatusCode::PARTIAL_CONTENT {
        let last = first + length.saturating_sub(1);
        put(
            header::CONTENT_RANGE,
            format!("bytes {first}-{last}/{total}"),
        );
    }
    Ok(response)
}

#[derive(Debug, PartialEq, Eq)]
enum Slice {
    Whole,
    Part(u64, u64),
    Outside,
}

/// What a `Range` header asks for: first byte and length. More than one range, and what is not understood, is the whole.
fn slice(range: &str, total: u64) -> Slice {
    let parsed = range
        .strip_prefix("bytes=")
        .filter(|rest| !rest.contains(','))
        .and_then(|rest| rest.split_once('-'));
    let Some((first, last)) = parsed else {
        return Slice::Whole;
    };
    let (first, last) = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if last >= first => (first, last.min(total.saturating_sub(1))),
        (Ok(first), Err(_)) if last.is_empty() => (first, total.saturating_sub(1)),
        (Err(_), Ok(0)) if first.is_empty() => return Slice::Outside,
        (Err(_), Ok(count)) if first.is_empty() => {
            (total.saturating_sub(count), total.saturating_sub(1))
        }
        _ => return Slice::Whole,
    };
    if first >= total {
        return Slice::Outside;
    }
    Slice::Part(first, last - first + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_to_what_is_there() {
        for (range, wanted) in [
            ("bytes=0-0", Slice::Part(0, 1)),
            ("bytes=3-", Slice::Part(3, 7)),
            ("bytes=-4", Slice::Part(6, 4)),
            ("bytes=-40", Slice::Part(0, 10)),
            ("bytes=5-99", Slice::Part(5, 5)),
            ("bytes=10-", Slice::Outside),
            ("bytes=-0", Slice::Outside),
            ("bytes=5-3", Slice::Whole),
            ("bytes=0-1,3-4", Slice::Whole),
            ("lines=1-2", Slice::Whole),
        ] {
            assert_eq!(slice(range, 10), wanted, "{range}");
        }
        assert_eq!(slice("bytes=0-", 0), Slice::Outside);
    }

    #[test]
    fn what_a_transfer_announces_must_fit() {
        let read = |range: &'static str, length: &'static str| {
            let mut headers = HeaderMap::new();
            for (name, value) in [("content-range", range), ("content-length", length)] {
                if !value.is_empty() {
                    headers.insert(name, HeaderValue::from_static(value));
                }
            }
            announced(&headers)
        };
        let whole = |total| Announced {
            total,
            ..Announced::default()
        };
        assert_eq!(read("", "7").unwrap(), whole(Some(7)));
        assert_eq!(read("", "").unwrap(), whole(None));
        let part = read("bytes 5-9/10", "5").unwrap();
        assert_eq!(
            (part.start, part.total, part.rest),
            (Some(5), Some(10), false)
        );
        assert_eq!(read("bytes 5-9/*", "").unwrap().total, None);
        assert!(read("bytes */10", "0").unwrap().rest);
        for (range, length) in [
            ("bytes 5-9/10", "4"),
            ("bytes 5-9/9", "5"),
            ("bytes 9-5/10", ""),
            ("bytes */*", ""),
            ("5-9/10", ""),
            ("bytes x-9/10", ""),
        ] {
            assert!(read(range, length).is_err(), "{range}");
        }
    }
}
