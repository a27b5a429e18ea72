//! Names that OVN does not know. It answers what it has wherever that is asked, and lets all else go on to the name server that
//! guests were told; where no other is set, that is the port for metadata, and here its questions end.
//!
//! A name that has addresses of one family only has to exist for the other as well (RFC 2308, 2.2), or resolvers would take it
//! for unknown. What has addresses of IPv4 is answered by OVN when it is asked for those. So who asks for others hears that
//! there are none, and who asks for those that there is no such name.

use std::net::{Ipv4Addr, UdpSocket};

use super::error::HostError;

/// Port of name servers.
const PORT: u16 = 53;
/// Longest question over UDP without extensions (RFC 1035, 2.3.4); what is longer is cut off.
const LONGEST: usize = 512;

/// Listens in the namespace of the thread.
pub fn listen() -> Result<UdpSocket, HostError> {
    let open = || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT))?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    };
    open().map_err(|reason: std::io::Error| HostError::Kernel {
        what: "listening for questions for names".into(),
        reason: reason.to_string(),
    })
}

/// Answers for ever.
pub async fn answer(socket: tokio::net::UdpSocket) {
    let mut buffer = [0; LONGEST];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, from)) => {
                if let Some(reply) = reply(&buffer[..length]) {
                    // Who did not hear it asks again.
                    let _ = socket.send_to(&reply, from).await;
                }
            }
            // That nobody took an answer is no reason to stop, and neither is a pause.
            Err(error) => {
                tracing::debug!(%error, "questions for names");
                tokio::task::yield_now().await;
            }
        }
    }
}

/// An answer that has none, to anything that is one question (RFC 1035, 4.1).
fn reply(question: &[u8]) -> Option<Vec<u8>> {
    const RESPONSE: u16 = 0x8000;
    const OPERATION: u16 = 0x7800;
    const RECURSION_DESIRED: u16 = 0x0100;
    const RECURSION_AVAILABLE: u16 = 0x0080;
    const NO_SUCH_NAME: u16 = 3;
    const ADDRESS: u16 = 1;
    const HEADER: usize = 12;
    let number = |at: usize| {
        let bytes = question.get(at..at + 2)?;
        Some(u16::from_be_bytes(bytes.try_into().ok()?))
    };
    let flags = number(2)?;
    if flags & (RESPONSE | OPERATION) != 0 || number(4)? != 1 {
        return None;
    }
    let mut at = HEADER;
    loop {
        let label = usize::from(*question.get(at)?);
        at += 1 + label;
        match label {
            0 => break,
            1..=63 => {}
            _ => return None,
        }
    }
    let code = if number(at)? == ADDRESS {
        NO_SUCH_NAME
    } else {
        0
    };
    let mut reply = question.get(..at + 4)?.to_vec();
    let flags = RESPONSE | RECURSION_AVAILABLE | (flags & RECURSION_DESIRED) | code;
    reply[2..4].copy_from_slice(&flags.to_be_bytes());
    // Of all sections it has the question's alone.
    reply[6..HEADER].fill(0);
    Some(reply)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// A question for `web`, with the extension that most resolvers add.
    fn question(kind: u8) -> Vec<u8> {
        let mut bytes = vec![7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
        bytes.extend(b"\x03web\0");
        bytes.extend([0, kind, 0, 1]);
        bytes.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
        bytes
    }

    #[rstest]
    #[case::ipv4(1, 0x83)]
    #[case::ipv6(28, 0x80)]
    #[case::service(33, 0x80)]
    fn only_who_asks_for_ipv4_hears_that_there_is_no_such_name(#[case] kind: u8, #[case] code: u8) {
        let reply = reply(&question(kind)).unwrap();
        assert_eq!(reply[..12], [7, 9, 0x81, code, 0, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(reply[12..], question(kind)[12..21]);
    }

    #[test]
    fn what_is_no_question_gets_no_answer() {
        let whole = question(1);
        for end in 0..21 {
            assert_eq!(reply(&whole[..end]), None, "{end}");
        }
        let mut response = whole.clone();
        response[2] |= 0x80;
        let mut two = whole.clone();
        two[5] = 2;
        let mut pointer = whole;
        pointer[12] = 0xc0;
        for wrong in [response, two, pointer] {
            assert_eq!(reply(&wrong), None);
        }
    }
}
