//! Servers one by one: made, read, changed.
//!
//! Many writers meet here, so the rule about task states is kept in SQL: one is begun only by a compare-and-swap on the
//! states that the writer saw ([`begin`]), and changed or ended only by whoever began it ([`Task`]). So an operation that
//! unwinds does not take away what another one, which interrupted it, has begun: a deletion above all.

use crate::compute::model::{
    Fault, FlavorCopy, Lock, PowerState, Resize, Server, TaskState, VmState,
};
use crate::db::{Conn, DbResult, Row, Value, sql};
use crate::ids::{ProjectId, ServerId, Time};

/// Columns in the order of [`server`].
pub const COLUMNS: &str = "id, project_id, user_id, name, vm_state, task_state, power_state, generation, host, availability_zone, \
     image_id, flavor, locked, fault, resize, user_data, detail, revision, reservation_id, created_at, updated_at, \
     launched_at, deleted_at";

/// Reads a row of [`COLUMNS`].
pub fn server(row: &mut Row) -> DbResult<Server> {
    Ok(Server {
        id: row.take()?,
        project: row.take()?,
        user: row.take()?,
        name: row.take()?,
        vm_state: row.take_parsed()?,
        task_state: row
            .take::<Option<String>>()?
            .and_then(|name| name.parse().ok()),
        power_state: PowerState::from_number(row.take()?),
        generation: row.take()?,
        host: row.take()?,
        availability_zone: row.take()?,
        image: row.take()?,
        flavor: row.take_json()?,
        locked: Lock::from_number(row.take()?),
        fault: optional_json(row)?,
        resize: optional_json(row)?,
        user_data: row.take()?,
        detail: row.take_json()?,
        revision: row.take()?,
        reservation_id: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
        launched_at: row.take()?,
        deleted_at: row.take()?,
    })
}

fn optional_json<T: serde::de::DeserializeOwned>(row: &mut Row) -> DbResult<Option<T>> {
    Ok(row
        .take::<Option<String>>()?
        .and_then(|text| serde_json::from_str(&text).ok()))
}

fn optional<T: serde::Serialize>(value: Option<&T>) -> Value {
    value.map_or(Value::Text(None), Value::json)
}

/// Adds a server.
pub async fn insert(conn: &mut Conn, server: &Server) -> DbResult<()> {
    sql(format!(
        "INSERT INTO server ({COLUMNS}, flavor_id, vcpus, memory_mb) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, \
         $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)"
    ))
    .bind(server.id)
    .bind(server.project)
    .bind(server.user)
    .bind(&server.name)
    .bind(server.vm_state.name())
    .bind(server.task_state.map(TaskState::name))
    .bind(i64::from(server.power_state.number()))
    .bind(server.generation)
    .bind(server.host.as_ref())
    .bind(server.availability_zone.as_ref())
    .bind(server.image)
    .bind(Value::json(&server.flavor))
    .bind(server.locked.number())
    .bind(optional(server.fault.as_ref()))
    .bind(optional(server.resize.as_ref()))
    .bind(server.user_data.as_ref())
    .bind(Value::json(&server.detail))
    .bind(server.revision)
    .bind(&server.reservation_id)
    .bind(server.created_at)
    .bind(server.updated_at)
    .bind(server.launched_at)
    .bind(server.deleted_at)
    .bind(&server.flavor.id)
    .bind(server.flavor.vcpus)
    .bind(server.flavor.memory_mb)
    .execute(conn)
    .await?;
    Ok(())
}

/// A server, deleted or not.
pub async fn show(conn: &mut Conn, id: ServerId) -> DbResult<Option<Server>> {
    sql(format!("SELECT {COLUMNS} FROM server WHERE id = $1"))
        .bind(id)
        .optional(conn, server)
        .await
}

/// What a project uses: servers, processors, MiB of memory.
pub async fn used(conn: &mut Conn, project: ProjectId) -> DbResult<(i64, i64, i64)> {
    let (cores, memory) = (conn.engine().sum("vcpus"), conn.engine().sum("memory_mb"));
    sql(format!(
        "SELECT COUNT(*), {cores}, {memory} FROM server WHERE project_id = $1 AND deleted_at IS NULL"
    ))
    .bind(project)
    .optional(conn, |row| Ok((row.take()?, row.take()?, row.take()?)))
    .await
    .map(Option::unwrap_or_default)
}

/// Sets what is being done to a server, if its states still are those that `seen` has; `false` if not.
pub async fn begin(conn: &mut Conn, seen: &Server, task: TaskState) -> DbResult<bool> {
    sql("UPDATE server SET task_state = $2, updated_at = $3 \
         WHERE id = $1 AND vm_state = $4 AND COALESCE(task_state, '') = $5 AND deleted_at IS NULL")
    .bind(seen.id)
    .bind(task.name())
    .bind(Time::now())
    .bind(seen.vm_state.name())
    .bind(seen.task_state.map_or("", TaskState::name))
    .swapped(conn)
    .await
}

