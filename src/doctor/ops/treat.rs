//! Doing what a finding proposes.

use super::examine::examine_host;
use crate::compute;
use crate::context::Context;
use crate::doctor::model::Remedy;
use crate::error::{Error, Result};
use crate::network;

/// Examines the host once more and, if the finding is still there, does what it proposes.
pub async fn treat(cx: &Context, host: &str, id: &str) -> Result<()> {
    let findings = examine_host(cx, host).await?;
    let Some(finding) = findings.iter().find(|finding| finding.id() == id) else {
        return Err(Error::conflict(format!(
            "{host} is not as it was when this was found; examine it again"
        )));
    };
    match finding.remedy {
        Some(Remedy::Repair) => network::ops::host_network_tell(cx, host).await,
        Some(Remedy::Remove(server)) => compute::ops::server_remains_remove(cx, host, server).await,
        None => Err(Error::conflict(format!(
            "there is nothing that can be done from here about this: {}; {}",
            finding.found, finding.advice
        ))),
    }
}
