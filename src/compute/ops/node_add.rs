//! Inviting a node: a token that lets one machine in under one name, once, for a while.

use rand::RngExt;
use sha2::{Digest, Sha256};

use super::host_list::down_us;
use crate::bus;
use crate::compute::store;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::Time;

/// Longest name of a node that is invited: it becomes part of the names of queues.
const LONGEST_NAME: usize = 63;
/// Minutes that an invitation may be good for.
const MINUTES: std::ops::RangeInclusive<i64> = 1..=1440;

/// What the new machine needs to join.
pub struct Invitation {
    /// The secret; it is not shown again.
    pub token: String,
    /// Where to come with it.
    pub url: String,
    /// Of the certificate there, if it speaks TLS.
    pub fingerprint: Option<String>,
    /// When it is void.
    pub expires_at: Time,
}

/// Invites a node under this name. Refuses while anything is missing without which the machine could not work.
pub async fn node_add(cx: &Context, name: &str, minutes: i64) -> Result<Invitation> {
    check_name(name)?;
    if !MINUTES.contains(&minutes) {
        let (least, most) = MINUTES.into_inner();
        let reason = format!("{least} to {most} are allowed");
        return Err(Error::invalid("minutes", reason));
    }
    bus_url_for_nodes(cx)?;
    if cx.depot.url().is_empty() {
        return Err(Error::conflict(
            "this control process has no address that other machines can reach: have it listen on one (api.listen, like \"tls:10.0.0.1:8775\"), or set api.node_url if it listens on all, and start it again",
        ));
    }
    let token = hex::encode(rand::rng().random::<[u8; 32]>());
    let expires_at = Time::now().plus_seconds(minutes * 60);
    let mut tx = cx.db.begin().await?;
    let known = store::host::by_name(&mut tx, name, down_us(cx)).await?;
    if known.is_some_and(|host| host.up) {
        return Err(taken(name));
    }
    store::node_join::issue(&mut tx, &hash(&token), name, expires_at).await?;
    tx.commit().await?;
    tracing::info!(name, minutes, "a node was invited");
    Ok(Invitation {
        token,
        url: cx.depot.url().to_owned(),
        fingerprint: cx.depot.fingerprint().map(str::to_owned),
        expires_at,
    })
}

/// The bus as nodes are told it. An error says what to configure.
pub(super) fn bus_url_for_nodes(cx: &Context) -> Result<&str> {
    let settings = &cx.config.bus;
    if settings.is_local() {
        return Err(Error::conflict(
            "bus.url is \"local:\", which serves one process only: install RabbitMQ, set bus.url to amqps://user:password@ADDRESS:5671/vhost (or amqp:// on a trusted network) in the settings of every control process, and start them again",
        ));
    }
    if !settings.cert_file.as_os_str().is_empty() {
        return Err(Error::conflict(
            "the broker wants a certificate of each of its clients (bus.cert_file): nodes have to be given theirs by hand, together with their settings ([bus] and [agent] in /etc/skydeck/config.toml)",
        ));
    }
    let url = match settings.node_url.as_str() {
        "" => &settings.url,
        url => url,
    };
    if settings.node_url.is_empty() && bus::is_loopback(url) {
        return Err(Error::conflict(
            "bus.url names an address of this machine alone, which means another broker on every other one: set bus.node_url to the address under which other machines reach the broker",
        ));
    }
    Ok(url)
}

fn check_name(name: &str) -> Result<()> {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins && name.chars().all(inside) && name.len() <= LONGEST_NAME {
        return Ok(());
    }
    Err(Error::invalid(
        "name",
        format!(
            "{name:?} is no name of a node: 1 to {LONGEST_NAME} letters, digits, dashes, dots and underscores, a letter or digit first"
        ),
    ))
}

/// A name belongs to a machine that is there.
pub(super) fn taken(name: &str) -> Error {
    Error::conflict(format!(
        "there is a node {name} already, and it is up; choose another name, or stop that one first (skydeck node leave, on it)"
    ))
}

pub(in crate::compute) fn hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}
