//! Random schedules of what people do to servers, volumes and hosts, through one control process or two, over a bus that
//! loses, doubles and delays, with agents and control processes that die now and then: in the end database, agents and hypervisors agree, each guest is on one host, and nothing is left
//! when all is deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use proptest::prelude::*;

use super::lab::{HOST, LARGE, Lab, SECOND, SMALL};
use super::proof::becomes;
use crate::bus::faults::{Fate, Sky};
use crate::compute::model::{MovesGoal, ServerQuery, VmState};
use crate::compute::ops as compute;
use crate::compute::ops::{AttachWish, HostDecision, LiveMigrationWish, NicRequest, RebuildWish};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::hypervisor::sim::SimHost;
use crate::hypervisor::{GuestState, Hypervisor, PowerState};
use crate::ids::{ServerId, VolumeId};
use crate::network::ops as network;
use crate::volume::model::{VolumeQuery, VolumeStatus};
use crate::volume::ops as volume;
use crate::volume::ops::{NewVolume, VolumeDeletion};

/// What somebody does; numbers choose among what there is.
#[derive(Clone, Copy, Debug)]
enum Act {
    Launch,
    Stop(usize),
    Start(usize),
    Reboot(usize, bool),
    Pause(usize),
    Unpause(usize),
    Suspend(usize),
    Resume(usize),
    Rebuild(usize),
    Snapshot(usize),
    Delete(usize),
    Volume,
    Attach(usize, usize),
    Detach(usize),
    Extend(usize),
    DeleteVolume(usize),
    Plug(usize),
    Unplug(usize),
    /// Move it while it runs.
    Migrate(usize),
    /// Move it while it is off.
    Cold(usize),
    Resize(usize),
    /// Keep what a resize or cold migration made, or go back.
    Decide(usize, bool),
    /// The first host or the second is emptied, or filled again.
    Moves(bool, bool),
    KillAgent(bool),
    /// One control process of two.
    KillControl,
    /// Let everything that was begun end.
    Wait,
}

fn act() -> impl Strategy<Value = Act> {
    let n = 0..4_usize;
    prop_oneof![
        3 => Just(Act::Launch),
        2 => n.clone().prop_map(Act::Stop),
        2 => n.clone().prop_map(Act::Start),
        1 => (n.clone(), any::<bool>()).prop_map(|(at, hard)| Act::Reboot(at, hard)),
        1 => n.clone().prop_map(Act::Pause),
        1 => n.clone().prop_map(Act::Unpause),
        1 => n.clone().prop_map(Act::Suspend),
        1 => n.clone().prop_map(Act::Resume),
        1 => n.clone().prop_map(Act::Rebuild),
        1 => n.clone().prop_map(Act::Snapshot),
        2 => n.clone().prop_map(Act::Delete),
        2 => Just(Act::Volume),
        4 => (n.clone(), n.clone()).prop_map(|(at, which)| Act::Attach(at, which)),
        3 => n.clone().prop_map(Act::Detach),
        1 => n.clone().prop_map(Act::Extend),
        1 => n.clone().prop_map(Act::DeleteVolume),
        2 => n.clone().prop_map(Act::Plug),
        2 => n.clone().prop_map(Act::Unplug),
        4 => n.clone().prop_map(Act::Migrate),
        2 => n.clone().prop_map(Act::Cold),
        2 => n.clone().prop_map(Act::Resize),
        3 => (n, any::<bool>()).prop_map(|(at, keep)| Act::Decide(at, keep)),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(first, leave)| Act::Moves(first, leave)),
        2 => any::<bool>().prop_map(Act::KillAgent),
        2 => Just(Act::KillControl),
        5 => Just(Act::Wait),
    ]
}

/// Bad weather that is the same for the same seed and order of messages.
fn storm(seed: u64) -> Sky {
    let count = AtomicU64::new(seed);
    Arc::new(move |_, _| {
        let mut x = count
            .fetch_add(1, Ordering::SeqCst)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15);
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x ^= x >> 27;
        let delay = Duration::from_millis((x >> 32) % 150);
        match x % 100 {
            0..12 => Fate::Lost,
            12..24 => Fate::AnswerLost,
            24..36 => Fate::Doubled,
            36..46 => Fate::Echoed(delay),
            46..60 => Fate::Late(delay),
            _ => Fate::Arrives,
        }
    })
}

