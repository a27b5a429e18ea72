//! Servers by the page: filters, order, and where a page begins.
//!
//! A page is found by the sort values of its marker, not by an offset, so that it costs the same anywhere in the list and
//! does not shift when servers come and go. The id is always the last sort key, so that the order is total.

use super::server::{COLUMNS, server};
use crate::compute::model::{
    Direction, NameFilter, Server, ServerQuery, SortKey, TaskState, VmState, states_of,
};
use crate::db::{Conn, DbResult, Row, Statement, Value, sql};
use crate::ids::{ProjectId, ServerId};

/// The expression to sort by, and whether it is a number. Never NULL, which engines sort differently.
fn expression(key: SortKey) -> (&'static str, bool) {
    match key {
        SortKey::CreatedAt => ("created_at", true),
        SortKey::UpdatedAt => ("updated_at", true),
        SortKey::LaunchedAt => ("COALESCE(launched_at, 0)", true),
        SortKey::Name => ("name", false),
        SortKey::Id => ("id", false),
        SortKey::Host => ("COALESCE(host, '')", false),
        SortKey::VmState => ("vm_state", false),
        SortKey::TaskState => ("COALESCE(task_state, '')", false),
        SortKey::PowerState => ("power_state", true),
        SortKey::Project => ("project_id", false),
        SortKey::User => ("COALESCE(user_id, '')", false),
        SortKey::Image => ("COALESCE(image_id, '')", false),
        SortKey::Flavor => ("flavor_id", false),
        SortKey::Zone => ("COALESCE(availability_zone, '')", false),
        SortKey::Vcpus => ("vcpus", true),
        SortKey::Memory => ("memory_mb", true),
    }
}

/// The page. A marker that does not exist gives `None`.
pub async fn page(conn: &mut Conn, query: &ServerQuery) -> DbResult<Option<Vec<Server>>> {
    let order = order(query);
    let after = match query.marker {
        None => None,
        Some(marker) => match values_of(conn, marker, &order).await? {
            None => return Ok(None),
            values => values,
        },
    };
    if let Some(NameFilter::Matches(regex)) = &query.name {
        // No dialect of regular expressions is common to the engines: names are matched here, then the page is read.
        let ids: Vec<ServerId> = filtered("id, name", query, &order, after.as_deref())
            .all(conn, |row| Ok((row.take()?, row.take::<String>()?)))
            .await?
            .into_iter()
            .filter(|(_, name)| regex.is_match(name))
            .map(|(id, _)| id)
            .take(usize::try_from(query.limit).unwrap_or(usize::MAX))
            .collect();
        let chosen = sql(format!("SELECT {COLUMNS} FROM server WHERE id")).push_in(ids);
        let chosen = ordered(chosen, &order);
        return chosen.all(conn, server).await.map(Some);
    }
    filtered(COLUMNS, query, &order, after.as_deref())
        .push_bind(" LIMIT {}", query.limit)
        .all(conn, server)
        .await
        .map(Some)
}

/// How many servers are in each pair of states.
pub async fn counts(
    conn: &mut Conn,
    project: Option<ProjectId>,
) -> DbResult<Vec<(VmState, Option<TaskState>, i64)>> {
    let mut statement =
        sql("SELECT vm_state, task_state, COUNT(*) FROM server WHERE deleted_at IS NULL");
    if let Some(project) = project {
        statement = statement.push_bind(" AND project_id = {}", project);
    }
    statement
        .push(" GROUP BY vm_state, task_state")
        .all(conn, |row| {
            let vm = row.take_parsed()?;
            let task = row
                .take::<Option<String>>()?
                .and_then(|name| name.parse().ok());
            Ok((vm, task, row.take()?))
        })
        .await
}

/// Servers that something is done to, by the host that they have a claim on and by their states.
pub async fn busy_by_host(
    conn: &mut Conn,
) -> DbResult<Vec<(String, VmState, Option<TaskState>, u32)>> {
    // Any name is greater than the empty one: all engines find these by the index.
    sql("SELECT c.host, s.vm_state, s.task_state, COUNT(DISTINCT s.id) FROM server s JOIN claim c ON c.server_id = s.id \
         WHERE s.task_state > '' AND s.deleted_at IS NULL GROUP BY c.host, s.vm_state, s.task_state")
        .all(conn, |row| {
            Ok((
                row.take()?,
                row.take_parsed()?,
                row.take::<String>()?.parse().ok(),
                row.take()?,
            ))
        })
        .await
}

