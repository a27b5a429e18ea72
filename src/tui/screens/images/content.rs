//! What kind of disk image a file is, by its first bytes.

use crate::tui::failure::Failure;

/// The format of a disk image, by its first bytes.
pub(super) async fn format_of(path: &std::path::Path) -> Result<&'static str, Failure> {
    use tokio::io::AsyncReadExt;
    let wrong = |error: std::io::Error| Failure {
        message: format!("{} could not be read: {error}", path.display()),
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
}
