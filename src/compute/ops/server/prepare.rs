//! A request for servers against what there is: flavor, image, key, networks, volumes. Reads only.

use std::collections::HashSet;

use super::ports::{NicPlan, nics_plan};
use super::request::{DiskRequest, DiskSource, Hints, NewServer};
use super::security_groups::groups_plan;
use super::volumes::MakeVolume;
use crate::compute::model::{Flavor, FlavorCopy, ImageCopy, PlaceWish, Resources};
use crate::compute::ops::server_group_join::server_group_room_on_conn;
use crate::compute::ops::{flavor_show, keypair_show, zone_list};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::{ImageId, VolumeId};
use crate::image::ops::image_for_boot;
use crate::network::model::SecurityGroup;
use crate::volume::model::VolumeStatus;
use crate::volume::ops::volume_show;

/// Everything that is the same for all servers of a request.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The flavor.
    pub flavor: FlavorCopy,
    /// The image, unless it boots from a volume.
    pub image: Option<ImageFacts>,
    /// Name and text of the key.
    pub key: Option<(String, String)>,
    /// Its interfaces.
    pub nics: Vec<NicPlan>,
    /// Security groups of ports that are made; what a port gets by itself when absent.
    pub groups: Option<Vec<SecurityGroup>>,
    /// Its volumes, the one it boots from first.
    pub volumes: Vec<VolumePlan>,
    /// What it takes from its host.
    pub resources: Resources,
    /// Only this zone.
    pub zone: Option<String>,
    /// Only this host.
    pub host: Option<String>,
    /// Wishes to the scheduler.
    pub hints: Hints,
}

impl Prepared {
    /// Where its owner wants it, at the launch and later.
    pub fn wish(&self) -> PlaceWish {
        PlaceWish {
            availability_zone: self.zone.clone(),
            same_host: self.hints.same_host.clone(),
            different_host: self.hints.different_host.clone(),
            query: self.hints.query.clone(),
            near: self.hints.near,
        }
    }
}

/// A volume of a server to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumePlan {
    /// The volume, if it exists.
    pub existing: Option<VolumeId>,
    /// How to make it, if not.
    pub make: Option<MakeVolume>,
    /// Whether the server boots from it.
    pub boot: bool,
    /// Whether it is deleted with the server.
    pub delete_on_termination: bool,
    /// Label told to the guest.
    pub tag: Option<String>,
}

/// An image to boot from.
#[derive(Clone, Debug)]
pub struct ImageFacts {
    /// Its id.
    pub id: ImageId,
    /// Its name.
    pub name: String,
    /// What servers remember of it.
    pub copy: ImageCopy,
    /// GiB of disk that it needs.
    min_disk: u64,
    /// MiB of memory that it needs.
    min_ram: u64,
}

impl ImageFacts {
    /// Succeeds if a server of the flavor, with a root disk on its host, can boot from it.
    pub fn check_fits(&self, flavor: &FlavorCopy) -> Result<()> {
        self.check_memory(flavor)?;
        let needed = self.min_disk.max(self.copy.gib());
        if flavor.disk_gb != 0 && flavor.disk_gb < needed {
            return Err(Error::invalid(
                "flavorRef",
                format!(
                    "image {} needs a disk of {needed} GiB and flavor {} has {}; choose a larger flavor",
                    self.name, flavor.name, flavor.disk_gb
                ),
            ));
        }
        Ok(())
    }

    fn check_memory(&self, flavor: &FlavorCopy) -> Result<()> {
        if flavor.memory_mb < self.min_ram {
            return Err(Error::invalid(
                "flavorRef",
                format!(
                    "image {} needs {} MiB of memory and flavor {} has {}; choose a larger flavor",
                    self.name, self.min_ram, flavor.name, flavor.memory_mb
                ),
            ));
        }
        Ok(())
    }
}

/// Looks everything up. Errors name the field that is wrong.
pub async fn prepare(cx: &Context, request: &NewServer) -> Result<Prepared> {
    request.check()?;
    let flavor = found("flavorRef", flavor_show(cx, &request.flavor).await)?;
    let copy = flavor_copy(&flavor)?;
    let boot_volume = request.boot_volume();
    let image = match (request.image, boot_volume) {
        (Some(id), None) => Some(image_facts(cx, id).await?),
        _ => None,
    };
    if let Some(image) = &image {
        image.check_fits(&copy)?;
    }
    let mut host = request.host.clone();
    let (mut zone, forced) = zone_of(cx, request.availability_zone.as_deref()).await?;
    if host.is_some() {
        cx.require("compute:server:force_host")?;
    }
    host = host.or(forced);
    if zone.as_deref() == Some("") {
        zone = None;
    }
    let hints = request.hints()?;
    if let Some(group) = hints.group {
        let mut conn = cx.db.read().await?;
        server_group_room_on_conn(&mut conn, cx, group, request.count.0).await?;
    }
    let volumes = volumes_plan(cx, request, &copy, &mut host).await?;
    let nics = nics_plan(cx, &request.networks).await?;
    let image_gb = image.as_ref().map_or(0, |image| image.copy.gib());
    Ok(Prepared {
        resources: flavor.resources(image.is_some(), image_gb),
        flavor: copy,
        image,
        key: match &request.key_name {
            Some(name) => Some((name.clone(), key_of(cx, name).await?)),
            None => None,
        },
        groups: groups_plan(cx, &request.security_groups, &nics).await?,
        nics,
        volumes,
        zone,
        host,
        hints,
    })
}

/// What is not found here is a wrong field of the request, not a wrong address.
pub fn found<T>(field: &str, result: Result<T>) -> Result<T> {
    result.map_err(|error| match error {
        Error::NotFound { .. } => Error::invalid(field, error.to_string()),
        other => other,
    })
}

