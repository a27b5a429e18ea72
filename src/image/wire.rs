//! Glance v2, under `/image/v2`.
//!
//! An image's own properties lie flat beside the standard fields, which is why [`Image::properties`] is flattened. Bodies
//! are not wrapped in a member of the resource's name, unlike in every other service. Times are `2026-01-02T03:04:05Z`.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `GET /v2/images` | | [`ImageList`]; the next page is at `next` |
//! | `POST /v2/images` | [`ImageCreate`] | 201 [`Image`], header `OpenStack-image-import-methods` |
//! | `PATCH /v2/images/{id}` | [`ImagePatch`] list, type [`PATCH_MEDIA_TYPE`] | [`Image`] |
//! | `PUT /v2/images/{id}/file` | the bytes, type `application/octet-stream` | 204 |
//! | `PUT /v2/images/{id}/stage` | the bytes | 204 |
//! | `POST /v2/images/{id}/import` | [`ImageImport`] | 202 |
//! | `GET /v2/images/{id}/file` | | the bytes, with `Content-MD5`, or 204 if there are none |
//! | `PUT`, `DELETE /v2/images/{id}/tags/{tag}` | | 204 |
//! | `POST /v2/images/{id}/actions/deactivate`, `…/reactivate` | | 204 |
//! | `GET /v2/info/import`, `/v2/info/stores` | | [`ImportInfo`], [`StoreInfo`] |

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::api::wire::null_default;

/// Content type of a `PATCH`.
pub const PATCH_MEDIA_TYPE: &str = "application/openstack-images-v2.1-json-patch";
/// Response header of a create: how the image may get its bytes, names separated by commas.
pub const IMPORT_METHODS_HEADER: &str = "openstack-image-import-methods";

/// An image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Image {
    /// Id.
    pub id: String,
    /// Name, if it has one.
    pub name: Option<String>,
    /// `queued`, `saving`, `uploading`, `importing`, `active`, `deactivated`, `killed`, `deleted`, `pending_delete`.
    pub status: String,
    /// `public`, `private`, `shared`, `community`.
    pub visibility: String,
    /// Whether delete is refused.
    pub protected: bool,
    /// Whether lists leave it out.
    pub os_hidden: bool,
    /// MD5 of the bytes, hexadecimal.
    pub checksum: Option<String>,
    /// `sha512`.
    pub os_hash_algo: Option<String>,
    /// That hash of the bytes, hexadecimal.
    pub os_hash_value: Option<String>,
    /// Length of the bytes.
    pub size: Option<u64>,
    /// What the disk inside offers, in bytes.
    pub virtual_size: Option<u64>,
    /// `bare`.
    pub container_format: Option<String>,
    /// `raw`, `qcow2`, `iso`, …
    pub disk_format: Option<String>,
    /// GiB of disk a server needs for it.
    #[serde(deserialize_with = "null_default")]
    pub min_disk: u64,
    /// MiB of memory a server needs for it.
    #[serde(deserialize_with = "null_default")]
    pub min_ram: u64,
    /// Its project.
    pub owner: Option<String>,
    /// Labels.
    pub tags: Vec<String>,
    /// When it was created.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
    /// Path of the bytes.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub file: String,
    /// Path of the image.
    #[serde(rename = "self", skip_serializing_if = "String::is_empty")]
    pub this: String,
    /// `/v2/schemas/image`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub schema: String,
    /// Its own properties: `hw_disk_bus`, `os_distro`, `os_glance_…`. Values that are not scalar are left out on reading.
    #[serde(flatten, deserialize_with = "scalars")]
    pub properties: BTreeMap<String, String>,
}

/// `{"images": […], …}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageList {
    /// This page.
    pub images: Vec<Image>,
    /// Path and query of the first page.
    pub first: String,
    /// Path and query of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// `/v2/schemas/images`.
    pub schema: String,
}

/// Body of `POST /v2/images`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageCreate {
    /// An id of one's own choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `shared` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visibility: Option<String>,
    /// Whether delete is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protected: Option<bool>,
    /// Whether lists leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os_hidden: Option<bool>,
    /// `bare`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_format: Option<String>,
    /// `raw`, `qcow2`, `iso`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_format: Option<String>,
    /// GiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_disk: Option<u64>,
    /// MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_ram: Option<u64>,
    /// Another project's, for administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Labels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Its own properties.
    #[serde(flatten, deserialize_with = "scalars")]
    pub properties: BTreeMap<String, String>,
}

