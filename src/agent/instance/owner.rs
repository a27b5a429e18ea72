//! Which node a server's directory belongs to, where several nodes see the same.
//!
//! On a shared file system a guest moves and its files stay. The node that has the guest writes its name beside them; a node
//! that is told to clear away what it had of the guest leaves files that carry another name. So neither a late request nor a
//! node that comes back from the dead takes the disk from under a guest that runs elsewhere.

use super::note;
use crate::agent::Node;
use crate::bus::Fault;
use crate::ids::ServerId;

const FILE: &str = "owner";

/// Notes that the directory belongs to this node.
pub async fn take(node: &Node, id: ServerId) -> Result<(), Fault> {
    let path = node.places.instance(id).join(FILE);
    if note::read(&path).await?.as_deref() == Some(&node.host) {
        return Ok(());
    }
    note::write(&path, &node.host).await
}

/// Whether the directory belongs to another node.
pub async fn is_foreign(node: &Node, id: ServerId) -> Result<bool, Fault> {
    let owner = note::read(&node.places.instance(id).join(FILE)).await?;
    Ok(owner.is_some_and(|owner| owner != node.host))
}
