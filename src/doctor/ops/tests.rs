//! What is a finding, and what is none.

use std::collections::BTreeMap;

use rstest::rstest;

use super::judge::{Host, judge};
use crate::compute::ops::ServerStanding;
use crate::doctor::model::{Finding, Remedy, Severity};
use crate::doctor::rpc::{HostExamined, Mended, Remains};
use crate::ids::{ServerId, Time};

fn of(
    examined: Result<&HostExamined, &str>,
    trouble: Option<&str>,
    servers: &BTreeMap<ServerId, ServerStanding>,
) -> Vec<Finding> {
    judge(&Host {
        name: "h1",
        trouble,
        examined,
        servers,
    })
}

#[test]
fn a_host_that_has_what_it_should_have_has_no_findings() {
    let (id, moving) = (ServerId::new(), ServerId::new());
    let servers = [(id, ServerStanding::Here), (moving, ServerStanding::Moving)].into();
    let examined = HostExamined {
        guests: vec![id],
        files: vec![Remains {
            server: moving,
            bytes: 1,
        }],
        ..HostExamined::default()
    };
    assert_eq!(of(Ok(&examined), None, &servers), []);
}

#[rstest]
#[case::elsewhere(
    Some(ServerStanding::Elsewhere { name: "web".into(), host: "h2".into() }),
    Severity::Error,
    "of server web, which is on h2"
)]
#[case::nowhere(Some(ServerStanding::Nowhere { name: "web".into() }), Severity::Error, "on no host")]
#[case::deleted(Some(ServerStanding::Deleted { name: "web".into() }), Severity::Warning, "was deleted")]
#[case::unknown(Some(ServerStanding::Unknown), Severity::Warning, "nobody knows")]
#[case::not_looked_up(None, Severity::Warning, "nobody knows")]
fn what_is_of_a_server_that_is_not_there_can_be_removed_but_not_by_itself(
    #[case] standing: Option<ServerStanding>,
    #[case] severity: Severity,
    #[case] words: &str,
) {
    let id = ServerId::new();
    let servers = standing
        .map(|standing| (id, standing))
        .into_iter()
        .collect();
    let guest = HostExamined {
        guests: vec![id],
        ..HostExamined::default()
    };
    let files = HostExamined {
        files: vec![Remains {
            server: id,
            bytes: 5 << 20,
        }],
        ..HostExamined::default()
    };
    for (examined, what) in [(guest, "it has a guest"), (files, "(5 MiB)")] {
        let found = of(Ok(&examined), None, &servers);
        let [finding] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(finding.severity, severity);
        assert_eq!(finding.remedy, Some(Remedy::Remove(id)));
        assert!(!Remedy::Remove(id).is_safe());
        for words in [words, what] {
            assert!(finding.found.contains(words), "{finding:?}");
        }
    }
}

#[test]
fn networks_that_differ_are_repaired_and_what_was_mended_is_told_with_its_time() {
    let at = Time::now();
    let examined = HostExamined {
        differences: vec!["bridge sdb-1 made".into(), "bridge sdb-2 made".into()],
        problems: vec!["no interface eth7".into()],
        mended: vec![
            Mended {
                at,
                change: "packet filter replaced".into(),
            };
            3
        ],
        ..HostExamined::default()
    };
    // The host itself says more than the database remembers.
    let found = of(Ok(&examined), Some("no interface eth7"), &BTreeMap::new());
    let told: Vec<_> = found
        .iter()
        .map(|finding| (finding.severity, finding.remedy, finding.at))
        .collect();
    assert_eq!(
        told,
        [
            (Severity::Error, None, None),
            (Severity::Error, Some(Remedy::Repair), None),
            (Severity::Mended, None, Some(at)),
        ]
    );
    assert_eq!(found[1].advice, "bridge sdb-1 made; bridge sdb-2 made");
    let healthy = HostExamined::default();
    let found = of(Ok(&healthy), Some("timed out"), &BTreeMap::new());
    assert_eq!(found.len(), 1);
    assert!(found[0].found.contains("timed out"));
    assert_eq!(found[0].remedy, Some(Remedy::Repair));
}

#[test]
fn a_host_that_does_not_answer_is_a_finding_with_what_is_known_of_it() {
    let found = of(
        Err("no answer in 20 s"),
        Some("no tunnel"),
        &BTreeMap::new(),
    );
    assert_eq!(found.len(), 2);
    assert!(found[0].found.contains("no answer in 20 s"));
    assert!(found[1].found.contains("no tunnel"));
    assert!(found.iter().all(|finding| finding.remedy.is_none()));
    assert_ne!(found[0].id(), found[1].id());
    assert_eq!(found[0].id(), found[0].clone().id());
}