/// Id, project and name of every server that is not deleted.
pub async fn owners(conn: &mut Conn) -> DbResult<Vec<(ServerId, ProjectId, String)>> {
    sql("SELECT id, project_id, name FROM server WHERE deleted_at IS NULL")
        .all(conn, |row| Ok((row.take()?, row.take()?, row.take()?)))
        .await
}

type Order = Vec<(SortKey, Direction)>;

fn order(query: &ServerQuery) -> Order {
    let mut order = if query.sort.is_empty() {
        vec![(SortKey::CreatedAt, Direction::Descending)]
    } else {
        query.sort.clone()
    };
    if let Some(id) = order.iter().position(|(key, _)| *key == SortKey::Id) {
        // Nothing after a unique key decides anything.
        order.truncate(id + 1);
    } else {
        let last = order
            .last()
            .map_or(Direction::Descending, |(_, direction)| *direction);
        order.push((SortKey::Id, last));
    }
    order
}

/// The sort values of a server; `None` if there is no such server.
async fn values_of(conn: &mut Conn, id: ServerId, order: &Order) -> DbResult<Option<Vec<Value>>> {
    let columns: Vec<&str> = order.iter().map(|(key, _)| expression(*key).0).collect();
    sql(format!(
        "SELECT {} FROM server WHERE id = $1",
        columns.join(", ")
    ))
    .bind(id)
    .optional(conn, |row| {
        order
            .iter()
            .map(|(key, _)| value(row, expression(*key).1))
            .collect()
    })
    .await
}

fn value(row: &mut Row, number: bool) -> DbResult<Value> {
    if number {
        Ok(Value::from(row.take::<i64>()?))
    } else {
        Ok(Value::from(row.take::<String>()?))
    }
}

fn filtered(
    columns: &str,
    query: &ServerQuery,
    order: &Order,
    after: Option<&[Value]>,
) -> Statement {
    let statement = sql(format!("SELECT {columns} FROM server WHERE 1 = 1"));
    let statement = match query.deleted {
        Some(true) => statement.push(" AND deleted_at IS NOT NULL"),
        Some(false) => statement.push(" AND deleted_at IS NULL"),
        None => statement,
    };
    let statement = by_owner(statement, query);
    let statement = by_state(statement, query);
    let statement = by_place(statement, query);
    let statement = by_tags(statement, query);
    let statement = beyond(statement, order, after);
    ordered(statement, order)
}

fn by_owner(mut statement: Statement, query: &ServerQuery) -> Statement {
    if let Some(project) = query.project {
        statement = statement.push_bind(" AND project_id = {}", project);
    }
    if let Some(user) = query.user {
        statement = statement.push_bind(" AND user_id = {}", user);
    }
    if let Some(ids) = &query.ids {
        statement = statement.push(" AND id").push_in(ids.iter().copied());
    }
    if let Some(reservation) = &query.reservation_id {
        statement = statement.push_bind(" AND reservation_id = {}", reservation);
    }
    if let Some(NameFilter::Contains(text)) = &query.name {
        statement = statement.push_bind(
            " AND LOWER(name) LIKE {} ESCAPE '!'",
            format!("%{}%", escaped(&text.to_lowercase())),
        );
    }
    statement
}

/// Text in which LIKE finds nothing special.
fn escaped(text: &str) -> String {
    text.replace('!', "!!")
        .replace('%', "!%")
        .replace('_', "!_")
}

