//! `GET /servers`, `GET /servers/detail`: pages, filters, order.

use axum::Json;
use regex::RegexBuilder;

use super::show::{HostStatuses, to_wire};
use crate::api::wire::parse_bool;
use crate::api::{Params, Routes, Version};
use crate::compute::api::links::{Links, page};
use crate::compute::model::{Direction, NameFilter, PowerState, ServerQuery, SortKey};
use crate::compute::ops::{server_list, server_list_brief};
use crate::compute::wire::microversion::server_at;
use crate::compute::wire::{ServerBrief, ServerBriefList, ServerList};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::Time;
use crate::network::model::PortQuery;
use crate::network::ops::port_list;

/// Longest regular expression for names.
const LONGEST_PATTERN: usize = 255;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/v2.1/servers", "compute:server:list", list)
        .get("/v2.1/servers/detail", "compute:server:list", detail)
}

async fn list(cx: Context, links: Links, params: Params) -> Result<Json<ServerBriefList>> {
    let limit = page(&params)?;
    let query = query(&cx, &params, limit).await?;
    let servers = server_list_brief(&cx, query).await?;
    let last = servers.last().map(|server| server.id.to_string());
    Ok(Json(ServerBriefList {
        servers_links: links.next(servers.len(), limit, last.as_deref()),
        servers: servers
            .into_iter()
            .map(|server| {
                let id = server.id.to_string();
                ServerBrief {
                    links: links.item("servers", &id),
                    id,
                    name: server.name,
                }
            })
            .collect(),
    }))
}

async fn detail(
    cx: Context,
    Version(version): Version,
    links: Links,
    params: Params,
) -> Result<Json<ServerList>> {
    let limit = page(&params)?;
    let query = query(&cx, &params, limit).await?;
    let views = server_list(&cx, query).await?;
    let hosts = HostStatuses::read(&cx, version).await?;
    let last = views.last().map(|view| view.server.id.to_string());
    Ok(Json(ServerList {
        servers_links: links.next(views.len(), limit, last.as_deref()),
        servers: views
            .into_iter()
            .map(|view| server_at(to_wire(&cx, &links, &hosts, view), version, true))
            .collect(),
    }))
}

/// What the parameters ask for. Names that mean nothing are ignored, as Nova does.
async fn query(cx: &Context, params: &Params, limit: u64) -> Result<ServerQuery> {
    let changes_since = time(params, "changes-since")?;
    let all_tenants = flag(params, "all_tenants")?.unwrap_or(false);
    let admin = cx.actor.is_admin();
    if all_tenants && !admin {
        return Err(Error::Forbidden(
            "all_tenants: only administrators see servers of all projects".into(),
        ));
    }
    let asked = params.parse("project_id")?.or(params.parse("tenant_id")?);
    let project = match (asked.filter(|_| admin), all_tenants) {
        (None, true) => None,
        (Some(asked), _) => Some(asked),
        (None, false) => Some(cx.project()?.id),
    };
    let deleted = match flag(params, "deleted")?.filter(|_| admin) {
        Some(deleted) => Some(deleted),
        None if changes_since.is_some() => None,
        None => Some(false),
    };
    Ok(ServerQuery {
        project,
        user: params.parse("user_id")?,
        ids: ids(cx, params).await?,
        name: name(params)?,
        statuses: statuses(cx, params)?,
        vm_state: params.parse("vm_state")?,
        task_state: params.parse("task_state")?,
        power_state: params
            .parse::<i64>("power_state")?
            .map(PowerState::from_number),
        host: params.get("host").map(str::to_owned),
        availability_zone: params.get("availability_zone").map(str::to_owned),
        flavor: params.get("flavor").map(str::to_owned),
        image: params.parse("image")?,
        reservation_id: params.get("reservation_id").map(str::to_owned),
        locked: flag(params, "locked")?,
        deleted,
        changes_since,
        changes_before: time(params, "changes-before")?,
        tags: words(params, "tags"),
        tags_any: words(params, "tags-any"),
        not_tags: words(params, "not-tags"),
        not_tags_any: words(params, "not-tags-any"),
        sort: sort(params)?,
        marker: params.parse("marker")?,
        limit: u32::try_from(limit).unwrap_or(u32::MAX),
    })
}

fn flag(params: &Params, name: &str) -> Result<Option<bool>> {
    params
        .get(name)
        .map(|text| {
            // `?all_tenants` alone means yes.
            if text.is_empty() {
                return Ok(true);
            }
            parse_bool(text).ok_or_else(|| Error::invalid(name, format!("{text:?} is no boolean")))
        })
        .transpose()
}

fn words(params: &Params, name: &str) -> Vec<String> {
    params
        .get(name)
        .map(|text| text.split(',').map(str::to_owned).collect())
        .unwrap_or_default()
}

/// A time with or without zone; without one it is UTC.
/// A time in the query.
pub(in crate::compute::api) fn time(params: &Params, name: &str) -> Result<Option<Time>> {
    params
        .get(name)
        .map(|text| {
            read_time(text).ok_or_else(|| Error::invalid(name, format!("{text:?} is no time")))
        })
        .transpose()
}

pub(super) fn read_time(text: &str) -> Option<Time> {
    let zoned = text.parse::<jiff::Timestamp>().ok();
    let plain = || {
        let civil = text.parse::<jiff::civil::DateTime>().ok()?;
        let zoned = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(zoned.timestamp())
    };
    zoned
        .or_else(plain)
        .map(|stamp| Time(stamp.as_microsecond()))
}

