//! Small secret files: mode 0600, written whole or not at all.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Longest file that is read.
const LONGEST: u64 = 1 << 20;

/// The text of a file; `None` if there is none.
pub(super) async fn read(path: PathBuf) -> Result<Option<String>> {
    off_runtime(path, "read", |path| {
        let file = match fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut text = String::new();
        file.take(LONGEST).read_to_string(&mut text)?;
        Ok(Some(text))
    })
    .await
}

/// Writes a file: after a crash it is there whole, or as it was before. Makes its directory if there is none.
pub(super) async fn write(path: PathBuf, text: String) -> Result<()> {
    off_runtime(path, "written", move |path| {
        let directory = path.parent().unwrap_or(Path::new("/"));
        if !directory.exists() {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(directory)?;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let draft = directory.join(format!(".{name}.{}.new", std::process::id()));
        // A draft of a process that died with the same id.
        let _ = fs::remove_file(&draft);
        let written = write_draft(&draft, &text).and_then(|()| fs::rename(&draft, path));
        if written.is_err() {
            let _ = fs::remove_file(&draft);
        }
        written?;
        fs::File::open(directory)?.sync_all()
    })
    .await
}

fn write_draft(draft: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Removes files, as far as they are there.
pub(super) async fn remove(paths: Vec<PathBuf>) -> Result<()> {
    for path in paths {
        off_runtime(path, "removed", |path| match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        })
        .await?;
    }
    Ok(())
}

async fn off_runtime<T: Send + 'static>(
    path: PathBuf,
    what: &'static str,
    work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> Result<T> {
    let shown = path.display().to_string();
    let failed = |reason: String| {
        Error::Internal(format!(
            "{shown} can not be {what}: {reason}; see that its directory can be written and has room"
        ))
    };
    tokio::task::spawn_blocking(move || work(&path))
        .await
        .map_err(|error| failed(error.to_string()))?
        .map_err(|error| failed(error.to_string()))
}
