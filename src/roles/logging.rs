//! The log: a file, never the screen.
//!
//! One line per event, written by a thread of its own so that a slow disk does not slow the cloud. A server without a
//! screen writes to standard error too, where systemd picks it up. Files are 0600 and at most seven days are kept.

use std::path::Path;

use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file can not be written.
    #[error(
        "the log in {directory} can not be written: {reason}; choose another place with --log or --data-dir"
    )]
    File {
        /// Its directory.
        directory: String,
        /// Why.
        reason: String,
    },
    /// The filter is not understood.
    #[error(
        "log.level {level:?} is not understood: {reason}; use error, warn, info, debug or trace"
    )]
    Level {
        /// As configured.
        level: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Begins to log into `directory`, and to standard error if `echo`. The guard writes what is left when dropped.
pub fn start(directory: &Path, level: &str, echo: bool) -> Result<WorkerGuard, LogError> {
    let file_error = |reason: String| LogError::File {
        directory: directory.display().to_string(),
        reason,
    };
    super::private_directory(directory).map_err(|error| file_error(error.to_string()))?;
    let filter = EnvFilter::try_new(format!(
        "{level},sqlx=warn,hyper=warn,rustls=warn,lapin=off"
    ))
    .map_err(|error| LogError::Level {
        level: level.to_owned(),
        reason: error.to_string(),
    })?;
    // New files are made by a thread without a way to say their mode.
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    let file = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("skydeck")
        .filename_suffix("log")
        .max_log_files(7)
        .build(directory)
        .map_err(|error| file_error(error.to_string()))?;
    let (writer, guard) = tracing_appender::non_blocking(file);
    let to_file = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(writer);
    let to_error = echo.then(|| {
        tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(std::io::stderr)
    });
    // A second start in one process (tests) keeps the first log.
    let _ = tracing_subscriber::registry()
        .with(filter)
        .with(to_file)
        .with(to_error)
        .try_init();
    Ok(guard)
}
