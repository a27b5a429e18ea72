//! Servers: `server …`, `console log show`, `server event …`, `server add volume`.

use super::request::Accepted;
use super::{Client, ListQuery, Pages, Result, Service};
use crate::api::wire::{Metadata, Secret};
use crate::compute::wire::{
    ConsoleOutput, ConsoleOutputQuery, CreateImage, CreatedServer, ImageCreated, InstanceAction,
    InstanceActionBody, InstanceActionList, InterfaceAttach, InterfaceAttachRequest,
    InterfaceAttachment, InterfaceAttachmentBody, InterfaceAttachmentList, MetadataBody, Networks,
    NetworksWord, RemoteConsoleBody, RemoteConsoleKind, RemoteConsoleRequest, Server, ServerAction,
    ServerBody, ServerCreateRequest, ServerCreated, ServerFields, ServerList, ServerTags,
    ServerUpdateRequest, VolumeAttach, VolumeAttachRequest, VolumeAttachment, VolumeAttachmentBody,
    VolumeAttachmentList,
};

const COMPUTE: Service = Service::Compute;

/// What a create answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Launched {
    /// The first server.
    Server(CreatedServer),
    /// The reservation, where it was asked for.
    Reservation(String),
}

impl Client {
    /// Servers, in detail.
    pub fn server_list(&self, query: &ListQuery) -> Pages<ServerList> {
        let call = self.get(COMPUTE, &["servers", "detail"]);
        Pages::new(call, query, Some(("all_tenants", "1")))
    }

    /// One server.
    pub async fn server_show(&self, id: &str) -> Result<Server> {
        let call = self.get(COMPUTE, &["servers", id]);
        Ok(call.parse::<ServerBody>().await?.server)
    }

    /// Begins to make servers. Without a word about networks they get the project's.
    pub async fn server_create(&self, mut request: ServerCreateRequest) -> Result<Launched> {
        let networks = &mut request.server.networks;
        networks.get_or_insert(Networks::Word(NetworksWord::Auto));
        let call = self.post(COMPUTE, &["servers"]).json(&request);
        Ok(match call.parse::<ServerCreated>().await? {
            ServerCreated::Server { server } => Launched::Server(server),
            ServerCreated::Reservation { reservation_id } => Launched::Reservation(reservation_id),
        })
    }

    /// Changes name, description and the like.
    pub async fn server_update(&self, id: &str, fields: ServerFields) -> Result<Server> {
        let body = ServerUpdateRequest { server: fields };
        let call = self.put(COMPUTE, &["servers", id]).json(&body);
        Ok(call.parse::<ServerBody>().await?.server)
    }

    /// Begins to delete a server.
    pub async fn server_delete(&self, id: &str) -> Result<Accepted> {
        self.delete(COMPUTE, &["servers", id]).accept().await
    }

    /// Does something to a server. For `createImage` and consoles there are methods that read the answer.
    pub async fn server_action(&self, id: &str, action: &ServerAction) -> Result<Accepted> {
        let call = self.post(COMPUTE, &["servers", id, "action"]).json(action);
        call.accept().await
    }

    /// Begins to make an image of a server's root disk, and answers the image's id.
    pub async fn server_image_create(&self, id: &str, image: CreateImage) -> Result<String> {
        let action = ServerAction::CreateImage(image);
        let call = self.post(COMPUTE, &["servers", id, "action"]).json(&action);
        let answer = call.clone().send().await?;
        // Before 2.45 the id is at the end of a header's address.
        let location = answer.headers.get("location");
        if let Some(location) = location.and_then(|value| value.to_str().ok()) {
            let image_id = location.trim_end_matches('/').rsplit('/').next();
            return image_id
                .filter(|id| !id.is_empty())
                .map(str::to_owned)
                .ok_or_else(|| call.unreadable("there is no image id"));
        }
        Ok(answer.parse::<ImageCreated>()?.image_id)
    }

    /// Sets pairs of a server's metadata; others stay.
    pub async fn server_metadata_set(&self, id: &str, metadata: Metadata) -> Result<Metadata> {
        let call = self.post(COMPUTE, &["servers", id, "metadata"]);
        let body = call
            .json(&MetadataBody { metadata })
            .parse::<MetadataBody>();
        Ok(body.await?.metadata)
    }

