//! Bounds on what comes from outside. Each error names the field and what is allowed.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::UserId;

/// Longest name of a domain, project, user, group or role, in characters (Keystone's own bound is 64 or 255).
const LONGEST_NAME: usize = 255;
/// Longest description, in characters.
const LONGEST_TEXT: usize = 4096;
/// Most tags of a project (Keystone's).
const MOST_TAGS: usize = 80;
/// Longest password that is looked at, in bytes.
const LONGEST_PASSWORD: usize = 4096;
/// Shortest password that may be set, in characters.
const SHORTEST_NEW_PASSWORD: usize = 8;

/// A name: not blank, without control characters or space around it.
pub(super) fn name(field: &str, text: &str) -> Result<()> {
    if text.trim().is_empty() {
        return Err(Error::invalid(field, "must not be empty"));
    }
    if text.trim() != text {
        return Err(Error::invalid(field, "must not begin or end with space"));
    }
    bounded(field, text, LONGEST_NAME)
}

/// Free text.
pub(super) fn text(field: &str, text: &str) -> Result<()> {
    if text.chars().count() > LONGEST_TEXT {
        return Err(Error::invalid(
            field,
            format!("must not be longer than {LONGEST_TEXT} characters"),
        ));
    }
    Ok(())
}

/// An e-mail address: as little as can be said of one.
pub(super) fn email(field: &str, text: &str) -> Result<()> {
    bounded(field, text, LONGEST_NAME)
}

/// Tags of a project.
pub(super) fn tags(field: &str, tags: &[String]) -> Result<()> {
    if tags.len() > MOST_TAGS {
        return Err(Error::invalid(
            field,
            format!("at most {MOST_TAGS} tags are allowed"),
        ));
    }
    for (at, tag) in tags.iter().enumerate() {
        let field = format!("{field}[{at}]");
        name(&field, tag)?;
        if tag.contains(['/', ',']) {
            return Err(Error::invalid(field, "must not contain / or ,"));
        }
        if tags[..at].contains(tag) {
            return Err(Error::invalid(field, format!("{tag} is there twice")));
        }
    }
    Ok(())
}

/// A password that somebody tries.
pub(super) fn password(field: &str, password: &str) -> Result<()> {
    if (1..=LONGEST_PASSWORD).contains(&password.len()) {
        return Ok(());
    }
    Err(Error::invalid(
        field,
        format!("must have 1 to {LONGEST_PASSWORD} bytes"),
    ))
}

/// A password that shall hold from now on.
pub fn new_password(field: &str, text: &str) -> Result<()> {
    password(field, text)?;
    if text.chars().count() < SHORTEST_NEW_PASSWORD {
        return Err(Error::invalid(
            field,
            format!("must have at least {SHORTEST_NEW_PASSWORD} characters"),
        ));
    }
    Ok(())
}

/// Succeeds for the user itself and for administrators.
pub(super) fn self_or_admin(cx: &Context, user: UserId) -> Result<()> {
    if cx.actor.is_admin() || cx.actor.user == Some(user) {
        return Ok(());
    }
    Err(Error::Forbidden(
        "only the user itself or an administrator may do this".into(),
    ))
}

fn bounded(field: &str, text: &str, most: usize) -> Result<()> {
    if text.chars().count() > most {
        return Err(Error::invalid(
            field,
            format!("must not be longer than {most} characters"),
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::invalid(field, "must not contain control characters"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_told() {
        let long = "x".repeat(256);
        for (checked, part) in [
            (name("project.name", ""), "project.name: must not be empty"),
            (name("n", " a"), "space"),
            (name("n", "a\nb"), "control"),
            (name("n", &long), "255"),
            (text("d", &"x".repeat(4097)), "4096"),
            (
                tags("t", &["a".into(), "a".into()]),
                "t[1]: a is there twice",
            ),
            (tags("t", &["a/b".into()]), "/ or ,"),
            (tags("t", &vec!["x".into(); 81]), "80"),
            (password("p", ""), "1 to 4096"),
            (password("p", &"x".repeat(4097)), "1 to 4096"),
            (new_password("p", "1234567"), "at least 8"),
        ] {
            let message = checked.unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
        assert!(name("n", "Ünïcode name").is_ok());
        assert!(new_password("p", "12345678").is_ok());
    }
}
