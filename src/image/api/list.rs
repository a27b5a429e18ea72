//! What `GET /v2/images?…` asks for.

use std::str::FromStr;

use crate::api::Params;
use crate::api::wire::parse_bool;
use crate::error::{Error, Result};
use crate::ids::{ImageId, Time};
use crate::image::model::{Compare, ImageQuery, MemberStatus, Scope, SortKey};

/// Images on a page when the request does not say.
const PAGE: u32 = 25;
/// Filters that one request may have.
const MAX_FILTERS: usize = 64;

/// The query; what is no field of an image is one of its properties.
pub(super) fn parse(params: &Params) -> Result<ImageQuery> {
    if params.0.len() > MAX_FILTERS {
        return Err(Error::BadRequest(format!(
            "{} filters are given, {MAX_FILTERS} are allowed",
            params.0.len()
        )));
    }
    let mut query = ImageQuery {
        limit: PAGE,
        member_status: Some(MemberStatus::Accepted),
        ..ImageQuery::default()
    };
    let (mut keys, mut directions) = (Vec::new(), Vec::new());
    for (name, text) in &params.0 {
        match name.as_str() {
            "sort_key" => keys.push(sort_key(text)?),
            "sort_dir" => directions.push(descending(text)?),
            "sort" => {
                for part in text.split(',').filter(|part| !part.is_empty()) {
                    let (key, way) = part.split_once(':').unwrap_or((part, "desc"));
                    query.sort.push((sort_key(key)?, descending(way)?));
                }
            }
            _ => field(&mut query, name, text)?,
        }
    }
    if !keys.is_empty() || !directions.is_empty() {
        if keys.is_empty() {
            keys.push(SortKey::CreatedAt);
        }
        let way = directions.first().copied().unwrap_or(true);
        let ways = directions.into_iter().chain(std::iter::repeat(way));
        query.sort.extend(keys.into_iter().zip(ways));
    }
    Ok(query)
}

fn field(query: &mut ImageQuery, name: &str, text: &str) -> Result<()> {
    match name {
        "limit" => query.limit = number(name, text)?,
        "marker" => query.marker = Some(value(name, text)?),
        "id" => {
            let ids = several(name, text)?;
            // What is no id is the id of nothing.
            query.ids = Some(ids.iter().filter_map(|id| id.parse().ok()).collect());
        }
        "name" => query.names = Some(several(name, text)?),
        "status" => {
            let names = several(name, text)?;
            query.statuses = Some(names.iter().filter_map(|name| name.parse().ok()).collect());
        }
        "disk_format" => query.disk_formats = Some(several(name, text)?),
        "container_format" => query.container_formats = Some(several(name, text)?),
        "visibility" if text == "all" => query.scope = Scope::All,
        "visibility" => query.scope = Scope::Only(super::images::visibility(text)?),
        "member_status" if text == "all" => query.member_status = None,
        "member_status" => {
            query.member_status = Some(text.parse().map_err(|()| {
                Error::invalid(
                    name,
                    format!("{text:?} is none of pending, accepted, rejected, all"),
                )
            })?);
        }
        "owner" => query.owner = Some(super::images::project(name, text)?),
        "tag" => query.tags.push(text.to_owned()),
        "size_min" => query.size_min = Some(number(name, text)?),
        "size_max" => query.size_max = Some(number(name, text)?),
        "protected" => query.protected = Some(flag(name, text)?),
        "os_hidden" => query.hidden = flag(name, text)?,
        "created_at" => query.created.push(moment(name, text)?),
        "updated_at" => query.updated.push(moment(name, text)?),
        _ => {
            query.properties.insert(name.to_owned(), text.to_owned());
        }
    }
    Ok(())
}

fn value<T: FromStr>(name: &str, text: &str) -> Result<T> {
    text.parse()
        .map_err(|_| Error::invalid(name, format!("{text:?} is not understood")))
}

fn number<T: FromStr>(name: &str, text: &str) -> Result<T> {
    text.parse()
        .map_err(|_| Error::invalid(name, format!("{text:?} is no whole number from 0 on")))
}

fn flag(name: &str, text: &str) -> Result<bool> {
    parse_bool(text)
        .ok_or_else(|| Error::invalid(name, format!("{text:?} is neither true nor false")))
}

fn sort_key(text: &str) -> Result<SortKey> {
    SortKey::ALL
        .into_iter()
        .find(|key| key.name() == text)
        .ok_or_else(|| {
            let all: Vec<_> = SortKey::ALL.iter().map(|key| key.name()).collect();
            Error::invalid(
                "sort_key",
                format!("{text:?} is none of {}", all.join(", ")),
            )
        })
}

