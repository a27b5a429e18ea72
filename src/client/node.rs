//! Nodes, and how machines become some.

use std::time::Duration;

use super::error::{ClientError, Result};
use super::{Client, Service};
use crate::api::wire::ErrorInfo;
use crate::compute::wire::{
    Fencing, Node, NodeInvitation, NodeInvite, NodeJoin, NodeJoined, NodeList,
};
use crate::fetch::chain;

const SKYDECK: Service = Service::Skydeck;
/// How long joining may take.
const TIMEOUT: Duration = Duration::from_secs(30);

impl Client {
    /// Control processes and nodes.
    pub async fn node_list(&self) -> Result<Vec<Node>> {
        let call = self.get(SKYDECK, &["nodes"]);
        Ok(call.parse::<NodeList>().await?.nodes)
    }

    /// Invites a node.
    pub async fn node_add(&self, invite: &NodeInvite) -> Result<NodeInvitation> {
        self.post(SKYDECK, &["nodes"]).json(invite).parse().await
    }

    /// Begins to make a node dead for sure and its servers anew elsewhere; answers with the operation's id.
    pub async fn node_fence(&self, name: &str) -> Result<String> {
        let call = self.post(SKYDECK, &["nodes", name, "fence"]);
        Ok(call.parse::<Fencing>().await?.operation_id)
    }

    /// Forgets a node.
    pub async fn node_remove(&self, name: &str) -> Result<()> {
        let call = self.delete(SKYDECK, &["nodes", name]);
        call.accept().await.map(drop)
    }
}

/// Redeems an invitation. Nobody is logged in: the token is the right to it. With `https` the certificate must have this
/// fingerprint, or be one that the system trusts if none is given.
pub async fn node_join(
    url: &str,
    fingerprint: Option<&str>,
    join: &NodeJoin,
) -> Result<NodeJoined> {
    let endpoint = url.to_owned();
    let what = "join".to_owned();
    let broken = |error: &reqwest::Error| ClientError::Unreachable {
        endpoint: url.to_owned(),
        reason: chain(error),
    };
    let http = crate::depot::dial::client(url, fingerprint)
        .map_err(|reason| ClientError::Config {
            what: endpoint.clone(),
            reason,
        })?
        .timeout(TIMEOUT)
        .build()
        .map_err(|error| broken(&error))?;
    let request = http.post(format!("{}/skydeck/v1/join", url.trim_end_matches('/')));
    let answer = request
        .json(join)
        .send()
        .await
        .map_err(|error| broken(&error.without_url()))?;
    let status = answer.status().as_u16();
    let body = answer
        .bytes()
        .await
        .map_err(|error| broken(&error.without_url()))?;
    if status != 200 {
        return Err(ClientError::Refused {
            service: SKYDECK.name(),
            what,
            info: Box::new(ErrorInfo::parse(status, &body)),
        });
    }
    serde_json::from_slice(&body).map_err(|error| ClientError::Unreadable {
        service: SKYDECK.name(),
        what,
        reason: error.to_string(),
    })
}
