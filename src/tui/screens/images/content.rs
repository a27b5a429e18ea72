//! A disk image in a file: what it is, by its first bytes, and what to call it.

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::client::{Client, ClientError};
use crate::tui::failure::Failure;
use crate::tui::files;
use crate::tui::state::load::Part;

/// A file on this machine, by its path: format and bytes, or why it can not be sent.
pub(super) struct LocalFile(pub Result<(&'static str, u64), Failure>);

impl Part for LocalFile {
    const KIND: &'static str = "file.image";
    const EVERY: i64 = 5;

    fn load(_client: Client, path: Arc<str>) -> BoxFuture<'static, Result<Self, ClientError>> {
        Box::pin(async move { Ok(Self(look_at(&path).await)) })
    }
}

async fn look_at(path: &str) -> Result<(&'static str, u64), Failure> {
    let path = files::expand(path);
    let format = format_of(&path).await?;
    let facts = tokio::fs::metadata(&path).await;
    let size = facts.map(|facts| facts.len()).map_err(|error| {
        Failure::local(format!("{} could not be read: {error}", path.display()))
    })?;
    if size == 0 {
        return Err(Failure::local(format!("{} is empty", path.display())));
    }
    Ok((format, size))
}

/// What to call an image from a path or an address: the file's name without the endings that say its format.
pub(super) fn name_of(from: &str) -> &str {
    const ENDINGS: [&str; 5] = [".qcow2", ".img", ".raw", ".iso", ".bin"];
    let from = from.split(['?', '#']).next().unwrap_or(from);
    let base = from.rsplit('/').next().unwrap_or(from);
    let stem = ENDINGS.iter().find_map(|ending| base.strip_suffix(ending));
    stem.filter(|stem| !stem.is_empty()).unwrap_or(base)
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        _ => error.to_string(),
    }
}

/// The format of a disk image, by its first bytes.
pub(super) async fn format_of(path: &std::path::Path) -> Result<&'static str, Failure> {
    use tokio::io::AsyncReadExt;
    let wrong = |error: std::io::Error| Failure {
        message: format!("{} could not be read: {}", path.display(), reason(&error)),
        advice: Some("check the path; ~ is your home directory on this machine".to_owned()),
        ..Failure::default()
    };
    let mut file = tokio::fs::File::open(path).await.map_err(wrong)?;
    let mut head = vec![0; 0x8006];
    let mut length = 0;
    while length < head.len() {
        match file.read(&mut head[length..]).await.map_err(wrong)? {
            0 => break,
            read => length += read,
        }
    }
    head.truncate(length);
    if head.starts_with(b"QFI\xfb") {
        return Ok("qcow2");
    }
    if head.get(0x8001..0x8006) == Some(b"CD001") {
        return Ok("iso");
    }
    Ok("raw")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn formats_are_told_by_their_first_bytes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("disk");
        for (head, format) in [
            (&b"QFI\xfb\0\0\0\x03"[..], "qcow2"),
            (b"\xeb\x63\x90", "raw"),
            (b"", "raw"),
        ] {
            std::fs::write(&path, head).unwrap();
            assert_eq!(format_of(&path).await.unwrap(), format);
        }
        let missing = format_of(std::path::Path::new("/no/such"))
            .await
            .unwrap_err();
        assert!(missing.line().contains("check the path"));
    }

    #[test]
    fn names_keep_their_numbers() {
        for (from, name) in [
            ("/srv/ubuntu-24.04.img", "ubuntu-24.04"),
            ("https://example.org/a/debian-12.qcow2?x=1", "debian-12"),
            ("disk", "disk"),
            (".raw", ".raw"),
        ] {
            assert_eq!(name_of(from), name);
        }
    }
}
