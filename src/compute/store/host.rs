//! Hosts and control processes. Whether one is up is decided by the database's clock alone.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::compute::model::{ControlProcess, Host, HostSite, Resources};
use crate::db::{Conn, DbError, DbResult, LIST, Row, Value, sql};
use crate::ids::{HostId, Time};

const COLUMNS: &str = "name, id, number, version, started_at, reported_at, skew_us, trouble, hypervisor_type, \
     hypervisor_version, virt_type, arch, cpu_model, cpu_features, vcpus, memory_mb, disk_gb, disk_free_gb, uptime, \
     address, physical_networks, metrics, enabled, disabled_reason, forced_down, shown_up, failures, generation, created_at, updated_at";

/// Where `cpu_features` is among them, from 0.
const FEATURES: usize = 13;

/// SELECT list of a host; `$1` must be `down_after` in microseconds.
fn select(conn: &Conn) -> String {
    format!(
        "SELECT {COLUMNS}, CASE WHEN forced_down = 0 AND reported_at > {} - $1 THEN 1 ELSE 0 END FROM host",
        conn.engine().now_expr()
    )
}

fn host(row: &mut Row) -> DbResult<Host> {
    host_with(row, &mut HashMap::new())
}

/// Lists of features by their text: thousands of hosts have few kinds of processors, and each has many features.
type Features = HashMap<String, Arc<[String]>>;

fn host_with(row: &mut Row, known: &mut Features) -> DbResult<Host> {
    Ok(Host {
        name: row.take()?,
        id: row.take()?,
        number: row.take()?,
        version: row.take()?,
        started_at: row.take()?,
        reported_at: row.take()?,
        skew_us: row.take()?,
        trouble: row.take()?,
        hypervisor_type: row.take()?,
        hypervisor_version: row.take()?,
        virt_type: row.take()?,
        arch: row.take()?,
        cpu_model: row.take()?,
        cpu_features: features(row, known)?,
        total: Resources::new(row.take()?, row.take()?, row.take()?),
        disk_free_gb: row.take()?,
        uptime: row.take()?,
        address: row
            .take::<Option<String>>()?
            .and_then(|text| text.parse().ok()),
        physical_networks: or_default(row)?,
        metrics: or_default(row)?,
        enabled: row.take()?,
        disabled_reason: row.take()?,
        forced_down: row.take()?,
        shown_up: row.take()?,
        failures: row.take()?,
        generation: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
        up: row.take()?,
    })
}

/// A host that measures nothing and is plugged into nothing, as simulated ones, has no text to be read.
fn or_default<T: DeserializeOwned + Default>(row: &mut Row) -> DbResult<T> {
    let text: Option<String> = row.take()?;
    let found = text.and_then(|text| serde_json::from_str(&text).ok());
    Ok(found.unwrap_or_default())
}

fn features(row: &mut Row, known: &mut Features) -> DbResult<Arc<[String]>> {
    let text: String = row.take()?;
    if let Some(known) = known.get(&text) {
        return Ok(known.clone());
    }
    let list: Vec<String> = serde_json::from_str(&text).map_err(|error| DbError::Decode {
        column: FEATURES,
        reason: error.to_string(),
    })?;
    let list: Arc<[String]> = list.into();
    known.insert(text, list.clone());
    Ok(list)
}

/// All hosts by name. `down_us`: microseconds without a report after which one is down.
pub async fn list(conn: &mut Conn, down_us: i64) -> DbResult<Vec<Host>> {
    let mut known = Features::new();
    sql(select(conn))
        .bind(down_us)
        .push(" ORDER BY name")
        .all(conn, |row| host_with(row, &mut known))
        .await
}

/// The host of this name.
pub async fn by_name(conn: &mut Conn, name: &str, down_us: i64) -> DbResult<Option<Host>> {
    sql(select(conn))
        .bind(down_us)
        .push_bind(" WHERE name = {}", name)
        .optional(conn, host)
        .await
}

/// The host with this id.
pub async fn by_id(conn: &mut Conn, id: HostId, down_us: i64) -> DbResult<Option<Host>> {
    sql(select(conn))
        .bind(down_us)
        .push_bind(" WHERE id = {}", id)
        .optional(conn, host)
        .await
}

/// The host with this number.
pub async fn by_number(conn: &mut Conn, number: i64, down_us: i64) -> DbResult<Option<Host>> {
    sql(select(conn))
        .bind(down_us)
        .push_bind(" WHERE number = {}", number)
        .optional(conn, host)
        .await
}

/// Addresses of these hosts, as far as they are known.
pub async fn addresses(conn: &mut Conn, names: &[&str]) -> DbResult<Vec<(String, IpAddr)>> {
    let mut found: Vec<(String, IpAddr)> = Vec::new();
    for part in names.chunks(LIST) {
        let rows: Vec<(String, Option<String>)> =
            sql("SELECT name, address FROM host WHERE address IS NOT NULL AND name")
                .push_in(part.iter().copied())
                .all(conn, |row| Ok((row.take()?, row.take()?)))
                .await?;
        found.extend(
            rows.into_iter()
                .filter_map(|(name, address)| Some((name, address?.parse().ok()?))),
        );
    }
    Ok(found)
}

