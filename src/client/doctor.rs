//! The doctor; only Skydeck has one.

use super::{Client, Result, Service};
use crate::doctor::wire::{Finding, FindingList, Treat};

const SKYDECK: Service = Service::Skydeck;

impl Client {
    /// What is not as it should be on any host, the worst first.
    pub async fn finding_list(&self) -> Result<Vec<Finding>> {
        let call = self.get(SKYDECK, &["doctor"]);
        Ok(call.parse::<FindingList>().await?.findings)
    }

    /// Does what a finding of a host proposes.
    pub async fn finding_treat(&self, host: &str, id: &str) -> Result<()> {
        let (host, id) = (host.to_owned(), id.to_owned());
        let call = self.post(SKYDECK, &["doctor", "treat"]);
        call.json(&Treat { host, id }).accept().await.map(drop)
    }
}
