//! Bounds on what users write about servers. Every failure names the field.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::compute::model::{TAG_MAX, TAGS_MAX};
use crate::error::{Error, Result};

/// Succeeds if the text has `least` to `most` characters, none of them a control character other than those of lines.
pub fn check_text(field: &str, text: &str, least: usize, most: usize) -> Result<()> {
    let length = text.chars().count();
    if !(least..=most).contains(&length) {
        return Err(Error::invalid(
            field,
            format!("it has {length} characters; {least} to {most} are allowed"),
        ));
    }
    if text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
    {
        return Err(Error::invalid(field, "it has control characters in it"));
    }
    Ok(())
}

/// Succeeds if the text may name a server or an image: one line of 1 to 255 characters.
pub fn check_name(field: &str, name: &str) -> Result<()> {
    check_text(field, name, 1, 255)?;
    if name.contains(['\n', '\r', '\t']) {
        return Err(Error::invalid(field, "a name is one line"));
    }
    if name.trim() != name {
        return Err(Error::invalid(
            field,
            "a name has no space at its beginning or end",
        ));
    }
    Ok(())
}

/// An address of this family, or nothing.
pub fn check_address<A: FromStr>(field: &str, text: String) -> Result<String> {
    if text.is_empty() || text.parse::<A>().is_ok() {
        return Ok(text);
    }
    Err(Error::invalid(field, format!("{text:?} is no address")))
}

/// `AUTO` or `MANUAL`.
pub fn check_disk_config(text: String) -> Result<String> {
    match text.as_str() {
        "AUTO" | "MANUAL" => Ok(text),
        _ => Err(Error::invalid(
            "OS-DCF:diskConfig",
            format!("{text:?} is neither AUTO nor MANUAL"),
        )),
    }
}

/// Labels of letters, digits and dashes, as DNS has them, at most 255 characters.
pub fn check_hostname(name: &str) -> Result<()> {
    let label = |part: &str| {
        (1..=63).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    if name.len() <= 255 && name.split('.').all(label) {
        return Ok(());
    }
    Err(Error::invalid(
        "hostname",
        format!("{name:?} is no host name: letters, digits and dashes, up to 63 between dots"),
    ))
}

/// Succeeds if there are at most `limit` pairs (-1: any number), and all are in bounds.
pub fn check_metadata(field: &str, pairs: &BTreeMap<String, String>, limit: i64) -> Result<()> {
    let count = i64::try_from(pairs.len()).unwrap_or(i64::MAX);
    if limit >= 0 && count > limit {
        return Err(Error::Quota {
            resource: "metadata_items",
            wanted: count,
            used: 0,
            limit,
        });
    }
    for (key, value) in pairs {
        let length = key.chars().count();
        let good = key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_:. ".contains(c));
        if !(1..=255).contains(&length) || !good {
            return Err(Error::invalid(
                format!("{field}.{key}"),
                "a key has 1 to 255 letters, digits, spaces and -_:.",
            ));
        }
        if value.chars().count() > 255 {
            return Err(Error::invalid(
                format!("{field}.{key}"),
                "a value has at most 255 characters",
            ));
        }
    }
    Ok(())
}

/// Succeeds if there are not too many labels and all are in bounds.
pub fn check_tags<'a>(field: &str, tags: impl ExactSizeIterator<Item = &'a String>) -> Result<()> {
    if tags.len() > TAGS_MAX {
        return Err(Error::invalid(
            field,
            format!("a server has at most {TAGS_MAX} tags, not {}", tags.len()),
        ));
    }
    for tag in tags {
        let length = tag.chars().count();
        if !(1..=TAG_MAX).contains(&length) || tag.contains(['/', ',']) {
            return Err(Error::invalid(
                field,
                format!("{tag:?} is no tag: 1 to {TAG_MAX} characters without / and ,"),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_line_without_space_around() {
        for (name, good) in [
            ("web", true),
            ("Größe 1", true),
            ("", false),
            (" web", false),
            ("a\nb", false),
            ("a\u{7}b", false),
        ] {
            assert_eq!(check_name("name", name).is_ok(), good, "{name:?}");
        }
        assert!(check_name("name", &"x".repeat(255)).is_ok());
        assert!(check_name("name", &"x".repeat(256)).is_err());
    }

    #[test]
    fn pairs_and_labels_have_bounds() {
        let pair = |key: &str, value: &str| {
            let pairs = BTreeMap::from([(key.to_owned(), value.to_owned())]);
            check_metadata("metadata", &pairs, 1)
        };
        assert!(pair("a.b:c", "x").is_ok());
        assert!(pair("a/b", "x").is_err());
        assert!(pair("a", &"x".repeat(256)).is_err());
        let two = BTreeMap::from([("a".into(), String::new()), ("b".into(), String::new())]);
        assert!(matches!(
            check_metadata("metadata", &two, 1),
            Err(Error::Quota { limit: 1, .. })
        ));
        assert!(check_metadata("metadata", &two, -1).is_ok());
        for (tag, good) in [("web", true), ("a,b", false), ("a/b", false), ("", false)] {
            assert_eq!(check_tags("tags", [tag.to_owned()].iter()).is_ok(), good);
        }
    }

    #[test]
    fn host_names_are_what_dns_allows() {
        for (name, good) in [
            ("web-1", true),
            ("a.b", true),
            ("-a", false),
            ("a_b", false),
            ("", false),
        ] {
            assert_eq!(check_hostname(name).is_ok(), good, "{name:?}");
        }
    }
}
