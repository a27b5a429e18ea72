//! Telling a DHCP server that an address is free: the message a client sends when it leaves, sent in its place.
//!
//! dnsmasq keeps an address for who has its lease, reservation or not, until the lease ends. A port that gets the
//! address of a deleted one would wait that long.

use std::net::{Ipv4Addr, UdpSocket};

use nix::sys::socket::{setsockopt, sockopt::BindToDevice};

use super::error::HostError;
use super::plan::Lease;

/// Port of DHCP servers.
const SERVER_PORT: u16 = 67;

/// Sends the release of `lease` to the server that speaks from `server` on `bridge`.
pub fn send(bridge: &str, server: Ipv4Addr, lease: &Lease) -> Result<(), HostError> {
    let failed = |reason: std::io::Error| HostError::Kernel {
        what: format!("ending the lease of {} on {bridge}", lease.address),
        reason: reason.to_string(),
    };
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).map_err(failed)?;
    // To an address of this very machine, yet as if it came from the bridge: that is where the server listens.
    setsockopt(&socket, BindToDevice, &bridge.into()).map_err(|errno| failed(errno.into()))?;
    socket
        .send_to(&message(server, lease), (server, SERVER_PORT))
        .map_err(failed)?;
    Ok(())
}

/// A DHCPRELEASE (RFC 2131, section 4.4.6).
fn message(server: Ipv4Addr, lease: &Lease) -> Vec<u8> {
    const REQUEST: u8 = 1;
    const ETHERNET: u8 = 1;
    const MAGIC: [u8; 4] = [99, 130, 83, 99];
    const RELEASE: u8 = 7;
    let mut bytes = vec![REQUEST, ETHERNET, 6, 0];
    bytes.extend(rand::random::<[u8; 4]>());
    bytes.extend([0; 4]);
    bytes.extend(lease.address.octets());
    // No addresses of its own, of the server or of a relay; then the client's, padded, and two unused names.
    bytes.extend([0; 12]);
    bytes.extend(lease.mac);
    bytes.extend([0; 10 + 64 + 128]);
    bytes.extend(MAGIC);
    bytes.extend([53, 1, RELEASE]);
    bytes.extend([54, 4]);
    bytes.extend(server.octets());
    if let Some(id) = &lease.client_id
        && let Ok(length) = u8::try_from(id.len())
    {
        bytes.extend([61, length]);
        bytes.extend(id);
    }
    bytes.push(255);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_where_the_standard_wants_them() {
        let lease = Lease {
            address: Ipv4Addr::new(10, 1, 0, 5),
            mac: [0xfa, 0x16, 0x3e, 0, 0, 1],
            client_id: Some(vec![1, 2]),
        };
        let bytes = message(Ipv4Addr::new(10, 1, 0, 1), &lease);
        assert_eq!(bytes[12..16], [10, 1, 0, 5]);
        assert_eq!(bytes[28..34], lease.mac);
        assert_eq!(bytes[236..240], [99, 130, 83, 99]);
        assert_eq!(
            bytes[240..],
            [53, 1, 7, 54, 4, 10, 1, 0, 1, 61, 2, 1, 2, 255]
        );
    }
}
