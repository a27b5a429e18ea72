//! `skydeck db copy`: moves a cloud's database to another engine, or makes a copy to keep.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::RoleError;
use super::lock::{DirectoryLock, Front};
use crate::config::Config;
use crate::db;

/// Why nothing was copied. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// A URL in the arguments has a password in it.
    #[error(
        "a password in an argument can be seen by everybody on this machine; write the URL into a file that only you can read, and give @FILE"
    )]
    Password,
    /// A file that should hold a URL, or be a database, can not be used.
    #[error("{path} can not be used: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The database refused or failed.
    #[error("nothing was copied")]
    Database(#[from] db::DbError),
}

/// Copies from one to the other: URLs, `@FILE` with one in it, or `.` for the database of the settings.
pub async fn run(config: &Config, from: &str, to: &str) -> Result<(), RoleError> {
    let (from, to) = (resolve(config, from)?, resolve(config, to)?);
    let _lock = match sqlite_file(&from) {
        Some(file) => hold(&file)?,
        None => None,
    };
    if let Some(file) = sqlite_file(&to) {
        make_private(&file)?;
    }
    let rows = db::copy(&from, &to, tell)
        .await
        .map_err(CopyError::Database)?;
    tracing::info!(rows, "database copied");
    eprintln!(
        "{rows} rows copied and compared. Images and volumes are files of their own: they stay where they are. To use the copy, set database.url to it."
    );
    Ok(())
}

fn tell(progress: db::CopyProgress<'_>) {
    let doing = if progress.verifying {
        "compared"
    } else {
        "copied"
    };
    if progress.rows > 0 {
        eprintln!(
            "[{}/{}] {}: {} rows {doing}",
            progress.number, progress.of, progress.table, progress.rows
        );
    }
}

fn resolve(config: &Config, argument: &str) -> Result<String, CopyError> {
    if argument == "." {
        return Ok(config.database.url.clone());
    }
    if let Some(path) = argument.strip_prefix('@') {
        let text = std::fs::read_to_string(path).map_err(|error| CopyError::File {
            path: path.into(),
            reason: error.to_string(),
        })?;
        return Ok(text.trim().to_owned());
    }
    let authority = argument
        .split_once("://")
        .map_or("", |(_, rest)| rest.split(['/', '?']).next().unwrap_or(""));
    let named = authority
        .rsplit_once('@')
        .is_some_and(|(user, _)| user.contains(':'));
    if named || argument.contains("password=") {
        return Err(CopyError::Password);
    }
    Ok(argument.to_owned())
}

fn sqlite_file(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    Some(path.split('?').next().unwrap_or(path).into())
}

/// Keeps control processes from starting on the source; fails if one runs.
fn hold(file: &Path) -> Result<Option<DirectoryLock>, RoleError> {
    if let Err(error) = std::fs::metadata(file) {
        return Err(CopyError::File {
            path: file.to_owned(),
            reason: error.to_string(),
        }
        .into());
    }
    let directory = file.parent().unwrap_or(Path::new("."));
    // Only a data directory has one; a copy that lies elsewhere is nobody's.
    if !directory.join("control.lock").exists() {
        return Ok(None);
    }
    Ok(Some(
        DirectoryLock::take(directory, Front::Server).map_err(super::StartError::from)?,
    ))
}

/// Makes the target's file, if it is not there, as one that only its owner reads: it has the hashes of passwords.
fn make_private(file: &Path) -> Result<(), CopyError> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(file)
        .map(drop)
        .map_err(|error| CopyError::File {
            path: file.to_owned(),
            reason: error.to_string(),
        })
}

#[cfg(test)]
mod tests {
    use super::super::tests::start::config;
    use super::*;
    use crate::roles::Control;

    #[tokio::test]
    async fn a_cloud_that_runs_is_not_copied_and_one_that_stopped_is() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path());
        let control = Control::start(config.clone(), Front::Server).await.unwrap();
        let to = format!("sqlite://{}", dir.path().join("copy.db").display());
        let error = run(&config, ".", &to).await.unwrap_err().to_string();
        assert!(
            error.contains("in use") && error.contains("kill"),
            "{error}"
        );
        control.shut_down().await;
        run(&config, ".", &to).await.unwrap();
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(dir.path().join("copy.db"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0);
        let error = run(&config, &format!("{to}.none"), &to).await.unwrap_err();
        assert!(error.to_string().contains("copy.db.none"), "{error}");
    }

    #[tokio::test]
    async fn a_password_in_an_argument_is_refused_and_one_in_a_file_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path());
        for url in ["mysql://u:hunter2@h/d", "postgres://u@h/d?password=hunter2"] {
            let error = run(&config, url, ".").await.unwrap_err().to_string();
            assert!(
                error.contains("@FILE") && !error.contains("hunter2"),
                "{error}"
            );
        }
        let file = dir.path().join("url");
        std::fs::write(&file, "mysql://u:hunter2@h/d\n").unwrap();
        let url = resolve(&config, &format!("@{}", file.display())).unwrap();
        assert_eq!(url, "mysql://u:hunter2@h/d");
    }
}