fn descending(text: &str) -> Result<bool> {
    match text {
        "asc" => Ok(false),
        "desc" => Ok(true),
        _ => Err(Error::invalid(
            "sort_dir",
            format!("{text:?} is neither asc nor desc"),
        )),
    }
}

/// `x`, or `in:x,y,"z, with a comma"`.
fn several(name: &str, text: &str) -> Result<Vec<String>> {
    let Some(list) = text.strip_prefix("in:") else {
        return Ok(vec![text.to_owned()]);
    };
    let mut values = vec![String::new()];
    let mut quoted = false;
    for character in list.chars() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => values.push(String::new()),
            _ => {
                if let Some(last) = values.last_mut() {
                    last.push(character);
                }
            }
        }
    }
    if quoted {
        return Err(Error::invalid(name, "a quotation mark is not closed"));
    }
    Ok(values)
}

/// `gte:2026-01-02T03:04:05Z`, or a time alone, which must be met exactly.
fn moment(name: &str, text: &str) -> Result<(Compare, Time)> {
    let found = Compare::ALL.into_iter().find_map(|compare| {
        let time = text.strip_prefix(compare.name())?.strip_prefix(':')?;
        Some((compare, time))
    });
    let (compare, time) = found.unwrap_or((Compare::Eq, text));
    let zoned: std::borrow::Cow<'_, str> = if time.ends_with('Z') || time.contains('+') {
        time.into()
    } else {
        format!("{time}Z").into()
    };
    let parsed: jiff::Timestamp = zoned.parse().map_err(|_| {
        Error::invalid(
            name,
            format!("{time:?} is no time like 2026-01-02T03:04:05Z"),
        )
    })?;
    Ok((compare, Time(parsed.as_microsecond())))
}

/// Path and query of the first page: the request's, without its marker.
pub(super) fn first_page(raw: Option<&str>) -> String {
    let kept = without_marker(raw);
    if kept.is_empty() {
        "/v2/images".to_owned()
    } else {
        format!("/v2/images?{kept}")
    }
}

/// Path and query of the page after this image.
pub(super) fn next_page(raw: Option<&str>, last: ImageId) -> String {
    let kept = without_marker(raw);
    let join = if kept.is_empty() { "" } else { "&" };
    format!("/v2/images?{kept}{join}marker={last}")
}

fn without_marker(raw: Option<&str>) -> String {
    let pairs: Vec<&str> = raw
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("marker="))
        .collect();
    pairs.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<ImageQuery> {
        let pairs = pairs
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        parse(&Params(pairs.collect()))
    }

    #[test]
    fn filters_are_read_as_glance_does() {
        let query = read(&[
            ("name", "in:a,\"b,c\""),
            ("status", "active"),
            ("visibility", "community"),
            ("created_at", "gte:2026-01-02T03:04:05"),
            ("hw_disk_bus", "scsi"),
            ("tag", "x"),
            ("tag", "y"),
            ("sort", "name:asc,size"),
            ("limit", "7"),
        ])
        .unwrap();
        assert_eq!(query.names.unwrap(), ["a", "b,c"]);
        assert_eq!(
            query.scope,
            Scope::Only(crate::image::model::Visibility::Community)
        );
        assert_eq!(query.created, [(Compare::Gte, Time(1_767_323_045_000_000))]);
        assert_eq!(query.properties["hw_disk_bus"], "scsi");
        assert_eq!((query.tags.len(), query.limit), (2, 7));
        assert_eq!(query.sort, [(SortKey::Name, false), (SortKey::Size, true)]);
        let query = read(&[
            ("sort_key", "name"),
            ("sort_key", "id"),
            ("sort_dir", "asc"),
        ])
        .unwrap();
        assert_eq!(query.sort, [(SortKey::Name, false), (SortKey::Id, false)]);
    }

    #[test]
    fn wrong_filters_name_themselves() {
        for (name, text) in [
            ("limit", "-1"),
            ("marker", "x"),
            ("sort_key", "colour"),
            ("sort_dir", "up"),
            ("size_min", "big"),
            ("protected", "maybe"),
            ("created_at", "yesterday"),
            ("visibility", "secret"),
            ("member_status", "x"),
            ("name", "in:\"a"),
        ] {
            let error = read(&[(name, text)]).unwrap_err().to_string();
            assert!(error.starts_with(name), "{error}");
        }
    }

    #[test]
    fn pages_keep_the_query() {
        let id = ImageId::new();
        assert_eq!(next_page(None, id), format!("/v2/images?marker={id}"));
        assert_eq!(
            next_page(Some("limit=1&marker=x&name=a%20b"), id),
            format!("/v2/images?limit=1&name=a%20b&marker={id}")
        );
        assert_eq!(first_page(Some("marker=x")), "/v2/images");
    }
}
