//! From the operations of a `PATCH` to changes of an image.

use serde_json::Value;

use super::images::{disk_format, project, visibility};
use crate::error::{Error, Result};
use crate::image::model::Image;
use crate::image::ops::ImageChange;
use crate::image::wire::ImagePatch;

/// Fields that only the service itself writes.
const READ_ONLY: [&str; 14] = [
    "id",
    "status",
    "checksum",
    "os_hash_algo",
    "os_hash_value",
    "size",
    "virtual_size",
    "created_at",
    "updated_at",
    "file",
    "self",
    "schema",
    "direct_url",
    "locations",
];
/// Fields that every image has.
const FIXED: [&str; 10] = [
    "name",
    "visibility",
    "protected",
    "os_hidden",
    "container_format",
    "disk_format",
    "min_disk",
    "min_ram",
    "owner",
    "tags",
];

/// The changes, in order.
pub(super) fn changes(image: &Image, patches: Vec<ImagePatch>) -> Result<Vec<ImageChange>> {
    let mut tags = image.tags.clone();
    patches
        .into_iter()
        .map(|patch| change(&mut tags, patch))
        .collect()
}

fn change(tags: &mut Vec<String>, patch: ImagePatch) -> Result<ImageChange> {
    let (path, value, replaces) = match patch {
        ImagePatch::Add { path, value } => (path, Some(value), false),
        ImagePatch::Replace { path, value } => (path, Some(value), true),
        ImagePatch::Remove { path } => (path, None, true),
    };
    let name = pointer(&path)?;
    if READ_ONLY.contains(&name.as_str()) {
        return Err(Error::Forbidden(format!("{name} can not be changed")));
    }
    let Some(value) = value else {
        if FIXED.contains(&name.as_str()) {
            return Err(Error::Forbidden(format!("{name} can not be removed")));
        }
        return Ok(ImageChange::RemoveProperty(name));
    };
    if name == "tags/-" {
        tags.push(text(&name, &value)?);
        return Ok(ImageChange::Tags(tags.clone()));
    }
    Ok(match name.as_str() {
        "name" => ImageChange::Name(optional_text(&name, &value)?.unwrap_or_default()),
        "visibility" => ImageChange::Visibility(visibility(&text(&name, &value)?)?),
        "protected" => ImageChange::Protected(flag(&name, &value)?),
        "os_hidden" => ImageChange::Hidden(flag(&name, &value)?),
        "container_format" => ImageChange::ContainerFormat(optional_text(&name, &value)?),
        "disk_format" => {
            let format = optional_text(&name, &value)?;
            ImageChange::DiskFormat(format.as_deref().map(disk_format).transpose()?)
        }
        "min_disk" => ImageChange::MinDisk(number(&name, &value)?),
        "min_ram" => ImageChange::MinRam(number(&name, &value)?),
        "owner" => ImageChange::Owner(project("owner", &text(&name, &value)?)?),
        "tags" => {
            let wrong = || Error::invalid("tags", "is no list of texts");
            let list = value.as_array().ok_or_else(wrong)?;
            let all: Option<Vec<String>> = list
                .iter()
                .map(|tag| tag.as_str().map(str::to_owned))
                .collect();
            *tags = all.ok_or_else(wrong)?;
            ImageChange::Tags(tags.clone())
        }
        _ if replaces => ImageChange::ReplaceProperty(name.clone(), scalar(&name, &value)?),
        _ => ImageChange::SetProperty(name.clone(), scalar(&name, &value)?),
    })
}

/// The member that a JSON pointer of one step names.
fn pointer(path: &str) -> Result<String> {
    let wrong = || Error::invalid("path", format!("{path:?} is not the path of a property"));
    let rest = path.strip_prefix('/').ok_or_else(wrong)?;
    if rest == "tags/-" {
        return Ok(rest.to_owned());
    }
    if rest.is_empty() || rest.contains('/') {
        return Err(wrong());
    }
    Ok(rest.replace("~1", "/").replace("~0", "~"))
}

fn text(name: &str, value: &Value) -> Result<String> {
    value
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| Error::invalid(name, format!("{value} is no text")))
}

fn optional_text(name: &str, value: &Value) -> Result<Option<String>> {
    if value.is_null() {
        return Ok(None);
    }
    text(name, value).map(Some)
}

fn flag(name: &str, value: &Value) -> Result<bool> {
    value
        .as_bool()
        .ok_or_else(|| Error::invalid(name, format!("{value} is neither true nor false")))
}

/// Clients also write numbers as text.
fn number(name: &str, value: &Value) -> Result<u64> {
    value
        .as_u64()
        .or_else(|| value.as_str()?.parse().ok())
        .ok_or_else(|| Error::invalid(name, format!("{value} is no whole number from 0 on")))
}

fn scalar(name: &str, value: &Value) -> Result<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Null => Ok(String::new()),
        Value::Array(_) | Value::Object(_) => {
            Err(Error::invalid(name, "is no text; properties are"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ImageChange> {
        change(&mut vec!["a".into()], serde_json::from_str(text).unwrap())
    }

    #[test]
    fn operations_become_changes() {
        for (text, wanted) in [
            (
                r#"{"op":"replace","path":"/name","value":"x"}"#,
                ImageChange::Name("x".into()),
            ),
            (
                r#"{"op":"replace","path":"/name","value":null}"#,
                ImageChange::Name(String::new()),
            ),
            (
                r#"{"op":"add","path":"/min_disk","value":"3"}"#,
                ImageChange::MinDisk(3),
            ),
            (
                r#"{"op":"add","path":"/tags","value":["b"]}"#,
                ImageChange::Tags(vec!["b".into()]),
            ),
            (
                r#"{"op":"add","path":"/tags/-","value":"b"}"#,
                ImageChange::Tags(vec!["a".into(), "b".into()]),
            ),
            (
                r#"{"op":"add","path":"/a~1b~0c","value":1}"#,
                ImageChange::SetProperty("a/b~c".into(), "1".into()),
            ),
            (
                r#"{"op":"replace","path":"/x","value":"y"}"#,
                ImageChange::ReplaceProperty("x".into(), "y".into()),
            ),
            (
                r#"{"op":"remove","path":"/x"}"#,
                ImageChange::RemoveProperty("x".into()),
            ),
        ] {
            assert_eq!(read(text).unwrap(), wanted);
        }
        for (text, status) in [
            (r#"{"op":"replace","path":"/status","value":"active"}"#, 403),
            (r#"{"op":"remove","path":"/name"}"#, 403),
            (r#"{"op":"add","path":"/locations/-","value":{}}"#, 400),
            (r#"{"op":"add","path":"/protected","value":"yes"}"#, 400),
            (r#"{"op":"add","path":"/disk_format","value":"vmdk"}"#, 400),
            (r#"{"op":"add","path":"/x","value":[]}"#, 400),
            (r#"{"op":"add","path":"x","value":""}"#, 400),
            (r#"{"op":"add","path":"/","value":""}"#, 400),
        ] {
            assert_eq!(read(text).unwrap_err().status(), status, "{text}");
        }
    }
}
