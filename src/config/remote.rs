//! Where an OVSDB server listens, in Open vSwitch's words (ovsdb(7), "Connection Methods").

use std::path::PathBuf;

/// One server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remote {
    /// A socket of this machine: `unix:/run/ovn/ovnnb_db.sock`.
    Unix(PathBuf),
    /// A host and its port, without protection: `tcp:10.0.0.1:6641`.
    Tcp(String, u16),
    /// The same under TLS: `ssl:10.0.0.1:6641`.
    Tls(String, u16),
}

/// Servers of one database, separated by commas.
///
/// # Errors
/// Says what is none of them.
pub fn parse_remotes(text: &str) -> Result<Vec<Remote>, String> {
    let remotes: Option<Vec<Remote>> = text.split(',').map(|one| parse(one.trim())).collect();
    remotes.filter(|remotes| !remotes.is_empty()).ok_or_else(|| {
        format!("{text:?} is no place of an OVSDB server; unix:PATH, tcp:ADDRESS:PORT or ssl:ADDRESS:PORT is, or several of them with commas between")
    })
}

fn parse(text: &str) -> Option<Remote> {
    let (method, place) = text.split_once(':')?;
    if method == "unix" {
        return place
            .starts_with('/')
            .then(|| Remote::Unix(PathBuf::from(place)));
    }
    let (host, port) = place.rsplit_once(':')?;
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let port: u16 = port.parse().ok().filter(|port| *port > 0)?;
    let is_host = !host.is_empty()
        && host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || ".-:".contains(c));
    match method {
        _ if !is_host => None,
        "tcp" => Some(Remote::Tcp(host.to_owned(), port)),
        "ssl" => Some(Remote::Tls(host.to_owned(), port)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_open_vswitch_writes_them() {
        let read = parse_remotes("tcp:10.77.0.1:6641, ssl:[fd00::1]:6641,unix:/run/nb.sock");
        assert_eq!(
            read.unwrap(),
            [
                Remote::Tcp("10.77.0.1".into(), 6641),
                Remote::Tls("fd00::1".into(), 6641),
                Remote::Unix("/run/nb.sock".into()),
            ]
        );
        for wrong in [
            "",
            "tcp:",
            "tcp:a",
            "tcp::1",
            "udp:a:1",
            "unix:nb.sock",
            "tcp:a b:1",
            "tcp:a:0",
            "tcp:a:1,",
        ] {
            let said = parse_remotes(wrong).unwrap_err();
            assert!(said.contains("tcp:ADDRESS:PORT"), "{wrong}");
        }
    }
}
