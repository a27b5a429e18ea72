//! Makes servers.

use rand::RngExt;

use super::access::tell;
use super::check::check_metadata;
use super::ports::{NicWish, nic_take_on_conn};
use super::prepare::{Prepared, prepare};
use super::request::NewServer;
use super::volumes::{VolumeWish, free_device};
use crate::compute::model::{
    Detail, Lock, PowerState, Server, ServerNic, ServerVolume, TaskState, VmState, hostname_of,
};
use crate::compute::ops::server_group_join::server_group_join_on_conn;
use crate::compute::sagas::{LaunchWish, ServerLaunch};
use crate::compute::store;
use crate::context::{Change, Context, Scope};
use crate::db::Conn;
use crate::error::Result;
use crate::identity::ops::{quota_check, quota_limit_on_conn};
use crate::ids::{OperationId, PortId, ServerId, Time, VolumeId};
use crate::network::model::DEFAULT_GROUP;
use crate::saga::{Busy, Target, start_on_conn};
use crate::volume::ops::volume_reserve_on_conn;

/// Begins to make servers: as many as asked for at most, as the quota allows, but not fewer than asked for at least. All
/// of them are in the database when this returns; the first comes first.
pub async fn server_create(cx: &Context, request: NewServer) -> Result<Vec<Server>> {
    let scope = cx.project()?.clone();
    let prepared = prepare(cx, &request).await?;
    let reservation = reservation_id();
    let mut tx = cx.db.begin().await?;
    let limit = quota_limit_on_conn(&mut tx, cx, scope.id, "metadata_items").await?;
    check_metadata("metadata", &request.metadata, limit)?;
    let count = room_on_conn(&mut tx, cx, &scope, &prepared, request.count).await?;
    let mut made = Vec::new();
    for index in 0..count {
        let server = new_server(cx, &scope, &request, &prepared, &reservation, index);
        let operation = write_on_conn(&mut tx, cx, &server, &request, &prepared).await?;
        made.push((server, operation));
    }
    tx.commit().await?;
    for (server, operation) in &made {
        cx.sagas.kick(*operation);
        tell(cx, server, Change::Created);
    }
    Ok(made.into_iter().map(|(server, _)| server).collect())
}

/// How many of the servers fit into the quota. Whoever else adds servers to the project waits until this transaction ends.
async fn room_on_conn(
    conn: &mut Conn,
    cx: &Context,
    scope: &Scope,
    prepared: &Prepared,
    (least, most): (u32, u32),
) -> Result<u32> {
    store::server::take_turn(conn, scope.id).await?;
    let (servers, cores, memory) = store::server::used(conn, scope.id).await?;
    let memory_mb = i64::try_from(prepared.flavor.memory_mb).unwrap_or(i64::MAX);
    let mut count = i64::from(most);
    for (resource, each, used) in [
        ("instances", 1, servers),
        ("cores", i64::from(prepared.flavor.vcpus), cores),
        ("ram", memory_mb, memory),
    ] {
        let limit = quota_limit_on_conn(conn, cx, scope.id, resource).await?;
        let wanted = |count: i64| each.saturating_mul(count);
        while count > i64::from(least) && quota_check(resource, wanted(count), used, limit).is_err()
        {
            count -= 1;
        }
        quota_check(resource, wanted(count), used, limit)?;
    }
    Ok(u32::try_from(count).unwrap_or(least))
}

/// Names what one request makes: `r-` and eight letters or digits.
fn reservation_id() -> String {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut random = rand::rng();
    let text: String = (0..8)
        .map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())]))
        .collect();
    format!("r-{text}")
}

fn new_server(
    cx: &Context,
    scope: &Scope,
    request: &NewServer,
    prepared: &Prepared,
    reservation: &str,
    index: u32,
) -> Server {
    let id = ServerId::new();
    let several = request.count.1 > 1;
    let name = numbered(&request.name, several, index);
    let hostname = match &request.hostname {
        Some(hostname) => numbered(hostname, several, index),
        None => hostname_of(&name, id),
    };
    let (key_name, public_key) = prepared.key.clone().unzip();
    let now = Time::now();
    Server {
        id,
        project: scope.id,
        user: cx.actor.user,
        name,
        vm_state: VmState::Building,
        task_state: Some(TaskState::Scheduling),
        power_state: PowerState::NoState,
        generation: 1,
        host: None,
        availability_zone: prepared.zone.clone(),
        image: prepared.image.as_ref().map(|image| image.id),
        flavor: prepared.flavor.clone(),
        locked: Lock::None,
        fault: None,
        resize: None,
        user_data: request.user_data.clone(),
        detail: Detail {
            description: request.description.clone(),
            hostname,
            metadata: request.metadata.clone(),
            key_name,
            public_key,
            config_drive: request.config_drive.unwrap_or(true),
            image: prepared.image.as_ref().map(|image| image.copy.clone()),
            access_ipv4: request.access_ipv4.clone().unwrap_or_default(),
            access_ipv6: request.access_ipv6.clone().unwrap_or_default(),
            disk_config: request
                .disk_config
                .clone()
                .unwrap_or_else(|| "MANUAL".into()),
            locked_reason: None,
            launch_index: index,
            security_groups: match &prepared.groups {
                Some(groups) => groups.iter().map(|group| group.name.clone()).collect(),
                None => vec![DEFAULT_GROUP.to_owned()],
            },
        },
        revision: 1,
        reservation_id: reservation.to_owned(),
        created_at: now,
        updated_at: now,
        launched_at: None,
        deleted_at: None,
    }
}

