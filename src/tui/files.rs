//! Files the operator names: `~` is their home, what is written is theirs alone, and nothing is overwritten.

use std::path::{Path, PathBuf};

use tokio::io::AsyncWriteExt;

use super::failure::Failure;

/// The path, with `~` and `~/…` meaning the home directory.
pub fn expand(text: &str) -> PathBuf {
    let text = text.trim();
    let home = std::env::var_os("HOME").map(PathBuf::from);
    match (text.strip_prefix('~'), home) {
        (Some(""), Some(home)) => home,
        (Some(rest), Some(home)) if rest.starts_with('/') => {
            home.join(rest.trim_start_matches('/'))
        }
        _ => PathBuf::from(text),
    }
}

/// Writes a new file, readable by its owner only; its directory is made if needed.
pub async fn write_new(path: PathBuf, content: Vec<u8>) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure {
        message: format!("{} could not be written: {error}", path.display()),
        advice: Some(advice(&error).to_owned()),
        ..Failure::default()
    };
    if let Some(directory) = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        make_directory(directory).await.map_err(failed)?;
    }
    let mut file = tokio::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .await
        .map_err(failed)?;
    let written = async {
        file.write_all(&content).await?;
        file.sync_all().await
    };
    if let Err(error) = written.await {
        // Half a file would pass for a whole one.
        let _ = tokio::fs::remove_file(&path).await;
        return Err(failed(error));
    }
    Ok(())
}

/// Makes a directory for its owner alone, if there is none.
pub async fn make_directory(directory: &Path) -> std::io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    tokio::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .await
}

fn advice(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::AlreadyExists => "choose another name",
        std::io::ErrorKind::PermissionDenied => "choose a directory that you may write to",
        std::io::ErrorKind::StorageFull => "make room on the disk, or choose another one",
        _ => "choose another place",
    }
}

/// Reads a file of at most `limit` bytes as text.
pub async fn read_text(path: PathBuf, limit: u64) -> Result<String, Failure> {
    let shown = path.display().to_string();
    let wrong = |reason: String| Failure::local(format!("{shown} could not be read: {reason}"));
    let length = tokio::fs::metadata(&path)
        .await
        .map_err(|error| wrong(error.to_string()))?
        .len();
    if length > limit {
        return Err(wrong(format!(
            "it has {length} bytes, at most {limit} are taken"
        )));
    }
    tokio::fs::read_to_string(&path)
        .await
        .map_err(|error| wrong(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_are_private_and_never_overwritten() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/er/key.pem");
        write_new(path.clone(), b"secret".to_vec()).await.unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = write_new(path.clone(), b"other".to_vec())
            .await
            .unwrap_err();
        assert!(again.line().contains("choose another name"));
        assert_eq!(read_text(path.clone(), 100).await.unwrap(), "secret");
        assert!(
            read_text(path, 3)
                .await
                .unwrap_err()
                .message
                .contains("at most 3")
        );
    }
}
