//! What a control process knows of its depot: where nodes reach it, and who waits for a line.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::DuplexStream;
use tokio::sync::{OnceCell, oneshot};
use uuid::Uuid;

use super::model::Key;
use crate::config::{Config, Listen};

/// Bytes of a line that are under way between its two ends.
const LINE: usize = 16 << 10;
/// Lines that are waited for at most, by one process.
const MOST: usize = 1024;

/// A guest's serial line, as bytes both ways.
pub type Line = DuplexStream;

/// The depot of one control process.
pub struct Desk {
    url: String,
    fingerprint: Option<String>,
    key: OnceCell<Key>,
    waiting: Mutex<HashMap<Uuid, oneshot::Sender<Line>>>,
}

impl Desk {
    /// The depot of a process with these settings, whose certificate has this fingerprint.
    pub fn new(config: &Config, fingerprint: Option<String>) -> Self {
        Self {
            url: node_url(config),
            fingerprint,
            key: OnceCell::new(),
            waiting: Mutex::default(),
        }
    }

    /// Where nodes reach this process; empty if they can not.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Of the certificate that is shown there.
    pub fn fingerprint(&self) -> Option<&str> {
        self.fingerprint
            .as_deref()
            .filter(|_| self.url.starts_with("https:"))
    }

    pub(super) fn key(&self) -> &OnceCell<Key> {
        &self.key
    }

    /// Begins to wait for a line. Dropping the visit ends the waiting.
    pub fn expect(&self) -> Option<Visit<'_>> {
        let (sender, receiver) = oneshot::channel();
        let id = Uuid::new_v4();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= MOST {
            return None;
        }
        waiting.insert(id, sender);
        Some(Visit {
            desk: self,
            id,
            receiver,
        })
    }

    /// The far end of the line that somebody waits for under this id, for whoever brings it; once.
    pub fn arrive(&self, id: Uuid) -> Option<Line> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = waiting.remove(&id)?;
        let (near, far) = tokio::io::duplex(LINE);
        sender.send(near).ok()?;
        Some(far)
    }
}

/// A line that is waited for.
pub struct Visit<'a> {
    desk: &'a Desk,
    /// Under which it is to be brought.
    pub id: Uuid,
    receiver: oneshot::Receiver<Line>,
}

impl Visit<'_> {
    /// Waits for it.
    pub async fn line(mut self, patience: Duration) -> Option<Line> {
        tokio::time::timeout(patience, &mut self.receiver)
            .await
            .ok()?
            .ok()
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        let mut waiting = self.desk.waiting.lock();
        waiting
            .as_mut()
            .unwrap_or_else(|poisoned| poisoned.get_mut())
            .remove(&self.id);
    }
}

/// Where nodes reach a process with these settings.
fn node_url(config: &Config) -> String {
    let said = &config.api.node_url;
    if !said.is_empty() {
        return said.trim_end_matches('/').to_owned();
    }
    let reachable =
        |address: &SocketAddr| !address.ip().is_loopback() && !address.ip().is_unspecified();
    let listen = &config.api.listen;
    let tls = listen.iter().find_map(|listen| match listen {
        Listen::Tls(address) if reachable(address) => Some(format!("https://{address}")),
        _ => None,
    });
    let plain = || {
        listen.iter().find_map(|listen| match listen {
            Listen::Tcp(address) if reachable(address) => Some(format!("http://{address}")),
            _ => None,
        })
    };
    tls.or_else(plain).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::config::Sources;

    fn config(listen: &str, node_url: &str) -> Config {
        let flags = [
            ("data_dir", "/x"),
            ("api.listen", listen),
            ("api.node_url", node_url),
        ];
        Config::load(&Sources {
            flags: flags
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            ..Sources::default()
        })
        .unwrap()
    }

    #[rstest]
    #[case("unix:,127.0.0.1:1,10.0.0.1:2,10.0.0.1:3", "", "http://10.0.0.1:2")]
    #[case("unix:,127.0.0.1:1,[::1]:1,0.0.0.0:2", "", "")]
    #[case("0.0.0.0:2", "https://sky.example:9/", "https://sky.example:9")]
    #[case("[fd00::1]:2", "", "http://[fd00::1]:2")]
    #[case("10.0.0.1:2,tls:127.0.0.1:3,tls:10.0.0.1:4", "", "https://10.0.0.1:4")]
    fn nodes_are_told_the_first_address_that_they_can_reach(
        #[case] listen: &str,
        #[case] said: &str,
        #[case] wanted: &str,
    ) {
        assert_eq!(node_url(&config(listen, said)), wanted);
    }

    #[tokio::test]
    async fn a_line_comes_to_whoever_waits_for_it_and_once() {
        let desk = Desk::new(&config("unix:", ""), None);
        let visit = desk.expect().unwrap();
        let id = visit.id;
        let mut far = desk.arrive(id).unwrap();
        assert!(desk.arrive(id).is_none());
        let mut near = visit.line(Duration::from_secs(5)).await.unwrap();
        near.write_all(b"x").await.unwrap();
        assert_eq!(far.read_u8().await.unwrap(), b'x');
        // Whoever gave up is not found any more.
        let id = desk.expect().unwrap().id;
        assert!(desk.arrive(id).is_none() && desk.arrive(Uuid::new_v4()).is_none());
    }
}
