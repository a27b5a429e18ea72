//! Bounds on what users write on volumes. An error is the reason, without the field.

use std::collections::BTreeMap;

/// Largest volume in GiB (64 TiB).
const MAX_SIZE: u64 = 64 << 10;
/// Pairs that one volume may have.
const MAX_PAIRS: usize = 128;

/// A name has at most 255 characters, none of them a control character.
pub fn check_name(name: &str) -> Result<(), String> {
    if name.chars().any(char::is_control) {
        return Err("control characters are not allowed".into());
    }
    bounded(name)
}

/// A description has at most 255 characters.
pub fn check_description(text: &str) -> Result<(), String> {
    bounded(text)
}

/// A volume has 1 GiB to 64 TiB.
pub fn check_size(gigabytes: u64) -> Result<(), String> {
    if (1..=MAX_SIZE).contains(&gigabytes) {
        Ok(())
    } else {
        Err(format!("{gigabytes} GiB; 1 to {MAX_SIZE} is allowed"))
    }
}

/// At most 128 pairs; names have 1 to 255 characters, values at most 255.
pub fn check_metadata(pairs: &BTreeMap<String, String>) -> Result<(), String> {
    if pairs.len() > MAX_PAIRS {
        return Err(format!("{} pairs; {MAX_PAIRS} are allowed", pairs.len()));
    }
    for (name, value) in pairs {
        if name.is_empty() {
            return Err("a name is empty".into());
        }
        check_name(name).map_err(|reason| format!("a name {reason}"))?;
        bounded(value).map_err(|reason| format!("the value of {name} {reason}"))?;
    }
    Ok(())
}

fn bounded(text: &str) -> Result<(), String> {
    let length = text.chars().count();
    if length > 255 {
        return Err(format!("has {length} characters; 255 are allowed"));
    }
    Ok(())
}
