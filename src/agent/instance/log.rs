//! The end of what a guest wrote on its serial port.

use std::io::SeekFrom;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::spec;
use crate::agent::Node;
use crate::agent::node::file_fault;
use crate::bus::Fault;
use crate::compute::rpc::ConsoleLog;
use crate::ids::OperationId;

/// Most that is answered, in bytes.
const MOST: u64 = 1 << 20;

/// The last lines; nothing if the guest never started.
pub async fn console_log(
    node: Arc<Node>,
    request: ConsoleLog,
    _: Option<OperationId>,
) -> Result<String, Fault> {
    let path = node.places.instance(request.id).join(spec::CONSOLE_LOG);
    let fault = |error| file_fault("can not read", &path, &error);
    let mut file = match tokio::fs::File::open(&path).await {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(fault(error)),
    };
    let length = file.metadata().await.map_err(fault)?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(MOST)))
        .await
        .map_err(fault)?;
    let mut bytes = Vec::new();
    file.take(MOST)
        .read_to_end(&mut bytes)
        .await
        .map_err(fault)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(match request.lines {
        Some(lines) => last_lines(&text, usize::try_from(lines).unwrap_or(usize::MAX)).to_owned(),
        None => text.into_owned(),
    })
}

/// The last `count` lines; a line without its end counts as one.
fn last_lines(text: &str, count: usize) -> &str {
    if count == 0 {
        return "";
    }
    let body = text.strip_suffix('\n').unwrap_or(text);
    body.rmatch_indices('\n')
        .nth(count - 1)
        .map_or(text, |(at, _)| &text[at + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_counted_from_the_end() {
        for (text, count, expected) in [
            ("a\nb\nc\n", 2, "b\nc\n"),
            ("a\nb\nc", 1, "c"),
            ("a\n", 5, "a\n"),
            ("a\nb\n", 0, ""),
            ("", 3, ""),
        ] {
            assert_eq!(last_lines(text, count), expected, "{text:?} {count}");
        }
    }
}
