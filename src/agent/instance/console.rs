//! A door to a guest's serial line: a socket that opens once, for whoever knows the secret.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use subtle::ConstantTimeEq;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::agent::Node;
use crate::agent::node::file_fault;
use crate::bus::{Fault, FaultKind};
use crate::compute::rpc::{ConsoleDoor, ConsoleOpen};
use crate::hypervisor::PowerState;
use crate::ids::{OperationId, ServerId};

/// How long the door waits for somebody.
const PATIENCE: Duration = Duration::from_secs(60);

/// Opens the door; the line itself is opened when somebody comes in.
pub async fn console_open(
    node: Arc<Node>,
    request: ConsoleOpen,
    _: Option<OperationId>,
) -> Result<ConsoleDoor, Fault> {
    let guest = node.hypervisor.guest(request.id).await?;
    if guest.is_none_or(|guest| !matches!(guest.power, PowerState::Running | PowerState::Paused)) {
        return Err(Fault::new(
            FaultKind::Conflict,
            "the server is not running: start it to open its console",
        ));
    }
    let secret = hex::encode(rand::rng().random::<[u8; 32]>());
    let socket = node
        .places
        .consoles
        .join(format!("{:016x}.sock", rand::rng().random::<u64>()));
    let fault = |error| file_fault("can not listen at", &socket, &error);
    let listener = UnixListener::bind(&socket).map_err(fault)?;
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o600)).map_err(fault)?;
    tokio::spawn(wait(
        node,
        request.id,
        listener,
        socket.clone(),
        secret.clone(),
    ));
    Ok(ConsoleDoor { socket, secret })
}

async fn wait(
    node: Arc<Node>,
    id: ServerId,
    listener: UnixListener,
    socket: std::path::PathBuf,
    secret: String,
) {
    let visitor = tokio::time::timeout(PATIENCE, listener.accept()).await;
    drop(listener);
    remove(&socket).await;
    if let Ok(Ok((stream, _))) = visitor
        && let Err(error) = connect(&node, id, stream, &secret).await
    {
        tracing::info!(%id, error, "a console ended");
    }
}

async fn remove(socket: &Path) {
    // It may be gone with the directory.
    let _ = tokio::fs::remove_file(socket).await;
}

async fn connect(
    node: &Node,
    id: ServerId,
    stream: UnixStream,
    secret: &str,
) -> Result<(), String> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let mut said = Vec::new();
    let mut line = (&mut reader).take(256);
    tokio::time::timeout(PATIENCE, line.read_until(b'\n', &mut said))
        .await
        .map_err(|_| "nobody said the secret")?
        .map_err(|error| error.to_string())?;
    let said = said.strip_suffix(b"\n").unwrap_or(&said);
    if !bool::from(said.ct_eq(secret.as_bytes())) {
        return Err("somebody came without the secret".into());
    }
    let mut serial = node
        .hypervisor
        .console(id)
        .await
        .map_err(|error| error.to_string())?;
    let mut visitor = tokio::io::join(&mut reader, &mut writer);
    tokio::io::copy_bidirectional(&mut visitor, &mut serial)
        .await
        .map(|_| ())
        .map_err(|error| error.to_string())
}