/// From one of these task states to another, or to none. Any other task state stays.
#[derive(Clone, Copy, Debug)]
pub struct Task {
    /// What the writer began.
    pub from: &'static [TaskState],
    /// What comes next.
    pub to: Option<TaskState>,
}

/// What to change of a server that is not deleted; absent fields stay.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// What it is.
    pub vm: Option<VmState>,
    /// What is being done to it.
    pub task: Option<Task>,
    /// What the hypervisor says.
    pub power: Option<PowerState>,
    /// Its node.
    pub host: Option<Option<String>>,
    /// Its zone.
    pub zone: Option<Option<String>>,
    /// What went wrong.
    pub fault: Option<Option<Fault>>,
    /// Its flavor.
    pub flavor: Option<FlavorCopy>,
    /// Its resize.
    pub resize: Option<Option<Resize>>,
    /// Its guest ran for the first time, now, if it had not before.
    pub launched: bool,
    /// What its guest shall be has changed.
    pub new_generation: bool,
    /// Only if nobody has changed it since this time of its last change.
    pub unchanged_since: Option<Time>,
}

impl Change {
    /// The server after this, as far as its states and its node go.
    pub fn onto(&self, server: &Server) -> Server {
        let mut server = server.clone();
        server.vm_state = self.vm.unwrap_or(server.vm_state);
        server.power_state = self.power.unwrap_or(server.power_state);
        if let Some(host) = &self.host {
            server.host.clone_from(host);
        }
        if let Some(task) = self.task.filter(|task| {
            let now = server.task_state;
            now.is_some_and(|now| task.from.contains(&now))
        }) {
            server.task_state = task.to;
        }
        server
    }
}

/// Changes a server; `false` if it is gone, or was changed since it was looked at.
pub async fn change(conn: &mut Conn, id: ServerId, change: &Change) -> DbResult<bool> {
    let mut statement = sql("UPDATE server SET updated_at = $1").bind(Time::now());
    if let Some(vm) = change.vm {
        statement = statement.push_bind(", vm_state = {}", vm.name());
    }
    if let Some(task) = change.task {
        statement = statement
            .push(", task_state = CASE WHEN task_state")
            .push_in(task.from.iter().map(|state| state.name()))
            .push_bind(" THEN {} ELSE task_state END", task.to.map(TaskState::name));
    }
    if let Some(power) = change.power {
        statement = statement.push_bind(", power_state = {}", i64::from(power.number()));
    }
    if let Some(host) = &change.host {
        statement = statement.push_bind(", host = {}", host.as_ref());
    }
    if let Some(zone) = &change.zone {
        statement = statement.push_bind(", availability_zone = {}", zone.as_ref());
    }
    if let Some(fault) = &change.fault {
        statement = statement.push_bind(", fault = {}", optional(fault.as_ref()));
    }
    if let Some(flavor) = &change.flavor {
        statement = statement
            .push_bind(", flavor = {}", Value::json(flavor))
            .push_bind(", flavor_id = {}", &flavor.id)
            .push_bind(", vcpus = {}", flavor.vcpus)
            .push_bind(", memory_mb = {}", flavor.memory_mb);
    }
    if let Some(resize) = &change.resize {
        statement = statement.push_bind(", resize = {}", optional(resize.as_ref()));
    }
    if change.launched {
        statement = statement.push_bind(", launched_at = COALESCE(launched_at, {})", Time::now());
    }
    if change.new_generation {
        statement = statement.push(", generation = generation + 1");
    }
    statement = statement.push_bind(" WHERE id = {} AND deleted_at IS NULL", id);
    if let Some(since) = change.unchanged_since {
        statement = statement.push_bind(" AND updated_at = {}", since);
    }
    statement.swapped(conn).await
}

/// Writes what owners change (name, image, lock, user data, detail) as `server` has it, if nobody else wrote it since
/// `server` was read; `false` if somebody did.
pub async fn write_fields(conn: &mut Conn, server: &Server) -> DbResult<bool> {
    sql("UPDATE server SET name = $2, locked = $3, user_data = $4, detail = $5, image_id = $6, updated_at = $7, \
         revision = revision + 1 WHERE id = $1 AND revision = $8 AND deleted_at IS NULL")
    .bind(server.id)
    .bind(&server.name)
    .bind(server.locked.number())
    .bind(server.user_data.as_ref())
    .bind(Value::json(&server.detail))
    .bind(server.image)
    .bind(Time::now())
    .bind(server.revision)
    .swapped(conn)
    .await
}

/// Records what the hypervisor says, if it is news and the server has not changed since it was `seen`; `false` if not.
/// Does not count as a change of the server.
pub async fn saw_power(conn: &mut Conn, seen: &Brief, power: PowerState) -> DbResult<bool> {
    sql("UPDATE server SET power_state = $2 \
         WHERE id = $1 AND power_state <> $2 AND updated_at = $3 AND deleted_at IS NULL")
    .bind(seen.id)
    .bind(i64::from(power.number()))
    .bind(seen.updated_at)
    .swapped(conn)
    .await
}

