//! A server put together for its node, from what each service knows of it.

use std::path::PathBuf;

use crate::compute::config_drive::{DriveFacts, DriveNic, config_drive};
use crate::compute::model::{DEFAULT_ZONE, ImageCopy, Server, ServerNic};
use crate::compute::rpc::{ConfigDrive, InstanceSpec, RootDisk};
use crate::compute::store;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::{ImageId, PortId};
use crate::image::ops::{image_for_boot, image_served};
use crate::image::rpc::ImageSource;
use crate::network::ops::{PortGuest, port_guests};
use crate::volume::ops::volume_connection;

/// The whole server as its node needs to know it to define its guest. Its image may be gone by now.
pub async fn instance_spec(cx: &Context, server: &Server) -> Result<InstanceSpec> {
    let source = match (server.image, &server.detail.image) {
        (Some(id), Some(image)) => Some(remembered(id, image)?),
        _ => None,
    };
    spec(cx, server, source).await
}

/// The same with the image as it is now, for a node that makes the root disk of it.
pub async fn instance_spec_with_image(cx: &Context, server: &Server) -> Result<InstanceSpec> {
    let source = match server.image {
        Some(id) => Some(image_served(cx, image_for_boot(cx, id).await?.1).await?),
        None => None,
    };
    spec(cx, server, source).await
}

async fn spec(cx: &Context, server: &Server, source: Option<ImageSource>) -> Result<InstanceSpec> {
    let mut conn = cx.db.read().await?;
    let nics = store::server_link::nics(&mut conn, server.id).await?;
    let disks = store::server_link::volumes(&mut conn, server.id).await?;
    drop(conn);
    let ids: Vec<PortId> = nics.iter().map(|nic| nic.port).collect();
    let guests = port_guests(cx, &ids).await?;
    let mut volumes = Vec::with_capacity(disks.len());
    for disk in disks {
        volumes.push(volume_connection(cx, disk.volume).await?);
    }
    let drive = server
        .detail
        .config_drive
        .then(|| drive(cx, server, &guests, &nics));
    Ok(InstanceSpec {
        id: server.id,
        generation: server.generation,
        name: server.name.clone(),
        vcpus: server.flavor.vcpus,
        memory_mb: server.flavor.memory_mb,
        root: match source {
            Some(source) => RootDisk::Image {
                source,
                size_gb: server.flavor.disk_gb,
            },
            None => RootDisk::Volume,
        },
        volumes,
        ports: guests.into_iter().map(|guest| guest.spec).collect(),
        config_drive: drive,
        properties: server
            .image_properties()
            .into_iter()
            .filter(|(name, _)| name.starts_with("hw_"))
            .collect(),
    })
}

/// The files of a server's config drive, whether or not it has one.
pub async fn server_drive(cx: &Context, server: &Server) -> Result<ConfigDrive> {
    let mut conn = cx.db.read().await?;
    let nics = store::server_link::nics(&mut conn, server.id).await?;
    drop(conn);
    let ids: Vec<PortId> = nics.iter().map(|nic| nic.port).collect();
    let guests = port_guests(cx, &ids).await?;
    Ok(drive(cx, server, &guests, &nics))
}

fn drive(cx: &Context, server: &Server, guests: &[PortGuest], nics: &[ServerNic]) -> ConfigDrive {
    let nics: Vec<DriveNic> = guests
        .iter()
        .zip(nics)
        .map(|(guest, nic)| DriveNic {
            port: guest.spec.clone(),
            subnets: guest.subnets.clone(),
            subnets6: guest.subnets6.clone(),
            tag: nic.tag.clone(),
        })
        .collect();
    config_drive(DriveFacts {
        server,
        nics: &nics,
        availability_zone: server.availability_zone.as_deref().unwrap_or(DEFAULT_ZONE),
        dns_domain: &cx.config.network.dns_domain,
    })
}

/// What a node needs to know of an image whose disk it has: all but where to fetch it.
fn remembered(id: ImageId, image: &ImageCopy) -> Result<ImageSource> {
    Ok(ImageSource {
        id,
        format: image.format.parse().map_err(|()| {
            Error::Internal(format!(
                "image {id} is remembered with the format {:?}, which is not known",
                image.format
            ))
        })?,
        bytes: image.bytes,
        sha512: image.sha512.clone(),
        path: PathBuf::new(),
        depot: None,
    })
}
