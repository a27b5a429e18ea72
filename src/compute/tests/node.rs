//! A node for tests: what `compute.<host>` and `volume.<host>` answer, over the simulated hypervisor, with its files kept
//! as facts in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use crate::bus::Serving;
use crate::bus::dedupe::Dedupe;
use crate::bus::{Bus, Fault, FaultKind, Handler, Incoming, Rpc};
use crate::compute::rpc::*;
use crate::hypervisor::sim::{SimConfig, SimHost};
use crate::hypervisor::spec::{DiskBus, DiskDevice, DiskFormat, DiskSpec, GuestSpec, NicSpec};
use crate::hypervisor::{GuestState, HvError, Hypervisor, PowerState, VirtType};
use crate::ids::{ServerId, Time, VolumeId};
use crate::network::rpc::{NetworkApplied, NetworkApply, PortSpec};
use crate::volume::rpc::*;

/// A root disk: its size, and the size to go back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk {
    pub gb: u64,
    pub old: Option<u64>,
    /// How often it was made anew.
    pub made: u32,
}

#[derive(Default)]
pub struct Facts {
    pub disks: BTreeMap<ServerId, Disk>,
    pub volumes: BTreeMap<VolumeId, u64>,
    pub network: Option<NetworkApply>,
    pub calls: Vec<String>,
    /// Methods that are refused, until taken out.
    pub refused: BTreeSet<&'static str>,
    pub drives: BTreeMap<ServerId, Vec<String>>,
}

pub struct TestNode {
    pub host: String,
    pub hypervisor: SimHost,
    facts: Mutex<Facts>,
    dedupe: Dedupe,
}

impl TestNode {
    pub fn new(host: &str, vcpus: u32, memory_mb: u64) -> Arc<Self> {
        let config = SimConfig {
            vcpus,
            memory_mb,
            deadline: Duration::from_millis(200),
            ..SimConfig::default()
        };
        Arc::new(Self {
            host: host.to_owned(),
            hypervisor: SimHost::open(config).unwrap(),
            facts: Mutex::default(),
            dedupe: Dedupe::default(),
        })
    }

    pub fn serve(self: &Arc<Self>, bus: &Bus) -> Vec<Serving> {
        vec![
            bus.serve(COMPUTE, &self.host, self.clone()),
            bus.serve(VOLUME, &self.host, self.clone()),
        ]
    }