/// From what it was when it was `seen` to something else, if nothing is done to it and it has not changed since; `false` if
/// not.
pub async fn settle(
    conn: &mut Conn,
    seen: &Brief,
    vm: VmState,
    power: PowerState,
    fault: Option<&Fault>,
) -> DbResult<bool> {
    sql(
        "UPDATE server SET vm_state = $2, power_state = $3, fault = $4, updated_at = $5 \
         WHERE id = $1 AND vm_state = $6 AND updated_at = $7 AND task_state IS NULL AND deleted_at IS NULL",
    )
    .bind(seen.id)
    .bind(vm.name())
    .bind(i64::from(power.number()))
    .bind(optional(fault))
    .bind(Time::now())
    .bind(seen.vm_state.name())
    .bind(seen.updated_at)
    .swapped(conn)
    .await
}

/// An administrator says what a server is: nothing is done to it any more.
pub async fn reset(conn: &mut Conn, id: ServerId, vm: VmState) -> DbResult<bool> {
    sql("UPDATE server SET vm_state = $2, task_state = NULL, fault = NULL, updated_at = $3 WHERE id = $1 AND deleted_at IS NULL")
        .bind(id)
        .bind(vm.name())
        .bind(Time::now())
        .swapped(conn)
        .await
}

/// Marks a server as deleted; `false` if it was already.
pub async fn delete(conn: &mut Conn, id: ServerId) -> DbResult<bool> {
    let now = Time::now();
    sql("UPDATE server SET vm_state = 'deleted', task_state = NULL, power_state = 0, host = NULL, user_data = NULL, \
         updated_at = $2, deleted_at = $2 WHERE id = $1 AND deleted_at IS NULL")
    .bind(id)
    .bind(now)
    .swapped(conn)
    .await
}

/// Forgets servers that were deleted before `before`; says how many.
pub async fn prune(conn: &mut Conn, before: Time) -> DbResult<u64> {
    sql("DELETE FROM server WHERE deleted_at < $1")
        .bind(before)
        .execute(conn)
        .await
}

/// As much of a server as its power state is judged by.
#[derive(Clone, Debug)]
pub struct Brief {
    /// Its id.
    pub id: ServerId,
    /// Its name.
    pub name: String,
    /// Its project.
    pub project: ProjectId,
    /// What it is.
    pub vm_state: VmState,
    /// What is being done to it.
    pub task_state: Option<TaskState>,
    /// What the hypervisor said last.
    pub power_state: PowerState,
    /// When it last changed.
    pub updated_at: Time,
}

impl Brief {
    /// Of a whole server.
    pub fn of(server: &Server) -> Self {
        Self {
            id: server.id,
            name: server.name.clone(),
            project: server.project,
            vm_state: server.vm_state,
            task_state: server.task_state,
            power_state: server.power_state,
            updated_at: server.updated_at,
        }
    }
}

/// Servers whose guests should be on this host.
pub async fn briefs_on_host(conn: &mut Conn, host: &str) -> DbResult<Vec<Brief>> {
    sql("SELECT id, name, project_id, vm_state, task_state, power_state, updated_at FROM server WHERE host = $1 AND deleted_at IS NULL")
        .bind(host)
        .all(conn, |row| {
            Ok(Brief {
                id: row.take()?,
                name: row.take()?,
                project: row.take()?,
                vm_state: row.take_parsed()?,
                task_state: row
                    .take::<Option<String>>()?
                    .and_then(|name| name.parse().ok()),
                power_state: PowerState::from_number(row.take()?),
                updated_at: row.take()?,
            })
        })
        .await
}

/// Servers that something is done to, or that are being made, unchanged since before `before`; oldest first.
pub async fn busy_before(conn: &mut Conn, before: Time) -> DbResult<Vec<Server>> {
    sql(format!(
        "SELECT {COLUMNS} FROM server WHERE deleted_at IS NULL AND updated_at < $1 AND (task_state IS NOT NULL OR vm_state = 'building') \
         ORDER BY updated_at LIMIT 1000"
    ))
    .bind(before)
    .all(conn, server)
    .await
}

/// Makes everybody who adds servers to a project wait for the end of this transaction, so that what is counted holds.
pub async fn take_turn(conn: &mut Conn, project: ProjectId) -> DbResult<()> {
    sql("INSERT INTO server_project (project_id, turn) VALUES ($1, 1) ON CONFLICT (project_id) DO UPDATE SET turn = server_project.turn + 1")
        .bind(project)
        .execute(conn)
        .await?;
    Ok(())
}

/// Servers that were there between these times, deleted or not.
pub async fn there_between(
    conn: &mut Conn,
    project: Option<ProjectId>,
    start: Time,
    end: Time,
) -> DbResult<Vec<Server>> {
    let mut statement = sql(format!(
        "SELECT {COLUMNS} FROM server WHERE created_at < $1 AND (deleted_at IS NULL OR deleted_at > $2)"
    ))
    .bind(end)
    .bind(start);
    if let Some(project) = project {
        statement = statement.push_bind(" AND project_id = {}", project);
    }
    statement.push(" ORDER BY id").all(conn, server).await
}
