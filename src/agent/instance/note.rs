//! Short notes beside a guest's files: a line in a file of its own, which other nodes may see as well.

use std::io::ErrorKind;
use std::path::Path;

use tokio::io::AsyncReadExt;

use crate::agent::node::file_fault;
use crate::bus::Fault;

/// Bytes of a note that are read.
const MOST: u64 = 1024;

/// Writes a note, whole or not at all.
pub async fn write(path: &Path, text: &str) -> Result<(), Fault> {
    let new = path.with_extension("new");
    let fault = |error| file_fault("can not write", path, &error);
    tokio::fs::write(&new, text).await.map_err(fault)?;
    tokio::fs::rename(&new, path).await.map_err(fault)
}

/// Reads a note; `None` if there is none.
pub async fn read(path: &Path) -> Result<Option<String>, Fault> {
    let fault = |error| file_fault("can not read", path, &error);
    let file = match tokio::fs::File::open(path).await {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(fault)?,
    };
    let mut text = String::new();
    file.take(MOST)
        .read_to_string(&mut text)
        .await
        .map_err(fault)?;
    Ok(Some(text.trim().to_owned()))
}