    pub fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap()
    }

    pub async fn guests(&self) -> Vec<GuestState> {
        self.hypervisor.guests().await.unwrap()
    }

    pub async fn report(&self) -> HostReport {
        HostReport {
            host: self.host.clone(),
            version: "test".into(),
            started: Time(1),
            sent: Time::now(),
            seen: Time::now(),
            info: self.hypervisor.host().await.ok(),
            trouble: None,
            disk_gb: (1000, 1000),
            uptime: None,
            address: None,
            physical_networks: Vec::new(),
            metrics: Default::default(),
            guests: self.hypervisor.guests().await.ok(),
        }
    }

    async fn answer(&self, incoming: &Incoming) -> Result<Value, Fault> {
        match incoming.method.as_str() {
            RootDiskEnsure::METHOD => {
                self.root_disk_ensure(&incoming.parse()?);
                reply(())
            }
            RootDiskResize::METHOD => {
                self.root_disk_resize(&incoming.parse()?);
                reply(())
            }
            RootDiskSettle::METHOD => {
                self.root_disk_settle(&incoming.parse()?);
                reply(())
            }
            InstanceEnsure::METHOD => reply(self.ensure(incoming.parse()?).await?),
            InstancePower::METHOD => reply(self.power(incoming.parse()?).await?),
            InstanceDelete::METHOD => reply(self.delete(incoming.parse()?).await?),
            InstanceSnapshot::METHOD => reply(self.snapshot(incoming.parse()?).await?),
            InstanceSnapshotEnd::METHOD => reply(()),
            ConsoleLog::METHOD => reply("booted".to_owned()),
            VolumeAttach::METHOD => {
                let request: VolumeAttach = incoming.parse()?;
                let disk = volume_disk(&request.volume);
                reply(
                    self.hypervisor
                        .attach_disk(request.id, &disk)
                        .await
                        .map_err(fault)?,
                )
            }
            VolumeDetach::METHOD => {
                let VolumeDetach { id, volume } = incoming.parse()?;
                reply(
                    self.hypervisor
                        .detach_disk(id, volume)
                        .await
                        .map_err(fault)?,
                )
            }
            PortAttach::METHOD => {
                let request: PortAttach = incoming.parse()?;
                let nic = nic(&request.port);
                reply(
                    self.hypervisor
                        .attach_nic(request.id, &nic)
                        .await
                        .map_err(fault)?,
                )
            }
            PortDetach::METHOD => {
                let PortDetach { id, port } = incoming.parse()?;
                reply(self.hypervisor.detach_nic(id, port).await.map_err(fault)?)
            }
            NetworkApply::METHOD => {
                let apply: NetworkApply = incoming.parse()?;
                let generation = apply.desired.generation;
                self.facts().network = Some(apply);
                reply(NetworkApplied {
                    generation,
                    changes: Vec::new(),
                    problems: Vec::new(),
                })
            }
            VolumeCreate::METHOD => {
                let request: VolumeCreate = incoming.parse()?;
                self.facts().volumes.insert(request.id, request.size_gb);
                reply(VolumeConnection {
                    id: request.id,
                    path: format!("/volumes/{}", request.id).into(),
                    format: DiskFormat::Qcow2,
                })
            }
            VolumeDelete::METHOD => {
                let request: VolumeDelete = incoming.parse()?;
                self.facts().volumes.remove(&request.id);
                reply(())
            }
            other => Err(Fault::new(FaultKind::Refused, format!("no {other} here"))),
        }
    }

    fn root_disk_ensure(&self, request: &RootDiskEnsure) {
        let RootDisk::Image { size_gb, .. } = request.spec.root else {
            return;
        };
        let mut facts = self.facts();
        let found = facts.disks.get(&request.spec.id).copied();
        if found.is_none() || request.rebuild {
            let disk = Disk {
                gb: size_gb,
                old: None,
                made: found.map_or(0, |disk| disk.made) + 1,
            };
            facts.disks.insert(request.spec.id, disk);
        }
    }

    fn root_disk_resize(&self, request: &RootDiskResize) {
        if let Some(disk) = self.facts().disks.get_mut(&request.id)
            && disk.gb < request.size_gb
        {
            disk.old = Some(disk.gb);
            disk.gb = request.size_gb;
        }
    }

    fn root_disk_settle(&self, request: &RootDiskSettle) {
        if let Some(disk) = self.facts().disks.get_mut(&request.id)
            && let Some(old) = disk.old.take()
            && request.keep == KeepDisk::Old
        {
            disk.gb = old;
        }
    }

    async fn ensure(&self, request: InstanceEnsure) -> Result<GuestState, Fault> {
        let spec = &request.spec;
        let found = self.state(spec.id).await?;
        if found
            .as_ref()
            .is_some_and(|found| found.generation > spec.generation)
        {
            return Err(Fault::new(FaultKind::Conflict, "it is newer here"));
        }
        if found
            .as_ref()
            .is_none_or(|found| found.generation < spec.generation)
        {
            self.hypervisor.define(&guest(spec)).await.map_err(fault)?;
            let files = spec.config_drive.iter().flat_map(|drive| &drive.files);
            let names = files.map(|(name, _)| name.clone()).collect();
            self.facts().drives.insert(spec.id, names);
        }
        let running = found.is_some_and(|found| found.power == PowerState::Running);
        if request.start && !running {
            self.hypervisor.start(spec.id).await.map_err(fault)?;
        }
        Ok(self.state(spec.id).await?.unwrap())
    }

    async fn power(&self, request: InstancePower) -> Result<PowerState, Fault> {
        let (id, hypervisor) = (request.id, &self.hypervisor);
        match request.action {
            PowerAction::Start => hypervisor.start(id).await,
            PowerAction::Stop | PowerAction::PowerOff => hypervisor.destroy(id).await,
            PowerAction::SoftReboot => hypervisor.reboot(id).await,
            PowerAction::HardReboot => hypervisor.reset(id).await,
            PowerAction::Pause => hypervisor.pause(id).await,
            PowerAction::Unpause => hypervisor.resume(id).await,
            PowerAction::Suspend => hypervisor.suspend(id).await,
        }
        .map_err(fault)?;
        Ok(self.state(id).await?.unwrap().power)
    }

    async fn delete(&self, request: InstanceDelete) -> Result<(), Fault> {
        self.hypervisor.undefine(request.id).await.map_err(fault)?;
        let mut facts = self.facts();
        facts.disks.remove(&request.id);
        facts.drives.remove(&request.id);
        Ok(())
    }

    async fn snapshot(&self, request: InstanceSnapshot) -> Result<SnapshotFile, Fault> {
        let path = request.upload_dir.join(format!("{}.qcow2", request.image));
        let bytes = self
            .hypervisor
            .copy_root_disk(request.id, &path, &|_| {})
            .await
            .map_err(fault)?;
        Ok(SnapshotFile {
            path,
            bytes,
            virtual_bytes: 1 << 30,
        })
    }

    async fn state(&self, id: ServerId) -> Result<Option<GuestState>, Fault> {
        let guests = self.hypervisor.guests().await.map_err(fault)?;
        Ok(guests.into_iter().find(|guest| guest.id == id))
    }
}