/// What the schedule has to choose from.
async fn servers(lab: &Lab) -> Vec<ServerId> {
    let query = ServerQuery {
        project: Some(lab.cx.project().unwrap().id),
        deleted: Some(false),
        limit: 1000,
        ..ServerQuery::default()
    };
    let found = compute::server_list_brief(&lab.cx, query).await.unwrap();
    found.iter().map(|server| server.id).collect()
}

async fn volumes(lab: &Lab) -> Vec<VolumeId> {
    let query = VolumeQuery {
        limit: 1000,
        ..VolumeQuery::default()
    };
    let found = volume::volume_list(&lab.cx, query).await.unwrap();
    found.iter().map(|volume| volume.id).collect()
}

fn pick<T: Copy>(all: &[T], at: usize) -> Result<T> {
    let missing = || Error::conflict("there is none");
    all.get(at % all.len().max(1)).copied().ok_or_else(missing)
}

/// Does it as this member of the project, or as the control plane itself.
async fn play(lab: &Lab, (cx, system): &(Context, Context), act: Act) -> Result<()> {
    let (all, disks) = (servers(lab).await, volumes(lab).await);
    match act {
        Act::Launch => drop(compute::server_create(cx, lab.request("web")).await?),
        Act::Stop(at) => drop(compute::server_stop(cx, pick(&all, at)?).await?),
        Act::Start(at) => drop(compute::server_start(cx, pick(&all, at)?).await?),
        Act::Reboot(at, hard) => drop(compute::server_reboot(cx, pick(&all, at)?, hard).await?),
        Act::Pause(at) => drop(compute::server_pause(cx, pick(&all, at)?).await?),
        Act::Unpause(at) => drop(compute::server_unpause(cx, pick(&all, at)?).await?),
        Act::Suspend(at) => drop(compute::server_suspend(cx, pick(&all, at)?).await?),
        Act::Resume(at) => drop(compute::server_resume(cx, pick(&all, at)?).await?),
        Act::Rebuild(at) => {
            let wish = RebuildWish {
                image: lab.image,
                ..RebuildWish::default()
            };
            compute::server_rebuild(cx, pick(&all, at)?, wish).await?;
        }
        Act::Snapshot(at) => {
            compute::server_create_image(cx, pick(&all, at)?, "copy", BTreeMap::new()).await?;
        }
        Act::Delete(at) => drop(compute::server_delete(cx, pick(&all, at)?).await?),
        Act::Volume => {
            let new = NewVolume {
                size_gb: Some(1),
                ..NewVolume::default()
            };
            volume::volume_create(cx, new).await?;
        }
        Act::Attach(at, which) => {
            let (id, disk) = (pick(&all, at)?, pick(&disks, which)?);
            compute::server_volume_attach(cx, id, disk, AttachWish::default()).await?;
        }
        Act::Detach(at) => {
            let id = pick(&all, at)?;
            let used = compute::server_volume_list(cx, id).await?;
            let used: Vec<VolumeId> = used.iter().map(|(row, _)| row.volume).collect();
            compute::server_volume_detach(cx, id, pick(&used, at)?).await?;
        }
        Act::Extend(at) => {
            let id = pick(&disks, at)?;
            let size = volume::volume_show(cx, id).await?.size_gb;
            volume::volume_extend(cx, id, size + 1).await?;
        }
        Act::DeleteVolume(at) => {
            volume::volume_delete(cx, pick(&disks, at)?, VolumeDeletion::default()).await?;
        }
        Act::Plug(at) => {
            let nic = NicRequest {
                network: Some(lab.network),
                ..NicRequest::default()
            };
            compute::server_interface_attach(cx, pick(&all, at)?, nic).await?;
        }
        Act::Unplug(at) => {
            let id = pick(&all, at)?;
            let ports = network::ports_of_server(cx, id).await?;
            let ports: Vec<_> = ports.iter().map(|port| port.id).collect();
            compute::server_interface_detach(cx, id, pick(&ports, at)?).await?;
        }
        Act::Migrate(at) => {
            let wish = LiveMigrationWish::default();
            compute::server_migrate_live(system, pick(&all, at)?, wish).await?;
        }
        Act::Cold(at) => {
            compute::server_migrate(system, pick(&all, at)?, None, true).await?;
        }
        Act::Resize(at) => {
            let id = pick(&all, at)?;
            let larger = compute::server_show(cx, id).await?.server.flavor.id == SMALL;
            compute::server_resize(cx, id, if larger { LARGE } else { SMALL }).await?;
        }
        Act::Decide(at, true) => drop(compute::server_resize_confirm(cx, pick(&all, at)?).await?),
        Act::Decide(at, false) => drop(compute::server_resize_revert(cx, pick(&all, at)?).await?),
        Act::Moves(first, leave) => {
            let host = if first { HOST } else { SECOND };
            let goal = if leave {
                MovesGoal::Drain
            } else {
                MovesGoal::Return
            };
            compute::moves_run(system, goal, Some(host), 2).await?;
        }
        Act::KillAgent(true) => lab.agent_start(),
        Act::KillAgent(false) => lab.second_start(),
        Act::KillControl => lab.companion_restart().await,
        Act::Wait => quiet(lab).await,
    }
    Ok(())
}

