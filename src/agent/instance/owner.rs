//! Which node a server's directory belongs to, where several nodes see the same.
//!
//! On a shared file system a guest moves and its files stay. The node that has the guest writes its name beside them; a node
//! that is told to clear away what it had of the guest leaves files that carry another name. So neither a late request nor a
//! node that comes back from the dead takes the disk from under a guest that runs elsewhere.

use std::io::ErrorKind;
use std::path::Path;

use crate::agent::Node;
use crate::agent::node::file_fault;
use crate::bus::Fault;
use crate::ids::ServerId;

const FILE: &str = "owner";
/// Longest name of a node that is read.
const MOST: u64 = 1024;

/// Notes that the directory belongs to this node.
pub async fn take(node: &Node, id: ServerId) -> Result<(), Fault> {
    let path = node.places.instance(id).join(FILE);
    if read(&path)?.as_deref() == Some(&node.host) {
        return Ok(());
    }
    let new = path.with_extension("new");
    let fault = |error| file_fault("can not write", &path, &error);
    tokio::fs::write(&new, &node.host).await.map_err(fault)?;
    tokio::fs::rename(&new, &path).await.map_err(fault)
}

/// Whether the directory belongs to another node.
pub fn is_foreign(node: &Node, id: ServerId) -> Result<bool, Fault> {
    let owner = read(&node.places.instance(id).join(FILE))?;
    Ok(owner.is_some_and(|owner| owner != node.host))
}

fn read(path: &Path) -> Result<Option<String>, Fault> {
    use std::io::Read;
    let fault = |error| file_fault("can not read", path, &error);
    let mut text = String::new();
    match std::fs::File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file
            .map_err(fault)?
            .take(MOST)
            .read_to_string(&mut text)
            .map_err(fault)?,
    };
    Ok(Some(text.trim().to_owned()))
}