/// A name is a regular expression; most are plain text, which the database finds faster.
fn name(params: &Params) -> Result<Option<NameFilter>> {
    let Some(text) = params.get("name").filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    if text.len() > LONGEST_PATTERN {
        return Err(Error::invalid("name", "the pattern is too long"));
    }
    if regex::escape(text).replace('\\', "") == text && !text.contains('\\') && plain(text) {
        return Ok(Some(NameFilter::Contains(text.to_owned())));
    }
    RegexBuilder::new(text)
        .case_insensitive(true)
        .size_limit(1 << 20)
        .build()
        .map(|regex| Some(NameFilter::Matches(regex)))
        .map_err(|error| Error::invalid("name", format!("it is no regular expression: {error}")))
}

fn plain(text: &str) -> bool {
    regex::escape(text) == text
        || text
            .chars()
            .all(|c| c.is_alphanumeric() || "-_ ".contains(c))
}

/// Statuses that exist among those asked for; one that does not finds nothing.
fn statuses(cx: &Context, params: &Params) -> Result<Option<Vec<crate::compute::model::Status>>> {
    let asked: Vec<&str> = params
        .0
        .iter()
        .filter(|(name, _)| name == "status")
        .map(|(_, value)| value.as_str())
        .collect();
    if asked.is_empty() {
        return Ok(None);
    }
    if asked
        .iter()
        .any(|status| status.eq_ignore_ascii_case("deleted"))
        && !cx.actor.is_admin()
    {
        return Err(Error::Forbidden(
            "status: only administrators see deleted servers".into(),
        ));
    }
    Ok(Some(
        asked
            .iter()
            .filter_map(|status| status.parse().ok())
            .collect(),
    ))
}

/// Servers by id (`uuid`) or by a regular expression over their addresses (`ip`).
async fn ids(cx: &Context, params: &Params) -> Result<Option<Vec<crate::ids::ServerId>>> {
    if let Some(text) = params.get("uuid") {
        return Ok(Some(text.parse().into_iter().collect()));
    }
    let Some(pattern) = params.get("ip").filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    if pattern.len() > LONGEST_PATTERN {
        return Err(Error::invalid("ip", "the pattern is too long"));
    }
    let regex = RegexBuilder::new(pattern)
        .size_limit(1 << 20)
        .build()
        .map_err(|error| Error::invalid("ip", format!("it is no regular expression: {error}")))?;
    let ports = port_list(cx, PortQuery::default()).await?;
    Ok(Some(
        ports
            .iter()
            .filter(|port| {
                port.addresses
                    .iter()
                    .any(|found| regex.is_match(&found.address.to_string()))
            })
            .filter_map(|port| port.server())
            .collect(),
    ))
}

/// Nova's names of what servers can be sorted by.
const SORT_KEYS: [(&str, SortKey); 21] = [
    ("created_at", SortKey::CreatedAt),
    ("updated_at", SortKey::UpdatedAt),
    ("launched_at", SortKey::LaunchedAt),
    ("display_name", SortKey::Name),
    ("name", SortKey::Name),
    ("uuid", SortKey::Id),
    ("id", SortKey::Id),
    ("host", SortKey::Host),
    ("node", SortKey::Host),
    ("vm_state", SortKey::VmState),
    ("status", SortKey::VmState),
    ("task_state", SortKey::TaskState),
    ("power_state", SortKey::PowerState),
    ("project_id", SortKey::Project),
    ("user_id", SortKey::User),
    ("image_ref", SortKey::Image),
    ("instance_type_id", SortKey::Flavor),
    ("flavor", SortKey::Flavor),
    ("availability_zone", SortKey::Zone),
    ("vcpus", SortKey::Vcpus),
    ("memory_mb", SortKey::Memory),
];

fn sort(params: &Params) -> Result<Vec<(SortKey, Direction)>> {
    let of = |wanted: &str| {
        params
            .0
            .iter()
            .filter(move |(name, _)| name == wanted)
            .map(|(_, value)| value.as_str())
            .collect::<Vec<_>>()
    };
    let directions = of("sort_dir");
    of("sort_key")
        .into_iter()
        .enumerate()
        .map(|(at, key)| {
            let (_, key) = SORT_KEYS
                .iter()
                .find(|(name, _)| *name == key)
                .ok_or_else(|| {
                    Error::invalid("sort_key", format!("servers can not be sorted by {key:?}"))
                })?;
            let direction = match directions.get(at).copied().unwrap_or("desc") {
                "asc" => Direction::Ascending,
                "desc" => Direction::Descending,
                other => {
                    return Err(Error::invalid(
                        "sort_dir",
                        format!("{other:?} is neither asc nor desc"),
                    ));
                }
            };
            Ok((*key, direction))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_are_searched_and_others_matched() {
        let filter = |text: &str| name(&Params(vec![("name".into(), text.into())])).unwrap();
        assert!(matches!(filter("web-1"), Some(NameFilter::Contains(_))));
        assert!(matches!(filter("^web"), Some(NameFilter::Matches(_))));
        assert!(filter("").is_none());
        assert!(name(&Params(vec![("name".into(), "(".into())])).is_err());
    }

    #[test]
    fn times_have_a_zone_or_are_utc() {
        let expected = Some(Time(1_767_323_045_000_000));
        for text in [
            "2026-01-02T03:04:05Z",
            "2026-01-02T03:04:05",
            "2026-01-02T04:04:05+01:00",
        ] {
            assert_eq!(read_time(text), expected, "{text}");
        }
        assert_eq!(read_time("yesterday"), None);
    }
}