/// One change of a `PATCH`; the body is a list of them. `path` is a JSON pointer, `/name` or `/hw_disk_bus`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum ImagePatch {
    /// Sets a property that may be absent.
    Add {
        /// Which.
        path: String,
        /// To what.
        value: Value,
    },
    /// Sets a property that is there.
    Replace {
        /// Which.
        path: String,
        /// To what.
        value: Value,
    },
    /// Takes a property away.
    Remove {
        /// Which.
        path: String,
    },
}

/// Body of `POST /v2/images/{id}/import`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageImport {
    /// How.
    pub method: ImportMethod,
}

/// Where the bytes come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportMethod {
    /// `web-download` (from `uri`), `glance-direct` (what was staged), `copy-image`.
    pub name: String,
    /// The address, for `web-download`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
}

/// `GET /v2/info/import`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportInfo {
    /// The methods.
    #[serde(rename = "import-methods")]
    pub import_methods: ImportMethods,
}

/// Names of import methods, as Glance describes them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportMethods {
    /// `Import methods available.`
    pub description: String,
    /// `array`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `web-download`, `glance-direct`.
    pub value: Vec<String>,
}

/// `GET /v2/info/stores`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StoreInfo {
    /// The stores.
    pub stores: Vec<Store>,
}

/// A place for images.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Store {
    /// Name.
    pub id: String,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `"true"` on the one used by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// A project that an image is shared with; `GET /v2/images/{id}/members/{project}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageMember {
    /// The image.
    pub image_id: String,
    /// The project.
    pub member_id: String,
    /// `pending`, `accepted`, `rejected`.
    pub status: String,
    /// Since when it is shared.
    pub created_at: String,
    /// When the project last decided.
    pub updated_at: String,
    /// `/v2/schemas/member`.
    pub schema: String,
}

/// `{"members": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageMemberList {
    /// The members.
    pub members: Vec<ImageMember>,
    /// `/v2/schemas/members`.
    pub schema: String,
}

/// Body of `POST /v2/images/{id}/members`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageMemberAdd {
    /// The project.
    pub member: String,
}

/// Body of `PUT /v2/images/{id}/members/{project}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageMemberSet {
    /// `pending`, `accepted`, `rejected`.
    pub status: String,
}

/// Reads properties: text as it is, numbers and booleans as text; `null`, lists and objects (`locations`) are left out.
fn scalars<'de, D: Deserializer<'de>>(d: D) -> Result<BTreeMap<String, String>, D::Error> {
    let all = BTreeMap::<String, Value>::deserialize(d)?;
    Ok(all
        .into_iter()
        .filter_map(|(name, value)| match value {
            Value::String(text) => Some((name, text)),
            Value::Number(number) => Some((name, number.to_string())),
            Value::Bool(flag) => Some((name, flag.to_string())),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_as_glance_sends_it() {
        let text = r#"{"status": "active", "name": "cirros", "tags": [], "container_format": "bare",
            "created_at": "2026-01-02T03:04:05Z", "size": 13287936, "disk_format": "qcow2",
            "updated_at": "2026-01-02T03:04:06Z", "visibility": "public", "self": "/v2/images/1bea", "min_disk": 0,
            "protected": false, "id": "1bea", "file": "/v2/images/1bea/file", "checksum": "ee1eca47dc88f4879d8a229cc70a07c6",
            "owner": "c1bd", "virtual_size": null, "min_ram": 0, "schema": "/v2/schemas/image", "os_hidden": false,
            "os_hash_algo": "sha512", "os_hash_value": "6513", "hw_disk_bus": "virtio", "locations": [{"url": "rbd://x"}],
            "stores": "file"}"#;
        let image: Image = serde_json::from_str(text).unwrap();
        assert_eq!(image.size, Some(13_287_936));
        assert_eq!(image.properties["hw_disk_bus"], "virtio");
        assert!(!image.properties.contains_key("locations"));
        let again: Image = serde_json::from_value(serde_json::to_value(&image).unwrap()).unwrap();
        assert_eq!(again, image);
    }

    #[test]
    fn a_patch_is_a_list_of_operations() {
        let text = r#"[{"op":"add","path":"/os_distro","value":"debian"},{"op":"remove","path":"/hw_disk_bus"}]"#;
        let patch: Vec<ImagePatch> = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&patch).unwrap(), text);
        assert!(serde_json::from_str::<ImagePatch>(r#"{"op":"add","path":"/x"}"#).is_err());
    }

    #[test]
    fn create_keeps_properties_apart() {
        let create: ImageCreate = serde_json::from_str(
            r#"{"name":"x","disk_format":"qcow2","container_format":"bare","owner_specified.openstack.sha256":"","hw_vif_model":"virtio"}"#,
        )
        .unwrap();
        assert_eq!(create.properties.len(), 2);
    }
}