/// Networks that a host is plugged into; none if it is not known.
pub async fn physical_networks(conn: &mut Conn, name: &str) -> DbResult<Vec<String>> {
    let found = sql("SELECT physical_networks FROM host WHERE name = $1")
        .bind(name)
        .optional(conn, or_default)
        .await?;
    Ok(found.unwrap_or_default())
}

/// What placing services of networks needs to know of hosts, by name.
pub async fn sites(conn: &mut Conn, down_us: i64) -> DbResult<Vec<HostSite>> {
    let now = conn.engine().now_expr();
    sql(format!(
        "SELECT name, forced_down, CASE WHEN forced_down = 0 AND reported_at > {now} - $1 THEN 1 ELSE 0 END, \
         reported_at, physical_networks FROM host ORDER BY name"
    ))
    .bind(down_us)
    .all(conn, |row| {
        Ok(HostSite {
            name: row.take()?,
            forced_down: row.take()?,
            up: row.take()?,
            reported_at: row.take()?,
            physical_networks: or_default(row)?,
        })
    })
    .await
}

/// What a machine is like, while its hypervisor answers.
pub struct Machine<'a> {
    /// As [`Host::hypervisor_type`].
    pub hypervisor_type: &'a str,
    /// As [`Host::hypervisor_version`].
    pub hypervisor_version: i64,
    /// As [`Host::virt_type`].
    pub virt_type: &'a str,
    /// As [`Host::arch`].
    pub arch: &'a str,
    /// As [`Host::cpu_model`].
    pub cpu_model: &'a str,
    /// As [`Host::cpu_features`].
    pub cpu_features: &'a [String],
    /// Logical processors.
    pub vcpus: u32,
    /// MiB.
    pub memory_mb: u64,
}

/// What a report says of its node.
pub struct Report<'a> {
    /// As [`Host::name`].
    pub name: &'a str,
    /// As [`Host::version`].
    pub version: &'a str,
    /// As [`Host::started_at`].
    pub started_at: Time,
    /// As [`Host::skew_us`].
    pub skew_us: i64,
    /// As [`Host::trouble`].
    pub trouble: Option<&'a str>,
    /// GiB, whole and free.
    pub disk_gb: (u64, u64),
    /// As [`Host::uptime`].
    pub uptime: Option<&'a str>,
    /// As [`Host::address`].
    pub address: Option<IpAddr>,
    /// As [`Host::physical_networks`].
    pub physical_networks: &'a [String],
    /// As [`Host::metrics`].
    pub metrics: &'a BTreeMap<String, f64>,
    /// Absent while the hypervisor does not answer.
    pub machine: Option<Machine<'a>>,
}

/// Writes a report of a known host; `false` if it is not known.
pub async fn update(conn: &mut Conn, report: &Report<'_>) -> DbResult<bool> {
    let now = conn.engine().now_expr();
    let mut statement = sql(format!("UPDATE host SET reported_at = {now}"))
        .push_bind(", version = {}", report.version)
        .push_bind(", started_at = {}", report.started_at)
        .push_bind(", skew_us = {}", report.skew_us)
        .push_bind(", trouble = {}", report.trouble)
        .push_bind(", disk_gb = {}", report.disk_gb.0)
        .push_bind(", disk_free_gb = {}", report.disk_gb.1)
        .push_bind(", uptime = {}", report.uptime)
        .push_bind(
            ", address = {}",
            report.address.map(|address| address.to_string()),
        )
        .push_bind(
            ", physical_networks = {}",
            if report.physical_networks.is_empty() {
                Value::Text(None)
            } else {
                Value::json(&report.physical_networks)
            },
        )
        .push_bind(
            ", metrics = {}",
            if report.metrics.is_empty() {
                Value::Text(None)
            } else {
                Value::json(report.metrics)
            },
        );
    if let Some(machine) = &report.machine {
        statement = statement
            .push_bind(", hypervisor_type = {}", machine.hypervisor_type)
            .push_bind(", hypervisor_version = {}", machine.hypervisor_version)
            .push_bind(", virt_type = {}", machine.virt_type)
            .push_bind(", arch = {}", machine.arch)
            .push_bind(", cpu_model = {}", machine.cpu_model)
            .push_bind(", cpu_features = {}", Value::json(&machine.cpu_features))
            .push_bind(", vcpus = {}", machine.vcpus)
            .push_bind(", memory_mb = {}", machine.memory_mb);
    }
    statement
        .push_bind(" WHERE name = {}", report.name)
        .swapped(conn)
        .await
}