/// Lets everything end; what waits for its owner is kept.
async fn quiet(lab: &Lab) {
    lab.until("all has ended", async || {
        for id in servers(lab).await {
            // It may be gone by now.
            let found = compute::server_show(&lab.cx, id).await;
            if found.is_ok_and(|found| found.server.vm_state == VmState::Resized) {
                // It may be decided already.
                let _ = compute::server_resize_confirm(&lab.cx, id).await;
            }
        }
        let open = lab.count("operation", "finished_at IS NULL").await;
        (open == 0 && lab.count("operation_lock", "1 = 1").await == 0).then_some(())
    })
    .await;
}

/// The guests of a host.
async fn guests_of(host: &SimHost) -> Vec<GuestState> {
    host.guests().await.unwrap()
}

/// Where database, nodes and hypervisors differ; nothing when they agree.
async fn disagreement(lab: &Lab) -> Option<String> {
    let cx = &lab.cx;
    let second = lab.second.as_ref().unwrap();
    let hosts = [
        (HOST, &lab.sim, guests_of(&lab.sim).await),
        (SECOND, second, guests_of(second).await),
    ];
    let mut placed = BTreeSet::new();
    let mut on_host = 0;
    for id in servers(lab).await {
        let view = compute::server_show(cx, id).await.unwrap();
        let (server, said) = (view.server, |what: String| {
            Some(format!("server {id}: {what}"))
        });
        let on = |name: &str| server.host.as_deref() == Some(name);
        let here = hosts.iter().find(|(name, ..)| on(name));
        let has = |guests: &[GuestState]| guests.iter().any(|guest| guest.id == id);
        let twice = hosts
            .iter()
            .find(|(name, _, guests)| !on(name) && has(guests));
        if let Some((name, ..)) = twice {
            return said(format!("it is on {:?}, and {name} has it", server.host));
        }
        let guest = here.and_then(|(.., guests)| guests.iter().find(|guest| guest.id == id));
        on_host += i64::from(server.host.is_some());
        let fits = match (server.vm_state, guest.map(|guest| guest.power)) {
            (VmState::Active, power) => power == Some(PowerState::Running),
            (VmState::Paused, power) => power == Some(PowerState::Paused),
            (VmState::Suspended, power) => power == Some(PowerState::Suspended),
            (VmState::Stopped, power) => {
                !matches!(power, Some(PowerState::Running | PowerState::Paused))
            }
            (VmState::Error, _) => true,
            (_, _) => false,
        };
        if !fits || server.task_state.is_some() {
            return said(format!(
                "{} {:?}, but its guest is {:?}",
                server.vm_state, server.task_state, guest
            ));
        }
        let Some(guest) = guest else {
            continue;
        };
        placed.insert(id);
        if server.host.is_none() || guest.generation > server.generation {
            return said(format!("generation {}, guest {guest:?}", server.generation));
        }
        let Some(spec) = here.and_then(|(_, host, _)| host.spec(id).ok()) else {
            return said("its host does not know it".into());
        };
        let (has, should): (BTreeSet<_>, BTreeSet<_>) = (
            spec.disks.iter().filter_map(|disk| disk.serial).collect(),
            view.volumes.iter().map(|row| row.volume).collect(),
        );
        if has != should {
            return said(format!("volumes {should:?}, its guest has {has:?}"));
        }
        let ports = network::ports_of_server(cx, id).await.unwrap();
        let (has, should): (BTreeSet<_>, BTreeSet<_>) = (
            spec.nics.iter().map(|nic| nic.port).collect(),
            ports.iter().map(|port| port.id).collect(),
        );
        if has != should {
            return said(format!("ports {should:?}, its guest has {has:?}"));
        }
    }
    let mut all = hosts.iter().flat_map(|(.., guests)| guests);
    if let Some(stray) = all.find(|guest| !placed.contains(&guest.id)) {
        return Some(format!("a guest of no server: {stray:?}"));
    }
    let mut files = BTreeSet::new();
    for id in volumes(lab).await {
        let found = volume::volume_show(cx, id).await.unwrap();
        let (used, _) = (
            lab.count("server_volume", &format!("volume_id = '{id}'"))
                .await,
            (),
        );
        let fits = match found.status {
            VolumeStatus::Available => used == 0,
            VolumeStatus::InUse => used == 1,
            VolumeStatus::Error => used == 0 && found.path.is_none(),
            _ => false,
        };
        if !fits {
            return Some(format!(
                "volume {id} is {} with {used} servers",
                found.status
            ));
        }
        if found.path.is_some() {
            files.insert(format!("{id}.qcow2"));
        }
    }
    let there: BTreeSet<String> = ["node", "second"]
        .into_iter()
        .flat_map(|node| std::fs::read_dir(lab.dir.path().join(node).join("volumes")).unwrap())
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    if there != files {
        return Some(format!("volumes {files:?}, files {there:?}"));
    }
    for (table, condition, expected) in [
        ("claim", "1 = 1", on_host),
        ("operation_lock", "1 = 1", 0),
        ("operation", "status = 'stuck'", 0),
        ("server_residue", "1 = 1", 0),
        (
            "volume_attachment",
            "volume_id NOT IN (SELECT volume_id FROM server_volume)",
            0,
        ),
        (
            "port",
            "id NOT IN (SELECT port_id FROM server_nic) AND device_owner LIKE 'compute%'",
            0,
        ),
        ("server_nic", "port_id NOT IN (SELECT id FROM port)", 0),
        ("address", "port_id NOT IN (SELECT id FROM port)", 0),
        ("image", "status IN ('queued', 'saving', 'importing')", 0),
    ] {
        let count = lab.count(table, condition).await;
        if count != expected {
            return Some(format!(
                "{table} where {condition}: {count}, not {expected}"
            ));
        }
    }
    None
}

