//! What a guest asks at 169.254.169.254 or fe80::a9fe:a9fe, passed on by the node where it is asked.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::CONDUCTOR;
use crate::bus::Rpc;
use crate::ids::{NetworkId, RouterId};

/// Where a guest asked: it is one on this network, or on one of this router's. Addresses mean nothing without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetadataPlace {
    /// On a network.
    Network(NetworkId),
    /// At a router.
    Router(RouterId),
}

/// A guest's question.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MetadataAsk {
    /// The node where it was asked.
    pub host: String,
    /// Where.
    pub place: MetadataPlace,
    /// The guest's address there; the node does not let it use another's.
    pub address: IpAddr,
    /// The path, beginning with a slash.
    pub path: String,
}

/// What a guest is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MetadataAnswer {
    /// In base64.
    Found(String),
    /// There is no such path.
    NoPath,
    /// No server has this address there.
    NoServer,
}

impl Rpc for MetadataAsk {
    const TOPIC: &'static str = CONDUCTOR;
    const METHOD: &'static str = "metadata_ask";
    type Reply = MetadataAnswer;
}