/// `name-1`, `name-2`, … where several are made; the number is never cut off.
fn numbered(name: &str, several: bool, index: u32) -> String {
    if !several {
        return name.to_owned();
    }
    let number = format!("-{}", index + 1);
    let head: String = name.chars().take(255 - number.len()).collect();
    format!("{head}{number}")
}

/// Writes the server, what will hang on it, and the operation that makes it.
async fn write_on_conn(
    conn: &mut Conn,
    cx: &Context,
    server: &Server,
    request: &NewServer,
    prepared: &Prepared,
) -> Result<OperationId> {
    store::server::insert(conn, server).await?;
    for tag in &request.tags {
        store::server_tag::add(conn, server.id, tag).await?;
    }
    let place = prepared.wish();
    if !place.is_empty() {
        store::server_wish::insert(conn, server.id, &place).await?;
    }
    if let Some(group) = prepared.hints.group {
        server_group_join_on_conn(conn, cx, group, server.id).await?;
    }
    let mut nics = Vec::new();
    for plan in &prepared.nics {
        let wish = NicWish {
            port: plan.port.unwrap_or_else(PortId::new),
            network: plan.network,
            exists: plan.port.is_some(),
            fixed_ip: plan.fixed_ip,
            groups: prepared
                .groups
                .as_ref()
                .map(|groups| groups.iter().map(|group| group.id).collect()),
        };
        let nic = ServerNic {
            port: wish.port,
            network: wish.network,
            keep_port: wish.exists,
            tag: plan.tag.clone(),
        };
        store::server_link::nic_add(conn, server.id, &nic).await?;
        nic_take_on_conn(conn, cx, server, &wish).await?;
        nics.push(wish);
    }
    let wish = LaunchWish {
        resources: prepared.resources,
        place,
        host: prepared.host.clone(),
        nics,
        volumes: volumes_on_conn(conn, cx, server, prepared).await?,
    };
    let id = server.id.to_string();
    let target = Target {
        kind: "server",
        id: &id,
        name: &server.name,
        host: None,
        project: Some(server.project),
    };
    let saga = ServerLaunch::new(server.id, wish);
    start_on_conn(conn, cx, &saga, target, Busy::Refuse).await
}

/// Ties the volumes to the server; those that exist are promised to it.
async fn volumes_on_conn(
    conn: &mut Conn,
    cx: &Context,
    server: &Server,
    prepared: &Prepared,
) -> Result<Vec<VolumeWish>> {
    let mut wishes = Vec::new();
    let mut taken = Vec::new();
    for plan in &prepared.volumes {
        let device = free_device(server, &taken);
        taken.push(device.clone());
        let volume = plan.existing.unwrap_or_else(VolumeId::new);
        let row = ServerVolume {
            volume,
            boot: plan.boot,
            delete_on_termination: plan.delete_on_termination,
            tag: plan.tag.clone(),
            device: Some(device.clone()),
        };
        store::server_link::volume_add(conn, server.id, &row).await?;
        if plan.existing.is_some() {
            volume_reserve_on_conn(conn, cx, volume, server.id).await?;
        }
        wishes.push(VolumeWish {
            volume,
            make: plan.make.clone(),
            device: Some(device),
        });
    }
    Ok(wishes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_servers_are_numbered_and_names_stay_in_bounds() {
        assert_eq!(numbered("web", false, 0), "web");
        assert_eq!(numbered("web", true, 9), "web-10");
        let long = numbered(&"x".repeat(255), true, 99);
        assert_eq!(long.len(), 255);
        assert!(long.ends_with("-100"));
    }

    #[test]
    fn a_reservation_is_eight_letters_or_digits() {
        let id = reservation_id();
        assert_eq!(id.len(), 10);
        assert!(id.starts_with("r-"));
    }
}