async fn run(lab: Lab, acts: &[(Act, bool)], seed: u64) {
    let empty = lab.world().await;
    lab.cloud.bus.weather.turn(Some(storm(seed)));
    for (act, other) in acts {
        let through = if *other {
            lab.through_companion()
        } else {
            (lab.cx.clone(), lab.system())
        };
        match play(&lab, &through, *act).await {
            // Not possible now, or not known yet: people try again.
            Err(error) if error.status() >= 500 && error.status() != 503 => {
                panic!("{act:?}: {error}")
            }
            Ok(()) | Err(_) => {}
        }
    }
    lab.cloud.bus.weather.turn(None);
    quiet(&lab).await;
    let mut last = None;
    let agree = async {
        loop {
            last = disagreement(&lab).await;
            if last.is_none() {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    let agreed = tokio::time::timeout(Duration::from_secs(20), agree).await;
    assert!(
        agreed.is_ok(),
        "{}\n{}",
        last.unwrap_or_default(),
        lab.open().await
    );
    for host in [HOST, SECOND] {
        let enabled = HostDecision {
            enabled: Some(true),
            ..HostDecision::default()
        };
        let system = lab.system();
        compute::host_update(&system, host, &enabled).await.unwrap();
    }
    lab.delete_all().await;
    becomes(&lab, &empty, &[], "all deleted").await;
}

/// Who does what: everything through the first control process, or also through the second.
fn acts() -> impl Strategy<Value = Vec<(Act, bool)>> {
    prop::collection::vec((act(), any::<bool>()), 10..40)
}

/// On a runtime of its own.
fn on_a_runtime(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(work);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, max_shrink_iters: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn database_agent_and_hypervisor_agree_after_any_schedule(acts in acts(), seed in any::<u64>()) {
        on_a_runtime(async { run(Lab::with_second().await, &acts, seed).await });
    }

    #[test]
    fn they_agree_as_well_when_two_control_processes_share_the_work_and_one_dies(
        acts in acts(),
        seed in any::<u64>(),
    ) {
        on_a_runtime(async { run(Lab::with_companion().await, &acts, seed).await });
    }
}
