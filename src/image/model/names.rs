//! Bounds on what users write on images. An error is the reason, without the field.

use std::collections::BTreeMap;

/// Properties that one image may have.
const MAX_PROPERTIES: usize = 128;
/// Characters of a property's value.
const MAX_VALUE: usize = 4096;
/// Names that have a meaning of their own and can not be properties.
const RESERVED: [&str; 24] = [
    "id",
    "name",
    "status",
    "visibility",
    "protected",
    "os_hidden",
    "checksum",
    "os_hash_algo",
    "os_hash_value",
    "size",
    "virtual_size",
    "container_format",
    "disk_format",
    "min_disk",
    "min_ram",
    "owner",
    "tags",
    "created_at",
    "updated_at",
    "file",
    "self",
    "schema",
    "locations",
    "direct_url",
];

/// A name has at most 255 characters, none of them a control character.
pub fn check_name(name: &str) -> Result<(), String> {
    bounded(name, 255)
}

/// A tag has 1 to 255 characters.
pub fn check_tag(tag: &str) -> Result<(), String> {
    if tag.is_empty() {
        return Err("a tag can not be empty".into());
    }
    bounded(tag, 255)
}

/// A property's name has 1 to 255 characters and is none of the image's own fields.
pub fn check_property_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("a property's name can not be empty".into());
    }
    if RESERVED.contains(&name) {
        return Err(format!("{name} is a field of every image, not a property"));
    }
    bounded(name, 255)
}

/// A property's value has at most 4096 characters.
pub fn check_property_value(value: &str) -> Result<(), String> {
    if value.chars().count() > MAX_VALUE {
        return Err(format!("longer than {MAX_VALUE} characters"));
    }
    Ok(())
}

/// All properties of an image. The error names the property.
pub fn check_properties(properties: &BTreeMap<String, String>) -> Result<(), (String, String)> {
    if properties.len() > MAX_PROPERTIES {
        return Err((
            "properties".into(),
            format!(
                "{} are given, {MAX_PROPERTIES} are allowed",
                properties.len()
            ),
        ));
    }
    for (name, value) in properties {
        check_property_name(name).map_err(|reason| (name.clone(), reason))?;
        check_property_value(value).map_err(|reason| (name.clone(), reason))?;
    }
    Ok(())
}

fn bounded(text: &str, most: usize) -> Result<(), String> {
    let length = text.chars().count();
    if length > most {
        return Err(format!("has {length} characters, {most} are allowed"));
    }
    if text.chars().any(char::is_control) {
        return Err("control characters are not allowed".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_names_say_what_is_wrong() {
        assert!(check_name("").is_ok());
        assert!(check_name(&"x".repeat(256)).unwrap_err().contains("255"));
        assert!(check_tag("").is_err());
        assert!(check_property_name("a\nb").is_err());
        assert!(check_property_name("size").unwrap_err().contains("field"));
        let many = (0..129).map(|n| (n.to_string(), String::new())).collect();
        assert!(check_properties(&many).unwrap_err().1.contains("128"));
    }
}
