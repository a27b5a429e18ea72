//! What a host's answer means, given what the database knows.

use std::collections::BTreeMap;

use crate::compute::ops::ServerStanding;
use crate::doctor::model::{Finding, Remedy, Severity};
use crate::doctor::rpc::{HostExamined, Mended};
use crate::ids::ServerId;

/// A host and what is known of it.
pub(super) struct Host<'a> {
    pub(super) name: &'a str,
    /// Why it could not be told its networks, or what it left out when it was.
    pub(super) trouble: Option<&'a str>,
    /// Its answer, or why there is none.
    pub(super) examined: Result<&'a HostExamined, &'a str>,
    /// What its servers are by the database.
    pub(super) servers: &'a BTreeMap<ServerId, ServerStanding>,
}

/// What is not as it should be.
pub(super) fn judge(host: &Host<'_>) -> Vec<Finding> {
    let examined = match host.examined {
        Ok(examined) => examined,
        Err(reason) => return silent(host, reason),
    };
    let mut findings = Vec::new();
    for problem in &examined.problems {
        findings.push(host.finding(
            Severity::Error,
            problem.clone(),
            "networks that need this do not work there".into(),
            None,
        ));
    }
    // All of it is repaired at once.
    if !examined.differences.is_empty() {
        findings.push(host.finding(
            Severity::Error,
            "its network is not as it was told".into(),
            examined.differences.join("; "),
            Some(Remedy::Repair),
        ));
    }
    // Words of the database that the host itself does not say any more are of another time.
    let untold = host
        .trouble
        .filter(|_| examined.problems.is_empty() && examined.differences.is_empty());
    if let Some(trouble) = untold {
        findings.push(host.finding(
            Severity::Error,
            format!("it could not be told its networks: {trouble}"),
            "it is told again every second; repair tells it now".into(),
            Some(Remedy::Repair),
        ));
    }
    for &id in &examined.guests {
        findings.extend(host.stray(id, None));
    }
    for remains in &examined.files {
        findings.extend(host.stray(remains.server, Some(remains.bytes)));
    }
    let together = examined.mended.chunk_by(|a, b| a.at == b.at);
    findings.extend(together.map(|mended| host.mended(mended)));
    findings
}

fn silent(host: &Host<'_>, reason: &str) -> Vec<Finding> {
    let mut findings =
        vec![
            host.finding(
                Severity::Error,
                format!("it can not be examined: {reason}"),
                "look at its power, its network, and its agent's log (journalctl -u skydeck-agent)"
                    .into(),
                None,
            ),
        ];
    findings.extend(host.trouble.map(|trouble| {
        host.finding(
            Severity::Error,
            format!("its networks: {trouble}"),
            "as it said when it was told last".into(),
            None,
        )
    }));
    findings
}

impl Host<'_> {
    fn finding(
        &self,
        severity: Severity,
        found: String,
        advice: String,
        remedy: Option<Remedy>,
    ) -> Finding {
        Finding {
            host: self.name.to_owned(),
            severity,
            found,
            advice,
            remedy,
            at: None,
        }
    }

    /// What was mended at one time.
    fn mended(&self, mended: &[Mended]) -> Finding {
        let changes: Vec<&str> = mended.iter().map(|one| one.change.as_str()).collect();
        Finding {
            at: mended.first().map(|one| one.at),
            ..self.finding(
                Severity::Mended,
                "its network was not as it was told".into(),
                changes.join("; "),
                None,
            )
        }
    }

    /// A guest, or files of so many bytes, of which the database says something else.
    fn stray(&self, id: ServerId, bytes: Option<u64>) -> Option<Finding> {
        let unknown = ServerStanding::Unknown;
        let (whose, severity, why) = match self.servers.get(&id).unwrap_or(&unknown) {
            ServerStanding::Here | ServerStanding::Moving => return None,
            ServerStanding::Elsewhere { name, host } => (
                format!("of server {name}, which is on {host}"),
                Severity::Error,
                format!("what runs on {host} stays"),
            ),
            ServerStanding::Nowhere { name } => (
                format!("of server {name}, which is on no host"),
                Severity::Error,
                "the server stays, without what is here".to_owned(),
            ),
            ServerStanding::Deleted { name } => (
                format!("of server {name}, which was deleted"),
                Severity::Warning,
                "nobody needs it by the database".to_owned(),
            ),
            ServerStanding::Unknown => (
                format!("of a server that nobody knows ({id})"),
                Severity::Warning,
                "it may be of another cloud, or from before a restored backup".to_owned(),
            ),
        };
        let found = match bytes {
            None => format!("it has a guest {whose}"),
            Some(bytes) => format!("it has files {whose} ({} MiB)", bytes >> 20),
        };
        let advice = format!("remove takes it away for ever; {why}");
        Some(self.finding(severity, found, advice, Some(Remedy::Remove(id))))
    }
}
