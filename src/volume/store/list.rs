//! Lists of volumes: conditions, order, pages.

use super::{COLUMNS, read};
use crate::db::{Conn, DbResult, SortBy, Statement, Value, push_after, push_order, sql};
use crate::volume::model::{SortKey, Volume, VolumeQuery};

/// Volumes by query; `None` if its marker does not exist. Pairs of metadata are compared here, not by the engine: the
/// page is then taken from what is left.
pub(in crate::volume) async fn list(
    conn: &mut Conn,
    query: &VolumeQuery,
) -> DbResult<Option<Vec<Volume>>> {
    let mut sort = query.sort.clone();
    if sort.is_empty() {
        sort.push((SortKey::CreatedAt, true));
    }
    if !sort.iter().any(|(key, _)| *key == SortKey::Id) {
        let descending = sort.last().is_some_and(|(_, descending)| *descending);
        sort.push((SortKey::Id, descending));
    }
    let order: Vec<SortBy> = sort
        .iter()
        .map(|(key, descending)| SortBy {
            column: column(*key),
            descending: *descending,
        })
        .collect();
    let text = format!("SELECT {COLUMNS} FROM volume WHERE deleted_at IS NULL");
    let mut statement = conditions(sql(text), query);
    if let Some(marker) = query.marker {
        let Some(volume) = super::show(conn, marker).await? else {
            return Ok(None);
        };
        let values: Vec<Value> = sort.iter().map(|(key, _)| value(*key, &volume)).collect();
        statement = push_after(statement, &order, &values);
    }
    statement = push_order(statement, &order);
    if query.metadata.is_empty() {
        statement = statement
            .push_bind(" LIMIT {}", query.limit)
            .push_bind(" OFFSET {}", query.offset);
        return statement.all(conn, read).await.map(Some);
    }
    let all = statement.all(conn, read).await?;
    let fits = |volume: &Volume| {
        query
            .metadata
            .iter()
            .all(|(name, value)| volume.metadata.get(name) == Some(value))
    };
    Ok(Some(
        all.into_iter()
            .filter(fits)
            .skip(query.offset as usize)
            .take(query.limit as usize)
            .collect(),
    ))
}

fn column(key: SortKey) -> &'static str {
    match key {
        SortKey::Name => "name",
        SortKey::Status => "status",
        SortKey::Size => "size_gb",
        SortKey::Host => "COALESCE(host, '')",
        SortKey::Id => "id",
        SortKey::CreatedAt => "created_at",
        SortKey::UpdatedAt => "updated_at",
    }
}

fn value(key: SortKey, volume: &Volume) -> Value {
    match key {
        SortKey::Name => (&volume.name).into(),
        SortKey::Status => volume.status.name().into(),
        SortKey::Size => volume.size_gb.into(),
        SortKey::Host => volume.host.as_deref().unwrap_or("").into(),
        SortKey::Id => volume.id.into(),
        SortKey::CreatedAt => volume.created_at.into(),
        SortKey::UpdatedAt => volume.updated_at.into(),
    }
}

fn conditions(mut statement: Statement, query: &VolumeQuery) -> Statement {
    if let Some(project) = query.project {
        statement = statement.push_bind(" AND project_id = {}", project);
    }
    if let Some(name) = &query.name {
        statement = statement.push_bind(" AND name = {}", name);
    }
    if let Some(status) = query.status {
        statement = statement.push_bind(" AND status = {}", status.name());
    }
    if let Some(bootable) = query.bootable {
        statement = statement.push_bind(" AND is_bootable = {}", bootable);
    }
    if let Some(zone) = &query.zone {
        statement = statement.push_bind(" AND zone = {}", zone);
    }
    statement
}