#[async_trait]
impl Handler for TestNode {
    async fn handle(&self, incoming: Incoming) -> Result<Value, Fault> {
        let refused = {
            let mut facts = self.facts();
            facts.calls.push(incoming.method.clone());
            facts.refused.contains(incoming.method.as_str())
        };
        if refused {
            return Err(Fault::new(
                FaultKind::Refused,
                format!("{} was refused by a test", incoming.method),
            ));
        }
        self.dedupe.run(&incoming, self.answer(&incoming)).await
    }
}

fn reply<T: serde::Serialize>(value: T) -> Result<Value, Fault> {
    Ok(serde_json::to_value(value).unwrap())
}

fn fault(error: HvError) -> Fault {
    let kind = match &error {
        HvError::NotFound(_) => FaultKind::NotFound,
        HvError::WrongState { .. } => FaultKind::Conflict,
        HvError::Refused(_) | HvError::Unsupported(_) => FaultKind::Refused,
        HvError::Unavailable(_) => FaultKind::Unavailable,
    };
    Fault::new(kind, error.to_string())
}

fn volume_disk(volume: &VolumeConnection) -> DiskSpec {
    DiskSpec {
        path: volume.path.clone(),
        format: volume.format,
        bus: DiskBus::Virtio,
        device: DiskDevice::Disk,
        serial: Some(volume.id),
    }
}

fn nic(port: &PortSpec) -> NicSpec {
    NicSpec {
        port: port.id,
        tap: format!("tap{}", port.id.short()),
        bridge: "br".into(),
        mac: port.mac.clone(),
        mtu: port.mtu,
        model: "virtio".into(),
    }
}

fn guest(spec: &InstanceSpec) -> GuestSpec {
    let root = matches!(spec.root, RootDisk::Image { .. }).then(|| DiskSpec {
        path: "/disk".into(),
        format: DiskFormat::Qcow2,
        bus: DiskBus::Virtio,
        device: DiskDevice::Disk,
        serial: None,
    });
    GuestSpec {
        id: spec.id,
        generation: spec.generation,
        name: format!("instance-{}", spec.id.short()),
        title: spec.name.clone(),
        vcpus: spec.vcpus,
        memory_mb: spec.memory_mb,
        virt_type: VirtType::Sim,
        machine: None,
        disks: root
            .into_iter()
            .chain(spec.volumes.iter().map(volume_disk))
            .collect(),
        config_drive: None,
        nics: spec.ports.iter().map(nic).collect(),
        console_log: "/dev/null".into(),
    }
}

/// A guest that no server has.
pub fn bare_guest(id: ServerId) -> GuestSpec {
    GuestSpec {
        id,
        generation: 1,
        name: format!("instance-{}", id.short()),
        title: "stray".into(),
        vcpus: 1,
        memory_mb: 64,
        virt_type: VirtType::Sim,
        machine: None,
        disks: Vec::new(),
        config_drive: None,
        nics: Vec::new(),
        console_log: "/dev/null".into(),
    }
}
