//! `/v2/schemas`: what images and members look like, for clients that ask before they write.

use axum::Json;
use serde_json::{Map, Value, json};

use crate::api::Routes;

/// Anybody who is logged in may look.
const RULE: &str = "image:info:show";

/// A field of a resource: its name, its kind, and whether clients may write it.
type Field = (&'static str, Kind, bool);

#[derive(Clone, Copy)]
enum Kind {
    /// Text, or nothing.
    Text,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// A whole number, or nothing.
    Number,
    /// True or false.
    Flag,
    /// A list of texts.
    List,
}

const IMAGE: [Field; 22] = [
    ("id", Kind::Text, true),
    ("name", Kind::Text, true),
    (
        "status",
        Kind::OneOf(&[
            "queued",
            "saving",
            "active",
            "killed",
            "deleted",
            "uploading",
            "importing",
            "pending_delete",
            "deactivated",
        ]),
        false,
    ),
    (
        "visibility",
        Kind::OneOf(&["community", "public", "private", "shared"]),
        true,
    ),
    ("protected", Kind::Flag, true),
    ("os_hidden", Kind::Flag, true),
    ("checksum", Kind::Text, false),
    ("os_hash_algo", Kind::Text, false),
    ("os_hash_value", Kind::Text, false),
    ("owner", Kind::Text, true),
    ("size", Kind::Number, false),
    ("virtual_size", Kind::Number, false),
    ("container_format", Kind::OneOf(&["bare"]), true),
    ("disk_format", Kind::OneOf(&["raw", "qcow2", "iso"]), true),
    ("min_disk", Kind::Number, true),
    ("min_ram", Kind::Number, true),
    ("tags", Kind::List, true),
    ("created_at", Kind::Text, false),
    ("updated_at", Kind::Text, false),
    ("file", Kind::Text, false),
    ("self", Kind::Text, false),
    ("schema", Kind::Text, false),
];

const MEMBER: [Field; 6] = [
    ("member_id", Kind::Text, true),
    ("image_id", Kind::Text, false),
    ("created_at", Kind::Text, false),
    ("updated_at", Kind::Text, false),
    (
        "status",
        Kind::OneOf(&["pending", "accepted", "rejected"]),
        true,
    ),
    ("schema", Kind::Text, false),
];

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/v2/schemas/image", RULE, || async { Json(image()) })
        .get("/v2/schemas/images", RULE, || async {
            Json(list("images", &image()))
        })
        .get("/v2/schemas/member", RULE, || async { Json(member()) })
        .get("/v2/schemas/members", RULE, || async {
            Json(list("members", &member()))
        })
}

fn image() -> Value {
    let mut schema = object("image", &IMAGE);
    schema["additionalProperties"] = json!({"type": "string"});
    schema["links"] = json!([
        {"rel": "self", "href": "{self}"},
        {"rel": "enclosure", "href": "{file}"},
        {"rel": "describedby", "href": "{schema}"},
    ]);
    schema
}

fn member() -> Value {
    object("member", &MEMBER)
}

fn object(name: &str, fields: &[Field]) -> Value {
    let properties: Map<String, Value> = fields
        .iter()
        .map(|(name, kind, writable)| ((*name).to_owned(), property(*kind, *writable)))
        .collect();
    json!({"name": name, "properties": properties})
}

fn property(kind: Kind, writable: bool) -> Value {
    let mut value = match kind {
        Kind::Text => json!({"type": ["null", "string"]}),
        Kind::OneOf(names) => json!({"type": ["null", "string"], "enum": names}),
        Kind::Number => json!({"type": ["null", "integer"]}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::List => json!({"type": "array", "items": {"type": "string", "maxLength": 255}}),
    };
    if let (Kind::OneOf(names), Some(list)) = (kind, value["enum"].as_array_mut())
        && writable
        && names.len() < 4
    {
        // Formats may be unsaid.
        list.insert(0, Value::Null);
    }
    if !writable {
        value["readOnly"] = true.into();
    }
    value
}

fn list(name: &str, item: &Value) -> Value {
    json!({
        "name": name,
        "properties": {
            name: {"type": "array", "items": item},
            "first": {"type": "string"},
            "next": {"type": "string"},
            "schema": {"type": "string"},
        },
        "links": [
            {"rel": "first", "href": "{first}"},
            {"rel": "next", "href": "{next}"},
            {"rel": "describedby", "href": "{schema}"},
        ],
    })
}