/// What servers remember of a flavor. Disks besides the root disk are not made here, so flavors with them are refused.
pub fn flavor_copy(flavor: &Flavor) -> Result<FlavorCopy> {
    if flavor.ephemeral_gb > 0 || flavor.swap_mb > 0 {
        return Err(Error::invalid(
            "flavorRef",
            format!(
                "flavor {} has an ephemeral disk or swap, which this cloud does not make; use a volume",
                flavor.name
            ),
        ));
    }
    Ok(FlavorCopy {
        id: flavor.id.clone(),
        name: flavor.name.clone(),
        vcpus: flavor.vcpus,
        memory_mb: flavor.memory_mb,
        disk_gb: flavor.disk_gb,
        ephemeral_gb: flavor.ephemeral_gb,
        swap_mb: flavor.swap_mb,
        extra_specs: flavor.extra_specs.clone(),
    })
}

/// An image that whoever asks may see and that is active.
pub async fn image_facts(cx: &Context, id: ImageId) -> Result<ImageFacts> {
    let (image, source) = match found("imageRef", image_for_boot(cx, id).await) {
        // Nova says 400 here, not 409.
        Err(Error::Conflict(reason)) => return Err(Error::invalid("imageRef", reason)),
        other => other?,
    };
    Ok(ImageFacts {
        id,
        name: if image.name.is_empty() {
            id.to_string()
        } else {
            image.name
        },
        copy: ImageCopy {
            format: source.format.name().to_owned(),
            bytes: source.bytes,
            sha512: source.sha512,
            virtual_bytes: image.virtual_size.unwrap_or(source.bytes),
            properties: image.properties,
        },
        min_disk: image.min_disk,
        min_ram: image.min_ram,
    })
}

/// The public key of this name, of whoever asks.
pub async fn key_of(cx: &Context, name: &str) -> Result<String> {
    let key = found("key_name", keypair_show(cx, name).await)?;
    Ok(key.public_key)
}

/// `zone`, or `zone:host` for administrators.
async fn zone_of(cx: &Context, text: Option<&str>) -> Result<(Option<String>, Option<String>)> {
    let Some(text) = text else {
        return Ok((None, None));
    };
    let (zone, host) = match text.split_once(':') {
        Some((zone, host)) => {
            cx.require("compute:server:force_host")?;
            (zone, Some(host.to_owned()).filter(|host| !host.is_empty()))
        }
        None => (text, None),
    };
    let zones = zone_list(cx).await?;
    if !zone.is_empty() && !zones.contains_key(zone) {
        let known: Vec<&str> = zones.keys().map(String::as_str).collect();
        return Err(Error::invalid(
            "availability_zone",
            format!("there is no zone {zone:?}; there is {}", known.join(", ")),
        ));
    }
    Ok((Some(zone.to_owned()), host))
}

/// The volumes, the one to boot from first. Those that exist decide the host, since nothing else reaches them.
async fn volumes_plan(
    cx: &Context,
    request: &NewServer,
    flavor: &FlavorCopy,
    host: &mut Option<String>,
) -> Result<Vec<VolumePlan>> {
    let mut plans = Vec::new();
    let mut seen = HashSet::new();
    for (at, disk) in request.disks.iter().enumerate() {
        if !disk.is_volume {
            continue;
        }
        let field = |name: &str| format!("block_device_mapping_v2[{at}].{name}");
        let mut plan = VolumePlan {
            existing: None,
            make: None,
            boot: disk.boot,
            delete_on_termination: disk.delete_on_termination,
            tag: disk.tag.clone(),
        };
        match disk.source {
            DiskSource::Volume(id) => {
                if !seen.insert(id) {
                    return Err(Error::invalid(field("uuid"), "it is named twice"));
                }
                let place = existing(cx, id, disk, &field("uuid")).await?;
                if let (Some(place), Some(asked)) = (&place, host.as_ref())
                    && place != asked
                {
                    return Err(Error::invalid(
                        field("uuid"),
                        format!("the volume is on {place}, and the server has to be on {asked}"),
                    ));
                }
                *host = place.or(host.take());
                plan.existing = Some(id);
            }
            DiskSource::Image(id) => {
                let image = image_facts(cx, id).await?;
                image.check_memory(flavor)?;
                let size = disk
                    .size_gb
                    .or((flavor.disk_gb > 0).then_some(flavor.disk_gb));
                plan.make = Some(MakeVolume {
                    size_gb: Some(size.unwrap_or(image.copy.gib()).max(1)),
                    image: Some(id),
                    snapshot: None,
                });
            }
            DiskSource::Snapshot(id) => {
                plan.make = Some(MakeVolume {
                    size_gb: disk.size_gb,
                    image: None,
                    snapshot: Some(id),
                });
            }
            DiskSource::Blank => {
                plan.make = Some(MakeVolume {
                    size_gb: disk.size_gb,
                    image: None,
                    snapshot: None,
                });
            }
        }
        plans.push(plan);
    }
    plans.sort_by_key(|plan| !plan.boot);
    Ok(plans)
}

/// A volume that exists, and its host.
async fn existing(
    cx: &Context,
    id: VolumeId,
    disk: &DiskRequest,
    field: &str,
) -> Result<Option<String>> {
    let volume = found(field, volume_show(cx, id).await)?;
    if volume.status != VolumeStatus::Available {
        return Err(Error::invalid(
            field,
            format!("volume {id} is {}; it has to be available", volume.status),
        ));
    }
    if disk.boot && !volume.bootable {
        return Err(Error::invalid(
            field,
            format!("volume {id} is not bootable"),
        ));
    }
    Ok(volume.host)
}
