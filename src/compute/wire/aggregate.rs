//! Groups of hosts: `/os-aggregates`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A group of hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Aggregate {
    /// What the API's addresses name it by.
    pub id: i64,
    /// Its id. From 2.41.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// Name.
    pub name: String,
    /// The zone that its hosts are in, if it is one.
    pub availability_zone: Option<String>,
    /// Its hosts.
    pub hosts: Vec<String>,
    /// Pairs that filters read; the zone is among them.
    pub metadata: BTreeMap<String, String>,
    /// When it was made, with microseconds and without zone.
    pub created_at: Option<String>,
    /// When it last changed.
    pub updated_at: Option<String>,
    /// Always false.
    pub deleted: bool,
    /// Always `null`.
    pub deleted_at: Option<String>,
}

/// `{"aggregate": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AggregateBody {
    /// The group.
    pub aggregate: Aggregate,
}

/// `{"aggregates": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AggregateList {
    /// All of them.
    pub aggregates: Vec<Aggregate>,
}

/// A group of hosts to make or to change. Absent fields stay; a zone of `null` is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AggregateFields {
    /// Name; needed for a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The zone that it is.
    #[serde(
        deserialize_with = "crate::api::wire::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub availability_zone: Option<Option<String>>,
}

/// `{"aggregate": {…}}` of a create or an update.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AggregateRequest {
    /// The fields.
    pub aggregate: AggregateFields,
}

/// Body of `POST /os-aggregates/{id}/action`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AggregateAction {
    /// Puts a host into it.
    AddHost(AggregateHost),
    /// Takes a host out of it.
    RemoveHost(AggregateHost),
    /// Sets pairs of its metadata.
    SetMetadata(AggregateMetadata),
}

/// `{"host": "…"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AggregateHost {
    /// Name of the host.
    pub host: String,
}

/// `{"metadata": {…}}`; a value of `null` takes the pair away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AggregateMetadata {
    /// The pairs.
    pub metadata: BTreeMap<String, Option<String>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_send_is_read() {
        let add: AggregateAction = serde_json::from_str(r#"{"add_host":{"host":"a"}}"#).unwrap();
        assert_eq!(
            add,
            AggregateAction::AddHost(AggregateHost { host: "a".into() })
        );
        let set: AggregateAction =
            serde_json::from_str(r#"{"set_metadata":{"metadata":{"ssd":"1","old":null}}}"#)
                .unwrap();
        let AggregateAction::SetMetadata(set) = set else {
            panic!("{set:?}")
        };
        assert_eq!(set.metadata["old"], None);
        let none: AggregateRequest =
            serde_json::from_str(r#"{"aggregate":{"availability_zone":null}}"#).unwrap();
        assert_eq!(none.aggregate.availability_zone, Some(None));
        assert!(serde_json::from_str::<AggregateRequest>(r#"{"aggregate":{"x":1}}"#).is_err());
    }
}
