//! A guest's serial line, brought to the control process through which somebody watches it.
//!
//! The node dials; it answers the call when the line and the connection are open, so that whoever asked hears what is in
//! the way of either. The line ends when one side does.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;

use crate::agent::Node;
use crate::bus::{Fault, FaultKind};
use crate::compute::rpc::{ConsoleOpen, ConsoleOpened};
use crate::fetch::websocket::Socket;
use crate::hypervisor::{PowerState, Serial};
use crate::ids::OperationId;

/// How long the control process may take to let the line in.
const PATIENCE: Duration = Duration::from_secs(12);
/// Bytes of the line in one message at most.
const CHUNK: usize = 4096;

/// Opens the line and brings it.
pub async fn console_open(
    node: Arc<Node>,
    request: ConsoleOpen,
    _: Option<OperationId>,
) -> Result<ConsoleOpened, Fault> {
    let guest = node.hypervisor.guest(request.id).await?;
    if guest.is_none_or(|guest| !matches!(guest.power, PowerState::Running | PowerState::Paused)) {
        return Err(Fault::new(
            FaultKind::Conflict,
            "the server is not running: start it to open its console",
        ));
    }
    let Some(pass) = &request.depot else {
        return Err(Fault::new(
            FaultKind::Refused,
            "the control process is older than this node, and does not say where to bring the console; update it",
        ));
    };
    let socket = tokio::time::timeout(PATIENCE, node.dialer.open(pass));
    let socket = socket.await.unwrap_or_else(|_| {
        Err(crate::depot::dial::DialError {
            passing: true,
            status: None,
            message: format!("{pass:?} does not answer this node"),
        })
    })?;
    let serial = node.hypervisor.console(request.id).await?;
    let id = request.id;
    tokio::spawn(async move {
        if let Err(error) = carry(socket, serial).await {
            tracing::info!(%id, error, "a console ended");
        }
    });
    Ok(ConsoleOpened {})
}

/// Carries bytes both ways until one side ends.
async fn carry(socket: Socket, serial: std::pin::Pin<Box<dyn Serial>>) -> Result<(), String> {
    let (mut to_user, mut from_user) = socket.split();
    let (mut from_guest, mut to_guest) = tokio::io::split(serial);
    let down = async {
        let mut buffer = vec![0_u8; CHUNK];
        loop {
            let read = from_guest.read(&mut buffer).await;
            let length = read.map_err(|error| error.to_string())?;
            if length == 0 {
                // A farewell that does not arrive changes nothing.
                let _ = to_user.close().await;
                return Ok(());
            }
            let bytes = Bytes::copy_from_slice(&buffer[..length]);
            let sent = to_user.send(Message::Binary(bytes)).await;
            sent.map_err(|error| error.to_string())?;
        }
    };
    let up = async {
        while let Some(message) = from_user.next().await {
            match message.map_err(|error| error.to_string())? {
                Message::Binary(bytes) => {
                    let written = to_guest.write_all(&bytes).await;
                    written.map_err(|error| error.to_string())?;
                }
                Message::Close(_) => return Ok(()),
                _ => {}
            }
        }
        Ok(())
    };
    tokio::select! {
        ended = down => ended,
        ended = up => ended,
    }
}
