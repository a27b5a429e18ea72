//! The largest message: what a queue holds is held in memory, on both ends and between.

use std::io::{self, Write};

use serde_json::Value;

use super::{Fault, FaultKind};

/// Bytes of JSON that one message may have, request or answer.
pub const MAX_MESSAGE: usize = 8 << 20;

/// Refuses a payload that is too large, without building its text.
pub(super) fn check(payload: &Value) -> Result<(), String> {
    serde_json::to_writer(Room(MAX_MESSAGE), payload)
        .map_err(|_| format!("it is larger than the {MAX_MESSAGE} bytes that a message may have"))
}

/// The answer, or a fault in the place of one that is too large.
pub(super) fn bounded(answer: Result<Value, Fault>) -> Result<Value, Fault> {
    let value = answer?;
    match check(&value) {
        Ok(()) => Ok(value),
        Err(reason) => Err(Fault::new(
            FaultKind::Refused,
            format!("the answer can not be sent: {reason}"),
        )),
    }
}

/// Counts what is written, up to what is left.
struct Room(usize);

impl Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self
            .0
            .checked_sub(bytes.len())
            .ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