/// Makes a host known under this id; [`update`] fills in the rest. It is enabled and not yet shown as up.
pub async fn insert(conn: &mut Conn, name: &str, id: HostId) -> DbResult<()> {
    let now = conn.engine().now_expr();
    sql(format!(
        "INSERT INTO host ({COLUMNS}) SELECT $1, $2, COALESCE(MAX(number), 0) + 1, '', 0, {now}, 0, NULL, '', 0, '', '', '', \
         '[]', 0, 0, 0, 0, NULL, NULL, NULL, NULL, 1, NULL, 0, 0, 0, 0, {now}, {now} FROM host"
    ))
    .bind(name)
    .bind(id)
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes what watchers are told about a host; `false` if somebody else told them so before.
pub async fn show_up(conn: &mut Conn, name: &str, up: bool) -> DbResult<bool> {
    sql("UPDATE host SET shown_up = $2 WHERE name = $1 AND shown_up <> $2")
        .bind(name)
        .bind(up)
        .swapped(conn)
        .await
}

/// What an operator decides about a host.
pub async fn decide(
    conn: &mut Conn,
    name: &str,
    enabled: bool,
    reason: Option<&str>,
    forced_down: bool,
) -> DbResult<bool> {
    let now = conn.engine().now_expr();
    sql(format!(
        "UPDATE host SET enabled = $2, disabled_reason = $3, forced_down = $4, updated_at = {now} WHERE name = $1"
    ))
    .bind(name)
    .bind(enabled)
    .bind(reason)
    .bind(forced_down)
    .swapped(conn)
    .await
}

/// Counts a launch that failed there, or forgets such failures after one that succeeded.
pub async fn count_failure(conn: &mut Conn, name: &str, failed: bool) -> DbResult<()> {
    let change = if failed {
        "UPDATE host SET failures = failures + 1 WHERE name = $1"
    } else {
        "UPDATE host SET failures = 0 WHERE name = $1 AND failures <> 0"
    };
    sql(change).bind(name).execute(conn).await?;
    Ok(())
}

/// Forgets a host; `false` if there is none.
pub async fn delete(conn: &mut Conn, name: &str) -> DbResult<bool> {
    sql("DELETE FROM host WHERE name = $1")
        .bind(name)
        .swapped(conn)
        .await
}

/// A control process, as it reports itself.
pub struct ControlReport<'a> {
    /// Who it is across its starts.
    pub place: &'a str,
    /// As [`ControlProcess::host`].
    pub host: &'a str,
    /// As [`ControlProcess::id`].
    pub id: Uuid,
    /// As [`ControlProcess::version`].
    pub version: &'a str,
    /// As [`ControlProcess::started_at`].
    pub started_at: Time,
    /// As [`ControlProcess::skew_us`].
    pub skew_us: i64,
}

/// The time by the database's clock.
pub async fn clock(conn: &mut Conn) -> DbResult<Time> {
    let now = conn.engine().now_expr();
    sql(format!("SELECT {now}")).scalar(conn).await
}

/// Notes that a control process lives. The turn `number:control` must be had.
pub async fn control_report(conn: &mut Conn, report: &ControlReport<'_>) -> DbResult<()> {
    let now = conn.engine().now_expr();
    let known = sql(format!(
        "UPDATE control_process SET host = $2, id = $3, version = $4, started_at = $5, skew_us = $6, \
         reported_at = {now} WHERE place = $1"
    ))
    .bind(report.place)
    .bind(report.host)
    .bind(report.id.to_string())
    .bind(report.version)
    .bind(report.started_at)
    .bind(report.skew_us)
    .swapped(conn)
    .await?;
    if !known {
        // Odd numbers from the end of what hosts will reach, so that both kinds have numbers of their own.
        sql(format!(
            "INSERT INTO control_process (place, host, id, number, version, started_at, skew_us, reported_at) \
             SELECT $1, $2, $3, COALESCE(MAX(number), 1000000001) + 2, $4, $5, $6, {now} FROM control_process"
        ))
        .bind(report.place)
        .bind(report.host)
        .bind(report.id.to_string())
        .bind(report.version)
        .bind(report.started_at)
        .bind(report.skew_us)
        .execute(conn)
        .await?;
    }
    Ok(())
}

/// Notes that a control process stopped; one that was started in its place since then is left alone.
pub async fn control_leave(conn: &mut Conn, place: &str, id: Uuid) -> DbResult<()> {
    sql("UPDATE control_process SET reported_at = 0 WHERE place = $1 AND id = $2")
        .bind(place)
        .bind(id.to_string())
        .execute(conn)
        .await?;
    Ok(())
}

/// All control processes by host.
pub async fn control_list(conn: &mut Conn, down_us: i64) -> DbResult<Vec<ControlProcess>> {
    let now = conn.engine().now_expr();
    sql(format!(
        "SELECT place, host, id, number, version, started_at, reported_at, skew_us, CASE WHEN reported_at > {now} - $1 THEN 1 ELSE 0 END \
         FROM control_process ORDER BY host, number"
    ))
    .bind(down_us)
    .all(conn, |row| {
        Ok(ControlProcess {
            place: row.take()?,
            host: row.take()?,
            id: row.take_parsed()?,
            number: row.take()?,
            version: row.take()?,
            started_at: row.take()?,
            reported_at: row.take()?,
            skew_us: row.take()?,
            up: row.take()?,
        })
    })
    .await
}

/// Forgets a control process.
pub async fn control_delete(conn: &mut Conn, place: &str) -> DbResult<bool> {
    sql("DELETE FROM control_process WHERE place = $1")
        .bind(place)
        .swapped(conn)
        .await
}