fn by_state(mut statement: Statement, query: &ServerQuery) -> Statement {
    if let Some(statuses) = &query.statuses {
        statement = statement.push(" AND (1 = 0");
        for vm in VmState::ALL {
            let tasks: Vec<&str> = statuses
                .iter()
                .flat_map(|status| states_of(*status))
                .filter(|(of, _)| *of == vm)
                .map(|(_, task)| task.map_or("", TaskState::name))
                .collect();
            if tasks.is_empty() {
                continue;
            }
            statement = statement.push_bind(" OR (vm_state = {}", vm.name());
            // All tasks of the state: no need to look at them.
            if tasks.len() <= TaskState::ALL.len() {
                statement = statement
                    .push(" AND COALESCE(task_state, '')")
                    .push_in(tasks);
            }
            statement = statement.push(")");
        }
        statement = statement.push(")");
    }
    if let Some(vm) = query.vm_state {
        statement = statement.push_bind(" AND vm_state = {}", vm.name());
    }
    if let Some(task) = query.task_state {
        statement = statement.push_bind(" AND task_state = {}", task.name());
    }
    if let Some(power) = query.power_state {
        statement = statement.push_bind(" AND power_state = {}", i64::from(power.number()));
    }
    match query.locked {
        Some(true) => statement = statement.push(" AND locked <> 0"),
        Some(false) => statement = statement.push(" AND locked = 0"),
        None => {}
    }
    if let Some(since) = query.changes_since {
        statement = statement.push_bind(" AND updated_at >= {}", since);
    }
    if let Some(before) = query.changes_before {
        statement = statement.push_bind(" AND updated_at <= {}", before);
    }
    statement
}

fn by_place(mut statement: Statement, query: &ServerQuery) -> Statement {
    if let Some(host) = &query.host {
        statement = statement.push_bind(" AND host = {}", host);
    }
    if let Some(zone) = &query.availability_zone {
        statement = statement.push_bind(" AND availability_zone = {}", zone);
    }
    if let Some(flavor) = &query.flavor {
        statement = statement.push_bind(" AND flavor_id = {}", flavor);
    }
    if let Some(image) = query.image {
        statement = statement.push_bind(" AND image_id = {}", image);
    }
    statement
}

fn by_tags(mut statement: Statement, query: &ServerQuery) -> Statement {
    const ONE: &str =
        "EXISTS (SELECT 1 FROM server_tag t WHERE t.server_id = server.id AND t.tag = {})";
    const ANY: &str = "EXISTS (SELECT 1 FROM server_tag t WHERE t.server_id = server.id AND t.tag";
    for tag in &query.tags {
        statement = statement.push_bind(&format!(" AND {ONE}"), tag);
    }
    if !query.tags_any.is_empty() {
        statement = statement
            .push(&format!(" AND {ANY}"))
            .push_in(&query.tags_any)
            .push(")");
    }
    if !query.not_tags.is_empty() {
        statement = statement.push(" AND NOT (1 = 1");
        for tag in &query.not_tags {
            statement = statement.push_bind(&format!(" AND {ONE}"), tag);
        }
        statement = statement.push(")");
    }
    if !query.not_tags_any.is_empty() {
        statement = statement
            .push(&format!(" AND NOT {ANY}"))
            .push_in(&query.not_tags_any)
            .push(")");
    }
    statement
}

/// Only what comes after these sort values: `a > x OR (a = x AND (b > y OR …))`.
fn beyond(mut statement: Statement, order: &Order, after: Option<&[Value]>) -> Statement {
    let Some(after) = after else {
        return statement;
    };
    statement = statement.push(" AND (");
    let last = order.len().saturating_sub(1);
    for (at, ((key, direction), value)) in order.iter().zip(after).enumerate() {
        let column = expression(*key).0;
        let sign = match direction {
            Direction::Ascending => '>',
            Direction::Descending => '<',
        };
        statement = statement.push_bind(&format!("{column} {sign} {{}}"), value.clone());
        if at < last {
            statement = statement.push_bind(&format!(" OR ({column} = {{}} AND ("), value.clone());
        }
    }
    statement.push(&"))".repeat(last)).push(")")
}

fn ordered(statement: Statement, order: &Order) -> Statement {
    let keys: Vec<String> = order
        .iter()
        .map(|(key, direction)| {
            let word = match direction {
                Direction::Ascending => "ASC",
                Direction::Descending => "DESC",
            };
            format!("{} {word}", expression(*key).0)
        })
        .collect();
    statement.push(&format!(" ORDER BY {}", keys.join(", ")))
}