    /// Takes one pair of a server's metadata away.
    pub async fn server_metadata_delete(&self, id: &str, key: &str) -> Result<()> {
        let call = self.delete(COMPUTE, &["servers", id, "metadata", key]);
        call.accept().await.map(drop)
    }

    /// Replaces a server's tags.
    pub async fn server_tags_set(&self, id: &str, tags: Vec<String>) -> Result<Vec<String>> {
        let call = self.put(COMPUTE, &["servers", id, "tags"]);
        let body = call.json(&ServerTags { tags }).parse::<ServerTags>();
        Ok(body.await?.tags)
    }

    /// What was done to a server, newest first.
    pub fn server_event_list(&self, id: &str, query: &ListQuery) -> Pages<InstanceActionList> {
        let call = self.get(COMPUTE, &["servers", id, "os-instance-actions"]);
        Pages::new(call, query, None)
    }

    /// One action with its parts.
    pub async fn server_event_show(&self, id: &str, request_id: &str) -> Result<InstanceAction> {
        let call = self.get(COMPUTE, &["servers", id, "os-instance-actions", request_id]);
        Ok(call.parse::<InstanceActionBody>().await?.instance_action)
    }

    /// The end of what a server wrote on its serial port: so many lines, or all that is kept.
    pub async fn console_log_show(&self, id: &str, lines: Option<i64>) -> Result<String> {
        let action = ServerAction::GetConsoleOutput(ConsoleOutputQuery { length: lines });
        let call = self.post(COMPUTE, &["servers", id, "action"]).json(&action);
        Ok(call.parse::<ConsoleOutput>().await?.output)
    }

    /// A one-time address of a server's serial console. [`Client::console_open`] also connects.
    pub async fn console_url_show(&self, id: &str) -> Result<Secret> {
        let body = RemoteConsoleRequest {
            remote_console: RemoteConsoleKind {
                protocol: "serial".to_owned(),
                kind: "serial".to_owned(),
            },
        };
        let call = self.post(COMPUTE, &["servers", id, "remote-consoles"]);
        let answer = call.json(&body).parse::<RemoteConsoleBody>();
        Ok(answer.await?.remote_console.url)
    }

    /// Volumes of a server.
    pub async fn server_volume_list(&self, id: &str) -> Result<Vec<VolumeAttachment>> {
        let call = self.get(COMPUTE, &["servers", id, "os-volume_attachments"]);
        Ok(call
            .parse::<VolumeAttachmentList>()
            .await?
            .volume_attachments)
    }

    /// Begins to attach a volume.
    pub async fn server_volume_add(
        &self,
        id: &str,
        volume: VolumeAttach,
    ) -> Result<VolumeAttachment> {
        let body = VolumeAttachRequest {
            volume_attachment: volume,
        };
        let call = self.post(COMPUTE, &["servers", id, "os-volume_attachments"]);
        let answer = call.json(&body).parse::<VolumeAttachmentBody>();
        Ok(answer.await?.volume_attachment)
    }

    /// Begins to detach a volume.
    pub async fn server_volume_remove(&self, id: &str, volume_id: &str) -> Result<Accepted> {
        let call = self.delete(
            COMPUTE,
            &["servers", id, "os-volume_attachments", volume_id],
        );
        call.accept().await
    }

    /// Interfaces of a server.
    pub async fn server_interface_list(&self, id: &str) -> Result<Vec<InterfaceAttachment>> {
        let call = self.get(COMPUTE, &["servers", id, "os-interface"]);
        Ok(call
            .parse::<InterfaceAttachmentList>()
            .await?
            .interface_attachments)
    }

    /// Attaches a port, or a new port on a network.
    pub async fn server_interface_add(
        &self,
        id: &str,
        interface: InterfaceAttach,
    ) -> Result<InterfaceAttachment> {
        let body = InterfaceAttachRequest {
            interface_attachment: interface,
        };
        let call = self.post(COMPUTE, &["servers", id, "os-interface"]);
        let answer = call.json(&body).parse::<InterfaceAttachmentBody>();
        Ok(answer.await?.interface_attachment)
    }

    /// Detaches a port.
    pub async fn server_interface_remove(&self, id: &str, port_id: &str) -> Result<Accepted> {
        let call = self.delete(COMPUTE, &["servers", id, "os-interface", port_id]);
        call.accept().await
    }
}
