//! Bounds that networks, subnets and ports share, and who owns what.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::ProjectId;

/// Characters of a name and of a description at most.
const LONGEST_TEXT: usize = 255;
/// Smallest packet that IPv4 asks every network to carry, and the largest there can be.
const PACKET: std::ops::RangeInclusive<u32> = 68..=65_535;
/// Labels of one thing, and characters of one of them, at most.
const MOST_TAGS: usize = 50;
const LONGEST_TAG: usize = 60;
/// Characters of one part of a DNS name at most.
const LONGEST_LABEL: usize = 63;

pub(super) fn text(field: &str, value: &str) -> Result<()> {
    if value.chars().count() > LONGEST_TEXT || value.chars().any(|c| c.is_control() && c != '\n') {
        return Err(Error::invalid(
            field,
            format!("at most {LONGEST_TEXT} printable characters are allowed"),
        ));
    }
    Ok(())
}

pub(super) fn mtu(value: u32) -> Result<()> {
    if PACKET.contains(&value) {
        return Ok(());
    }
    Err(Error::invalid(
        "mtu",
        format!("{} to {} is allowed", PACKET.start(), PACKET.end()),
    ))
}

pub(super) fn tags(tags: &[String]) -> Result<()> {
    let valid = |tag: &String| {
        (1..=LONGEST_TAG).contains(&tag.chars().count()) && !tag.chars().any(char::is_control)
    };
    if tags.len() > MOST_TAGS || !tags.iter().all(valid) {
        return Err(Error::invalid(
            "tags",
            format!("at most {MOST_TAGS} of 1 to {LONGEST_TAG} characters are allowed"),
        ));
    }
    Ok(())
}

/// One part of a DNS name: letters, digits and inner hyphens.
pub(super) fn label(field: &str, value: &str) -> Result<()> {
    let valid = (1..=LONGEST_LABEL).contains(&value.len())
        && value.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && !value.starts_with('-')
        && !value.ends_with('-');
    if valid {
        return Ok(());
    }
    Err(Error::invalid(
        field,
        format!("1 to {LONGEST_LABEL} letters, digits and inner hyphens are allowed"),
    ))
}

/// A DNS name of parts with dots, with or without one at the end; or empty.
pub(super) fn domain(field: &str, value: &str) -> Result<()> {
    if value.is_empty() {
        return Ok(());
    }
    text(field, value)?;
    for part in value.trim_end_matches('.').split('.') {
        label(field, part)?;
    }
    Ok(())
}

/// Whether the actor owns what belongs to this project, or is an administrator.
pub(super) fn is_owner(cx: &Context, project: ProjectId) -> bool {
    cx.actor.is_admin()
        || cx
            .actor
            .project
            .as_ref()
            .is_some_and(|scope| scope.id == project)
}

/// The project that something is made in: the actor's, or another one for administrators.
pub(super) fn project_for(cx: &Context, wanted: Option<ProjectId>) -> Result<ProjectId> {
    let own = cx.actor.project.as_ref().map(|scope| scope.id);
    match wanted {
        Some(wanted) if Some(wanted) != own && !cx.actor.is_admin() => {
            Err(crate::network::refusal::not_admin("project_id"))
        }
        Some(wanted) => Ok(wanted),
        None => cx.project().map(|scope| scope.id),
    }
}
