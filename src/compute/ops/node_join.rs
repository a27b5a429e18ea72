//! A machine that was invited comes with its token, and is told the bus.

use super::host_list::down_us;
use super::node_add::{bus_url_for_nodes, hash, taken};
use crate::compute::store;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::Time;

/// Longest token that is looked at.
const LONGEST: usize = 256;
/// Longest file of certificates that is passed on.
const LONGEST_CA: u64 = 1 << 20;

/// What a node has to know.
pub struct Welcome {
    /// Its name.
    pub name: String,
    /// Where the broker is, with the password.
    pub bus_url: String,
    /// What the broker's certificate must be signed by, PEM; the node's system decides if absent.
    pub bus_ca: Option<String>,
}

/// Redeems the token. It is used up only if this succeeds.
pub async fn node_join(cx: &Context, token: &str) -> Result<Welcome> {
    let bus_url = bus_url_for_nodes(cx)?.to_owned();
    let bus_ca = bus_ca(cx, &bus_url).await?;
    let hash = hash(&token.chars().take(LONGEST).collect::<String>());
    let mut tx = cx.db.begin().await?;
    let Some(name) = store::node_join::show(&mut tx, &hash, Time::now()).await? else {
        return Err(used());
    };
    let known = store::host::by_name(&mut tx, &name, down_us(cx)).await?;
    if known.is_some_and(|host| host.up) {
        return Err(taken(&name));
    }
    if !store::node_join::take(&mut tx, &hash).await? {
        return Err(used());
    }
    tx.commit().await?;
    tracing::info!(name, "a node joins");
    Ok(Welcome {
        name,
        bus_url,
        bus_ca,
    })
}

fn used() -> Error {
    Error::Unauthorized(
        "the token is not known: it was used before, has expired, or was replaced by a newer one; `skydeck node add` on a control process makes another".into(),
    )
}

async fn bus_ca(cx: &Context, url: &str) -> Result<Option<String>> {
    let file = &cx.config.bus.ca_file;
    if !url.starts_with("amqps:") || file.as_os_str().is_empty() {
        return Ok(None);
    }
    let fail = |reason: String| {
        Error::Internal(format!(
            "bus.ca_file can not be passed on: {}: {reason}",
            file.display()
        ))
    };
    let length = tokio::fs::metadata(file)
        .await
        .map_err(|error| fail(error.to_string()))?;
    if length.len() > LONGEST_CA {
        return Err(fail(format!("it is larger than {LONGEST_CA} bytes")));
    }
    let text = tokio::fs::read_to_string(file).await;
    text.map(Some).map_err(|error| fail(error.to_string()))
}
