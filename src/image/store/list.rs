//! Lists of images: conditions, order, pages.

use super::{COLUMNS, fill, read};
use crate::db::{Conn, DbResult, SortBy, Statement, Value, push_after, push_order, sql};
use crate::ids::{ImageId, ProjectId};
use crate::image::model::{Image, ImageQuery, Scope, SortKey, Visibility};

/// Images by query; `None` if its marker does not exist.
pub(in crate::image) async fn list(
    conn: &mut Conn,
    query: &ImageQuery,
) -> DbResult<Option<Vec<Image>>> {
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
    let text = format!("SELECT {COLUMNS} FROM image WHERE status <> 'deleted'");
    let mut statement = conditions(sql(text), query);
    if let Some(marker) = query.marker {
        let Some(image) = by_id(conn, marker).await? else {
            return Ok(None);
        };
        let values: Vec<Value> = sort.iter().map(|(key, _)| value(*key, &image)).collect();
        statement = push_after(statement, &order, &values);
    }
    let mut images = push_order(statement, &order)
        .push_bind(" LIMIT {}", query.limit)
        .all(conn, read)
        .await?;
    fill(conn, &mut images).await?;
    Ok(Some(images))
}

async fn by_id(conn: &mut Conn, id: ImageId) -> DbResult<Option<Image>> {
    sql(format!("SELECT {COLUMNS} FROM image WHERE id = $1"))
        .bind(id)
        .optional(conn, read)
        .await
}

fn column(key: SortKey) -> &'static str {
    match key {
        SortKey::Name => "name",
        SortKey::Status => "status",
        SortKey::ContainerFormat => "COALESCE(container_format, '')",
        SortKey::DiskFormat => "COALESCE(disk_format, '')",
        SortKey::Size => "COALESCE(size_bytes, -1)",
        SortKey::Id => "id",
        SortKey::CreatedAt => "created_at",
        SortKey::UpdatedAt => "updated_at",
    }
}

fn value(key: SortKey, image: &Image) -> Value {
    match key {
        SortKey::Name => (&image.name).into(),
        SortKey::Status => image.status.name().into(),
        SortKey::ContainerFormat => image.container_format.as_deref().unwrap_or("").into(),
        SortKey::DiskFormat => image.disk_format.map_or("", |format| format.name()).into(),
        SortKey::Size => image
            .size
            .and_then(|size| i64::try_from(size).ok())
            .unwrap_or(-1)
            .into(),
        SortKey::Id => image.id.into(),
        SortKey::CreatedAt => image.created_at.into(),
        SortKey::UpdatedAt => image.updated_at.into(),
    }
}

fn conditions(mut statement: Statement, query: &ImageQuery) -> Statement {
    statement = statement.push_bind(" AND is_hidden = {}", query.hidden);
    statement = seen(statement, query);
    if let Some(ids) = &query.ids {
        statement = statement.push(" AND id").push_in(ids.iter().copied());
    }
    if let Some(statuses) = &query.statuses {
        statement = statement
            .push(" AND status")
            .push_in(statuses.iter().map(|status| status.name()));
    }
    for (column, values) in [
        ("name", &query.names),
        ("disk_format", &query.disk_formats),
        ("container_format", &query.container_formats),
    ] {
        if let Some(values) = values {
            statement = statement.push(&format!(" AND {column}")).push_in(values);
        }
    }
    if let Some(owner) = query.owner {
        statement = statement.push_bind(" AND owner_id = {}", owner);
    }
    if let Some(least) = query.size_min {
        statement = statement.push_bind(" AND size_bytes >= {}", least);
    }
    if let Some(most) = query.size_max {
        statement = statement.push_bind(" AND size_bytes <= {}", most);
    }
    if let Some(protected) = query.protected {
        statement = statement.push_bind(" AND is_protected = {}", protected);
    }
    for (column, bounds) in [
        ("created_at", &query.created),
        ("updated_at", &query.updated),
    ] {
        for (compare, time) in bounds {
            let text = format!(" AND {column} {} {{}}", compare.sql());
            statement = statement.push_bind(&text, *time);
        }
    }
    labels(statement, query)
}

fn labels(mut statement: Statement, query: &ImageQuery) -> Statement {
    for tag in &query.tags {
        let text = " AND EXISTS (SELECT 1 FROM image_tag WHERE image_id = image.id AND tag = {})";
        statement = statement.push_bind(text, tag);
    }
    for (name, value) in &query.properties {
        let text = " AND EXISTS (SELECT 1 FROM image_property WHERE image_id = image.id AND image_property.name = {}";
        statement = statement
            .push_bind(text, name)
            .push_bind(" AND value = {})", value);
    }
    statement
}

/// What the viewer sees in a list of this scope.
fn seen(mut statement: Statement, query: &ImageQuery) -> Statement {
    if let Scope::Only(visibility) = query.scope {
        statement = statement.push_bind(" AND visibility = {}", visibility.name());
    }
    let Some(viewer) = query.viewer else {
        return statement;
    };
    statement = statement.push_bind(" AND (owner_id = {} OR visibility = 'public'", viewer);
    if matches!(query.scope, Scope::All | Scope::Only(Visibility::Community)) {
        statement = statement.push(" OR visibility = 'community'");
    }
    shared_with(statement, query, viewer).push(")")
}

fn shared_with(statement: Statement, query: &ImageQuery, viewer: ProjectId) -> Statement {
    let text = " OR (visibility = 'shared' AND EXISTS (SELECT 1 FROM image_member WHERE image_id = image.id AND project_id = {}";
    let statement = statement.push_bind(text, viewer);
    match query.member_status {
        Some(status) => statement.push_bind(" AND image_member.status = {}))", status.name()),
        None => statement.push("))"),
    }
}
