//! Key pairs: `/os-keypairs`, named, not numbered, and belonging to a user.

use serde::{Deserialize, Serialize};

use crate::api::wire::{Link, Secret};

/// A key pair. Which fields are there depends on the request; see [`super::microversion`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Keypair {
    /// Name.
    pub name: String,
    /// OpenSSH public key, or an X.509 certificate.
    pub public_key: String,
    /// MD5 of an SSH key, SHA-1 of a certificate, with colons.
    pub fingerprint: String,
    /// `ssh`, `x509`. From 2.2.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Whose it is. In show and in the answer to a create.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The private key, once: in the answer to a create without a public key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_key: Option<Secret>,
    /// Number. In show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// When it was created. In show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// Always false. In show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted: Option<bool>,
    /// Always `null`. In show.
    #[serde(
        deserialize_with = "crate::api::wire::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub deleted_at: Option<Option<String>>,
    /// When it last changed. In show.
    #[serde(
        deserialize_with = "crate::api::wire::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub updated_at: Option<Option<String>>,
}

/// `{"keypair": {…}}`; answer to a create (200, from 2.2 201) and show, and an entry of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeypairBody {
    /// The key pair.
    pub keypair: Keypair,
}

/// `{"keypairs": [{"keypair": {…}}]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeypairList {
    /// This page.
    pub keypairs: Vec<KeypairBody>,
    /// `next`. From 2.35.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keypairs_links: Vec<Link>,
}

/// A key pair to create.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeypairCreate {
    /// Name; needed.
    pub name: String,
    /// The public key; without it a pair is made (until 2.91).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    /// `ssh` when absent. From 2.2.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Another user's (administrators). From 2.10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
}

/// `{"keypair": {…}}` of a create.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeypairCreateRequest {
    /// The key pair.
    pub keypair: KeypairCreate,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_wraps_each_pair() {
        let text = r#"{"keypairs":[{"keypair":{"name":"k","public_key":"ssh-ed25519 AAAA","fingerprint":"7e:eb","type":"ssh"}}]}"#;
        let list: KeypairList = serde_json::from_str(text).unwrap();
        assert_eq!(list.keypairs[0].keypair.kind.as_deref(), Some("ssh"));
        assert_eq!(serde_json::to_string(&list).unwrap(), text);
    }

    #[test]
    fn a_private_key_is_not_printed() {
        let body: KeypairBody =
            serde_json::from_str(r#"{"keypair":{"name":"k","private_key":"-----BEGIN"}}"#).unwrap();
        assert!(!format!("{body:?}").contains("BEGIN"));
    }
}
