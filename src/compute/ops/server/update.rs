//! What a server is called.

use super::access::{legal_on_conn, tell};
use super::check::{check_address, check_disk_config, check_hostname, check_name, check_text};
use crate::compute::model::{Action, ServerView};
use crate::compute::store;
use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::ids::ServerId;

/// What to change; absent fields stay.
#[derive(Clone, Debug, Default)]
pub struct ServerChanges {
    /// Name.
    pub name: Option<String>,
    /// For people; the inner `None` clears it.
    pub description: Option<Option<String>>,
    /// Address to show; empty clears it.
    pub access_ipv4: Option<String>,
    /// Address to show; empty clears it.
    pub access_ipv6: Option<String>,
    /// `AUTO` or `MANUAL`.
    pub disk_config: Option<String>,
    /// Host name inside; the guest learns it when it is next made anew.
    pub hostname: Option<String>,
}

/// Changes it. The guest is not touched.
pub async fn server_update(
    cx: &Context,
    id: ServerId,
    changes: ServerChanges,
) -> Result<ServerView> {
    let mut tx = cx.db.begin().await?;
    let mut server = legal_on_conn(&mut tx, cx, id, Action::Update).await?;
    if let Some(name) = changes.name {
        check_name("name", &name)?;
        server.name = name;
    }
    if let Some(description) = changes.description {
        check_text(
            "description",
            description.as_deref().unwrap_or_default(),
            0,
            255,
        )?;
        server.detail.description = description;
    }
    if let Some(address) = changes.access_ipv4 {
        server.detail.access_ipv4 = check_address::<std::net::Ipv4Addr>("accessIPv4", address)?;
    }
    if let Some(address) = changes.access_ipv6 {
        server.detail.access_ipv6 = check_address::<std::net::Ipv6Addr>("accessIPv6", address)?;
    }
    if let Some(disk_config) = changes.disk_config {
        server.detail.disk_config = check_disk_config(disk_config)?;
    }
    if let Some(hostname) = changes.hostname {
        check_hostname(&hostname)?;
        server.detail.hostname = hostname;
    }
    if !store::server::write_fields(&mut tx, &server).await? {
        return Err(changed_meanwhile(id));
    }
    tx.commit().await?;
    tell(cx, &server, Change::Updated);
    super::server_show(cx, id).await
}

/// Somebody else wrote first.
pub fn changed_meanwhile(id: ServerId) -> Error {
    Error::conflict(format!(
        "somebody else changed server {id} at the same moment; try again"
    ))
}
